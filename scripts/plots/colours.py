"""Owners' colours: those of the HTML page (sim/page/colours.json)."""

import json
from pathlib import Path

_FILE = Path(__file__).resolve().parents[2] / "sim" / "page" / "colours.json"
TABLE = json.loads(_FILE.read_text(encoding="utf-8"))
FAILURE: str = TABLE["failure"]
# Lines of figures: the page's time line has the same.
FREE, LARGEST, GC_USED, GC_TOTAL = "#0072b2", "#d55e00", "#009e73", "#7a5195"
_SHADES = (1.0, 0.68, 1.35, 0.5, 1.6)


def _hash(name: str) -> int:
    """FNV-1a, as sim/page/src/colours.js has it."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def _known(name: str) -> str:
    """The owner of the table that `name` is or begins with; empty when none."""
    return next((k for k in TABLE["owners"] if name == k or name.startswith((f"{k}-", f"{k}_", f"{k}:"))), "")


def place(name: str) -> tuple[str, int]:
    """Hue and variant of an owner, of its name alone."""
    known = _known(name)
    free = _hash(name) >> 8
    if name == known:
        index, variant = TABLE["owners"][known]
    elif known:
        index, variant = TABLE["owners"][known][0], 1 + free % (len(_SHADES) - 1)
    else:
        index, variant = _hash(name) % len(TABLE["hues"]), free % len(_SHADES)
    return TABLE["hues"][index], variant


def rgb(colour: str) -> tuple[int, int, int]:
    """#rrggbb as numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _shade(base: str, factor: float) -> str:
    if factor <= 1:
        parts = [round(part * factor) for part in rgb(base)]
    else:
        parts = [round(255 - (255 - part) * (2 - factor)) for part in rgb(base)]
    return "#" + "".join(f"{part:02x}" for part in parts)


def style(names: list[str]) -> dict[str, str]:
    """A colour for each name: of the name alone, but where two of these names would get the same one."""
    taken: set[tuple[str, int]] = set()
    colours = {}
    for name in sorted(set(names), key=lambda n: (n not in TABLE["owners"], n)):
        if name in TABLE["fixed"]:
            colours[name] = str(TABLE["fixed"][name])
            continue
        base, variant = place(name)
        for step in range(len(_SHADES)):
            if (base, (variant + step) % len(_SHADES)) not in taken:
                variant = (variant + step) % len(_SHADES)
                break
        taken.add((base, variant))
        colours[name] = _shade(base, _SHADES[variant])
    return colours
