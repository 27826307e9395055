#!/usr/bin/env bash
# Fuzz targets of tests/fuzz: each runs its corpus and then a burst.
# Usage: scripts/fuzz.sh [--afl] [--seconds N] [--minimise] [TARGET...]
#   --seconds N  length of each burst, 5 by default
#   --minimise   afterwards tests/fuzz/corpus keeps the smallest inputs with the same coverage
#   --afl        AFL++ instead of libFuzzer (package afl++)
# Prints executions, edges covered and seconds for each target; fails on the first finding, whose
# input is left in build/fuzz/findings.
set -eu
cd "$(dirname "$0")/.."
seconds=5
afl=
minimise=
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --afl) afl=1 ;;
    --seconds) seconds=$2 && shift ;;
    --minimise) minimise=1 ;;
    *) targets+=("$1") ;;
    esac
    shift
done
if [ "${#targets[@]}" -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        targets+=("$(basename "$source" .c)")
    done
fi

# Shipped files are a corpus too.
shipped() {
    case $1 in
    fuzz_policy) echo scenarios/policies ;;
    fuzz_layout) echo scenarios/layouts ;;
    fuzz_scenario) echo scenarios ;;
    esac
}

run_libfuzzer() {
    target=$1
    work=build/fuzz/work/$target
    corpus=tests/fuzz/corpus/$target
    mkdir -p "$work" build/fuzz/findings
    log=build/fuzz/$target.log
    # shellcheck disable=SC2046 # one word or none
    build/fuzz/tests/fuzz/"$target" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
        -rss_limit_mb=2048 -artifact_prefix=build/fuzz/findings/"$target"- -print_final_stats=1 \
        "$work" "$corpus" $(shipped "$target") >"$log" 2>&1 || {
        tail -40 "$log"
        echo "$target: finding; its input is in build/fuzz/findings"
        return 1
    }
    executions=$(awk '/number_of_executed_units/ {print $2}' "$log")
    edges=$(awk '{for (i = 1; i < NF; i++) if ($i == "cov:") c = $(i + 1)} END {print c}' "$log")
    echo "$target: $executions executions, $edges edges, $seconds seconds"
    if [ -n "$minimise" ]; then
        rm -rf build/fuzz/small && mkdir build/fuzz/small
        build/fuzz/tests/fuzz/"$target" -merge=1 -max_len=512 build/fuzz/small "$corpus" "$work" \
            >/dev/null 2>&1
        # The smallest of them, up to 8 KB in all.
        find build/fuzz/small -type f -printf '%s %p\n' | sort -n |
            awk '{total += $1; if (total <= 8192) print $2}' | xargs -r cp -t "$corpus"
    fi
}

run_afl() {
    target=$1
    out=build/afl/out/$target
    rm -rf "$out"
    mkdir -p build/afl/out
    AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 \
        afl-fuzz -V "$seconds" -i tests/fuzz/corpus/"$target" -o "$out" -- \
        build/afl/tests/fuzz/"$target" >build/afl/"$target".log 2>&1 || {
        tail -20 build/afl/"$target".log
        return 1
    }
    awk -v target="$target" '/^execs_done|^edges_found|^saved_crashes/ {v[$1] = $3}
        END {print target ": " v["execs_done"] " executions, " v["edges_found"] " edges, " \
             v["saved_crashes"] " findings"; exit v["saved_crashes"] > 0}' \
        "$out"/default/fuzzer_stats
}

if [ -n "$afl" ]; then
    CC=afl-clang-fast cmake -S . -B build/afl -DCMAKE_BUILD_TYPE=Release -DHEAPSIM_FUZZ=ON >/dev/null
    cmake --build build/afl -j "$(nproc)" --target "${targets[@]}" >build/afl/build.log
    for target in "${targets[@]}"; do
        run_afl "$target"
    done
else
    cmake --preset fuzz >/dev/null
    cmake --build --preset fuzz -j "$(nproc)" --target "${targets[@]}" >build/fuzz/build.log
    for target in "${targets[@]}"; do
        run_libfuzzer "$target"
    done
fi
