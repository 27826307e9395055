#!/usr/bin/env python3
"""The capture of MicroPython scripts, run for real: shipped traces taken again, addresses checked by a second model."""
import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import first_fit

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KIT = os.path.join(ROOT, "scripts", "capture", "micropython")
EXAMPLES = os.path.join(KIT, "examples")
HEAPSIM = os.environ.get("HEAPSIM", os.path.join(ROOT, "build", "release", "heapsim"))
PLAIN = """import('@micropython/micropython-webassembly-pyscript').then(async (m) => {
    const mp = await m.loadMicroPython({heapsize: 4000000, stdout: (l) => console.log(l)});
    mp.runPython(require('fs').readFileSync(process.argv[1], 'utf8')); process.exit(0); })"""


def node(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["node", *arguments], cwd=KIT, capture_output=True, text=True, timeout=300, check=False)


def text(name: str) -> str:
    with gzip.open(name, "rt", encoding="utf-8") as lines:
        return lines.read()


class Capture(unittest.TestCase):
    """Each test runs the kit as a user does."""
    folder: str

    @classmethod
    def setUpClass(cls) -> None:
        if not os.path.isdir(os.path.join(KIT, "node_modules", "binaryen")):
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=KIT, check=True, timeout=300)
        shutil.rmtree(os.path.join(KIT, "node_modules", ".cache"), ignore_errors=True)  # instrument at least once
        cls.folder = tempfile.mkdtemp(prefix="capture")

    def capture(self, code: str, *options: str, status: int = 0) -> tuple[list[str], str]:
        """Captures a script; gives the lines of its trace and what it printed."""
        script = os.path.join(self.folder, "script.py")
        out = os.path.join(self.folder, "script.trace")
        with open(script, "w", encoding="utf-8") as file:
            file.write(code)
        done = node("capture.mjs", *options, "-o", out, script)
        self.assertEqual(done.returncode, status, done.stderr)
        self.verify(out)
        with open(out, encoding="utf-8") as file:
            return file.read().splitlines(), done.stdout

    def verify(self, name: str) -> None:
        """The small model and heapsim arrive at every recorded address."""
        self.assertTrue(first_fit.verify(name))
        done = subprocess.run([HEAPSIM, "verify", "--trace", name], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_shipped_traces_are_taken_again_byte_for_byte(self) -> None:
        done = subprocess.run([os.path.join(KIT, "take_shipped.sh"), self.folder], check=False, capture_output=True,
                              text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("mqtt", "planner", "rules"):
            shipped = os.path.join(ROOT, "traces", f"mpy-wasm-{name}.trace.gz")
            taken = os.path.join(self.folder, f"mpy-wasm-{name}.trace.gz")
            self.assertEqual(text(taken), text(shipped), f"{name}: taken now and shipped differ")
            self.verify(shipped)

    def test_collecting_does_not_change_what_a_program_computes(self) -> None:
        for name in ("planner", "rules"):
            script = os.path.join(EXAMPLES, name + ".py")
            out = os.path.join(self.folder, name + ".trace")
            # A collection every few allocations finds each missing root.
            captured = node("capture.mjs", "--threshold", "128", "-o", out, script)
            plain = node("-e", PLAIN, script)
            self.assertIn("\n", plain.stdout)
            self.assertEqual(captured.stdout, plain.stdout)

    def test_full_heap_growth_release_and_refusal(self) -> None:
        lines, printed = self.capture(
            "import gc\n"
            "keep = [bytearray(1000) for i in range(40)]\n"
            "big = bytearray(50000)\n"
            "big = None\n"
            "gc.collect()\n"
            "try:\n    bytearray(200000)\nexcept MemoryError:\n    print('refused')\n",
            "--threshold", "off", "--split", "64K")
        self.assertEqual(printed, "refused\n")
        kinds = [line.split()[0] for line in lines]
        self.assertIn("grown", kinds)
        self.assertIn("released", kinds)
        self.assertTrue(any(line.startswith("alloc") and " 200000 " in line and line.endswith("failed @NULL")
                            for line in lines))
        self.assertNotIn("threshold", kinds)

    def test_threshold_phase_and_mark_of_the_program(self) -> None:
        lines, _ = self.capture("import gc\nprint('#phase one')\ngc.threshold(4096)\nx = [[i] for i in range(500)]\n"
                                "print('#mark full')\ngc.threshold(-1)\nx = None\n", "--threshold", "256")
        said = [line for line in lines if line.split()[0] in ("threshold", "phase", "mark")]
        self.assertEqual(said, ["threshold 256 capture", "phase program", "phase one", "threshold 4096", "mark full",
                                "threshold -1"])

    def test_a_death_is_found_by_the_collection_after_the_last_use(self) -> None:
        lines, _ = self.capture("import gc\nb = bytearray(777)\ngc.collect()\nb = 1\ngc.collect()\n",
                                "--threshold", "off")
        slot = next(line.split()[1] for line in lines if line.startswith("alloc") and " 777 " in line)
        collections = [i for i, line in enumerate(lines) if line == "collect"]
        self.assertEqual(len(collections), 2)
        self.assertTrue(collections[0] < lines.index(f"drop {slot}") < collections[1])

    def test_links_lead_from_holder_to_held(self) -> None:
        lines, _ = self.capture("import gc\nheld = bytearray(333)\nholder = [held] * 3\nholder = tuple(holder)\n"
                                "gc.collect()\nprint(len(held))\n", "--threshold", "off", "--links")
        buffer = next(line.split()[1] for line in lines if line.startswith("alloc") and " 333 " in line)
        sizes = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("alloc")}
        objects = [line.split()[1] for line in lines if line.startswith("link") and line.split()[3] == buffer]
        self.assertTrue(objects, "nothing links to the buffer of 333 bytes")
        holders = [line.split() for line in lines if line.startswith("link") and line.split()[3] in objects]
        tuples = [words for words in holders if sizes[words[1]] == 8 + 3 * 4]
        self.assertEqual([words[2] for words in tuples][:3], ["2", "3", "4"])

    def test_imports_and_errors_of_the_script(self) -> None:
        with open(os.path.join(self.folder, "helper.py"), "w", encoding="utf-8") as file:
            file.write("value = [1, 2, 3]\n")
        _, printed = self.capture("import helper\nprint(helper.value)\nraise ValueError('on purpose')\n", status=1)
        self.assertEqual(printed, "[1, 2, 3]\n")

    def test_a_capture_replays_under_three_policies(self) -> None:
        shipped = os.path.join(ROOT, "traces", "mpy-wasm-rules.trace.gz")
        seen = set()
        for policy in ("micropython-v1.18", "micropython-v1.19", "micropython-v1.22"):
            done = subprocess.run([HEAPSIM, "--layout", "pico-d4", "--policy", policy, "--trace", shipped, "--json", "-"],
                                  capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual(result["outcome"], "completed")
            seen.add(tuple(area["size"] for area in result["marks"][1]["gc"]["areas"]))
        self.assertGreater(len(seen), 1, "the policies gave Python the same heap")

    def test_usage(self) -> None:
        self.assertEqual(node("capture.mjs").returncode, 2)
        self.assertEqual(node("capture.mjs", "missing.py").returncode, 2)
        self.assertEqual(node("capture.mjs", "--heap", "many", os.path.join(EXAMPLES, "rules.py")).returncode, 2)

    def test_the_checker_sees_a_wrong_address_a_missing_and_an_invented_death(self) -> None:
        lines = text(os.path.join(ROOT, "traces", "mpy-wasm-planner.trace.gz")).splitlines()
        places = [i for i, line in enumerate(lines) if line.startswith("alloc") and "@0x" in line]
        drops = [i for i, line in enumerate(lines) if line.startswith("drop")]
        moved = list(lines)
        moved[places[500]] = re.sub("@.*", lambda at: f"@{int(at[0][1:], 16) + 16:#x}", lines[places[500]])
        early = list(lines)
        sweeps = [i for i, line in enumerate(lines) if line.startswith("collected")]
        early.insert(next((a + b) // 2 for a, b in zip(sweeps, sweeps[1:]) if b - a > 60), "collect")
        for broken in (moved, lines[:drops[100]] + lines[drops[100] + 1:], early):
            name = os.path.join(self.folder, "broken.trace")
            with open(name, "w", encoding="utf-8") as file:
                file.write("\n".join(broken) + "\n")
            self.assertFalse(first_fit.verify(name))


if __name__ == "__main__":
    unittest.main()
