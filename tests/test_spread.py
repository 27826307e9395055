"""heapsim merge, and the scripts that spread a grid: a grid in parts equals the one run."""
import contextlib
import getpass
import gzip
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

HEAPSIM = os.environ["HEAPSIM"]
SPREAD = pathlib.Path(__file__).resolve().parent.parent / "scripts" / "spread"
# Cells that complete, that fail, of several seeds, and that do not fit the board.
GRID = ("--layout", "pico-d4,esp32-v5", "--policy", "tracked-tls,experiment-8940,fixed-48k",
        "--scenario", "https-at-once", "--trace", "wifi-https,http")
CELLS = 84


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, env=os.environ | more, check=False)


class Folder(unittest.TestCase):
    """A folder with the one run, all.json of which parts are to equal."""
    one: bytes

    @classmethod
    def setUpClass(cls) -> None:
        cls.one = subprocess.run([HEAPSIM, "compare", *GRID, "--json", "-"], check=True,
                                 capture_output=True).stdout

    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def shard(self, k: int, n: int, suffix: str = "json") -> str:
        path = str(self.folder / f"{k}-of-{n}.{suffix}")
        done = run(HEAPSIM, "compare", *GRID, "--shard", f"{k}/{n}", "--json", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def merge(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([HEAPSIM, "merge", *words], capture_output=True, check=False)

    def refused(self, message: str, *words: str) -> None:
        target = self.folder / "refused.json"
        done = self.merge(*words, "--json", str(target))
        self.assertEqual(done.returncode, 2)
        self.assertIn(message, done.stderr.decode())
        self.assertFalse(target.exists())

    def edit(self, path: str, change: object) -> str:
        """A copy in which `change` was applied to the JSON."""
        assert callable(change)
        data = json.loads(pathlib.Path(path).read_text())
        change(data)
        target = self.folder / "edited.json"
        target.write_text(json.dumps(data, indent=2))
        return str(target)


class Merge(Folder):
    def test_the_grid_has_all_kinds_of_cells(self) -> None:
        data = json.loads(self.one)
        self.assertEqual(len(data["cells"]), CELLS)
        self.assertEqual({c["state"] for c in data["cells"]}, {"done"})
        self.assertEqual({c["outcome"] for c in data["cells"]}, {"completed", "failed"})
        self.assertGreater(len(data["summary"]), 10)

    def test_any_number_of_shards_equals_the_one_run(self) -> None:
        for n in (1, 2, 5, 16):
            parts = [self.shard(k, n) for k in range(1, n + 1)]
            done = self.merge(*parts)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, self.one, n)
            self.assertEqual(self.merge(*reversed(parts)).stdout, self.one, n)

    def test_repeated_overlapping_and_compressed_parts(self) -> None:
        parts = [self.shard(k, 2, "json.gz") for k in (1, 2)]
        other = self.shard(2, 3, "json.zst")
        self.assertEqual(self.merge(parts[0], other, *parts, other).stdout, self.one)

    def test_missing_cells_are_named(self) -> None:
        parts = [self.shard(k, 30) for k in range(1, 31)]
        lost = parts.pop(4)
        ids = [c["id"] for c in json.loads(self.one)["cells"]]
        for number in (5, 35, 65):
            self.refused(f"missing: cell {number} {ids[number - 1]}\n", *parts)
        self.refused(f"found 3 of {CELLS} cells missing", *parts)
        self.refused("5-of-30.json", *parts, "/nosuch/5-of-30.json")
        partial = self.merge(*parts, "--partial")
        self.assertEqual(partial.returncode, 0)
        states = [c["state"] for c in json.loads(partial.stdout)["cells"]]
        self.assertEqual([i + 1 for i, s in enumerate(states) if s == "pending"], [5, 35, 65])
        joined = self.folder / "partial.json"
        joined.write_bytes(partial.stdout)
        self.assertEqual(self.merge(str(joined), lost).stdout, self.one)

    def test_parts_that_differ(self) -> None:
        parts = [self.shard(k, 2) for k in (1, 2)]

        def value(data: dict) -> None:
            data["cells"][0]["metrics"]["free"] = 1
        self.assertNotIn('"free": 1,', pathlib.Path(parts[0]).read_text())
        self.refused("found another result of cell 1, ", *parts, self.edit(parts[0], value))

        def outcome(data: dict) -> None:
            cell = next(c for c in data["cells"] if c.get("outcome") == "completed"
                        and c["id"].endswith("seed=1"))
            cell["outcome"] = "failed"
        self.refused("found a summary that is not that of its cells",
                     self.edit(parts[0], outcome), parts[1])

    def test_parts_of_different_grids(self) -> None:
        part = self.shard(1, 2)
        other = str(self.folder / "other.json")
        run(HEAPSIM, "compare", *GRID[:-1], "wifi-https", "--json", other)
        self.refused("expected 84 as in", part, other)
        run(HEAPSIM, "compare", *GRID[:-1], "wifi-https,https", "--json", other)
        self.refused("parts of different grids", part, other)

    def test_bad_input(self) -> None:
        part = pathlib.Path(self.shard(1, 2))
        cut = self.folder / "cut.json"
        cut.write_bytes(part.read_bytes()[:9000])
        self.refused("cut.json:", str(part), str(cut))
        unnamed = '{"heapsim": 1, "cells": [{"id": "a", "state": "pending", "seed": 1}], "summary": []}'
        for text in ("[]", "{}", '{"heapsim": 1, "cells": [1], "summary": []}', unnamed):
            cut.write_text(text)
            self.refused("found other JSON", str(cut))
        packed = gzip.compress(part.read_bytes())
        cut.write_bytes(packed[:-4])  # the JSON is whole, what guards it is not
        self.refused("cut off", str(cut))
        cut.write_bytes(packed[:-8] + bytes(8))
        self.refused("damaged gzip data", str(cut))
        self.refused("found no parts")
        self.refused("see `heapsim merge --help`", str(part), "--nosuch")


class Spread(Folder):
    def spread(self, hosts: str, shards: int, **more: str) -> subprocess.CompletedProcess[str]:
        return run(str(SPREAD / "parallel.sh"), hosts, str(shards), str(self.folder / "parts"),
                   *GRID, **({"HEAPSIM": HEAPSIM} | more))

    def all(self) -> bytes:
        return (self.folder / "parts" / "all.json").read_bytes()


@unittest.skipUnless(shutil.which("parallel"), "GNU parallel is not installed")
class Parallel(Spread):
    def test_local(self) -> None:
        done = self.spread(":", 4)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.all(), self.one)

    def test_a_lost_shard_is_named_and_repaired(self) -> None:
        killed = self.folder / "killed"
        killed.write_text(f"#!/bin/sh\ncase \"$*\" in *' 2/3 '*) echo '{{'; kill -9 $$;; esac\n"
                          f"exec {shlex.quote(HEAPSIM)} \"$@\"\n")
        killed.chmod(0o755)
        done = self.spread(":", 3, HEAPSIM=str(killed))
        self.assertEqual(done.returncode, 1)
        self.assertIn("parts/2-of-3.json", done.stderr)
        self.assertEqual(done.stderr.count("missing part"), 1)
        self.assertFalse((self.folder / "parts" / "all.json").exists())
        before = (self.folder / "parts" / "1-of-3.json").stat().st_mtime_ns
        done = self.spread(":", 3)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.all(), self.one)
        self.assertEqual((self.folder / "parts" / "1-of-3.json").stat().st_mtime_ns, before)


