"""Two implementations of the v4.4 heap agree: tlsf_model.py with the golden vectors, and, block by
block, with heapsim on the largest modelled trace.
"""
import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from golden_idf_vectors import Vector, edge_cases
from tlsf_model import Device, Script

TESTS = Path(__file__).resolve().parent
TRACE = TESTS.parent / "traces" / "wifi-https-2.trace.gz"
REGIONS = [
    (0x3FFB6388, 7288, "DRAM"),
    (0x3FFB9A20, 16648, "DRAM"),
    (0x3FFC9BA8, 91224, "DRAM"),
    (0x3FFE0440, 15072, "DIRAM"),
    (0x3FFE4350, 113840, "DIRAM"),
]


TARGETS = ("v4.4-esp32", "v4.4.2-esp32")
KNOWN = {"region", "init", "a", "z", "r", "f", "d", "i"}
ASKING = ("c ", "k", "i total")  # change nothing, and the model does not answer them


def answers(vector: Vector) -> list[str] | None:
    """What the model prints for a golden script; None when the script holds more than it knows."""
    model = Script(counts_headers=vector.target != "v4.4-esp32")
    lines = [line for line in vector.script.decode().splitlines() if not line.startswith(ASKING)]
    early = any(line.startswith("init early") for line in lines)
    if early or {line.split()[0] for line in lines if line} - KNOWN:
        return None
    if any(word in vector.name or word in vector.script.decode().lower()
           for word in ("hazard", "tiny", "spiram")):
        return None  # a crash of the device, regions without a block, memory of another kind
    return [answer for line in lines if line for answer in model.answer(line)]


def golden() -> None:
    compared = 0
    for target in TARGETS:
        for vector in edge_cases(TESTS / "golden" / "idf" / "edge" / f"{target}.cases.gz"):
            found = answers(vector)
            if found is None:
                continue
            wanted = vector.expected.decode().splitlines()
            wanted = [line for line in wanted if not line.startswith(ASKING)]
            assert found == wanted, f"{vector.name} {target}: the model answers something else"
            compared += 1
    print(f"{compared} golden vectors equal")
    assert compared >= 30, "hardly any golden vector could be compared"


def pico_d4() -> Device:
    """The boot state of layout pico-d4 and the 110592 bytes of Python's heap."""
    device = Device(REGIONS)
    full, low, middle, _, high = device.heaps
    for size in (5632, 20):
        full.malloc(size)
    low.malloc(5224)
    hole = low.malloc(4452)
    for size in (5248, 80):
        low.malloc(size)
    assert hole is not None
    low.release(hole)
    middle.malloc(20332)
    high.malloc(110592)
    return device


def model_addresses(text: str) -> list[str]:
    device, owners, live = pico_d4(), {}, {}
    out = []
    for line in text.splitlines():
        word = line.partition("#")[0].split()
        if word and word[0] == "owner":
            owners[word[1]] = set(word[3].removeprefix("caps=").split(","))
        elif word and word[0] == "alloc":
            caps = owners[word[3]]
            if len(word) > 4:
                caps = set(word[4].removeprefix("caps=").split(","))
            addr = live[word[1]] = device.malloc(int(word[2]), caps)
            out.append("NULL" if addr is None else f"{addr:#x}")
        elif word and word[0] == "free" and live.get(word[1]) is not None:
            device.release(live.pop(word[1]))
    return out


def heapsim_addresses() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "addresses"
        command = [os.environ["HEAPSIM"], "--layout", "pico-d4", "--policy", "micropython-v1.19",
                   "--trace", str(TRACE), "--addresses", str(path)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        return [line.split()[2] for line in path.read_text().splitlines()]


def main() -> None:
    golden()
    mine = model_addresses(gzip.decompress(TRACE.read_bytes()).decode())
    theirs = heapsim_addresses()
    assert len(mine) == len(theirs) > 9000
    first = next((i for i, (a, b) in enumerate(zip(mine, theirs)) if a != b), None)
    assert first is None, f"allocation {first}: model {mine[first]}, heapsim {theirs[first]}"
    print(f"{len(mine)} addresses equal")


if __name__ == "__main__":
    sys.exit(main())
