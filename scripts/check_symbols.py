#!/usr/bin/env python3
"""check_symbols.py NM ARCHIVE [HELPER ...]: what sim/device asks of whoever links it is memcpy,
memmove, memset and the named helpers of the compiler, and every name that it gives away is its own.
Exit status 1 otherwise."""
from __future__ import annotations

import subprocess
import sys

MEMORY = {"memcpy", "memmove", "memset"}


def main() -> int:
    nm, archive, helpers = sys.argv[1], sys.argv[2], set(sys.argv[3:])
    lines = subprocess.run([nm, "-g", archive], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    words = [line.split() for line in lines]
    undefined = {w[1] for w in words if len(w) == 2 and w[0] == "U"}
    defined = {w[2] for w in words if len(w) == 3}
    missing = undefined - defined - MEMORY - helpers
    foreign = {name for name in defined if not name.startswith("hs_")}
    data = {w[2] for w in words if len(w) == 3 and w[1] in "DdBbC"}
    for name in sorted(missing):
        print(f"{archive}: {name} is asked for and not defined")
    for name in sorted(foreign):
        print(f"{archive}: {name} is defined and does not begin with hs_")
    for name in sorted(data):
        print(f"{archive}: {name} is a variable, expected none")
    unused = helpers - undefined
    for name in sorted(unused):
        print(f"{archive}: {name} is allowed but not asked for")
    print(f"asked for: {' '.join(sorted(undefined - defined))}")
    return 1 if missing or foreign or data or unused or not defined else 0


if __name__ == "__main__":
    sys.exit(main())
