"""The second implementations of heaps and collector: they answer golden vectors as the devices did, and
random scripts and a whole trace as sim/device does. Longer runs: differential.py."""
import gzip
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import differential
import idf_model
from golden_idf_vectors import Vector, vectors

TESTS = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path(os.environ["HEAPSIM"]).resolve().parent / "tests"
TRACE = TESTS.parent / "traces" / "wifi-https-2.trace.gz"
SEED = int(os.environ.get("HEAPSIM_SEED", "1"))

# Requests that wrap at 2^32, and a device that runs into its own defect.
BEYOND = ("aligned_huge", "memalign_overflow", "hazard_")


def answerable(vector: Vector) -> bool:
    words = {line.split()[0] for line in vector.script.decode().splitlines() if line.strip()}
    chip, *options = vector.target.split("-")[1:]
    return (words <= idf_model.Script.KNOWN and chip in idf_model.TYPES and "memprot" not in options
            and b"EXEC" not in vector.script and not vector.name.startswith(BEYOND))


class Golden(unittest.TestCase):
    def test_idf(self) -> None:
        compared = 0
        for vector in vectors(TESTS / "golden" / "idf"):
            if answerable(vector):
                script = differential.Script(vector.target, vector.script.decode().splitlines())
                self.assertEqual(differential.model_answers("idf", script), vector.expected.decode().splitlines(),
                                 f"{vector.name} {vector.target}")
                compared += 1
        print(f"{compared} golden vectors of the IDF heap equal")
        self.assertGreater(compared, 550)

    def test_gc(self) -> None:
        """Line by line; a table's lines have no command, so they are left out by their command."""
        compared = 0
        for path in sorted((TESTS / "golden" / "gc").rglob("*.in*")):
            name = path.name.removesuffix(".gz").removesuffix(".in")
            text = path.read_bytes()
            lines = (gzip.decompress(text) if path.suffix == ".gz" else text).decode().splitlines()
            kept = [line for line in lines if line.partition("#")[0].split()[:1] not in (["mi"], ["d"], ["h"], ["s"])]
            script = differential.Script(name.split("__")[1], kept)
            self.assertIsNone(differential.difference("gc", str(PROGRAMS / "golden_gc"), script), name)
            compared += 1
        print(f"{compared} golden vectors of the collector equal")
        self.assertGreater(compared, 40)


class Random(unittest.TestCase):
    def compare(self, kind: str, rounds: int, operations: int) -> None:
        program = str(PROGRAMS / f"golden_{kind}")
        print(f"{kind}: {rounds} rounds of {operations} operations, HEAPSIM_SEED={SEED}")
        for seed in range(SEED, SEED + rounds):
            self.assertIsNone(differential.check(kind, program, seed, operations))

    def test_idf(self) -> None:
        self.compare("idf", 25, 1000)

    def test_gc(self) -> None:
        self.compare("gc", 12, 1000)

    def test_every_target_is_drawn(self) -> None:
        """Also: scripts depend on nothing but the seed."""
        for make, targets in ((differential.idf_script, differential.IDF_TARGETS),
                              (differential.gc_script, differential.GC_TARGETS)):
            drawn = {make(random.Random(seed), 1, None).target for seed in range(400)}
            self.assertEqual(drawn, set(targets))
            self.assertEqual(make(random.Random(7), 50, None), make(random.Random(7), 50, None))

    def test_a_difference_is_shrunk(self) -> None:
        """Against answers of another release: the shortest script is a few lines."""
        with tempfile.TemporaryDirectory() as folder:
            other = pathlib.Path(folder) / "other"
            other.write_text(f'#!/bin/sh\nexec "{PROGRAMS / "golden_idf"}" v5.3-esp32\n')
            other.chmod(0o755)
            fault = differential.check("idf", str(other), SEED, 300, "v5.4-esp32")
        self.assertIsNotNone(fault)
        assert fault is not None
        self.assertLess(len(fault.splitlines()), 9, fault)


class Trace(unittest.TestCase):
    def model(self) -> list[str]:
        """Boot state of layout pico-d4, the 110592 bytes of Python's heap, then the trace."""
        device = idf_model.Device(idf_model.release_of("v4.4", False), "esp32")
        device.register([(0x3FFB6388, 7288, "DRAM"), (0x3FFB9A20, 16648, "DRAM"), (0x3FFC9BA8, 91224, "DRAM"),
                         (0x3FFE0440, 15072, "DIRAM"), (0x3FFE4350, 113840, "DIRAM")], "bare")
        full, low, middle, _, high = device.order
        for heap, size in ((full, 5632), (full, 20), (low, 5224)):
            heap.allocate(size)
        hole = low.allocate(4452)
        for heap, size in ((low, 5248), (low, 80), (middle, 20332), (high, 110592)):
            heap.allocate(size)
        assert hole is not None
        low.release_block(hole)
        return self.replay(device)

    def replay(self, device: idf_model.Device) -> list[str]:
        owners: dict[str, idf_model.Caps] = {}
        live: dict[str, int] = {}
        out = []
        for line in gzip.decompress(TRACE.read_bytes()).decode().splitlines():
            word = line.partition("#")[0].split()
            if word[:1] == ["owner"]:
                owners[word[1]] = idf_model.caps(word[3].removeprefix("caps=").replace(",", "|"))
            elif word[:1] == ["alloc"]:
                caps = owners[word[3]]
                if len(word) > 4:
                    caps = idf_model.caps(word[4].removeprefix("caps=").replace(",", "|"))
                addr = device.malloc(int(word[2]), caps)
                out.append("NULL" if addr is None else f"{addr:#x}")
                if addr is not None:
                    live[word[1]] = addr
            elif word[:1] == ["free"] and word[1] in live:
                device.free(live.pop(word[1]))
        return out

    def test_addresses(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "addresses"
            subprocess.run([os.environ["HEAPSIM"], "--layout", "pico-d4", "--policy", "micropython-v1.19", "--trace",
                            str(TRACE), "--addresses", str(path)], stdout=subprocess.DEVNULL, check=False)
            theirs = [line.split()[2] for line in path.read_text().splitlines()]
        self.assertGreater(len(theirs), 9000)
        self.assertEqual(self.model(), theirs)


if __name__ == "__main__":
    unittest.main()
