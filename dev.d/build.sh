# shellcheck shell=bash
# Release in build/, AddressSanitizer and UBSan in build-asan/.

# Paths below the checkout are hashed relative to it, so that a fresh clone finds what another one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

logged() {  # LOG COMMAND...: quiet unless it fails
  local log=$1
  shift
  "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

compile() {  # DIRECTORY TARGET [CMAKE-OPTION...]
  local directory=$1 target=$2
  shift 2
  mkdir -p "$directory"
  logged "$directory/configure.log" cmake -G Ninja -S . -B "$directory" "$@"
  logged "$directory/compile.log" ninja -C "$directory" "$target"
}

build_release() { say "building build/"; compile build all -DCMAKE_BUILD_TYPE=Release; }
# Line tables and little optimisation: with more, the sanitizers' instrumentation takes most of a build's time.
build_sanitized() {  # TARGET
  say "building build-asan/"
  compile build-asan "$1" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS="-O1 -g1" -DWARDER_SANITIZE=ON
}

verb_build() {
  verb_deps
  case ${1:-} in
    '') build_release ;;
    --sanitize) build_sanitized all ;;
    *) die "build: unknown argument '$1'; accepted: --sanitize" ;;
  esac
}
