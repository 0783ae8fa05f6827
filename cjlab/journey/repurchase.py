"""Repurchase: how many of those who bought k − 1 times buy again, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._lives import DAY, births, noun, segments, tally, whose
from cjlab.journey.base import Journeys, microseconds, parse_duration
from cjlab.stats import km, km_quantile, proportion


def repurchase(
    j: Journeys,
    *,
    within: str | timedelta = "90D",
    orders: int = 5,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Share of the buyers of each order who place the next one in time.

    Parameters
    ----------
    j : Journeys
        The journeys; the order before must lie in their period.
    within : str or timedelta, default "90D"
        Longest time to the next order, edge included.
    orders : int, default 5
        Up to which order, at least 2.
    by : str or sequence of str, optional
        Attributes such as ``"persona"``; of channels and the like, that at the first event.

    Returns
    -------
    DataFrame
        Estimates by ``order`` (2 is the second one): ``repurchase``, 0–1 with the Wilson
        interval, of those who placed the order before and were followed for all of `within`
        since; ``median``, days to the next order by Kaplan–Meier over everyone who placed the
        order before, those still waiting as censored. Null with ``no_orders_before`` when
        nobody placed the order before, with status ``not_yet_observed`` when nobody was
        followed long enough yet, with ``not_reached`` when fewer than half came back while
        observed. ``attrs["immature"]`` counts the waits that were not followed for all of
        `within`.

    Raises
    ------
    UserError
        For an unknown attribute, a bad duration, fewer than two orders, or a study without
        orders and without a stage for purchases.

    Notes
    -----
    Orders of one customer at the same instant are one purchase; returns are none.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "buy",
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-11", "2026-02-01"])})
    >>> stages = [{"id": "buy", "purchase": True}]
    >>> j = Journeys.from_frame(log, stages=stages, observed_until="2026-07-01")
    >>> found = repurchase(j, orders=2)
    >>> found[["order", "metric", "value", "n"]].values.tolist()
    [[2, 'repurchase', 0.5, 2], [2, 'median', 10.0, 2]]
    """
    if orders < 2:
        raise UserError(f"orders is {orders}; the first that can be a repeated one is 2.")
    names = j.attributes(by)
    columns = j.columns(names)
    longest = parse_duration(within, "within") or 0
    waits = _waits(j, names, longest, orders)
    everyone = tally(j, waits, [*columns, "order"])
    back = tally(j, waits.filter(waits.back), [*columns, "order"])
    mature = waits.filter(waits.mature)
    base = tally(j, mature, [*columns, "order"])
    hits = tally(j, mature.filter(mature.in_time), [*columns, "order"])
    lengths = waits.group_by([*columns, "order", "waited", "back"]).aggregate(n=_.count()).execute()
    curves = {tuple(key): part for key, part in lengths.groupby([*columns, "order"])}
    rows: list[dict[str, Any]] = []
    for group in segments(j, names):
        for order in range(2, orders + 1):
            key = (*group, order)
            cell = {**dict(zip(columns, group, strict=True)), "order": order}
            of = f"{noun(j)} with {order - 1} order{'s' * (order > 2)}"
            all_of = {**cell, "of": of, **_counts(everyone.get(key), back.get(key))}
            if key not in everyone:
                empty = {**all_of, "value": None, "note": "no_orders_before"}
                rows += [{**empty, "metric": "repurchase", "unit": "1"}]
                rows += [{**empty, "metric": "median", "unit": "d"}]
                continue
            rows.append({**cell, "of": f"{of}, followed since", **_rate(base, hits, key)})
            rows.append({**all_of, **_median(curves[key])})
    dims = [*columns, "order"]
    table = estimates(pd.DataFrame(rows, columns=[*dims, *COLUMNS]), dims)
    table.attrs["immature"] = sum(n for n, _ in everyone.values())
    table.attrs["immature"] -= sum(n for n, _ in base.values())
    return table


def _waits(j: Journeys, names: list[str], longest: int, orders: int) -> Table:
    """One row for each purchase that a next one may follow: how long it took, or is taking."""
    bought = whose(j, j.purchases).group_by("who", "ts").aggregate(lines=_.count())
    course = ibis.window(group_by="who", order_by="ts")
    bought = bought.mutate(
        order=ibis.row_number().over(course) + 2, next_ts=bought.ts.lead().over(course)
    )
    bought = bought.filter(bought.order <= orders, j.within(bought.ts))
    back = bought.next_ts.notnull()
    followed = microseconds(j.literal(j.observed_until), bought.ts)
    # The end of observation itself is not observed: the last seen microsecond is before it.
    waited = back.ifelse(microseconds(bought.next_ts, bought.ts), followed - 1)
    waits = bought.select("who", "order", back=back, waited=waited, mature=followed > longest)
    waits = waits.mutate(in_time=waits.back & (waits.waited <= longest))
    own = j.grouped(births(j), names).select("who", "unit", *j.columns(names))
    return waits.join(own, "who").cache()


def _counts(n: tuple[int, int] | None, hits: tuple[int, int] | None) -> dict[str, int]:
    size, customers = n or (0, 0)
    return {"n": size, "customers": customers, "hits": (hits or (0, 0))[1]}


def _rate(base: dict[Any, Any], hits: dict[Any, Any], key: tuple[Any, ...]) -> dict[str, Any]:
    """The share of those who were followed long enough."""
    found: dict[str, Any] = {"metric": "repurchase", "unit": "1"}
    found |= _counts(base.get(key), hits.get(key))
    if key not in base:
        return {**found, "value": None, "status": "not_yet_observed"}
    share = proportion(hits.get(key, (0, 0))[0], found["n"])
    return {**found, "value": share.value, "low": share.low, "high": share.high}


def _median(part: pd.DataFrame) -> dict[str, Any]:
    """Days until half of all came back, with those limits that were reached."""
    curve = km(part["waited"].to_numpy(), part["back"].to_numpy(bool), weights=part["n"].to_numpy())
    names = ("value", "low", "high")
    days = {name: x / DAY for name, x in zip(names, km_quantile(curve, 0.5), strict=True)}
    found: dict[str, Any] = {name: x for name, x in days.items() if not np.isnan(x)}
    if "value" not in found:
        found = {"value": None, "note": "not_reached"}
    return {"metric": "median", "unit": "d", **found}
