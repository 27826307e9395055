#!/usr/bin/env python3
"""Plots of heapsim's own JSON and CSV, by gnuplot: PNG, SVG or PDF by the name of the output.

  plot.py map       --blocks B.csv --json R.json -o map.png       heap map: addresses over events
  plot.py timeline  --csv T.csv    --json R.json -o line.svg      free, largest block, GC over events
  plot.py histogram --blocks B.csv --json R.json -o sizes.png     free memory by block size
  plot.py drift     --csv T.csv    --json R.json -o drift.png     the worst of each window, with trend
  plot.py rounds    ROUNDS.csv     -o drift.png                   what each round left (`heapsim compare --rounds`)
  plot.py policies  R.json ... -o policies.png                    policies side by side
  plot.py pareto    R.json ... --x METRIC --y METRIC -o front.png the runs that nothing beats

R.json, T.csv and B.csv are what `heapsim run --json R.json --csv T.csv --blocks B.csv` writes;
`policies` and `pareto` also read `heapsim compare --json`, `pareto` also `heapsim search --json`.
"""

import argparse
import sys
from pathlib import Path

from plots import drift, heap_map, histogram, pareto, policies, timeline


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, needs in (("map", "blocks"), ("histogram", "blocks"), ("timeline", "csv"), ("drift", "csv")):
        one = kinds.add_parser(kind)
        one.add_argument(f"--{needs}", type=Path, required=True, metavar="FILE")
        one.add_argument("--json", type=Path, required=True, metavar="FILE")
        one.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    rounds = kinds.add_parser("rounds")
    rounds.add_argument("rounds", type=Path, metavar="ROUNDS.csv")
    rounds.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    for kind in ("policies", "pareto"):
        several = kinds.add_parser(kind)
        several.add_argument("files", type=Path, nargs="+", metavar="R.json")
        several.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
        several.add_argument("--title", default="policies side by side" if kind == "policies" else
                             "what no other run of its kind beats in both (filled)")
        if kind == "pareto":
            several.add_argument("--x", metavar="METRIC")
            several.add_argument("--y", metavar="METRIC")
    return parser


def main() -> int:
    """The command."""
    a = _parser().parse_args()
    if a.kind == "map":
        heap_map.plot(a.blocks, a.json, a.output)
    elif a.kind == "histogram":
        histogram.plot(a.blocks, a.json, a.output)
    elif a.kind == "timeline":
        timeline.plot(a.csv, a.json, a.output)
    elif a.kind == "drift":
        drift.of_run(a.csv, a.json, a.output)
    elif a.kind == "rounds":
        drift.of_rounds(a.rounds, a.output)
    elif a.kind == "policies":
        policies.plot(a.files, a.output, a.title)
    else:
        pareto.plot(a.files, a.output, a.x, a.y, a.title)
    return 0


if __name__ == "__main__":
    sys.exit(main())
