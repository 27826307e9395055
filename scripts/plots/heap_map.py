"""(a) The heap map: addresses down, events along, colour by owner, free white."""

import tempfile
from array import array
from pathlib import Path
from typing import Any

from . import colours, data, gnuplot

COLUMNS = 1100
ROWS = 620
GAP = 9  # rows between regions
LEAST = 11  # rows of a region
AREA = "GC area"


def heights(sizes: list[int], room: float) -> list[float]:
    """Rows for each region, to scale, but for one larger than all others together, which gets half,
    and small ones, which get what their name needs."""
    found: dict[int, float] = {}
    if len(sizes) > 1:
        found = {i: room / 2 for i, size in enumerate(sizes) if size > sum(sizes) - size}
    while True:
        rest = [i for i in range(len(sizes)) if i not in found]
        scale = (room - sum(found.values())) / max(1, sum(sizes[i] for i in rest))
        small = [i for i in rest if sizes[i] * scale < LEAST]
        found |= {i: float(LEAST) for i in small} or {i: sizes[i] * scale for i in rest}
        if not small:
            return [found[i] for i in range(len(sizes))]


class _Raster:
    """Bytes that each owner covers in each cell, as differences along the events."""

    def __init__(self, result: Any, blocks: list[data.Block], events: int) -> None:
        self.events = max(1, events)
        final = result["final"]["idf"]
        self.regions: list[dict[str, Any]] = [
            {"start": r["start"], "size": r["size"], "type": r["type"]}
            for r in final["regions"] + final.get("other_regions", [])]
        for b in blocks:  # areas outside of the heap: .bss, mapped PSRAM
            if b.heap == "area" and not any(
                    r["start"] <= b.address < r["start"] + r["size"] for r in self.regions):
                self.regions.append({"start": b.address, "size": b.size, "type": "fixed"})
        self.regions.sort(key=lambda r: int(r["start"]))
        room = ROWS - GAP * (len(self.regions) - 1)
        self.heights = heights([r["size"] for r in self.regions], room)
        self.tops = []
        top = 0.0
        for height in self.heights:
            self.tops.append(top)
            top += height + GAP
        self.rows = int(top - GAP) + 1
        self.cover: dict[str, list[array[float]]] = {}

    def column(self, event: int) -> int:
        return min(COLUMNS, max(0, round(event * COLUMNS / self.events)))

    def rows_of(self, block: data.Block) -> tuple[float, float] | None:
        """First and last row that a block touches."""
        around = [i for i, r in enumerate(self.regions) if r["start"] <= block.address < r["start"] + r["size"]]
        if not around:
            return None
        # A heap may lie inside another's block: then the block is the outer's, what is smaller the inner's.
        i = min(around, key=lambda k: (bool(self.regions[k]["size"] <= block.size), int(self.regions[k]["size"])))
        at = block.address - self.regions[i]["start"]
        scale = self.heights[i] / self.regions[i]["size"]
        return self.tops[i] + at * scale, self.tops[i] + min(at + block.size, self.regions[i]["size"]) * scale

    def add(self, block: data.Block) -> None:
        span = self.rows_of(block)
        left, right = self.column(block.born), self.column(block.died)
        if span is None or left == right:
            return
        first, last = span
        name = AREA if block.heap == "area" else block.owner
        if name not in self.cover:
            self.cover[name] = [array("d", bytes(8 * (COLUMNS + 1))) for _ in range(self.rows)]
        rows = self.cover[name]
        for row in range(int(first), min(self.rows, int(last) + 1)):
            share = min(last, row + 1) - max(first, row)
            rows[row][left] += share
            rows[row][right] -= share

    def pixels(self, colour: dict[str, str]) -> bytes:
        """Cells as RGB: owners by their share, over the area, over free white."""
        image = bytearray(b"\xff" * (3 * COLUMNS * self.rows))
        inside = [False] * self.rows
        for top, height in zip(self.tops, self.heights):
            for row in range(int(top), min(self.rows, int(top + height) + 1)):
                inside[row] = True
        names = [n for n in self.cover if n != AREA]
        paint = {n: colours.rgb(colour[n]) for n in names}
        area_rows = self.cover.get(AREA)
        for row in (r for r in range(self.rows) if inside[r]):
            shares = [0.0] * len(names)
            area = 0.0
            at = 3 * COLUMNS * row
            diffs = [self.cover[n][row] for n in names]
            for column in range(COLUMNS):
                area += area_rows[row][column] if area_rows else 0.0
                for i, diff in enumerate(diffs):
                    shares[i] += diff[column]
                red = green = blue = 255.0
                if area > 0.5:
                    red, green, blue = 226.0, 236.0, 246.0
                for i, name in enumerate(names):
                    share = min(1.0, shares[i])
                    if share > 0.001:
                        r, g, b = paint[name]
                        red += (r - red) * share
                        green += (g - green) * share
                        blue += (b - blue) * share
                image[at:at + 3] = bytes((int(red), int(green), int(blue)))
                at += 3
        return bytes(image)


