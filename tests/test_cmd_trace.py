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
        for words in (["--events", "9..3"], ["--events", "0..3"], ["--phase", ""], ["--bad"]):
            self.assertEqual(run("slice", "http", cut, *words).returncode, 2)
        self.assertEqual(run("slice", "http", cut, "--events", "1..5").returncode, 0)
        self.assertIn("5 events", run("info", cut).stdout)

    def test_anonymise(self) -> None:
        """No name survives; the numbers do."""
        out = self.path("anon.trace")
        self.assertEqual(run("anonymise", "lwip-http3", out).returncode, 0)
        text = pathlib.Path(out).read_text(encoding="utf-8")
        for word in ("lwip", "wifi", "http", "MSS"):
            self.assertNotIn(word, text)
        self.assertIn("688 events", run("info", out).stdout)
        self.assertEqual(run("anonymise", "http", out, "--shift", "3").returncode, 2)


if __name__ == "__main__":
    unittest.main()
