#!/usr/bin/env python3
"""A second, deliberately simple implementation of the ESP-IDF heaps, v3.3 to master: both allocators
and the search over heaps by capability.

It shares no code and no data structure with sim/: blocks are Python objects in a doubly linked list,
size classes are plain lists, every search is a walk. It exists to be compared with the real one.
`idf_model.py RELEASE-CHIP[-spiram] < SCRIPT` answers the commands of a golden script that it knows.

Left out: executable memory, heap poisoning, memory protection, the DMA reserve, the monitor of minima.
"""
from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional

RECORD = 20  # multi_heap record in front of TLSF's control structure
CAP_BITS = {"exec": 0, "32bit": 1, "8bit": 2, "dma": 3, "spiram": 10, "internal": 11, "default": 12,
            "iram_8bit": 13, "retention": 14, "rtcram": 15, "tcm": 16, "dma_desc_ahb": 17,
            "dma_desc_axi": 18, "cache_aligned": 19, "simd": 20}
Caps = frozenset[str]


def caps(text: str) -> Caps:
    names = set()
    for part in text.lower().split("|"):
        if part in CAP_BITS:
            names.add(part)
        elif part:
            names |= {name for name, bit in CAP_BITS.items() if int(part, 0) >> bit & 1}
    return frozenset(names)


def triple(*texts: str) -> tuple[Caps, Caps, Caps]:
    first, second, third = (caps(text) for text in texts)
    return first, second, third


RAM = "default|32bit|8bit|internal|dma"
ESP32 = {"DRAM": triple("8bit|default", "internal|dma|32bit", ""),
         "DIRAM": triple("", "dma|8bit|internal|default", "32bit|exec"),
         "IRAM": triple("internal|exec|32bit", "", ""),
         "SPIRAM": triple("spiram|default", "", "8bit|32bit")}
RTC = triple("rtcram", "", "default|32bit|8bit|internal|exec")
TYPES = {"esp32": ESP32,
         "esp32s3": {"DIRAM": triple(RAM + "|retention|exec|simd", "", ""),
                     "DRAM": triple("", RAM + "|simd", ""), "RTCRAM": RTC},
         "esp32c3": {"DIRAM": triple(RAM + "|exec", "", ""),
                     "RETRAM": triple("retention", RAM + "|exec", ""), "RTCRAM": RTC}}
LARGEST_REQUEST = {"esp32": 0x400000, "esp32s3": 0x2000000, "esp32c3": 0x64000}
WINDOWS = {"esp32": [(0x3FFAE000, 0x3FFE0000, "DRAM"), (0x3FFE0000, 0x40000000, "DIRAM"),
                     (0x40070000, 0x400A0000, "IRAM"), (0x3F800000, 0x3FC00000, "SPIRAM")],
           "esp32s3": [(0x3FC88000, 0x3FCF0000, "DIRAM"), (0x3FCF0000, 0x3FCF8000, "DRAM")],
           "esp32c3": [(0x3FC80000, 0x3FCC0000, "DIRAM"), (0x3FCC0000, 0x3FCE0000, "RETRAM")]}
STACKS = {"esp32": (0x3FFE0000, 0x40000000), "esp32s3": (0x3FCE9710, 0x3FCF0000),
          "esp32c3": (0x3FCDC710, 0x3FCE0000)}


class Release(NamedTuple):
    """What the heaps of a release do differently."""
    number: tuple[int, ...]
    spiram: bool

    @property
    def listed(self) -> bool:
        return self.number < (4, 3)

    @property
    def fixed_classes(self) -> bool:
        return self.number < (4, 4, 4)

    @property
    def headers_counted(self) -> bool:
        return self.number >= (4, 4, 2)

    @property
    def tiny_is_zero(self) -> bool:
        return self.number < (5, 3)

    @property
    def rounds_requests(self) -> bool:
        return self.number >= (5, 4)

    @property
    def sorts_heaps(self) -> bool:
        return self.number >= (5, 5)

    @property
    def late_minimum_zero(self) -> bool:
        return self.number >= (6, 1) or (5, 5, 5) <= self.number < (6, 0)

    @property
    def malloc_like_memalign(self) -> bool:
        return self.number >= (5, 3)


def release_of(name: str, spiram: bool) -> Release:
    full = {"master": "v7.0", "v6.1b1": "v6.1"}.get(name, name)
    return Release(tuple(int(part) for part in full[1:].split(".")), spiram)


