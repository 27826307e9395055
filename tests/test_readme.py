"""Every block of output in the READMEs is what the command prints today."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", ROOT / "sim" / "README.md"]
BLOCK = re.compile(r"<!-- run: heapsim (.*?)(?:, first (\d+) lines)? -->\n```\n(.*?)```", re.DOTALL)


def output(arguments: str, lines: str | None) -> str:
    """What the command prints, or so many lines of it."""
    command = [os.environ["HEAPSIM"], *arguments.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return "".join(done.stdout.splitlines(keepends=True)[:int(lines) if lines else None])


class Readme(unittest.TestCase):
    def test_outputs_are_real(self) -> None:
        for readme in READMES:
            blocks = BLOCK.findall(readme.read_text())
            self.assertGreater(len(blocks), 0)
            for arguments, lines, shown in blocks:
                self.assertEqual(shown, output(arguments, lines), f"run: heapsim {arguments}; test_readme.py --update")

    def test_links_lead_somewhere(self) -> None:
        for readme in READMES:
            for target in re.findall(r"\]\(([^)#:]+)\)", readme.read_text()):
                self.assertTrue((readme.parent / target).exists(), target)


def update() -> None:
    """Writes today's output into the READMEs."""
    for readme in READMES:
        text = BLOCK.sub(lambda m: m[0][:m.start(3) - m.start()] + output(m[1], m[2]) + "```",
                         readme.read_text())
        readme.write_text(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
