"""What follows what where the store lies in order: one walk over arrays, nothing hashed.

These are the sums that :func:`cjlab.journey._states.shares` takes from the engine, and the
median waits; a test holds the two equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlab._numbers import Floats, Ints
from cjlab.clusters import clustered_share
from cjlab.journey._states import states
from cjlab.journey._stream import Rows, begins, in_order, over_units
from cjlab.journey.base import Journeys, microseconds

START, END = -1, -2
_UNSEEN = -1
# Pairs are counted in a field of all that may be: states squared.
_MOST_PAIRS = 1 << 16


def pairs(j: Journeys, level: str, ends: bool) -> pd.DataFrame | None:
    """Count transitions with their base, who made them, the share's limits and the median wait.

    Parameters
    ----------
    j : Journeys
        The journeys.
    level : {"stage", "touchpoint", "channel"}
        What counts as a state.
    ends : bool
        Whether journeys begin at −1 and end at −2.

    Returns
    -------
    DataFrame or None
        ``from, to, x, n, customers, hits, low, high, waited`` (microseconds); None where the
        rows have no order, a unit is not one customer, or there are too many states.
    """
    width = max(j.labels(level), default=0) + 3
    if j.unit != "customer" or not in_order(j) or width**2 > _MOST_PAIRS:
        return None
    table = states(j, level)
    table = table.select(
        "unit",
        "step",
        inside=j.within(table.ts),
        state=table.state,
        following=table.following.fill_null(END),
        waited=microseconds(table.following_ts, table.ts).fill_null(_UNSEEN),
    )
    found = over_units(j, table, lambda rows: _Block(rows, width, ends))
    return _summed(found, width)


class _Block:
    """Sums over the units of a block, by pair, and their waits in the order of the pairs."""

    def __init__(self, rows: Rows, width: int, ends: bool) -> None:
        unit = rows["unit"]
        begun = begins(unit)
        kept = rows["inside"] if ends else rows["inside"] & (rows["following"] != END)
        who = np.cumsum(begun)
        code = (rows["state"] - END) * width + (rows["following"] - END)
        own, moves = who[kept] * width**2, code[kept]
        self.waits, self.ends = _ordered(moves, rows["waited"][kept], width)
        if ends:
            first = begun & rows["inside"]
            begin = (START - END) * width + rows["state"][first] - END
            own = np.concatenate([own, who[first] * width**2])
            moves = np.concatenate([moves, begin])
        cells = np.sort(own + moves)
        head = np.flatnonzero(begins(cells))
        x, cell = np.diff(head, append=len(cells)), cells[head]
        base = np.flatnonzero(begins(cell // width))
        size = np.add.reduceat(x, base) if len(base) else x
        n = np.repeat(size, np.diff(base, append=len(cell)))
        pair, origin = cell % width**2, cell[base] // width % width
        self.of_pair = np.stack([_sum(pair, by, width**2) for by in (x, None, x * x, x * n)])
        self.of_base = np.stack([_sum(origin, by, width) for by in (size, None, size * size)])


def _sum(place: Ints, by: Ints | None, size: int) -> Floats:
    return np.bincount(place, by, size).astype("float64")


def _ordered(moves: Ints, waited: Ints, width: int) -> tuple[Ints, Ints]:
    """Put waits in the order of their pairs; give where each pair's begin, and the end."""
    seen = waited != _UNSEEN
    small = moves[seen].astype("uint16")  # numbers as short as these are sorted by counting
    order = np.argsort(small, kind="stable")
    edges = np.concatenate([[0], np.cumsum(np.bincount(small, minlength=width**2))])
    return waited[seen][order], edges


def _summed(blocks: list[_Block], width: int) -> pd.DataFrame:
    of_pair = sum((block.of_pair for block in blocks), start=np.zeros((4, width**2)))
    of_base = sum((block.of_base for block in blocks), start=np.zeros((3, width)))
    there = np.flatnonzero(of_pair[0])
    origin, target = np.divmod(there, width)
    x, hits, xx, xn = of_pair[:, there]
    n, customers, nn = of_base[:, origin]
    limits = clustered_share(x, n, customers, xx, xn, nn)
    counts = {"x": x, "n": n, "customers": customers, "hits": hits}
    return pd.DataFrame(
        {"from": origin + END, "to": target + END}
        | {name: count.astype("int64") for name, count in counts.items()}
        | {"low": limits.low, "high": limits.high, "waited": [_median(blocks, at) for at in there]}
    )


def _median(blocks: list[_Block], pair: Any) -> float:
    own = [block.waits[block.ends[pair] : block.ends[pair + 1]] for block in blocks]
    waits = np.concatenate(own)
    return float(np.median(waits)) if len(waits) else np.nan
