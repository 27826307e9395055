#!/usr/bin/env python3
"""heapsim trace, as a user runs it. HEAPSIM names the command."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

HEAPSIM = os.environ.get("HEAPSIM", "build/release/heapsim")


def run(*words: str, cwd: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `heapsim trace WORDS`."""
    return subprocess.run(
        [HEAPSIM, "trace", *words], capture_output=True, text=True, check=False, cwd=cwd
    )


class Trace(unittest.TestCase):
    """Status, stdout and stderr of each sub-verb."""

    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name: str) -> str:
        """A name in the test's own folder."""
        return str(pathlib.Path(self.folder.name) / name)

    def test_help_teaches(self) -> None:
        """Each verb explains itself; no verb is bad usage."""
        self.assertEqual(run().returncode, 2)
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for verb in ("info", "validate", "convert", "slice", "anonymise"):
            self.assertIn(verb, done.stdout)
            self.assertIn(f"heapsim trace {verb}", run(verb, "--help").stdout)
            self.assertEqual(run(verb).returncode, 2)
        self.assertIn("found trace verb dance", run("dance").stderr)

    def test_info(self) -> None:
        """The published connection, for a person and as JSON."""
        done = run("info", "https")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("9494 events: 4744 alloc, 4744 free, 6 phase", done.stdout)
        self.assertIn("its largest request is 16717 bytes", done.stdout)
        told = json.loads(run("info", "https.trace", "--json", "-").stdout)
        self.assertEqual((told["events"], told["peak"], told["origin"]), (9494, 34651, "captured"))
        self.assertEqual(told["owners"][0]["name"], "mbedtls")

    def test_validate(self) -> None:
        """Fine traces on stdout, the first fault of others on stderr."""
        bad = self.path("bad.trace")
        pathlib.Path(bad).write_text("heapsim-trace 1\nowner a idf\nfree 1\n", encoding="utf-8")
        done = run("validate", "http", bad, "https")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "http: fine, 129 events\nhttps: fine, 9494 events\n")
        self.assertEqual(
            done.stderr,
            f"heapsim: {bad}:3: found 'free 1', a slot that is not allocated, expected a live one\n",
        )
        self.assertIn("no such trace", run("validate", "nonesuch").stderr)

    def test_every_shipped_trace_is_valid(self) -> None:
        """All files of traces/."""
        folder = pathlib.Path(__file__).parent.parent / "traces"
        files = [str(p) for p in sorted(folder.iterdir()) if ".trace" in p.name]
        self.assertGreater(len(files), 20)
        done = run("validate", *files)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_convert_and_back(self) -> None:
        """Both forms, compressed or not; nothing appears for bad input."""
        for name in ("a.hsb", "a.trace.gz", "a.hsb.zst"):
            self.assertEqual(run("convert", "https", self.path(name)).returncode, 0)
            again = run("convert", self.path(name), "-")
            self.assertEqual(again.stdout, run("convert", "https", "-").stdout)
        data = pathlib.Path(self.path("a.hsb")).read_bytes()
        pathlib.Path(self.path("cut.hsb")).write_bytes(data[:-10])
        done = run("convert", self.path("cut.hsb"), self.path("no.trace"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("the trace is cut off", done.stderr)
        self.assertFalse(pathlib.Path(self.path("no.trace")).exists())
        self.assertIn("No space left", run("convert", "https", "/dev/full").stderr)

    def test_slice(self) -> None:
        """A phase cut out of a trace says so and is valid."""
        cut = self.path("one.trace")
        done = run("slice", "lwip-http3", cut, "--phase", "http2_resolve..http2_closed")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = pathlib.Path(cut).read_text(encoding="utf-8")
        self.assertIn("cut out by heapsim trace slice: phases http2_resolve to http2_closed", text)
        self.assertEqual(run("validate", cut).returncode, 0)
        for words, count in (("1..5", 5), ("..5", 5), ("125..", 4), ("7", 1), ("1..1000000", 129)):
            self.assertEqual(run("slice", "http", cut, "--events", words, "--drop-live").returncode, 0)
            self.assertIn(f"\n{count} events: ", run("info", cut).stdout, words)

    def test_slice_refusals(self) -> None:
        """What is no range, and what is not in the trace; no file appears."""
        cut = self.path("cut.trace")
        for events in ("9..3", "0..3", "1..0", "x", "1..x", "-1", "1..-2", "99999999999999999999", "1..3x"):
            self.assertEqual(run("slice", "http", cut, "--events", events).stderr,
                             f"heapsim: found --events {events}, expected A..B, counted from 1\n")
        for words, message in ((["--phase", ""], "found an empty --phase"), (["--phase", "a.."], "found an empty --phase"),
                               (["--bad"], "see `heapsim trace slice --help`"),
                               (["--phase", "nosuch"], "found no phase nosuch"),
                               (["--owner", "nosuch"], "found no owner 'nosuch' in the trace"),
                               (["--events", "1", "--phase", "a"], "found --events and --phase, expected one of them"),
                               (["--events", "200000.."], "found no event where the slice begins in the trace"),
                               (["surplus"], "expected IN and OUT")):
            done = run("slice", "http", cut, *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(message, done.stderr)
            self.assertFalse(pathlib.Path(cut).exists(), words)

    def test_slice_of_the_binary_form(self) -> None:
        """The index of blocks leads to a late event; a part is the same from both forms."""
        binary = self.path("b.hsb")
        self.assertEqual(run("convert", "buffers", binary).returncode, 0)
        for words in (["--events", "38000..38100", "--drop-live"], ["--events", "38000..38100"]):
            parts = [run("slice", name, "-", *words).stdout.splitlines() for name in ("buffers", binary)]
            self.assertGreater(len(parts[0]), 20)
            self.assertEqual(parts[0], parts[1])

    def test_anonymise(self) -> None:
        """No name survives; the numbers do."""
        out = self.path("anon.trace")
        self.assertEqual(run("anonymise", "lwip-http3", out).returncode, 0)
        text = pathlib.Path(out).read_text(encoding="utf-8")
        for word in ("lwip", "wifi", "http", "MSS"):
            self.assertNotIn(word, text)
        self.assertIn("688 events", run("info", out).stdout)
        for words, message in ((["--shift", "3"], "found --shift 3, expected a multiple of 16"),
                               (["--shift", ""], "found --shift , expected"), (["--shift", "16x"], "found --shift 16x"),
                               (["--shift", "0x1000000000"], "of 32 bits"), (["--bad"], "trace anonymise --help"),
                               (["surplus"], "expected IN and OUT")):
            done = run("anonymise", "http", out + "2", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(message, done.stderr)
            self.assertFalse(pathlib.Path(out + "2").exists(), words)
        self.assertEqual(run("anonymise", "nosuch", out + "2").returncode, 2)

    def test_shifted_addresses(self) -> None:
        """Recorded addresses move together, so that what verify compares stays comparable."""
        trace = self.path("in.trace")
        pathlib.Path(trace).write_text("heapsim-trace 1\nowner a idf\nalloc 1 16 a @0x3ffb2660\n", encoding="utf-8")
        for shift, address in (("-0x660", "0x3ffb2000"), ("32", "0x3ffb2680")):
            self.assertIn(f"@{address}\n", run("anonymise", trace, "-", f"--shift={shift}").stdout)


if __name__ == "__main__":
    unittest.main()
