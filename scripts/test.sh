#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds dsched in every way that matters and runs every test. One line per stage, with its time.
#
#   scripts/test.sh            everything
#   scripts/test.sh STAGE...   only these: check asan-ubsan tsan (setup is always done)
#
# Stages are independent: when one fails the others still run, and the exit code is 1. The full
# output of a stage is in build/test-logs/STAGE.log; a failed one is shown at its end.
set -eu
cd "$(dirname "$0")/.."

stages=${*:-check asan-ubsan tsan}
threads=$(nproc)
logs=$PWD/build/test-logs
mkdir -p "$logs"
passed=0
failed=0
launcher=
# Objects are found again in a clone at another place.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1

# Stages chain with && because the shell ignores `set -e` in what an `if` tests.
configure() {
  # shellcheck disable=SC2086  # the launcher is an optional word
  cmake --preset "$1" $launcher
}
# All that can be built is built, so that one run shows every fault.
build() { cmake --build --preset "$@" --parallel "$threads" -- -k 0; }
run_tests() { ctest --preset "$@" --parallel "$threads"; }

stage_setup() { scripts/setup.sh --tests; }

# Optimised, with warnings as errors: each header alone, unit tests, the house's rules and the real
# binaries.
stage_check() {
  configure check && build check && build check --target all_verify_interface_header_sets &&
    run_tests check
}

# Unit tests alone: what the sanitizers find needs no binaries of its own.
stage_sanitizer() {
  configure "$1" && build "$1" --target unit_tests && run_tests "$1" --label-regex unit
}

# Runs one stage with its output in a log; tells in one line how it went.
stage() {
  name=$1
  shift
  began=$(date +%s)
  if "$@" >"$logs/$name.log" 2>&1 </dev/null; then
    result=passed
    passed=$((passed + 1))
  else
    result=FAILED
    failed=$((failed + 1))
  fi
  printf '%-12s %s in %s s\n' "$name" "$result" "$(($(date +%s) - began))"
  if [ "$result" = FAILED ]; then
    grep -nE 'error:|FAILED|\*\*\*Failed|Fatal|AssertionError' "$logs/$name.log" | head -n 30 || true
    echo "--- the end of build/test-logs/$name.log:"
    tail -n 60 "$logs/$name.log"
  else
    grep -E '^[0-9]+% tests passed|tests passed' "$logs/$name.log" || true
  fi
}

all_began=$(date +%s)
stage setup stage_setup
if command -v ccache >/dev/null; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
for one in $stages; do
  case $one in
    check) stage check stage_check ;;
    asan-ubsan | tsan) stage "$one" stage_sanitizer "$one" ;;
    *)
      echo "test.sh: $one: no such stage" >&2
      exit 2
      ;;
  esac
done
echo "all stages in $(($(date +%s) - all_began)) s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
