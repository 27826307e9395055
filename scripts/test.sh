#!/usr/bin/env bash
# Builds and runs every test: gcc and clang, with and without sanitizers.
set -eu
cd "$(dirname "$0")/.."
cmake --preset release
cmake --build --preset release -j "$(nproc)"
ctest --preset release -j "$(nproc)"
cmake --preset debug -DCMAKE_C_COMPILER=clang
cmake --build --preset debug -j "$(nproc)"
ctest --preset debug -j "$(nproc)"