def descendants(pid: int) -> list[int]:
    children = run("ps", "-o", "pid=", "--ppid", str(pid)).stdout.split()
    return [pid] + [d for child in children for d in descendants(int(child))]


@unittest.skipUnless(shutil.which("parallel") and os.path.exists("/usr/sbin/sshd"),
                     "GNU parallel or sshd is not installed")
class Ssh(Spread):
    """Over two ssh servers on loopback, one of which is lost in the middle."""

    def serve(self, name: str) -> subprocess.Popen[bytes]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(port),
             "-o", "ListenAddress=127.0.0.1", "-o", f"HostKey={self.folder}/key",
             "-o", f"AuthorizedKeysFile={self.folder}/key.pub", "-o", "StrictModes=no",
             "-o", "PidFile=none"], stderr=subprocess.DEVNULL)
        self.addCleanup(self.lose, server)
        with open(self.folder / "config", "a", encoding="ascii") as config:
            config.write(f"Host {name}\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n"
                         f" IdentityFile {self.folder}/key\n StrictHostKeyChecking no\n"
                         " UserKnownHostsFile /dev/null\n BatchMode yes\n LogLevel ERROR\n")
        return server

    def lose(self, server: subprocess.Popen[bytes]) -> None:
        for pid in descendants(server.pid) if server.poll() is None else []:
            with contextlib.suppress(ProcessLookupError):  # a session may end by itself meanwhile
                os.kill(pid, signal.SIGKILL)
        server.wait()

    def setUp(self) -> None:
        super().setUp()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "key"))
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # as the service does at its start
        self.servers = [self.serve("hosta"), self.serve("hostb")]
        self.ssh = f"ssh -F {self.folder}/config"
        for name in ("hosta", "hostb"):
            for _ in range(20):
                if run(*self.ssh.split(), name, "true").returncode == 0:
                    break
                time.sleep(0.1)
            else:
                self.skipTest("sshd does not take logins here")

    def test_two_hosts(self) -> None:
        done = self.spread("hosta,hostb", 4, PARALLEL_SSH=self.ssh)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.all(), self.one)

    def test_a_host_lost_in_the_middle(self) -> None:
        slow = self.folder / "slow"
        begun = self.folder / "begun"
        slow.write_text(f"#!/bin/sh\necho \"$SSH_CONNECTION\" >>{begun}\nsleep 0.5\n"
                        f"exec {shlex.quote(HEAPSIM)} \"$@\"\n")
        slow.chmod(0o755)
        words = [str(SPREAD / "parallel.sh"), "hosta,hostb", "6", str(self.folder / "parts"), *GRID]
        env = os.environ | {"HEAPSIM": str(slow), "PARALLEL_SSH": self.ssh}
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=env) as script:
            for _ in range(300):
                lines = begun.read_text().splitlines() if begun.exists() else []
                if len({line.split()[3] for line in lines if line}) == 2:
                    break
                time.sleep(0.1)
            self.lose(self.servers[1])
            _, errors = script.communicate()
        self.assertEqual(len({line.split()[3] for line in lines}), 2, "both hosts had begun")
        self.assertEqual(script.returncode, 0, errors)
        self.assertEqual(self.all(), self.one)


