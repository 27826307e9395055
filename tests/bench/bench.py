#!/usr/bin/env python3
"""bench.py BUILD [--short] [--check]: prints the figures of tests/bench/README.md as a table,
measured now, beside what the real code spends and what is aimed at.

Instructions are counted by callgrind, where valgrind is installed, as the difference between two
counts of rounds; times are printed but never judged. --short leaves out what takes minutes.
--check: exit status 1 when a count of instructions is more than MARGIN above LIMITS."""
from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
SIX_REGIONS = SOURCE / "tests/bench/six-regions.yaml"
MARGIN = 1.10
# Instructions when this file was last changed, by name of the figure.
LIMITS = {
    "replay https, pico-d4": 272.0,
    "replay mixed, six regions": 346.0,
    "read binary https": 19.5,
    "read binary mixed": 89.0,
    "gc_alloc of one block": 51.0,
    "collect 128 KiB, 45 % live": 178900.0,
    "the same, the rest garbage": 193200.0,
    "collect, one-block objects, few links": 157500.0,
    "the same, one-block objects, the rest garbage": 171800.0,
    "32 blocks among churn, 2 MiB": 12560.0,
}


class Bench:
    def __init__(self, build: Path, work: Path, short: bool) -> None:
        self.programs = build / "tests"
        self.command = build / "heapsim"
        self.work = work
        self.short = short
        self.valgrind = shutil.which("valgrind")
        self.too_many: list[str] = []

    def run(self, *arguments: object) -> str:
        result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"bench.py: {arguments[0]} failed: {result.stderr}")
        return result.stdout

    def callgrind(self, *arguments: object) -> int:
        out = self.work / "callgrind.out"
        self.run(self.valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", *arguments)
        for line in out.read_text(errors="replace").splitlines():
            if line.startswith(("summary:", "totals:")):
                return int(line.split()[1])
        sys.exit("bench.py: callgrind printed no sum")

    def instructions(self, units: float, *arguments: object) -> float | None:
        """Per unit: `units` is how many one round has."""
        if self.valgrind is None:
            return None
        once, thrice = (self.callgrind(*arguments, rounds) for rounds in (1, 3))
        return (thrice - once) / 2 / units

    def row(self, name: str, real: str, aim: str, got: str) -> None:
        print(f"| {name} | {real} | {aim} | {got} |", flush=True)

    def counted(self, name: str, real: str, aim: str, got: float | None, after: str = "") -> None:
        if got is None:
            self.row(name, real, aim, "no valgrind" + after)
            return
        self.row(name, real, aim, f"{got:,.0f} instructions" + after)
        if got > LIMITS.get(name, got) * MARGIN:
            self.too_many.append(f"{name}: {got:,.0f}, expected {LIMITS[name]:,.0f} at most")

    def timed(self, *arguments: object) -> tuple[int, float]:
        """Units done and seconds for each, best of three."""
        best = (0, float("inf"))
        for _ in range(3):
            units, seconds = self.run(*arguments).split()
            best = min(best, (int(units), float(seconds) / int(units)), key=lambda b: b[1])
        return best

    def trace(self, events: int, live: int, most: int = 0) -> Path:
        path = self.work / f"mixed-{events}-{live}-{most}.hsb"
        if not path.exists():
            self.run(self.programs / "bench_trace", path, events, live, most)
        return path

    def long_https(self) -> Path:
        """The allocations of https sixty times over, for readers: slots are named again."""
        path = self.work / "long.trace"
        if not path.exists():
            body = (SOURCE / "traces/https.trace").read_text()
            events = [line for line in body.splitlines() if line.split(" ")[0] in
                      ("alloc", "calloc", "free", "realloc")]
            path.write_text(body[:body.index(events[0])] + ("\n".join(events) + "\n") * 60)
        return path

    # --- the figures ---

    def replay(self) -> None:
        program = self.programs / "bench_replay"
        https = self.work / "https.hsb"
        self.run(self.command, "trace", "convert", SOURCE / "traces/https.trace", https)
        mixed = self.trace(100_000 if self.short else 1_000_000, 550)
        for name, layout, path in (("replay https, pico-d4", "pico-d4", https),
                                   ("replay mixed, six regions", SIX_REGIONS, mixed)):
            units, seconds = self.timed(program, "replay", layout, path, 20)
            got = self.instructions(units / 20, program, "replay", layout, path)
            self.counted(name, "303 without metrics or reader", "150", got,
                         f", {seconds * 1e9:.0f} ns")
        long = self.work / "long.hsb"
        self.run(self.command, "trace", "convert", self.long_https(), long)
        for name, path in (("read binary https", long), ("read binary mixed", mixed)):
            units, seconds = self.timed(program, "read", path, 20)
            got = self.instructions(units / 20, program, "read", path)
            self.counted(name, "", "12", got, f", {seconds * 1e9:.1f} ns")

    def text(self) -> None:
        path = self.long_https()
        units, seconds = self.timed(self.programs / "bench_replay", "read", path, 3)
        megabytes = path.stat().st_size / 1e6
        self.row("read text", "", "150 MB/s",
                 f"{megabytes / (seconds * units / 3):.0f} MB/s")

    def sizes(self) -> None:
        """Decoded bytes of all blocks: what the form takes before zstd."""
        events = decoded = 0
        for source in sorted(SOURCE.glob("traces/https*.trace*")):
            path = self.work / "size.hsb"
            self.run(self.command, "trace", "convert", source, path)
            data = path.read_bytes()
            at = 20 + int.from_bytes(data[12:16], "little")
            while data[at:at + 4] == b"BLK1":
                decoded += int.from_bytes(data[at + 12:at + 16], "little")
                events += int.from_bytes(data[at + 16:at + 20], "little")
                at += 32 + int.from_bytes(data[at + 8:at + 12], "little")
        self.row("binary size, TLS traces, before zstd", "", "4 bytes an event",
                 f"{decoded / events:.2f} bytes of {events} events")

    def collector(self) -> None:
        program = self.programs / "bench_gc"
        for case, units, name, real, aim in (
                ("alloc1-128K", 1, "gc_alloc of one block", "104 (64-bit: 82)", "52"),
                ("collect-128K", 1, "collect 128 KiB, 45 % live", "366,000", "183,000"),
                ("garbage-128K", 1, "the same, the rest garbage", "366,000", "183,000"),
                ("links-128K", 1, "collect, one-block objects, few links", "366,000", "183,000"),
                ("garbage-links-128K", 1, "the same, one-block objects, the rest garbage", "366,000",
                 "183,000"),
                ("collect-2M", 1, "collect 2 MiB, 45 % live", "5,840,000", ""),
                ("alloc32-128K", 1, "32 blocks and their free, 128 KiB", "1.06 us", ""),
                ("churn32-2M", 1, "32 blocks among churn, 2 MiB", "15.8 us", "1.6 us")):
            times = dict(line.split(" ", 1) for line in self.run(program, case).splitlines())
            rounds = 20000 if "alloc" in case or "churn" in case else 2
            got = None
            if self.valgrind is not None:
                few, many = (self.callgrind(program, case, n) for n in (rounds, 3 * rounds))
                got = (many - few) / 2 / rounds / units
            self.counted(name, real, aim, got, ", " + " ".join(times[case].split()[:2]))

    def memory(self) -> None:
        for events in (1_000_000,) if self.short else (1_000_000, 200_000_000):
            path = self.trace(events, 550)
            said = subprocess.run([self.programs / "bench_replay", "replay", SIX_REGIONS, path,
                                   "1"], check=True, capture_output=True, text=True).stderr
            kib = next(line.split()[0] for line in said.splitlines() if "of memory" in line)
            self.row(f"memory, {events:,} events", "", "64 MiB", f"{int(kib) / 1024:.1f} MiB")
        empty = self.work / "one.trace"
        empty.write_text("heapsim-trace 1\norigin modelled\nowner a idf\nalloc 1 8 a\nfree 1\n")
        best = min(self.seconds(self.command, "--layout", "pico-d4", "--trace", empty)
                   for _ in range(40))
        nothing = min(self.seconds("true") for _ in range(40))
        self.row("a whole command, two events", "", "2 ms",
                 f"{best * 1e3:.2f} ms; `true` takes {nothing * 1e3:.2f} ms")
        _, seconds = self.timed(self.programs / "bench_replay", "copy", "pico-d4", 2000)
        self.row("copy of a board", "", "50 us", f"{seconds * 1e6:.1f} us")
        _, seconds = self.timed(self.programs / "bench_replay", "open", "pico-d4", 50)
        self.row("a session opened and closed", "", "", f"{seconds * 1e3:.2f} ms")

    def grid(self) -> None:
        """200 cells of the https scenario: processor time, and how one thread compares with all."""
        sizes = ",".join(f"{kib}K" for kib in range(16, 66))
        words = (self.command, "compare", "--scenario", "https", "--layout", "pico-d4", "--policy",
                 "fixed-48k,keep-free-48k,micropython-v1.19,micropython-v1.22",
                 "--set", f"gc.initial={sizes}", "--csv", self.work / "cells.csv")
        for threads in (1, len(os.sched_getaffinity(0))):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            wall = min(self.seconds(*words, "--threads", threads) for _ in range(5))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5
            self.row(f"200 cells of https, {threads} threads", "", "1000 cells a second and core",
                     f"{200 / used:.0f} cells a second of processor time; {wall * 1e3:.0f} ms")

    def seconds(self, *arguments: object) -> float:
        start = time.perf_counter()
        self.run(*arguments)
        return time.perf_counter() - start

    def growth(self) -> None:
        program = self.programs / "bench_replay"
        print("\n| events | ns an event |\n|---|---|")
        for power in (4, 5, 6) if self.short else (4, 5, 6, 7, 8):
            path = self.trace(10 ** power, 550)
            rounds = max(1, 10 ** (6 - power))
            _, seconds = self.timed(program, "replay", SIX_REGIONS, path, rounds)
            print(f"| 10^{power} | {seconds * 1e9:.0f} |", flush=True)
        print("\n| live blocks (esp32-spiram) | sizes | instructions an event | ns |\n|---|---|---|---|")
        for live, most in ((100, 0), (1000, 0), (10000, 0), (100, 16), (1000, 16), (10000, 16),
                           (100_000, 16)):
            path = self.trace(max(100_000, 4 * live), live, most)
            units, seconds = self.timed(program, "replay", "esp32-spiram", path, 5)
            got = self.instructions(units / 5, program, "replay", "esp32-spiram", path)
            print(f"| {live} | {f'to {most}' if most else 'mixed'} | "
                  f"{'-' if got is None else f'{got:.0f}'} | {seconds * 1e9:.0f} |",
                  flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(arguments.build.resolve(), Path(work), arguments.short)
        print("| work | real code | aim | here |\n|---|---|---|---|")
        bench.replay()
        bench.text()
        bench.sizes()
        bench.collector()
        bench.memory()
        bench.grid()
        bench.growth()
    for line in bench.too_many:
        print(f"bench.py: {line}", file=sys.stderr)
    return 1 if arguments.check and bench.too_many else 0


if __name__ == "__main__":
    sys.exit(main())
