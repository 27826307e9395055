#!/usr/bin/env bash
# Builds sim/device for the chips and for 32-bit machines, checks its symbols, and compares what it
# answers on emulated machines with what it answers here. Needs the release build.
set -eu
cd "$(dirname "$0")/.."
for target in rv32imc xtensa thumb2 i386 x32; do
    cmake --preset "$target" >/dev/null
    cmake --build --preset "$target" -j "$(nproc)"
    ctest --preset "$target"
done
scripts/compare_targets.py build
scripts/size_table.py --check
