#!/usr/bin/env python3
"""size_table.py [--check | --instructions BUILD]: bytes of sim/device on the chips at -Os, as tables
for sim/device/README.md. --check: nothing is printed but what is larger than its reference, exit
status 1 then. --instructions: instructions per operation on the emulated RISC-V chip and, by
callgrind, on this machine; BUILD is the folder with the release and rv32imc builds."""
from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DEVICE = ROOT / "sim" / "device"
TARGETS: dict[str, tuple[str, list[str]]] = {
    "rv32imc": ("riscv64-unknown-elf-", ["-march=rv32imc", "-mabi=ilp32"]),
    "xtensa": ("xtensa-lx106-elf-", []),
    "thumb2": ("arm-none-eabi-", ["-mthumb", "-mcpu=cortex-m4"]),
    "i386": ("i686-linux-gnu-", ["-fno-pic", "-fno-asynchronous-unwind-tables"]),
}
COLLECTOR = ["gc", "gc_collect", "gc_info"]
ADAPTER = ["port/micropython_gc"]
DUMPS = ["port/micropython_dump"]
STATE = ["HS_GC_VERSION=4", "HS_GC_AREAS=2", "HS_MP_STATE=1"]
PLAIN_TLSF = ["HS_HEAP_LIST=0", "HS_HEAP_POISON=0"]
PARTS: dict[str, tuple[list[str], list[str]]] = {
    "collector's names, areas automatic, state shared": (ADAPTER, STATE),
    "TLSF": (["bits", "tlsf", "tlsf_whole"], []),
    "list allocator": (["list_heap"], []),
    "heap above either": (["multi_heap"], []),
    "heap above TLSF, no poisoning": (["multi_heap"], PLAIN_TLSF),
    "heap_caps": (["heap_caps", "heap_caps_boot", "heap_caps_info"], []),
    "table of releases": (["profile"], []),
    "tables of chips, regions": (["chip", "region"], []),
    "multi_heap adapter": (["port/idf_multi_heap"], []),
}
# What a firmware on the multi_heap adapter has in its image: unused functions are left to the linker.
IMAGE = ["bits", "tlsf", "tlsf_whole", "list_heap", "multi_heap", "profile", "port/idf_multi_heap"]
IMAGES: dict[str, list[str]] = {
    "image: TLSF, no poisoning": PLAIN_TLSF,
    "image: list allocator, no poisoning": ["HS_HEAP_TLSF=0", "HS_HEAP_POISON=0"],
    "image: either, with poisoning": [],
}
# The original collector, areas off / on / automatic: published sizes of its object file.
REFERENCE = {"rv32imc": (3123, 3613, 3833), "thumb2": (2580, 2974, 3186)}
# What a firmware leaves out, and the names of which then nothing is compiled or asked for.
LEFT_OUT = [
    (COLLECTOR, ["HS_GC_VERSION=4", "HS_GC_AREAS=0"], r"\b(?:hs_gc_add|hs_gc_release)\b"),
    (["multi_heap"], PLAIN_TLSF, r"\b(?:hs_list_\w+|poison|unpoison|guarded|check_canaries)\b"),
    (["multi_heap"], ["HS_HEAP_TLSF=0"], r"\bhs_tlsf_\w+"),
]


class Size(NamedTuple):
    text: int
    data: int
    bss: int

    def plus(self, other: Size) -> Size:
        return Size(*(a + b for a, b in zip(self, other)))

    def __str__(self) -> str:
        return str(self.text) + (f" + {self.data + self.bss} RAM" if self.data + self.bss else "")


def compile_part(target: str, part: str, defines: list[str], work: Path) -> Path:
    prefix, flags = TARGETS[target]
    output = work / f"{target}-{part.replace('/', '-')}.o"
    subprocess.run([prefix + "gcc", *flags, "-std=c11", "-Os", "-ffreestanding",
                    "-ffunction-sections", "-fdata-sections", f"-I{ROOT / 'sim'}",
                    *[f"-D{define}" for define in defines], "-c", str(DEVICE / f"{part}.c"), "-o",
                    str(output)], check=True)
    return output


def size_of_file(target: str, output: Path) -> Size:
    line = subprocess.run([TARGETS[target][0] + "size", output], check=True, capture_output=True,
                          text=True).stdout.splitlines()[1]
    return Size(*(int(word) for word in line.split()[:3]))


def size_of(target: str, parts: list[str], defines: list[str], work: Path) -> Size:
    total = Size(0, 0, 0)
    for part in parts:
        total = total.plus(size_of_file(target, compile_part(target, part, defines, work)))
    return total


def size_of_image(target: str, defines: list[str], work: Path) -> Size:
    prefix, flags = TARGETS[target]
    objects = [compile_part(target, part, defines, work) for part in IMAGE]
    names = subprocess.run([prefix + "nm", objects[-1]], check=True, capture_output=True,
                           text=True).stdout
    image = work / f"{target}-image.o"
    called = [f"-Wl,-u,{name}" for name in re.findall(r" T (multi_heap_\w+)", names)]
    subprocess.run([prefix + "gcc", *flags, "-nostdlib", "-r", "-Wl,--gc-sections", *called,
                    *objects, "-o", image], check=True)
    return size_of_file(target, image)


