"""The modelled traces are what their parameters give, and issue 8940's figures come out of them.

Prints the table published / heapsim / difference; fails when a figure differs.
"""
import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).resolve().parents[1] / "scripts" / "model"


def run(*arguments: str) -> int:
    return subprocess.run([sys.executable, *arguments], cwd=MODEL, check=False).returncode


def main() -> int:
    stale = run("model.py", "--check")
    sys.stdout.flush()
    return stale or run("calibration.py")


if __name__ == "__main__":
    sys.exit(main())
