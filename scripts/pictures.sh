#!/usr/bin/env bash
# Makes the README's pictures, and pages of one and of two runs, from shipped layouts, policies and traces:
#   scripts/pictures.sh FOLDER [HEAPSIM]
set -eu
folder=${1:?found no folder, expected: pictures.sh FOLDER [HEAPSIM]}
here=$(cd "$(dirname "$0")" && pwd)
heapsim=${2:-$here/../build/release/heapsim}
plot=$here/plot.py
export PYTHONDONTWRITEBYTECODE=1
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
mkdir -p "$folder"

# An allocation that fails is a result here, not an error of this script.
run() {
    "$heapsim" "$@" >"$data/words" || [ $? = 1 ] || { cat "$data/words" >&2; exit 2; }
}

run --layout pico-d4 --policy micropython-v1.22 --trace wifi-connect --trace web_json --trace https \
    --trace sensor_day \
    --json "$data/run.json" --csv "$data/run.csv" --blocks "$data/run.blocks" --html "$folder/report.html"
"$plot" map --blocks "$data/run.blocks" --json "$data/run.json" -o "$folder/map.png"
"$plot" timeline --csv "$data/run.csv" --json "$data/run.json" -o "$folder/timeline.png"
"$plot" histogram --blocks "$data/run.blocks" --json "$data/run.json" -o "$folder/histogram.png"

policies=micropython-v1.18,micropython-v1.19,micropython-v1.21,micropython-v1.22,fixed-48k,experiment-8940
run compare --layout pico-d4 --policy "$policies" --trace wifi-https,wifi-ble,sensor_day,graph \
    --json "$data/compare.json"
"$plot" policies "$data/compare.json" -o "$folder/policies.png" \
    --title 'ESP32-PICO-D4: wifi-https, wifi-ble, sensor_day, graph'
run compare --layout pico-d4 --policy micropython-v1.19,micropython-v1.22 --trace wifi-https \
    --html "$folder/compare.html"
