#!/usr/bin/env python3
"""A TLS connection on the loopback interface, captured from the host's mbedTLS; checked against what the buffers must be."""
import os
import subprocess
import tempfile
import unittest

import slots

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "capture", "tls", "capture_tls.sh")
RECORD_BUFFER = "calloc 1 16717 mbedtls"  # 16384 content + 320 overhead + 13 header; the host's library is symmetric


class Tls(unittest.TestCase):
    """One run for each key type."""

    def capture(self, *options: str) -> slots.Trace:
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "tls.trace")
            done = subprocess.run([SCRIPT, "-o", out, *options], capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(" bytes by TLS-", done.stdout)
            trace = slots.read(out)
        self.assertEqual(trace.header["origin"], ["captured"])
        self.assertEqual(trace.header["complete"], ["yes"])
        self.assertTrue(any("64-bit" in line for line in trace.header["source"]))
        shapes = trace.shapes()
        self.assertEqual([s for s in shapes if s.startswith("phase")],
                         ["phase wrap", "phase handshake", "phase transfer", "phase close"])
        wrap = shapes[shapes.index("phase wrap"):shapes.index("phase handshake")]
        self.assertEqual(wrap.count(RECORD_BUFFER), 2)
        self.assertEqual(shapes.count(RECORD_BUFFER), 2)
        self.assertEqual([words for words in trace.events if "mbedtls" in words and words[1] in trace.live], [])
        return trace

    def test_rsa(self) -> None:
        trace = self.capture()
        self.assertTrue(any("chain: rsa" in line and "without verification" in line for line in trace.header["source"]))
        self.assertGreater(len(trace.events), 5000)
        self.assertGreater(trace.peak, 2 * 16717)

    def test_ecdsa_with_verification_and_another_group(self) -> None:
        trace = self.capture("-k", "ecdsa", "-g", "P-256", "-c", "ECDHE-ECDSA-AES128-GCM-SHA256", "-v")
        self.assertTrue(any("chain: ecdsa" in line and "with verification" in line for line in trace.header["source"]))
        self.assertIn("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", trace.header["title"][0])

    def test_usage(self) -> None:
        done = subprocess.run([SCRIPT, "-k", "dsa"], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
