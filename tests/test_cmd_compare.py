"""The commands compare, check and search as a user calls them."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml
from collections.abc import Callable
from typing import Any

HEAPSIM = os.path.abspath(os.environ["HEAPSIM"])

SCENARIO = """name: small
title: two policies
layout: pico-d4
policy: [fixed-48k, two-areas-2018]
steps:
  - {trace: https}
expect:
  - {cells: "*", outcome: completed}
"""


POLICY = """name: NAME
title: t
release: r
reason: r
source: [s]
gc: {version: v1.22, initial: SIZE, grow: auto}
"""


def heapsim(*words: str, cwd: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "GITHUB_ACTIONS"} | more
    return subprocess.run([HEAPSIM, *words], capture_output=True, text=True, env=env, check=False,
                          cwd=cwd)


class Compare(unittest.TestCase):
    def test_an_id_can_be_typed_again(self) -> None:
        words = ("compare", "--layout", "pico-d4", "--policy", "micropython-v1.19", "--trace",
                 "wifi-connect+https", "--set", "gc.initial=48K,50%", "--json", "-")
        cells = json.loads(heapsim(*words).stdout)["cells"]
        self.assertEqual([c["id"] for c in cells],
                         [f"pico-d4/micropython-v1.19/wifi-connect+https/gc.initial={size}"
                          for size in ("48K", "50%")])
        for cell in cells:
            again = heapsim("compare", "--cell", cell["id"], "--json", "-")
            self.assertEqual(json.loads(again.stdout)["cells"], [cell])

    def test_an_id_of_files(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "mine.yaml").write_text(POLICY.replace("NAME", "mine").replace("SIZE", "32K"))
            (folder / "sub").mkdir()
            (folder / "sub" / "t.trace").write_text("heapsim-trace 1\nowner a idf\nalloc 1 9 a\n")
            for trace in ("sub/t.trace", f"{name}/sub/t.trace"):
                cells = heapsim("compare", "--layout", "pico-d4", "--policy", "mine.yaml", "--trace",
                                trace, "--set", "gc.reserve=1K", "--json", "-", cwd=name).stdout
                cell = json.loads(cells)["cells"][0]
                self.assertEqual(cell["id"], f"pico-d4/mine/{trace}/gc.reserve=1K")
                again = heapsim("compare", "--cell", cell["id"], "--json", "-", cwd=name)
                self.assertEqual(json.loads(again.stdout)["cells"], [cell], again.stderr)

    def test_a_seeded_id_of_a_scenario(self) -> None:
        cell = "pico-d4/fixed-48k/https-at-once/n=3/seed=2"
        alone = json.loads(heapsim("compare", "--cell", cell, "--json", "-").stdout)["cells"]
        of_all = json.loads(heapsim("compare", "--scenario", "https-at-once", "--cell", cell,
                                    "--json", "-").stdout)["cells"]
        self.assertEqual(len(alone), 1)
        self.assertEqual(alone, of_all)

    def test_threads_do_not_change_a_byte(self) -> None:
        words = ("compare", "--scenario", "https", "--json", "-", "--threads")
        self.assertEqual(heapsim(*words, "1").stdout, heapsim(*words, "5").stdout)

    def test_bad_usage(self) -> None:
        for words, message in (
                (("--layout", "pico-d4"), "found no cells"),
                (("--layout", "pico-d4", "--trace", "nosuch"), "nosuch"),
                (("--scenario", "https", "--cell", "x"), "found no cell of that id"),
                (("--shard", "3/2"), "expected K/N"),
                (("--layout", "pico-d4", "--trace", "https", "--json", "-", "--csv", "-"), "two results on stdout"),
                (("--layout", "pico-d4", "--trace", "https", "--set", "x"), "KEY=VALUE"),
                (("--layout", "pico-d4", "--trace", "https", "--set", "gc.inital=1K"), "found '1K' for gc.inital"),
                (("--layout", "pico-d4", "--trace", "https", "--set", "gc.initial=1Q"), "found '1Q' for gc.initial"),
                (("--scenario", "https-at-once", "--set", "m=1"), "or a value of the scenario: n")):
            done = heapsim("compare", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(message, done.stderr)

    def test_what_two_policies_change_stands_in_front(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            for size in ("56K", "108K"):
                text = POLICY.replace("NAME", "first-" + size).replace("SIZE", size)
                pathlib.Path(name, size + ".yaml").write_text(text)
            files = f"{name}/56K.yaml,{name}/108K.yaml"
            done = heapsim("compare", "--layout", "pico-d4", "--policy", files, "--trace",
                           "wifi-connect,wifi-https", "--markdown", "-")
            back = heapsim("compare", "--layout", "pico-d4", "--policy",
                           f"{name}/108K.yaml,{name}/56K.yaml", "--trace", "wifi-https").stdout
            same = heapsim("compare", "--layout", "pico-d4", "--policy", "fixed-48k", "--trace",
                           "https", "--set", "gc.initial=47K,48K").stdout
        self.assertIn("1 of 1 complete more often with the second:", back)
        self.assertIn("first fixed-48k/gc.initial=47K, second fixed-48k/gc.initial=48K", same)
        self.assertIn("1 of 1 are the same in outcome, class and sockets:", same)
        for text, mark in ((done.stderr, ":"), (done.stdout, "**")):
            lines = [line.strip("| ") for line in text.splitlines()]
            self.assertRegex(lines[0].lower(), "^first .?first-56k.*second .?first-108k")
            worse = lines.index(f"{mark.strip(':')}1 of 2 complete less often with the second{mark}")
            other = lines.index(f"{mark.strip(':')}1 of 2 differ in sockets or in the class of failure{mark}")
            order = [line.split()[0] for line in lines if line.startswith("pico-d4/")]
            self.assertLess(worse, other)
            self.assertEqual(order, [f"pico-d4/first-{size}/{trace}"
                                     for trace in ("wifi-https", "wifi-connect")
                                     for size in ("56K", "108K")])

    def test_files_that_share_a_name_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            for size in ("56K", "48K"):
                text = POLICY.replace("NAME", "mine").replace("SIZE", size)
                pathlib.Path(name, size + ".yaml").write_text(text)
            done = heapsim("compare", "--layout", "pico-d4", "--trace", "https",
                           "--policy", f"{name}/56K.yaml,{name}/48K.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("48K.yaml: found another policy of the name mine (", done.stderr)

    def test_sigint_keeps_what_is_finished(self) -> None:
        words = [HEAPSIM, "compare", "--threads", "1", "--scenario", "https,sensor-day",
                 "--layout", "pico-d4"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate()
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertRegex(out, "^cell ")
        self.assertIn("not replayed", out)


class Check(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.file = self.folder / "small.yaml"
        self.file.write_text(SCENARIO)
        self.baseline = self.folder / "baselines/small.json"

    def tearDown(self) -> None:
        shutil.rmtree(self.folder)

    def test_update_then_equal(self) -> None:
        done = heapsim("check", str(self.file), "--update")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("baseline written", done.stdout)
        self.assertIn("no baseline yet", done.stdout)
        done = heapsim("check", str(self.file))
        self.assertEqual(done.returncode, 0)
        self.assertIn("2 cells, 1 of 1 expectations met, baseline equal", done.stdout)

    def test_a_policy_beside_the_scenario(self) -> None:
        (self.folder / "mine.yaml").write_text(POLICY.replace("NAME", "mine").replace("SIZE", "32K"))
        self.file.write_text(SCENARIO.replace("fixed-48k", "mine"))
        done = heapsim("check", str(self.file))
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.folder / "policies").mkdir()
        (self.folder / "mine.yaml").rename(self.folder / "policies" / "mine.yaml")
        done = heapsim("check", *map(str, self.folder.glob("*.yaml")))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.file.write_text(SCENARIO.replace("pico-d4", "pico-d4\nset: {gc.initial: [1Q]}"))
        done = heapsim("check", str(self.file))
        self.assertEqual(done.returncode, 2)
        self.assertIn("small.yaml:4: found '1Q' for gc.initial", done.stderr)

    def test_a_difference_names_metric_old_new_and_event(self) -> None:
        heapsim("check", str(self.file), "--update")
        baseline = json.loads(self.baseline.read_text())
        cell = baseline["cells"][0]
        old = cell["metrics"]["minimum_largest_free_block"]
        cell["metrics"]["minimum_largest_free_block"] = old + 16
        hashes = cell["addresses"]["hashes"]
        cell["addresses"]["hashes"] = hashes[:40] + ("1" if hashes[40] == "0" else "0") + hashes[41:]
        self.baseline.write_text(json.dumps(baseline))
        report = self.folder / "report.xml"
        done = heapsim("check", str(self.file), "--junit", str(report), GITHUB_ACTIONS="true")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"metrics minimum_largest_free_block: old {old + 16}, new {old}", done.stdout)
        step = cell["addresses"]["interval"]
        self.assertIn(f"one of the events {10 * step + 1} to {11 * step} (https line", done.stdout)
        notes = [line for line in done.stdout.splitlines() if line.startswith("::error")]
        self.assertEqual(len(notes), 1)  # with all that differs in the cell
        self.assertTrue(notes[0].startswith(f"::error file={self.file},line=1::pico-d4/fixed-48k/small: the first address"))
        self.assertIn(f"%0Ametrics minimum_largest_free_block: old {old + 16}, new {old}", notes[0])
        suite = xml.parse(report).getroot().find("testsuite")
        assert suite is not None
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")),
                         ("2", "1", "1"))
        failure = suite.find("testcase/failure")
        assert failure is not None
        self.assertIn("the first address that differs", failure.get("message", ""))
        self.assertIn("minimum_largest_free_block", failure.text or "")
        done = heapsim("check", str(self.file), "--update")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"new {old}", done.stdout)
        self.assertEqual(heapsim("check", str(self.file)).returncode, 0)

    def test_xml_on_stdout_stands_alone(self) -> None:
        done = heapsim("check", str(self.file), "--junit", "-")
        self.assertEqual(xml.fromstring(done.stdout).tag, "testsuites")
        self.assertIn("1 of 1 expectations met", done.stderr)

    def test_an_expectation_that_fails(self) -> None:
        self.file.write_text(SCENARIO.replace("completed", "failed"))
        done = heapsim("check", str(self.file), "--annotations")
        self.assertEqual(done.returncode, 1)
        self.assertIn("pico-d4/fixed-48k/small: outcome: found completed, expected failed",
                      done.stdout)
        self.assertIn(f"::error file={self.file},line=8::", done.stdout)

    def test_an_expectation_of_no_cell(self) -> None:
        self.file.write_text(SCENARIO.replace('"*"', '"no-such/*"'))
        done = heapsim("check", str(self.file))
        self.assertEqual(done.returncode, 1)
        self.assertIn("found no cell that is like 'no-such/*'", done.stdout)

    def test_bad_baselines(self) -> None:
        self.baseline.parent.mkdir()
        for text, message in (("{", "small.json:1: found"), ("{}", "found JSON without cells")):
            self.baseline.write_text(text)
            done = heapsim("check", str(self.file))
            self.assertEqual(done.returncode, 2)
            self.assertIn(message, done.stderr)
        self.assertEqual(heapsim("check", str(self.file), "--baseline", "nosuch").returncode, 2)
        self.assertEqual(heapsim("check").returncode, 2)

    def test_what_either_side_has_more_of(self) -> None:
        """Metrics, marks and cells that only the baseline or only the result has; each is one line."""
        heapsim("check", str(self.file), "--update")
        whole = self.baseline.read_text()

        def lines(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> str:
            data = json.loads(whole)
            change(data, data["cells"][0])
            self.baseline.write_text(json.dumps(data))
            done = heapsim("check", str(self.file))
            self.assertEqual(done.returncode, 1, done.stderr)
            return "\n".join(line.strip().removeprefix("pico-d4/fixed-48k/small: ") for line in done.stdout.splitlines()[1:])
        events = json.loads(whole)["cells"][0]["metrics"]["events"]
        self.assertEqual(lines(lambda _, cell: cell["metrics"].pop("events")),
                         f"metrics events: old nothing, new {events}")
        self.assertEqual(lines(lambda _, cell: cell["metrics"].update(more=1)), "metrics more: old 1, new nothing")
        self.assertEqual(lines(lambda _, cell: cell["marks"][1]["metrics"].update(sockets=99)).split(",")[0],
                         "marks end metrics sockets: old 99")
        self.assertRegex(lines(lambda _, cell: cell["marks"].pop()), r"^marks: old \[.*, new \[")
        self.assertEqual(lines(lambda _, cell: cell.update(failure={"event": 1})), 'failure: old {"event":1}, new null')
        self.assertEqual(lines(lambda data, cell: data["cells"].append({"id": "another"})),
                         f"{self.file}: the baseline has 1 cells that the scenario does not have")
        self.assertEqual(lines(lambda data, cell: cell.pop("id")).splitlines(), [
            "the baseline does not have this cell",
            f"{self.file}: the baseline has 1 cells that the scenario does not have"])
        # Without hashes, or with fewer, the addresses are not compared; the rest is.
        self.assertEqual(lines(lambda data, cell: (cell["addresses"].pop("hashes"), cell.update(seed=2))),
                         "seed: old 2, new 1")
        self.assertEqual(lines(lambda data, cell: (cell["addresses"].update(hashes=""), cell.update(seed=2))),
                         "seed: old 2, new 1")

    def test_where_addresses_part(self) -> None:
        """In a short run the event is named; among traces that are replayed together no line can be."""
        for name, size in (("a", 16), ("b", 48)):
            (self.folder / f"{name}.trace").write_text(f"heapsim-trace 1\nowner n idf\nalloc 1 {size} n\nalloc 2 8 n\n")
        for step, where in (("{trace: a.trace}", "event 2 (a.trace line 4)"),
                            ("{together: [a.trace, b.trace]}", "event 2 (among traces that are replayed together)")):
            self.file.write_text(SCENARIO.replace("{trace: https}", step).replace("two-areas-2018", "none"))
            heapsim("check", str(self.file), "--update")
            data = json.loads(self.baseline.read_text())
            addresses = data["cells"][0]["addresses"]
            self.assertEqual(addresses["interval"], 1)
            addresses["hashes"] = addresses["hashes"][:4] + "zzzz" + addresses["hashes"][8:]
            self.baseline.write_text(json.dumps(data))
            done = heapsim("check", str(self.file))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"the first address that differs is of {where}\n", done.stdout)

    def test_a_folder_that_cannot_be_made(self) -> None:
        (self.folder / "baselines").write_text("a file")
        done = heapsim("check", str(self.file), "--update")
        self.assertEqual(done.returncode, 2)
        self.assertIn("baselines/small.json: ", done.stderr)
        done = heapsim("check", str(self.file), "--update", "--baseline", str(self.folder / "no/such/small.json"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("no/such: cannot be made: No such file", done.stderr)

    def test_signs_in_annotations(self) -> None:
        """A workflow command ends at a line break; % begins an escape."""
        (self.folder / "50%.trace").write_text("heapsim-trace 1\nowner n idf\nalloc 1 16 n\n")
        self.file.write_text(SCENARIO.replace("https", "$t").replace("steps", "values: {t: [50%.trace]}\nsteps")
                             .replace("completed", "failed"))
        done = heapsim("check", str(self.file), "--annotations")
        self.assertIn("::pico-d4/fixed-48k/small/t=50%25.trace: outcome: found completed", done.stdout)

    def test_bad_usage(self) -> None:
        for words, message in (((), "expected"), ((str(self.file), str(self.file), "--baseline", "x"), "one with --baseline"),
                               (("--nosuch",), "see `heapsim check --help`"), ((str(self.file), "--threads", "0"), "--threads"),
                               (("nosuch",), "nosuch")):
            done = heapsim("check", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(message, done.stderr)


TINY = """name: tiny
title: a test board
chip: esp32
idf: v4.4
policy: none
source: [made up]
regions:
  - {start: 0x3ffe4350, size: 3632, type: DIRAM}
