"""States of a journey at a level, and their shares among rows that may repeat customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.clusters import clustered_share
from cjlab.errors import UserError, did_you_mean
from cjlab.journey._segments import carried
from cjlab.journey.base import Journeys
from cjlab.stats import proportion

LEVELS = ("stage", "touchpoint", "channel")
_NEXT = {"stage": "next_stage_ts", "touchpoint": "next_ts", "channel": "next_channel_ts"}
_ALL = "_all"
_REAL, _COUNT, _MONEY, _WIDE = "float64", "decimal(9, 0)", "decimal(18, 4)", "decimal(19, 4)"


def check_level(level: str) -> None:
    """Refuse a level that is none."""
    if level not in LEVELS:
        raise UserError(f'level is "{level}".{did_you_mean(level, LEVELS)}')


def states(j: Journeys, level: str, *, collapse: bool = False, names: Sequence[str] = ()) -> Table:
    """Return the events that have a state at a level; of repeats the last one with `collapse`.

    Columns: ``unit, customer, step, ts, state, following, following_ts`` in codes; what follows
    is the next event that has a state, null where none was observed. What the segments in
    `names` need of an event is carried along.
    """
    event = j.events
    table = event.filter(event[level].notnull()).select(
        "unit",
        "customer",
        "step",
        "ts",
        state=event[level].cast("int32"),
        following=event[f"next_{level}"].cast("int32"),
        following_ts=event[_NEXT[level]],
        # Spells number the stages of a journey, repeats as one.
        place=event.spell if level == "stage" and collapse else event.step,
        **carried(event, names),
    )
    if collapse:
        table = table.filter(table.following.isnull() | (table.following != table.state))
    return table


def starts(j: Journeys, names: list[str]) -> Table:
    """Return the units whose journey starts in the period, with the columns of the segments."""
    units = j.units
    first = units.filter(j.within(units.first_ts)).select(
        "unit", ts=units.first_ts, step=ibis.literal(0, "int32")
    )
    return j.grouped(first, names).drop("ts", "step")


def shares(
    j: Journeys, rows: Table, base: Sequence[str], state: str, *, once: bool = False
) -> pd.DataFrame:
    """Count rows by state within their base, with customers and the share's limits.

    Parameters
    ----------
    j : Journeys
        Says by what rows repeat.
    rows : ibis Table
        The columns of `base` and `state`, ``unit``, and ``customer`` unless rows are units.
    base, state : sequence of str and str
        What the denominator is, and what is counted in it.
    once : bool, default False
        Whether no cluster comes twice in a base; then limits are Wilson's, else cluster-robust.

    Returns
    -------
    DataFrame
        `base`, `state`, ``x`` of ``n`` rows, ``hits`` of ``customers``, ``low, high``.
    """
    base = list(base) or [_ALL]
    if base == [_ALL]:
        rows = rows.mutate(**{_ALL: ibis.literal(0)})
    people = rows if "customer" in rows.columns else j.with_customer(rows)
    pair = [*base, state]
    if once:
        found = rows.group_by(pair).aggregate(x=_.count()).execute()
        found["n"] = found.groupby(base)["x"].transform("sum")
        found["hits"], found["customers"] = found["x"], found["n"]
    else:
        found = _sums(rows if j.cluster == "unit" else people, base, pair, j.cluster).execute()
        found = found.rename(columns={"groups": "customers", "doers": "hits"})
    if once:
        limits = proportion(found["x"], found["n"])
    else:
        sums = ("x", "n", "customers", "xx", "xn", "nn")
        limits = clustered_share(*(found[name] for name in sums))
    found["low"], found["high"] = limits.low, limits.high
    if j.cluster == "unit":
        found = _heads(found, people, base, pair)
    kept = [*(name for name in pair if name != _ALL), "x", "n", "customers", "hits", "low", "high"]
    return found[kept]


def _sums(rows: Table, base: list[str], pair: list[str], cluster: str) -> Table:
    """Sums over the clusters, from one pass over the rows."""
    own = rows.group_by([*pair, cluster]).aggregate(x=_.count())
    whole = own.group_by([*base, cluster]).aggregate(n=_.x.sum())
    sums = (
        own.join(whole, [*base, cluster])
        .group_by(pair)
        .aggregate(x=_.x.sum(), doers=_.count(), xx=(_.x * _.x).sum(), xn=(_.x * _.n).sum())
    )
    totals = whole.group_by(base).aggregate(n=_.n.sum(), groups=_.count(), nn=(_.n * _.n).sum())
    return sums.join(totals, base)


def _heads(found: pd.DataFrame, people: Table, base: list[str], pair: list[str]) -> pd.DataFrame:
    """Count the people behind accounts."""
    found = found.drop(columns=["customers", "hits"])
    for keys, name in ((base, "customers"), (pair, "hits")):
        heads = people.group_by(keys).aggregate(**{name: _.customer.nunique()}).execute()
        found = found.merge(heads, on=keys, how="left")
    return found


def tally(j: Journeys, rows: Table, keys: Sequence[str], pairs: dict[str, Any]) -> pd.DataFrame:
    """Sum hits and bases over rows, and over the clusters that they repeat.

    Parameters
    ----------
    j : Journeys
        Says by what rows repeat.
    rows : ibis Table
        The columns of `keys`, ``unit``, and ``customer`` unless rows are units.
    keys : sequence of str
        What to group by; may be empty.
    pairs : dict of str to (deferred, deferred)
        By a name of their own, what to sum above and below the line of a ratio.

    Returns
    -------
    DataFrame
        `keys` and for each name: ``name_x, _n, _xx, _xn, _nn, _groups, _customers, _hits``;
        people count where their base, or their hits, are not zero.
    """
    per = {
        f"{name}_{part}": e for name, xn in pairs.items() for part, e in zip("xn", xn, strict=True)
    }
    people = rows if "customer" in rows.columns else j.with_customer(rows)
    own = (rows if j.cluster == "unit" else people).group_by([*keys, j.cluster]).aggregate(**per)
    sums: dict[str, Any] = {}
    for name in pairs:
        x, n = own[f"{name}_x"], own[f"{name}_n"]
        # Money is squared as decimals: sums of floats differ from run to run. DuckDB keeps the
        # product of two short decimals short, Spark that of two long ones; so one of each.
        money = x.type().is_decimal()
        wide, times = (x.cast(_WIDE), n.cast(_COUNT)) if money else (x.cast(_REAL), n.cast(_REAL))
        once = x.cast(_MONEY) if money else wide
        sums |= {
            f"{name}_x": own[f"{name}_x"].sum(),
            f"{name}_n": own[f"{name}_n"].sum(),
            f"{name}_xx": (wide * once).sum(),
            f"{name}_xn": (wide * times).sum(),
            f"{name}_nn": (n.cast(_REAL) * n.cast(_REAL)).sum(),
            f"{name}_groups": (n > 0).sum(),
        }
    heads = (
        own if j.cluster == "customer" else people.group_by([*keys, "customer"]).aggregate(**per)
    )
    who = {
        f"{name}_{label}": (heads[f"{name}_{part}"] != 0).sum()
        for name in pairs
        for label, part in (("customers", "n"), ("hits", "x"))
    }
    if j.cluster == "customer":
        found = own.aggregate(by=list(keys), **sums, **who).execute()
    else:
        found = own.aggregate(by=list(keys), **sums).execute()
        more = heads.aggregate(by=list(keys), **who).execute()
        found = found.merge(more, on=list(keys)) if keys else pd.concat([found, more], axis=1)
    return found.where(found.notna(), 0)  # the sum over nothing
