#!/usr/bin/env python3
"""A second, small model of MicroPython's collector (v1.22 and later), to check captured traces independently of heapsim.

Replays a trace on the areas that it names and compares every address, every moment of an automatic collection,
every growth and every release with what the capture saw. What dies is taken from the trace; where things lie is not.
"""
import gzip
import sys
from typing import Any, Optional

BLOCK = 16
HEADER = 32
OFF = 0xFFFFFFFF


class Divergence(Exception):
    """What the capture saw and what the model does are different."""


class Area:
    """Blocks of one area; 0 is free, 1 the first block of an object, 2 a further one."""

    def __init__(self, start: int, size: int, added: bool) -> None:
        self.start = start
        self.size = size
        end = (start + size) & ~15
        begin = start + (HEADER if added else 0)
        table = (end - begin - 1) * 8 // 524
        self.blocks = bytearray(4 * table)
        self.pool = end - 64 * table
        self.last_used = 0

    def find(self, count: int) -> int:
        return self.blocks.find(bytes(count))

    def length(self, at: int) -> int:
        end = at + 1
        while end < len(self.blocks) and self.blocks[end] == 2:
            end += 1
        return end - at

    def take(self, at: int, count: int) -> None:
        self.blocks[at:at + count] = b"\1" + b"\2" * (count - 1)
        self.last_used = max(self.last_used, at + count - 1)