@dataclass(eq=False)
class Block:
    addr: int
    size: int
    free: bool
    prev: Optional[Block] = None
    next: Optional[Block] = None


def up(value: int, step: int) -> int:
    return -(-value // step) * step


@dataclass(eq=False)
class Heap:
    """What both allocators have in common: a chain of blocks between two ends."""
    base: int
    length: int
    kind: str
    release: Release
    caps: tuple[Caps, Caps, Caps]
    first: Optional[Block] = None
    used: dict[int, Block] = field(default_factory=dict)
    minimum: int = 0

    def __post_init__(self) -> None:
        """For the allocator's own figures."""

    def start(self) -> None:
        """Becomes a heap, if it is large enough."""
        raise NotImplementedError

    def insert(self, block: Block) -> None:
        block.free = True

    def remove(self, block: Block) -> None:
        block.free = False

    def free_bytes(self) -> int:
        raise NotImplementedError

    def allocate(self, size: int) -> Optional[int]:
        raise NotImplementedError

    def release_block(self, addr: int) -> None:
        raise NotImplementedError

    def reallocate(self, addr: int, size: int) -> Optional[int]:
        raise NotImplementedError

    def aligned(self, size: int, align: int) -> Optional[int]:
        raise NotImplementedError

    def printed_largest(self) -> int:
        raise NotImplementedError

    def allocated_bytes(self) -> int:
        raise NotImplementedError

    @property
    def all_caps(self) -> Caps:
        return self.caps[0] | self.caps[1] | self.caps[2]

    def note_minimum(self) -> None:
        self.minimum = min(self.minimum, self.free_bytes())

    def cut(self, block: Block, size: int) -> Block:
        """Cuts the block to `size`; the rest becomes a block that is not free yet."""
        rest = Block(block.addr + size + 4, block.size - size - 4, False, block, block.next)
        if block.next:
            block.next.prev = rest
        block.next, block.size = rest, size
        return rest

    def swallow_next(self, block: Block) -> None:
        right = block.next
        assert right
        block.size += 4 + right.size
        block.next = right.next
        if right.next:
            right.next.prev = block

    def merge(self, block: Block) -> Block:
        """With free neighbours, left first; the result is in no list."""
        if block.prev and block.prev.free:
            block = block.prev
            self.remove(block)
            self.swallow_next(block)
        if block.next and block.next.free:
            self.remove(block.next)
            self.swallow_next(block)
        return block

    def blocks(self) -> list[Block]:
        out, block = [], self.first
        while block:
            out.append(block)
            block = block.next
        return out


class Tlsf(Heap):
    """Two-level segregated fit: v4.3 on."""

    def __post_init__(self) -> None:
        pool = self.length - RECORD
        if self.release.fixed_classes:
            self.sl_log = 5
            self.fl_max = 22 if self.release.spiram else 18
            self.rows = self.fl_max - 6
            self.control = 20 + 4 * self.rows + 4 * 32 * self.rows
        else:
            self.sl_log = 3 if pool <= 16384 else 4 if pool <= 262144 else 5
            self.fl_max = max(pool, 1).bit_length()
            self.rows = self.fl_max - (self.sl_log + 2) + 1
            self.control = 36 + 4 * self.rows + 4 * self.rows * (1 << self.sl_log)
        self.classes: dict[tuple[int, int], list[Block]] = {}
        self.counter = 0

    def start(self) -> None:
        small = self.length < self.control + 32 if self.release.fixed_classes else \
            self.length - RECORD < max(36, self.control + 12)
        if not small:
            self.counter = self.minimum = self.length - RECORD - self.control
            self.first = Block(self.base + RECORD + self.control + 4, (self.counter - 8) // 4 * 4, True)
            self.insert(self.first)

    def step(self, size: int) -> int:
        """The distance of classes at this size."""
        return 4 if size < 4 << self.sl_log else 1 << (size.bit_length() - 1 - self.sl_log)

    def class_of(self, size: int) -> tuple[int, int]:
        if size < 4 << self.sl_log:
            return 0, size // 4
        power = size.bit_length() - 1
        return power - self.sl_log - 1, (size >> (power - self.sl_log)) - (1 << self.sl_log)

    def insert(self, block: Block) -> None:
        super().insert(block)
        self.classes.setdefault(self.class_of(block.size), []).append(block)

    def remove(self, block: Block) -> None:
        super().remove(block)
        self.classes[self.class_of(block.size)].remove(block)

    def free_bytes(self) -> int:
        return self.counter

    def adjust(self, size: int) -> int:
        """The request in whole words, 0 when there is no such block."""
        return 0 if size == 0 or up(size, 4) >= 1 << self.fl_max else max(12, up(size, 4))

    def find(self, size: int) -> Optional[Block]:
        """The block added last to the lowest class of which each holds `size` bytes."""
        wanted = self.class_of(size if size < 4 << self.sl_log else size + self.step(size) - 1)
        if wanted[0] >= self.rows:
            return None
        fitting = [c for c, blocks in self.classes.items() if blocks and c >= wanted]
        return self.classes[min(fitting)][-1] if fitting else None

    def trim(self, block: Block, size: int) -> None:
        if block.size >= size + 16:
            rest = self.cut(block, size)
            if rest.next and rest.next.free:
                self.remove(rest.next)
                self.swallow_next(rest)
            self.insert(rest)

    def take(self, block: Block) -> int:
        """The block is in use from now on."""
        self.used[block.addr] = block
        self.counter -= block.size + (4 if self.release.headers_counted else 0)
        return block.addr

    def place(self, size: int) -> Optional[int]:
        want = self.adjust(size)
        if want and self.release.rounds_requests:
            want = up(want, self.step(want))
        block = self.find(want) if want else None
        if not block:
            return None
        self.remove(block)
        self.trim(block, want)
        return self.take(block)

    def allocate(self, size: int) -> Optional[int]:
        addr = self.place(size)
        self.note_minimum()
        return addr

    def aligned(self, size: int, align: int) -> Optional[int]:
        want = self.adjust(size)
        if align & (align - 1) or align == 0 or want == 0:
            return None
        if align <= 4:
            return self.allocate(size)
        search = up(want + align + 16, align)
        block = self.find(search) if search < 1 << self.fl_max else None
        if not block:
            return None
        self.remove(block)
        start = up(block.addr, align)
        if 0 < start - block.addr < 16:
            start = up(start + max(16 - (start - block.addr), align), align)
        if start > block.addr:
            front, block = block, self.cut(block, start - block.addr - 4)
            self.insert(front)
        self.trim(block, want)
        addr = self.take(block)
        self.note_minimum()
        return addr

    def release_block(self, addr: int) -> None:
        block = self.used.pop(addr)
        self.counter += block.size + (4 if self.release.headers_counted else 0)
        self.insert(self.merge(block))

    def reallocate(self, addr: int, size: int) -> Optional[int]:
        block, want = self.used[addr], self.adjust(size)
        if want == 0:
            return None
        room = block.size
        if block.next and block.next.free:
            room += block.next.size + 4
        if want > room:
            moved = self.place(want)
            if moved is not None:
                self.release_block(addr)
            self.note_minimum()
            return moved
        before = block.size
        if want > before:
            assert block.next
            self.remove(block.next)
            self.swallow_next(block)
        self.trim(block, want)
        self.counter += before - block.size
        self.note_minimum()
        return addr

    def printed_largest(self) -> int:
        size = max((b.size for b in self.blocks() if b.free), default=0)
        if size < 1 << self.sl_log:
            return 0 if self.release.tiny_is_zero else size
        step = (1 << (size.bit_length() - 1)) >> self.sl_log
        return size if not self.release.tiny_is_zero and size < 4 << self.sl_log else size & ~(step - 1)

    def allocated_bytes(self) -> int:
        headers = 4 * len(self.used) if self.release.headers_counted else 0
        return self.length - RECORD - self.control - self.counter - headers


class List(Heap):
    """The list in order of address, best fit: up to v4.2."""

    def start(self) -> None:
        base, end = up(self.base, 4), (self.base + self.length) // 4 * 4
        if self.length >= 40:
            self.first = Block(base + 28, end - base - 36, True)
            self.minimum = self.free_bytes()

    def free_bytes(self) -> int:
        return sum(b.size for b in self.blocks() if b.free)

    def allocated_bytes(self) -> int:
        return sum(b.size for b in self.used.values())

    def printed_largest(self) -> int:
        return max((b.size for b in self.blocks() if b.free), default=0)

    def trim(self, block: Block, size: int) -> None:
        right = block.next
        if right and right.free and block.size > size:
            right.addr -= block.size - size
            right.size += block.size - size
            block.size = size
        elif block.size >= size + 8:
            self.insert(self.cut(block, size))

    def allocate(self, size: int) -> Optional[int]:
        size = up(size, 4)
        fitting = [b for b in self.blocks() if b.free and b.size >= size]
        if size == 0 or not fitting:
            return None
        block = min(fitting, key=lambda b: (b.size, b.addr))
        self.remove(block)
        self.trim(block, size)
        self.used[block.addr] = block
        self.note_minimum()
        return block.addr

    def release_block(self, addr: int) -> None:
        self.insert(self.merge(self.used.pop(addr)))

    def reallocate(self, addr: int, size: int) -> Optional[int]:
        size, block = up(size, 4), self.used[addr]
        if size <= block.size:
            self.trim(block, size)
            self.note_minimum()
            return addr
        if self.free_bytes() < size - block.size:
            return None
        left = block.prev.size if block.prev and block.prev.free else 0 if block.prev else 4
        right = block.next
        if right and right.free and block.size + right.size + left >= size:
            self.remove(right)
            self.swallow_next(block)
        if block.prev and left and block.size + left >= size:
            del self.used[addr]
            block = block.prev
            self.remove(block)
            self.swallow_next(block)
            self.used[block.addr] = block
        if block.size >= size:
            self.trim(block, size)
            self.note_minimum()
            return block.addr
        moved = self.allocate(size)
        if moved is not None:
            self.release_block(addr)
        self.note_minimum()
        return moved

    def aligned(self, size: int, align: int) -> Optional[int]:
        raise NotImplementedError


class Device:
    """Several heaps behind heap_caps_malloc."""

    def __init__(self, release: Release, chip: str) -> None:
        self.release, self.chip = release, chip
        self.boot: list[Heap] = []
        self.order: list[Heap] = []
        self.limit: Optional[int] = None
        self.running = False

    def heap(self, base: int, length: int, kind: str) -> Heap:
        maker = List if self.release.listed else Tlsf
        return maker(base, length, kind, self.release, TYPES[self.chip][kind])

    def is_stack(self, heap: Heap) -> bool:
        low, high = STACKS[self.chip]
        return low <= heap.base < high

    def register(self, regions: list[tuple[int, int, str]], mode: str) -> None:
        """Boot: `mode` is "", "bare" or "early"."""
        for base, length, kind in sorted(regions):
            last = self.boot[-1] if self.boot else None
            heap = self.heap(base, length, kind)
            if kind == "SPIRAM":
                continue
            if last and last.kind == kind and last.base + last.length == base and \
                    self.is_stack(last) == self.is_stack(heap):
                self.boot[-1] = self.heap(last.base, last.length + length, kind)
            else:
                self.boot.append(heap)
        self.order = list(self.boot)
        if self.release.sorts_heaps and mode != "bare":
            self.order = []
            for heap in self.boot:
                at = next((i for i, h in enumerate(self.order) if h.length >= heap.length), len(self.order))
                self.order.insert(at, heap)
        for heap in self.boot:
            if not self.is_stack(heap):
                heap.start()
        if mode != "bare":
            self.search(36 * len(self.boot), caps("8bit|internal"), lambda h, n: h.allocate(n), self.boot)
        for region in regions:
            if region[2] == "SPIRAM":
                self.add_heap(self.heap(*region), bare=mode == "bare")
        if mode != "early":
            self.start_stacks()

    def start_stacks(self) -> None:
        for heap in self.boot:
            if self.is_stack(heap) and not heap.first:
                heap.start()
        self.running = True

    def add_heap(self, heap: Heap, bare: bool = False) -> str:
        descriptor = None if bare else self.malloc(36, caps("internal|8bit"))
        if descriptor is None and not bare:
            return "nomem"
        heap.start()
        if heap.first is None:
            if descriptor is not None:
                self.free(descriptor)
            return "toosmall"
        self.order.insert(0, heap)
        if self.release.late_minimum_zero and self.running:
            heap.minimum = 0
        return "ok"

    def add(self, base: int, length: int) -> str:
        kind = next((k for low, high, k in WINDOWS[self.chip] if low <= base < high), None)
        if kind is None:
            return "notfound"
        for h in self.order:
            if (base, length) == (h.base, h.length) or base < h.base < base + length or \
                    base < h.base + h.length < base + length:
                return "fail"
        return self.add_heap(self.heap(base, length, kind))

    def search(self, size: int, wanted: Caps, ask: Callable[[Heap, int], Optional[int]],
               heaps: Optional[list[Heap]] = None) -> Optional[int]:
        if size > LARGEST_REQUEST[self.chip]:
            return None
        for priority in range(3):
            for heap in self.order if heaps is None else heaps:
                if heap.first and heap.caps[priority] & wanted and wanted <= heap.all_caps:
                    addr = ask(heap, size)
                    if addr is not None:
                        return addr
        return None

    def adjusted(self, size: int, wanted: Caps, align: int = 4) -> tuple[int, Caps]:
        """What DMA and its like ask for, where no cache line is longer than a word."""
        if self.release.number >= (5, 3) and wanted & caps("dma|dma_desc_ahb|dma_desc_axi|cache_aligned"):
            size = up(size, max(align, 4)) % (1 << 32)
            if wanted & caps("dma_desc_ahb|dma_desc_axi"):
                wanted |= caps("dma")
            wanted -= caps("dma_desc_ahb|dma_desc_axi|cache_aligned")
            wanted -= caps("dma") if "spiram" in wanted else caps("")
        return size, wanted

    def malloc(self, size: int, wanted: Caps) -> Optional[int]:
        size, wanted = self.adjusted(size, wanted)
        return self.search(size, wanted, lambda heap, n: heap.allocate(n))

    def aligned(self, align: int, size: int, wanted: Caps) -> Optional[int]:
        if align == 0 or align & (align - 1) or size == 0:
            return None
        size, wanted = self.adjusted(size, wanted, align)
        return self.search(size, wanted, lambda heap, n: heap.aligned(n, align))

    def plain(self, size: int, ask: Callable[[Caps], Optional[int]]) -> Optional[int]:
        """As the C library's malloc() asks."""
        if self.limit is None:
            return ask(caps("default|internal"))
        addr = ask(caps("default|internal" if size <= self.limit else "default|spiram"))
        return addr if addr is not None else ask(caps("default"))

    def heap_of(self, addr: int) -> Heap:
        return next(h for h in self.order if h.base <= addr < h.base + h.length)

    def free(self, addr: int) -> None:
        self.heap_of(addr).release_block(addr)

    def realloc(self, addr: int, size: int, wanted: Caps) -> Optional[int]:
        heap = self.heap_of(addr)
        size, wanted = self.adjusted(size, wanted)
        if wanted <= heap.all_caps and size <= LARGEST_REQUEST[self.chip]:
            moved = heap.reallocate(addr, size)
            if moved is not None:
                return moved
        moved = self.malloc(size, wanted)
        if moved is not None:
            heap.release_block(addr)
        return moved

    def matching(self, wanted: Caps) -> list[Heap]:
        return [h for h in self.order if h.first and wanted <= h.all_caps]


def figures(values: list[int]) -> str:
    names = ("free", "alloc", "largest", "min", "ablk", "fblk", "tblk")
    return " ".join(f"{name}={value}" for name, value in zip(names, values))


def info(heap: Heap) -> list[int]:
    free = sum(1 for b in heap.blocks() if b.free)
    return [heap.free_bytes(), heap.allocated_bytes(), heap.printed_largest(), heap.minimum,
            len(heap.used), free, len(heap.used) + free]


class Script:
    """Answers the commands region, init, stacks, add, extmem, a, z, r, f, m, g, i, d, c and k."""
    KNOWN = {"region", "init", "stacks", "add", "extmem", "a", "z", "r", "f", "m", "g", "i", "d", "c", "k"}

    def __init__(self, target: str) -> None:
        name, chip, *options = target.split("-")
        self.device = Device(release_of(name, "spiram" in options), chip)
        self.regions: list[tuple[int, int, str]] = []
        self.live: dict[str, int] = {}

    def keep(self, word: list[str], addr: Optional[int]) -> list[str]:
        if addr is None:
            self.live.pop(word[1], None)
        else:
            self.live[word[1]] = addr
        return [f"{word[0]} {word[1]} " + ("NULL" if addr is None else f"0x{addr:08x}")]

    def do_a(self, word: list[str]) -> list[str]:
        size, device = int(word[2], 0), self.device
        if len(word) > 3:
            return self.keep(word, device.malloc(size, caps(word[3])))
        return self.keep(word, device.plain(size, lambda wanted: device.malloc(size, wanted)))

    def do_z(self, word: list[str]) -> list[str]:
        size = int(word[2], 0) * int(word[3], 0)
        if size >= 1 << 32:
            return self.keep(word, None)
        return self.keep(word, self.device.malloc(size, caps(word[4])) if len(word) > 4 else
                         self.device.plain(size, lambda wanted: self.device.malloc(size, wanted)))

    def do_m(self, word: list[str]) -> list[str]:
        align, size, device = int(word[2], 0), int(word[3], 0), self.device
        if device.release.listed:
            return [f"m {word[1]} NOSUP"]
        if len(word) > 4:
            return self.keep(word, device.aligned(align, size, caps(word[4])))
        if device.release.malloc_like_memalign:
            return self.keep(word, device.plain(size, lambda wanted: device.aligned(align, size, wanted)))
        return self.keep(word, device.aligned(align, size, caps("default")))

    def do_r(self, word: list[str]) -> list[str]:
        old, size, device = self.live.get(word[1]), int(word[2], 0), self.device

        def ask(wanted: Caps) -> Optional[int]:
            return device.malloc(size, wanted) if old is None else device.realloc(old, size, wanted)
        if old is not None and size == 0:
            device.free(old)
            return self.keep(word, None)
        new = ask(caps(word[3])) if len(word) > 3 else device.plain(size, ask)
        if new is not None or old is None:
            return self.keep(word, new)
        return [f"r {word[1]} NULL"]

    def do_f(self, word: list[str]) -> list[str]:
        if word[1] in self.live:
            self.device.free(self.live.pop(word[1]))
        return [f"f {word[1]}"]

    def do_g(self, word: list[str]) -> list[str]:
        addr = self.live.get(word[1])
        return [f"g {word[1]} {0 if addr is None else self.device.heap_of(addr).used[addr].size}"]

    def do_i(self, word: list[str]) -> list[str]:
        lines, total = [], [0] * 7
        for heap in self.device.order:
            values = info(heap) if heap.first else None
            lines.append(f"i 0x{heap.base:08x} {heap.length} " + (figures(values) if values else "unregistered"))
            if values:
                total = [max(t, v) if i == 2 else t + v for i, (t, v) in enumerate(zip(total, values))]
        return lines + ["i total " + figures(total)]

    def do_d(self, word: list[str]) -> list[str]:
        lines = []
        for heap in self.device.order:
            if heap.first:
                lines.append(f"d heap 0x{heap.base:08x}")
                lines += [f"d 0x{b.addr:08x} {b.size} {'free' if b.free else 'used'}" for b in heap.blocks()]
        return lines

    def do_c(self, word: list[str]) -> list[str]:
        wanted = caps(word[1])
        heaps = self.device.matching(wanted)
        bits = sum(1 << CAP_BITS[name] for name in wanted)
        return [f"c 0x{bits:08x} total={sum(h.length for h in heaps)} free={sum(h.free_bytes() for h in heaps)} "
                f"largest={max((h.printed_largest() for h in heaps), default=0)} "
                f"min={sum(h.minimum for h in heaps)}"]

    def do_k(self, word: list[str]) -> list[str]:
        return ["k 1"]

    def do_region(self, word: list[str]) -> list[str]:
        self.regions.append((int(word[1], 16), int(word[2]), word[3]))
        return [" ".join(word)]

    def do_init(self, word: list[str]) -> list[str]:
        self.device.register(self.regions, word[1] if len(word) > 1 else "")
        return [" ".join(word)]

    def do_stacks(self, word: list[str]) -> list[str]:
        self.device.start_stacks()
        return ["stacks"]

    def do_add(self, word: list[str]) -> list[str]:
        return [f"add {word[1]} {word[2]} {self.device.add(int(word[1], 16), int(word[2]))}"]

    def do_extmem(self, word: list[str]) -> list[str]:
        self.device.limit = int(word[1])
        return [" ".join(word)]

    def answer(self, line: str) -> list[str]:
        word = line.split()
        if not word or word[0].startswith("#"):
            return []
        if word[0] not in self.KNOWN:
            raise SystemExit(f"idf_model: command not known: {line}")
        do: Callable[[list[str]], list[str]] = getattr(self, "do_" + word[0])
        return do(word)


if __name__ == "__main__":
    script = Script(sys.argv[1])
    for text in sys.stdin:
        for out in script.answer(text):
            print(out)
