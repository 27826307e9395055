#!/usr/bin/env bash
# Builds and runs every test: gcc optimised, then gcc and clang with AddressSanitizer and
# UndefinedBehaviorSanitizer. The capture kit's tests, which build programs of their own, run once.
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)

cmake --preset release
cmake --build --preset release -j "$jobs"
ctest --preset release -j "$jobs"
build/release/heapsim check scenarios/*.yaml --junit build/release/scenarios.xml
cmake --build --preset release --target bench_short
scripts/test_targets.sh

for compiler in gcc clang; do
    build=build/sanitized-$compiler
    cmake --preset debug -B "$build" -DCMAKE_C_COMPILER="$compiler"
    cmake --build "$build" -j "$jobs"
    ctest --test-dir "$build" -j "$jobs" --output-on-failure -E '^capture_'
done
