# shellcheck shell=bash
# Builds the libFuzzer targets with clang and runs each for a while. Corpora and findings stay in build-fuzz/.

verb_fuzz() {
  verb_deps
  local seconds=${1:-30} fuzzer name
  say "building build-fuzz/"
  compile build-fuzz all -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DWARDER_FUZZ=ON -DWARDER_SANITIZE=ON
  for fuzzer in build-fuzz/bin/fuzz-*; do
    [ -x "$fuzzer" ] || continue
    name=$(basename "$fuzzer")
    say "$name for $seconds s"
    mkdir -p "build-fuzz/corpus/$name" "build-fuzz/findings"
    "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
      -artifact_prefix="build-fuzz/findings/$name-" "build-fuzz/corpus/$name" >"build-fuzz/$name.log" 2>&1 ||
      { tail -n 40 "build-fuzz/$name.log" >&2; die "$name found something: build-fuzz/findings/"; }
  done
}
