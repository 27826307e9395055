"""gnuplot as the engine: terminals, quoting, files that appear whole or not at all."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FONT = "DejaVu Sans,11"
_TERMINALS = {
    ".png": "pngcairo size {w},{h} font '{font}' background '#ffffff'",
    ".svg": "svg size {w},{h} font '{font}' fontscale 1.33 background '#ffffff' standalone",
    ".pdf": "pdfcairo size {wi}in,{hi}in font '{font}' background '#ffffff'",
}
STYLE = """
set encoding utf8
set border 3 lc rgb '#5b6470'
set tics nomirror out scale 0.6 textcolor rgb '#333333'
set grid ytics lc rgb '#e2e5ea' lt 1 lw 1
set key top right reverse Left textcolor rgb '#333333' samplen 2 spacing 1.15 width 2
set title font ',12'
set rmargin 5
set style textbox opaque noborder fillcolor rgb '#ffffff' margins 0.6,0.3
"""


def stop(text: str) -> None:
    """Ends the program as bad usage or bad input."""
    print(f"plot.py: {text}", file=sys.stderr)
    raise SystemExit(2)


def quote(text: str) -> str:
    """Text as a gnuplot string that nothing inside is special in."""
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return "'" + clean.replace("'", "\u2019") + "'"


def quote_lines(lines: list[str]) -> str:
    """The same for several lines, as an expression."""
    return "(" + " . \"\\n\" . ".join(quote(line) for line in lines) + ")"


def draw(script: str, out: Path, width: int, height: int) -> None:
    """Runs `script` for the file `out`; its suffix picks the terminal."""
    terminal = _TERMINALS.get(out.suffix)
    if terminal is None:
        stop(f"found {out.name}, expected a name that ends in .png, .svg or .pdf")
        return
    terminal = terminal.format(w=width, h=height, wi=width / 96, hi=height / 96, font=FONT)
    part = out.with_name(f".{out.name}.{os.getpid()}{out.suffix}")
    text = f"set terminal {terminal} noenhanced\nset output {quote(str(part))}\n{STYLE}\n{script}\n"
    try:
        done = subprocess.run(["gnuplot", "-"], input=text, text=True, capture_output=True, check=False)
    except FileNotFoundError:
        stop("gnuplot is not installed (package gnuplot-nox)")
        return
    if done.returncode != 0 or not part.exists():
        part.unlink(missing_ok=True)
        stop(f"gnuplot failed: {done.stderr.strip()}")
    os.replace(part, out)


def block(name: str, rows: Sequence[tuple[object, ...]]) -> str:
    """An inline data block; None is a gap."""
    lines = ("\t".join("NaN" if v is None else str(v) for v in row) for row in rows)
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"
