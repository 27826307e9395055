"""Every block of output in the top README is what the command prints today."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"<!-- run: heapsim (.*?) -->\n```\n(.*?)```", re.DOTALL)


def output(arguments: str) -> str:
    """What the command prints."""
    command = [os.environ["HEAPSIM"], *arguments.split()]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout


class Readme(unittest.TestCase):
    def test_outputs_are_real(self) -> None:
        blocks = BLOCK.findall(README.read_text())
        self.assertGreater(len(blocks), 0)
        for arguments, shown in blocks:
            self.assertEqual(shown, output(arguments), f"run: heapsim {arguments}")

    def test_links_lead_somewhere(self) -> None:
        for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
            self.assertTrue((ROOT / target).exists(), target)


def update() -> None:
    """Writes today's output into the README."""
    text = BLOCK.sub(lambda m: f"<!-- run: heapsim {m[1]} -->\n```\n{output(m[1])}```", README.read_text())
    README.write_text(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
