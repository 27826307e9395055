"""(f) Drift: what is left after each round of a scenario, or the worst of each window of a long run."""

from pathlib import Path

from . import colours, data, gnuplot, timeline

FIGURES = {"idf_free": ("free", colours.FREE, 1), "idf_largest_free_block": ("largest free block", colours.LARGEST, 3)}
Points = list[tuple[float, float]]


def _slope(points: Points) -> tuple[float, float]:
    """Least squares: value at 0, and slope."""
    n = len(points)
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    return mean_y - slope * mean_x, slope


def _lines(number: int, name: str, hue: str, series: dict[str, Points], per: str) -> tuple[str, list[str]]:
    """Data and plots of one run: both figures and the trend of each, where there is one. `hue` for both."""
    text = ""
    kinds = []
    for i, (key, points) in enumerate(series.items()):
        words, usual, dash = FIGURES[key]
        at, slope = _slope(points)
        block = f"d{number}_{i}"
        text += gnuplot.block(block, [(x, f"{y / 1024:.4f}") for x, y in points])
        drift = f"{points[0][1]:.0f} bytes throughout"
        if slope:
            drift = f"{points[0][1]:.0f} to {points[-1][1]:.0f} bytes, trend {slope * 1000:+.1f} for each 1000 {per}"
        title = gnuplot.quote(f"{name}{words}: {drift}")
        style = f"lc rgb '{hue or usual}'"
        kinds.append(f"${block} with steps {style} lw 2 dt {dash} title {title}")
        if slope:
            kinds.append(f"({at} + {slope} * x) / 1024 with lines {style} dt 2 lw 1 notitle")
    return text, kinds


def _draw(text: str, kinds: list[str], title: str, axis: str, last: float, marks: str, out: Path) -> None:
    gnuplot.draw(f"""{text}
set title {gnuplot.quote(title)}
set xrange [0:{last}]
set yrange [0:*]
set xlabel {gnuplot.quote(axis)} offset 0,0.5 textcolor rgb '#333333'
set ylabel 'KiB' textcolor rgb '#333333'
set format x '%.0f'
set key outside bottom center vertical maxcols 1 font ',9' 
{marks}
plot {", ".join(kinds)}
""", out, 1000, 380 + 20 * text.count("<< EOD"))


def of_run(csv_file: Path, json_file: Path, out: Path, wanted: int = 50) -> None:
    """The lowest of each window of a run."""
    result = data.read_json(json_file)
    events = result["counts"]["events"]
    windows = timeline.read(csv_file, events, wanted)
    series: dict[str, Points] = {k: [(w.first, w.low[k]) for w in windows] for k in FIGURES}
    text, kinds = _lines(0, "lowest ", "", series, "events")
    _draw(text, kinds, data.title(result), f"event, in {len(windows)} windows", events, "", out)


def of_rounds(rounds: Path, out: Path) -> None:
    """What each round left, of all cells in the file."""
    cells: dict[str, list[dict[str, str]]] = {}
    for row in data.rows(rounds, ["cell", "round", "tls_fits", *FIGURES]):
        cells.setdefault(row["cell"], []).append(row)
    if not cells:
        gnuplot.stop(f"{rounds}: found no round, expected those of a scenario with `cycle`")
    several = len(cells) > 1
    hues = colours.TABLE["hues"]
    last = max(float(r["round"]) for rows in cells.values() for r in rows)
    text = marks = ""
    kinds: list[str] = []
    for number, (cell, rows) in enumerate(cells.items()):
        series: dict[str, Points] = {k: [(float(r["round"]), float(r[k])) for r in rows] for k in FIGURES}
        more, lines = _lines(number, f"{cell}, " if several else "", hues[number % 6] if several else "",
                             series, "rounds")
        text, kinds = text + more, kinds + lines
        lost = next((r["round"] for r in rows if r["tls_fits"] == "0"), None)
        if lost is not None:
            words = gnuplot.quote(f"{cell + ': ' if several else ''}no TLS socket fits from round {lost} on")
            side, shift = ("right", -0.7) if float(lost) > last / 2 else ("left", 0.7)
            marks += (f"set arrow from {lost}, graph 0 to {lost}, graph 1 nohead front lc rgb '{colours.FAILURE}'\n"
                      f"set label {words} at {lost}, graph {0.95 - 0.06 * number} {side} front boxed offset {shift},0 "
                      f"textcolor rgb '{colours.FAILURE}'\n")
    title = "left after each round" if several else f"left after each round: {next(iter(cells))}"
    _draw(text, kinds, title, "round", last, marks, out)
