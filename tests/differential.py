#!/usr/bin/env python3
"""sim/device against the second implementations (idf_model.py, gc_model.py) on made-up scripts.

Usage: differential.py idf|gc GOLDEN_PROGRAM [--seed S] [--operations N] [--rounds R] [--target T]
Each round takes the next seed; a seed decides target, memory and operations. Every line of the answers
is compared: addresses, figures, events. A script on which the two differ is shrunk and printed."""
from __future__ import annotations

import argparse
import random
import subprocess
import sys
from typing import Callable, NamedTuple, Optional

import gc_model
import idf_model

IDF_TARGETS = [f"{release}-esp32" for release in (
    "v3.3", "v4.4", "v4.4.2", "v4.4.4", "v4.4.8", "v5.2", "v5.3", "v5.4", "v5.5", "v5.5.5", "v6.0", "v6.1b1",
    "master")] + ["v3.3-esp32-spiram", "v4.4-esp32-spiram", "v5.2-esp32-spiram", "v5.5-esp32-spiram",
                  "v5.4-esp32s3", "v5.5-esp32s3", "v5.5-esp32c3", "v6.0-esp32c3"]
GC_TARGETS = ["single-v1.18", "single-v1.20", "single-v1.25", "noauto-v1.20", "noauto-v1.21", "noauto-v1.25",
              "auto-v1.21", "auto-v1.22", "auto-v1.25"]
REGIONS = {"esp32": [(0x3FFAFF10, 240, "DRAM"), (0x3FFB6388, 7288, "DRAM"), (0x3FFB9A20, 16648, "DRAM"),
                     (0x3FFC9BA8, 91224, "DRAM"), (0x3FFE0440, 15072, "DIRAM"), (0x3FFE4350, 113840, "DIRAM"),
                     (0x40094000, 49152, "IRAM")],
           "esp32s3": [(0x3FCA81F0, 267552, "DIRAM"), (0x3FCE9710, 22308, "DIRAM"), (0x3FCF0000, 32768, "DRAM")],
           "esp32c3": [(0x3FC9A000, 155648, "DIRAM"), (0x3FCC0000, 116496, "RETRAM"),
                       (0x3FCDC710, 10576, "RETRAM")]}
LATE = [(0x3FFB2730, 15448), (0x3FFB8100, 4096)]


class Script(NamedTuple):
    target: str
    lines: list[str]


# What a firmware may ask for.

