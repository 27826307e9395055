"""(c) Policies side by side, and (d) the Pareto front.

Reads any number of results: those of `run --json`, and of `compare --json`, which has `cells`, each
with `policy`, `outcome`, `failure` (its `class`), `metrics` by name and `marks`, of which the last is
the run's end.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import colours, data, gnuplot

PANELS = [("minimum_largest_free_block", "smallest largest free block, KiB", 1024),
          ("sockets", "further TLS sockets at the end", 1),
          ("python_total", "KiB for Python at the end", 1024),
          ("python_free", "KiB that Python can still allocate", 1024)]


@dataclass
class Cell:
    """One run."""

    policy: str
    name: str
    failure: str  # class; empty: completed
    values: dict[str, float]


def _of_run(result: Any) -> Cell:
    gc = result["final"]["gc"]
    values = {"minimum_largest_free_block": result["minimum_largest_free_block"],
              "minimum_free": result["minimum_free"], "free": result["final"]["idf"]["free"],
              "largest_free_block": result["final"]["idf"]["largest_free_block"],
              "python_total": gc["total"] if gc else 0}
    failure = result["failure"]["class"] if result["failure"] else ""
    return Cell(result["policy"], data.title(result), failure, values)


def _of_cell(cell: Any) -> Cell:
    values = {k: v for k, v in cell["metrics"].items() if isinstance(v, (int, float))}
    end = (cell.get("marks") or [{}])[-1].get("metrics", {})
    values |= {k: v for k, v in end.items() if isinstance(v, (int, float)) and k not in values}
    if "python_free" not in values and "gc.total" in values:
        values["python_total"] = values["gc.total"]
    failure = ""
    if cell["outcome"] == "failed":
        failure = (cell.get("failure") or {}).get("class", "failed")
    return Cell(cell["policy"], cell.get("id", cell["policy"]), failure, values)


def read(files: list[Path]) -> list[Cell]:
    """All runs of all files."""
    cells: list[Cell] = []
    for path in files:
        json = data.read_json(path)
        try:
            cells += [_of_cell(c) for c in json["cells"]] if "cells" in json else [_of_run(json)]
        except (KeyError, TypeError) as error:
            gnuplot.stop(f"{path}: found no {error}, expected the JSON of `heapsim run` or `heapsim compare`")
    return cells


def _order(cells: list[Cell]) -> list[str]:
    return list(dict.fromkeys(c.policy for c in cells))


def _panel(cells: list[Cell], key: str, words: str, unit: int, names: list[str], first: bool) -> str:
    rows: list[tuple[object, ...]] = []
    dots: list[tuple[object, ...]] = []
    failed: list[tuple[object, ...]] = []
    labels = ""
    for i, policy in enumerate(names):
        mine = [c for c in cells if c.policy == policy and key in c.values]
        values = [c.values[key] / unit for c in mine]
        if not values:
            continue
        rows.append((i, min(values)))
        low, high = (f"{v:.0f}" if v >= 10 else f"{v:.2g}" for v in (min(values), max(values)))
        text = low if low == high else f"{low} .. {high}"
        labels += f"set label {gnuplot.quote(text)} at {max(values)},{i} left offset 0.8,0 font ',9'\n"
        for k, cell in enumerate(mine):
            at = i + (0 if len(mine) == 1 else 0.5 * (k / (len(mine) - 1) - 0.5))
            (failed if cell.failure else dots).append((cell.values[key] / unit, f"{at:.3f}"))
    most = max((float(str(r[1])) for r in rows), default=1.0)
    most = max([most, *(float(str(d[0])) for d in dots + failed)])
    blocks = "".join(gnuplot.block(n, d or [(None, None)]) for n, d in (("b", rows), ("d", dots), ("f", failed)))
    tics = ", ".join(f"{gnuplot.quote_lines(_tic(cells, n))} {i}" for i, n in enumerate(names)) if first else ""
    return f"""{blocks}
unset label
{labels}
set title {gnuplot.quote(words)} font ',11'
set xrange [0:{most * 1.38 or 1}]
set yrange [{len(names) - 0.4}:-0.6]
{f'set ytics ({tics}) scale 0' if first else 'unset ytics'}
set xtics 0,{_step(most)} font ',9'
plot $b using 2:1:(0):2:($1-0.36):($1+0.36) with boxxyerror fs solid 0.55 noborder lc rgb '{colours.FREE}' notitle, \\
  $d using 1:2 with points pt 7 ps 0.7 lc rgb '#003f63' notitle, \\
  $f using 1:2 with points pt 2 ps 1.1 lw 2 lc rgb '{colours.FAILURE}' notitle
