#!/bin/sh
# test_golden_gc.sh GOLDEN_GC FOLDER: runs every script under FOLDER and compares what GOLDEN_GC
# prints with the .out beside it, byte for byte. Lines that answer the command s, search hints of
# the device code, are left out on both sides.
set -eu
program=$1
folder=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
total=0
equal=0
for script in "$folder"/edge/*.in "$folder"/random/*.in.gz; do
    name=$(basename "$script")
    name=${name%.gz}
    name=${name%.in}
    total=$((total + 1))
    case $script in
    *.gz)
        gzip -dc "$script" >"$work/in"
        gzip -dc "${script%.in.gz}.out.gz" >"$work/out"
        ;;
    *)
        cp "$script" "$work/in"
        cp "${script%.in}.out" "$work/out"
        ;;
    esac
    "$program" "${name##*__}" <"$work/in" | grep -v '^areas=' >"$work/got" || :
    grep -v '^areas=' "$work/out" >"$work/expected" || :
    if cmp -s "$work/got" "$work/expected"; then
        equal=$((equal + 1))
    else
        echo "$name differs (expected, got):"
        diff "$work/expected" "$work/got" | head -n 10
    fi
done
echo "$equal of $total vectors equal"
[ "$total" -gt 0 ] && [ "$equal" -eq "$total" ]
