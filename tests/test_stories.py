"""What people come with, as commands: each story gives an answer that can be acted on."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

HEAPSIM = os.path.abspath(os.environ["HEAPSIM"])
BOOT = """I (29) boot: ESP-IDF {idf} 2nd stage bootloader
I (335) cpu_start: App version:      v1.19.1
I (341) cpu_start: ESP-IDF:          {idf}
I (344) heap_init: Initializing. RAM available for dynamic allocation:
I (357) heap_init: At 3FFB6388 len 00001C78 (7 KiB): DRAM
I (363) heap_init: At 3FFB9A20 len 00004108 (16 KiB): DRAM
I (370) heap_init: At 3FFC9BA8 len 00016458 (89 KiB): DRAM
I (376) heap_init: At 3FFE0440 len 00003AE0 (14 KiB): D/IRAM
I (382) heap_init: At 3FFE4350 len 0001BCB0 (111 KiB): D/IRAM
I (395) spi_flash: detected chip: generic
MicroPython v1.19.1 on 2022-06-18; ESP32 module with ESP32
"""


class Stories(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)

    def tearDown(self) -> None:
        self.folder.cleanup()

    def run_it(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([HEAPSIM, *words], capture_output=True, text=True, check=False,
                              cwd=self.path)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def serial_log(self) -> str:
        """What a pico-d4 would print when the buffer of a second TLS socket does not fit. The
        simulator is the board, so that the import has a state to be compared with."""
        self.write("two.trace", "heapsim-trace 1\nowner mbedtls idf caps=8bit,internal\n"
                   "alloc 1 16717 mbedtls\nalloc 2 16717 mbedtls\n")
        state = self.run_it("--layout", "pico-d4", "--trace", "wifi-connect", "--trace", "two.trace",
                            "--on-oom", "stop", "--heap-info", "--mem-info", status=1).stdout
        return (BOOT.format(idf="v4.4") + state[state.index("Heap summary"):] +
                "E (10234) esp-tls-mbedtls: Failed to allocate 16717 bytes\n")

    def test_1_https_fails_though_much_is_free(self) -> None:
        self.write("serial.log", self.serial_log())
        told = self.run_it("trace", "import", "serial.log", "-o", "asis.yaml").stderr
        self.assertIn("import with --policy NAME", told)
        run = self.run_it("run", "--layout", "asis.yaml", "--trace", "https", status=1).stdout
        self.assertRegex(run, "FAILED  mbedtls wanted 16717 bytes of the IDF heap")
        asis = self.run_it("explain", "--layout", "asis.yaml", "--trace", "https", status=1).stdout
        self.assertRegex(asis, r"110592 bytes in 1 block  gc-heap")
        self.assertIn("heapsim trace import --policy", asis)

        self.run_it("trace", "import", "--policy", "micropython-v1.19", "serial.log", "-o", "board.yaml")
        told = self.run_it("explain", "--layout", "board.yaml", "--trace", "https", status=1).stdout
        self.assertRegex(told, r"\nfragmented: 16720 bytes are needed in one piece; \d+ are free")
        self.assertRegex(told, r"110592 bytes in 1 block  Python's heap")
        self.assertRegex(told, r"bytes in one piece, were it not for \d+ in \d+ block")
        found = re.search(r"gc.initial: (\d+)K, now 108K: the largest of those tried that passes", told)
        assert found is not None
        command = told[told.index("To see it:"):].split("\n")[1].split()
        self.assertEqual(command[0], "heapsim")
        self.assertIn(f"gc.initial={int(found[1]) * 1024}", command)
        for size, outcome in ((0, "completed"), (1024, "failed")):
            words = [*command[1:-1], f"gc.initial={int(found[1]) * 1024 + size}", "--json", "-"]
            cell = json.loads(self.run_it(*words).stdout)["cells"][0]
            self.assertEqual(cell["outcome"], outcome)

    def test_3_which_heap_size(self) -> None:
        words = ("search", "--scenario", "tls-and-ble", "--layout", "pico-d4", "--policy",
                 "fixed-48k", "--set", "n=2,9")
        told = self.run_it(*words, "--largest", "gc.initial=16K..108K").stdout
        found = re.search(r"radio=wifi-ble-no-return/n=2 on pico-d4 \(esp32, IDF v4.4\): (\d+)K with "
                          "fixed-48k\n", told)
        assert found is not None
        self.assertIn("radio=wifi-ble-no-return/n=9 on pico-d4 (esp32, IDF v4.4): none with fixed-48k\n",
                      told)
        for size, outcome in ((0, "completed"), (1, "failed")):
            cell = json.loads(self.run_it(
                "compare", "--json", "-", "--cell",
                f"pico-d4/fixed-48k/tls-and-ble/gc.initial={int(found[1]) + size}K/"
                "radio=wifi-ble-no-return/n=2").stdout)["cells"][0]
            self.assertEqual(cell["outcome"], outcome)

    def test_4_after_two_days(self) -> None:
        """A program that keeps 1000 bytes a day; the counters of v4.4 do not see the header of each block."""
        days = "".join(f"alloc {day} 1000 app\nmark day{day}\n" for day in range(20))
        self.write("leak.trace", "heapsim-trace 1\nowner app idf caps=8bit,internal\n" + days)
        words = ("compare", "--scenario", "program-rounds", "--policy", "micropython-v1.19", "--set",
                 "program=leak.trace")
        told = self.run_it(*words).stdout
        found = re.search(r"20 rounds; free memory falls \(median -1000.000 bytes a round, z -\d+.\d\); "
                          r"after round (\d+) no TLS socket fits\n", told)
        assert found is not None
        self.assertGreater(int(found[1]), 1)
        self.write("calm.trace", "heapsim-trace 1\nowner app idf caps=8bit,internal\n"
                   + "".join(f"alloc 1 1000 app\nmark day{day}\nfree 1\n" for day in range(20)))
        told = self.run_it(*words[:-1], "program=calm.trace").stdout
        self.assertIn("free memory does not drift (median 0.000 bytes a round, z 0.0); "
                      "a TLS socket fits after every round", told)

    def test_9_an_unknown_release(self) -> None:
        self.write("boot.log", BOOT.format(idf="v7.2"))
        told = self.run_it("trace", "import", "boot.log", "-o", "board.yaml").stderr
        self.assertRegex(told, r"heapsim does not know the log's v7.2 \(nearest: v\d.\d and master\)")
        layout = (self.path / "board.yaml").read_text()
        self.assertIn("there are no figures to tell it from", layout)
        self.run_it("run", "--layout", "board.yaml", "--trace", "http")
        self.write("board.yaml", re.sub("\nidf: .*\n", "\nidf: v5.9\n", layout))
        told = self.run_it("run", "--layout", "board.yaml", "--trace", "http", status=2).stderr
        self.assertIn("found IDF release 'v5.9', which heapsim does not know (nearest: v5.5.5 and v6.0)",
                      told)

    def test_10_a_file_for_a_report(self) -> None:
        self.run_it("trace", "minimise", "--layout", "pico-d4", "wifi-https", "-o", "small.trace")
        self.run_it("trace", "anonymise", "small.trace", "report.trace")
        results = [json.loads(self.run_it("--layout", "pico-d4", "--trace", name, "--json", "-",
                                          status=1).stdout)
                   for name in ("wifi-https", "small.trace", "report.trace")]
        self.assertLess(results[1]["traces"][0]["events"], results[0]["traces"][0]["events"] / 10)
        for key in ("class", "size"):
            self.assertEqual(len({r["failure"][key] for r in results}), 1)
        self.assertNotIn("wifi", (self.path / "report.trace").read_text())


if __name__ == "__main__":
    unittest.main()
