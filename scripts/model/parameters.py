"""Reads parameters.toml; draws a variant of it within the stated uncertainties."""
from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CAPS = {"internal": "internal,8bit", "dma": "dma,internal,8bit", "malloc": ""}
GROUPS = ("sizes", "order", "driver", "window", "session", "background")


@dataclass
class Block:
    """Some blocks of one size. caps "": those of the owner."""

    name: str
    size: int
    count: int
    caps: str
    until: str
    source: str
    outside: bool  # not part of the phase's published total


@dataclass
class Phase:
    title: str
    blocks: list[Block]  # in the order in which they are allocated


@dataclass
class Parameters:
    phases: dict[str, Phase]
    rx_header: int
    tx_header: int
    window: int  # frames that may wait at once
    session: int  # bytes that the driver holds while connections carry data
    background: tuple[int, int]  # number and length of the foreign frames
    region: tuple[int, int, str]


class Drawer:
    """Gives each number: its value, or one drawn from its range when its group is varied."""

    def __init__(self, rng: random.Random | None, groups: tuple[str, ...]) -> None:
        self.rng = rng
        self.groups = groups

    def number(self, group: str, value: int, bounds: list[int] | None) -> int:
        if self.rng and bounds and group in self.groups:
            return self.rng.randint(bounds[0], bounds[1])
        return value

    def entry(self, group: str, table: dict) -> int:
        return self.number(group, table["value"], table.get("range"))

    def shuffled(self, blocks: list[Block]) -> list[Block]:
        if self.rng and "order" in self.groups:
            blocks = list(blocks)
            self.rng.shuffle(blocks)
        return blocks


def read_block(table: dict, until: str, draw: Drawer) -> Block:
    return Block(
        table["name"],
        draw.number("sizes", table["size"], table.get("size_range")),
        draw.number("sizes", table.get("count", 1), table.get("count_range")),
        CAPS[table.get("caps", "malloc")],
        table.get("until", until),
        table["source"],
        table.get("outside", False),
    )


def remainder(table: dict, blocks: list[Block], until: str, draw: Drawer) -> list[Block]:
    """What the listed blocks leave of the published total, in equal pieces and a last one."""
    listed = sum(b.size * b.count for b in blocks if not b.outside)
    rest = draw.entry("sizes", table["total"]) - listed
    piece = draw.entry("sizes", table["piece"])
    name = "part of what the published total leaves"
    sizes = [piece] * (rest // piece) + ([rest % piece] if rest % piece >= 12 else [])
    return [Block(name, s, 1, "", until, table["piece"]["source"], False) for s in sizes]


def read_phase(table: dict, draw: Drawer) -> Phase:
    until = table.get("until", "forever")
    blocks = [read_block(block, until, draw) for block in table["block"]]
    if "total" in table:
        blocks += remainder(table, blocks, until, draw)
    if table.get("shuffle"):
        blocks = draw.shuffled(blocks)
    return Phase(table["title"], blocks)


def load(rng: random.Random | None = None, groups: tuple[str, ...] = GROUPS) -> Parameters:
    """The parameters as they are; with `rng`, one variant: the named groups drawn anew."""
    with open(HERE / "parameters.toml", "rb") as file:
        tables = tomllib.load(file)
    draw = Drawer(rng, groups)
    return Parameters(
        {name: read_phase(table, draw) for name, table in tables["phase"].items()},
        draw.entry("driver", tables["driver"]["rx_header"]),
        draw.entry("driver", tables["driver"]["tx_header"]),
        draw.entry("window", tables["window"]["frames"]),
        draw.entry("session", tables["session"]["size"]),
        (
            draw.entry("background", tables["background"]["frames"]),
            draw.entry("background", tables["background"]["size"]),
        ),
        (tables["bt_region"]["start"], tables["bt_region"]["size"], tables["bt_region"]["type"]),
    )
