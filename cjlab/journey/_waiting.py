"""Waiting times as estimates: rows that may repeat customers, open ones censored.

What every metric of this kind shares: fetching the rows, quartiles and restricted mean with
limits that hold when customers repeat, and curves on a grid of days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from ibis.expr.types import Table

from cjlab._numbers import Floats, Interval, Ints
from cjlab._waits import Waits
from cjlab.errors import UserError
from cjlab.incidence import Incidence, incidence_of
from cjlab.journey.base import Journeys
from cjlab.repeats import areas, design_effect, influence
from cjlab.survival import Curve, curve_of, first_at, km_quantile, rmst

DAY = 86_400_000_000
GRID = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365)
QUARTILES = (("q25", 0.25), ("median", 0.5), ("q75", 0.75))
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """Waits of one cell of a table, sorted by length.

    Parameters
    ----------
    waits : Waits
        Microseconds and how each ended (0: still open); ``group`` is the cluster's code.
    customer : numpy.ndarray of int
        Codes 0… of the customers, in the same order.
    people, clusters : numpy.ndarray of int
        The study's codes of the same customers and of their clusters.
    """

    waits: Waits
    customer: Ints
    people: Ints
    clusters: Ints

    @cached_property
    def curve(self) -> Curve:
        """The Kaplan–Meier curve, whatever they ended by."""
        return curve_of(self.waits)

    @property
    def n(self) -> int:
        """How many waits there are."""
        return len(self.customer)

    @property
    def repeats(self) -> bool:
        """Whether some customer, or account, has several."""
        return int(self.owner.max(initial=-1)) + 1 < self.n

    @property
    def owner(self) -> Ints:
        """Code of the cluster of each wait."""
        assert self.waits.group is not None
        return self.waits.group

    @cached_property
    def length(self) -> Floats:
        """Microseconds of each wait, ascending."""
        return self.waits.time[self.waits.place]

    @cached_property
    def counts(self) -> Row:
        """The base of every number: waits, customers, and those of them seen to end one."""
        ended = len(pd.unique(self.customer[self.waits.end != 0]))
        return {"n": self.n, "customers": int(self.customer.max(initial=-1)) + 1, "hits": ended}

    def widened(self, factor: Floats) -> Curve:
        """The curve with the limits that hold for Σ factor · d ln S when customers repeat."""
        if not self.repeats:
            return self.curve
        moved = influence(self.curve, self.waits, factor)
        return self.curve.widened(design_effect(moved, self.waits, self.owner))

    def quantile(self, q: float) -> Interval:
        """Time by which a share has ended."""
        curve = self.curve
        if self.repeats:
            until = np.nan_to_num(first_at(curve, curve.survival, q), nan=np.inf)
            curve = self.widened((curve.time <= until).astype("float64"))
        return km_quantile(curve, q)

    def mean(self, horizon: float) -> Interval:
        """Mean wait within a horizon."""
        if not horizon:  # all are of no length: there is no time to take a mean of
            return Interval(np.nan, np.nan, np.nan)
        return rmst(self.widened(areas(self.curve, horizon)), horizon)

    def incidence(self, days: Sequence[float], *, by_cause: bool = True) -> Incidence:
        """Ends by cause, and survival, after so many days."""
        return incidence_of(self.waits, np.asarray(days, "float64") * DAY, by_cause=by_cause)

    def at_risk(self, days: Sequence[float]) -> Ints:
        """How many customers still wait just before so many days."""
        longest = np.zeros(int(self.customer.max(initial=-1)) + 1)
        longest[self.customer] = self.length  # ascending: the longest is written last
        return len(longest) - np.searchsorted(np.sort(longest), np.asarray(days) * DAY, "left")

    def ended(self, days: Sequence[float], cause: int) -> Ints:
        """How many customers have ended a wait by this cause, after so many days."""
        hit = np.flatnonzero(self.waits.end == cause)[::-1]
        first = np.full(int(self.customer.max(initial=-1)) + 1, np.inf)
        first[self.customer[hit]] = self.length[hit]
        return np.searchsorted(np.sort(first), np.asarray(days) * DAY, "right")


def collect(table: Table, keys: list[str], cluster: str) -> dict[tuple[Any, ...], Rows]:
    """Fetch ``waited``, ``end``, customer and cluster, and split them by the keys."""
    columns = dict.fromkeys([*keys, "waited", "end", "customer", cluster])
    rows = table.select(*columns).to_pyarrow()
    waited, end, customer, owner = (
        rows[name].to_numpy() for name in ("waited", "end", "customer", cluster)
    )
    # Only the keys become a frame: it would copy every column into one block.
    groups = {(): np.arange(len(waited))}
    if keys:
        groups = rows.select(keys).to_pandas().groupby(keys, sort=False).indices
    found = {}
    for key, own_rows in groups.items():
        at = own_rows[_in_order(waited[own_rows], end[own_rows], owner[own_rows])]
        own = _numbered(owner[at])
        waits = Waits(waited[at], end[at], groups=own)
        order = at[waits.order]
        people = customer[order]
        assert waits.group is not None
        who = waits.group
        if cluster != "customer":
            who = _numbered(people)
        found[key if isinstance(key, tuple) else (key,)] = Rows(waits, who, people, owner[order])
    return {key: cell for key, cell in found.items() if cell.n}


def _numbered(codes: Ints) -> Ints:
    """Number the distinct codes 0… in their order: marked off where they are dense, else sorted."""
    most = int(codes.max(initial=0)) + 1
    if most > 4 * len(codes):
        return np.unique(codes, return_inverse=True)[1]
    there = np.zeros(most, bool)
    there[codes] = True
    return (np.cumsum(there) - 1)[codes]


def _in_order(waited: Ints, end: Ints, owner: Ints) -> Ints:
    """Order rows by wait, end and owner: engines give them in any order, sums must be the same.

    Few waits are alike to the microsecond, so that only those are looked at twice.
    """
    order = np.argsort(waited)
    sorted_waits = waited[order]
    same = np.r_[False, sorted_waits[1:] == sorted_waits[:-1]]
    tied = np.flatnonzero(same | np.r_[same[1:], False])
    rows = order[tied]
    order[tied] = rows[np.lexsort((owner[rows], end[rows], waited[rows]))]
    return order


def summary(base: Row, rows: Rows | None, limit: int | None, empty: str) -> list[Row]:
    """Quartiles and restricted mean of one cell, in days."""
    base = {**base, "unit": "d"}
    if rows is None:
        none = {"value": None, "n": 0, "customers": 0, "hits": 0, "note": empty}
        return [{**base, "metric": m, **none} for m in ("q25", "median", "q75", "rmst")]
    base |= rows.counts
    found = [quantile_row(base, rows, name, q) for name, q in QUARTILES]
    top = limit if limit is not None else int(rows.curve.time[-1])
    within = f"{base['of']}, within {top / DAY:.4g} days"
    mean = days_of(rows, rows.mean(top), "beyond_observation")
    return [*found, {**base, "metric": "rmst", **mean, "of": within}]


def quantile_row(base: Row, rows: Rows, metric: str, q: float) -> Row:
    """The days after which a share has ended."""
    return {**base, "metric": metric, **days_of(rows, rows.quantile(q), "not_reached")}


def days_of(rows: Rows, interval: Interval, unknown: str) -> Row:
    """Days with limits; an upper limit that was not reached stays open, as null."""
    if np.isnan(interval.value):
        return {"value": None, "note": unknown}
    return limits(rows, *(part / DAY for part in interval))


def limits(rows: Rows, value: float, low: float, high: float) -> Row:
    """A number with those of its limits that are known, and why when one customer has none."""
    found: Row = {"value": value}
    found |= {name: x for name, x in (("low", low), ("high", high)) if not np.isnan(x)}
    alone = rows.repeats and not rows.owner.any()
    return {**found, "note": "one_customer"} if alone else found


def day_grid(
    j: Journeys, cells: list[Rows], horizon: int | None, points: Sequence[float] | None
) -> list[float]:
    """Days at which curves are read: up to the horizon, else while enough are at risk."""
    if points is None:
        years = int((horizon or max((rows.length[-1] for rows in cells), default=0)) // DAY // 365)
        points = (*GRID, *range(730, 365 * years + 1, 365))
    days = sorted({float(day) for day in points})
    if not days or not np.isfinite(days).all() or days[0] < 0:
        raise UserError("points: give the days to read the curve at, numbers of 0 or more.")
    if horizon is not None:
        return [day for day in days if day * DAY <= horizon] or [horizon / DAY]
    enough = np.zeros(len(days), bool)
    for rows in cells:
        enough |= rows.at_risk(days) >= j.minimum
    return days[: max(1, int(np.flatnonzero(enough).max(initial=0)) + 1)]


def cells_of(
    j: Journeys, names: list[str], found: dict[tuple[Any, ...], Rows]
) -> list[tuple[Row, str, Rows | None]]:
    """Every segment and stage in order, with the rows there are."""
    columns = j.columns(names)
    return [
        (dict(zip(columns, group, strict=True)), stage, found.get((*group, code)))
        for group in j.groups(names)
        for code, stage in enumerate(j.model.ids)
    ]
