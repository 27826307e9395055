#!/usr/bin/env bash
# Makes the README's pictures, and a page, from shipped layouts, policies and traces:
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

run --layout pico-d4 --policy micropython-v1.22 --trace web_json --trace https --trace sensor_day \
    --json "$data/run.json" --csv "$data/run.csv" --blocks "$data/run.blocks" --html "$folder/report.html"
"$plot" map --blocks "$data/run.blocks" --json "$data/run.json" -o "$folder/map.png"
"$plot" timeline --csv "$data/run.csv" --json "$data/run.json" -o "$folder/timeline.png"
"$plot" histogram --blocks "$data/run.blocks" --json "$data/run.json" -o "$folder/histogram.png"

results=()
for policy in micropython-v1.18 micropython-v1.20 micropython-v1.22 micropython-v1.25 fixed-48k \
    keep-free-48k tracked-tls; do
    for trace in https lwip-http-https https-ecdsa-p256; do
        run --layout pico-d4 --policy "$policy" --trace sensor_day --trace "$trace" \
            --json "$data/$policy-$trace.json"
        results+=("$data/$policy-$trace.json")
    done
done
"$plot" policies "${results[@]}" -o "$folder/policies.png" \
    --title 'ESP32-PICO-D4: sensor_day, then https, lwip-http-https or https-ecdsa-p256'
