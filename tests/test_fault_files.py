"""Files, pipes and signals that go wrong: every output whole or absent, one clear line, the right exit status."""
import hashlib
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import fault_cases
import fault_runner
from fault_runner import HEAPSIM

INPUTS = fault_cases.make_inputs()
# Enough of the commands for what a signal may interrupt; each writes a file.
WRITING = [n for n, words in fault_cases.CASES.items() if any(w.startswith("o.") for w in words)]
STRIDE = 5 if fault_runner.sanitized() else 1
VERBS = [["--help"], ["--version"], ["run", "--help"], ["explain", "--help"], ["verify", "--help"], ["trace", "--help"],
         ["trace", "info", "t.trace"], ["trace", "validate", "t.trace"], ["trace", "import", "boot.log"],
         ["compare", *fault_cases.GRID], ["merge", "part1.json", "part2.json"], ["check", "scenario.yaml"],
         ["search", *fault_cases.GRID, "--largest", "gc.initial=1K..3K"], ["list", "scenarios"], ["list", "metrics"],
         ["explain", "--layout", "board.yaml", "--trace", "t.trace"], fault_cases.RUN,
         [*fault_cases.RUN, "--json", "-"], [*fault_cases.RUN, "--csv", "-"], [*fault_cases.RUN, "--html", "-"],
         ["verify", "--layout", "board.yaml", "--trace", "recorded.trace"], ["trace", "convert", "t.trace", "-"]]


def injected(test: unittest.TestCase) -> None:
    if not fault_runner.injectable():
        test.skipTest("AddressSanitizer is linked into the program: its calls cannot be replaced")


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="heapsim-faults-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name, data in INPUTS.items():
            self.path(name).write_bytes(data)

    def path(self, name: str) -> pathlib.Path:
        return pathlib.Path(self.folder, name)

    def heapsim(self, words: list[str], **more: object) -> subprocess.CompletedProcess[bytes]:
        """The command in the folder."""
        arguments = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": self.folder} | more
        return subprocess.run([HEAPSIM, *words], check=False, **arguments)  # type: ignore[call-overload]

    def made(self) -> dict[str, bytes]:
        """Files that are no inputs; they are removed."""
        files = {}
        for name in os.listdir(self.folder):
            if name not in INPUTS:
                files[name] = self.path(name).read_bytes()
                self.path(name).unlink()
        return files

    def refused(self, done: subprocess.CompletedProcess[bytes], what: str) -> None:
        """Status 2 and a line that says why."""
        self.assertEqual(done.returncode, 2, what)
        lines = done.stderr.decode().splitlines()
        self.assertTrue(lines and lines[-1].startswith("heapsim: "), (what, done.stderr))


