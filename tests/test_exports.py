#!/usr/bin/env python3
"""What heapsim run writes for other viewers: --blocks, --perfetto, --massif. HEAPSIM names it."""

import csv
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

HEAPSIM = os.environ.get("HEAPSIM", "build/release/heapsim")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class Exports(unittest.TestCase):
    """One run with growth, collections and two owners; one that fails."""

    folder: Path
    result: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="heapsim-exports-"))
        cls.run_heapsim("good", 0, "--layout", "pico-d4", "--policy", "micropython-v1.22",
                        "--trace", "graph", "--trace", "https")
        cls.run_heapsim("bad", 1, "--layout", "esp32-idf3", "--trace", "https")

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.folder)

    @classmethod
    def run_heapsim(cls, name: str, status: int, *options: str) -> None:
        words = [HEAPSIM, *options]
        for kind in ("json", "blocks", "perfetto", "massif"):
            words += [f"--{kind}", str(cls.folder / f"{name}.{kind}")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr

    def blocks(self, name: str) -> list[dict[str, str]]:
        with open(self.folder / f"{name}.blocks", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_blocks_of_owners_sum_up(self) -> None:
        for name in ("good", "bad"):
            result = read_json(self.folder / f"{name}.json")
            for owner in result["owners"]:
                rows = [r for r in self.blocks(name) if r["owner"] == owner["name"]]
                live = [r for r in rows if r["end"] == "live"]
                self.assertEqual(len(live), owner["live_blocks"])
                self.assertEqual(sum(int(r["asked"]) for r in live), owner["live_bytes"])
                self.assertGreaterEqual(len(rows), owner["allocations"] - owner["failures"])

    def test_no_two_blocks_share_an_address(self) -> None:
        rows = self.blocks("good")
        end = read_json(self.folder / "good.json")["counts"]["events"] + 1
        seen = 0
        for heap in ("gc", "idf"):
            for event in range(0, end, 997):
                alive = sorted(
                    (int(r["address"], 16), int(r["size"])) for r in rows
                    if r["heap"] == heap and int(r["born_event"]) <= event
                    and event < int(r["died_event"] or end))
                for (a, size), (b, _) in zip(alive, alive[1:]):
                    self.assertLessEqual(a + size, b)
                    seen += 1
        self.assertGreater(seen, 10000)

    def test_growth_is_an_area(self) -> None:
        areas = [r for r in self.blocks("good") if r["heap"] == "area"]
        self.assertEqual([r["born_event"] == "0" for r in areas], [True, False])

    def test_perfetto_ends_as_the_json(self) -> None:
        for name in ("good", "bad"):
            result = read_json(self.folder / f"{name}.json")
            events = read_json(self.folder / f"{name}.perfetto")["traceEvents"]
            last: dict[str, dict[str, int]] = {}
            depth = 0
            time = 0
            for e in events:
                self.assertIn(e["ph"], "MCBEi")
                self.assertEqual(e["pid"], 1)
                if e["ph"] == "M":
                    continue
                if e["ph"] == "C":
                    last[e["name"]] = e["args"]
                depth += {"B": 1, "E": -1}.get(e["ph"], 0)
                self.assertIn(depth, (0, 1))
                self.assertGreaterEqual(e["ts"], time)
                time = e["ts"]
            self.assertEqual(depth, 0)
            self.assertEqual(last["IDF heap"]["free"], result["final"]["idf"]["free"])
            self.assertEqual(last["GC heap"]["used"], result["final"]["gc"]["used"])
            for owner in result["owners"]:
                if owner["allocations"]:
                    self.assertEqual(last[owner["name"]]["bytes"], owner["live_bytes"])
            named = [e.get("name", "") for e in events]
            self.assertEqual(named.count("collection") if name == "good" else 0,
                             result["counts"]["collections"] if name == "good" else 0)
            self.assertEqual(sum(n.startswith("failed: ") for n in named), result["failures"])

    @unittest.skipUnless(shutil.which("ms_print"), "valgrind's ms_print is not installed")
    def test_ms_print_reads_massif(self) -> None:
        done = subprocess.run(["ms_print", str(self.folder / "good.massif")],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        events = read_json(self.folder / "good.json")["counts"]["events"]
        rows = [[int(n.replace(",", "")) for n in m.groups()] for m in re.finditer(
            r"^ *(\d+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+) +0$", done.stdout, re.M)]
        self.assertGreater(len(rows), 50)
        self.assertEqual(rows[-1][1], events)
        live = [r for r in self.blocks("good") if r["heap"] != "area" and not r["died_event"]]
        self.assertEqual(rows[-1][3], sum(int(r["asked"]) for r in live))
        self.assertEqual(rows[-1][2], sum(int(r["size"]) for r in live))
        self.assertIn("(peak)", done.stdout)
        self.assertRegex(done.stdout, r"mbedtls \(owner\)")
        peak = max(rows, key=lambda r: r[3])
        deltas: dict[int, int] = {}
        for r in self.blocks("good"):
            if r["heap"] != "area":
                deltas[int(r["born_event"])] = deltas.get(int(r["born_event"]), 0) + int(r["asked"])
                if r["died_event"]:
                    died = int(r["died_event"])
                    deltas[died] = deltas.get(died, 0) - int(r["asked"])
        total = most = 0
        for event in sorted(deltas):
            total += deltas[event]
            most = max(most, total)
        self.assertEqual(peak[3], most)


if __name__ == "__main__":
    unittest.main()
