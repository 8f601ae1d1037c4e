# shellcheck shell=bash
# Builds both ways, then runs every test; see tests/run.py for how. The last line is `N passed, N failed, N skipped`. With --vm:
# builds the release and runs a choice of the tests on a second machine, see tests/vm/guest.py. With --long: with the long cases, too.

. dev.d/lint.sh

verb_test() {  # [--vm | --long] [FILTER...]
  [ "$(id -u)" = 0 ] || die "the tests make namespaces and containers: run them as root"
  if [ "${1:-}" = --vm ]; then
    shift
    verb_deps --vm
    build_release
    say "running the tests in a virtual machine"
    /usr/bin/python3 -B tests/run.py --build build --vm -- "$@"
    return
  fi
  if [ "${1:-}" = --long ]; then
    shift
    export WARDER_LONG=1
  fi
  verb_deps
  check_layers
  check_shell
  build_release
  build_sanitized unit-tests
  say "running the tests"
  /usr/bin/python3 -B tests/run.py --build build --build build-asan -- "$@"
}
