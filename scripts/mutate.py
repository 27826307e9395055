#!/usr/bin/env python3
"""Mutation testing of sim/device: small changes of its sources, one at a time, and whether any test
notices.

Usage: scripts/mutate.py --check-list | [--sample N] [--seed S] [--again LOG] [--jobs J] [--all] [FILE...]
  FILE        of sim/device; without one all files
  --sample N  of all changes N, drawn with the seed (default 1); without it every change, in the
              order of the seed: what is done when a run is interrupted is a sample
  --check-list  only whether tests/mutants.txt lists changes of today's sources
  --again LOG only the changes that LOG, what an earlier run printed, calls survivors
  --jobs J    changes tried at once (default 1)
  --all       also prints the changes that were noticed, and by which test

Only what a change touches is compiled, in build/mutate, never in the source tree. A change that
compiles to the same machine code is no change and does not count. tests/mutants.txt lists changes
that no test can notice, each with the reason; they are counted apart. Exit status 1: a change that
is not listed there survives, or a listed one does not (unless the same line is there twice)."""
from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DEVICE = ROOT / "sim" / "device"
BUILD = ROOT / "build" / "mutate"
LISTED = ROOT / "tests" / "mutants.txt"
# What has noticed most changes of a file in the least time is tried first.
BOTH = ["test_traces", "test_policy", "test_bounds", "test_grid", "test_run"]
GC = ["test_gc", "test_gc_fast", "golden_gc", "test_gc_random"]
IDF = ["test_heap_caps_edges", "test_chip", "test_list_heap", "test_device_memory", "test_tlsf",
       "test_layout", "test_slots", "test_heap_caps", "test_import_heaps", "golden_idf",
       "test_multi_heap"]
TESTS = GC + IDF + BOTH

SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
         "+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "&": "|", "|": "&", "^": "|", "<<": ">>",
         ">>": "<<", "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=", "^=": "|=", "<<=": ">>=",
         ">>=": "<<=", "++": "--", "--": "++", "true": "false", "false": "true"}
# clang-format puts blanks around binary operators and none behind unary ones.
BINARY = re.compile(r"(?<= )(<<=|>>=|<=|>=|==|!=|&&|\|\||\+=|-=|\|=|&=|\^=|<<|>>|[-+*/%&|^<>])(?= )")
WORD = re.compile(r"\+\+|--|\b(?:true|false)\b")
NOT = re.compile(r"[!~](?=[\w(])")
NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]+|\d+)(u?)\b")
CONDITION = re.compile(r"\b(if|while) \((.*)\) \{$")
STATEMENT = re.compile(r"^ +(?:(?:[\w>\[\].*-]|->)+ (?:[-+|&^]|<<|>>)?= .*|\w+\(.*\)|break|continue|"
                       r"(?:\w|->|\[|\]|\.)+(?:\+\+|--));$")
CALL = re.compile(r"\b(\w+)\(([\w>.-]+), ([\w>.-]+)(?=[,)])")


class Change(NamedTuple):
    file: str
    line: int  # from 1
    old: str   # the line, without indentation
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.old}  ->  {self.new}"


