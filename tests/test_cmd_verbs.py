"""Verbs that make one file of another: trace import, export and minimise, explain, search, compare's
pages. What they write, what they refuse, and that nothing is left behind then."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "tests" / "import"
HEAPSIM = os.environ["HEAPSIM"]


class Verb(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def run_it(self, *words: object, status: int = 0, text: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run([HEAPSIM, *map(str, words)], capture_output=True, text=True, check=False, cwd=self.folder,
                              input=text)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        return done

    def refuse(self, message: str, *words: object) -> None:
        done = self.run_it(*words, status=2)
        self.assertIn(message, done.stderr)
        self.assertTrue(done.stderr)
        self.assertEqual(os.listdir(self.folder), [], words)


class Import(Verb):
    def test_a_log_becomes_a_trace_that_is_valid(self) -> None:
        for log, form in (("capture", "capture"), ("heap_trace_v5_all", "heap-trace"), ("heaptrack", "heaptrack"),
                          ("mtrace", "mtrace")):
            out = self.folder / f"{log}.trace"
            done = self.run_it("trace", "import", LOGS / f"{log}.log", "-o", out)
            named = self.run_it("trace", "import", "--format", form, LOGS / f"{log}.log")
            self.assertEqual(named.stdout, out.read_text(), log)
            self.assertIn("origin  captured", named.stdout)
            self.run_it("trace", "validate", out)
            self.assertEqual(done.stdout, "")
        self.run_it("trace", "import", LOGS / "mtrace.log", "-o", self.folder / "m.hsb")
        self.run_it("trace", "validate", self.folder / "m.hsb")

    def test_a_log_becomes_a_board(self) -> None:
        out = self.folder / "board.yaml"
        self.run_it("trace", "import", LOGS / "story1.log", "-o", out)
        self.assertIn("regions:", out.read_text())
        self.run_it("run", "--layout", out, "--policy", "none", "--trace", "http")
        with_policy = self.run_it("trace", "import", "--policy", "micropython-v1.22", LOGS / "story1.log")
        self.assertIn("micropython-v1.22", with_policy.stdout)

    def test_stdin(self) -> None:
        text = (LOGS / "boot_only.log").read_text()
        self.assertIn("regions:", self.run_it("trace", "import", "-", text=text).stdout)
        self.assertIn("regions:", self.run_it("trace", "import", "--format", "layout", "-", text=text).stdout)

    def test_refusals(self) -> None:
        log = LOGS / "mtrace.log"
        self.refuse("expected", "trace", "import")
        self.refuse("nosuch", "trace", "import", "--format", "nosuch", log)
        self.refuse("", "trace", "import", LOGS / "nothing.log")
        self.refuse("", "trace", "import", self.folder / "nosuch.log")
        self.refuse("", "trace", "import", "--format", "capture", log, "-o", self.out)
        self.refuse("", "trace", "import", log, log)
        self.refuse("", "trace", "import", "--nosuch", log)
        self.refuse("", "trace", "import", log, "-o", self.folder / "nosuch" / "out.trace")
        self.refuse("", "trace", "import", "--policy", "nosuch", LOGS / "story1.log")
        self.assertIn("Formats", self.run_it("trace", "import", "--help").stdout)


class Export(Verb):
    def test_heaptrack(self) -> None:
        plain = self.run_it("trace", "export", "http", "-o", "-").stdout
        self.run_it("trace", "export", "--format", "heaptrack", "http", "-o", self.out)
        self.assertEqual(self.out.read_text(), plain)
        self.run_it("trace", "import", self.out, "-o", self.folder / "again.trace")
        for suffix in (".gz", ".zst"):
            packed = self.folder / f"out{suffix}"
            self.run_it("trace", "export", "http", "-o", packed)
            self.assertLess(packed.stat().st_size, self.out.stat().st_size)

    def test_refusals(self) -> None:
        self.refuse("", "trace", "export", "http")
        self.refuse("", "trace", "export", "-o", self.out)
        self.refuse("", "trace", "export", "--format", "nosuch", "http", "-o", self.out)
        self.refuse("", "trace", "export", "nosuch", "-o", self.out)
        self.refuse("", "trace", "export", "--nosuch")
        self.assertIn("heaptrack", self.run_it("trace", "export", "--help").stdout)


class Minimise(Verb):
    WORDS = ("trace", "minimise", "--layout", "pico-d4")

    def test_what_is_left_fails_in_the_same_way(self) -> None:
        small = self.folder / "small.trace"
        self.run_it(*self.WORDS, "--tests", "40", "wifi-https", "-o", small)
        self.assertLess(len(small.read_text().splitlines()), 10185)
        full = self.run_it("run", "--layout", "pico-d4", "--trace", "wifi-https", status=1).stdout
        cut = self.run_it("run", "--layout", "pico-d4", "--trace", small, status=1).stdout
        wanted = "wifi wanted 1518 bytes of the IDF heap"
        self.assertIn(wanted, full)
        self.assertIn(wanted, cut)

    def test_refusals(self) -> None:
        self.refuse("", *self.WORDS, "https", "-o", self.out)  # nothing fails
        self.refuse("", *self.WORDS, "wifi-https")
        self.refuse("", "trace", "minimise", "wifi-https", "-o", self.out)
        self.refuse("", *self.WORDS, "--tests", "many", "wifi-https", "-o", self.out)
        self.refuse("", *self.WORDS, "--seconds", "-1", "wifi-https", "-o", self.out)
        self.refuse("", *self.WORDS, "nosuch", "-o", self.out)
        self.refuse("", *self.WORDS, "--policy", "nosuch", "wifi-https", "-o", self.out)
        self.refuse("", *self.WORDS, "--nosuch")
        self.assertIn("minimise", self.run_it("trace", "minimise", "--help").stdout)


class Explain(Verb):
    def test_a_run_that_fails(self) -> None:
        out = self.folder / "why.json"
        done = self.run_it("explain", "--layout", "pico-d4", "--trace", "wifi-https", "--json", out, status=1)
        self.assertIn("1518", done.stdout)
        told = json.loads(out.read_text())
        self.assertTrue(told)
        only = self.run_it("explain", "--layout", "pico-d4", "--trace", "wifi-https", "--json", "-", status=1)
        self.assertEqual(json.loads(only.stdout), told)

    def test_runs_that_pass(self) -> None:
        self.run_it("explain", "--layout", "pico-d4", "--trace", "https")
        self.run_it("explain", "--layout", "esp32-v5", "--policy", "micropython-v1.22", "--trace", "wifi-connect",
                    "--trace", "http")

    def test_pythons_own_heap(self) -> None:
        trace = self.folder / "python.trace"
        trace.write_text("heapsim-trace 1\norigin modelled\nowner mp gc\n" +
                         "".join(f"alloc {i} 3000 mp\n" for i in range(60)))
        self.run_it("explain", "--layout", "pico-d4", "--trace", trace, status=1)
        self.run_it("explain", "--layout", "esp32-v5", "--policy", "micropython-v1.25", "--trace", trace)

    def test_refusals(self) -> None:
        self.refuse("", "explain")
        self.refuse("", "explain", "--layout", "pico-d4")
        self.refuse("", "explain", "--layout", "nosuch", "--trace", "https")
        self.refuse("", "explain", "--layout", "pico-d4", "--trace", "nosuch")
        self.refuse("", "explain", "--layout", "pico-d4", "--policy", "nosuch", "--trace", "https")
        self.refuse("", "explain", "--layout", "pico-d4", "--trace", "https", "--json", self.folder / "no" / "x")
        self.refuse("", "explain", "--nosuch")
        self.refuse("", "explain", "--layout", "pico-d4", "--trace", "https", "surplus")


class Search(Verb):
    WORDS = ("search", "--layout", "pico-d4", "--policy", "fixed-48k", "--trace", "wifi-https")

    def test_bounds(self) -> None:
        done = self.run_it(*self.WORDS, "--largest", "gc.initial=16K..108K", "--json", self.out)
        self.assertTrue(json.loads(self.out.read_text()))
        self.assertIn("gc.initial", done.stdout)
        self.run_it(*self.WORDS, "--smallest", "gc.initial=16K..64K:4K", "--require", "sockets>=0")
        self.run_it(*self.WORDS, "--largest", "gc.initial=16K..64K:8K", "--set", "gc.reserve=0,8K",
                    "--require", "python_free>=1K")
        self.run_it(*self.WORDS, "--largest", "gc.initial=16K..24K:4K", "--require", "sockets>=900", status=1)

    def test_refusals(self) -> None:
        for words in ((), ("--largest", "gc.initial"), ("--largest", "gc.initial=9K..1K"),
                      ("--largest", "gc.initial=1K..x"), ("--largest", "gc.initial=1K..9K:0"),
                      ("--largest", "gc.initial=1K..2K", "--smallest", "gc.initial=1K..2K"),
                      ("--largest", "gc.initial=1K..2K", "--require", "sockets"),
                      ("--largest", "gc.initial=1K..2K", "--require", "nosuch>=1"),
                      ("--largest", "gc.initial=1K..2K", "--require", "sockets>=x"),
                      ("--largest", "gc.initial=16K..17K", "--json", self.folder / "no" / "x"), ("--nosuch",)):
            self.refuse("", *self.WORDS, *words)


class Compare(Verb):
    GRID = ("compare", "--layout", "pico-d4", "--trace", "http")

    def test_files_and_forms(self) -> None:
        for words in (("--policy", "micropython-v1.19,fixed-48k", "--csv", self.folder / "t.csv"),
                      ("--policy", "micropython-v1.19,fixed-48k", "--html", self.folder / "two.html"),
                      ("--policy", "fixed-48k", "--html", self.folder / "one.html"),
                      ("--policy", "default", "--set", "gc.initial=32K,48K", "--markdown", self.folder / "t.md")):
            self.run_it(*self.GRID, *words)
        self.assertEqual(len((self.folder / "t.csv").read_text().splitlines()), 3)
        for page in ("one.html", "two.html"):
            self.assertIn("<html", (self.folder / page).read_text().lower())

    def test_statements(self) -> None:
        done = self.run_it("compare", "--scenario", "discussions", "--cell", "pico-d4/micropython-v1.19/*")
        self.assertIn("244072", done.stdout)

    def test_refusals(self) -> None:
        for words in (("--policy", "micropython-v1.19,fixed-48k,none", "--html", self.folder / "x.html"),
                      ("--policy", "nosuch"), ("--set", "gc.initial"),
                      ("--seeds", "0"), ("--cell", "nosuch*"), ("--on-oom", "maybe"), ("--threads", "x"),
                      ("--shard", "3/2"), ("--shard", "x"), ("--csv", self.folder / "no" / "x"), ("--trace", "nosuch"),
                      ("--scenario", "nosuch"), ("--trace", "http+"), ("--layout", ",")):
            self.refuse("", *self.GRID, *words)


if __name__ == "__main__":
    unittest.main()
