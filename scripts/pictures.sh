#!/usr/bin/env bash
# Compares the policies on the shipped scenarios, as plots and as pages; the README's pictures are of these:
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

# One run: a Python program grows its heap, then Wi-Fi and a TLS connection want memory.
run --layout pico-d4 --policy micropython-v1.22 --trace text_csv --trace wifi-https \
    --json "$data/run.json" --csv "$data/run.csv" --blocks "$data/run.blocks" --html "$folder/report.html"
"$plot" map --blocks "$data/run.blocks" --json "$data/run.json" -o "$folder/map.png"
"$plot" timeline --csv "$data/run.csv" --json "$data/run.json" -o "$folder/timeline.png"
"$plot" histogram --blocks "$data/run.blocks" --json "$data/run.json" -o "$folder/histogram.png"

# Policies over all shipped scenarios, then over four of them for the README.
policies=micropython-v1.18,micropython-v1.19,micropython-v1.22,fixed-48k,tracked-tls,experiment-8940
grid=(compare --layout pico-d4 --policy "$policies")
run "${grid[@]}" --scenario wifi,http,https,ble,ble-wifi-https,https-at-once,python --json "$data/all.json"
"$plot" policies "$data/all.json" -o "$folder/scenarios.png" --title 'ESP32-PICO-D4, shipped scenarios'
run "${grid[@]}" --scenario https,ble-wifi-https --cell '*/https' --cell '*/radio=wifi-ble' --json "$data/one.json"
run "${grid[@]}" --scenario https-at-once,python --seeds 20 --cell '*/n=2/*' --cell '*/program=text_csv/*' \
    --json "$data/seeds.json"
"$plot" policies "$data/one.json" "$data/seeds.json" -o "$folder/policies.png" --title 'ESP32-PICO-D4: six policies'

run search --scenario tls-and-ble --layout pico-d4 --policy fixed-48k --largest gc.initial=16K..108K \
    --json "$data/search.json"
"$plot" pareto "$data/search.json" --x python_free --y n -o "$folder/front.png" \
    --title 'n https requests at once: the largest fixed Python heap that lets them pass'
run compare --scenario sensor-day --layout pico-d4 --rounds "$data/rounds.csv" --json "$data/day.json"
"$plot" rounds "$data/rounds.csv" -o "$folder/rounds.png"

run compare --scenario https --layout pico-d4 --policy micropython-v1.19,micropython-v1.22 \
    --html "$folder/compare.html"
{
    echo '<!doctype html><meta charset="utf-8"><title>heapsim</title>'
    echo '<style>body{font:15px system-ui,sans-serif;max-width:1000px;margin:auto;padding:1em}img{max-width:100%}</style>'
    echo '<p>Pages: <a href="report.html">one run, event by event</a>, <a href="compare.html">two policies side by side</a></p>'
    for picture in policies scenarios map timeline histogram front rounds; do
        echo "<p><img src=\"$picture.png\" alt=\"$picture\"></p>"
    done
} >"$folder/index.html"
