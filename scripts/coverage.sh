#!/usr/bin/env bash
# Branch coverage of sim/device and of sim by the tests; fails below the floors. Left out are tests that
# build or run something else, and long ones that take no branch more; random runs are fewer.
# Usage: scripts/coverage.sh [FOLDER: a text report per file goes there]
set -eu
cd "$(dirname "$0")/.."
device_floor=99
idf_floor=99
sim_floor=90
folder=${1:-}
build=build/coverage
cmake --preset coverage >/dev/null
cmake --build --preset coverage -j "$(nproc)" >/dev/null
find "$build" -name '*.gcda' -delete
HEAPSIM_RUNS=2 ctest --preset coverage -j "$(nproc)" \
    -E '^capture_|^browser|test_(plot|install|spread|differential|gc_random|fault_.*)' \
    >"$build"/ctest.log || {
    tail -50 "$build"/ctest.log
    exit 1
}
# Their faults meet gcov's own files and blocks too, so that here they may fail; what they reach counts.
# Left out is what a signal ends, which leaves no counts.
export HEAPSIM=$PWD/$build/heapsim HEAPSIM_INJECT=$PWD/$build/tests/libinject.so
python3 tests/test_fault_files.py Calls.test_each_call_fails_once Calls.test_short_and_interrupted \
    Calls.test_files_change_under_the_reader Disk Pipes >"$build"/fault_files.log 2>&1 &
FAULT_FRAMES=8 python3 tests/test_fault_memory.py >"$build"/fault_memory.log 2>&1 || :
python3 tests/test_spread.py Merge >"$build"/merge.log 2>&1
wait
gcovr -r . --object-directory "$build"/sim --json "$build"/all.json "$build"/sim

# Prints the share of branches taken in the files that match, and compares it with a floor.
measure() {
    name=$1 floor=$2 filter=$3
    report=$build/$name.txt
    gcovr -r . -a "$build"/all.json -f "$filter" --branches >"$report"
    [ -z "$folder" ] || cp "$report" "$folder/"
    percent=$(awk '/^TOTAL/ {sub("%", "", $4); print $4}' "$report")
    echo "$name: $percent % of $(awk '/^TOTAL/ {print $2}' "$report") branches (floor $floor %)"
    [ "$percent" -ge "$floor" ]
}
status=0
measure idf-heaps "$idf_floor" \
    'sim/device/(tlsf|list_heap|multi_heap|profile|chip|region|heap_caps).*' || status=1
measure device "$device_floor" 'sim/device/.*' || status=1
measure sim "$sim_floor" 'sim/[^/]*$' || status=1
exit "$status"
