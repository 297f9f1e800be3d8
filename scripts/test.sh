#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds dsched in every way that matters and runs every test. One line per stage, with its time.
#
#   scripts/test.sh            everything but fuzz
#   scripts/test.sh STAGE...   only these: build tests asan-ubsan tsan fuzz (setup is always done)
#
#   build        as released, but with warnings as errors; each header without a source alone
#   tests        unit tests, the rules of the house, the tools, examples, benchmarks with tiny input
#   asan-ubsan   unit tests and the simulated world under the address and undefined sanitizers
#   tsan         unit tests of what starts threads under the thread sanitizer
#   fuzz         the readers of programs and values under libFuzzer for FUZZ_SECONDS (20) each;
#                needs clang. The corpus of JSON programs is replayed by the unit tests
#
# When a stage fails the others still run, and the exit code is 1. The full output of a stage is in
# build/test-logs/STAGE.log; of a failed one the end is shown. Writes nothing outside build/ and the
# temporary folder. To compile with ccache, set CMAKE_CXX_COMPILER_LAUNCHER=ccache.
set -eu
cd "$(dirname "$0")/.."

stages=${*:-build tests asan-ubsan tsan}
threads=$(nproc)
logs=$PWD/build/test-logs
mkdir -p "$logs"
passed=0
failed=0
skipped=0

# Functions chain with && because the shell ignores `set -e` in what an `if` tests.
configure() { cmake --preset "$@"; }
# All that can be built is built, so that one run shows every fault.
build() { cmake --build --preset "$@" --parallel "$threads" -- -k 0; }
# A test without a limit of its own gets one that leaves time for the others.
run_tests() { ctest --preset "$@" --parallel "$threads" --timeout 600; }

stage_setup() { scripts/setup.sh --tests; }
stage_build() {
  build_joined check all && build check --target all_verify_interface_header_sets
}
stage_tests() { run_tests check; }

# build_joined PRESET TARGET: builds with the sources of each target as one unit. That two of them
# use one name for different things is no fault of theirs, so what does not compile is tried again
# source by source.
build_joined() {
  if configure "$1" && build "$1" --target "$2" >"$logs/joined.log" 2>&1; then return 0; fi
  apart=$(sed -n 's,^FAILED: .*CMakeFiles/\([^/]*\)\.dir/Unity/.*,\1,p' "$logs/joined.log" |
    sort -u | paste -sd ';' -)
  cat "$logs/joined.log"
  [ -n "$apart" ] || return 1
  echo "== again, source by source: $apart"
  configure "$1" "-DDSCHED_UNITY_EXCEPT=$apart" && build "$1" --target "$2"
}
stage_asan_ubsan() { build_joined asan-ubsan unit_tests && run_tests asan-ubsan -L unit; }
stage_tsan() { build_joined tsan threaded_tests && run_tests tsan -L threaded; }
# What the fuzzer finds interesting goes to the first folder; the corpus is only read.
stage_fuzz() {
  configure fuzz && build fuzz --target fuzzers && fuzz program tests/fuzz/corpus &&
    fuzz imgql tests/voxlogica/cases && fuzz value tests/fuzz/value_corpus
}
fuzz() {
  mkdir -p "build/fuzz/found/$1" &&
    "build/fuzz/tests/fuzz/$1_fuzz" -max_total_time="${FUZZ_SECONDS:-20}" -rss_limit_mb=1024 \
      -timeout=10 -artifact_prefix=build/fuzz/ "build/fuzz/found/$1" "$2"
}

# Sets processor_seconds: what the script's children have used so far. A subshell would not know.
note_processor_seconds() {
  times >"$logs/times"  # the shell's own times, and on the second line its children's
  processor_seconds=$(sed -n 2p "$logs/times" | tr ms '  ' |
    awk '{printf "%d", $1 * 60 + $2 + $3 * 60 + $4}')
}

# What a failed stage's log says of its faults, and its end.
show_log() {
  grep -nE 'error:|FAILED|\*\*\*(Failed|Timeout|Not Run|Exception)|Fatal|AssertionError' "$1" |
    head -n 30 || true
  echo "--- the end of ${1#"$PWD"/}:"
  tail -n 60 "$1"
}

# Runs one stage with its output in a log; tells in one line how it went.
stage() {
  log=$logs/$1.log
  began=$(date +%s)
  note_processor_seconds
  processor_began=$processor_seconds
  if "$2" >"$log" 2>&1 </dev/null; then
    result=passed
    passed=$((passed + 1))
  else
    result=FAILED
    failed=$((failed + 1))
  fi
  note_processor_seconds
  printf '%-11s %s in %s s (%s s of processor time)%s\n' "$1" "$result" \
    "$(($(date +%s) - began))" "$((processor_seconds - processor_began))" \
    "$(sed -n 's/^\([0-9]*% tests passed.*\)/: \1/p' "$log" | tail -n 1)"
  [ "$result" = passed ] || show_log "$log"
}

skip() {
  printf '%-11s skipped: %s\n' "$1" "$2"
  skipped=$((skipped + 1))
}

for one in $stages; do
  case $one in
    build | tests | asan-ubsan | tsan | fuzz) ;;
    *)
      echo "test.sh: $one: no such stage" >&2
      exit 2
      ;;
  esac
done

all_began=$(date +%s)
stage setup stage_setup
for one in $stages; do
  case $one in
    fuzz) if command -v clang++ >/dev/null; then stage fuzz stage_fuzz; else skip fuzz "no clang++"; fi ;;
    *) stage "$one" "stage_$(echo "$one" | tr - _)" ;;
  esac
done
echo "all stages in $(($(date +%s) - all_began)) s: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
