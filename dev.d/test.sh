# shellcheck shell=bash
# Builds both ways, then runs every test; see tests/run.py for how. The last line is `N passed, N failed, N skipped`.

. dev.d/lint.sh

verb_test() {  # [FILTER...]
  [ "$(id -u)" = 0 ] || die "the tests make namespaces and containers: run them as root"
  verb_deps
  check_layers
  check_shell
  build_release
  build_sanitized unit-tests
  say "running the tests"
  /usr/bin/python3 -B tests/run.py --build build --build build-asan -- "$@"
}
