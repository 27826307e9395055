#!/usr/bin/env python3
"""A second, deliberately simple implementation of MicroPython's collector, v1.12 to v1.25 and later.

It shares no code and no data structure with sim/: an object is a Python object with a list of words,
an area a row of bytes, marking is a walk. It exists to be compared with the real one.
`gc_model.py TARGET < SCRIPT` answers the commands of a golden script; what only prints tables (mi, d,
h, s) is passed over.
"""
from __future__ import annotations

import sys
from collections import deque
from typing import Callable, Iterator, Optional

BLOCK = 16
WORD = 1 << 32
TYPE = 0x3F400020  # first word of an object with a finaliser
QUEUE = -1         # max-new-split is the size of the queue's front


class Area:
    def __init__(self, start: int, size: int, header: int, gap: int) -> None:
        self.start, self.tables = start, start + header
        end = (start + size) // BLOCK * BLOCK
        atb = max(0, (end - self.tables - gap) * 8 // 524)
        self.count = 4 * atb
        self.pool, self.end = end - 64 * atb, end
        self.taken = bytearray(self.count)


class Object:
    def __init__(self, blocks: int, finaliser: bool) -> None:
        self.blocks, self.finaliser = blocks, finaliser
        self.words = [0] * (4 * blocks)


class Collector:
    def __init__(self, target: str) -> None:
        mode, release = target.split("-")
        self.minor = int(release.split(".")[1])
        self.auto = mode == "auto"
        self.areas: list[Area] = []
        self.heap: dict[int, Object] = {}  # live or not yet collected, by address
        self.roots: dict[int, int] = {}
        self.held = 0  # under realloc
        self.counter = 0
        self.threshold: Optional[int] = None
        self.enabled, self.locked = True, 0
        self.collecting = False
        self.split = 0
        self.queue: deque[tuple[int, int]] = deque()
        self.events: list[str] = []
        self.lost = False  # a live object went with its area
        self.finalise: Callable[[int], None] = lambda address: None

    def add(self, start: int, size: int) -> None:
        header = 0 if not self.areas else 28 if self.minor == 20 else 32
        self.areas.append(Area(start, size, header, 1 if self.minor >= 20 else 0))

    def area_of(self, address: int) -> Area:
        return next(a for a in self.areas if a.pool <= address < a.end)

    def mark_blocks(self, address: int, first: int, count: int, value: int) -> None:
        area = self.area_of(address)
        at = (address - area.pool) // BLOCK + first
        area.taken[at:at + count] = bytes([value]) * count

    # Allocation

    def first_fit(self, blocks: int) -> int:
        for area in self.areas:
            at = area.taken.find(bytes(blocks))
            if at >= 0:
                return area.pool + BLOCK * at
        return 0

    def alloc(self, size: int, finaliser: bool) -> int:
        blocks = (size + BLOCK - 1) % WORD // BLOCK
        if blocks == 0 or self.locked:
            return 0
        collected = not self.enabled
        if not collected and self.threshold is not None and self.counter >= self.threshold:
            self.collect()
            collected = True
        address = self.first_fit(blocks)
        if not address and not collected:
            self.collect()
            address = self.first_fit(blocks)
        if not address and self.grow(size):
            address = self.first_fit(blocks)
        if address:
            self.heap[address] = Object(blocks, finaliser)
            self.mark_blocks(address, 0, blocks, 1)
            self.counter += blocks
        return address

    def max_new_split(self) -> int:
        if self.split != QUEUE:
            return self.split
        return self.queue[0][1] if self.queue else 0

    def grow(self, size: int) -> bool:
        needed = size + max(2048, size * 13 % WORD // 512)
        if not self.auto or self.max_new_split() < needed:
            return False
        if self.minor == 21:
            total = sum(a.end - a.tables + 1 + 32 for a in self.areas)
        else:
            blocks = sum(a.count for a in self.areas)
            total = -(-(blocks // 4 + blocks // 8 + BLOCK * blocks + 1 + 32) // 16) * 16
        ask = min(self.max_new_split(), max(total, needed))
        start = 0
        if self.queue:
            front = self.queue.popleft()
            start = front[0] if ask <= front[1] else 0
        self.events.append(f"grow {ask}=" + (f"{start:x}" if start else "NULL"))
        if start:
            self.add(start, ask)
        return start != 0

    def free(self, address: int) -> None:
        if address and not self.locked and (self.minor >= 25 or not self.collecting):
            self.drop(address)

    def drop(self, address: int) -> None:
        self.mark_blocks(address, 0, self.heap.pop(address).blocks, 0)

    def realloc(self, address: int, size: int, may_move: bool) -> int:
        if address == 0:
            return self.alloc(size, False)
        if self.locked:
            return 0
        if size == 0:
            self.free(address)
            return 0
        thing, want = self.heap[address], (size + BLOCK - 1) % WORD // BLOCK
        if want == thing.blocks:
            return address
        if want < thing.blocks:
            self.mark_blocks(address, want, thing.blocks - want, 0)
        else:
            area = self.area_of(address)
            at = (address - area.pool) // BLOCK + thing.blocks
            behind = area.taken[at:at + want - thing.blocks]
            if len(behind) < want - thing.blocks or any(behind):
                return self.move(address, size) if may_move else 0
            self.mark_blocks(address, thing.blocks, want - thing.blocks, 1)
        thing.words = (thing.words + [0] * (4 * want))[:4 * want]
        thing.blocks = want
        return address

    def move(self, address: int, size: int) -> int:
        old = self.heap[address]
        self.held = address
        new = self.alloc(size, old.finaliser)
        self.held = 0
        if new:
            self.heap[new].words[:len(old.words)] = old.words
            self.drop(address)
        return new

    # Collection

    def reachable(self) -> set[int]:
        found: set[int] = set()
        todo = [self.held, *self.roots.values()]
        while todo:
            word = todo.pop()
            if word in self.heap and word not in found:
                found.add(word)
                todo += self.heap[word].words
        return found

    def collect(self) -> None:
        self.counter = 0
        count = self.sweep(self.reachable())
        self.events.append(f"collect {count}")

    def in_order(self, area: Area) -> Iterator[int]:
        return iter(sorted(a for a in self.heap if area.pool <= a < area.end))

    def call_finaliser(self, address: int) -> None:
        thing = self.heap.get(address)
        if thing and thing.finaliser:
            thing.finaliser = False
            if thing.words[0]:
                self.finalise(address)

    def sweep(self, live: set[int]) -> int:
        self.collecting = True
        count = 0
        if self.minor >= 25:
            for area in self.areas:
                for address in self.in_order(area):
                    if address not in live:
                        self.call_finaliser(address)
        for area in list(self.areas):
            for address in self.in_order(area):
                if address not in live:
                    if self.minor < 25:
                        self.call_finaliser(address)
                    self.drop(address)
                    count += 1
            if self.auto and area is not self.areas[0] and area.taken.rfind(1) <= 0:
                self.release(area)
        self.collecting = False
        return count

    def release(self, area: Area) -> None:
        """The upstream defect included: a last object of one block in block 0 goes with its area."""
        for address in list(self.in_order(area)):
            del self.heap[address]
            self.lost = True
        self.areas.remove(area)
        self.events.append(f"release {area.start:x}")

    def info(self) -> str:
        sizes = [thing.blocks for thing in self.heap.values()]
        total = sum(a.count for a in self.areas)
        runs = [len(run) for a in self.areas for run in a.taken.split(b"\1")]
        split = self.max_new_split() if self.auto else 0
        return (f"total={16 * total} used={16 * sum(sizes)} free={16 * (total - sum(sizes))} "
                f"max_free={max(runs, default=0)} n1={sizes.count(1)} n2={sizes.count(2)} "
                f"max_block={max(sizes, default=0)} max_new_split={split}")


class Script:
    """Answers the commands of a golden script; None for what it passes over."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.reset()

    def reset(self) -> None:
        self.gc = Collector(self.target)
        self.gc.finalise = self.finalise
        self.ids: dict[int, int] = {}
        self.named = 0  # the room that golden_gc has for names: it answers it for an object without
        self.frees: dict[int, int] = {}

    def finalise(self, address: int) -> None:
        who = min((i for i, a in self.ids.items() if a == address), default=self.named)
        text = f"fin {who}"
        other = self.frees.pop(who, None)
        if other is not None and self.ids.get(other, 0):
            text += f"(free {other})"
            self.gc.free(self.ids[other])
            self.ids[other] = 0
        self.gc.events.append(text)

    def place(self, name: int, address: int) -> str:
        self.ids[name] = address
        return f"{address:x}" if address else "NULL"

    def allocate(self, word: list[str]) -> str:
        option = word[3] if len(word) > 3 else ""
        address = self.gc.alloc(int(word[2]), option in ("fin", "fin0"))
        self.frees.pop(int(word[1]), None)
        if address and option == "fin":
            self.gc.heap[address].words[0] = TYPE
        return self.place(int(word[1]), address)

    def reallocate(self, word: list[str]) -> str:
        name, size = int(word[1]), int(word[2])
        old = self.ids.get(name, 0)
        address = self.gc.realloc(old, size, "move=0" not in word)
        if address or size == 0:
            self.ids[name] = address
        return f"{address:x}" if address else "NULL"

    def object_word(self, word: list[str]) -> str:
        address, at = self.ids.get(int(word[1]), 0), int(word[2])
        target = self.ids.get(int(word[3]), 0) if word[0] == "link" else 0
        if not address or (word[0] == "link" and not target):
            return "nul"
        thing = self.gc.heap.get(address)
        if thing is None or at >= len(thing.words):
            return "range"
        if word[0] == "get":
            return f"{thing.words[at]:x}"
        thing.words[at] = int(word[3], 16) if word[0] == "set" else target
        return "ok"

    def setting(self, word: list[str]) -> str:
        gc, value = self.gc, word[1] if len(word) > 1 else ""
        if word[0] == "t":
            gc.threshold = None if int(value) < 0 else int(value) // BLOCK
        elif word[0] == "enable":
            gc.enabled = value != "0"
        elif word[0] in ("lock", "unlock"):
            gc.locked += 1 if word[0] == "lock" else -1
        elif word[0] == "newsplit":
            gc.split = QUEUE if value == "q" else int(value)
        elif word[0] == "platalloc":
            gc.queue.append((int(value, 16), int(word[2])))
        elif word[0] == "area":
            gc.add(int(value, 16), int(word[2]))
        elif word[0] == "root":
            gc.roots[int(value)] = self.ids.get(int(word[2]), 0)
        elif word[0] == "rootint":
            gc.roots[int(value)] = int(word[2], 16)
        elif word[0] == "unroot":
            gc.roots[int(value)] = 0
        elif word[0] == "onfin":
            self.frees[int(value)] = int(word[2])
        else:
            raise SystemExit(f"gc_model: command not known: {' '.join(word)}")
        return "ok"

    def one(self, word: list[str]) -> str:
        if word[0] == "reset":
            self.reset()
            return "ok"
        if word[0] == "a":
            return self.allocate(word)
        if word[0] == "r":
            return self.reallocate(word)
        if word[0] == "f":
            self.gc.free(self.ids.get(int(word[1]), 0))
            self.ids[int(word[1])] = 0
            return "ok"
        if word[0] in ("link", "set", "unlink", "get"):
            return self.object_word(word)
        if word[0] == "ty":
            thing = self.gc.heap.get(self.ids.get(int(word[1]), 0))
            if thing:
                thing.words[0] = TYPE
            return "ok" if self.ids.get(int(word[1]), 0) else "nul"
        if word[0] == "nb":
            thing = self.gc.heap.get(self.ids.get(int(word[1]), 0))
            return str(BLOCK * thing.blocks if thing else 0)
        if word[0] == "c":
            self.gc.collect()
            return "ok"
        if word[0] == "sweepall":
            return f"ok {self.gc.sweep(set())}"
        return self.gc.info() if word[0] == "i" else self.setting(word)

    def answer(self, line: str) -> Optional[str]:
        word = line.partition("#")[0].split()
        self.gc.events = []
        names = {"a": 1, "r": 1, "f": 1, "nb": 1, "onfin": 1, "link": 3, "set": 1, "get": 1, "unlink": 1, "root": 2}
        if word and word[0] in names:
            for at in {1 if word[0] != "root" else 2, names[word[0]]}:
                self.named += int(word[at]) + 1 if int(word[at]) >= self.named else 0
        if not word or word[0] in ("mi", "d", "h", "s"):
            return None
        text = self.one(word)
        return text + (" | " + " ".join(self.gc.events) if self.gc.events else "")


if __name__ == "__main__":
    script = Script(sys.argv[1])
    for command in sys.stdin:
        out = script.answer(command)
        if out is not None:
            print(out)
