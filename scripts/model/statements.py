"""What issue 8940 says of the pico-d4, and what heapsim finds for it."""
from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import model
from parameters import Parameters

V119 = "micropython-v1.19"
HELD = "experiment-8940"
PREDICTED = "predicted"  # follows from the heap's rules and from figures of elsewhere
CHOSEN = "chosen"  # a choice of the model was made with this figure in view
CALIBRATED = "calibrated"  # a number was fitted to this figure

Results = dict[tuple[str, str], dict]


def mark(result: dict, name: str) -> dict:
    return next(m["idf"] for m in result["marks"] if m["name"] == name)


def largest(result: dict, name: str) -> str:
    return str(mark(result, name)["largest_free_block"])


def largest_by_region(result: dict, name: str) -> str:
    """The printed largest block of every region that has one."""
    blocks = [r["largest_free_block"] for r in mark(result, name)["regions"]]
    return ", ".join(str(b) for b in blocks if b)


def free_blocks(result: dict, name: str) -> str:
    return ", ".join(str(b["size"]) for r in mark(result, name)["regions"] for b in r["blocks"])


def outcome(result: dict) -> str:
    return "succeeds" if result["outcome"] == "completed" else "fails"


@dataclass(frozen=True)
class Statement:
    text: str
    published: str
    how: str
    trace: str
    policy: str
    found: Callable[[dict], str]

    def holds(self, results: Results) -> bool:
        return self.found(results[self.trace, self.policy]) == self.published


STATEMENTS = [
    Statement("free blocks once Python has its heap", "4452, 69256, 13440, 1612", PREDICTED,
              "wifi-http.trace", V119, lambda r: free_blocks(r, "start")),
    Statement("largest block after Wi-Fi", "25600", CHOSEN,
              "wifi-http.trace", V119, lambda r: largest(r, "connected")),
    Statement("lowest while an http socket is open", "15616", CALIBRATED,
              "wifi-http.trace", V119, lambda r: str(r["minimum_largest_free_block"])),
    Statement("after it is closed", "25600", CHOSEN,
              "wifi-http.trace", V119, lambda r: largest(r, "closed")),
    Statement("blocks at wrap_socket: the largest", "22528", CALIBRATED,
              "wifi-https.trace.gz", V119, lambda r: largest(r, "wrap_socket")),
    Statement("blocks at wrap_socket: the others", "13312, 1600", PREDICTED,
              "wifi-https.trace.gz", V119,
              lambda r: largest_by_region(r, "wrap_socket").partition(", ")[2]),
    Statement("https request", "fails", CHOSEN, "wifi-https.trace.gz", V119, outcome),
    Statement("64 KiB held: one https request", "succeeds", PREDICTED,
              "wifi-https.trace.gz", HELD, outcome),
    Statement("64 KiB held: a second one at the same time", "fails", CHOSEN,
              "wifi-https-2.trace.gz", HELD, outcome),
    Statement("64 KiB held: BLE, no memory returns", "fails", PREDICTED,
              "wifi-ble-no-return.trace", HELD, outcome),
    Statement("64 KiB held: BLE, memory returns, then https", "fails", PREDICTED,
              "wifi-ble-https.trace.gz", HELD, outcome),
]
RUNS = sorted({(s.trace, s.policy) for s in STATEMENTS})


def heapsim_path() -> str:
    """The program: environment HEAPSIM, else where the release preset puts it."""
    here = Path(__file__).resolve().parents[2] / "build" / "release" / "heapsim"
    return os.environ.get("HEAPSIM", str(here))


def simulate(trace: Path, policy: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [heapsim_path(), "--layout", "pico-d4", "--policy", policy,
                   "--trace", str(trace), "--json", str(result)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(command)}: {done.stderr}")
        return json.loads(result.read_text())


def results_of(parameters: Parameters) -> Results:
    """Every run that the statements need, on traces made from these parameters."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name in {trace for trace, _ in RUNS}:
            paths[name] = Path(folder) / name.removesuffix(".gz")
            paths[name].write_text(model.text_of(name, parameters))
        return {run: simulate(paths[run[0]], run[1]) for run in RUNS}
