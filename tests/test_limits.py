"""Every limit of sim/README.md at its value and over it; files made to use up memory, time or a terminal."""
import csv
import gzip
import io
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

import fault_cases
from fault_runner import HEAPSIM, sanitized

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEAD = "heapsim-trace 1\norigin modelled\nsource made for this test\nowner a idf\n"
RUN = ["run", "--layout", "board.yaml", "--trace", "t.trace"]
MEGABYTES = 1 << 10  # of ru_maxrss


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="heapsim-limits-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.write("board.yaml", fault_cases.BOARD)
        self.write("small.yaml", fault_cases.POLICY)
        self.write("t.trace", fault_cases.TRACE)

    def write(self, name: str, text: str | bytes) -> None:
        """A file in the test's folder."""
        pathlib.Path(self.folder, name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, name: str) -> bytes:
        return pathlib.Path(self.folder, name).read_bytes()

    def heapsim(self, *words: str) -> tuple[int, str, int]:
        """Status, stderr and most memory in KiB; CPU time is bounded, so that a test cannot hang."""
        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_CPU, (300, 300))
        with open(os.path.join(self.folder, "stdout"), "wb") as out, \
                open(os.path.join(self.folder, "stderr"), "wb") as err, \
                subprocess.Popen([HEAPSIM, *words], cwd=self.folder, stdout=out, stderr=err,
                                 preexec_fn=limited) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, self.read("stderr").decode(errors="replace"), used.ru_maxrss

    def accept(self, *words: str) -> None:
        """Correct work: status 0 or 1."""
        status, err, _ = self.heapsim(*words)
        self.assertIn(status, (0, 1), err)

    def refuse(self, message: str, *words: str) -> None:
        """Status 2 and one line with these words."""
        status, err, memory = self.heapsim(*words)
        self.assertEqual((status, err.count("\n")), (2, 1), (words, err))
        self.assertIn(message, err)
        if not sanitized():
            self.assertLess(memory, 1200 * MEGABYTES, words)


