#!/usr/bin/env python3
"""A second, deliberately simple implementation of the IDF v4.4 heap (v4.4 to v4.4.3, ESP32).

It shares no code and no data structure with sim/: blocks are Python objects in a doubly linked
list, size classes are plain lists, every search is a walk. It exists to be compared with the real
one. `tlsf_model.py SCRIPT` runs a golden script (the commands it knows) and prints the answers.
"""
from __future__ import annotations

import sys
from dataclasses import dataclass, field

SL = 32  # second-level classes
MIN_DATA = 12
SPLIT_EXTRA = 16
RECORD = 20  # multi_heap record in front of the control structure
CONTROL = 1604  # ESP32 without SPIRAM: FL max 18
LIMIT = 1 << 18

TYPE_CAPS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "DRAM": ({"8bit", "default"}, {"internal", "dma", "32bit"}, set()),
    "DIRAM": (set(), {"dma", "8bit", "internal", "default"}, {"32bit", "exec"}),
    "IRAM": ({"internal", "exec", "32bit"}, set(), set()),
}
CAP_BITS = {"exec": 1, "32bit": 2, "8bit": 4, "dma": 8, "internal": 0x800, "default": 0x1000}


def size_class(size: int) -> tuple[int, int]:
    """Row and column in which a free block of `size` bytes is listed."""
    if size < 4 * SL:
        return 0, size // 4
    f = size.bit_length() - 1
    return f - 6, (size >> (f - 5)) - SL


def search_class(size: int) -> tuple[int, int]:
    """Lowest class of which every block holds `size` bytes."""
    if size >= 4 * SL:
        size += (1 << (size.bit_length() - 1 - 5)) - 1
    return size_class(size)


def printed_largest(size: int) -> int:
    """What largest_free_block says about a largest block of `size` bytes."""
    if size < SL:
        return 0
    step = (1 << (size.bit_length() - 1)) // SL
    return size & ~(step - 1)


@dataclass(eq=False)
class Block:
    addr: int
    size: int
    free: bool
    prev: "Block | None" = None
    next: "Block | None" = None


@dataclass(eq=False)
class Heap:
    base: int
    length: int
    kind: str
    counts_headers: bool = False  # v4.4.2 and v4.4.3
    first: Block | None = None
    classes: dict[tuple[int, int], list[Block]] = field(default_factory=dict)
    used: dict[int, Block] = field(default_factory=dict)
    free_bytes: int = 0
    minimum: int = 0

    def __post_init__(self) -> None:
        if self.registered():
            self.free_bytes = self.minimum = self.length - RECORD - CONTROL
            size = (self.length - RECORD - CONTROL - 8) & ~3
            self.first = Block(self.base + RECORD + CONTROL + 4, size, True)
            self.insert(self.first)

    def registered(self) -> bool:
        return self.length >= CONTROL + 32

    def insert(self, block: Block) -> None:
        block.free = True
        self.classes.setdefault(size_class(block.size), []).append(block)

    def remove(self, block: Block) -> None:
        self.classes[size_class(block.size)].remove(block)
        block.free = False

    def find(self, size: int) -> Block | None:
        wanted = search_class(size)
        fitting = [c for c, blocks in self.classes.items() if c >= wanted and blocks]
        return self.classes[min(fitting)][-1] if fitting else None

    def split(self, block: Block, size: int) -> Block:
        """Cuts the block to `size`; the rest becomes a block that is in no list."""
        rest = Block(block.addr + size + 4, block.size - size - 4, False, block, block.next)
        if block.next:
            block.next.prev = rest
        block.next, block.size = rest, size
        return rest

    def join_next(self, block: Block) -> None:
        right = block.next
        assert right
        block.size += 4 + right.size
        block.next = right.next
        if right.next:
            right.next.prev = block

    def trim(self, block: Block, size: int) -> None:
        if block.size >= size + SPLIT_EXTRA:
            rest = self.split(block, size)
            if rest.next and rest.next.free:
                self.remove(rest.next)
                self.join_next(rest)
            self.insert(rest)

    def account(self, change: int, blocks: int = 0) -> None:
        self.free_bytes += change - (4 * blocks if self.counts_headers else 0)

    @staticmethod
    def adjust(size: int) -> int:
        if size == 0 or (size + 3) & ~3 >= LIMIT:
            return 0
        return max(MIN_DATA, (size + 3) & ~3)

    def take(self, size: int) -> Block | None:
        want = self.adjust(size)
        block = self.find(want) if want and self.first else None
        if not block:
            return None
        self.remove(block)
        self.trim(block, want)
        self.used[block.addr] = block
        self.account(-block.size, 1)
        return block

    def malloc(self, size: int) -> int | None:
        block = self.take(size)
        self.minimum = min(self.minimum, self.free_bytes)
        return block.addr if block else None

    def release(self, addr: int) -> None:
        block = self.used.pop(addr)
        self.account(block.size, -1)
        if block.prev and block.prev.free:
            block = block.prev
            self.remove(block)
            self.join_next(block)
        if block.next and block.next.free:
            self.remove(block.next)
            self.join_next(block)
        self.insert(block)

    def realloc(self, addr: int, size: int) -> int | None:
        block, want = self.used[addr], self.adjust(size)
        right = block.next.size + 4 if block.next and block.next.free else 0
        if want > block.size + right:
            moved = self.take(size)
            if moved:
                self.release(addr)
            self.minimum = min(self.minimum, self.free_bytes)
            return moved.addr if moved else None
        before = block.size
        if want > block.size:
            assert block.next
            self.remove(block.next)
            self.join_next(block)
        self.trim(block, want)
        self.account(before - block.size)
        self.minimum = min(self.minimum, self.free_bytes)
        return addr

    def blocks(self) -> list[Block]:
        out, block = [], self.first
        while block:
            out.append(block)
            block = block.next
        return out

    def free_blocks(self) -> list[tuple[int, int]]:
        return [(b.addr, b.size) for b in self.blocks() if b.free]

    def largest(self) -> int:
        return printed_largest(max((size for _, size in self.free_blocks()), default=0))


