"""(c) Policies side by side: a group for each scenario, a row for each policy, a column for each metric."""

from pathlib import Path

from . import cells as grid
from . import colours, gnuplot

PANELS = [("minimum_largest_free_block", "smallest largest free block, KiB", 1024),
          ("sockets", "further TLS sockets", 1),
          ("python_total", "Python's heap at the end, KiB", 1024),
          ("python_free", "left for Python, KiB", 1024)]
PIXELS = 17  # of a row
HEAD = 1.15  # rows for a group's name
GAP = 0.55
ROOM = 1.42  # of an axis, for the number behind the longest bar


class _Row:
    """One policy on one scenario: a run for each seed."""

    def __init__(self, policy: str, runs: list[grid.Cell], y: float) -> None:
        self.policy = policy
        self.runs = runs
        self.y = y
        self.lost = [c.failure for c in runs if c.failure]

    def values(self, key: str, unit: int) -> list[float]:
        """Of all runs, ascending."""
        return sorted(c.values[key] / unit for c in self.runs if key in c.values)

    def outcome(self) -> str:
        """In words."""
        if not self.lost:
            return "all served"
        kinds = ", ".join(sorted(set(self.lost)))
        return f"failed: {kinds}" if len(self.runs) == 1 else f"{len(self.lost)} of {len(self.runs)} failed: {kinds}"


def _rows(cells: list[grid.Cell]) -> tuple[list[_Row], dict[str, float], float]:
    """Rows, where the names of the groups stand, and how many rows high all is."""
    rows: list[_Row] = []
    heads: dict[str, float] = {}
    y = 0.0
    for case in dict.fromkeys(c.case for c in cells):
        if case:
            heads[case] = y
            y += HEAD
        for policy in dict.fromkeys(c.policy for c in cells if c.case == case):
            rows.append(_Row(policy, [c for c in cells if c.case == case and c.policy == policy], y))
            y += 1
        y += GAP
    return rows, heads, y - GAP


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _panel(rows: list[_Row], key: str, unit: int) -> str:
    """Data and the plot command of a panel: bars to the median, a dot for each seed."""
    good: list[tuple[object, ...]] = []
    bad: list[tuple[object, ...]] = []
    dots: list[tuple[object, ...]] = []
    labels = ""
    most = 0.0
    for row in rows:
        values = row.values(key, unit)
        if not values:
            continue
        n = len(values)
        (bad if row.lost else good).append((values[n // 2], row.y))
        most = max(most, values[-1])
        text = _number(values[0])
        if values[0] != values[-1]:  # the spread within a row only keeps dots apart
            dots += [(v, f"{row.y + 0.24 * ((i * 0.618) % 1 * 2 - 1):.3f}") for i, v in enumerate(values)]
            text += f" .. {_number(values[-1])}"
        labels += f"set label {gnuplot.quote(text)} at {values[-1]},{row.y} left offset 0.8,0 font ',9'\n"
    blocks = "".join(gnuplot.block(n, d or [(None, None)]) for n, d in (("b", good), ("f", bad), ("s", dots)))
    box = "using 1:2:(0):1:($2-0.34):($2+0.34) with boxxyerror"
    return f"""{blocks}
{labels}
set xrange [0:{most * ROOM or 1}]
set xtics 0,{_step(most)} font ',9'
plot $b {box} fs solid 0.6 noborder lc rgb '{colours.FREE}' notitle, \\
  $f {box} fs pattern 4 border rgb '{colours.FAILURE}' lc rgb '{colours.FAILURE}' notitle, \\
  $s using 1:2 with points pt 7 ps 0.32 lc rgb '#1b1f24' notitle
unset label
"""


def _step(most: float) -> float:
    """A round distance of at most five labels, so that they do not meet."""
    step = 1.0
    while most * ROOM / step > 5.5:
        step *= 2 if str(step).startswith(("1", "5")) else 2.5
    return step


def _key(rows: list[_Row], height: int) -> str:
    """What the bars mean, at the foot."""
    words = "solid: all was served; hatched: an allocation failed"
    if any(len(r.runs) > 1 for r in rows):
        words += "; bar: median over seeds; dots: each seed"
    return (f"set label {gnuplot.quote(words)} at screen 0.985,{16 / height:.4f} right font ',9' "
            "textcolor rgb '#5b6470'\n")


def _names(rows: list[_Row], heads: dict[str, float], at: float) -> str:
    """Policies, the groups above them, and the outcomes at `at`."""
    text = ""
    for name, y in heads.items():
        text += (f"set label {gnuplot.quote(name)} at screen 0.012,first {y - 0.05:.2f} left "
                 "font ',11'\n")
    for row in rows:
        colour = colours.FAILURE if row.lost else "#1a7f4b"
        text += (f"set label {gnuplot.quote(row.policy)} at screen 0.022,first {row.y:.2f} left font ',9'\n"
                 f"set label {gnuplot.quote(row.outcome())} at screen {at:.4f},first {row.y:.2f} left "
                 f"font ',9' textcolor rgb '{colour}'\n")
    return text


def plot(files: list[Path], out: Path, heading: str) -> None:
    """Draws all runs of the files."""
    cells = grid.read(files)
    rows, heads, high = _rows(cells)
    panels = [p for p in PANELS if any(p[0] in c.values for c in cells)]
    outcomes = min(0.3, 0.04 + max(len(r.policy) for r in rows) * 0.0066)
    left = min(0.55, outcomes + 0.012 + max(len(r.outcome()) for r in rows) * 0.0064)
    height = round(114 + PIXELS * high)
    script = f"""set multiplot
set border 2 lc rgb '#9aa3af'
unset key
unset ytics
set grid xtics noytics
set tmargin at screen {1 - 62 / height}
set bmargin at screen {50 / height}
set yrange [{high - 0.4:.2f}:-0.6]
set label {gnuplot.quote(heading)} at screen 0.5,{1 - 18 / height:.4f} center font ',13'
set label 'outcome' at screen {outcomes:.4f},{1 - 46 / height:.4f} left font ',9'
{_key(rows, height)}{_names(rows, heads, outcomes)}"""
    width = (0.985 - left) / len(panels)
    for i, (key, words, unit) in enumerate(panels):
        at = left + i * width
        script += (f"set lmargin at screen {at:.4f}\nset rmargin at screen {at + width - 0.02:.4f}\n"
                   f"set label {gnuplot.quote(words)} at screen {at:.4f},{1 - 46 / height:.4f} left font ',9'\n"
                   + _panel(rows, key, unit))
    gnuplot.draw(script + "unset multiplot\n", out, 1000, height)