class Limits(Folder):
    """One method for each row of the table; the name of the row is in ROWS."""

    def trace(self, text: str) -> None:
        self.write("t.trace", HEAD + text)

    def line(self) -> None:
        self.trace("#" * 16384 + "\n")
        self.accept(*RUN)
        self.trace("#" * 16385 + "\n")
        self.refuse("a line of more than 16384 bytes", *RUN)

    def name(self) -> None:
        for text in ("phase {}\n", "mark {}\n", "owner {} idf\n"):
            self.trace(text.format("n" * 255))
            self.accept(*RUN)
            self.trace(text.format("n" * 256))
            self.refuse("up to 255 bytes", *RUN)

    def owners(self) -> None:
        self.trace("".join(f"owner o{i} idf\n" for i in range(4095)))
        self.accept(*RUN)
        self.trace("".join(f"owner o{i} idf\n" for i in range(4096)))
        self.refuse("found more than 4096 owners", *RUN)

    def sources(self) -> None:
        self.trace("source x\n" * 63)
        self.accept(*RUN)
        self.trace("source x\n" * 64)
        self.refuse("64", *RUN)

    def numbers(self) -> None:
        for text in ("alloc {} 1 a\n", "alloc 1 {} a\n", "calloc 1 {} 1 a\n", "calloc 1 1 {} a\n"):
            self.trace(text.format(2**32 - 1))
            self.accept(*RUN)
            self.trace(text.format(2**32))
            self.refuse("4294967295", *RUN)
        self.write("t.trace", fault_cases.TRACE.replace("link 10 0 11", f"link 10 {2**32} 11"))
        self.refuse("4294967295", *RUN)

    def calloc(self) -> None:
        self.trace("calloc 1 65536 65536 a\ncalloc 2 4294967295 4294967295 a\nrealloc 2 4\n")
        self.assertEqual(self.heapsim(*RUN, "--json", "o.json")[0], 1)
        result = json.loads(self.read("o.json"))
        self.assertEqual((result["failures"], result["failure"]["size"]), (2, 2**32 - 1))

    def traces(self) -> None:
        self.trace("")
        self.accept(*RUN, *["--trace", "t.trace"] * 1023)
        self.refuse("found more than 1024 traces", *RUN, *["--trace", "t.trace"] * 1024)

    def blocks_of_marks(self) -> None:
        self.write("board.yaml", fault_cases.BOARD.replace("65536", "4M").replace("0x3ffb0000", "0x3f800000")
                   .replace("DRAM", "SPIRAM"))
        spiram = HEAD.replace("a idf", "a idf caps=spiram")
        holes = 100000
        text = "".join(f"alloc {i} 4 a\n" for i in range(2 * holes)) + "".join(
            f"free {2 * i}\n" for i in range(holes))
        count = 4194304 // holes
        self.write("t.trace", spiram + text + "mark m\n" * (count - 1))
        self.accept(*RUN)
        self.write("t.trace", spiram + text + "mark m\n" * (count + 1))
        self.refuse("list more than 4194304 free blocks", *RUN)

    def unpacked(self) -> None:
        """More than gzip can: only what was packed to be a trap comes so far."""
        plain = os.path.join(self.folder, "plain")
        with open(plain, "wb") as file:
            file.write(HEAD.encode())
            for _ in range(1025):
                file.write(b"#\n" * (1 << 19))
        subprocess.run(["zstd", "-q", "--rm", plain, "-o", plain + ".zst"], check=True)
        os.rename(plain + ".zst", os.path.join(self.folder, "t.trace"))
        self.refuse("found more than 1 GiB and 1100 times the size", "trace", "validate", "t.trace")

    def layout(self, text: str, message: str, good: str | None = None) -> None:
        """A board.yaml that is refused, and one that is not."""
        if good is not None:
            self.write("board.yaml", good)
            self.accept(*RUN)
        self.write("board.yaml", text)
        self.refuse(message, *RUN)

    def yaml_file(self) -> None:
        board = fault_cases.BOARD
        self.layout(board + "#" * (1048577 - len(board)), "more than 1 MiB",
                    board + "#" * (1048576 - len(board)))

    def yaml_nesting(self) -> None:
        self.layout("a: " + "[" * 15 + "]" * 15, "unknown key")
        self.layout("a: " + "[" * 16 + "]" * 16, "nested more than 16 deep")
        self.layout("a: " + "[" * 500000, "nested more than 16 deep")

    def yaml_keys(self) -> None:
        self.layout("".join(f"k{i}: 1\n" for i in range(256)), "unknown key")
        self.layout("".join(f"k{i}: 1\n" for i in range(257)), "more than 256 keys")

    def yaml_value(self) -> None:
        self.layout("a: " + "x" * 4096, "unknown key")
        self.layout("a: " + "x" * 4097, "more than 4096 bytes")

    def yaml_name(self) -> None:
        board = fault_cases.BOARD
        self.layout(board.replace("name: board", "name: " + "n" * 65), "at most 64",
                    board.replace("name: board", "name: " + "n" * 64))

    def yaml_aliases(self) -> None:
        laughs = "a: &a [x, x]\n" + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20))
        self.layout(laughs, "an anchor, alias or tag")
        self.layout("a: !!str 1\n", "an anchor, alias or tag")

    def regions(self) -> None:
        self.trace("")

        def board(count: int) -> str:
            rows = "".join(f"  - {{start: {0x3ffb0000 + 4096 * i:#x}, size: 4096, type: DRAM}}\n" for i in range(count))
            return re.sub("  - .*\n", rows, fault_cases.BOARD).replace("policy: small.yaml", "policy: none")
        self.layout(board(25), "expected 1 to 24", board(24))

    def blocks(self) -> None:
        rows = ", ".join(f"{{start: {0x3ffb0000 + i}, size: 4}}" for i in range(65537))
        text = fault_cases.BOARD.replace("{fresh: true}", "\n  free: [" + rows + "]")
        self.assertGreater(len(text), 1048576)  # so that a file of so many cannot be: its size is refused first
        self.layout(text, "more than 1 MiB")

    def scenario(self, old: str, new: str) -> tuple[str, ...]:
        """The command that replays a scenario in which this is changed."""
        text = fault_cases.SCENARIO
        self.assertIn(old, text)
        self.write("scenario.yaml", text.replace(old, new))
        return "compare", "--threads", "1", "--scenario", "scenario.yaml"

    def scenario_list(self) -> None:
        sizes = ", ".join(str(1024 + 16 * i) for i in range(257))
        self.accept(*self.scenario("[8K, 9K]", f"[{sizes.rpartition(',')[0]}]"))
        self.refuse("257 entries", *self.scenario("[8K, 9K]", f"[{sizes}]"))

    def scenario_dimensions(self) -> None:
        def values(count: int) -> str:
            return "values: {" + ", ".join(f"v{i}: 1" for i in range(count)) + "}\nsteps:"
        self.accept(*self.scenario("steps:", values(16)))
        self.refuse("16", *self.scenario("steps:", values(17)))

    def scenario_repeat(self) -> None:
        def step(count: int) -> str:
            return f"{{repeat: {count}, steps: [{{mark: m}}]}}"
        self.refuse("found '1000001'", *self.scenario("{trace: t.trace}", step(1000001)))
        self.refuse("found '4294967296'", *self.scenario("{trace: t.trace}", step(2**32)))

    def scenario_seeds(self) -> None:
        self.refuse("1000000", *self.scenario("steps:", "seeds: 1000001\nsteps:"))

    def program(self) -> None:
        step = "{repeat: 1000000, steps: [{repeat: 1000000, steps: [{trace: t.trace}]}]}"
        self.refuse("4194304", *self.scenario("{trace: t.trace}", step))

    def option_list(self) -> None:
        grid = ("compare", "--threads", "1", "--layout", "board.yaml", "--trace")
        self.trace("")
        self.accept(*grid, ",".join(["t.trace"] * 256))
        self.refuse("more than 256", *grid, ",".join(["t.trace"] * 257))

    def grid(self) -> None:
        sizes = ",".join(str(1024 + 16 * i) for i in range(256))
        self.refuse("found more than 4000000 cells", "compare", "--layout", "board.yaml", "--trace", "t.trace",
                    "--set", f"gc.initial={sizes}", "--set", f"gc.reserve={sizes}", "--set", f"gc.keep_free={sizes}")

    def grid_groups(self) -> None:
        sizes = ",".join(str(1024 + 16 * i) for i in range(256))
        self.refuse("found more than 65536 boards with a policy", "compare", "--layout", "board.yaml", "--trace",
                    "t.trace", "--set", f"gc.initial={sizes}", "--set", f"gc.reserve={sizes}", "--set",
                    "gc.keep_free=0,1")

    def search(self) -> None:
        sizes = ",".join(str(1024 + 16 * i) for i in range(65))
        self.refuse("found more than 4096 combinations", "search", "--layout", "board.yaml", "--trace", "t.trace",
                    "--largest", "gc.initial=1K..2K", "--set", f"gc.reserve={sizes}", "--set", f"gc.keep_free={sizes}")

    def log(self) -> None:
        with gzip.open(os.path.join(self.folder, "big.log.gz"), "wb", 1) as file:
            for _ in range(1025):
                file.write(b"\n" * (1 << 20))
        self.refuse("found more than 1024 MiB", "trace", "import", "big.log.gz", "-o", "o.trace")

    def log_regions(self) -> None:
        def text(count: int) -> str:
            return "".join(f"I (1) heap_init: At {0x3FFB0000 + 0x400 * i:08X} len 00000400 (1 KiB): DRAM\n"
                           for i in range(count))
        self.write("boot.log", text(65))
        self.refuse("found more than 64 heap regions", "trace", "import", "boot.log", "-o", "o.yaml")
        self.write("boot.log", text(24))
        self.accept("trace", "import", "boot.log", "-o", "o.yaml")

    def log_line(self) -> None:
        log = (ROOT / "tests/import/boot_only.log").read_text()
        self.write("boot.log", "x" * 1000000 + "\n" + log)
        self.accept("trace", "import", "boot.log", "-o", "o.yaml")

    def part(self) -> None:
        with gzip.open(os.path.join(self.folder, "part.json.gz"), "wb", 1) as file:
            file.write(b'{"heapsim": 1, "cells": ')
            for _ in range(1025):
                file.write(b" " * (1 << 20))
        self.refuse("found a part of more than 1 GiB", "merge", "part.json.gz", "part.json.gz")

    def anonymised(self) -> None:
        convert = ("trace", "anonymise", "t.trace", "o.trace")
        for word in ("phase", "mark"):
            self.trace("".join(f"{word} n{i}\n" for i in range(16384)))
            self.accept(*convert)
            self.trace("".join(f"{word} n{i}\n" for i in range(16385)))
            self.refuse("found more than 16384 different names", *convert)

    IN_C = {"phases of a run", "marks and phases that end in a run", "events, bytes, failures of a run"}
    ROWS = {
        "line of a text trace": line, "name of an owner, phase, mark or region type": name,
        "owners of a trace": owners, "sources of a trace": sources, "slot, size, count, link's word": numbers,
        "bytes of a calloc": calloc, "traces of a run": traces, "free blocks that all marks list": blocks_of_marks,
        "file that unpacks (.gz, .zst)": unpacked, "YAML file": yaml_file,
        "lists and mappings of YAML, one in the other": yaml_nesting, "keys of a mapping": yaml_keys,
        "a value of YAML": yaml_value, "a name in YAML": yaml_name, "anchors, aliases and tags of YAML": yaml_aliases,
        "regions of a layout": regions, "blocks of a layout": blocks, "values of a list in a scenario": scenario_list,
        "dimensions of a scenario": scenario_dimensions, "repetitions of a step": scenario_repeat,
        "seeds of a cell": scenario_seeds, "names in a list of an option": option_list, "operations of a cell": program,
        "cells of a grid": grid, "boards with a policy and its values in a grid": grid_groups, "combinations of a search": search, "log to import": log,
        "regions in a log": log_regions, "line of a log": log_line, "part to merge": part,
        "names to anonymise": anonymised}
    SLOW = {"unpacked", "log", "part"}  # 10 to 20 s each

    def test_each_row_of_the_table(self) -> None:
        table = (ROOT / "sim/README.md").read_text().partition("## Limits")[2]
        rows = re.findall(r"^\| (?!limit )([^|]*) \| ([^|]*) \| ([^|]*) \|$", table, re.MULTILINE)
        self.assertEqual({row[0] for row in rows}, set(self.ROWS) | self.IN_C)
        done = 0
        for name, check in self.ROWS.items():
            if os.environ.get("HEAPSIM_LIMITS") == "all" or check.__name__ not in self.SLOW:
                with self.subTest(name):
                    Folder.setUp(self)
                    check(self)
                    done += 1
        print(f"limits: {len(rows)} in the table, {done} gone over here, {len(self.IN_C)} in test_limits_run.c; "
              "HEAPSIM_LIMITS=all goes over all")