boot: {fresh: true}
"""
COPIES = """name: copies
title: copies of a trace
layout: tiny.yaml
values: {n: [1], size: [300.trace, 600.trace]}
seeds: 2
steps:
  - {together: [$size], copies: $n, seed: $seed}
"""


class Search(unittest.TestCase):
    def test_a_value_of_the_scenario_without_python(self) -> None:
        """How many copies fit into 2000 bytes; a larger trace counts as more, so neither line beats the other."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "tiny.yaml").write_text(TINY)
            (folder / "copies.yaml").write_text(COPIES)
            for size in (300, 600):
                (folder / f"{size}.trace").write_text(f"heapsim-trace 1\nowner n idf\nalloc 1 {size} n\nalloc 2 20 n\n")
            words = ("search", "--scenario", "copies.yaml", "--largest", "n=1..9")
            done = heapsim(*words, cwd=name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r" \* tiny/none/copies/size=300.trace +6 +- +0\n"
                                          r" \* tiny/none/copies/size=600.trace +3 +- +0\n")
            found = json.loads(heapsim(*words, "--json", "-", cwd=name).stdout)["results"]
            self.assertEqual([(f["value"], f["python_free"], f["beaten"]) for f in found], [(6, None, False), (3, None, False)])
            for n, outcome in ((6, "completed"), (7, "failed")):
                cell = heapsim("compare", "--scenario", "copies.yaml", "--set", f"n={n}", "--cell", "*size=300*", "--json",
                               "-", cwd=name).stdout
                self.assertEqual({c["outcome"] for c in json.loads(cell)["cells"]}, {outcome})
            smallest = heapsim("search", "--scenario", "copies.yaml", "--smallest", "n=1..9", cwd=name).stdout
            self.assertRegex(smallest, r"   tiny/none/copies/size=300.trace +1 .*end of the range  not monotone")
            self.assertRegex(smallest, r" \* tiny/none/copies/size=600.trace +1 ")

    def test_the_bound_is_one(self) -> None:
        words = ("--layout", "pico-d4", "--trace", "wifi-https", "--policy", "fixed-48k")
        done = heapsim("search", *words, "--largest", "gc.initial=16K..108K", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)["results"][0]
        self.assertEqual(found["way"], "bisected")
        for value, outcome in ((found["value"], "completed"), (found["value"] + 1024, "failed")):
            cells = heapsim("compare", *words, "--set", f"gc.initial={value}", "--json", "-").stdout
            self.assertEqual(json.loads(cells)["cells"][0]["outcome"], outcome)

    def test_nothing_passes(self) -> None:
        done = heapsim("search", "--layout", "pico-d4", "--trace", "https", "--policy", "fixed-48k",
                       "--smallest", "gc.initial=16K..32K", "--require", "sockets>=50")
        self.assertEqual(done.returncode, 1)
        self.assertIn("none passes", done.stdout)
        self.assertIn("https on pico-d4 (esp32, IDF v4.4): none with fixed-48k\n", done.stdout)

    def test_sentences(self) -> None:
        done = heapsim("search", "--scenario", "tls-and-ble", "--layout", "pico-d4", "--policy",
                       "fixed-48k,none", "--largest", "gc.initial=16K..108K", "--set", "n=2,3")
        found = {}
        for line in done.stdout.splitlines():
            if re.match(r" [* ] pico-d4/fixed-48k/", line):
                found[line.split("/", 2)[2].split()[0]] = int(line.split("/", 2)[2].split()[1])
        self.assertEqual(len(found), 4)
        for what, value in found.items():
            self.assertEqual(value % 1024, 0)
            self.assertIn(f"  {what} on pico-d4 (esp32, IDF v4.4): {value // 1024}K with fixed-48k, "
                          "policy none does not apply\n", done.stdout)

    def test_bad_usage(self) -> None:
        self.assertNotRegex(heapsim("search", "--help").stdout, "--cell|--shard")
        good = ("--largest", "gc.initial=1..2")
        for words, message in ((("--largest", "x"), "found --largest x, expected KEY=FROM..TO"),
                               (("--largest", "gc.initial=2..1"), "found --largest gc.initial=2..1"),
                               (("--smallest", "k=x..1"), "found --smallest k=x..1"),
                               (("--smallest", "k=1..2:0"), "found --smallest k=1..2:0"),
                               ((*good, "--smallest", "k=1..2"), "once"), ((), "found neither --largest nor --smallest"),
                               ((*good, "--require", "x"), "found --require x, expected sockets>=N"),
                               ((*good, "--require", "failures>=1"), "found --require failures"),
                               ((*good, "--cell", "*"), "found --cell, expected none with search"),
                               ((*good, "--shard", "1/2"), "found --shard, expected none with search"),
                               ((*good, "surplus"), "found argument surplus"),
                               ((*good, *(w for k in range(16) for w in ("--set", f"k{k}=1"))), "found more than 16")):
            done = heapsim("search", "--layout", "pico-d4", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main()
