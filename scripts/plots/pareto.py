"""(d) The Pareto front of a grid or of a search: runs over two metrics, and those that nothing beats in both."""

from pathlib import Path

from . import cells as grid
from . import colours, gnuplot

WORDS = {"python_free": ("left for Python, KiB", 1024), "python_total": ("Python's heap at the end, KiB", 1024),
         "sockets": ("further TLS sockets", 1), "free": ("free at the end, KiB", 1024),
         "minimum_free": ("minimum free, KiB", 1024), "gc.initial": ("first GC area, KiB", 1024),
         "minimum_largest_free_block": ("smallest largest free block, KiB", 1024),
         "largest_free_block": ("largest free block at the end, KiB", 1024)}


def _axis(name: str) -> tuple[str, int]:
    return WORDS.get(name, (name.replace("_", " "), 1))


def _front(cells: list[grid.Cell], x: str, y: str) -> list[grid.Cell]:
    return sorted((c for c in cells if not any(
        (o.values[x] >= c.values[x] and o.values[y] > c.values[y]) or
        (o.values[x] > c.values[x] and o.values[y] >= c.values[y]) for o in cells)), key=lambda c: c.values[x])


def _labels(front: list[grid.Cell], x: str, y: str) -> str:
    """The policies at each point of the front; runs that share one share a label."""
    at: dict[tuple[float, float], list[str]] = {}
    for cell in front:
        names = at.setdefault((cell.values[x] / _axis(x)[1], cell.values[y] / _axis(y)[1]), [])
        if cell.policy not in names:
            names.append(cell.policy)
    labels = ""
    for (px, py), names in at.items():
        text = names[:3] + ([f"and {len(names) - 3} more"] if len(names) > 3 else [])
        labels += (f"set label {gnuplot.quote_lines(text)} at {px},{py} center "
                   f"offset 0,{len(text)} font ',9'\n")
    return labels


def _group(cell: grid.Cell, x: str, y: str) -> str:
    """Runs that may be compared: the case without what the axes show."""
    return "/".join(p for p in cell.case.split("/") if not p.startswith((f"{x}=", f"{y}=")))


def _series(cells: list[grid.Cell], number: int, name: str, x: str, y: str) -> tuple[str, list[str], str]:
    """Data, plots and labels of one group."""
    units = _axis(x)[1], _axis(y)[1]
    passed = [c for c in cells if not c.failure]
    front = _front(passed, x, y)
    hue, mark = colours.TABLE["hues"][number % 6], (7, 5, 9, 11, 13, 15)[number % 6]
    kinds = []
    data = ""
    for kind, some, how in (
            ("r", [c for c in passed if c not in front], f"points pt {mark - 1} ps 0.9 lc rgb '{hue}' notitle"),
            ("f", front, f"linespoints pt {mark} ps 1.4 lw 1.4 dt 3 lc rgb '{hue}' title {gnuplot.quote(name or 'not beaten')}")):
        if some:
            data += gnuplot.block(f"{kind}{number}", [(c.values[x] / units[0], c.values[y] / units[1]) for c in some])
            kinds.append(f"${kind}{number} with {how}")
    return data, kinds, _labels(front, x, y)


def _pick(cells: list[grid.Cell], asked: str | None, usual: tuple[str, ...]) -> str:
    known = [k for k in usual if any(k in c.values for c in cells)]
    return asked or (known or list(usual))[0]


def plot(files: list[Path], out: Path, x: str | None, y: str | None, heading: str) -> None:
    """Draws all runs that have both metrics, larger being better: a front for each case."""
    everything = grid.read(files)
    x = _pick(everything, x, ("python_free", "python_total"))
    y = _pick(everything, y, ("minimum_largest_free_block", "sockets"))
    cells = [c for c in everything if x in c.values and y in c.values]
    if not cells:
        known = sorted({k for c in everything for k in c.values})
        gnuplot.stop(f"found no run with {x} and {y}, expected two of: {', '.join(known)}")
    text = labels = ""
    kinds: list[str] = []
    for number, name in enumerate(dict.fromkeys(_group(c, x, y) for c in cells)):
        data, more, names = _series([c for c in cells if _group(c, x, y) == name], number, name, x, y)
        text, labels, kinds = text + data, labels + names, kinds + more
    (words_x, unit_x), (words_y, unit_y) = _axis(x), _axis(y)
    most = max(c.values[y] for c in cells) / unit_y * 1.25 or 1
    lost = [(c.values[x] / unit_x, c.values[y] / unit_y) for c in cells if c.failure]
    if lost:
        text += gnuplot.block("lost", lost)
        kinds.append(f"$lost with points pt 2 ps 1 lw 1.6 lc rgb '{colours.FAILURE}' title 'failed'")
    gnuplot.draw(f"""{text}
{labels}
set title {gnuplot.quote(heading)}
set xlabel {gnuplot.quote(words_x)}
set ylabel {gnuplot.quote(words_y)}
set xrange [0:{max(c.values[x] for c in cells) / unit_x * 1.12 or 1}]
set yrange [0:{most}]
set format '%.0f'
{'set ytics 1' if most < 10 else ''}
set key outside bottom center horizontal
plot {", ".join(kinds)}
""", out, 1000, 500)
