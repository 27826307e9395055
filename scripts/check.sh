#!/usr/bin/env bash
# What is checked beside the tests, and how long each part takes.
# Usage: scripts/check.sh [PART...]; without one all, in this order:
#   style      clang-format, shellcheck, pyflakes, mypy; tests/mutants.txt fits the sources
#   cppcheck   sim, with the exceptions of scripts/cppcheck.txt
#   tidy       clang-tidy on sim, by .clang-tidy
#   analyzer   gcc -fanalyzer on sim, with the exceptions of scripts/analyzer.txt; leaks are
#              LeakSanitizer's and memcheck's: gcc 12 takes each strdup() kept in an array for one
#   threads    ThreadSanitizer on grids
#   valgrind   memcheck on a part of the tests and on the command
#   same       two builds in different folders have the same bytes
#   fuzz       each fuzz target: its corpus and a burst of FUZZ_SECONDS (5)
#   coverage   scripts/coverage.sh
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)
parts=("$@")
[ $# -gt 0 ] || parts=(style cppcheck tidy analyzer threads valgrind same fuzz coverage)

# Configures and builds targets in build/FOLDER.
build() {
    folder=build/$1 targets=$2
    shift 2
    cmake -S . -B "$folder" "$@" >/dev/null
    # shellcheck disable=SC2086 # a list
    cmake --build "$folder" -j "$jobs" --target $targets >"$folder/build.log" || {
        tail -40 "$folder/build.log"
        return 1
    }
}

check_style() {
    git ls-files '*.c' '*.h' | xargs -P "$jobs" -n 20 clang-format --dry-run -Werror
    git ls-files '*.sh' | xargs shellcheck
    # The examples are MicroPython's programs.
    git ls-files '*.py' | grep -v /examples/ | xargs pyflakes3
    git ls-files '*.py' | grep -v /examples/ | xargs -n 1 dirname | sort -u | while read -r folder; do
        mypy --config-file scripts/mypy.ini --cache-dir build/mypy --no-error-summary "$folder"/*.py
    done
    scripts/mutate.py --check-list
}

check_cppcheck() {
    cppcheck -q -j "$jobs" --enable=warning,portability,performance --error-exitcode=1 --std=c11 \
        --suppressions-list=scripts/cppcheck.txt -D__GNUC__ -I sim -i sim/device/port sim
}

check_tidy() {
    cmake -S . -B build/tidy -DCMAKE_C_COMPILER=clang -DBUILD_TESTING=OFF -DHEAPSIM_PAGE=OFF >/dev/null
    find sim -name '*.c' -not -path '*/port/*' -print0 |
        xargs -0 -P "$jobs" -n 4 clang-tidy -p build/tidy --quiet 2>&1 |
        { grep -v 'warnings generated' || :; }
}

check_analyzer() {
    mkdir -p build
    find sim -name '*.c' -not -path '*/port/*' -print0 |
        xargs -0 -P "$jobs" -I '{}' gcc -std=c11 -D_GNU_SOURCE -DHEAPSIM_VERSION='""' -I sim \
            -fanalyzer \
            -Wno-analyzer-malloc-leak -c '{}' -o /dev/null 2>build/analyzer.log
    ! grep -E 'error:|Wanalyzer' build/analyzer.log | grep -v -E -f <(grep -v '^#' scripts/analyzer.txt)
}

check_threads() {
    build threads 'heapsim test_grid' -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DHEAPSIM_PAGE=OFF -DCMAKE_C_FLAGS='-fsanitize=thread'
    export TSAN_OPTIONS=halt_on_error=1
    build/threads/tests/test_grid
    for threads in 1 4; do
        build/threads/heapsim compare --scenario https-at-once --threads "$threads" \
            --json build/threads/grid-"$threads".json >/dev/null
    done
    cmp build/threads/grid-1.json build/threads/grid-4.json
}

check_valgrind() {
    memcheck=(valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite)
    for test in test_list_heap test_tlsf test_heap_caps test_heap_caps_edges test_gc test_layout \
        test_policy test_trace_text test_yaml_file; do
        "${memcheck[@]}" build/release/tests/"$test" >build/release/valgrind.log 2>&1 || {
            tail -40 build/release/valgrind.log
            return 1
        }
    done
    work=build/release/valgrind
    mkdir -p "$work"
    "${memcheck[@]}" build/release/heapsim --layout pico-d4 --trace https --json "$work"/r.json \
        --csv "$work"/r.csv --html "$work"/r.html >"$work"/r.txt
    "${memcheck[@]}" build/release/heapsim compare --layout pico-d4 --trace https --threads 2 >"$work"/c.txt
}

check_same() {
    copy=build/same/a/longer/folder
    rm -rf build/same && mkdir -p "$copy"
    git ls-files -z CMakeLists.txt CMakePresets.json sim traces scenarios | xargs -0 cp --parents -t "$copy"
    for source in . "$copy"; do
        cmake -S "$source" -B "$source"/build/same-build -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=Release >/dev/null
        cmake --build "$source"/build/same-build -j "$jobs" >build/same/build.log
    done
    for file in heapsim sim/libheapsim.a sim/libheapsim.so; do
        cmp build/same-build/"$file" "$copy"/build/same-build/"$file"
    done
    rm -rf build/same-build
}

check_fuzz() {
    scripts/fuzz.sh --seconds "${FUZZ_SECONDS:-5}"
}

check_coverage() {
    scripts/coverage.sh
}

for part in "${parts[@]}"; do
    echo "== $part"
    start=$SECONDS
    # In a shell of its own, so that the first error ends the part.
    (set -eu -o pipefail && check_"$part")
    echo "== $part: $((SECONDS - start)) s"
done
