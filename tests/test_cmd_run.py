"""heapsim run and list, as a user types them: outputs, exit status, bad input, full disks."""

import csv
import io
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

HEAPSIM = os.environ["HEAPSIM"]
ROOT = pathlib.Path(__file__).resolve().parent.parent
MARK_KEYS = {"name", "event", "idf", "gc"}
IDF_KEYS = {"total", "free", "largest_free_block", "largest_free_block_exact", "minimum_free", "free_blocks",
            "allocated_blocks", "regions"}
GC_KEYS = {"total", "used", "free", "max_free", "max_block", "one_blocks", "two_blocks", "max_new_split",
           "collections", "areas"}
RESULT_KEYS = {"heapsim", "layout", "policy", "idf", "traces", "outcome", "failures", "failure", "marks", "final",
               "peak", "minimum_free", "minimum_largest_free_block"}


def heapsim(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with these arguments."""
    return subprocess.run([HEAPSIM, *arguments], capture_output=True, text=True, check=False)


class Results(unittest.TestCase):
    def result(self, *arguments: str) -> dict:
        """The JSON of a run."""
        done = heapsim(*arguments, "--json", "-")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if result["outcome"] == "completed" else 1)
        return result

    def test_keys_of_the_contract(self) -> None:
        result = self.result("--layout", "pico-d4", "--trace", "https.trace")
        self.assertLessEqual(RESULT_KEYS, result.keys())
        for mark in [*result["marks"], result["final"]]:
            self.assertLessEqual(MARK_KEYS, mark.keys())
            self.assertLessEqual(IDF_KEYS, mark["idf"].keys())
            if mark["gc"] is not None:
                self.assertLessEqual(GC_KEYS, mark["gc"].keys())
        self.assertEqual([m["name"] for m in result["marks"]][:2], ["boot", "start"])
        self.assertEqual(result["marks"][-1], result["final"])
        self.assertEqual(result["traces"], [{"name": "https.trace", "origin": "captured", "events": 9494}])
        self.assertIsNone(result["failure"])

    def test_published_figures_of_pico_d4(self) -> None:
        result = self.result("--layout", "pico-d4", "--trace", "https.trace")
        boot, start = result["marks"][:2]
        blocks = [b for region in boot["idf"]["regions"] for b in region["blocks"]]
        self.assertEqual([(hex(b["start"]), b["size"]) for b in blocks],
                         [("0x3ffbb4e8", 4452), ("0x3ffcf174", 69256), ("0x3ffe0a9c", 13440), ("0x3ffe49ac", 112208)])
        self.assertEqual(boot["idf"]["total"], 244072)
        self.assertEqual(boot["idf"]["largest_free_block"], 110592)
        self.assertIsNone(boot["gc"])
        self.assertEqual(start["gc"]["areas"][0]["start"], 0x3FFE49AC)
        self.assertEqual(start["gc"]["areas"][0]["size"], 110592)
        left = [b["size"] for region in start["idf"]["regions"] for b in region["blocks"]]
        self.assertEqual(left, [4452, 69256, 13440, 1612])

    def test_two_areas_of_2018(self) -> None:
        board = ("--layout", "esp32-idf3", "--policy", "two-areas-2018", "--trace", "none")
        result = self.result(*board)
        self.assertEqual(result["traces"], [])
        self.assertEqual([m["name"] for m in result["marks"]], ["boot", "start", "end"])
        self.assertEqual(result["marks"][1]["gc"]["total"], 206976)
        info = heapsim(*board, "--mem-info")
        self.assertIn("GC: total: 206976, used: 0, free: 206976\n", info.stdout)
        self.assertIn("GC memory layout; from 3ffb30a0:\n", info.stdout)
        self.assertIn("GC memory layout; from 3ffe4de0:\n", info.stdout)
        self.assertIn("       (108 lines all free)\n1b000: ........................\n", info.stdout)

    def test_sums(self) -> None:
        result = self.result("--layout", "pico-d4", "--trace", "wifi-https")
        for mark in result["marks"]:
            idf = mark["idf"]
            regions = idf["regions"]
            self.assertEqual(idf["free"], sum(r["free"] for r in regions))
            self.assertEqual(idf["largest_free_block"], max(r["largest_free_block"] for r in regions))
            self.assertEqual(idf["free_blocks"], sum(len(r["blocks"]) for r in regions))
            self.assertEqual(idf["largest_free_block_exact"], max(b["size"] for r in regions for b in r["blocks"]))
        self.assertEqual(result["failures"], sum(o["failures"] for o in result["owners"]))
        self.assertEqual(result["failure"]["class"], "fragmented")

    def test_same_bytes_twice_and_from_the_binary_form(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            binary = os.path.join(folder, "https.hsb")
            self.assertEqual(heapsim("trace", "convert", "https.trace", binary).returncode, 0)
            outputs = []
            for trace in ("https.trace", "https.trace", binary):
                name = os.path.join(folder, "addresses")
                self.assertEqual(heapsim("--layout", "esp32-v5", "--trace", trace, "--addresses", name).returncode, 0)
                outputs.append(pathlib.Path(name).read_bytes())
            self.assertEqual(outputs[0], outputs[1])
            self.assertEqual(outputs[0], outputs[2])

    def test_addresses(self) -> None:
        done = heapsim("--layout", "pico-d4", "--trace", "https.trace", "--addresses", "-")
        lines = done.stdout.splitlines()
        # The hole of 4452 bytes is too small for 16717; the next heap's is not.
        self.assertEqual(lines[0], "3 1 0x3ffcf174")
        self.assertEqual(len(lines), 4744)
        self.assertIn("completed", done.stderr)

    def test_time_line(self) -> None:
        done = heapsim("--layout", "pico-d4", "--trace", "wifi-https", "--csv", "-")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        result = self.result("--layout", "pico-d4", "--trace", "wifi-https")
        self.assertEqual(len(rows), result["counts"]["events"])
        self.assertEqual(min(int(r["idf_largest_free_block"]) for r in rows), result["minimum_largest_free_block"])
        self.assertEqual(max(int(r["idf_allocated"]) for r in rows), result["peak"]["idf_allocated"])
        self.assertEqual(int(rows[-1]["idf_free"]), result["final"]["idf"]["free"])
        self.assertEqual(int(rows[-1]["failures"]), result["failures"])

    def test_heap_info_says_what_the_json_says(self) -> None:
        done = heapsim("--layout", "pico-d4", "--trace", "https.trace", "--heap-info")
        final = self.result("--layout", "pico-d4", "--trace", "https.trace")["final"]["idf"]
        self.assertIn("Heap summary for capabilities 0x00000004:\n", done.stdout)
        for r in final["regions"]:
            self.assertIn(f"  At 0x{r['start']:08x} len {r['size']} free {r['free']} ", done.stdout)
        self.assertIn(f"    free {final['free']} ", done.stdout)

    def test_going_on_after_a_failure_or_not(self) -> None:
        goes_on = self.result("--layout", "pico-d4", "--trace", "wifi-https")
        stops = self.result("--layout", "pico-d4", "--trace", "wifi-https", "--on-oom", "stop")
        self.assertEqual(goes_on["failure"], stops["failure"])
        self.assertEqual(stops["failures"], 1)
        self.assertEqual(stops["final"]["event"], stops["failure"]["event"])
        self.assertEqual(goes_on["final"]["event"], 10185)

    def test_several_traces(self) -> None:
        result = self.result("--layout", "pico-d4", "--policy", "none", "--trace", "wifi-connect", "--trace", "https")
        self.assertEqual([t["name"] for t in result["traces"]], ["wifi-connect", "https"])
        self.assertEqual(result["counts"]["events"], sum(t["events"] for t in result["traces"]))

    def test_no_colour_in_a_pipe(self) -> None:
        self.assertNotIn("\033", heapsim("--layout", "pico-d4", "--trace", "wifi-https", "--map").stdout)


class BadInput(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self) -> None:
        self.assertEqual(os.listdir(self.folder.name), [n for n in os.listdir(self.folder.name) if n.startswith("in.")])
        self.folder.cleanup()

    def refuse(self, *arguments: str) -> str:
        """The one line on stderr of a command that must be refused."""
        done = heapsim(*arguments)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def file(self, name: str, text: str | bytes) -> str:
        """A file in the test's folder; inputs start with "in."."""
        path = os.path.join(self.folder.name, "in." + name)
        pathlib.Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def test_usage(self) -> None:
        self.assertIn("--layout", self.refuse("--trace", "https.trace"))
        self.assertIn("--trace", self.refuse("--layout", "pico-d4"))
        self.assertIn("continue (default) or stop", heapsim("run", "--help").stdout)
        self.assertIn("expected stop or continue", self.refuse("--on-oom", "later"))
        both = self.refuse("--layout", "pico-d4", "--trace", "http", "--json", "-", "--csv", "-")
        self.assertIn("two reports that go to -", both)
        self.assertIn("found verb fly", self.refuse("fly"))
        self.assertIn("pico-d4", self.refuse("--layout", "pico", "--trace", "https.trace"))

    def test_bad_trace_leaves_no_output(self) -> None:
        bad = self.file("bad.trace", "heapsim-trace 1\norigin modelled\nowner a idf\nalloc 1 10 a\nalloc 1 10 a\n")
        for option in ("--json", "--csv", "--addresses"):
            message = self.refuse("--layout", "pico-d4", "--trace", bad, option, os.path.join(self.folder.name, "out"))
            self.assertIn("in.bad.trace:5: found alloc 1 of a slot that is allocated", message)

    def test_truncated_gzip(self) -> None:
        whole = pathlib.Path(ROOT, "traces", "graph.trace.gz").read_bytes()
        cut = self.file("cut.trace.gz", whole[: len(whole) // 2])
        self.refuse("--layout", "esp32-v5", "--policy", "micropython-v1.22", "--trace", cut)

    def test_disk_full(self) -> None:
        for option in ("--json", "--csv", "--addresses"):
            message = self.refuse("--layout", "pico-d4", "--trace", "https.trace", option, "/dev/full")
            self.assertIn("No space left on device", message)

    def test_folder_that_is_not_there(self) -> None:
        self.refuse("--layout", "pico-d4", "--trace", "https.trace", "--json", "/nowhere/result.json")

    def test_layouts_that_cannot_be(self) -> None:
        text = pathlib.Path(ROOT, "scenarios", "layouts", "pico-d4.yaml").read_text()
        moved = self.file("moved.yaml", text.replace("size: 69256", "size: 69252"))
        self.assertIn("boot.free", self.refuse("--layout", moved, "--trace", "https.trace"))


class Verify(unittest.TestCase):
    def test_equal_different_and_nothing_to_compare(self) -> None:
        done = heapsim("verify", "--trace", "web_json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("58085 events, 30960 addresses equal, 1343 automatic collections", done.stdout)
        with tempfile.TemporaryDirectory() as folder:
            moved = os.path.join(folder, "moved.trace")
            text = "heapsim-trace 1\nowner a idf\nalloc 1 16 a @0x3ffbb4e8\nalloc 2 16 a @0x3ffbb4f8\n"
            pathlib.Path(moved).write_text(text)
            done = heapsim("verify", "--layout", "pico-d4", "--trace", moved)
            self.assertEqual(done.returncode, 1)
            self.assertIn("event 2 differs; address: recorded 0x3ffbb4f8, replayed 0x3ffbb4fc", done.stdout)
        done = heapsim("verify", "--layout", "pico-d4", "--trace", "https")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("found no recorded addresses", done.stderr)


class Lists(unittest.TestCase):
    def test_each_name_works(self) -> None:
        layouts = [line.split()[0] for line in heapsim("list", "layouts").stdout.splitlines()]
        self.assertIn("pico-d4", layouts)
        for layout in layouts:
            self.assertIn(heapsim("--layout", layout, "--policy", "none", "--trace", "https").returncode, (0, 1), layout)
        policies = [line.split()[0] for line in heapsim("list", "policies").stdout.splitlines()]
        self.assertIn("micropython-v1.19", policies)
        for kind in ("traces", "scenarios", "profiles", "metrics"):
            self.assertGreater(len(heapsim("list", kind).stdout.splitlines()), 5)
        self.assertEqual(heapsim("list", "boards").returncode, 2)


if __name__ == "__main__":
    unittest.main()
