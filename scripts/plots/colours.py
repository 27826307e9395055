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


def hue(name: str) -> str:
    """The hue of an owner, whoever else is in the picture."""
    if name in TABLE["fixed"]:
        return str(TABLE["fixed"][name])
    for known, index in TABLE["owners"].items():
        if name == known or name.startswith((f"{known}-", f"{known}_", f"{known}:")):
            return str(TABLE["hues"][index])
    return str(TABLE["hues"][_hash(name) % len(TABLE["hues"])])


def rgb(colour: str) -> tuple[int, int, int]:
    """#rrggbb as numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def style(names: list[str]) -> dict[str, str]:
    """A colour for each name: its hue, darker or lighter where two of the names share one."""
    used: dict[str, int] = {}
    colours = {}
    for name in sorted(set(names)):
        base = hue(name)
        factor = _SHADES[used.get(base, 0) % len(_SHADES)]
        used[base] = used.get(base, 0) + 1
        if factor <= 1:
            parts = [round(part * factor) for part in rgb(base)]
        else:
            parts = [round(255 - (255 - part) * (2 - factor)) for part in rgb(base)]
        colours[name] = "#" + "".join(f"{part:02x}" for part in parts)
    return colours
