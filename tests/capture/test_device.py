#!/usr/bin/env python3
"""The device's capture component, compiled against stub headers for 64 and for 32 bits, run, its lines read and imported."""
import os
import re
import subprocess
import tempfile
import unittest

import slots

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KIT = os.path.join(ROOT, "scripts", "capture", "device")
COMPONENT = os.path.join(KIT, "heapsim_capture")
BOARD = os.path.join(HERE, "device")
HEAPSIM = os.environ.get("HEAPSIM", os.path.join(ROOT, "build", "release", "heapsim"))
WARNINGS = "-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror"
WRAPPED = ["realloc", "heap_caps_realloc", "heap_caps_aligned_alloc", "gc_alloc", "gc_realloc", "gc_free", "gc_init",
           "gc_add", "gc_collect"]


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(folder: str, compiler: list[str], name: str, *more: str) -> str:
    files = [os.path.join(place, file) for place in (BOARD, COMPONENT) for file in sorted(os.listdir(place))
             if file.endswith(".c")]
    program = os.path.join(folder, name)
    run([*compiler, "-std=c11", "-O2", *WARNINGS.split(), f"-I{COMPONENT}/include", f"-I{BOARD}/stubs", f"-I{BOARD}", *more,
         *files, *(f"-Wl,--wrap={wrapped}" for wrapped in WRAPPED), "-o", program])
    return program


class Log:
    """Lines as the README describes them, with each address replaced by a name in the order of appearance."""

    def __init__(self, text: str) -> None:
        self.events: list[str] = []
        self.tasks: list[str] = []
        names: dict[str, str] = {}
        last_time = 0
        for number, line in enumerate(text.splitlines()):
            found = re.fullmatch(r"!(hs (\d+) (\d+) (\S+) (.*))\*([0-9a-f]{2})", line)
            assert found, f"{line}: not a line of the capture"
            total = 0
            for letter in found[1].encode():
                total ^= letter
            assert total == int(found[6], 16), f"{line}: the sum is {total:02x}"
            self.missing = int(found[2]) - number
            assert int(found[3]) >= last_time, f"{line}: time goes back"
            last_time = int(found[3])
            self.tasks.append(found[4])
            self.events.append(re.sub(r"0x[0-9a-f]{5,}", lambda at: names.setdefault(at[0], f"P{len(names)}"), found[5]))
        self.time = last_time


HEAP = ["a P0 40 0x1000", "a P1 100 0x804", "a P2 150 0x1000", "p net", "r P1 60 P1 0x804", "r P1 900 P3 0x804", "m P4 128 0x8 64",
        "x 100000 0x8 heap_caps_malloc", "r P2 200000 0x0 0x1000", "m 0x0 300000 0x8 64", "f P4", "k end", "f P3", "f P2", "f P0",
        "r 0x0 20 P5 0x1000", "r P5 0 0x0 0x1000", "end 18 0"]
GC = ["gi P0 P1", "ga P0 100 0x1", "ga P2 500 0x0", "gr 0x0 30 P3 1", "ga P4 16 0x0", "gr P0 600 P5 1", "gr P3 3000 0x0 0", "gf P4",
      "gc 0", "gl P0 0000000008400000", "ge 2", "ga P6 2000 0x0", "gc 1", "gl P0 0000000008400000", "ge 2", "ga P6 2500 0x0",
      "gc 1", "gl P0 0000000008400000", "gl P7 0000100000000000", "ge 3", "ga 0x0 4000 0x0", "end 22 0"]


