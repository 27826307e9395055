#!/usr/bin/env python3
"""compare_targets.py BUILD [--target NAME ...]: runs the golden scripts and shipped traces on
emulated machines of other kinds and compares what sim/device answers there with what it answers on
the host, event by event; runs tests/target/firmware, which checks by itself. BUILD is the folder with
the builds: release and those of the targets. Exit status 1 on any difference."""
from __future__ import annotations

import argparse
import functools
import gzip
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from golden_idf_vectors import Vector, first_difference, vectors  # noqa: E402

EMULATORS = {
    "rv32imc": ["qemu-system-riscv32", "-M", "virt", "-m", "1G", "-nographic", "-monitor", "none",
                "-serial", "none", "-bios", "none", "-kernel", "{program}",
                "-semihosting-config", "enable=on,target=native,arg={file}"],
    "i386": ["qemu-i386", "{program}", "{file}"],
}
TRACES = [  # layout, policy, trace
    ("pico-d4", "none", "https"),
    ("pico-d4", "micropython-v1.19", "https"),
    ("pico-d4", "none", "wifi-https"),
    ("esp32-v5", "micropython-v1.22", "wifi-https"),
    ("esp32-v5", "micropython-v1.22", "web_json"),
    ("pico-d4", "micropython-v1.19", "graph"),
    ("esp32-v5", "micropython-v1.25", "graph"),
    ("pico-d4", "tracked-tls", "https"),
    ("esp32-idf3", "none", "wifi-https"),
    ("esp32-c3", "micropython-v1.22", "wifi-https"),
    ("esp32-spiram", "none", "lwip-http-https"),
]
# Programs that run the scripts through an adapter of sim/device/port, and whose vectors they run.
ADAPTED = {
    "target_port_gc_0_0_0": ["single-v1.18"], "target_port_gc_0_0_1": ["single-v1.18"],
    "target_port_gc_0_4_1": ["single-v1.25"],
    "target_port_gc_1_1_1": ["noauto-v1.20"], "target_port_gc_1_4_0": ["noauto-v1.25"],
    "target_port_gc_2_2_0": ["auto-v1.21"], "target_port_gc_2_3_1": ["auto-v1.22"],
    "target_port_gc_2_4_0": ["auto-v1.25"], "target_port_gc_2_4_1": ["auto-v1.25"],
    "target_port_idf_v3.3": ["v3.3-esp32", "v3.3-esp32-spiram"],
    "target_port_idf_v4.4": ["v4.4-esp32"],
    "target_port_idf_v4.4_0x400000": ["v4.4-esp32-spiram"],
    "target_port_idf_v4.4_0x50000": ["v4.4-esp32s2"],
    "target_port_idf_v4.4.2": ["v4.4.2-esp32"],
    "target_port_idf_v4.4.2_0x400000": ["v4.4.2-esp32-spiram"],
    "target_port_idf_v4.4.4": ["v4.4.4-esp32", "v4.4.4-esp32-spiram"],
    "target_port_idf_v4.4.8": ["v4.4.8-esp32", "v4.4.8-esp32-spiram"],
    "target_port_idf_v5.2": ["v5.2-esp32", "v5.2-esp32-spiram"],
    "target_port_idf_v5.3.5": ["v5.3-esp32"],
    "target_port_idf_v5.4.4": ["v5.4-esp32", "v5.4-esp32-spiram", "v5.4-esp32c3", "v5.4-esp32s3"],
    "target_port_idf_v5.5.1": ["v5.5-esp32", "v5.5-esp32-spiram", "v5.5-esp32c3", "v5.5-esp32s3",
                               "v5.5-esp32s3-memprot", "v5.5-esp32s3-spiram"],
    "target_port_idf_v5.5.5": ["v5.5.5-esp32"],
    "target_port_idf_v6.0.2": ["v6.0-esp32", "v6.0-esp32c3", "v6.0-esp32s3"],
    "target_port_idf_v6.1-beta1": ["v6.1b1-esp32", "v6.1b1-esp32s3"],
    "target_port_idf_master": ["master-esp32"],
}
TIME_LIMIT = 600


class Tally(NamedTuple):
    vectors: int
    equal_vectors: int
    lines: int
    equal_lines: int

    def plus(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(self, other)))


def gc_vectors(folder: Path) -> Iterator[Vector]:
    for path in sorted(folder.glob("edge/*.in")) + sorted(folder.glob("random/*.in.gz")):
        name = path.name.split(".in")[0]
        out = path.with_name(path.name.replace(".in", ".out"))
        read = (lambda p: gzip.decompress(p.read_bytes())) if path.suffix == ".gz" else \
            (lambda p: p.read_bytes())
        yield Vector(name.split("__")[0], name.split("__")[1], read(path), read(out))