def collector(target: str, parts: list[str], work: Path) -> list[Size]:
    return [size_of(target, parts, ["HS_GC_VERSION=4", f"HS_GC_AREAS={areas}"], work)
            for areas in (0, 1, 2)]


def row(name: str, sizes: list[object]) -> str:
    return f"| {name} | " + " | ".join(str(size) for size in sizes) + " |"


def print_tables(work: Path) -> None:
    print("| collector, areas off / on / automatic | " + " | ".join(TARGETS) + " |")
    print("|---" * (len(TARGETS) + 1) + "|")
    for name, parts in (("hs_gc with gc_info", COLLECTOR), ("and MicroPython's names",
                        COLLECTOR + ADAPTER), ("and both dumps", COLLECTOR + ADAPTER + DUMPS)):
        print(row(name, [" / ".join(str(size.text) for size in collector(target, parts, work))
                         for target in TARGETS]))
    print(row("the original", [" / ".join(str(size) for size in REFERENCE[target])
                               if target in REFERENCE else "" for target in TARGETS]))
    print("\n| part | " + " | ".join(TARGETS) + " |")
    print("|---" * (len(TARGETS) + 1) + "|")
    for name, (files, defines) in PARTS.items():
        print(row(name, [size_of(target, files, defines, work) for target in TARGETS]))
    for name, switches in IMAGES.items():
        print(row(name, [size_of_image(target, switches, work) for target in TARGETS]))


def symbols(target: str, part: str, defines: list[str], work: Path) -> str:
    output = compile_part(target, part, defines, work)
    return subprocess.run([TARGETS[target][0] + "nm", output], check=True, capture_output=True,
                          text=True).stdout


def check(work: Path) -> int:
    wrong = 0
    for target, references in REFERENCE.items():
        for areas, (bare, whole, reference) in enumerate(zip(
                collector(target, COLLECTOR, work),
                collector(target, COLLECTOR + ADAPTER + DUMPS, work), references)):
            if whole.text > reference or bare.data + bare.bss != 0:
                print(f"{target}: the collector with areas {areas} takes {whole.text} with names "
                      f"and dumps, expected at most {reference}; RAM of its own "
                      f"{bare.data + bare.bss}, expected 0")
                wrong = 1
    for target in TARGETS:
        for parts, defines, left_out in LEFT_OUT:
            for part in parts:
                for symbol in re.findall(left_out, symbols(target, part, defines, work)):
                    print(f"{target}: {part} with {' '.join(defines)} has {symbol}, expected "
                          "nothing of it")
                    wrong = 1
    return wrong


# --- instructions ---------------------------------------------------------------------------------

TRACES = [("pico-d4", "none", "https"), ("esp32-idf3", "none", "https"),
          ("esp32-v5", "micropython-v1.22", "web_json"), ("esp32-v5", "micropython-v1.22", "graph")]
HOST_NAMES = {"malloc idf": "hs_caps_malloc", "free idf": "hs_caps_free",
              "gc_alloc gc": "hs_gc_alloc", "free gc": "hs_gc_free", "realloc gc": "hs_gc_realloc"}


def chip_costs(build: Path, calls: Path) -> dict[str, tuple[int, int]]:
    program = build / "rv32imc" / "tests" / "target" / "target_calls"
    text = subprocess.run(["qemu-system-riscv32", "-M", "virt", "-m", "1G", "-nographic",
                           "-monitor", "none", "-serial", "none", "-bios", "none", "-icount",
                           "shift=0", "-kernel", program, "-semihosting-config",
                           f"enable=on,target=native,arg={calls}"], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True).stdout
    costs = {}
    for line in text.partition(b"\x01")[2].decode().splitlines()[1:]:
        name, memory, count, instructions = line.split()
        costs[f"{name} {memory}"] = (int(count), int(instructions))
    return costs


def host_costs(build: Path, calls: Path, work: Path) -> dict[str, int]:
    profile = work / "callgrind"
    subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--quiet",
                    build / "release" / "tests" / "replay_calls", calls], check=True,
                   stdout=subprocess.DEVNULL)
    text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile],
                          check=True, capture_output=True, text=True).stdout
    costs: dict[str, int] = {}
    for match in re.finditer(r"^\s*([\d,]+) .*?:(\w+)", text, re.MULTILINE):
        costs.setdefault(match[2], int(match[1].replace(",", "")))
    return costs


def print_instructions(build: Path, work: Path) -> None:
    print("| trace | operation | calls | rv32imc, each | x86-64, each |")
    print("|---|---|---|---|---|")
    for layout, policy, trace in TRACES:
        calls = work / "calls"
        subprocess.run([build / "release" / "tests" / "export_calls", layout, policy, trace, calls],
                       check=True)
        host = host_costs(build, calls, work)
        for name, (count, instructions) in chip_costs(build, calls).items():
            if name in HOST_NAMES:
                there = host.get(HOST_NAMES[name])
                here = f"{there / count:.0f}" if there is not None else ""
                print(f"| {trace} on {layout} | {name.split()[0]} | {count} | "
                      f"{instructions / count:.0f} | {here} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--instructions", metavar="BUILD", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if arguments.check:
            return check(work)
        if arguments.instructions:
            print_instructions(arguments.instructions.resolve(), work)
        else:
            print_tables(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
