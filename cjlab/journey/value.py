"""Value: what journeys bring in and what they cost, by segment and by path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.clusters import clustered_mean
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._states import starts, tally
from cjlab.journey.base import Journeys
from cjlab.journey.variants import in_order, keep_top, named, paths

PER = ("variant",)
_AMOUNTS = ("value", "cost", "margin")
_PARTS = ("x", "n", "groups", "xx", "xn", "nn")


def value(
    j: Journeys,
    *,
    per: str | None = None,
    top: int | None = 10,
    level: str = "stage",
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Sum the value and the cost of journeys, and what remains.

    Parameters
    ----------
    j : Journeys
        The journeys; one belongs to the period in which its first event lies, with all of its
        events up to the end of observation.
    per : {"variant"}, optional
        Also by the path of the journey, as in :func:`variants`.
    top : int or None, default 10
        With ``per="variant"``: the most taken paths that are shown, the rest is in
        ``(other)``.
    level : {"stage", "touchpoint", "channel"}
        What the states of a path are.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        journey's first event.

    Returns
    -------
    DataFrame
        Estimates, by ``path`` where asked for: ``customers`` (who made these journeys),
        ``value``, ``cost`` and ``margin`` (value less cost; totals in the study's currency) and
        ``value_mean``, ``cost_mean`` and ``margin_mean`` (the same per journey). Returns count
        with their negative value; an event without a value or cost adds 0. Null with the note
        ``no_value`` or ``no_cost`` where no event of the study has one, and ``no_journeys``
        where no journey starts in the segment.

    Raises
    ------
    UserError
        For an unknown segment, level or `per`.

    Notes
    -----
    Means have Student's t interval, by customer where sessions repeat them (Cochran 1977, 6.3);
    with few customers and a few large orders it is too narrow. Totals are counts of money and
    have none. Open journeys may bring in and cost more.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "b"], "stage": ["see", "buy"],
    ...                     "value": [None, 30], "cost": [1, 2], "ts": pd.Timestamp("2026-01-01")})
    >>> found = value(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found[["metric", "value"]].values.tolist()[:5]
    [['customers', 2.0], ['value', 30.0], ['value_mean', 15.0], ['cost', 3.0], ['cost_mean', 1.5]]
    """
    if per is not None and per not in PER:
        raise UserError(f'per is "{per}".{did_you_mean(per, PER)}')
    names = j.attributes(by)
    base = j.columns(names)
    if per is None:
        rows, others = starts(j, names), 0
    else:
        every = paths(j, names, level=level, collapse=True, max_length=20)
        rows, others = keep_top(every, top)
        base = [*base, "path"]
    found = tally(j, _amounts(j, rows), base, {
        name: (_[f"_{name}"].sum(), _.unit.count()) for name in _AMOUNTS
    })  # fmt: skip
    if per is None:
        known = {tuple(row[c] for c in base): row for row in found.to_dict("records")}
        segments: list[tuple[Any, Any]] = [(group, known.get(group)) for group in j.groups(names)]
    else:
        found = in_order(found.assign(x=found["value_n"]), base[:-1])
        found["path"] = named(j, found["path"], level)
        segments = [(tuple(row[c] for c in base), row) for row in found.to_dict("records")]
    has = _known(j)
    out = []
    for group, sums in segments:
        dims = dict(zip(base, group, strict=True))
        out += [{**dims, **row} for row in _rows(sums, has, j)]
    table = estimates(pd.DataFrame(out, columns=[*base, *COLUMNS]), base)
    table.attrs["other_variants"] = others
    return table


def _amounts(j: Journeys, rows: Table) -> Table:
    """Add each unit's value, cost and margin to a table of units."""
    event = j.events
    sums = event.group_by("unit").aggregate(
        _value=event["value"].sum().fill_null(0), _cost=event.cost.sum().fill_null(0)
    )
    table = rows.join(sums, "unit")
    # Decimals add up exactly; floats come at the very end.
    return table.mutate(_margin=table["_value"] - table["_cost"])


def _known(j: Journeys) -> dict[str, bool]:
    """Whether any observed event of the study has a value, and a cost."""
    event = j.con.table("event")
    there = {c: event[c].notnull().any() for c in ("value", "cost") if c in event.columns}
    found = event.aggregate(**there).execute().iloc[0]
    has = {name: bool(found.get(name, False) or False) for name in ("value", "cost")}
    return {**has, "margin": has["value"] and has["cost"]}


def _rows(sums: dict[str, Any] | None, has: dict[str, bool], j: Journeys) -> list[dict[str, Any]]:
    """All rows of one segment or path."""
    of = "journeys"
    people = int(sums["value_customers"]) if sums else 0
    n = int(sums["value_n"]) if sums else 0
    sums = sums if n else None
    base = {"n": n, "customers": people, "of": of}
    rows = [{"metric": "customers", "value": people, "unit": "customers", "hits": people, **base}]
    for name in _AMOUNTS:
        money = {**base, "unit": j.currency}
        lacking = "no_value" if name != "cost" and not has["value"] else "no_cost"
        if not has[name] or sums is None:
            note = "no_journeys" if has[name] else lacking
            empty = {**money, "value": None, "note": note}
            rows += [{**empty, "metric": name}, {**empty, "metric": f"{name}_mean"}]
            continue
        mean = clustered_mean(*(float(sums[f"{name}_{part}"]) for part in _PARTS))
        money["hits"] = int(sums[f"{name}_hits"])
        rows.append({**money, "metric": name, "value": float(sums[f"{name}_x"])})
        limits = {"value": mean.value, "low": mean.low, "high": mean.high}
        single = "no_spread" if sums[f"{name}_groups"] > 1 else "one_customer"
        unknown = single if np.isnan(mean.low) else None
        rows.append({**money, "metric": f"{name}_mean", **limits, "note": unknown})
    return rows