def idf_size(r: random.Random, mood: str) -> int:
    """Sizes of everyday, around the bounds of classes, or large."""
    if mood == "bounds":
        power = 1 << r.randint(3, 14)
        return max(1, power + r.choice((0, power // 8, power // 16, power // 32, power // 2)) + r.randint(-5, 5))
    if mood == "large":
        return r.randint(2000, 60000)
    return r.choice((r.randint(0, 24), r.randint(1, 300), r.randint(1, 2000), r.randint(1, 9000)))


def idf_caps(r: random.Random) -> str:
    return r.choice(("", "", "", "", " 8BIT", " DMA", " INTERNAL", " 32BIT", " DEFAULT", " SPIRAM", " 8BIT|INTERNAL",
                     " DMA|INTERNAL|8BIT", " DMA_DESC_AHB|INTERNAL", " CACHE_ALIGNED|8BIT", " RETENTION"))


def idf_operation(r: random.Random, mood: str, slots: int, grows: float) -> str:
    slot, size, chance = r.randrange(slots), idf_size(r, mood), r.random()
    if chance < 0.40 * grows:
        return f"a {slot} {size}{idf_caps(r)}"
    if chance < 0.43 * grows:
        return f"z {slot} {r.randint(0, 5)} {size}{idf_caps(r)}"
    if chance < 0.52 * grows:
        return f"m {slot} {1 << r.randint(0, 10)} {size}{idf_caps(r)}"
    if chance < 0.55 * grows + 0.20:
        return f"r {slot} {size}{idf_caps(r)}"
    return f"g {slot}" if chance > 0.98 else f"f {slot}"


def idf_script(r: random.Random, operations: int, target: Optional[str]) -> Script:
    target = target or r.choice(IDF_TARGETS)
    chip = target.split("-")[1]
    regions = [region for region in REGIONS[chip] if r.random() < 0.85] or REGIONS[chip][:1]
    if r.random() < 0.3:  # small ones, which fill up
        regions = [(base, min(length, r.choice((2400, 4100, 9000, 20000))), kind) for base, length, kind in regions]
    if "spiram" in target:
        regions.append((0x3F800000, r.choice((65536, 4194304)), "SPIRAM"))
    lines = [f"region 0x{base:08x} {length} {kind}" for base, length, kind in regions]
    lines.append(r.choice(("init", "init", "init bare", "init early")))
    late = list(LATE) if chip == "esp32" else []
    slots = r.choice((6, 40, 300))
    live: set[str] = set()
    mood, grows = "", 1.0
    for number in range(operations):
        if number % r.choice((100, 400)) == 0:
            mood, grows = r.choice(("", "", "bounds", "large")), r.choice((0.7, 1.0, 1.6))
        line = idf_operation(r, mood, slots, grows)
        word = line.split()
        if word[0] in "azm" and word[1] in live:
            line = f"f {word[1]}"  # no leaks
        (live.add if line[0] in "azmr" else live.discard)(word[1])
        lines.append(line)
        if number % 97 == 0:
            lines += [r.choice(("c 8BIT", "c INTERNAL", "c DEFAULT", "k")), "i"]
        if number % 1500 == 700:
            lines += ["d"]
        if r.random() < 0.0005:
            lines.append(r.choice(("stacks", "extmem 4096", *[f"add 0x{b:08x} {n}" for b, n in late])))
    return Script(target, lines + ["i", "d"])


class GcMaker:
    """Operations on objects. Only what a root holds is resized or freed, as in a sound program."""

    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.slots, self.size_max = r.choice((8, 60, 400)), r.choice((200, 3000, 12000))
        self.death = r.choice((0.1, 0.4))
        self.rooted: dict[int, int] = {}  # slot: id
        self.next = self.kept = 0

    def alloc(self, slot: int, size: int) -> list[str]:
        """Each object has an id of its own, so that its finaliser can be told."""
        self.next += 1
        lines = [f"a {self.next} {size}{self.r.choice(('', '', '', ' fin', ' fin0'))}"]
        if self.r.random() >= self.death:
            self.rooted[slot] = self.next
            lines.append(f"root {slot} {self.next}")
        return lines

    def operation(self) -> list[str]:
        r, slot, chance = self.r, self.r.randrange(self.slots), self.r.random()
        size = r.choice((r.randint(0, 64), r.randint(0, 64), r.randint(1, 400), r.randint(1, self.size_max)))
        name, other = self.rooted.get(slot), self.rooted.get(r.randrange(self.slots))
        if chance < 0.45 or name is None or other is None:
            return self.alloc(slot, size)
        if chance < 0.58:
            return [f"r {name} {size} move={r.randint(0, 1)}", f"root {slot} {name}"]
        if chance < 0.74:
            del self.rooted[slot]
            return [f"unroot {slot}"] + ([f"f {name}"] if chance < 0.66 else [])
        if chance < 0.88:
            return [f"link {name} {r.randint(0, 9)} {other}"]
        if chance < 0.90 and self.kept < 5000:  # something that nobody but this finaliser frees
            self.next += 1
            self.kept += 1
            return [f"a {self.next} {size}", f"root {60000 + self.kept} {self.next}", f"onfin {name} {self.next}"]
        return [r.choice((f"unlink {name} {r.randint(0, 4)}", f"get {name} {r.randint(0, 4)}", f"nb {name}",
                          f"set {name} {r.randint(0, 5)} {0x3ffb0000 + 4 * r.randint(0, 9000):x}",
                          f"rootint {self.slots + r.randint(0, 3)} {0x3ffb0000 + 16 * r.randint(0, 2500):x}"))]


def gc_rare(r: random.Random, target: str) -> str:
    choices = ["c", "c", "t -1", f"t {r.choice((0, 100, 2000, 9000))}", "enable 0", "enable 1", "enable 1", "i"]
    if target.startswith("auto"):
        choices += ["newsplit q", "newsplit 0", f"newsplit {r.randint(2000, 40000)}"]
    return r.choice(choices)


def gc_script(r: random.Random, operations: int, target: Optional[str]) -> Script:
    target = target or r.choice(GC_TARGETS)
    lines = [f"area 3ffb0000 {r.randint(300, 40000)}"]
    if target.startswith("noauto"):
        lines += [f"area {0x3ffd0000 + 0x8000 * i + 4 * r.randint(0, 3):x} {r.randint(200, 20000)}"
                  for i in range(r.randint(0, 4))]
    maker = GcMaker(r)
    given = 0
    for _ in range(operations):
        lines += maker.operation()
        if r.random() < 0.01:
            lines.append(gc_rare(r, target))
        if target.startswith("auto") and r.random() < 0.004 and given < 1000:
            lines.append(f"platalloc {0x40000000 + 0x10000 * given:x} {r.randint(1000, 60000)}")
            given += 1
        if r.random() < 0.002:  # nobody is asked while it is locked
            lines += ["lock", *maker.operation(), "unlock"]
    return Script(target, lines + ["i", "c", "i", "sweepall", "i"])


# Comparing

def model_answers(kind: str, script: Script) -> list[str]:
    if kind == "idf":
        idf = idf_model.Script(script.target)
        return [out for line in script.lines for out in idf.answer(line)]
    collector = gc_model.Script(script.target)
    answers = []
    for line in script.lines:
        answers.append(collector.answer(line))
        if collector.gc.lost:  # the release's defect: what a program does with that object is undefined
            break
    return [a for a in answers if a is not None]


def device_answers(program: str, script: Script) -> list[str]:
    done = subprocess.run([program, script.target], input="\n".join(script.lines) + "\n", text=True,
                          capture_output=True, check=False)
    return done.stdout.splitlines() + ([] if done.returncode == 0 else [f"exit status {done.returncode}"])


def difference(kind: str, program: str, script: Script) -> Optional[str]:
    mine = model_answers(kind, script)
    theirs = device_answers(program, script)
    for number, (a, b) in enumerate(zip(mine, theirs)):
        if a != b:
            return f"answer {number}: the model says '{a}', sim/device '{b}'"
    if len(mine) > len(theirs) or (kind == "idf" and len(mine) < len(theirs)):
        return f"{len(mine)} answers of the model, {len(theirs)} of sim/device"
    return None


def shrink(script: Script, differs: Callable[[Script], bool]) -> Script:
    """Leaves out lines, in ever smaller pieces, while the two still differ."""
    lines = script.lines
    piece = max(1, len(lines) // 2)
    while True:
        at, smaller = 0, False
        while at < len(lines):
            rest = lines[:at] + lines[at + piece:]
            if differs(Script(script.target, rest)):
                lines, smaller = rest, True
            else:
                at += piece
        if piece == 1 and not smaller:
            return Script(script.target, lines)
        piece = max(1, piece // 2)


def check(kind: str, program: str, seed: int, operations: int, target: Optional[str] = None) -> Optional[str]:
    """None, or what differs and the shortest script found on which it does."""
    make = idf_script if kind == "idf" else gc_script
    script = make(random.Random(seed), operations, target)
    fault = difference(kind, program, script)
    if fault is None:
        return None

    def differs(s: Script) -> bool:
        try:
            begun = any(line.startswith(("init", "area")) for line in s.lines)
            return begun and difference(kind, program, s) is not None
        except (KeyError, StopIteration):
            return False  # no longer a script that a program could be
    small = shrink(script, differs)
    return "\n".join([f"{kind} {script.target} seed {seed}, {operations} operations: {fault}",
                      "shrunk: " + str(difference(kind, program, small)), *small.lines])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("idf", "gc"))
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operations", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--target")
    options = parser.parse_args()
    for done in range(options.rounds):
        fault = check(options.kind, options.program, options.seed + done, options.operations, options.target)
        if fault:
            print(fault)
            return 1
    print(f"{options.kind}: {options.rounds * options.operations} operations, seeds {options.seed} to "
          f"{options.seed + options.rounds - 1}, no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
