#!/usr/bin/env python3
"""scripts/plot.py: each plot as SVG, parsed; sizes, series, marks. HEAPSIM names the command."""

import base64
import csv
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAPSIM = os.environ.get("HEAPSIM", str(ROOT / "build/release/heapsim"))
sys.path.insert(0, str(ROOT / "scripts"))
from plots import colours, heap_map, histogram  # noqa: E402 (found only with the path above)

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def png_pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of an 8-bit RGB or RGBA PNG, alpha left out."""
    at, packed, width, height, channels = 8, b"", 0, 0, 3
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and colour in (2, 6)
            channels = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    plain = zlib.decompress(packed)
    rows, above, line = [], bytearray(width * channels), width * channels + 1
    for y in range(height):
        kind, row = plain[y * line], bytearray(plain[y * line + 1:(y + 1) * line])
        for i in range(len(row)):
            left = row[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            guess = left + above[i] - corner
            nearest = min((left, above[i], corner), key=lambda v: abs(guess - v))
            row[i] = (row[i] + [0, left, above[i], (left + above[i]) // 2, nearest][kind]) & 255
        rows.append(bytes(row) if channels == 3 else
                    b"".join(bytes(row[i:i + 3]) for i in range(0, len(row), 4)))
        above = row
    return width, height, rows


@unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
class Plots(unittest.TestCase):
    folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="heapsim-plots-"))
        cls.run_heapsim("good", 0, "--layout", "pico-d4", "--policy", "micropython-v1.22",
                        "--trace", "https", "--trace", "sensor_day")
        cls.run_heapsim("bad", 1, "--layout", "esp32-idf3", "--trace", "https")

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.folder)

    @classmethod
    def run_heapsim(cls, name: str, status: int, *options: str) -> None:
        words = [HEAPSIM, *options]
        for kind in ("json", "csv", "blocks"):
            words += [f"--{kind}", str(cls.folder / f"{name}.{kind}")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr

    def plot(self, *words: str, status: int = 0) -> str:
        done = subprocess.run([sys.executable, str(ROOT / "scripts/plot.py"), *words], cwd=self.folder,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def heapsim(self, *words: str) -> str:
        done = subprocess.run([HEAPSIM, *words], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def svg(self, *words: str) -> ET.Element:
        self.plot(*words, "-o", "out.svg")
        return ET.parse(self.folder / "out.svg").getroot()

    def series(self, root: ET.Element) -> int:
        """How many series gnuplot drew."""
        return sum(re.fullmatch(r"gnuplot_plot_\d+\w?", g.get("id", "")) is not None for g in root.iter(f"{SVG}g"))

    def words(self, root: ET.Element) -> str:
        return " ".join("".join(t.itertext()) for t in root.iter(f"{SVG}text"))

    def test_time_line(self) -> None:
        root = self.svg("timeline", "--csv", "good.csv", "--json", "good.json")
        self.assertEqual((root.get("width"), root.get("height")), ("1000", "460"))
        for name in ("free", "largest free block", "GC used", "GC total", "collection", "minimum free"):
            self.assertIn(name, self.words(root))
        self.assertIn("as the device prints it", self.words(root))
        self.assertEqual(self.series(root), 3 + 5 + 2)  # bands, lines, collections, minimum
        lines = [p.get("d", "") for p in root.iter(f"{SVG}path")]
        self.assertGreater(max(len(re.findall("[ML]", d)) for d in lines), 300)

    def test_map_shows_owners_where_they_are(self) -> None:
        root = self.svg("map", "--blocks", "good.blocks", "--json", "good.json")
        for name in ("mbedtls", "mp", "GC area", "boot"):
            self.assertIn(name, self.words(root))
        self.assertEqual(self.series(root), 1 + 4)
        images = [i.get(LINK) or i.get("href") or "" for i in root.iter(f"{SVG}image")]
        self.assertEqual(len(images), 1)
        head, data = images[0].split(",", 1)
        self.assertIn("image/png;base64", head)
        width, height, rows = png_pixels(base64.b64decode(data))
        self.assertEqual(width, 1100)
        self.assertGreater(height, 500)
        tls = bytes(colours.rgb(colours.style(["boot", "firmware", "mbedtls", "mp"])["mbedtls"]))
        events = json.loads((self.folder / "good.json").read_text())["counts"]["events"]
        end = round(9494 / events * width)  # https comes first and frees all it took
        middle = sum(row[3 * (end // 2):3 * (end // 2) + 3] == tls for row in rows)
        late = sum(row[3 * (end + 20):3 * (end + 20) + 3] == tls for row in rows)
        self.assertGreater(middle, 30)
        self.assertEqual(late, 0)

    def test_failure_is_marked(self) -> None:
        for words in (("map", "--blocks", "bad.blocks"), ("timeline", "--csv", "bad.csv")):
            root = self.svg(*words, "--json", "bad.json")
            self.assertRegex(self.words(root), r"mbedtls.*16717 bytes.* fragmented")
            self.assertIn(colours.FAILURE, (self.folder / "out.svg").read_text().lower().replace("rgb(176,   0,  32)", "#b00020"))

    def test_policies(self) -> None:
        words = self.words(self.svg("policies", "good.json", "bad.json"))
        result = json.loads((self.folder / "good.json").read_text())
        self.assertIn("micropython-v1.22", words)
        self.assertIn("failed: fragmented", words)
        self.assertIn(f"{result['minimum_largest_free_block'] / 1024:.4g}", words)
        self.assertNotIn("sockets", words)
        cells = {"cells": [
            {"id": f"a/{p}/s/seed={seed}", "policy": p, "outcome": outcome,
             "failure": {"class": "fragmented"} if outcome == "failed" else None, "metrics": {"minimum_largest_free_block": size - 1024 * seed, "sockets": 2 + seed}}
            for p, size, outcome in (("one", 40960, "completed"), ("two", 20480, "failed")) for seed in (0, 1)]}
        (self.folder / "cells.json").write_text(json.dumps(cells))
        words = self.words(self.svg("policies", "cells.json"))
        for text in ("sockets", "39 .. 40", "19 .. 20", "2 .. 3", "2 of 2 failed: fragmented"):
            self.assertIn(text, words)

    def test_pareto_keeps_what_nothing_beats(self) -> None:
        cells = {"cells": [{"id": f"a/{p}/{case}", "policy": p, "outcome": "completed", "metrics": {"x": x, "y": y}}
                           for case, p, x, y in (("s", "low", 10, 90), ("s", "beaten", 20, 40), ("s", "high", 50, 50),
                                                 ("t", "lone", 1, 1))]}
        (self.folder / "cells.json").write_text(json.dumps(cells))
        words = self.words(self.svg("pareto", "cells.json", "--x", "x", "--y", "y"))
        self.assertRegex(words, r"\blow\b")
        self.assertRegex(words, r"\bhigh\b")
        self.assertNotRegex(words, r"\bbeaten\b")
        self.assertRegex(words, r"\blone\b")  # of another case: nothing beats it there

    def test_pareto_of_a_search(self) -> None:
        found = json.loads(self.heapsim("search", "--layout", "pico-d4", "--policy", "fixed-48k", "--scenario",
                                        "tls-and-ble", "--largest", "gc.initial=16K..108K", "--json", "-"))
        (self.folder / "found.json").write_text(json.dumps(found))
        words = self.words(self.svg("pareto", "found.json", "--x", "python_free", "--y", "n"))
        for radio in ("wifi-connect", "wifi-ble-no-return"):
            self.assertIn(f"radio={radio}", words)
        values = [r["value"] for r in found["results"]]
        self.assertEqual(len(values), 6)
        for value in values:  # more at once, less for Python: each is in the front of its radio
            self.assertIn(f"fixed-48k, {value / 1024:g}K", words)

    def test_rounds(self) -> None:
        (self.folder / "leak.trace").write_text("heapsim-trace 1\ntitle t\norigin modelled\nowner a idf\nalloc 0 9000 a\n")
        (self.folder / "leak.yaml").write_text(
            "name: leak\ntitle: t\nlayout: [pico-d4]\npolicy: [micropython-v1.19]\nsteps:\n"
            f"  - {{repeat: 6, cycle: c, steps: [{{trace: {self.folder}/leak.trace}}]}}\n")
        self.heapsim("compare", "--scenario", str(self.folder / "leak.yaml"), "--rounds", str(self.folder / "r.csv"))
        rows = list(csv.DictReader((self.folder / "r.csv").read_text().splitlines()))
        self.assertEqual([r["round"] for r in rows], ["1", "2", "3", "4", "5", "6"])
        fits = [r["tls_fits"] for r in rows]
        self.assertEqual(fits, sorted(fits, reverse=True))
        words = self.words(self.svg("rounds", "r.csv"))
        self.assertIn(f"free: {rows[0]['idf_free']} to {rows[-1]['idf_free']} bytes", words)
        self.assertIn(f"no TLS socket fits from round {fits.index('0') + 1} on", words)

    def test_histogram_and_drift(self) -> None:
        root = self.svg("histogram", "--blocks", "good.blocks", "--json", "good.json")
        self.assertEqual(self.series(root), len(histogram.CLASSES))
        for _, _, name in histogram.CLASSES:
            self.assertIn(name, self.words(root))
        self.assertRegex(self.words(self.svg("drift", "--csv", "good.csv", "--json", "good.json")),
                         r"\d+ to \d+ bytes, trend [+-]\d+\.\d for each 1000 events")

    def test_regions_are_to_scale_where_they_can_be(self) -> None:
        self.assertEqual(heap_map.heights([100, 300], 400), [200, 200])  # one is larger than all others
        self.assertEqual(heap_map.heights([100, 150, 150], 400), [100, 150, 150])
        self.assertEqual(heap_map.heights([1, 150, 150], 311), [11, 150, 150])
        self.assertEqual(heap_map.heights([4000], 600), [600])

    def test_sizes_of_free_blocks(self) -> None:
        # F96 U20 F40 U8 (4 bytes in front of each)
        self.assertEqual(histogram.sizes([(1000, 1176)], [(1100, 20), (1168, 8)]), [96, 40])
        self.assertEqual(histogram.sizes([(1000, 1176)], []), [176])
        self.assertEqual(histogram.sizes([(0, 8), (100, 120)], [(0, 8), (100, 8)]), [8])

    def test_sizes_agree_with_the_json(self) -> None:
        from plots import data
        result = json.loads((self.folder / "good.json").read_text())
        blocks = data.read_blocks(self.folder / "good.blocks", result["counts"]["events"])
        live = sorted((b.address, b.size) for b in blocks if b.heap != "gc" and b.died > result["counts"]["events"])
        spans = histogram._spans(result, blocks)
        self.assertEqual(sorted(histogram.sizes(spans, live)),
                         sorted(b["size"] for r in result["final"]["idf"]["regions"] for b in r["blocks"]))

    def test_png_and_pdf(self) -> None:
        self.plot("timeline", "--csv", "good.csv", "--json", "good.json", "-o", "out.png")
        png = (self.folder / "out.png").read_bytes()
        self.assertEqual(struct.unpack(">II", png[16:24]), (1000, 460))
        self.plot("timeline", "--csv", "good.csv", "--json", "good.json", "-o", "out.pdf")
        self.assertTrue((self.folder / "out.pdf").read_bytes().startswith(b"%PDF"))

    def test_bad_input_is_told_and_leaves_no_file(self) -> None:
        self.assertIn("expected a name that ends in", self.plot(
            "policies", "good.json", "-o", "no.gif", status=2))
        self.assertIn("found no column event", self.plot(
            "timeline", "--csv", "good.blocks", "--json", "good.json", "-o", "no.svg", status=2))
        self.assertIn("missing.json", self.plot("policies", "missing.json", "-o", "no.svg", status=2))
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith((".", "no."))], [])

    def test_names_are_no_commands(self) -> None:
        cells = {"cells": [{"policy": "'; system 'touch owned' #\n\"@x", "outcome": "completed",
                            "metrics": {"sockets": 1}}]}
        (self.folder / "cells.json").write_text(json.dumps(cells))
        words = self.words(self.svg("policies", "cells.json"))
        self.assertIn("system", words)
        self.assertFalse((self.folder / "owned").exists())


class Colours(unittest.TestCase):
    def test_hash_is_fnv_1a(self) -> None:
        self.assertEqual(colours._hash("foobar"), 0xBF9CF968)

    def test_hue_depends_on_the_name_alone(self) -> None:
        alone = colours.style(["mbedtls"])["mbedtls"]
        self.assertEqual(colours.style(["boot", "mbedtls", "wifi"])["mbedtls"], alone)

    def test_shared_hues_differ_in_lightness(self) -> None:
        made = colours.style(["tls", "mbedtls", "mbedtls-2"])
        self.assertEqual(len(set(made.values())), 3)


if __name__ == "__main__":
    unittest.main()