class Device:
    """What holds for every compiler and width."""

    compiler: list[str] = []
    emulator: list[str] = []
    pointer = 8

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.mkdtemp(prefix="capture")
        cls.program = build(cls.folder, cls.compiler, "device")
        cls.small = build(cls.folder, cls.compiler, "small", "-DCONFIG_HS_CAPTURE_EVENTS=16")

    def log(self, mode: str, small: bool = False) -> str:
        return run([*self.emulator, self.small if small else self.program, mode])

    def test_heap_events(self) -> None:
        log = Log(self.log("heap"))
        self.assertEqual(log.events[0], f"begin 1 ptr={self.pointer} ring=4096 idf=v5.1.2_test chip=esp32")
        self.assertEqual(log.events[1:], HEAP)
        self.assertEqual(log.missing, 0)
        self.assertEqual([log.tasks[i] for i in (1, 2, 7, 11)], ["-", "main_task__", "wifi", "isr"])
        self.assertGreater(log.time, 1 << 32)

    def test_collector_events(self) -> None:
        log = Log(self.log("gc"))
        events = [re.sub("^(gi P0) .*", r"\1 P1", event) for event in log.events[1:]]
        self.assertEqual(events, GC)

    def test_more_tasks_than_names(self) -> None:
        log = Log(self.log("many"))
        self.assertEqual(log.tasks[1::2][:24], [f"task{i}" for i in range(24)])
        self.assertEqual(set(log.tasks[49:]), {"other"})

    def test_a_full_ring_says_so(self) -> None:
        log = Log(self.log("many", small=True))
        self.assertEqual(log.events[-1], "end 61 45")
        self.assertEqual(log.missing, 45)


class Gcc(Device, unittest.TestCase):
    """64 bits."""

    compiler = ["gcc"]


class Clang(Device, unittest.TestCase):
    """64 bits, with the sanitizers."""

    compiler = ["clang", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


class Width32(Device, unittest.TestCase):
    """32 bits as on the chip; these logs go on into the importer."""

    compiler = ["i686-linux-gnu-gcc", "-static"]
    emulator = ["qemu-i386"]
    pointer = 4

    def imported(self, text: str) -> slots.Trace:
        name = os.path.join(self.folder, "serial.log")
        out = os.path.join(self.folder, "serial.trace")
        noise = "\x1b[0;32mI (31) boot: line of the console\x1b[0m\r\n"
        with open(name, "w", encoding="utf-8", newline="") as file:
            file.write(noise + text.replace("\n", "\r\n" + noise))
        run([HEAPSIM, "trace", "import", name, "-o", out])
        return slots.read(out)

    def test_import_of_the_heap(self) -> None:
        trace = self.imported(self.log("heap"))
        self.assertEqual(trace.header["complete"], ["yes"])
        self.assertEqual(trace.live, {})
        kinds = [words[0] for words in trace.events if words[0] != "time"]
        self.assertEqual(kinds, ["alloc", "alloc", "alloc", "phase", "realloc", "realloc", "aligned", "alloc", "realloc", "aligned",
                                 "free", "mark", "free", "free", "free", "alloc", "free"])

    def test_import_of_the_collector(self) -> None:
        trace = self.imported(self.log("gc"))
        self.assertEqual(trace.header["complete"], ["yes"])
        sizes = sorted(trace.live.values())
        self.assertEqual(sizes, [30, 600, 2500])  # what the roots hold; 500 and 2000 were found dead

    def test_import_of_a_log_with_losses(self) -> None:
        self.assertEqual(self.imported(self.log("many", small=True)).header["complete"], ["no"])
        lines = self.log("heap").splitlines(keepends=True)
        self.assertEqual(self.imported("".join(lines[:5] + lines[6:])).header["complete"], ["no"])
        self.assertEqual(self.imported("".join(lines[:-1])).header["complete"], ["no"])


class Overhead(unittest.TestCase):
    """Instructions for each event, counted by callgrind on this host: stated in the README, within a limit here."""

    def test_instructions(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            program = build(folder, ["gcc"], "device")
            for hook in ("esp_heap_trace_alloc_hook", "esp_heap_trace_free_hook", "write_line"):
                done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
                                       f"--toggle-collect={hook}", program, "bench"], capture_output=True, text=True,
                                      timeout=120, check=True)
                collected = re.search(r"Collected : (\d+)", done.stderr)
                assert collected is not None, done.stderr
                count = int(collected[1])
                events = 2002 if hook == "write_line" else 1000
                print(f"{hook}: {count / events:.0f} instructions an event (x86-64, gcc -O2)")
                self.assertTrue(30 < count / events < (3000 if hook == "write_line" else 300))

    def test_component_names_what_it_wraps(self) -> None:
        with open(os.path.join(COMPONENT, "CMakeLists.txt"), encoding="utf-8") as file:
            text = file.read()
        for name in WRAPPED:
            self.assertIn(f" {name}", text)


if __name__ == "__main__":
    unittest.main()