class Calls(unittest.TestCase):
    def setUp(self) -> None:
        injected(self)

    def spoil(self, name: str, action: str, check: object) -> int:
        """Runs the command once for each call of files that it makes; how many."""
        with fault_runner.Faults(fault_cases.CASES[name], "io", action, INPUTS) as faults:
            base = faults.run(0)
            faults.restore()
            calls = range(1, base.calls + 1, STRIDE)
            for k in calls:
                found = faults.run(k)
                faults.restore()
                why = check(base, found)  # type: ignore[operator]
                self.assertEqual(why, "", f"{name}: {action}, call {k} of {base.calls}")
        return len(calls)

    def whole(self, base: fault_runner.Outcome, found: fault_runner.Outcome) -> str:
        bad = [n for n, content in found.files.items() if base.files.get(n) != content]
        return f"left {bad}, not whole" if bad else ""

    def test_each_call_fails_once(self) -> None:
        """open, read, write, close, rename, ... fail in turn."""
        def told(base: fault_runner.Outcome, found: fault_runner.Outcome) -> str:
            return "" if found.status in (base.status, 2) else f"status {found.status}, it said {found.err!r}"

        def check(base: fault_runner.Outcome, found: fault_runner.Outcome) -> str:
            if (found.status, found.out, found.files) == (base.status, base.out, base.files):
                return ""
            if found.status != 2 or not found.err.splitlines()[-1].startswith("heapsim: "):
                return f"status {found.status}, it said {found.err!r}"
            return self.whole(base, found)
        count = 0
        for name in fault_cases.CASES:
            # These two go on without a file that cannot be read, and say so in their data.
            count += self.spoil(name, "fail", told if name in ("explain", "list") else check)
        print(f"calls that fail: {count} injected and survived in {len(fault_cases.CASES)} commands")

    def test_short_and_interrupted(self) -> None:
        """Every read and write moves few bytes, every second one is interrupted: nothing changes."""
        count = 0
        for name, words in fault_cases.CASES.items():
            with fault_runner.Faults(words, "io", "fail", INPUTS) as faults:
                base = faults.run(0)
            with fault_runner.Faults(words, "io", "short", INPUTS) as faults:
                found = faults.run(0)
            self.assertEqual((found.status, found.out, found.files), (base.status, base.out, base.files), name)
            count += found.calls
        print(f"short reads and writes: {count} interrupted and survived")

    def test_signals_at_each_call(self) -> None:
        """SIGINT, SIGTERM, SIGHUP and SIGPIPE wherever files are touched: no temporary stays, the signal is seen."""
        count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            def check(base: fault_runner.Outcome, found: fault_runner.Outcome, number: int = number) -> str:
                return self.whole(base, found) if found.status == -number else f"status {found.status}"
            for name in WRITING if number == signal.SIGTERM else WRITING[:3]:
                count += self.spoil(name, f"signal {int(number)}", check)
        print(f"signals: {count} sent and survived")

    def test_files_change_under_the_reader(self) -> None:
        """Each input is replaced by another, or cut, before each call in turn: any status but a crash."""
        count = 0
        other = fault_cases.TRACE.replace("alloc 1 100 a", "alloc 1 70000 a\nalloc 5 16 nobody")

        def check(base: fault_runner.Outcome, found: fault_runner.Outcome) -> str:
            return "" if base and found.status in (0, 1, 2) else f"status {found.status}: {found.err}"
        for name in ("run --csv", "explain", "compare", "check", "slice", "anonymise", "convert back", "info", "merge"):
            words = fault_cases.CASES[name]
            for victim in [w for w in words if w in INPUTS] + (["t.trace"] if name == "check" else []):
                for size in (0, len(INPUTS[victim]) // 2):
                    count += self.spoil(name, f"truncate {victim} {size}", check)
                replaced = dict(INPUTS)
                replaced["new"] = other.encode() if victim == "t.trace" else INPUTS[victim][: len(INPUTS[victim]) // 2]
                with fault_runner.Faults(words, "io", f"rename new {victim}", replaced) as faults:
                    calls = faults.run(0).calls
                    for k in range(1, calls + 1, STRIDE):
                        found = faults.run(k)
                        faults.restore()
                        self.assertEqual(check(found, found), "", f"{name}: {victim} replaced at call {k}")
                        count += 1
        print(f"files that change while they are read: {count} changes survived")


class Disk(Folder):
    def test_full_disk(self) -> None:
        """/dev/full as every output, and as stdout of every verb."""
        count = 0
        for name in WRITING:
            words = fault_cases.CASES[name]
            if "--update" in words:
                continue  # reads the file too
            self.heapsim(words)
            whole = self.made()
            for at in (i for i, word in enumerate(words) if word.startswith("o.")):
                done = self.heapsim([*words[:at], "/dev/full", *words[at + 1:]])
                self.refused(done, name)
                self.assertIn(b"No space left on device", done.stderr, name)
                for file, data in self.made().items():
                    self.assertEqual(data, whole[file], name)
                count += 1
        with open("/dev/full", "wb") as full:
            for words in VERBS:
                self.refused(self.heapsim(words, stdout=full), " ".join(words))
                count += 1
        print(f"full disks: {count} told")

    def test_disk_full_at_each_size(self) -> None:
        """A limit on the size of files as a disk that is full after so many bytes."""
        count = 0
        for name in WRITING:
            base = self.heapsim(fault_cases.CASES[name])
            whole = self.made()
            largest = max(len(data) for data in whole.values())
            for limit in {0, 1, largest // 3, largest - 1, largest}:
                def limited(limit: int = limit) -> None:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                done = self.heapsim(fault_cases.CASES[name], preexec_fn=limited)
                for file, data in self.made().items():
                    self.assertEqual(data, whole[file], (name, limit))
                if limit >= largest:
                    self.assertEqual((done.returncode, done.stdout), (base.returncode, base.stdout), (name, limit))
                else:
                    self.refused(done, f"{name} with {limit} bytes")
                    self.assertIn(b"File too large", done.stderr)
                count += 1
        print(f"disks full after N bytes: {count} told")

    def test_folder_without_permission(self) -> None:
        locked = self.path("locked")
        locked.mkdir()
        (locked / "old").write_text("old")
        locked.chmod(0o555)
        self.addCleanup(shutil.rmtree, locked)
        self.addCleanup(locked.chmod, 0o755)
        os.chmod(self.folder, 0o755)
        nobody = {"user": 65534} if os.geteuid() == 0 else {}
        try:
            self.heapsim(["--version"], **nobody)
        except PermissionError:
            self.skipTest("this user may write everywhere, and nobody may not start heapsim")
        for name in ("new", "old"):
            done = self.heapsim([*fault_cases.RUN, "--json", f"locked/{name}"], **nobody)
            self.refused(done, name)
            self.assertIn(b"Permission denied", done.stderr)
        self.assertEqual((locked / "old").read_text(), "old")

    def test_missing_folder(self) -> None:
        """A file that cannot be made refuses the command before it says anything."""
        for name in ("explain", "compare", "search", "merge", "info"):
            words = [word if word[:2] != "o." else f"missing/{word}" for word in fault_cases.CASES[name]]
            done = self.heapsim(words)
            self.refused(done, name)
            self.assertEqual(done.stdout, b"", name)
            self.assertIn(b"missing/o.", done.stderr)
            self.assertEqual(self.made(), {})

    def test_closed_files(self) -> None:
        """stdin, stdout and stderr closed by the caller: no output file takes their place."""
        whole = self.heapsim([*fault_cases.RUN, "--json", "o.json"]).returncode, self.made()
        for close, status in ((0, 1), (1, 2), (2, 1)):
            done = self.heapsim([*fault_cases.RUN, "--json", "o.json"], preexec_fn=lambda close=close: os.close(close))
            self.assertEqual(done.returncode, status, close)
            for data in self.made().values():
                self.assertEqual(data, whole[1]["o.json"])
        self.assertEqual(whole[0], 1)


class Pipes(Folder):
    def test_reader_that_goes(self) -> None:
        """`heapsim ... | head -c 1`: quiet, ended by SIGPIPE, or a told error when that is ignored; no temporary."""
        for words in VERBS:
            for ignored in (False, True):
                read, write = os.pipe()
                os.close(read)
                done = self.heapsim(words, stdout=write, restore_signals=not ignored)
                os.close(write)
                if ignored:
                    self.refused(done, " ".join(words))
                else:
                    self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""), words)
                self.assertEqual(self.made(), {}, words)
        print(f"closed pipes: {2 * len(VERBS)} survived")

    def test_input_in_pieces(self) -> None:
        """A trace through a pipe, byte by byte."""
        words = ["--layout", "board.yaml", "--trace", "-", "--addresses", "-"]
        expected = self.heapsim(words, input=INPUTS["t.trace"]).stdout
        with subprocess.Popen([HEAPSIM, *words], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, bufsize=0) as process:
            assert process.stdin is not None and process.stdout is not None
            for i in range(len(INPUTS["t.trace"])):
                process.stdin.write(INPUTS["t.trace"][i:i + 1])
            process.stdin.close()
            self.assertEqual(process.stdout.read(), expected)


class Writers(Folder):
    def test_two_at_once(self) -> None:
        """Two results in one file: one of them, whole, whenever it is looked at."""
        other = fault_cases.TRACE.replace("60000", "50000")
        self.path("u.trace").write_text(other)
        wholes = set()
        for trace in ("t.trace", "u.trace"):
            self.heapsim(["--layout", "board.yaml", "--trace", trace, "--html", "o.html"])
            wholes.add(hashlib.sha256(self.path("o.html").read_bytes()).digest())
        self.assertEqual(len(wholes), 2)
        seen = set()
        rounds = 5 if fault_runner.sanitized() else 20

        def write(trace: str) -> None:
            for _ in range(rounds):
                self.heapsim(["--layout", "board.yaml", "--trace", trace, "--html", "o.html"])
        threads = [threading.Thread(target=write, args=(t,)) for t in ("t.trace", "u.trace")]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            seen.add(hashlib.sha256(self.path("o.html").read_bytes()).digest())
        for thread in threads:
            thread.join()
        self.assertLessEqual(seen, wholes)
        self.assertEqual(set(self.made()), {"o.html", "u.trace"})
        print(f"two writers of one file: {2 * rounds} runs, never mixed")


class Surroundings(Folder):
    def test_locale_and_clock(self) -> None:
        """Comma decimals, another language, another time zone: the same bytes."""
        env = dict(os.environ)
        if shutil.which("localedef") is not None:
            made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", self.path("de_DE.UTF-8")],
                                  capture_output=True, check=False)
            if made.returncode == 0:
                env["LOCPATH"] = self.folder
        count = 0
        for name, words in fault_cases.CASES.items():
            results = []
            for more in ({"LC_ALL": "C", "TZ": "UTC"},
                         {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "TZ": "Pacific/Kiritimati"}):
                done = self.heapsim(words, env=env | more)
                files = {n: d for n, d in self.made_files().items()}
                results.append((done.returncode, done.stdout, done.stderr, files))
            self.assertEqual(results[0], results[1], name)
            count += 1
        print(f"locale and time zone: {count} commands give the same bytes")

    def made_files(self) -> dict[str, bytes]:
        """Outputs alone; the locale stays."""
        files = {}
        for name in os.listdir(self.folder):
            if name.startswith("o."):
                files[name] = self.path(name).read_bytes()
                self.path(name).unlink()
        return files


