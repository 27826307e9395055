"""(e) Sizes of the free blocks over time: how the free memory is cut up."""

from pathlib import Path
from typing import Any

from . import data, gnuplot

SAMPLES = 250
HEADER = 4  # bytes in front of each block
CLASSES = [(0, 256, "below 256"), (256, 1024, "256 to 1K"), (1024, 4096, "1K to 4K"),
           (4096, 16717, "4K to a TLS record"), (16717, 65536, "a TLS record to 64K"), (65536, 1 << 40, "64K and more")]
# Dark: crumbs. Light: large blocks. Evenly spaced in grey as well.
SHADES = ["#440154", "#3b4d8a", "#26828e", "#38b578", "#9fd938", "#fde725"]


def _spans(result: Any, blocks: list[data.Block]) -> list[tuple[int, int]]:
    """First and last address that blocks of each counted region ever had."""
    spans = []
    for region in result["final"]["idf"]["regions"]:
        start, end = region["start"], region["start"] + region["size"]
        seen = [(b.address, b.address + b.size) for b in blocks if b.heap != "gc" and start <= b.address < end]
        for mark in result["marks"]:
            for other in mark["idf"]["regions"]:
                if other["start"] == start:
                    seen += [(b["start"], b["start"] + b["size"]) for b in other["blocks"]]
        if seen:
            spans.append((min(a for a, _ in seen), max(b for _, b in seen)))
    return spans


def sizes(spans: list[tuple[int, int]], live: list[tuple[int, int]]) -> list[int]:
    """Sizes of the free blocks between `live` (address, size), which is ascending."""
    found = []
    for start, end in spans:
        at = start
        for address, size in live:
            if start <= address < end:
                if address - HEADER > at:
                    found.append(address - HEADER - at)
                at = max(at, address + size + HEADER)
        if end > at:
            found.append(end - at)
    return found


def plot(blocks_file: Path, json_file: Path, out: Path) -> None:
    """Draws the bytes in free blocks of each size class as layers."""
    result = data.read_json(json_file)
    events = result["counts"]["events"]
    blocks = data.read_blocks(blocks_file, events)
    spans = _spans(result, blocks)
    step = max(1, -(-events // SAMPLES))
    moments = list(range(0, events + 1, step))
    live: list[list[tuple[int, int]]] = [[] for _ in moments]
    for b in blocks:
        if b.heap != "gc":
            for i in range(-(-b.born // step), min(len(moments), -(-b.died // step))):
                live[i].append((b.address, b.size))
    table: list[tuple[object, ...]] = []
    for moment, held in zip(moments, live):
        free = sizes(spans, sorted(held))
        total = 0.0
        row: list[object] = [moment]
        for low, high, _ in CLASSES:
            total += sum(s for s in free if low <= s < high) / 1024
            row.append(f"{total:.3f}")
        table += [tuple(row), (min(moment + step, events), *row[1:])]  # steps: the same until the next one
    layers = [
        f"$h using 1:{'(0)' if i == 0 else i + 1}:{i + 2} with filledcurves fs solid noborder lc rgb '{SHADES[i]}' "
        f"title {gnuplot.quote(CLASSES[i][2])}" for i in range(len(CLASSES))]
    gnuplot.draw(f"""{gnuplot.block("h", table)}
set title {gnuplot.quote("free memory by the size of its blocks: " + data.title(result))}
set xrange [0:{events}]
set yrange [0:*]
set xlabel 'event' offset 0,0.5 textcolor rgb '#333333'
set ylabel 'KiB in free blocks' textcolor rgb '#333333'
set format x '%.0f'
set key outside bottom center horizontal
plot {", ".join(reversed(layers))}
""", out, 1000, 440)
