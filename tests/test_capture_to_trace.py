#!/usr/bin/env python3
"""The converter of captured sequences, run as a user runs it."""
import pathlib
import subprocess
import sys
import unittest

SCRIPT = pathlib.Path(__file__).parent.parent / "scripts" / "capture_to_trace.py"


def run(capture: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the script with the capture on stdin."""
    command = [sys.executable, str(SCRIPT), "-", "--title", "T", *options]
    return subprocess.run(command, input=capture, capture_output=True, text=True, check=False)


class Converter(unittest.TestCase):
    """One picture per property."""

    def test_owners_phases_and_estimates(self) -> None:
        """Owners follow from tags; an estimated size says so."""
        done = run(
            "# phase open live=0\n+ 1 84 rtos_queue<lwip_protect_mutex\n"
            "+ 2 16 memp_malloc<sys_timeout_abs<sys_timeout\n# state 3 live=100\n"
            "+ 3 350 wifi_tx_dyn(est:frame)\n- 2\n+ 4 16717 ssl_setup\n# phase end live=0\n",
            "--source",
            "S",
        )
        self.assertEqual(done.stderr, "")
        self.assertEqual(
            done.stdout,
            "heapsim-trace 1\ntitle   T\norigin  captured\nsource  S\ncomplete yes\n"
            "owner   wifi idf\nowner   rtos idf caps=internal,8bit\nowner   lwip idf\n"
            "owner   mbedtls idf caps=internal,8bit\n"
            "phase open\nalloc 1 84 rtos # rtos_queue<lwip_protect_mutex\n"
            "alloc 2 16 lwip # memp_malloc<sys_timeout_abs<sys_timeout\n# state 3\n"
            "alloc 3 350 wifi caps=dma # wifi_tx_dyn; estimated: size of the frame\nfree 2\n"
            "alloc 4 16717 mbedtls # ssl_setup\n",
        )

    def test_tags_left_out_but_not_the_estimate(self) -> None:
        """--no-tags keeps what marks a number as estimated."""
        done = run("+ 1 9 ssl_setup\n+ 2 42 wifi_rx_dyn(est:frame)\n", "--no-tags")
        self.assertIn("alloc 1 9 mbedtls\n", done.stdout)
        self.assertIn("alloc 2 42 wifi # wifi_rx_dyn; estimated: size of the frame\n", done.stdout)

    def test_bad_input_is_told(self) -> None:
        """Line, found, expected; status 2 and no output."""
        for capture, message in (
            ("+ 1 9 ssl_setup\n+ 1 9 ssl_setup\n", "-:2: found 1 allocated twice"),
            ("- 7\n", "-:1: found a free of 7"),
            ("+ 1 9 strange\n", "-:1: found tag 'strange'"),
            ("hello\n", "-:1: found 'hello'"),
            ("+ x 9 ssl_setup\n", "-:1: invalid literal"),
        ):
            done = run(capture)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertTrue(done.stderr.startswith(message), done.stderr)

    def test_phases_cut_out(self) -> None:
        """What was live before the phases is left out with its frees."""
        done = run(
            "# phase a live=0\n+ 1 9 ssl_setup\n# phase b live=9\n+ 2 8 ssl_setup\n- 1\n"
            "# phase c live=8\n- 2\n+ 3 7 ssl_setup\n# phase d live=7\n- 3\n",
            "--phases",
            "b..c",
            "--no-tags",
        )
        events = "phase b\nalloc 2 8 mbedtls\nphase c\nfree 2\nalloc 3 7 mbedtls\n"
        self.assertTrue(done.stdout.endswith("idf caps=internal,8bit\n" + events), done.stdout)

    def test_unknown_tags_may_have_an_owner(self) -> None:
        """A stripped binary's tags go where the user says."""
        self.assertIn("alloc 1 9 mbedtls #", run("+ 1 9 .L86\n", "--otherwise", "mbedtls").stdout)


if __name__ == "__main__":
    unittest.main()