class Slurm(Folder):
    """Only what is submitted: a stand-in for sbatch notes its words, tasks are run here."""

    def submit(self) -> list[list[str]]:
        stub = self.folder / "sbatch"
        stub.write_text(f"#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done >>{self.folder}/calls\n"
                        f"echo >>{self.folder}/calls\necho 17\n")
        stub.chmod(0o755)
        (self.folder / "calls").unlink(missing_ok=True)
        done = run(str(SPREAD / "slurm.sh"), "3", str(self.folder / "parts"), *GRID,
                   PATH=f"{self.folder}:{os.environ['PATH']}")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [call.split("\n") for call in (self.folder / "calls").read_text().strip().split("\n\n")]

    def carry_out(self, call: list[str], task: int) -> subprocess.CompletedProcess[str]:
        words = call[call.index(str(SPREAD / "slurm.sh")):]
        return run(*words, HEAPSIM=HEAPSIM, SLURM_ARRAY_TASK_ID=str(task))

    def test_a_lost_task_is_named_and_repaired(self) -> None:
        array, join = self.submit()
        self.assertIn("--array=1,2,3", array)
        self.assertIn("--dependency=afterany:17", join)
        for task in (1, 3):
            self.assertEqual(self.carry_out(array, task).returncode, 0)
        done = self.carry_out(join, 0)
        self.assertEqual(done.returncode, 2)
        self.assertIn("2-of-3.json", done.stderr)
        array, join = self.submit()
        self.assertIn("--array=2", array)
        self.assertEqual(self.carry_out(array, 2).returncode, 0)
        self.assertEqual(self.carry_out(join, 0).returncode, 0)
        self.assertEqual((self.folder / "parts" / "all.json").read_bytes(), self.one)
        self.assertEqual(len(self.submit()), 1)


if __name__ == "__main__":
    unittest.main()
