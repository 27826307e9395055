"""Runs heapsim many times with one call spoilt at a time (fault/inject.c)."""
from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

HEAPSIM = os.environ["HEAPSIM"]
INJECT = os.environ["HEAPSIM_INJECT"]


@dataclasses.dataclass
class Outcome:
    """What one run did: exit status (negative: the signal that ended it), output, files left."""
    status: int
    calls: int
    live: int
    out: bytes
    err: str
    files: dict[str, str]
    stacks: list[int]  # of order 0: where each call came from


def sanitized() -> bool:
    """Whether heapsim was built with AddressSanitizer."""
    return b"__asan_init" in pathlib.Path(HEAPSIM).read_bytes()


def injectable() -> bool:
    """Whether the preloaded calls are seen: not when AddressSanitizer is linked into the program."""
    if not sanitized():
        return True
    linked = subprocess.run(["ldd", HEAPSIM], capture_output=True, text=True, check=True).stdout
    return "libasan" in linked


class Faults:
    """A heapsim command, started once, run with its K-th call spoilt."""

    def __init__(self, words: list[str], calls: str, action: str, inputs: dict[str, bytes] | None = None) -> None:
        self.folder = tempfile.mkdtemp(prefix="heapsim-faults-")
        # Logs are many, and written again for every run: only those that the command reads.
        self.inputs = {n: data for n, data in (inputs or {}).items() if not n.endswith(".log") or n in words}
        self.kept = {"stdout", "stderr", *self.inputs}
        self.restore()
        to_read, to_write = os.pipe(), os.pipe()
        env = os.environ | {
            "LD_PRELOAD": INJECT, "FAULT_CALLS": calls, "FAULT_ACTION": action,
            "FAULT_PIPES": f"{to_read[0]},{to_write[1]}",
            "ASAN_OPTIONS": "verify_asan_link_order=0:allocator_may_return_null=1:exitcode=99",
            "UBSAN_OPTIONS": "exitcode=98"}
        # Closed with the object, in close().
        self.process = subprocess.Popen([HEAPSIM, *words], cwd=self.folder, env=env,
                                        pass_fds=(to_read[0], to_write[1]))
        os.close(to_read[0])
        os.close(to_write[1])
        self.orders = os.fdopen(to_read[1], "w")
        self.answers = os.fdopen(to_write[0], "r")

    def restore(self) -> None:
        """Puts the input files back as they were."""
        for name, data in self.inputs.items():
            pathlib.Path(self.folder, name).write_bytes(data)

    def run(self, k: int) -> Outcome:
        """One run with the K-th call spoilt; 0: none. Files that it made are gone afterwards."""
        self.orders.write(f"{k}\n")
        self.orders.flush()
        answer = self.answers.readline()
        if not answer:
            raise AssertionError(f"the command could not be started under {INJECT}")
        status, calls, live, *stacks = (int(n) for n in answer.split())
        files = {}
        for name in sorted(os.listdir(self.folder)):
            path = pathlib.Path(self.folder, name)
            if name not in self.kept:
                files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
                path.unlink()
        return Outcome(os.waitstatus_to_exitcode(status), calls, live,
                       pathlib.Path(self.folder, "stdout").read_bytes(),
                       pathlib.Path(self.folder, "stderr").read_text(errors="replace"), files, stacks)

    def close(self) -> None:
        """Ends the command and removes its folder."""
        self.orders.close()
        self.answers.close()
        self.process.wait()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Faults:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
