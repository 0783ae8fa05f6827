"""Retention: of those who began in one calendar period, how many come in the later ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._lives import (
    active,
    births,
    members,
    noun,
    number,
    observed_periods,
    spread,
    whose,
    with_shares,
)
from cjlab.journey.base import Journeys

KINDS = ("exact", "rolling")
ALL = "(all)"


def retention(
    j: Journeys,
    *,
    period: str = "month",
    kind: Literal["exact", "rolling"] = "exact",
    pooled: bool = False,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Share of each cohort that is active in the calendar periods from its own on.

    Parameters
    ----------
    j : Journeys
        The journeys; a cohort is those whose first event lies in one calendar period of the
        study's zone and in the journeys' period.
    period : {"day", "week", "month", "quarter", "year", "period"}, default "month"
        Length of the calendar periods; weeks are ISO weeks, ``"period"`` is the study's own.
    kind : {"exact", "rolling"}, default "exact"
        Active in that very period, or then or later. What is later is not over: rolling
        retention of a period may still rise.
    pooled : bool, default False
        One row per period over all cohorts that were followed that long, cohort ``(all)``. Its
        base changes from row to row (note ``changing_base``), so the curve may rise.
    by : str or sequence of str, optional
        Attributes such as ``"persona"``; of channels and the like, that at the first event.

    Returns
    -------
    DataFrame
        Estimates by ``cohort`` (label such as ``2026-07``) and ``period`` (0 is the cohort's
        own): ``retention``, 0–1 with the Wilson interval; ``n`` is the size of the cohort.
        Cohorts have rows up to the last period that has begun. Null with status
        ``not_yet_observed`` is a period whose end was not observed: never 0. Periods in which
        nobody began are no cohort and have no rows, nor have cohorts that a segment has nobody
        in.

    Raises
    ------
    UserError
        For an unknown attribute, period or kind.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "see",
    ...                     "ts": pd.to_datetime(["2026-01-05", "2026-02-07", "2026-01-09"])})
    >>> found = retention(Journeys.from_frame(log, stages=["see"], observed_until="2026-03-01"))
    >>> found[["cohort", "period", "value", "n"]].values.tolist()
    [['2026-01', 0, 1.0, 2], ['2026-01', 1, 0.5, 2]]
    """
    if kind not in KINDS:
        raise UserError(f'kind is "{kind}".{did_you_mean(kind, KINDS)}')
    names, period = j.attributes(by), j.calendar(period)
    columns = j.columns(names)
    current, full = observed_periods(j, period)
    born = j.grouped(births(j), names)
    born = born.filter(j.within(born.ts)).mutate(cohort=number(j, born.ts, period))
    seen = _seen(j, born, period, kind, full)
    keys = columns if pooled else [*columns, "cohort"]
    cells = _cells(born, seen, keys, "who", kind, current, full)
    people = cells
    if j.unit == "account":
        people = _cells(members(j, born), members(j, seen), keys, "customer", kind, current, full)
    # Both hold the same cells in the same order: an account has at least one customer.
    cells = cells.assign(customers=people["n"])
    known = cells["known"].to_numpy()
    cells = with_shares(cells, cells["hits"].to_numpy("float64"), known)
    cells["hits"] = people["hits"].where(known)
    cells["status"] = np.where(known, "ok", "not_yet_observed")
    of = "of cohorts followed so long" if pooled else "of the cohort"
    cells = cells.assign(metric="retention", unit="1", of=f"{noun(j)} {of}")
    cells["note"] = (cells["known"] & ~cells["whole"] & pooled).map({True: "changing_base"})
    cells["cohort"] = ALL if pooled else _labels(j, period, cells["cohort"])
    dims = [*columns, "cohort", "period"]
    return estimates(cells.reindex(columns=[*dims, *COLUMNS]), dims)


def _seen(j: Journeys, born: Table, period: str, kind: str, full: int) -> Table:
    """Periods after the cohort's own, within what was fully observed: each, or the last one."""
    if kind == "exact":
        at = active(j, period).drop("ts")
        at = at.filter(at["at"] <= full)
    else:
        event = whose(j, j.events)
        last = event.group_by("who").aggregate(ts=_.ts.max())
        at = last.select("who", at=ibis.least(number(j, last.ts, period), ibis.literal(full)))
    seen = born.drop("ts", "step").join(at, "who")
    seen = seen.mutate(period=seen["at"] - seen.cohort)
    return seen.filter(seen.period >= 0)


def _cells(
    born: Table, seen: Table, keys: list[str], who: str, kind: str, current: int, full: int
) -> pd.DataFrame:
    """Base and hits of every cell, counted by lives or by customers."""
    # Whoever is in several accounts is followed as long as the first of them.
    first = born.group_by([*keys, who]).aggregate(first=_.cohort.min())
    size = first.group_by([*keys, "first"]).aggregate(size=_.count()).execute()
    if kind == "exact":
        hits = seen.group_by([*keys, "period"]).aggregate(hits=seen[who].nunique()).execute()
    else:
        reach = seen.group_by([*keys, who]).aggregate(reach=_.period.max())
        reach = reach.group_by([*keys, "reach"]).aggregate(hits=_.count()).execute()
        hits = spread(reach, reach.pop("reach") + 1, "period")
        hits = hits.groupby([*keys, "period"], as_index=False)["hits"].sum()
    grid = spread(size, current - size["first"] + 1, "period")
    grid["observed"] = grid["size"].where(grid["first"] + grid["period"] <= full, 0)
    cells = grid.groupby([*keys, "period"], as_index=False)[["size", "observed"]].sum()
    cells = cells.merge(hits, on=[*keys, "period"], how="left").fillna({"hits": 0})
    cells["known"] = cells["observed"] > 0
    cells["n"] = cells["observed"].where(cells["known"], cells["size"])
    # The first period of a segment is what all of its cohorts have begun.
    whole = cells.groupby(keys)["size"].transform("max") if keys else cells["size"].max()
    return cells.assign(whole=cells["observed"] == whole)


def _labels(j: Journeys, period: str, cohort: pd.Series) -> pd.Series:
    if cohort.empty:
        return cohort.astype("str")
    bounds = j.period_bounds(period, int(cohort.min()), int(cohort.max()))
    return cohort.map(dict(zip(bounds["index"], bounds["label"], strict=True)))
