#!/usr/bin/env python3
"""golden_idf_vectors.py GOLDEN_IDF FOLDER: runs every vector under FOLDER (see its README.md)
through GOLDEN_IDF and compares what it prints, byte for byte. Exit status 1 on any difference."""
from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple


class Vector(NamedTuple):
    name: str
    target: str
    script: bytes
    expected: bytes


def edge_cases(path: Path) -> Iterator[Vector]:
    target = path.name.removesuffix(".cases.gz")
    for case in gzip.decompress(path.read_bytes()).split(b"== ")[1:]:
        name, _, rest = case.partition(b"\n")
        script, _, expected = rest.partition(b"--\n")
        yield Vector(name.decode(), target, script, expected)


def vectors(folder: Path) -> Iterator[Vector]:
    for path in sorted(folder.glob("edge/*.cases.gz")):
        yield from edge_cases(path)
    for path in sorted(folder.glob("random/*.in.gz")):
        name = path.name.removesuffix(".in.gz")
        yield Vector(name.split("__")[0], name.split("__")[1], gzip.decompress(path.read_bytes()),
                     gzip.decompress(path.with_name(name + ".out.gz").read_bytes()))


def first_difference(got: bytes, expected: bytes) -> str:
    for number, (a, b) in enumerate(zip(got.split(b"\n"), expected.split(b"\n")), 1):
        if a != b:
            return f"line {number}: got '{a.decode()}', expected '{b.decode()}'"
    return f"got {len(got)} bytes, expected {len(expected)}"


def main() -> int:
    program, folder = sys.argv[1], Path(sys.argv[2])
    total = equal = 0
    for vector in vectors(folder):
        total += 1
        result = subprocess.run([program, vector.target], input=vector.script,
                                stdout=subprocess.PIPE, check=False)
        if result.stdout == vector.expected and result.returncode == 0:
            equal += 1
        else:
            print(f"{vector.name} {vector.target}: exit status {result.returncode}, "
                  f"{first_difference(result.stdout, vector.expected)}")
    print(f"{equal} of {total} vectors equal")
    return 0 if equal == total > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
