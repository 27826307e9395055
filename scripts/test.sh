#!/usr/bin/env bash
# Builds and runs every test: gcc optimised, then gcc and clang with AddressSanitizer and
# UndefinedBehaviorSanitizer; then scripts/check.sh. The capture kit's tests, which build programs of
# their own, run once. Prints how long each part takes.
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)
times=()
timed() {
    start=$SECONDS
    "$@"
    times+=("$1 $((SECONDS - start)) s")
}

release() {
    cmake --preset release
    cmake --build --preset release -j "$jobs"
    ctest --preset release -j "$jobs"
    build/release/heapsim check scenarios/*.yaml --junit build/release/scenarios.xml
    cmake --build --preset release --target bench_short
}

targets() {
    scripts/test_targets.sh
}

sanitized_gcc() {
    cmake --preset debug -B build/sanitized-gcc -DCMAKE_C_COMPILER=gcc
    cmake --build build/sanitized-gcc -j "$jobs"
    HEAPSIM_RUNS=10 ctest --test-dir build/sanitized-gcc -j "$jobs" --output-on-failure -E '^capture_'
}

# The build of the fuzz targets, which check.sh runs. Tests that start the command for minutes ran
# with gcc's sanitizers.
sanitized_clang() {
    cmake --preset fuzz
    cmake --build --preset fuzz -j "$jobs"
    HEAPSIM_RUNS=10 ctest --test-dir build/fuzz -j "$jobs" --output-on-failure \
        -E '^capture_|^browser|test_(spread|plot|import_boards|differential)'
}

checks() {
    scripts/check.sh
}

timed release
timed targets
timed sanitized_gcc
timed sanitized_clang
timed checks
printf '%s\n' "${times[@]}"
