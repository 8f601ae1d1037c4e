# shellcheck shell=bash
# Ratios taken in one run; see tests/bench/bench.py. The numbers are kept in build/bench.json.

verb_bench() {
  case ${1:-} in
    '' | --quick) ;;
    *) die "bench: unknown argument '$1'; accepted: --quick" ;;
  esac
  [ "$(id -u)" = 0 ] || die "the benchmark makes containers: run it as root"
  verb_deps
  build_release
  tests/private.py /usr/bin/python3 -B tests/bench/bench.py "$@" --json build/bench.json
}
