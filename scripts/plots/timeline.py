"""(b) The time line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import colours, data, gnuplot

POINTS = 1000
# Words, and a line each that grey print tells apart as well.
FIGURES = {
    "idf_free": ("free", f"lc rgb '{colours.FREE}' lw 1.6"),
    "idf_largest_free_block_exact": ("largest free block", f"lc rgb '{colours.LARGEST}' lw 2.8"),
    "idf_largest_free_block": ("as the device prints it", f"lc rgb '{colours.LARGEST}' lw 1 dt 3"),
    "gc_used": ("GC used", f"lc rgb '{colours.GC_USED}' lw 1.2"),
    "gc_total": ("GC total", f"lc rgb '{colours.GC_TOTAL}' lw 1.6 dt 2"),
}
BANDS = {"idf_free": colours.FREE, "idf_largest_free_block_exact": colours.LARGEST, "gc_used": colours.GC_USED}


@dataclass
class Window:
    """Some events: lowest and highest of each figure, what happened."""

    first: int
    low: dict[str, int] = field(default_factory=dict)
    high: dict[str, int] = field(default_factory=dict)
    collections: int = 0
    growths: int = 0


def read(csv_file: Path, events: int, points: int) -> list[Window]:
    """The time line in at most `points` windows of equal length."""
    length = max(1, -(-events // points))
    windows: list[Window] = []
    last = (0, 0)
    for row in data.rows(csv_file, ["event", *FIGURES, "gc_collections", "gc_growths"]):
        event = int(row["event"])
        if not windows or event >= windows[-1].first + length:
            windows.append(Window((event - 1) // length * length + 1))
        window = windows[-1]
        for name in FIGURES:
            value = int(row[name])
            window.low[name] = min(window.low.get(name, value), value)
            window.high[name] = max(window.high.get(name, value), value)
        now = (int(row["gc_collections"]), int(row["gc_growths"]))
        window.collections += now[0] - last[0]
        window.growths += now[1] - last[1]
        last = now
    if not windows:
        gnuplot.stop(f"{csv_file}: found no event, expected at least one")
    return windows


def _phases(result: Any, top: float) -> str:
    lines = []
    events = result["counts"]["events"]
    room = 0.0
    for i, phase in enumerate(data.phases(result)):
        if i % 2:
            lines.append(f"set object rect from {phase.first},0 to {phase.last},{top} behind "
                         "fs solid noborder fc rgb '#f3f4f6'")
        width = events * 0.0078 * (len(phase.name) + 1)
        if phase.last - phase.first > width and phase.first >= room:
            lines.append(f"set label {gnuplot.quote(phase.name)} at {phase.first},{top * 0.965} left offset 0.4,0 "
                         "font ',9' textcolor rgb '#5b6470'")
            room = phase.first + width
    return "\n".join(lines)


def _failure_lines(result: Any, top: float) -> str:
    failure = result["failure"]
    if not failure:
        return ""
    text = f"{failure['owner']} asks for {failure['size']} bytes: {failure['class']}"
    side = "right" if failure["event"] > result["counts"]["events"] / 2 else "left"
    return (f"set arrow from {failure['event']},0 to {failure['event']},{top} nohead front lc rgb "
            f"'{colours.FAILURE}' lw 2\nset label {gnuplot.quote(text)} at {failure['event']},{top * 0.6} "
            f"{side} offset {'-0.7' if side == 'right' else '0.7'},0 front boxed textcolor rgb '{colours.FAILURE}'\n")


def _kib(value: int) -> str:
    return f"{value / 1024:.2f}"


def plot(csv_file: Path, json_file: Path, out: Path) -> None:
    """Draws the time line of one run."""
    result = data.read_json(json_file)
    events = result["counts"]["events"]
    windows = read(csv_file, events, POINTS)
    names = [n for n in FIGURES if result["final"]["gc"] or not n.startswith("gc")]
    top = max(w.high[n] for w in windows for n in names) / 1024 * 1.12 or 1
    text = gnuplot.block("t", [
        (w.first, *(_kib(v) for n in names for v in (w.low[n], w.high[n])), -1 if not w.collections else 0)
        for w in windows])
    bands = [
        f"$t using 1:{2 + 2 * i}:{3 + 2 * i} with filledcurves fs solid 0.25 noborder lc rgb '{BANDS[n]}' notitle"
        for i, n in enumerate(names) if n in BANDS]
    lines = [
        f"$t using 1:{2 + 2 * i} with steps {FIGURES[n][1]} title {gnuplot.quote(FIGURES[n][0])}"
        for i, n in enumerate(names)]
    ticks = [(w.first, 0) for w in windows if w.collections]
    grown = [(w.first, 0) for w in windows if w.growths]
    text += gnuplot.block("c", ticks) + gnuplot.block("g", grown)
    if ticks:
        lines.append(f"$c using 1:2:(0):({top * 0.025}) with vectors nohead lc rgb '#5b6470' lw 1 title 'collection'")
    if grown:
        lines.append(f"$g using 1:({top * 0.03}) with points pt 9 ps 1.3 lc rgb '{colours.GC_TOTAL}' title 'growth'")
    lowest = result["minimum_free"] / 1024
    lines.append(f"{lowest:.2f} with lines lc rgb '{colours.FREE}' dt 3 lw 1.2 title 'minimum free'")
    gnuplot.draw(f"""{text}
set title {gnuplot.quote(data.title(result))}
set xrange [0:{events}]
set yrange [0:{top}]
set xlabel 'event' offset 0,0.5 textcolor rgb '#333333'
set ylabel 'KiB' textcolor rgb '#333333'
set format x '%.0f'
set key outside bottom center horizontal
{_phases(result, top)}
{_failure_lines(result, top)}
plot {", ".join(bands + lines)}
""", out, 1000, 460)