class Device:
    """Several heaps behind heap_caps_malloc."""

    def __init__(self, regions: list[tuple[int, int, str]], counts_headers: bool = False) -> None:
        self.heaps = [Heap(*region, counts_headers) for region in regions]

    def malloc(self, size: int, caps: set[str]) -> int | None:
        for priority in range(3):
            for heap in self.heaps:
                sets = TYPE_CAPS[heap.kind]
                if heap.registered() and sets[priority] & caps and caps <= set().union(*sets):
                    addr = heap.malloc(size)
                    if addr is not None:
                        return addr
        return None

    def heap_of(self, addr: int) -> Heap:
        return next(h for h in self.heaps if h.base <= addr < h.base + h.length)

    def release(self, addr: int) -> None:
        self.heap_of(addr).release(addr)

    def realloc(self, addr: int, size: int, caps: set[str]) -> int | None:
        heap = self.heap_of(addr)
        if caps <= set().union(*TYPE_CAPS[heap.kind]):
            moved = heap.realloc(addr, size)
            if moved is not None:
                return moved
        moved = self.malloc(size, caps)
        if moved is not None:
            heap.release(addr)
        return moved

    def matching(self, caps: set[str]) -> list[Heap]:
        return [h for h in self.heaps
                if h.registered() and caps <= set().union(*TYPE_CAPS[h.kind])]

    def largest(self, caps: set[str]) -> int:
        return max((h.largest() for h in self.matching(caps)), default=0)


def parse_caps(text: str) -> set[str]:
    names = set()
    for part in text.lower().split("|"):
        if part in CAP_BITS:
            names.add(part)
        else:
            value = int(part, 0)
            names |= {n for n, bit in CAP_BITS.items() if value & bit}
    return names


def info(heap: Heap) -> str:
    head = f"i {heap.base:#x} {heap.length}"
    if not heap.registered():
        return head + " unregistered"
    used = [b for b in heap.blocks() if not b.free]
    free = len(heap.free_blocks())
    allocated = heap.length - RECORD - CONTROL - heap.free_bytes
    if heap.counts_headers:
        allocated -= 4 * len(used)
    return (f"{head} free={heap.free_bytes} alloc={allocated} largest={heap.largest()} "
            f"min={heap.minimum} ablk={len(used)} fblk={free} tblk={len(used) + free}")


MALLOC_CAPS = {"default", "internal"}


class Script:
    """Answers the commands region, init, a, z, r, f, d and i of a golden script."""

    def __init__(self, counts_headers: bool) -> None:
        self.regions: list[tuple[int, int, str]] = []
        self.counts_headers = counts_headers
        self.device = Device([])
        self.live: dict[str, int | None] = {}

    def init(self, bare: bool) -> None:
        self.device = Device(self.regions, self.counts_headers)
        if not bare:
            self.device.malloc(36 * len(self.regions), {"8bit", "internal"})

    def realloc(self, name: str, size: int, caps: set[str]) -> int | None:
        old = self.live.get(name)
        if old is None:
            new = self.device.malloc(size, caps)
        elif size == 0:
            self.device.release(old)
            self.live[name] = new = None
        else:
            new = self.device.realloc(old, size, caps)
        if new is not None:
            self.live[name] = new
        return new

    def allocate(self, word: list[str]) -> str:
        sizes = 2 if word[0] == "z" else 1
        caps = parse_caps(word[2 + sizes]) if len(word) > 2 + sizes else MALLOC_CAPS
        size = int(word[2], 0) * (int(word[3], 0) if sizes == 2 else 1)
        if word[0] == "r":
            addr = self.realloc(word[1], size, caps)
        else:
            addr = self.live[word[1]] = self.device.malloc(size, caps)
        return f"{word[0]} {word[1]} " + ("NULL" if addr is None else f"{addr:#x}")

    def dump(self) -> list[str]:
        lines = []
        for heap in self.device.heaps:
            if heap.registered():
                lines.append(f"d heap {heap.base:#x}")
                lines += [f"d {b.addr:#x} {b.size} {'free' if b.free else 'used'}"
                          for b in heap.blocks()]
        return lines

    def answer(self, line: str) -> list[str]:
        word = line.split()
        if word[0] in ("a", "z", "r"):
            return [self.allocate(word)]
        if word[0] == "d":
            return self.dump()
        if word[0] == "i":
            return [info(heap) for heap in self.device.heaps]
        if word[0] == "f":
            addr = self.live.pop(word[1], None)
            if addr is not None:
                self.device.release(addr)
        elif word[0] == "region":
            self.regions.append((int(word[1], 16), int(word[2]), word[3]))
        elif word[0] == "init":
            self.init(word[1:] == ["bare"])
        else:
            raise SystemExit(f"tlsf_model: command not known: {line}")
        return [line]


def main() -> None:
    script = Script("--headers" in sys.argv)
    with open(sys.argv[1], encoding="ascii") as lines:
        for line in lines:
            if line.strip():
                print("\n".join(script.answer(line.strip())))


if __name__ == "__main__":
    main()
