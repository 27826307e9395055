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
# Copies, rounds and parts: what a grid copies and samples on its way; expectations of every kind, met and not.
ROUND = """heapsim-trace 1
owner py gc
owner a idf
phase round
alloc 1 1000 py
alloc 2 2000 py
alloc 3 1000 py
alloc 4 64 a
alloc 4000000000 48 py
link 1 0 2
drop 2
mark middle
drop 3
realloc 1 1500
free 4
"""
ROUNDS = """name: rounds
title: copies and rounds
layout: [board.yaml]
policy: [small.yaml]
values: {first: [r.trace, none]}
seeds: 2
marks: [middle]
steps:
  - {trace: t.trace, until: two, rest: free}
  - {trace: $first, at: "*", cycle: first}
  - {together: [r.trace], copies: 2, seed: $seed}
  - {repeat: 9, cycle: round, steps: [{trace: r.trace, rest: free}]}
  - {mark: middle}
expect:
  - cells: "*"
    statement: "[chosen] both kinds"
    outcome: failed
    class: exhausted
    metrics:
      - {metric: idf.free_blocks, at: middle, at_least: 1, at_most: 1}
      - {metric: gc.total, at: nowhere, equal: 7}
"""
# Python's heap is full: there are pins, holes, and cures to try.
FULL = """heapsim-trace 1
owner py gc
phase start
alloc 1 1000 py
alloc 2 2000 py
alloc 3 1000 py
link 1 0 2
alloc 4 48 py
drop 3
drop 2
phase full
alloc 5 5000 py
"""
# The collector alone, as a device recorded it.
ALONE = """heapsim-trace 1
owner mp gc
area 0x3ffb0000 57344
alloc 0 24 mp @0x3ffb0540
alloc 1 8 mp @0x3ffb0560
alloc 2 28 mp @0x3ffb0570
alloc 3 1 mp @0x3ffb0590
alloc 4 16 mp @0x3ffb05b0
"""
# A board whose blocks have owners.
NAMED = """name: named
title: named blocks
chip: esp32
policy: small.yaml
idf: v4.4.4
source: [made for this test]
regions:
  - {start: 0x3ffe0440, size: 15072, type: DIRAM}
  - {start: 0x3ffe4350, size: 113840, type: DIRAM}
boot:
  blocks:
    - {start: 0x3ffe05e4, size: 252, owner: one}
    - {start: 0x3ffe0ad0, size: 64, owner: two}
    - {start: 0x3ffe46bc, size: 57344, owner: one}
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
IMPORTS = {path.stem: ".trace" if path.read_bytes().startswith(b"heapsim-trace") else ".yaml"
           for path in sorted((ROOT / "tests/import").glob("*.expected"))}
# Commands that have allocations of their own; what they do with files is what those above do.
MORE = CASES | {
    "run, named": ["run", "--layout", "named.yaml", "--trace", "r.trace", "--blocks", "o.csv", "--html", "o.html"],
    "explain, Python": ["explain", "--layout", "board.yaml", "--trace", "full.trace"],
    "explain, named": ["explain", "--layout", "named.yaml", "--trace", "t.trace"],
    "compare, rounds": ["compare", "--threads", "1", "--scenario", "rounds.yaml", "--rounds", "o.csv", "--markdown",
                        "o.md"],
    "compare, cell": ["compare", "--threads", "1", "--cell", "board/small/t"],
    "check, rounds": ["check", "--threads", "1", "rounds.yaml", "--annotations"],
    "check, differs": ["check", "--threads", "1", "scenario.yaml", "--baseline", "part1.json"],
    "search, marks": ["search", "--threads", "1", "--scenario", "rounds.yaml", "--smallest", "gc.initial=8K..12K"],
    "export": ["trace", "export", "t.trace", "-o", "o.heaptrack"],
    "slice, binary": ["trace", "slice", "--events", "5..9", "--owner", "a", "t.hsb", "o.hsb"],
    "verify, collector": ["verify", "--trace", "alone.trace"],
    "list layouts": ["list", "layouts"], "list policies": ["list", "policies"], "list traces": ["list", "traces"],
    **{f"import {name}": ["trace", "import", name + ".log", "-o", "o" + form] for name, form in IMPORTS.items()},
}


def make_inputs() -> dict[str, bytes]:
    """The files that the commands read."""
    texts = {"board.yaml": BOARD, "small.yaml": POLICY, "t.trace": TRACE, "recorded.trace": RECORDED,
             "scenario.yaml": SCENARIO, "r.trace": ROUND, "rounds.yaml": ROUNDS, "full.trace": FULL,
             "alone.trace": ALONE, "named.yaml": NAMED}
    for name, log in (("boot.log", "boot_only.log"), *((f"{name}.log", f"{name}.log") for name in IMPORTS)):
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