class Interrupted(Folder):
    def test_compare_keeps_what_is_finished(self) -> None:
        """SIGTERM in the middle of a grid: what is done is written, the rest is said to be pending, status 143."""
        words = ["compare", "--threads", "1", "--scenario", "https,sensor-day", "--layout", "pico-d4", "--json",
                 "o.json"]
        for number in (signal.SIGTERM, signal.SIGINT):
            with subprocess.Popen([HEAPSIM, *words], cwd=self.folder, stdout=subprocess.PIPE) as process:
                try:
                    process.wait(1.0)
                except subprocess.TimeoutExpired:
                    process.send_signal(number)
                process.communicate()
            self.assertIn(process.returncode, (-number, 0))
            files = self.made()
            self.assertEqual(set(files), {"o.json"})
            if process.returncode != 0:
                self.assertIn(b'"state": "pending"', files["o.json"])

    def interrupted_search(self, after: float) -> tuple[int, bytes, bytes]:
        words = ["search", "--threads", "1", "--layout", "pico-d4", "--trace", "https,wifi-https,sensor_day,wifi-cycle",
                 "--policy", "fixed-48k", "--smallest", "gc.initial=16K..100K", "--json", "o.json"]
        with subprocess.Popen([HEAPSIM, *words], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        return process.returncode, out, err

    def test_search_prints_what_is_finished(self) -> None:
        for after in (0.3, 1.0, 3.0, 9.0):  # before the first replay nothing is finished
            status, out, err = self.interrupted_search(after)
            if status != -signal.SIGINT:
                self.assertIn(status, (0, 1), err)
                break
            self.assertEqual(self.made(), {})
            if err != b"":
                self.assertRegex(err, rb"interrupted, \d of \d combinations were searched")
                self.assertEqual(b"cell" in out, b"interrupted, 0 of" not in err)
                break


if __name__ == "__main__":
    unittest.main()
