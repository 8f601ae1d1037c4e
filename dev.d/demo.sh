# shellcheck shell=bash
# Shows what warder is for: a job under a profile beside the same job under runc. See demo_story.py; nothing of it stays.

verb_demo() {
  [ "$(id -u)" = 0 ] || die "the demo makes namespaces and containers: run it as root"
  verb_deps
  build_release
  tests/private.py /usr/bin/python3 -B dev.d/demo_story.py
}