def emulate(target: str, program: Path, file: Path) -> bytes:
    if not program.exists():
        raise SystemExit(f"{program} is not built; expected scripts/test_targets.sh to run first")
    command = [word.format(program=program, file=file) for word in EMULATORS[target]]
    return subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False,
                          timeout=TIME_LIMIT).stdout


def without_hints(text: bytes) -> bytes:
    """Answers to the command s are search hints of the device code, which nobody promises."""
    return b"".join(line for line in text.splitlines(keepends=True) if b"areas=" != line[:6])


MOST_SHOWN = 10
shown = 0


def compare(name: str, got: bytes, expected: bytes, status: bytes) -> Tally:
    got, expected = without_hints(got), without_hints(expected)
    lines = expected.splitlines()
    equal = sum(a == b for a, b in zip(got.splitlines(), lines))
    if got == expected and status == b"0":
        return Tally(1, 1, len(lines), equal)
    global shown
    shown += 1
    if shown <= MOST_SHOWN:
        print(f"  {name}: exit status {status.decode()}, {first_difference(got, expected)}")
    return Tally(1, 0, len(lines), equal)


def run_scripts(target: str, program: Path, cases: list[Vector], work: Path) -> Tally:
    bundle = work / "scripts"
    bundle.write_bytes(b"".join(f"{case.target} {len(case.script)}\n".encode() + case.script
                                for case in cases))
    parts = emulate(target, program, bundle).split(b"\x01")
    total = Tally(0, 0, 0, 0)
    for number, case in enumerate(cases):
        # Each part but the first begins with the exit status of the one before.
        text = parts[number] if number < len(parts) else b""
        text = text if number == 0 else text.partition(b"\n")[2]
        status = parts[number + 1].partition(b"\n")[0] if number + 1 < len(parts) else b"none"
        total = total.plus(compare(f"{case.name} {case.target}", text, case.expected, status))
    return total


def run_trace(target: str, build: Path, case: tuple[str, str, str], work: Path) -> Tally:
    layout, policy, trace = case
    calls, addresses = work / "calls", work / "addresses"
    release = build / "release"
    subprocess.run([release / "tests" / "export_calls", layout, policy, trace, calls], check=True)
    result = subprocess.run([release / "heapsim", "--layout", layout, "--policy", policy, "--trace",
                             trace, "--addresses", addresses], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, check=False)
    if result.returncode > 1:
        raise RuntimeError(f"heapsim failed on {trace}")
    text = emulate(target, build / target / "tests" / "target" / "target_calls", calls)
    got, _, status = text.partition(b"\x01")
    return compare(f"{trace} on {layout} with {policy}", got, addresses.read_bytes(),
                   status.split(b"\n")[0])


def run_firmware(target: str, program: Path) -> Tally:
    text, _, status = emulate(target, program, Path("/dev/null")).partition(b"\x01")
    return compare(program.name, text, b"all checks hold\n", status.strip())


def run_target(target: str, build: Path, work: Path) -> bool:
    programs = build / target / "tests" / "target"
    golden = ROOT / "tests" / "golden"
    good = True
    parts = [
        ("IDF scripts", lambda: run_scripts(target, programs / "target_idf",
                                            list(vectors(golden / "idf")), work)),
        ("collector scripts", lambda: run_scripts(target, programs / "target_gc",
                                                  list(gc_vectors(golden / "gc")), work)),
    ]
    for program, targets in ADAPTED.items():
        cases = vectors(golden / "idf") if "idf" in program else gc_vectors(golden / "gc")
        chosen = [case for case in cases if case.target in targets]
        parts.append((program, functools.partial(run_scripts, target, programs / program, chosen, work)))
    firmware = sorted(programs.glob("target_firmware_*"))
    if not firmware:
        raise SystemExit(f"{programs} has no target_firmware_*; expected some")
    for path in firmware:
        parts.append((path.name, functools.partial(run_firmware, target, path)))
    for case in TRACES:
        parts.append((" ".join(case), functools.partial(run_trace, target, build, case, work)))
    for name, run in parts:
        start = time.monotonic()
        tally = run()
        good = good and tally.vectors == tally.equal_vectors > 0
        print(f"{target}: {name}: {tally.equal_vectors} of {tally.vectors} equal, "
              f"{tally.equal_lines} of {tally.lines} lines ({time.monotonic() - start:.0f} s)",
              flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--target", action="append", choices=sorted(EMULATORS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        results = [run_target(target, arguments.build.resolve(), Path(work))
                   for target in arguments.target or sorted(EMULATORS)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
