"""Trace events in memory: read captured traces, put parts together, write a trace."""
from __future__ import annotations

import functools
import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

TRACES = Path(__file__).resolve().parents[2] / "traces"

OWNERS = {
    "event_loop": "idf caps=default,internal",
    "netif": "idf caps=default,internal",
    "wifi": "idf caps=default,internal",
    "softap": "idf caps=default,internal",
    "rtos": "idf caps=internal,8bit",
    "lwip": "idf caps=default,internal",
    "mbedtls": "idf caps=internal,8bit",
    "bt": "idf caps=internal,8bit",
    "nimble": "idf caps=default,internal",
}


@dataclass(frozen=True)
class Event:
    """op: alloc, free, phase, mark, region. `slot` names the block within its part."""

    op: str
    slot: str = ""
    size: int = 0
    owner: str = ""
    caps: str = ""
    comment: str = ""

    def is_frame(self, way: str) -> bool:
        return self.op == "alloc" and self.comment.startswith(f"M wifi_{way}_dyn")


@functools.cache
def read_captured(name: str) -> tuple[Event, ...]:
    """The events of traces/NAME, their comments marked as measured."""
    path = TRACES / name
    opener: Any = gzip.open if path.suffix == ".gz" else open
    events = []
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            text, _, comment = line.partition("#")
            word = text.split()
            if word and word[0] == "alloc":
                caps = word[4].removeprefix("caps=") if len(word) > 4 else ""
                tag = f"M {comment.strip()}"
                events.append(Event("alloc", word[1], int(word[2]), word[3], caps, tag))
            elif word and word[0] == "free":
                events.append(Event("free", word[1]))
            elif word and word[0] == "phase":
                events.append(Event("phase", word[1]))
    return tuple(events)


def between(events: Sequence[Event], first: str | None, last: str | None) -> list[Event]:
    """From phase `first` on (None: the start) up to, without, phase `last` (None: the end)."""
    out, inside = [], first is None
    for event in events:
        if event.op == "phase":
            inside = (inside or event.slot == first) and event.slot != last
        if inside:
            out.append(event)
    return out


def prefixed(events: list[Event], prefix: str) -> list[Event]:
    """The same events with slots and phases of their own."""
    if not prefix:
        return events
    return [replace(e, slot=prefix + e.slot) for e in events]


def numbered(events: list[Event]) -> list[str]:
    """The lines of the trace. Slots become numbers; a freed one is used again."""
    numbers: dict[str, int] = {}
    spare: list[int] = []
    lines = []
    for e in events:
        if e.op == "alloc":
            number = spare.pop() if spare else len(numbers) + 1
            numbers[e.slot] = number
            caps = f" caps={e.caps}" if e.caps else ""
            lines.append(f"alloc {number} {e.size} {e.owner}{caps} # {e.comment}")
        elif e.op == "free":
            number = numbers.pop(e.slot)
            spare.append(number)
            lines.append(f"free {number}")
        elif e.op == "region":
            lines.append(f"region {e.slot} {e.size} {e.owner} # {e.comment}")
        else:
            lines.append(f"{e.op} {e.slot}" + (f" # {e.comment}" if e.comment else ""))
    return lines


def trace_text(title: str, sources: list[str], events: list[Event]) -> str:
    used = {e.owner for e in events if e.op == "alloc"}
    head = ["heapsim-trace 1", f"title   {title}", "origin  modelled"]
    head += [f"source  {source}" for source in sources]
    head.append("device  ESP32, ESP-IDF v4.4, MicroPython v1.19; no device was measured")
    head.append("complete yes")
    head += [f"owner   {name} {heap}" for name, heap in OWNERS.items() if name in used]
    return "\n".join(head + numbered(events)) + "\n"
