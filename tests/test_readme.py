"""Every block of output in the READMEs is what the command prints today."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", ROOT / "sim" / "README.md"]
BLOCK = re.compile(r"<!-- run: heapsim (.*?) -->\n```\n(.*?)```", re.DOTALL)


def output(arguments: str) -> str:
    """What the command prints."""
    command = [os.environ["HEAPSIM"], *arguments.split()]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout


class Readme(unittest.TestCase):
    def test_outputs_are_real(self) -> None:
        for readme in READMES:
            blocks = BLOCK.findall(readme.read_text())
            self.assertGreater(len(blocks), 0)
            for arguments, shown in blocks:
                self.assertEqual(shown, output(arguments), f"run: heapsim {arguments}; test_readme.py --update")

    def test_links_lead_somewhere(self) -> None:
        for readme in READMES:
            for target in re.findall(r"\]\(([^)#:]+)\)", readme.read_text()):
                self.assertTrue((readme.parent / target).exists(), target)


def update() -> None:
    """Writes today's output into the READMEs."""
    for readme in READMES:
        text = BLOCK.sub(lambda m: f"<!-- run: heapsim {m[1]} -->\n```\n{output(m[1])}```", readme.read_text())
        readme.write_text(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
