"""A small board and commands for the tests of faults: each with inputs of its own, all outputs in its folder."""
import pathlib
import subprocess
import tempfile

from fault_runner import HEAPSIM

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOARD = """name: board
title: one region
chip: esp32
policy: small.yaml
idf: v4.4
source: [made for this test]
regions:
  - {start: 0x3ffb0000, size: 65536, type: DRAM}
boot: {fresh: true}
"""
POLICY = """name: small
title: 8 KiB, never more
release: none
reason: small
source: [made for this test]
gc: {version: v1.22, initial: 8K, grow: never}
"""
TRACE = """heapsim-trace 1
title a short one
origin modelled
source made for this test
owner a idf
owner b idf caps=dma
owner py gc
phase one
alloc 1 100 a
calloc 2 10 10 b
aligned 3 64 100 a
alloc 10 64 py
alloc 11 64 py
link 10 0 11
realloc 1 4000
collect
mark middle
free 2
drop 10
phase two
alloc 2 60000 a
alloc 4000000000 20 a
time 1000
"""
RECORDED = "heapsim-trace 1\nowner a idf\nalloc 1 16 a @0x3ffb2660\nalloc 2 16 a @0x3ffb2674\n"
SCENARIO = """name: scenario
title: two sizes
layout: board.yaml
policy: small.yaml
set: {gc.initial: [8K, 9K]}
steps:
  - {trace: t.trace}
expect:
  - {cells: "*", outcome: failed}
"""
RUN = ["run", "--layout", "board.yaml", "--trace", "t.trace"]
GRID = ["--threads", "1", "--layout", "board.yaml", "--trace", "t.trace"]
CASES = {
    "run": [*RUN, "--map", "--mem-info", "--heap-info"],
    "run --json": [*RUN, "--json", "o.json"],
    "run --csv": [*RUN, "--csv", "o.csv.gz", "--addresses", "o.txt.zst"],
    "run --html": [*RUN, "--html", "o.html"],
    "run --blocks": [*RUN, "--blocks", "o.csv"],
    "run --perfetto": [*RUN, "--perfetto", "o.json", "--massif", "o.massif"],
    "explain": ["explain", "--layout", "board.yaml", "--trace", "t.trace", "--json", "o.json"],
    "compare": ["compare", *GRID, "--set", "gc.initial=8K,9K", "--json", "o.json", "--csv", "o.csv",
                "--markdown", "o.md"],
    "compare --html": ["compare", *GRID, "--html", "o.html"],
    "check": ["check", "--threads", "1", "scenario.yaml", "--junit", "o.xml"],
    "check --update": ["check", "--threads", "1", "scenario.yaml", "--baseline", "o.json", "--update"],
    "search": ["search", *GRID, "--largest", "gc.initial=1K..3K", "--require", "python_free>=1K", "--json", "o.json"],
    "merge": ["merge", "part1.json", "part2.json", "--json", "o.json"],
    "verify": ["verify", "--layout", "board.yaml", "--trace", "recorded.trace"],
    "import, layout": ["trace", "import", "boot.log", "-o", "o.yaml"],
    "import, trace": ["trace", "import", "capture.log", "-o", "o.trace"],
    "convert": ["trace", "convert", "t.trace", "o.hsb.zst"],
    "convert back": ["trace", "convert", "t.hsb", "o.trace.gz"],
    "info": ["trace", "info", "t.trace", "--json", "o.json"],
    "slice": ["trace", "slice", "--phase", "two", "--drop-live", "t.trace", "o.trace"],
    "anonymise": ["trace", "anonymise", "t.trace", "o.trace"],
    "minimise": ["trace", "minimise", "--layout", "board.yaml", "--tests", "20", "t.trace", "-o", "o.trace"],
    "list": ["list", "scenarios"],
}


def make_inputs() -> dict[str, bytes]:
    """The files that the commands read."""
    texts = {"board.yaml": BOARD, "small.yaml": POLICY, "t.trace": TRACE, "recorded.trace": RECORDED,
             "scenario.yaml": SCENARIO}
    for name, log in (("boot.log", "boot_only.log"), ("capture.log", "capture.log")):
        texts[name] = (ROOT / "tests/import" / log).read_text()
    files = {name: text.encode() for name, text in texts.items()}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            pathlib.Path(folder, name).write_bytes(data)
        subprocess.run([HEAPSIM, "trace", "convert", "t.trace", "t.hsb"], cwd=folder, check=True)
        for k in ("1", "2"):
            subprocess.run([HEAPSIM, "compare", "--layout", "board.yaml", "--trace", "t.trace", "--set",
                            "gc.initial=8K,9K", "--shard", f"{k}/2", "--json", f"part{k}.json"], cwd=folder,
                           check=True, capture_output=True)
        for name in ("t.hsb", "part1.json", "part2.json"):
            files[name] = pathlib.Path(folder, name).read_bytes()
    return files
