"""Every allocation of every command fails in turn: one clear line and status 2, or exactly what it does otherwise.

Each allocation is named by the stack from which it comes. One of each stack is made to fail; HEAPSIM_FAULTS=all
makes every one fail, the K-th in run K, until a run needs no more. Under AddressSanitizer fewer, for leaks.
"""
import collections
import os
import signal
import unittest

import fault_cases
import fault_runner

EVERY = os.environ.get("HEAPSIM_FAULTS") == "all"
# Mini-XML does not survive the loss of the first block that it takes for itself, a kilobyte, at --junit; and it
# forgets the value of an attribute for whose name it lacks memory.
DIES_IN_LIBRARY = {"check": 1}
LOST_IN_LIBRARY = {"check": 1}


def wrong(base: fault_runner.Outcome, found: fault_runner.Outcome, lost: int) -> str:
    """What is wrong with the outcome of a fault; empty: nothing."""
    as_always = (found.status, found.out, found.err, found.files) == (base.status, base.out, base.err, base.files)
    leaked = found.live - base.live if found.status in (0, 1, 2) and not fault_runner.sanitized() else 0
    if leaked > (lost if found.status == 2 else 0):
        return f"{leaked} blocks are not freed"
    if as_always:
        return ""
    if found.status != 2:
        return f"status {found.status}, expected {base.status} with the same output, or 2; it said {found.err!r}"
    if not found.err.startswith("heapsim: ") or found.err.count("\n") != 1:
        return f"found {found.err!r} on stderr, expected one line"
    if "the host " not in found.err and "Cannot allocate memory" not in found.err:
        return f"found {found.err!r} on stderr, expected that memory is named"
    if not base.out.startswith(found.out):
        return f"found other words on stdout: {found.out[-200:]!r}"
    for name, content in found.files.items():
        if base.files.get(name) != content:
            return f"left a file {name} that is not whole"
    return ""


class Memory(unittest.TestCase):
    def setUp(self) -> None:
        if not fault_runner.injectable():
            self.skipTest("AddressSanitizer is linked into the program: its calls cannot be replaced")
        self.inputs = fault_cases.make_inputs()
        self.seen: collections.Counter[int] = collections.Counter()
        self.injected = 0

    def chosen(self, base: fault_runner.Outcome) -> list[int]:
        """Calls to spoil."""
        calls = []
        for k, stack in enumerate(base.stacks, 1):
            self.seen[stack] += 1
            if EVERY or self.seen[stack] == 1:
                calls.append(k)
        return calls if EVERY or not fault_runner.sanitized() else calls[::8]

    def spoil(self, name: str, action: str, calls: list[int] | None = None) -> int:
        """Runs the command of this name once for each call; how many."""
        with fault_runner.Faults(fault_cases.MORE[name], "alloc", action, self.inputs) as faults:
            base = faults.run(0)
            self.assertIn(base.status, (0, 1), base.err)
            calls = self.chosen(base) if calls is None else [k for k in calls if k <= base.calls]
            deaths = DIES_IN_LIBRARY.get(name, 0)
            for k in calls:
                found = faults.run(k)
                died = found.status == -signal.SIGSEGV or "in _mxml_global" in found.err
                if died and not found.files and deaths > 0:
                    deaths -= 1
                    continue
                lost = LOST_IN_LIBRARY.get(name, 0)
                self.assertEqual(wrong(base, found, lost), "", f"{name}: {action}, allocation {k} of {base.calls}")
        self.injected += len(calls)
        return len(calls)

    def test_each_allocation_fails_once(self) -> None:
        for name in fault_cases.MORE:
            with self.subTest(name):
                print(f"{name}: {self.spoil(name, 'fail')} failed allocations survived", flush=True)
        print(f"allocations that fail once: {self.injected} injected and survived, of "
              f"{len(self.seen)} stacks in {len(fault_cases.MORE)} commands")

    def test_memory_ends_for_good(self) -> None:
        last = range(1, 3000, 1 if EVERY else 311 if fault_runner.sanitized() else 97)
        for name in fault_cases.MORE:
            with self.subTest(name):
                self.spoil(name, "fail-after", list(last))
        print(f"allocations that fail for good: {self.injected} injected and survived")


if __name__ == "__main__":
    unittest.main()
