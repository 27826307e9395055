#!/bin/sh
# Takes the three traces that ship with heapsim (traces/mpy-wasm-*.trace.gz) again, into the folder given.
# Their bytes do not depend on the host; the date is that of the first capture.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: take_shipped.sh FOLDER}
take() {
    name=$1
    shift
    node "$here/capture.mjs" --date 2026-11-22 -o "$out/mpy-wasm-$name.trace.gz" "$@" "$here/examples/$name.py"
}
take mqtt --threshold 512
take planner --threshold 2048
take rules --threshold 512 --links
