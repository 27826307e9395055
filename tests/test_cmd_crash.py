"""What each verb says of a device that crashes, and of a board on which a trace cannot be: neither is
called a failed allocation."""
import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

HEAPSIM = os.path.abspath(os.environ["HEAPSIM"])
BOARD = """name: tiny
title: a test board
chip: esp32
policy: none
idf: v4.4
source: [made up]
regions:
  - {start: 0x3ffe4350, size: 3632, type: DIRAM}
boot: {fresh: true}
"""
HEAD = "heapsim-trace 1\norigin modelled\nsource made up\nowner net idf\n"
# IDF v4.4.0 to v4.4.3: a realloc to 256 KiB cuts the block to nothing, and its next use asserts.
CRASH = HEAD + "alloc 1 100 net\nalloc 2 20 net\nrealloc 1 262144\nfree 1\nalloc 3 8 net\n"
REASON = "use of a block that realloc had cut to 0 bytes (IDF v4.4.0 to .3)"
# The region is there already.
UNFIT = HEAD + "region 0x3ffe4350 4096 DRAM\nalloc 1 100 net\n"
UNFIT_REASON = "unfit.trace:5: found region 0x3ffe4350 of 4096 bytes, expected one that this board can add to its heap"
SCENARIO = """name: both
title: a crash, and what cannot be
layout: tiny.yaml
values: {what: [crash.trace, unfit.trace]}
seeds: 3
steps:
  - {together: [$what], seed: $seed}
expect:
  - {cells: "tiny/none/both/what=crash.trace/*", outcome: failed, owner: net}
  - {cells: "tiny/none/both/what=unfit.trace/seed=1", outcome: completed, class: caps}
"""


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for name, text in (("tiny.yaml", BOARD), ("crash.trace", CRASH), ("unfit.trace", UNFIT), ("both.yaml", SCENARIO),
                           ("fine.trace", HEAD + "alloc 1 100 net\n")):
            (self.folder / name).write_text(text)

    def run_it(self, *words: str, status: int = 0) -> str:
        done = subprocess.run([HEAPSIM, *words], capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout if status != 2 else done.stderr

    def cells(self, *words: str) -> dict:
        return json.loads(self.run_it("compare", *words, "--json", "-"))


class Crash(Case):
    ONE = ("--layout", "tiny.yaml", "--trace", "crash.trace")

    def test_run(self) -> None:
        out = self.run_it("run", *self.ONE, status=1)
        self.assertIn(f"DEVICE CRASH at event 4: {REASON}, address 0x3ffe49ac", out)
        self.assertNotIn("FAILED", out)
        told = json.loads(self.run_it("run", *self.ONE, "--json", "-", status=1))
        self.assertEqual((told["crash"]["event"], told["crash"]["reason"], told["failure"]), (4, REASON, None))
        for option in ("--html", "--blocks", "--perfetto", "--massif"):
            self.run_it("run", *self.ONE, option, "out", status=1)
            self.assertGreater((self.folder / "out").stat().st_size, 0)

    def test_explain(self) -> None:
        self.assertIn(f"DEVICE CRASH at event 4: {REASON}", self.run_it("explain", *self.ONE, status=1))
        told = json.loads(self.run_it("explain", *self.ONE, "--json", "-", status=1))
        self.assertEqual(told["crash"]["event"], 4)

    def test_minimise(self) -> None:
        words = ("trace", "minimise", "--layout", "tiny.yaml", "-o", "out")
        self.assertIn("found a run that crashes, expected one in which an allocation of the trace fails",
                      self.run_it(*words, "crash.trace", status=2))
        self.assertIn("found a run that passes", self.run_it(*words, "fine.trace", status=2))
        self.assertFalse((self.folder / "out").exists())

    def test_compare(self) -> None:
        row = self.run_it("compare", *self.ONE).splitlines()[1]
        self.assertRegex(row, r"^tiny/none/crash.trace +failed +event 4: use of a block .* crash ")
        cell = self.cells(*self.ONE)["cells"][0]
        self.assertEqual((cell["outcome"], cell["failure"]), ("failed", {"crash": REASON, "event": 4}))
        line = next(csv.DictReader(io.StringIO(self.run_it("compare", *self.ONE, "--csv", "-"))))
        self.assertEqual((line["outcome"], line["class"], line["failure_event"], line["failure_owner"]),
                         ("failed", "crash", "4", ""))

    def test_a_failure_before_the_crash_is_the_failure(self) -> None:
        words = (*self.ONE, "--policy", "micropython-v1.25")
        cell = self.cells(*words)["cells"][0]
        self.assertEqual((cell["failure"]["class"], cell["failure"]["owner"]), ("exhausted", "policy"))
        self.assertRegex(self.run_it("compare", *words), r"start of the policy: 57344 +exhausted ")

    def test_a_crash_is_no_class_in_the_summary_of_seeds(self) -> None:
        words = ("--scenario", "both.yaml", "--cell", "*crash*")
        summary = self.cells(*words)["summary"]
        self.assertEqual([(o["outcome"], o["cells"]) for o in summary[0]["outcomes"]], [("completed", 0), ("crash", 3)])
        for k in ("1", "2"):
            self.run_it("compare", *words, "--shard", f"{k}/2", "--json", f"{k}.json")
        self.assertEqual(json.loads(self.run_it("merge", "1.json", "2.json"))["summary"], summary)

    def test_search(self) -> None:
        out = self.run_it("search", *self.ONE, "--policy", "fixed-48k", "--largest", "gc.initial=1K..2K", status=1)
        self.assertIn("none with fixed-48k", out)


class Unfit(Case):
    def test_compare(self) -> None:
        out = self.run_it("compare", "--layout", "tiny.yaml", "--trace", "unfit.trace,fine.trace")
        self.assertRegex(out, r"tiny/none/unfit.trace +does not apply\ntiny/none/fine.trace +completed")
        self.assertEqual(out.splitlines()[-1], f"tiny/none/unfit.trace: {UNFIT_REASON}")
        two = self.cells("--layout", "tiny.yaml", "--trace", "unfit.trace,fine.trace")["cells"]
        self.assertEqual((two[0]["state"], two[0]["reason"], two[1]["state"]), ("unfit", UNFIT_REASON, "done"))
        rows = list(csv.DictReader(io.StringIO(
            self.run_it("compare", "--layout", "tiny.yaml", "--trace", "unfit.trace", "--csv", "-"))))
        self.assertEqual((rows[0]["state"], rows[0]["outcome"], rows[0]["end.idf.free"], rows[0]["events"]),
                         ("unfit", "", "", ""))

    def test_a_page_needs_a_replay(self) -> None:
        self.assertIn("unfit", self.run_it("compare", "--layout", "tiny.yaml", "--trace", "unfit.trace", "--html", "out",
                                           status=2))
        self.assertFalse((self.folder / "out").exists())

    def test_check(self) -> None:
        out = self.run_it("check", "both.yaml", "--junit", "out.xml", status=1)
        for seed in (1, 2, 3):
            self.assertIn(f"what=crash.trace/seed={seed}: owner of the failure: found none, expected net", out)
        name = "tiny/none/both/what=unfit.trace/seed=1"
        self.assertIn(f"{name}: outcome: found does not apply, expected completed", out)
        self.assertIn(f"{name}: class: found does not apply, expected caps", out)
        suite = xml.parse(self.folder / "out.xml").getroot().find("testsuite")
        assert suite is not None
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("6", "4", "2"))
        skipped = suite.find("testcase/skipped")
        assert skipped is not None
        self.assertEqual(skipped.get("message"), UNFIT_REASON)

    def test_search(self) -> None:
        out = self.run_it("search", "--layout", "tiny.yaml", "--trace", "unfit.trace", "--policy", "fixed-48k",
                          "--largest", "gc.initial=1K..2K", "--json", "out", status=1)
        self.assertIn("policy fixed-48k does not apply", out)
        self.assertFalse(json.loads((self.folder / "out").read_text())["results"][0]["applies"])


if __name__ == "__main__":
    unittest.main()