def blank(text: str) -> str:
    """The text with comments, strings and directives blanked out, every line as long as before."""
    def spaces(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', spaces, text, flags=re.S)
    return re.sub(r"^ *#(?:.*\\\n)*.*$", spaces, text, flags=re.M)


def edits(line: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and replacement of every change of a blanked line."""
    for pattern in (BINARY, WORD):
        for m in pattern.finditer(line):
            if m[0] not in ("true", "false") or "__builtin_expect(" not in line:  # a hint to the compiler
                yield m.start(), m.end(), SWAPS[m[0]]
    for m in NOT.finditer(line):
        yield m.start(), m.end(), ""
    for m in NUMBER.finditer(line):
        value = int(m[1], 0)
        for other in (value + 1, value - 1):
            if other >= 0:
                yield m.start(), m.end(), f"{other:#x}{m[2]}" if m[1][:2] == "0x" else f"{other}{m[2]}"
    for m in CONDITION.finditer(line):
        yield m.start(2), m.end(2), f"!({m[2]})"
    if STATEMENT.match(line) and not line.strip().startswith("return"):
        yield len(line) - len(line.lstrip()), len(line), ";"
    for m in CALL.finditer(line):
        if m[2] != m[3]:
            yield m.start(2), m.end(3), f"{m[3]}, {m[2]}"


def changes(path: Path) -> list[Change]:
    text = path.read_text()
    found = []
    for number, (line, bare) in enumerate(zip(text.split("\n"), blank(text).split("\n")), 1):
        for start, end, new in edits(bare.rstrip()):
            found.append(Change(path.name, number, line.strip(),
                                (line[:start] + new + line[end:]).strip()))
    return found


def users(name: str) -> list[str]:
    """The source files that a file is compiled in."""
    if name.endswith(".c"):
        return [name]
    reached, todo = {name}, [name]
    while todo:
        wanted = todo.pop()
        for path in [*DEVICE.glob("*.c"), *DEVICE.glob("*.h")]:
            if path.name not in reached and re.search(rf'#include "(device/)?{wanted}"', path.read_text()):
                reached.add(path.name)
                todo.append(path.name)
    return sorted(n for n in reached if n.endswith(".c"))


class Bench:
    """The test programs, linked against a shared library of sim/device that is exchanged."""

    def __init__(self) -> None:
        subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, "-DCMAKE_BUILD_TYPE=Release"], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", BUILD, "-j", str(os.cpu_count()), "--target", *TESTS],
                       check=True, stdout=subprocess.DEVNULL)
        entries = json.loads((BUILD / "compile_commands.json").read_text())
        self.commands = {Path(e["file"]).name: shlex.split(e["command"]) for e in entries
                         if Path(e["file"]).parent == DEVICE}
        self.base = BUILD / "base"
        shutil.rmtree(self.base, ignore_errors=True)
        (self.base / "sim").mkdir(parents=True)
        shutil.copytree(DEVICE, self.base / "sim" / "device")
        for name in self.commands:
            assert self.compile(self.base, name) and self.compile(self.base, name, "-O3")
        self.link(self.base)
        self.programs()
        self.tests = {t: self.test_command(t) for t in TESTS}
        self.seconds = {}
        for test in TESTS:
            start = time.monotonic()
            assert self.passes(self.base, test, 600), f"{test} fails without a change"
            self.seconds[test] = time.monotonic() - start
        self.kills: dict[str, Counter[str]] = {}
        self.lock = threading.Lock()

    def compile(self, folder: Path, name: str, level: str = "-O1") -> bool:
        """-O1 takes half the time of what is shipped, -O3."""
        words = self.commands[name]
        keep = [w for w in words[1:words.index("-o")] if w != "-Werror"]
        source = folder / "sim" / "device" / name
        line = [str(word) for word in (words[0], "-I", folder / "sim", *keep, "-Werror=int-conversion",
                "-Werror=incompatible-pointer-types", "-fvisibility=default", level, "-o",
                folder / (name + level + ".o"), "-c", source)]
        return subprocess.run(line, capture_output=True, check=False).returncode == 0

    def same(self, folder: Path, names: list[str], level: str) -> bool:
        """Whether the files compile to what they did without the change."""
        return all((folder / (n + level + ".o")).read_bytes() == (self.base / (n + level + ".o")).read_bytes()
                   for n in names)

    def link(self, folder: Path) -> None:
        objects = [next(f / (n + "-O1.o") for f in (folder, self.base) if (f / (n + "-O1.o")).exists())
                   for n in self.commands]
        subprocess.run(["cc", "-shared", "-o", folder / "libdevice.so", *objects], check=True)

    def programs(self) -> None:
        objects = BUILD / "sim" / "CMakeFiles" / "heapsim_objects.dir"
        rest = [p for p in objects.rglob("*.o") if p.parent.name != "device"]
        flags = subprocess.run(["pkg-config", "--libs", "libcyaml", "yaml-0.1", "jansson", "zlib", "libzstd",
                                "cmocka"], check=True, capture_output=True, text=True).stdout.split()
        for name in TESTS:
            main = BUILD / "tests" / "CMakeFiles" / f"{name}.dir" / f"{name}.c.o"
            subprocess.run(["cc", "-o", self.base / name, main, *rest, "-L", self.base, "-ldevice", *flags,
                            "-lm", "-lpthread"], check=True)

    def test_command(self, test: str) -> list[str]:
        program, tests = str(self.base / test), ROOT / "tests"
        if test == "golden_gc":
            return ["sh", str(tests / "test_golden_gc.sh"), program, str(tests / "golden" / "gc")]
        if test == "golden_idf":
            return [sys.executable, str(tests / "golden_idf_vectors.py"), program, str(tests / "golden" / "idf")]
        return [program]

    def passes(self, folder: Path, test: str, limit: float) -> bool:
        process = subprocess.Popen(self.tests[test] if hasattr(self, "tests") else self.test_command(test),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=os.environ | {"LD_LIBRARY_PATH": str(folder)},
                                   start_new_session=True)
        try:
            return process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def order(self, file: str) -> list[str]:
        stem = file.split(".")[0].split("_")[0]
        other = IDF if stem == "gc" else GC if file not in ("address.h", "memory.h") else []
        with self.lock:
            kills = self.kills.setdefault(file, Counter())
            return sorted((t for t in TESTS if t not in other),
                          key=lambda t: -(kills[t] + (2 if stem in t else 1)) / self.seconds[t])

    def judge(self, change: Change) -> str:
        """'broken' (does not compile), 'same' (machine code), 'survived', or the test that fails."""
        mark = hashlib.sha1(str(change).encode()).hexdigest()[:16]
        folder = BUILD / "tries" / mark
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "sim").mkdir(parents=True)
        try:
            shutil.copytree(DEVICE, folder / "sim" / "device")
            path = folder / "sim" / "device" / change.file
            lines = path.read_text().split("\n")
            old = lines[change.line - 1]
            lines[change.line - 1] = old[:len(old) - len(old.lstrip())] + change.new
            path.write_text("\n".join(lines))
            names = users(change.file)
            if not all(self.compile(folder, name) for name in names):
                return "broken"
            if self.same(folder, names, "-O1"):
                return "same"
            self.link(folder)
            for test in self.order(change.file):
                if not self.passes(folder, test, 2 + 6 * self.seconds[test]):
                    with self.lock:
                        self.kills[change.file][test] += 1
                    return test
            compiles = all(self.compile(folder, name, "-O3") for name in names)
            return "same" if compiles and self.same(folder, names, "-O3") else "survived"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def verdicts(bench: Bench, every: list[Change], jobs: int) -> Iterator[tuple[Change, str]]:
    """Each change and what became of it, until the user interrupts."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            yield from zip(every, pool.map(bench.judge, every))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)


def survivors(log: str) -> set[tuple[str, str, str]]:
    """File, old and new line of what a run's output calls survivors."""
    return {(m[1], m[2], m[3]) for m in re.finditer(r"^survived: (\S+?):\d+: (.*?)  ->  (.*)$",
                                            Path(log).read_text(), re.M)}


def listed() -> dict[tuple[str, str, str], str]:
    """Changes that no test can notice: file, line, changed line; and the reason."""
    found = {}
    reason = ""
    for line in LISTED.read_text().splitlines() if LISTED.exists() else []:
        if line.startswith("# "):
            reason = line[2:]
        elif "  ->  " in line:
            file, _, rest = line.partition(": ")
            old, _, new = rest.partition("  ->  ")
            found[file, old, new] = reason
    return found


def check_list() -> int:
    """1 if a listed change is none of today's sources."""
    every = [(c.file, c.old, c.new) for p in DEVICE.glob("*.[ch]") for c in changes(p)]
    stale = set(listed()).difference(every)
    for file, old, new in sorted(stale):
        print(f"tests/mutants.txt: no such line, or no such change of it: {file}: {old}  ->  {new}")
    return 1 if stale else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--check-list", action="store_true")
    options = parser.parse_args()
    if options.check_list:
        return check_list()
    paths = [DEVICE / Path(f).name for f in options.files] or sorted(DEVICE.glob("*.[ch]"))
    every = [c for p in paths for c in changes(p)]
    if options.again:
        wanted = survivors(options.again)
        every = [c for c in every if (c.file, c.old, c.new) in wanted]
    total = len(every)
    alike = Counter((c.file, c.old, c.new) for c in every)
    every = random.Random(options.seed).sample(every, min(options.sample or total, total))
    bench = Bench()
    known = listed()
    count: Counter[str] = Counter()
    wrong = 0
    start = time.monotonic()
    for change, verdict in verdicts(bench, every, options.jobs):
        kind = verdict if verdict in ("broken", "same", "survived") else "noticed"
        text = (change.file, change.old, change.new)
        reason = known.get(text)
        if kind == "survived" and reason:
            kind = "listed"
        count[kind] += 1
        misjudged = kind == "noticed" and reason is not None and alike[text] == 1
        wrong += kind == "survived" or misjudged
        if kind == "survived" or misjudged or options.all:
            print(f"{verdict if kind == 'noticed' else kind}: {change}", flush=True)
        if sys.stderr.isatty():
            print(f"\r{sum(count.values())} of {len(every)}", end="", file=sys.stderr)
    judged = count["noticed"] + count["survived"] + count["listed"]
    print(f"{sum(count.values())} of {total} changes, seed {options.seed}: {count['broken']} do not compile, "
          f"{count['same']} compile to the same code; of the other {judged}: {count['noticed']} noticed, "
          f"{count['listed']} listed as unnoticeable, {count['survived']} survived "
          f"({100 * count['survived'] / max(judged, 1):.1f} %), {time.monotonic() - start:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
