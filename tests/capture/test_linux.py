#!/usr/bin/env python3
"""The recorder for Linux programs: preloaded, linked in, and linked into a static 32-bit program under qemu."""
import os
import signal
import subprocess
import tempfile
import unittest
from typing import Any

import slots

HERE = os.path.dirname(os.path.abspath(__file__))
KIT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "capture", "linux")
RULES = "*:tls_setup=mbedtls,*:net_receive=lwip"
KINDS = ["calloc 3 100 mbedtls", "alloc 1514 lwip", "realloc 700", "realloc 10", "aligned 64 256 OWN", "aligned 32 96 OWN",
         "aligned 128 50 OWN", "alloc 33 OWN", "free", "alloc 77 OWN", "mark all", *["free"] * 6]


def run(command: list[str], **more: Any) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)


class Recorder:
    """One way to put the recorder into heap_user."""

    compiler = "cc"
    static: list[str] = []
    linked = False
    emulator: list[str] = []
    bits = 64

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.mkdtemp(prefix="capture")
        build = run([os.path.join(KIT, "build.sh"), cls.folder], env={**os.environ, "CC": cls.compiler})
        assert build.returncode == 0, build.stderr
        cls.program = os.path.join(cls.folder, "heap_user")
        with open(os.path.join(cls.folder, "hscapture.flags"), encoding="utf-8") as file:
            flags = file.read().split() if cls.linked else ["-pthread"]
        build = run([cls.compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-optimize-sibling-calls",
                     "-fno-inline", "-fno-builtin", *cls.static, os.path.join(HERE, "heap_user.c"), "-o", cls.program, *flags])
        assert build.returncode == 0, build.stderr

    def record(self, mode: str, status: int = 0, rules: str = RULES) -> slots.Trace:
        self.out = os.path.join(self.folder, f"{mode}.trace")
        for name in [self.out, *slots.others(self.out)]:
            if os.path.exists(name):
                os.unlink(name)
        env = {**os.environ, "HS_TRACE": self.out, "HS_OWNERS": rules}
        if not self.linked:
            env["LD_PRELOAD"] = os.path.join(self.folder, "libhscapture.so")
        done = run([*self.emulator, self.program, mode], env=env)
        self.assertEqual(done.returncode, status, done.stderr)
        self.said = done.stderr
        trace = slots.read(self.out)
        self.assertEqual(trace.header["complete"], ["yes"])
        self.assertEqual(any("WARNING" in line for line in trace.header["source"]), self.bits == 64)
        self.assertEqual(trace.header["device"], [f"{self.bits}-bit Linux host"])
        return trace

    def program_events(self, trace: slots.Trace) -> list[str]:
        shapes = [shape.replace("heap_user", "OWN") for shape in trace.shapes()]
        return shapes[shapes.index("phase kinds") + 1:]

    def test_every_kind_of_request_with_its_owner(self) -> None:
        self.assertEqual(self.program_events(self.record("kinds")), KINDS)
        self.assertIn("capture: ", self.said)

    def test_rules_can_leave_out(self) -> None:
        trace = self.record("kinds", rules="*:tls_setup=-,*:net_receive=lwip,*:kinds=rest")
        expected = [k.replace("OWN", "rest") for k in KINDS if k not in ("calloc 3 100 mbedtls", "realloc 700")]
        self.assertEqual(self.program_events(trace), expected[:-1])

    def test_failed_calls(self) -> None:
        shapes = [shape for shape in self.record("fail").shapes() if "start" not in shape]
        first = shapes.index("alloc 24 heap_user")
        much = min((1 << self.bits) - 1 - 65536, 0xFFFFFFFF)
        count = min((1 << self.bits) // 4 - 1, 0xFFFFFFFF)
        self.assertEqual(shapes[first + 1:first + 6], [f"alloc {much} heap_user failed", f"calloc {count} 16 heap_user failed",
                                                       f"realloc {much} failed", "realloc 4294967295 failed", "free"])

    def test_threads_keep_the_order(self) -> None:
        trace = self.record("threads")
        self.assertGreater(len(trace.events), 4000 - 4 * 16)
        self.assertLess(sum(trace.live.values()), 8192)  # nothing but what the C library keeps for itself

    def test_fork_while_a_thread_allocates(self) -> None:
        parent = self.record("fork")
        self.assertIn("alloc 4321 heap_user", parent.shapes())
        names = slots.others(self.out)
        self.assertEqual(len(names), 1)
        shapes = slots.read(names[0]).shapes()
        self.assertEqual(shapes[0], "phase inherited")
        self.assertIn("alloc 4321 heap_user", shapes)
        self.assertEqual(shapes[shapes.index("phase child"):], ["phase child", "free", "alloc 77 heap_user"])

    def test_abort_loses_nothing(self) -> None:
        status = 128 + signal.SIGABRT if self.emulator else -signal.SIGABRT
        self.assertEqual(self.record("abort", -signal.SIGABRT if status else 0).shapes()[-1], "alloc 666 heap_user")

    def test_closed_files_are_opened_again(self) -> None:
        self.assertEqual(self.record("close").shapes()[-1], "alloc 888 heap_user")


class Exec:
    """Replacing the program by another; under an emulator the kernel could not start it."""

    def test_exec_goes_on_in_a_file_of_its_own(self) -> None:
        self.assertEqual(self.record("exec").shapes()[-1], "alloc 555 heap_user")
        names = slots.others(self.out)
        self.assertEqual(len(names), 1)
        self.assertEqual(self.program_events(slots.read(names[0])), KINDS)


class Preloaded(Recorder, Exec, unittest.TestCase):
    """LD_PRELOAD."""


class PreloadedClang(Recorder, unittest.TestCase):
    """LD_PRELOAD, built by the other compiler."""

    compiler = "clang"


class Linked(Recorder, Exec, unittest.TestCase):
    """--wrap in a program with shared libraries."""

    linked = True


class Static32(Recorder, unittest.TestCase):
    """--wrap in a static 32-bit program: the sizes of a chip's pointers."""

    compiler = "i686-linux-gnu-gcc"
    static = ["-static"]
    linked = True
    emulator = ["qemu-i386"]
    bits = 32


class Script(unittest.TestCase):
    """capture.sh, as a user calls it, with programs that know nothing of it."""

    def test_a_shell_with_children(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "x.trace")
            env = {**os.environ, "XDG_CACHE_HOME": folder}
            done = run([os.path.join(KIT, "capture.sh"), "-o", out, "bash", "-c", "ls / | sort -r >/dev/null; exit 3"], env=env)
            self.assertEqual(done.returncode, 3, done.stderr)
            traces = [slots.read(name) for name in [out, *slots.others(out)]]
            titles = " ".join(trace.header["title"][0] for trace in traces)
            for command in ("bash", "ls /", "sort -r"):
                self.assertIn(command, titles)
            self.assertGreater(min(len(trace.events) for trace in traces), 0)

    def test_usage(self) -> None:
        self.assertEqual(run([os.path.join(KIT, "capture.sh")]).returncode, 2)
        self.assertEqual(run([os.path.join(KIT, "capture.sh"), "-o", "x.json", "true"]).returncode, 2)


if __name__ == "__main__":
    unittest.main()
