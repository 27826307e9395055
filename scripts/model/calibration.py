#!/usr/bin/env python3
"""Prints published / heapsim / difference for the figures of MicroPython issue 8940.

Exit 1 when a figure differs. The program is taken from the environment HEAPSIM.
"""
from __future__ import annotations

import sys

import parameters
from statements import STATEMENTS, results_of


def difference(published: str, found: str) -> str:
    """Number by number where both are numbers, else words."""
    if published == found:
        return "0" if published[0].isdigit() else "none"
    old, new = published.split(", "), found.split(", ")
    if len(old) == len(new) and all(w.isdigit() for w in old + new):
        return ", ".join(f"{int(b) - int(a):+d}" for a, b in zip(old, new))
    return "differs"


def main() -> int:
    results = results_of(parameters.load())
    rows = [("statement", "published", "heapsim", "difference", "heapsim's is")]
    for s in STATEMENTS:
        found = s.found(results[s.trace, s.policy])
        rows.append((s.text, s.published, found, difference(s.published, found), s.how))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return 0 if all(row[1] == row[2] for row in rows[1:]) else 1


if __name__ == "__main__":
    sys.exit(main())
