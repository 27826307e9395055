#!/usr/bin/env python3
"""How often each published statement still holds when the model's choices vary.

    sensitivity.py [--variants 300] [--alone 100] [--seed 8940] [--jobs 2]
    sensitivity.py --undone        # instead: what heapsim finds with each choice undone

Draws every number evenly from its range in parameters.toml, and the order of blocks where it is a
guess: first each group of choices alone, then all together. Every variant runs through heapsim.
"""
from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import parameters
from parameters import Parameters
from statements import STATEMENTS, results_of

TITLES = {
    "sizes": "sizes and counts",
    "order": "order in a phase",
    "driver": "driver's header",
    "window": "full window",
    "session": "driver's session",
    "background": "frames of others",
}


def one_interface(p: Parameters) -> None:
    for block in p.phases["netif"].blocks:
        block.count //= 2


def plain_frames(p: Parameters) -> None:
    p.rx_header = p.tx_header = 0


def as_captured(p: Parameters) -> None:
    p.window = 1


def no_session(p: Parameters) -> None:
    p.session = 0


def no_foreign_frames(p: Parameters) -> None:
    p.background = (0, 0)


UNDONE: dict[str, Callable[[Parameters], None]] = {
    "one interface": one_interface,
    "frames without header": plain_frames,
    "reader as fast as captured": as_captured,
    "no session": no_session,
    "no frames of others": no_foreign_frames,
}


def found_without(choice: str) -> list[str]:
    """What heapsim finds for each statement with one choice undone."""
    changed = parameters.load()
    UNDONE[choice](changed)
    results = results_of(changed)
    return [s.found(results[s.trace, s.policy]) for s in STATEMENTS]


def print_undone(pool: ProcessPoolExecutor) -> None:
    columns = list(pool.map(found_without, UNDONE))
    print("| statement | published | " + " | ".join(UNDONE) + " |")
    print("|---|---|" + "---|" * len(UNDONE))
    for i, s in enumerate(STATEMENTS):
        cells = ["=" if column[i] == s.published else column[i] for column in columns]
        print(f"| {s.text} | {s.published} | " + " | ".join(cells) + " |")


def holding(seed: str, groups: tuple[str, ...]) -> list[bool]:
    """One variant: which statements hold."""
    results = results_of(parameters.load(random.Random(seed), groups))
    return [s.holds(results) for s in STATEMENTS]


def shares(
    pool: ProcessPoolExecutor, seed: int, groups: tuple[str, ...], count: int
) -> list[float]:
    seeds = [f"{seed} {'+'.join(groups)} {i}" for i in range(count)]
    held = list(pool.map(holding, seeds, [groups] * count))
    return [100 * sum(column) / count for column in zip(*held)]


def print_shares(pool: ProcessPoolExecutor, options: argparse.Namespace) -> None:
    columns = {
        title: shares(pool, options.seed, (group,), options.alone)
        for group, title in TITLES.items()
    }
    columns["all together"] = shares(pool, options.seed, parameters.GROUPS, options.variants)
    print("| holds in % of the variants | published | " + " | ".join(columns) + " |")
    print("|---|---|" + "---:|" * len(columns))
    for i, statement in enumerate(STATEMENTS):
        cells = " | ".join(f"{column[i]:.0f}" for column in columns.values())
        print(f"| {statement.text} | {statement.published} | {cells} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", type=int, default=300, help="of all choices together")
    parser.add_argument("--alone", type=int, default=100, help="of each group alone")
    parser.add_argument("--seed", type=int, default=8940)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--undone", action="store_true", help="undo each choice instead")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        if options.undone:
            print_undone(pool)
        else:
            print_shares(pool, options)


if __name__ == "__main__":
    main()
