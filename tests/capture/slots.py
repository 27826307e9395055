"""Reads a trace as a replay would: every statement on a slot must fit the slot's state."""
import glob
import gzip
from dataclasses import dataclass, field
from typing import Any

OTHERS = {"phase", "mark", "time", "area", "split", "grown", "released", "collected", "collect", "threshold"}


@dataclass
class Trace:
    """What a trace holds, and what is live at its end."""

    header: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    live: dict = field(default_factory=dict)
    peak: int = 0
    owners: set = field(default_factory=set)

    def event(self, words: list[str]) -> None:
        kind, slot = words[0], words[1] if len(words) > 1 else ""
        self.events.append(words)
        if kind in ("alloc", "calloc", "aligned"):
            assert slot not in self.live, f"{words}: the slot is taken"
            owner = words[3] if kind == "alloc" else words[4]
            assert owner in self.owners, f"{words}: the owner is not in the header"
            sizes = [int(word) for word in words[2:4 if kind == "calloc" else 3]] if kind != "aligned" else [int(words[3])]
            if words[-1] != "failed":
                self.live[slot] = sizes[0] * (sizes[1] if len(sizes) > 1 else 1)
        elif kind == "realloc":
            assert slot in self.live, f"{words}: the slot is empty"
            if words[-1] != "failed":
                self.live[slot] = int(words[2])
        elif kind in ("free", "drop"):
            assert slot in self.live, f"{words}: the slot is empty"
            del self.live[slot]
        else:
            assert kind in OTHERS, f"{words}: not a statement"
        self.peak = max(self.peak, sum(self.live.values()))

    def shapes(self) -> list[str]:
        """The events without their slots."""
        return [" ".join([words[0], *words[2:]]) if words[0] not in ("phase", "mark") else " ".join(words)
                for words in self.events]


def read(name: str) -> Trace:
    trace = Trace()
    opener: Any = gzip.open if name.endswith(".gz") else open
    with opener(name, "rt", encoding="utf-8") as lines:
        assert next(lines) == "heapsim-trace 1\n"
        for line in lines:
            words = line.split("# ")[0].split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] in ("title", "origin", "source", "device", "complete"):
                trace.header.setdefault(words[0], []).append(" ".join(words[1:]))
            elif words[0] == "owner":
                assert words[2] in ("idf", "gc")
                trace.owners.add(words[1])
            else:
                trace.event(words)
    return trace


def others(name: str) -> list[str]:
    """The traces of further processes of the same capture."""
    return sorted(set(glob.glob(name[:-len(".trace")] + ".*.trace")))
