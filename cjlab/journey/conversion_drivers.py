"""Conversion drivers: what early customers who convert later have met more often than others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table
from scipy import special

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._dropoff import score_test
from cjlab.journey._steps import matches, read_codes
from cjlab.journey.base import Journeys, microseconds, parse_duration
from cjlab.stats import adjust, proportion

LEVELS = ("touchpoint", "channel", "stage")


def conversion_drivers(
    j: Journeys,
    *,
    goal: str | Sequence[str] | None = None,
    window: str | timedelta | None = None,
    landmark: str | timedelta = "7D",
    level: str = "touchpoint",
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compare who later converts among those who met a touchpoint early, and those who did not.

    Whoever converts late has had more time to meet anything, so only what was met up to a
    landmark counts, and only conversions after it; customers who converted before it, or were
    not followed long enough, are left out and counted. Association, not cause.

    Parameters
    ----------
    j : Journeys
        The journeys; a customer enters with the first event in the period.
    goal : str or sequence of str, optional
        Stage ids or touchpoints any of which is the conversion. By default the stage of the
        purchase, else the last milestone.
    window : str or timedelta, optional
        Longest time from entry to conversion, edge included; all customers must have been
        followed for it. Without one every conversion that was observed counts.
    landmark : str or timedelta, default "7D"
        Time from entry, edge included, within which something must be met.
    level : {"touchpoint", "channel", "stage"}
        What may be met. What is the goal itself is left out.
    by : str or sequence of str, optional
        Attributes as in :meth:`Journeys.attributes`, at entry.

    Returns
    -------
    DataFrame
        Estimates by the level's column: ``risk_ratio`` (share converting with it over that
        without it; 1 is no association), ``with_rate``, ``without_rate`` (0–1, Wilson) and
        ``p_adjusted`` (two-proportion score test, Benjamini–Hochberg over the whole table,
        ``attrs["m"]`` tests). Ratio and p are null (``empty_cell``) where with or without it
        all or none convert, or nobody is. Sessions repeat customers: no limits and no p.
        ``attrs``: ``converted_early``, ``immature``, and ``sentence``, which must go with it.

    Raises
    ------
    UserError
        For an unknown goal or level, or a window that ends before the landmark.

    Notes
    -----
    Landmark analysis: Anderson, Cain & Gelber (1983). Interval of the ratio on the log scale:
    Katz et al. (1978).

    Examples
    --------
    >>> rows = [(who, day, at) for who in "abcdefgh" for day, at in [(1, "see")]]
    >>> rows += [(who, 2, "ad") for who in "abcd"] + [(who, 20, "buy") for who in "abce"]
    >>> log = pd.DataFrame(rows, columns=["customer_id", "day", "stage"])
    >>> log["ts"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(log["day"], unit="D")
    >>> j = Journeys.from_frame(log, stages=["see", "ad", "buy"])
    >>> found = conversion_drivers(j, goal="buy", level="stage")
    >>> found.query("stage == 'ad'")[["metric", "value"]].round(3).values.tolist()[:3]
    [['risk_ratio', 3.0], ['with_rate', 0.75], ['without_rate', 0.25]]
    """
    if level not in LEVELS:
        raise UserError(f'level is "{level}".{did_you_mean(level, LEVELS)}')
    names, codes = j.attributes(by), _goal(j, goal)
    mark, span = parse_duration(landmark, "landmark"), parse_duration(window, "window")
    if mark is None:
        raise UserError("landmark is None; write for example 7D.")
    if span is not None and span <= mark:
        raise UserError(f'window "{window}" must be longer than the landmark "{landmark}".')
    entered = _entered(j, names, codes, mark, span).cache()
    met = _met(j, entered, level, mark)
    index = [*j.columns(names), level]
    shown = [code for code in j.labels(level) if (level, code) not in codes]
    frame = pd.DataFrame([(*key, code) for key in j.groups(names) for code in shown], columns=index)
    totals, own = _totals(j, entered, index[:-1]), _with(j, entered, met, index)
    keys = [*index[:-1], "all"]
    frame = frame.assign(all=0).merge(totals.assign(all=0), how="left", on=keys)
    frame = frame.merge(own, how="left", on=index).fillna(0)
    frame[level] = frame[level].map(j.labels(level))
    found = estimates(_rows(j, frame, index), index)
    found.attrs |= {
        "converted_early": int(totals["early"].sum()),
        "immature": int(totals["immature"].sum()),
        "m": int(found.query("metric == 'p_adjusted'")["value"].notna().sum()),
        "sentence": "association_not_cause",
    }
    return found


def _goal(j: Journeys, goal: str | Sequence[str] | None) -> frozenset[tuple[str, int]]:
    if goal is None:
        goal = j.model.purchase or j.model.milestones[-1]
    return read_codes(j, [goal] if isinstance(goal, str) else list(goal), "goal")


def _entered(
    j: Journeys, names: list[str], codes: frozenset[tuple[str, int]], mark: int, span: int | None
) -> Table:
    """One row per unit with an event in the period: its entry, and what became of it."""
    event = j.events.filter(j.within(j.events.ts))
    own = event.group_by("unit").aggregate(
        ts=_.ts.min(), step=_.step.min(), goal_ts=event.ts.min(where=matches(event, codes))
    )
    waited = microseconds(own.goal_ts, own.ts)
    early = (waited <= mark).fill_null(False)
    followed = microseconds(ibis.literal(j.observed_until), own.ts) > (span or mark)
    kept = followed & ~early
    later = own.goal_ts.notnull() if span is None else (waited <= span).fill_null(False)
    own = own.mutate(early=early, immature=~followed & ~early, kept=kept, converted=kept & later)
    return j.grouped(own.drop("goal_ts"), names)


