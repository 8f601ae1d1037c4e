# shellcheck shell=bash
# man/NAME.SECTION.scd -> build/man/NAME.SECTION

build_manuals() {
  local source page
  mkdir -p build/man
  for source in man/*.scd; do
    page=$(basename "$source" .scd)
    scdoc <"$source" >"build/man/$page"
  done
}

verb_man() { verb_deps; build_manuals; }
