"""Runs of a grid: results of `run --json`, `compare --json` and `search --json`.

`compare --json` has `cells`, each with `policy`, `outcome`, `failure` (its `class`), `metrics` by name
and `marks`, of which the last is the run's end. `search --json` has `results`: a cell, the value
found, and what was left with it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import data, gnuplot


@dataclass
class Cell:
    """One run."""

    policy: str
    case: str  # what was run: layout, scenario and its values; not the policy, not the seed
    failure: str  # class; empty: completed
    values: dict[str, float]


def _of_run(result: Any) -> Cell:
    gc = result["final"]["gc"]
    values = {"minimum_largest_free_block": result["minimum_largest_free_block"],
              "minimum_free": result["minimum_free"], "free": result["final"]["idf"]["free"],
              "largest_free_block": result["final"]["idf"]["largest_free_block"],
              "python_total": gc["total"] if gc else 0}
    failure = result["failure"]["class"] if result["failure"] else ""
    case = result["layout"] + "/" + "+".join(t["name"] for t in result["traces"])
    return Cell(result["policy"], case, failure, values)


def _split(name: str) -> tuple[str, str]:
    """Policy and case of a cell's id: LAYOUT/POLICY/CASE[/seed=N]."""
    parts = [p for p in name.split("/") if not p.startswith("seed=")]
    if len(parts) < 3:
        return parts[-1], ""
    return parts[1], "/".join([parts[0], *parts[2:]])


def _set(case: str) -> dict[str, float]:
    """The numbers among the KEY=VALUE of a case."""
    pairs = [p.split("=", 1) for p in case.split("/") if "=" in p]
    return {k: float(v) for k, v in pairs if v.isdigit()}


def _of_cell(cell: Any) -> Cell:
    case = _split(cell.get("id", ""))[1]
    values = _set(case) | {k: v for k, v in cell["metrics"].items() if isinstance(v, (int, float))}
    end = (cell.get("marks") or [{}])[-1].get("metrics", {})
    values |= {k: v for k, v in end.items() if isinstance(v, (int, float)) and k not in values}
    if "python_free" not in values and "gc.total" in values:
        values["python_total"] = values["gc.total"]
    failure = ""
    if cell["outcome"] == "failed":
        failure = (cell.get("failure") or {}).get("class", "failed")
    return Cell(cell["policy"], case, failure, values)


def _of_search(result: Any, key: str) -> Cell | None:
    if result.get("value") is None:
        return None
    policy, case = _split(result["cell"])
    values = _set(case) | {key: result["value"], "python_free": result["python_free"], "sockets": result["sockets"]}
    return Cell(f"{policy}, {result['value'] / 1024:g}K", case, "", values)


def _all(json: Any) -> list[Cell]:
    if "cells" in json:
        return [_of_cell(c) for c in json["cells"] if c.get("state", "done") == "done"]
    if "results" in json:
        found = [_of_search(r, json["key"]) for r in json["results"]]
        return [c for c in found if c]
    return [_of_run(json)]


def _without_common(names: list[str]) -> dict[str, str]:
    """Each name without the folders that all begin with."""
    parts = {n: n.split("/") for n in names}
    same = 0
    while len({tuple(p[:same + 1]) for p in parts.values()}) == 1 and all(len(p) > same + 1 for p in parts.values()):
        same += 1
    return {n: "/".join(p[same:]) for n, p in parts.items()}


def read(files: list[Path]) -> list[Cell]:
    """All runs of all files."""
    cells: list[Cell] = []
    for path in files:
        json = data.read_json(path)
        try:
            cells += _all(json)
        except (KeyError, TypeError) as error:
            gnuplot.stop(f"{path}: found no {error}, expected the JSON of `heapsim run`, `compare` or `search`")
    if not cells:
        gnuplot.stop(f"{files[0]}: found no run, expected at least one")
    short = _without_common([c.case for c in cells])
    for cell in cells:
        cell.case = short[cell.case]
    return cells