class Hostile(Folder):
    """Files of strangers."""

    def test_slots_made_to_collide(self) -> None:
        """400000 slots that had one place in the table of an older hash."""
        inverse = pow(2654435769, -1, 2**32)
        products = ((high << 27) | (home << 7) | low for home in range(128) for high in range(32) for low in range(128))
        slots = [n for n in (p * inverse % 2**32 for p in products) if n >= 1 << 20]
        slots = slots[:20000] if sanitized() else slots[:400000]
        self.write("t.trace", HEAD + "".join(f"alloc {n} 4000000 a\n" for n in slots))
        status, err, memory = self.heapsim(*RUN)
        self.assertEqual(status, 1, err)
        self.assertLess(memory, 400 * MEGABYTES)

    def test_names_in_every_format(self) -> None:
        """Markup, quotes, separators of JavaScript and bytes that are no UTF-8, in every name of a trace."""
        names = ["</script><script>alert(1)</script>", "a\"b'c`d", "x\u2028y\u2029z", "<!--", "]]>", "&amp;", "\\u0000",
                 "a,b;c|d", "--", "=1+1"]
        raw = [n.encode() for n in names] + [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"]
        owners = b"".join(b"owner " + n + b" idf\n" for n in raw)
        events = b"".join(b"phase " + n + b"\nmark " + n + b"\nalloc %d 16 " % i + n + b"\n" for i, n in enumerate(raw))
        last = b"phase " + raw[0] + b"\nalloc 99 60000 " + raw[0] + b"\n"
        self.write("t.trace", HEAD.encode() + b"title " + raw[0] + b"\n" + owners + events + last)
        self.write("plain.trace", HEAD + "alloc 1 16 a\n")
        outputs = ["--json", "o.json", "--csv", "o.csv", "--html", "o.html", "--blocks", "o.blocks", "--perfetto",
                   "o.perfetto", "--massif", "o.massif"]
        self.assertEqual(self.heapsim(*RUN, *outputs)[0], 1)
        result = json.loads(self.read("o.json"))
        self.assertEqual(result["failure"]["owner"], names[0])
        self.assertEqual(len(result["owners"]), len(raw) + 1)
        self.assertTrue(set(names) <= {mark["name"] for mark in result["marks"]})
        json.loads(self.read("o.perfetto"))
        for name in ("o.csv", "o.blocks"):
            rows = list(csv.reader(io.StringIO(self.read(name).decode(errors="replace"), newline="")))
            self.assertEqual({len(row) for row in rows}, {len(rows[0])}, name)
        page = self.read("o.html")
        page.decode()
        self.heapsim("run", "--layout", "board.yaml", "--trace", "plain.trace", "--html", "p.html")
        for mark in (b"<script", b"</script", b"<!--"):
            scripts = re.findall(rb'<script type="text/plain"', page), re.findall(rb'<script type="text/plain"',
                                                                                self.read("p.html"))
            extra = len(scripts[0]) - len(scripts[1]) if b"script" in mark else 0
            self.assertEqual(page.count(mark), self.read("p.html").count(mark) + extra, mark)
        self.assertNotIn(b"alert(1)</script>", page)
        self.assertNotIn("\u2028".encode(), page)
        self.others()

    def others(self) -> None:
        """The same trace through the other commands: what they write can be read."""
        self.assertEqual(self.heapsim("explain", "--layout", "board.yaml", "--trace", "t.trace", "--json", "e.json")[0], 1)
        json.loads(self.read("e.json"))
        self.accept("compare", "--layout", "board.yaml", "--trace", "t.trace", "--json", "c.json", "--csv", "c.csv")
        self.assertIsNotNone(json.loads(self.read("c.json"))["cells"][0]["failure"])
        self.accept("trace", "info", "t.trace", "--json", "i.json")
        json.loads(self.read("i.json"))
        self.write("scenario.yaml", fault_cases.SCENARIO.replace(
            "outcome: failed", "owner: somebody, metrics: [{metric: failures, equal: 7}]"))
        self.assertEqual(self.heapsim("check", "scenario.yaml", "--junit", "j.xml")[0], 1)
        xml.fromstring(self.read("j.xml"))
        for form in ("o.hsb", "back.trace"):
            self.accept("trace", "convert", "t.trace" if form == "o.hsb" else "o.hsb", form)
        self.assertEqual(self.heapsim("run", "--layout", "board.yaml", "--trace", "back.trace", "--json", "b.json")[0], 1)
        self.assertEqual(json.loads(self.read("b.json"))["owners"], json.loads(self.read("o.json"))["owners"])

    def test_no_escape_sequence_comes_through(self) -> None:
        """ESC, CSI (one byte of Unicode), BEL, DEL in every text of every file: refused, or not printed."""
        hostile = ["\033[31m", "\u009b31m", "\007", "\177", "\b\b\b"]
        places = ["title {}\n", "source {}\n", "device {}\n", "owner x{} idf\n", "phase x{}\n", "mark x{}\n",
                  "region 0x3ffc0000 4096 x{}\n", "alloc 1 16 a{}\n", "x{}\n", "alloc 1 16 a type={}\n"]
        count = 0
        for text in hostile:
            for place in places:
                self.write("t.trace", HEAD + place.format(text))
                for words in (RUN, ("trace", "info", "t.trace"), ("trace", "validate", "t.trace")):
                    self.assertEqual(self.heapsim(*words)[0], 2, (place, text))
                    self.plain(text)
                    count += 1
            escaped = "".join(f"\\x{ord(c):02x}" for c in text)
            for key in ("name", "title", "chip", "idf", "policy"):
                self.write("board.yaml", re.sub(f"^{key}: .*$", f'{key}: "{escaped}"'.replace("\\", "\\\\"),
                                                fault_cases.BOARD, flags=re.MULTILINE))
                self.write("t.trace", fault_cases.TRACE)
                self.assertEqual(self.heapsim(*RUN)[0], 2, (key, text))
                self.plain(text)
                count += 1
            self.write("board.yaml", fault_cases.BOARD)
            named = f"x{text}.trace"
            self.write(named, fault_cases.TRACE)
            self.assertEqual(self.heapsim("run", "--layout", "board.yaml", "--trace", named)[0], 2)
            self.plain(text)
            self.write("boot.log", (ROOT / "tests/import/boot_only.log").read_text().replace("DRAM", "DR" + text + "AM"))
            self.heapsim("trace", "import", "boot.log", "-o", "o.yaml")
            self.plain(text)
            count += 2
        print(f"escape sequences: {count} texts, none printed")

    def plain(self, text: str) -> None:
        """Neither stdout nor stderr has the characters."""
        printed = self.read("stdout") + self.read("stderr")
        for c in text:
            if not c.isprintable():
                self.assertNotIn(c.encode(), printed)

    def test_deep_json(self) -> None:
        self.write("deep.json", "[" * 5000000)
        self.refuse("parsing depth", "merge", "deep.json", "deep.json")
        pathlib.Path(self.folder, "baselines").mkdir()
        self.write("scenario.yaml", fault_cases.SCENARIO)
        self.write("baselines/scenario.json", "{\"cells\": " + "[" * 5000000)
        status, err, _ = self.heapsim("check", "scenario.yaml")
        self.assertEqual(status, 2)
        self.assertIn("parsing depth", err)

    def test_nothing_is_written_elsewhere(self) -> None:
        """Names in files that look like paths make no file."""
        path = os.path.join(self.folder, "elsewhere")
        self.write("t.trace", HEAD + f"title {path}\nowner {path} idf\nphase ../../{path}\nmark {path}\n"
                   f"alloc 1 16 {path}\n")
        before = set(os.listdir(self.folder))
        self.accept(*RUN, "--json", "-")
        self.write("board.yaml", fault_cases.BOARD.replace("name: board", "name: ../elsewhere"))
        self.refuse("expected a name", *RUN)
        self.write("scenario.yaml", fault_cases.SCENARIO.replace("name: scenario", "name: ../elsewhere"))
        self.refuse("expected a name", "check", "scenario.yaml", "--update")
        self.assertEqual(set(os.listdir(self.folder)) - before - {"scenario.yaml", "stdout", "stderr"}, set())
        self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
