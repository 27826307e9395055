"""The claims page (tests/README.md): each test that it names exists, and README's own figures are
counted here."""

import gzip
import os
import pathlib
import re
import subprocess
import unittest

from golden_idf_vectors import edge_cases

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent
HEAPSIM = os.environ["HEAPSIM"]
ROW = re.compile(r"^\| (?P<claim>[^|]+) \| (?P<tests>[^|]+) \| (?P<figure>[^|]+) \| (?P<date>[^|]+) \|$", re.M)


def rows() -> list[re.Match[str]]:
    text = (TESTS / "README.md").read_text()
    table = text.partition("## Claims")[2].partition("\n## ")[0]
    return [row for row in ROW.finditer(table) if row["claim"].strip() not in ("claim", "---")]


def exists(name: str) -> bool:
    """`test_x`, `test_x: case`, a script with its part, a scenario, or a target of the build."""
    head, _, case = name.partition(": ")
    words = head.split()
    path = ROOT / words[0]
    if path.is_file():
        return all(re.search(rf"^check_{part}\(\)|{part}\b", path.read_text(), re.M) for part in words[1:])
    for source in (TESTS / f"{head}.c", TESTS / f"{head}.py"):
        if source.is_file():
            return re.search(rf"\b{case}\(", source.read_text()) is not None if case else True
    return any(re.search(rf"\b{re.escape(head)}\b", path.read_text())
               for path in (TESTS / "CMakeLists.txt", TESTS / "capture" / "CMakeLists.txt",
                            TESTS / "browser" / "browser.cmake"))


class Page(unittest.TestCase):
    def test_every_row_names_tests_that_exist(self) -> None:
        self.assertGreater(len(rows()), 15)
        for row in rows():
            names = re.findall(r"`([^`]+)`", row["tests"])
            self.assertTrue(names, row["claim"])
            for name in names:
                self.assertTrue(exists(name), f"{row['claim']}: no test {name}")

    def test_a_test_that_is_not_there_is_noticed(self) -> None:
        for name in ("test_nosuch", "test_claims: test_nosuch", "scripts/nosuch.sh", "scripts/check.sh nosuch"):
            self.assertFalse(exists(name), name)

    def test_every_row_has_a_figure_and_a_date(self) -> None:
        for row in rows():
            self.assertRegex(row["figure"], r"\d|equal|none|every", row["claim"])
            self.assertRegex(row["date"].strip(), r"^20\d\d-\d\d-\d\d$", row["claim"])


class Figures(unittest.TestCase):
    readme = re.sub(r"\s+", " ", (ROOT / "README.md").read_text())

    def test_edge_cases(self) -> None:
        count = sum(1 for path in (TESTS / "golden" / "idf" / "edge").glob("*.cases.gz") for _ in edge_cases(path))
        self.assertIn(f"{count} edge cases", self.readme)

    def test_random_runs_are_that_long(self) -> None:
        self.assertIn("random runs of 20,000 operations", self.readme)
        for path in (TESTS / "golden" / "idf" / "random").glob("*.in.gz"):
            operations = re.findall(rb"^[azrfm] ", gzip.decompress(path.read_bytes()), re.M)
            self.assertGreaterEqual(len(operations), 19000, path.name)

    def test_every_recorded_address_is_reproduced(self) -> None:
        """Of all captured programs in traces/."""
        addresses = 0
        for path in sorted((ROOT / "traces").glob("*.trace.gz")):
            if b" @" in gzip.decompress(path.read_bytes()):
                done = subprocess.run([HEAPSIM, "verify", "--trace", path], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), path.name)
                found = re.search(r"(\d+) addresses equal", done.stdout)
                assert found is not None, done.stdout
                addresses += int(found[1])
        print(f"{addresses} recorded addresses reproduced")
        self.assertGreater(addresses, 200000)

    def test_each_command_has_help(self) -> None:
        listed = re.findall(r"^\| `heapsim ([a-z]+)[ `]", (ROOT / "README.md").read_text(), re.M)
        self.assertGreater(len(listed), 7)
        for verb in listed:
            done = subprocess.run([HEAPSIM, verb, "--help"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, verb)
            self.assertIn(f"usage: heapsim {verb}", done.stdout.replace("Usage", "usage"))

    def test_what_the_first_page_tells(self) -> None:
        """The https request fails under the shipped policy and passes under experiment-8940."""
        for policy, status in (("micropython-v1.19", 1), ("experiment-8940", 0)):
            done = subprocess.run([HEAPSIM, "--layout", "pico-d4", "--policy", policy, "--trace", "wifi-https"],
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, status, policy)


if __name__ == "__main__":
    unittest.main()