class Collector:
    """First fit over areas in order, threshold, growth, release."""

    def __init__(self) -> None:
        self.areas: list[Area] = []
        self.split = 0
        self.counter = 0
        self.threshold = OFF
        self.notes: dict = {}

    def locate(self, address: int) -> tuple[Area, int]:
        for area in self.areas:
            if area.pool <= address < area.pool + BLOCK * len(area.blocks):
                return area, (address - area.pool) // BLOCK
        raise Divergence(f"{address:#x} is in no area")

    def first_fit(self, count: int) -> Optional[int]:
        for area in self.areas:
            at = area.find(count)
            if at >= 0:
                area.take(at, count)
                return area.pool + BLOCK * at
        return None

    def clear(self, address: int) -> None:
        area, at = self.locate(address)
        if area.blocks[at] != 1:
            raise Divergence(f"{address:#x} is not the start of an object")
        count = area.length(at)
        area.blocks[at:at + count] = bytes(count)

    def collect(self) -> None:
        self.counter = 0
        dead = self.notes.pop("collected", None)
        if dead is None:
            raise Divergence("the model collects here, the capture did not")
        for address in dead:
            self.clear(address)
        self.sweep()

    def sweep(self) -> None:
        keep = []
        for index, area in enumerate(self.areas):
            area.last_used = max(area.blocks.rfind(b"\1"), area.blocks.rfind(b"\2"), 0)
            if index > 0 and area.last_used == 0:
                released = self.notes.get("released", [])
                if area.start not in released:
                    raise Divergence(f"the model releases the area {area.start:#x}, the capture did not")
                released.remove(area.start)
            else:
                keep.append(area)
        self.areas = keep
        if self.notes.pop("released", []):
            raise Divergence("the capture released an area here, the model did not")

    def grow(self, size: int) -> bool:
        needed = size + max(2048, size * 13 // 512)
        if self.split < needed:
            return False
        blocks = sum(len(area.blocks) for area in self.areas)
        total = (blocks // 4 + blocks // 8 + BLOCK * blocks + 1 + HEADER + 15) & ~15
        ask = min(self.split, max(total, needed))
        seen = self.notes.pop("grown", None)
        if seen is None or seen[1] != ask:
            raise Divergence(f"the model grows by {ask}, the capture by {seen}")
        self.areas.append(Area(seen[0], ask, True))
        return True

    def alloc(self, size: int) -> Optional[int]:
        count = -(-size // BLOCK)
        collected = self.counter >= self.threshold
        if collected:
            self.collect()
        address = self.first_fit(count)
        if address is None and not collected:
            self.collect()
            address = self.first_fit(count)
        if address is None and self.grow(size):
            address = self.first_fit(count)
        if address is not None:
            self.counter += count
        return address

    def realloc(self, old: int, size: int, may_move: bool) -> Optional[int]:
        area, at = self.locate(old)
        have, want = area.length(at), -(-size // BLOCK)
        if want <= have:
            area.blocks[at + want:at + have] = bytes(have - want)
            return old
        behind = area.blocks[at + have:at + want]
        if len(behind) == want - have and not any(behind):
            area.take(at, want)
            return old
        if not may_move:
            return None
        new = self.alloc(size)
        if new is not None:
            self.clear(old)
        return new


def recorded(words: list[str]) -> Optional[int]:
    for word in words:
        if word.startswith("@"):
            return None if word == "@NULL" else int(word[1:], 16)
    raise Divergence("no recorded address")


class Replay:
    """Reads a trace statement by statement."""

    def __init__(self) -> None:
        self.gc = Collector()
        self.at: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.pending: list[int] = []  # drops since the last event
        self.promised = 0  # deaths that `collected N` announced

    def place(self, words: list[str]) -> None:
        slot, size = words[1], int(words[2])
        if words[0] == "alloc" and slot in self.at:
            raise Divergence(f"slot {slot} is already taken")
        if len(self.gc.notes.get("collected", [])) != self.promised:
            raise Divergence(f"{self.promised} deaths announced, {len(self.gc.notes['collected'])} named")
        self.promised = 0
        if self.pending:
            self.gc.notes["collected"] = self.pending
            self.pending = []
        if words[0] == "alloc":
            got = self.gc.alloc(size)
        else:
            got = self.gc.realloc(self.at[slot], size, "nomove" not in words)
        if got != recorded(words):
            raise Divergence(f"recorded {recorded(words)}, the model says {got}")
        if self.gc.notes:
            raise Divergence(f"the capture saw {self.gc.notes}, the model did not")
        if got is not None:
            self.at[slot] = got

    def statement(self, words: list[str]) -> None:
        kind, gc = words[0], self.gc
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind in ("alloc", "realloc"):
            self.place(words)
        elif kind == "free":
            gc.clear(self.at.pop(words[1]))
        elif kind == "drop":
            address = self.at.pop(words[1])
            (gc.notes["collected"] if "collected" in gc.notes else self.pending).append(address)
        elif kind == "collect":
            gc.notes["collected"], self.pending = self.pending, []
            gc.collect()
        elif kind == "collected":
            gc.notes["collected"], self.promised = [], int(words[1])
        elif kind == "area":
            gc.areas.append(Area(int(words[1], 0), int(words[2]), bool(gc.areas)))
        elif kind == "split":
            gc.split = int(words[1])
        elif kind == "threshold":
            gc.threshold = OFF if int(words[1]) < 0 else int(words[1]) // BLOCK
        elif kind == "grown":
            gc.notes["grown"] = (int(words[1], 0), int(words[2]))
        elif kind == "released":
            gc.notes.setdefault("released", []).append(int(words[1], 0))


def verify(name: str) -> bool:
    replay = Replay()
    opener: Any = gzip.open if name.endswith(".gz") else open
    with opener(name, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            try:
                if words:
                    replay.statement(words)
            except (Divergence, KeyError) as error:
                print(f"{name}:{number}: {line.strip()}: {error}")
                return False
    c = replay.counts
    addresses = c.get("alloc", 0) + c.get("realloc", 0)
    print(f"{name}: {addresses} addresses equal, {c.get('collected', 0)} automatic collections and "
          f"{c.get('collect', 0)} of the program, {c.get('grown', 0)} growths, {c.get('released', 0)} released")
    return addresses > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: first_fit.py TRACE...")
    sys.exit(0 if all([verify(name) for name in sys.argv[1:]]) else 1)
