"""Routes: every touchpoint of a journey from its first event in the period, and who takes which.

Journeys that go the same way are looked at once: what is found out about a route is summed over
those who took it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table
from scipy.sparse import csr_array

from cjlab.errors import UserError
from cjlab.journey._states import tally
from cjlab.journey.base import Journeys, microseconds

#: So many different routes are held in memory.
MOST = 250_000
#: What :meth:`Routes.sums` gives by item.
SUMS = ("x", "n", "xx", "xn", "nn", "groups", "customers", "hits")


@dataclass(frozen=True)
class Routes:
    """The routes that journeys take.

    Parameters
    ----------
    j : Journeys
        The journeys.
    base : list of str
        Columns of the segments.
    units : ibis Table
        One row a journey: ``unit``, the segments, ``mature`` and ``path``.
    known : DataFrame
        One row a route, its index the route's number: ``mature`` (whether its journeys were
        followed for the whole window), ``path``, ``journeys``, ``codes`` (a tuple of
        touchpoints) and ``cut`` (whether there were more).
    taken : DataFrame
        The segments, ``route`` and ``journeys``.
    """

    j: Journeys
    base: list[str]
    units: Table
    known: pd.DataFrame
    taken: pd.DataFrame

    def sums(self, items: pd.DataFrame, *, split: bool = True) -> pd.DataFrame:
        """Sum what is known of routes over the journeys that took them.

        Parameters
        ----------
        items : DataFrame
            ``route, item, x, n``, whole numbers: what a journey on the route adds above and below
            the line of an item. Rows that add nothing may be left out.
        split : bool, default True
            Whether by segment.

        Returns
        -------
        DataFrame
            By segment and ``item`` the columns `SUMS`; what nobody adds to has no row.
        """
        keys = self.base if split else []
        if self.j.unit == "customer":
            return self._weighed(items, keys)
        codes = self.known.reset_index()[["mature", "path", "route"]]
        rows = self.units.join(ibis.memtable(codes), ["mature", "path"])
        rows = rows.join(ibis.memtable(items), "route")
        rows = rows.select("unit", *keys, "item", "x", "n")
        found = tally(self.j, rows, [*keys, "item"], {"s": (_.x.sum(), _.n.sum())})
        return found.rename(columns={f"s_{name}": name for name in SUMS})

    def _weighed(self, items: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
        """Each customer has one journey: the sums are products of two small tables."""
        taken = self.taken
        heads = taken[keys].drop_duplicates().reset_index(drop=True) if keys else None
        row = taken.groupby(keys, sort=False).ngroup() if keys else np.zeros(len(taken), int)
        size = (1 if heads is None else len(heads), len(self.known))
        weights = csr_array((taken["journeys"].to_numpy("int64"), (row, taken["route"])), size)
        place = (items["route"], items["item"])
        wide = (len(self.known), int(items["item"].max()) + 1 if len(items) else 0)
        x, n = items["x"].to_numpy("int64"), items["n"].to_numpy("int64")
        parts = {"x": x, "n": n, "xx": x * x, "xn": x * n, "nn": n * n}
        parts |= {"groups": (n > 0).astype("int64"), "hits": (x != 0).astype("int64")}
        found = {name: (weights @ csr_array((part, place), wide)).toarray().ravel()
                 for name, part in parts.items()}  # fmt: skip
        table = pd.DataFrame(found).assign(customers=found["groups"])
        table["item"] = np.tile(np.arange(wide[1]), size[0])
        for name in keys:
            assert heads is not None
            table[name] = np.repeat(heads[name].to_numpy(), wide[1])
        kept = table[(table["n"] > 0) | (table["x"] != 0)]
        return kept[[*keys, "item", *SUMS]].reset_index(drop=True)


def routes(
    j: Journeys,
    names: Sequence[str],
    *,
    window: int | None,
    longest: int,
    begin: Sequence[int] | None = None,
) -> Routes:
    """Return the routes that journeys take.

    Parameters
    ----------
    j : Journeys
        The journeys; one begins with its first event in the period.
    names : sequence of str
        Segments, as `Journeys.attributes` returns them: those of the first event.
    window : int, optional
        Microseconds for which a journey is followed, its edge included. Without one it goes on to
        the end of observation and counts as finished there.
    longest : int
        Events after which a route is cut.
    begin : sequence of int, optional
        Codes of touchpoints: a journey begins with its first event there. Any by default.

    Raises
    ------
    UserError
        There are more than `MOST` routes.
    """
    base = j.columns(list(names))
    units = _paths(j, list(names), window, longest, begin)
    counted = units.group_by([*base, "mature", "path"]).aggregate(journeys=_.count())
    most = int(units.select("mature", "path").distinct().count().execute())
    if most > MOST:
        raise UserError(
            f"the journeys take {most:,} different routes, and {MOST:,} are compared at most; "
            'take a shorter window, a shorter period, fewer customers (where=) or unit="session".'
        )
    taken = counted.execute().sort_values([*base, "mature", "path"], ignore_index=True)
    known = taken.groupby(["mature", "path"])["journeys"].sum().reset_index()
    known = known.rename_axis("route")
    size = _size(j)
    width, first = len(str(size)) + 1, 10 ** len(str(size))
    codes = [tuple(int(path[at : at + width]) - first for at in range(0, len(path), width))
             for path in known["path"]]  # fmt: skip
    known["cut"] = [route[-1:] == (size - 1,) for route in codes]
    known["codes"] = [route[:-1] if cut else route
                      for route, cut in zip(codes, known["cut"], strict=True)]  # fmt: skip
    numbered = known.reset_index()[["mature", "path", "route"]]
    taken = taken.merge(numbered, on=["mature", "path"], how="left")
    return Routes(j, base, units, known, taken[[*base, "route", "journeys"]])


def _paths(
    j: Journeys,
    names: list[str],
    window: int | None,
    longest: int,
    begin: Sequence[int] | None,
) -> Table:
    """One row a journey: unit, segments, mature, and path, a text of touchpoints' codes."""
    size = _size(j)
    event = j.events
    event = event.filter(j.within(event.ts)).select("unit", "step", "ts", "touchpoint")
    may = event if begin is None else event.filter(event.touchpoint.isin(list(begin)))
    first = may.group_by("unit").aggregate(begun=_.ts.min(), at=_.step.min())
    event = event.join(first, "unit").filter(_.step >= _.at)
    mature: Any = ibis.literal(True)
    if window is not None:
        event = event.filter(microseconds(event.ts, event.begun) <= window)
        mature = microseconds(j.literal(j.observed_until), first.begun) > window
    # One number holds the step and the touchpoint, so that sorting puts them in order; numbers
    # from `size` on have equally many digits, so that their texts can be cut apart again.
    base = 10 ** len(str(size))
    packed = event.step.cast("int64") * size + event.touchpoint.cast("int64")
    whole = event.mutate(packed=packed).group_by("unit").aggregate(steps=_.packed.collect())
    codes = whole.steps.sort()[:longest].map(lambda at: (at % size + base).cast("string"))
    cut = (whole.steps.length() > longest).ifelse(str(base + size - 1), "")
    whole = whole.select("unit", path=ibis.literal("").join(codes) + cut)
    begun = first.mutate(mature=mature).select("unit", "mature", ts=_.begun, step=_.at)
    begun = j.grouped(begun, names).drop("ts", "step")
    return begun.join(whole, "unit").cache()


def _size(j: Journeys) -> int:
    """One more than there are touchpoints: the last number marks a route that is cut."""
    return max(j.labels("touchpoint"), default=0) + 2
