#!/usr/bin/env python3
"""`heapsim verify`: captured traces, and calls of the real collector (tests/golden/gc) made into traces,
replay to every recorded address; each kind of recorded thing, when changed, is found where it is."""
from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

HEAPSIM = os.environ["HEAPSIM"]
HERE = Path(__file__).resolve().parent
TRACES = HERE.parent / "traces"
GOLDEN = HERE / "golden" / "gc"

# Events, addresses, automatic collections, growths, releases.
CAPTURED = {
    "async_app": (18467, 10860, 329, 0, 0),
    "buffers": (38984, 20097, 458, 1, 1),
    "graph": (55027, 29969, 527, 1, 0),
    "sensor_day": (37731, 20143, 685, 0, 0),
    "sensor_day_off": (37046, 20143, 2, 0, 0),
    "text_csv": (52490, 27389, 577, 0, 0),
    "web_json": (58085, 30960, 1343, 0, 0),
    "mpy-wasm-mqtt": (69498, 35408, 1439, 0, 0),
    "mpy-wasm-planner": (24657, 12680, 324, 1, 1),
    "mpy-wasm-rules": (14042, 5359, 205, 0, 0),
}


def heapsim(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([HEAPSIM, *map(str, arguments)], capture_output=True, text=True, check=False)


def read(path: Path) -> list[str]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode().split("\n")


class CannotSay(Exception):
    """The script does what the statements of a trace cannot express."""


class Translator:
    """A golden script and the answers of the real collector as a trace. An object is rooted from its
    allocation to `drop`; what the script roots later, or links while unrooted, cannot be said."""

    def __init__(self, script: list[str], answers: list[str]) -> None:
        self.script = [words for line in script if (words := line.split("#")[0].split())]
        self.answers = iter(answers)
        self.out = ["heapsim-trace 1", "owner mp gc"]
        self.root: dict[str, int] = {}  # root slot -> object
        self.live: set[int] = set()

    def doings(self, answer: str, explicit: bool) -> str:
        """Writes what the command caused before it; returns the plain answer."""
        plain, _, caused = answer.partition(" | ")
        for word, value in re.findall(r"(release|collect|grow) (\S+)", caused):
            if word == "release":
                self.out.append(f"released 0x{value}")
            elif word == "collect" and not explicit:
                self.out.append(f"collected {value}")
            elif word == "grow" and not value.endswith("=NULL"):
                asked, address = value.split("=")
                self.out.append(f"grown 0x{address} {asked}")
        if "fin" in caused:
            raise CannotSay("finaliser")
        return "failed @NULL" if plain == "NULL" else f"@0x{plain}"

    def drop(self, number: int) -> None:
        if number in self.live and number not in self.root.values():
            self.live.discard(number)
            self.out.append(f"drop {number}")

    def allocate(self, at: int, words: list[str], answer: str) -> None:
        number = int(words[1])
        self.drop(number)
        if number in self.live:
            raise CannotSay("number used again")
        address = self.doings(answer, False)
        self.out.append(f"alloc {number} {words[2]} mp {address}{' finaliser' if len(words) > 3 else ''}")
        self.live.add(number)
        following = self.script[at + 1] if at + 1 < len(self.script) else ["end"]
        if following[0] != "root" or following[2] != words[1]:
            self.drop(number)

    def command(self, at: int, words: list[str], answer: str) -> None:
        name = words[0]
        if name in ("r", "f", "root", "link", "unlink") and int(words[2 if name == "root" else 1]) not in self.live:
            raise CannotSay("an object that nothing holds")
        if name == "a":
            self.allocate(at, words, answer)
        elif name == "r":
            stay = " nomove" if "move=0" in words else ""
            self.out.append(f"realloc {words[1]} {words[2]}{stay} {self.doings(answer, False)}")
            if words[2] == "0":
                raise CannotSay("realloc to 0")
        elif name == "f":
            self.out.append(f"free {words[1]}")
            self.live.discard(int(words[1]))
            self.root = {slot: number for slot, number in self.root.items() if number != int(words[1])}
        elif name in ("root", "unroot"):
            before = self.root.pop(words[1], None)
            if name == "root":
                self.root[words[1]] = int(words[2])
            if before is not None:
                self.drop(before)
        elif name == "c":
            self.doings(answer, True)
            self.out.append("collect")
        elif name in ("area", "newsplit", "t"):
            word = {"area": "area", "newsplit": "split", "t": "threshold"}[name]
            self.out.append(" ".join([word, *(f"0x{w}" if name == "area" and i == 0 else w
                                              for i, w in enumerate(words[1:]))]))
        elif name not in ("platalloc", "i", "nb", "s", "h"):
            raise CannotSay(name)

    def trace(self) -> list[str]:
        for at, words in enumerate(self.script):
            answer = next(self.answers)
            if words[0] in ("d", "mi"):
                while answer != "---":
                    answer = next(self.answers)
            else:
                self.command(at, words, answer)
        return self.out


class Verify(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def verify(self, lines: list[str], *options: str) -> subprocess.CompletedProcess:
        path = self.folder / "it.trace"
        path.write_text("\n".join(lines) + "\n")
        return heapsim("verify", "--trace", path, *options)

    def test_captured_traces(self) -> None:
        for name, counts in CAPTURED.items():
            events, addresses, collections, growths, releases = counts
            done = heapsim("verify", "--trace", name)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertEqual(
                done.stdout,
                f"{name}: {events} events, {addresses} addresses equal, {collections} automatic collections, "
                f"{growths} growths and {releases} releases as recorded\n")

    def test_a_replay_with_another_threshold_is_right_in_totals(self) -> None:
        """What traces/README.md says: the fine trace without its threshold against the real run without."""
        totals, addresses = [], []
        for name in ("sensor_day", "sensor_day_off"):
            result, listing = self.folder / "run.json", self.folder / "addresses"
            heapsim("run", "--layout", "pico-d4", "--policy", "micropython-v1.22", "--trace", name, "--json", result,
                    "--addresses", listing)
            heap = json.loads(result.read_text())["final"]["gc"]
            totals.append((heap["collections"], heap["used"]))
            addresses.append([line.split()[2] for line in listing.read_text().splitlines()])
        self.assertEqual(totals, [(28, 30144), (28, 30160)])
        same = sum(a == b for a, b in zip(*addresses))
        self.assertEqual(f"{100 * same / len(addresses[0]):.1f}", "28.8")

    def test_captured_traces_under_any_policy(self) -> None:
        policies = [line.split()[0] for line in heapsim("list", "policies").stdout.splitlines()]
        policies = [name for name in policies if name.startswith("micropython-")] + ["experiment-8940"]
        self.assertGreater(len(policies), 5)
        for name in ("buffers", "async_app"):
            for policy in policies:
                done = heapsim("run", "--layout", "pico-d4", "--policy", policy, "--trace", name)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                self.assertIn("completed" if done.returncode == 0 else "FAILED", done.stdout)

    def test_what_the_real_collector_did(self) -> None:
        addresses = growths = 0
        for script in sorted(GOLDEN.glob("*/*.in*")):
            target = re.search(r"__(\w+)-(v[\d.]+)\.in", script.name)
            assert target is not None, script.name
            mode, release = target.groups()
            answers = script.with_name(script.name.replace(".in", ".out"))
            try:
                lines = Translator(read(script), read(answers)).trace()
            except CannotSay:
                continue
            if mode != "auto" or not any("@0x" in line for line in lines):
                continue
            done = self.verify(lines, "--gc-version", release)
            self.assertEqual((done.returncode, done.stderr), (0, ""), f"{script.name}: {done.stdout}")
            found = re.search(r"(\d+) addresses equal, \d+ automatic collections, (\d+) growths", done.stdout)
            assert found is not None, done.stdout
            addresses += int(found[1])
            growths += int(found[2])
        self.assertGreater(addresses, 30000)
        self.assertGreater(growths, 0)



    def changed(self, line: str, by: str, where: str, found: str) -> None:
        """The first line of the planner that matches, changed (or left out), is found at `where`
        (a line of the same kind, or the event that it announces)."""
        lines = read(TRACES / "mpy-wasm-planner.trace.gz")
        at = next(i for i, text in enumerate(lines) if re.search(line, text))
        event = next(i for i, text in enumerate(lines) if i >= at and re.match(where, text))
        lines[at] = re.sub(line, by, lines[at])
        done = self.verify(lines)
        self.assertEqual((done.returncode, done.stderr), (1, ""), f"{line}: {done.stdout}")
        self.assertRegex(done.stdout, rf"it.trace:{event + 1}: event \d+ differs; {found}")

    def test_whatever_is_changed_is_found(self) -> None:
        alloc = "alloc|realloc|calloc|collect$"
        self.changed(r"^(alloc .*@0x\w*)\w\w$", r"\g<1>18", "alloc", "address: recorded 0x.*18, replayed 0x")
        self.changed(r"^(alloc .*) @0x\w+$", r"\1 failed", "alloc", "address: recorded 0x00000000, replayed 0x")
        self.changed(r"^collected (\d+)$", r"collected 9\1", alloc, "objects freed by the collection: recorded 9")
        self.changed(r"^collected \d+$", "", alloc, "collections: recorded 0, replayed 1")
        self.changed(r"^grown (\S+) (\d)", r"grown \1 9\2", alloc, "growth: recorded an area of 9.* bytes, replayed asks for")
        self.changed(r"^grown (\S+) \d+$", "", alloc, "address: .* the replay asks for an area of")
        self.changed(r"^split \d+$", "split 0", r"alloc .*@0x3ec50", "growth: recorded an area of .* replayed none")
        self.changed(r"^released (\S+)\d$", r"released \g<1>4", alloc, "area released: recorded")
        self.changed(r"^released \S+$", "", alloc, "areas released: recorded 0, replayed 1")
        self.changed(r"^threshold \d+", "threshold 15", alloc, "collections: recorded 0, replayed 1")

    def test_map_around_both(self) -> None:
        lines = ["heapsim-trace 1", "owner mp gc", "area 0x3ffb0000 4096", "alloc 0 40 mp", "alloc 1 16 mp @0x3ffb0120"]
        done = self.verify(lines)
        self.assertEqual(done.returncode, 1)
        self.assertIn("recorded 0x", done.stdout)
        self.assertIn("h==[h]", done.stdout)

    def test_areas_come_and_go_without_end(self) -> None:
        cycle = ["collected 0", "grown 0x3ffc0000 8048", "alloc 0 6000 mp", "drop 0", "released 0x3ffc0000", "collect"]
        lines = ["heapsim-trace 1", "owner mp gc", "area 0x3ffb0000 1024", "split 100000", "alloc 9 16 mp @0x3ffb0040"]
        done = self.verify([*lines, *(300 * cycle)])
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("300 automatic collections, 300 growths and 300 releases", done.stdout)

    def test_areas_that_cannot_be(self) -> None:
        lines = ["heapsim-trace 1", "owner mp gc", "area 0x3ffb0000 4096", "split 100000", "collected 0",
                 "grown 0x3ffb0800 8048", "alloc 0 6000 mp"]
        self.assertIn("7: event 5 differs; growth: recorded an area of 8048 bytes where the replay still has one",
                      self.verify(lines).stdout)
        for area in ("area 0x3ffb0800 4096", "area 0xfffffff0 4096", "area 0x3ffe0000 20"):
            done = self.verify([*lines[:3], area, "alloc 0 16 mp @0x3ffb0040"])
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("it.trace:4: found an area of ", done.stderr)

    def test_what_no_event_follows_is_said(self) -> None:
        lines = ["heapsim-trace 1", "owner mp gc", "area 0x3ffb0000 4096", "alloc 0 40 mp @0x3ffb00c0"]
        first = re.search("replayed (0x[0-9a-f]+)", self.verify([*lines[:3], "alloc 0 40 mp @NULL"]).stdout)
        assert first is not None
        lines[3] = f"alloc 0 40 mp @{first[1]}"
        done = self.verify([*lines, "collected 4"])
        self.assertEqual(done.returncode, 0)
        self.assertIn("no event follows", done.stderr)

    def test_slots_of_refused_allocations(self) -> None:
        """Such a slot stays empty; the program may name it again, or never."""
        lines = ["heapsim-trace 1", "owner mp gc", "area 0x3ffb0000 4096", "split 0", "collected 0",
                 "alloc 0 5000 mp failed @NULL", "collected 0", "alloc 0 5000 mp failed", "free 0", "collected 0",
                 "alloc 0 5000 mp failed", "realloc 0 40 nomove failed @NULL", "drop 0"]
        done = self.verify(lines)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("3 addresses equal, 3 automatic collections", done.stdout)


if __name__ == "__main__":
    unittest.main()