def _met(j: Journeys, entered: Table, level: str, mark: int) -> Table:
    """What each unit that counts met from its entry to the landmark, each once."""
    event = j.events.filter(j.within(j.events.ts), j.events[level].notnull())
    event = event.select("unit", at="ts", **{level: event[level].cast("int32")})
    kept = entered.filter(entered.kept).drop("step", "early", "immature", "kept")
    table = event.join(kept, "unit")
    return table.filter(microseconds(table["at"], table.ts) <= mark).drop("at", "ts").distinct()


def _totals(j: Journeys, entered: Table, columns: list[str]) -> pd.DataFrame:
    """Units that count and that convert, and the customers they belong to."""
    fields = {"n": _.kept.sum(), "x": _.converted.sum()}
    more = {"early": _.early.sum(), "immature": _.immature.sum()}
    totals = entered.aggregate(by=columns, **fields, **more).execute()
    if j.unit == "customer":
        return totals.assign(who=totals["n"], hits=totals["x"])
    people = _people(j, entered.filter(entered.kept), columns)
    counts = people.aggregate(by=columns, who=_.count(), hits=(_.x > 0).sum()).execute()
    totals, counts = totals.assign(all=0), counts.assign(all=0)
    return totals.merge(counts, how="left", on=[*columns, "all"]).drop(columns="all")


def _people(j: Journeys, table: Table, keys: list[str]) -> Table:
    """Units and converting units of each customer."""
    table = j.with_customer(table)
    return table.group_by([*keys, "customer"]).aggregate(n=_.count(), x=_.converted.sum())


def _with(j: Journeys, entered: Table, met: Table, index: list[str]) -> pd.DataFrame:
    """The same for those who met something, and the customers all of whose units did."""
    own = met.aggregate(by=index, n1=_.count(), x1=_.converted.sum()).execute()
    if j.unit == "customer":
        return own.assign(who1=own["n1"], hits1=own["x1"], whole=own["n1"], settled=own["x1"])
    base = _people(j, entered.filter(entered.kept), index[:-1])
    some = _people(j, met, index).rename(n1="n", x1="x")
    some = some.join(base, [*index[:-1], "customer"])
    counts = some.aggregate(
        by=index,
        who1=_.count(),
        hits1=(_.x1 > 0).sum(),
        whole=(_.n1 == _.n).sum(),
        settled=((_.x > 0) & (_.x1 == _.x)).sum(),
    )
    return own.merge(counts.execute(), how="left", on=index)


def _rows(j: Journeys, frame: pd.DataFrame, index: list[str]) -> pd.DataFrame:
    """Four numbers for each thing that could be met."""
    n, x, n1, x1 = (frame[name].to_numpy(dtype="float64") for name in ("n", "x", "n1", "x1"))
    n0, x0 = n - n1, x - x1
    ratio, low, high = risk_ratio(x1, n1, x0, n0)
    p = np.where(np.isnan(ratio), np.nan, score_test(x1, n1, x0, n0))
    repeats = j.unit == "session"
    if repeats:
        low, high, p = (np.full(len(frame), np.nan) for _part in range(3))
    whole = {"n": n, "customers": frame["who"], "hits": frame["hits"], "of": f"{j.unit}s at risk"}
    bare = {"customers": frame["who"] - frame["whole"], "hits": frame["hits"] - frame["settled"]}
    met = {"customers": frame["who1"], "hits": frame["hits1"]}
    metrics = {
        "risk_ratio": {"value": ratio, "low": low, "high": high, **whole},
        "with_rate": {**_rate(x1, n1, repeats), **met, "of": f"{j.unit}s with it"},
        "without_rate": {**_rate(x0, n0, repeats), **bare, "of": f"{j.unit}s without it"},
        "p_adjusted": {"value": adjust(p), **whole},
    }
    parts = []
    for metric, fields in metrics.items():
        unit = {"risk_ratio": "ratio", "p_adjusted": "p"}.get(metric, "1")
        part = frame[index].assign(metric=metric, unit=unit, **fields)
        empty = "customers_repeat" if metric == "p_adjusted" and repeats else "empty_cell"
        parts.append(part.assign(note=part["value"].isna().map({True: empty, False: None})))
    table = pd.concat(parts).sort_index(kind="stable")
    return table[[*index, *(c for c in COLUMNS if c in table.columns)]]


def _rate(x: Floats, n: Floats, repeats: bool) -> dict[str, Any]:
    share = proportion(x, n)
    limits = {} if repeats else {"low": share.low, "high": share.high}
    return {"value": share.value, "n": n, **limits}


def risk_ratio(x1: Floats, n1: Floats, x0: Floats, n0: Floats) -> tuple[Floats, Floats, Floats]:
    """Ratio of two shares with Katz's limits; null where a cell of the four is empty."""
    full = (np.minimum(x1, x0) > 0) & (x1 < n1) & (x0 < n0)
    a, n, b, m = (np.where(full, part, np.nan) for part in (x1, n1, x0, n0))
    ratio = (a / n) / (b / m)
    width = np.exp(special.ndtri(0.975) * np.sqrt(1 / a - 1 / n + 1 / b - 1 / m))
    return ratio, ratio / width, ratio * width
