#!/usr/bin/env python3
"""Boards print their heaps (heap_caps_dump, heap_caps_print_heap_info), as golden_idf prints them for
the golden vectors; the log is dirtied with other lines, colours and CR; `heapsim trace import` must
give a layout in which every free block lies where the board had it, and every sum is the same."""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from golden_idf_vectors import vectors  # noqa: E402

HERE = Path(__file__).parent
HEAPSIM = os.environ["HEAPSIM"]
GOLDEN_IDF = os.environ["GOLDEN_IDF"]
ASKS = re.compile(r"[idckpq]( |$)")
TRACE = "heapsim-trace 1\norigin modelled\nsource nothing happens\nowner nobody idf\nmark here\n"


def board_states():
    """Name, target and script of each board worth printing: regions as the firmware registers them."""
    for vector in vectors(HERE / "golden" / "idf"):
        lines = vector.script.decode().split("\n")
        if "init" not in lines:
            continue
        random = len(lines) > 1000
        for cut in (400, 3000) if random else (len(lines),):
            steps = [line for line in lines[:cut] if line and not ASKS.match(line)]
            yield f"{vector.name}-{vector.target}-{cut}", vector.target, steps


def print_board(target, steps):
    """What the board prints, and its free blocks. None: it crashed, or has no heap to print."""
    script = "\n".join(steps + ["d", "q INTERNAL", "p INTERNAL"]) + "\n"
    ran = subprocess.run([GOLDEN_IDF, target], input=script, capture_output=True, text=True)
    if ran.returncode != 0 or "Showing data" not in ran.stdout:
        return None
    blocks, printed = ran.stdout[:ran.stdout.index("Showing data")], ran.stdout
    dump, _, info = printed[len(blocks):].partition("Heap summary")
    return dump, "Heap summary" + info, free_blocks(blocks)


def free_blocks(listing):
    """Start of the heap, address, size."""
    heap, found = 0, []
    for line in listing.split("\n"):
        words = line.split()
        if line.startswith("d heap"):
            heap = int(words[2], 16)
        elif line.startswith("d 0x") and words[3] == "free":
            found.append((heap, int(words[1], 16), int(words[2])))
    return sorted(found)


def dirty(text):
    out = []
    for number, line in enumerate(text.split("\n")):
        if number % 5 == 2:
            out.append(f"\x1b[0;32mI ({number}) wifi:state: run -> init (0)\x1b[0m")
        out.append(f"\x1b[0;33m{line}\x1b[0m" if number % 3 == 1 else line)
    return "\r\n".join(out)


def heads(target):
    release = target.split("-")[0]
    release = "v6.0" if release == "master" else release
    chip = re.search(r"esp32\w*", target)[0]
    return f"ESP-ROM:{chip}\nI (29) boot: ESP-IDF {release} 2nd stage bootloader\n"


def imported(folder, log):
    (folder / "board.log").write_text(log, newline="")
    done = subprocess.run([HEAPSIM, "trace", "import", folder / "board.log", "-o",
                           folder / "board.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([HEAPSIM, "run", "--layout", folder / "board.yaml", "--trace",
                           folder / "nothing.trace", "--json", folder / "run.json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "run.json").read_text())["marks"][0]["idf"]["regions"]


def sums(info):
    """start -> free, largest free block, as printed."""
    found = re.findall(r"At (0x\w+) len \d+ free (\d+) .*\n +largest_free_block (\d+)", info)
    return {int(start, 16): (int(free), int(largest)) for start, free, largest in found}


def check_board(folder, name, target, steps):
    board = print_board(target, steps)
    if board is None:
        return False
    dump, info, free = board
    for log in (info + dump, heads(target) + dump):
        regions = imported(folder, dirty(log))
        here = [region["start"] for region in regions]
        want = [block for block in free if block[0] in here]
        got = sorted((r["start"], b["start"], b["size"]) for r in regions for b in r["blocks"])
        assert got == want, f"{name}: blocks {got}, expected {want}"
    printed = sums(info)
    for region in imported(folder, dirty(heads(target) + info)):
        got = (region["free"], region["largest_free_block"])
        want = printed[region["start"]]
        assert got == want, f"{name}: region 0x{region['start']:08x} {got}, expected {want}"
    return True


def main():
    checked = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "nothing.trace").write_text(TRACE)
        for name, target, steps in board_states():
            checked += check_board(folder, name, target, steps)
    assert checked > 50, f"only {checked} boards"
    print(f"{checked} boards built again from what they print")


if __name__ == "__main__":
    main()
