#!/usr/bin/env bash
# Branch coverage of sim/device and of sim by all tests; fails below the floors.
# Usage: scripts/coverage.sh [FOLDER: a text report per file goes there]
set -eu
cd "$(dirname "$0")/.."
device_floor=95
idf_floor=99
sim_floor=60
cmake --preset coverage >/dev/null
cmake --build --preset coverage -j "$(nproc)" >/dev/null
find build/coverage -name '*.gcda' -delete
ctest --preset coverage -j "$(nproc)" >build/coverage/ctest.log || {
    tail -50 build/coverage/ctest.log
    exit 1
}
# Prints the share of branches taken in the files that match, and compares it with a floor.
measure() {
    name=$1 floor=$2 filter=$3
    report=build/coverage/$name.txt
    gcovr -r . --object-directory build/coverage/sim -f "$filter" --branches build/coverage/sim \
        >"$report" 2>/dev/null
    [ -z "${folder:-}" ] || cp "$report" "$folder/"
    percent=$(awk '/^TOTAL/ {sub("%", "", $4); print $4}' "$report")
    echo "$name: $percent % of $(awk '/^TOTAL/ {print $2}' "$report") branches (floor $floor %)"
    [ "$percent" -ge "$floor" ]
}
folder=${1:-}
status=0
measure idf-heaps "$idf_floor" \
    'sim/device/(tlsf|list_heap|multi_heap|profile|chip|region|heap_caps).*' || status=1
measure device "$device_floor" 'sim/device/.*' || status=1
measure sim "$sim_floor" 'sim/[^/]*' || status=1
exit "$status"