"""


def _step(most: float) -> float:
    """A round distance of at most five labels, so that they do not meet."""
    step = 1.0
    while most * 1.38 / step > 5.5:
        step *= 2 if str(step).startswith(("1", "5")) else 2.5
    return step


def _tic(cells: list[Cell], policy: str) -> list[str]:
    mine = [c for c in cells if c.policy == policy]
    lost = [c.failure for c in mine if c.failure]
    if not lost:
        return [policy]
    kinds = ", ".join(sorted(set(lost)))
    return [policy, f"{len(lost)} of {len(mine)} failed: {kinds}" if len(mine) > 1 else f"failed: {kinds}"]


def plot(files: list[Path], out: Path, heading: str) -> None:
    """Draws a row for each policy and a column for each metric that the files have."""
    cells = read(files)
    names = _order(cells)
    panels = [p for p in PANELS if any(p[0] in c.values for c in cells)]
    longest = max(len(part) for n in names for part in _tic(cells, n))
    left = min(0.4, 0.02 + longest * 0.0072)
    width = (0.985 - left) / len(panels)
    height = 150 + 46 * len(names)
    script = f"""set multiplot title {gnuplot.quote(heading)} font ',13' offset 0,-0.3
set border 2 lc rgb '#9aa3af'
unset key
set grid xtics noytics
set tmargin at screen {1 - 82 / height}
set bmargin at screen {62 / height}
"""
    for i, (key, words, unit) in enumerate(panels):
        script += f"set lmargin at screen {left + i * width:.4f}\nset rmargin at screen {left + (i + 1) * width - 0.03:.4f}\n"
        text = _panel(cells, key, words, unit, names, i == 0)
        if i == 0:
            text = text.replace("plot $b", "set label 'bar: worst run; dots: runs; crosses: runs that failed' "
                                f"at screen 0.985,{20 / height:.4f} right font ',9' textcolor rgb '#5b6470'\nplot $b", 1)
        script += text
    script += "unset multiplot\n"
    gnuplot.draw(script, out, 1000, height)


def pareto(files: list[Path], out: Path, x: str, y: str, heading: str) -> None:
    """Draws all runs that completed over two metrics, larger being better, and their front."""
    cells = [c for c in read(files) if x in c.values and y in c.values]
    if not cells:
        known = sorted({k for c in read(files) for k in c.values})
        gnuplot.stop(f"found no run with {x} and {y}, expected two of: {', '.join(known)}")
    passed = [c for c in cells if not c.failure]
    front = sorted((c for c in passed if not any(
        (o.values[x] >= c.values[x] and o.values[y] > c.values[y]) or
        (o.values[x] > c.values[x] and o.values[y] >= c.values[y]) for o in passed)),
        key=lambda c: c.values[x])
    rest = [c for c in passed if c not in front]
    lost = [c for c in cells if c.failure]
    at: dict[tuple[float, float], list[str]] = {}
    for cell in front:
        names = at.setdefault((cell.values[x], cell.values[y]), [])
        if cell.policy not in names:
            names.append(cell.policy)
    labels = "".join(
        f"set label {gnuplot.quote(', '.join(names))} at {px},{py} left offset 0.8,0.5 font ',9'\n"
        for (px, py), names in at.items())
    blocks = "".join(
        gnuplot.block(n, [(c.values[x], c.values[y]) for c in list_] or [(None, None)])
        for n, list_ in (("front", front), ("rest", rest), ("lost", lost)))
    gnuplot.draw(f"""{blocks}
{labels}
set title {gnuplot.quote(heading)}
set xlabel {gnuplot.quote(x.replace("_", " "))}
set ylabel {gnuplot.quote(y.replace("_", " "))}
set xrange [0:{max(c.values[x] for c in cells) * 1.2 or 1}]
set yrange [0:{max(c.values[y] for c in cells) * 1.12 or 1}]
set format '%.0f'
set key outside bottom center horizontal
plot $rest with points pt 7 ps 0.8 lc rgb '#9aa3af' title 'beaten', \\
  $lost with points pt 2 ps 1 lw 1.6 lc rgb '{colours.FAILURE}' title 'failed', \\
  $front with linespoints pt 7 ps 1.3 lw 1.2 dt 3 lc rgb '{colours.FREE}' title 'nothing is better in both'
""", out, 900, 520)
