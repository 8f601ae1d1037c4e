# shellcheck shell=bash
# Ratios taken in one run; see tests/bench/bench.py. The numbers are kept in build/bench.json.

verb_bench() {  # [--quick] [--json FILE] [--markdown FILE] [--svg FILE] [--list] [ROW...]
  [ "$(id -u)" = 0 ] || die "the benchmark makes containers: run it as root"
  verb_deps
  build_release
  case " $* " in
    *' --json '*) ;;
    *) set -- --json build/bench.json "$@" ;;
  esac
  tests/private.py /usr/bin/python3 -B tests/bench/bench.py "$@"
}