def _outlines(blocks: list[data.Block], raster: _Raster) -> str:
    lines = []
    for start, height in zip(raster.tops, raster.heights):
        lines.append(
            f"set object rect from 0,{start:.2f} to {raster.events},{start + height:.2f} "
            "front fs empty border lc rgb '#b9c0ca' lw 0.8")
    for block in blocks:
        span = raster.rows_of(block)
        if block.heap == "area" and span is not None:
            top, bottom = span
            lines.append(
                f"set object rect from {block.born},{top:.2f} to {min(block.died, raster.events)},{bottom:.2f} "
                "front fs empty border lc rgb '#1c5d99' lw 1.6")
    return "\n".join(lines)


def _failure(result: Any, raster: _Raster) -> str:
    failure = result["failure"]
    if not failure:
        return ""
    words = gnuplot.quote(f"{failure['owner']}: {failure['size']} bytes, {failure['class']}")
    side = "right" if failure["event"] > raster.events / 2 else "left"
    shift = -0.7 if side == "right" else 0.7
    return (f"set arrow from {failure['event']},0 to {failure['event']},{raster.rows} nohead front "
            f"lc rgb '{colours.FAILURE}' lw 2\n"
            f"set label {words} at {failure['event']},{raster.rows * 0.04:.1f} {side} front boxed "
            f"offset {shift},0 textcolor rgb '{colours.FAILURE}' font ',10'\n")


def plot(blocks_file: Path, json_file: Path, out: Path) -> None:
    """Draws the map of one run."""
    result = data.read_json(json_file)
    events = result["counts"]["events"]
    blocks = data.read_blocks(blocks_file, events)
    raster = _Raster(result, blocks, events)
    for block in blocks:
        raster.add(block)
    shown = sorted(n for n in raster.cover if n != AREA)
    colour = colours.style(shown)
    tics = _tics(raster)
    with tempfile.NamedTemporaryFile(suffix=".rgb") as image:
        image.write(raster.pixels(colour))
        image.flush()
        keys = ", ".join(
            f"NaN with boxes lc rgb '{colour[n]}' fs solid title {gnuplot.quote(n)}" for n in shown)
        dx = raster.events / COLUMNS
        script = f"""
set title {gnuplot.quote(data.title(result))}
set xrange [0:{raster.events}]
set yrange [{raster.rows}:0]
set xlabel 'event' offset 0,0.5 textcolor rgb '#333333'
set format x '%.0f'
set ytics ({tics}) font ',9'
unset grid
set border 0
set key outside bottom center horizontal maxrows 2
{_outlines(blocks, raster)}
{_failure(result, raster)}
plot {gnuplot.quote(image.name)} binary array=({COLUMNS},{raster.rows}) format='%uchar' \\
  dx={dx} dy=1 origin=({dx / 2},0.5) with rgbimage notitle, {keys}, \\
  NaN with boxes lc rgb '#1c5d99' fs solid 0.15 border lc rgb '#1c5d99' title 'GC area'
"""
        gnuplot.draw(script, out, 1000, 560)


def _tics(raster: _Raster) -> str:
    tics = []
    for region, top, height in zip(raster.regions, raster.tops, raster.heights):
        size = f"{region['size'] / 1024:.0f}K" if region["size"] >= 1024 else f"{region['size']} B"
        label = f"0x{region['start']:08x} {region['type']} {size}"
        tics.append(f"{gnuplot.quote(label)} {top + min(height / 2, 10):.1f}")
    return ", ".join(tics)
