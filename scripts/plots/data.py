"""What plots read: heapsim's own --json, --csv and --blocks. Plain or .gz."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from .gnuplot import stop


def open_text(path: Path) -> TextIO:
    """The file's text."""
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="")
        return open(path, encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        stop(f"{path}: {error.strerror}")
        raise


def read_json(path: Path) -> Any:
    """A JSON file."""
    with open_text(path) as file:
        try:
            return json.load(file)
        except ValueError as error:
            stop(f"{path}: {error}")
            raise


def rows(path: Path, columns: list[str]) -> Iterator[dict[str, str]]:
    """Rows of a CSV file that must have `columns`."""
    with open_text(path) as file:
        reader = csv.DictReader(file)
        missing = [c for c in columns if c not in (reader.fieldnames or [])]
        if missing:
            stop(f"{path}: found no column {missing[0]}, expected the CSV that heapsim wrote")
        yield from reader


@dataclass(slots=True)
class Block:
    """A row of --blocks."""

    heap: str
    address: int
    size: int
    owner: str
    born: int
    died: int  # after the last event for what lived on


def read_blocks(path: Path, events: int) -> list[Block]:
    """All rows of --blocks."""
    needed = ["heap", "address", "size", "owner", "born_event", "died_event"]
    return [
        Block(r["heap"], int(r["address"], 16), int(r["size"]), r["owner"], int(r["born_event"]),
              int(r["died_event"]) if r["died_event"] else events + 1)
        for r in rows(path, needed)
    ]


@dataclass(slots=True)
class Phase:
    """A phase and the events it spans."""

    name: str
    first: int
    last: int


def title(result: Any) -> str:
    """What a run is called."""
    names = " + ".join(Path(t["name"]).name.split(".trace")[0] for t in result["traces"])
    return f"{result['layout']}, {result['policy']}: {names}"


def phases(result: Any) -> list[Phase]:
    """From the marks, which end phases; boot, start and end are none."""
    ends = [m for m in result["marks"] if m["name"] not in ("boot", "start", "end")]
    found = []
    first = 0
    for mark in ends:
        if mark["event"] > first:
            found.append(Phase(mark["name"], first, mark["event"]))
            first = mark["event"]
    return found
