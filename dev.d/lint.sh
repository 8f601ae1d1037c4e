# shellcheck shell=bash
# What reads the code before people do. clang-tidy is slow: it looks at the changed files unless asked for all.

cxx_files() { git ls-files -co --exclude-standard '*.cc' '*.h'; }

check_format() { cxx_files | xargs -r clang-format --dry-run -Werror; }

check_shell() { shellcheck -x -P SCRIPTDIR dev .ci/run dev.d/*.sh; }

# linux <- policy <- supervisor <- runtime: a folder includes only what is to the left of it, and itself. Of supervisor/, the
# runtime may know the protocol alone: the rest is another process.
check_layers() { /usr/bin/python3 tests/layers.py; }

# Files of this branch that differ from where it left main, or that are not committed.
changed_sources() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-list --max-parents=0 HEAD | tail -n 1)
  { git diff --name-only --diff-filter=d "$base" -- '*.cc'; git ls-files -o --exclude-standard '*.cc'; } | sort -u
}

# The build's flags silence false warnings of GCC by names that clang does not know, and its precompiled headers are GCC's alone.
check_tidy() {  # changed_sources | cxx_files
  mkdir -p build/tidy
  sed -E 's/(-Winvalid-pch )?-include [^ "]*cmake_pch\.hxx//' build/compile_commands.json >build/tidy/compile_commands.json
  "$1" | grep '\.cc$' | grep -v '^tests/' | xargs -r -P 2 -n 4 clang-tidy -p build/tidy --quiet \
    --extra-arg=-Wno-unknown-warning-option --warnings-as-errors='*' 2>/dev/null
}

verb_lint() {
  local which=changed_sources
  case ${1:-} in
    '') ;;
    --all) which=cxx_files ;;
    *) die "lint: unknown argument '$1'; accepted: --all" ;;
  esac
  verb_deps
  say "layers" && check_layers
  say "shellcheck" && check_shell
  say "clang-format" && check_format
  say "clang-tidy"
  build_release
  check_tidy "$which"
}
