"""Time to convert: how long from a first touch to the goal, with those still on the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._waiting import Row, Rows, collect, day_grid, limits, summary
from cjlab.journey.base import Journeys, microseconds, parse_duration


def time_to_convert(
    j: Journeys,
    *,
    start: str | None = None,
    goal: str | None = None,
    by: str | Sequence[str] | None = None,
    horizon: str | timedelta | None = None,
) -> pd.DataFrame:
    """Estimate how many days it takes from the first `start` to the first `goal` after it.

    A goal before the start does not count, so a time is never negative; who has not come to the
    goal yet counts as "at least so long" (censored).

    Parameters
    ----------
    j : Journeys
        The journeys; starts are taken from the period.
    start, goal : str, optional
        A stage or touchpoint; the first milestone, and the purchase (else the last milestone),
        by default.
    by : str or sequence of str, optional
        Attributes such as ``"persona"``; of channels and the like, that at the start.
    horizon : str or timedelta, optional
        Limit of the restricted mean, such as ``"30D"``; the longest time observed by default.

    Returns
    -------
    DataFrame
        Estimates by ``from`` and ``to``: ``q25``, ``median``, ``q75`` (days after which that
        share of all who started has converted) and ``rmst``. ``n`` counts journeys with a
        start, ``hits`` customers seen to convert. Null with ``not_reached`` means that fewer
        than that share converted while observed, with ``nobody_started`` that none began.

    Raises
    ------
    UserError
        For an unknown stage, touchpoint or attribute, one thing as start and goal, or a bad
        horizon.

    Notes
    -----
    Kaplan–Meier as in :func:`time_in_stage`. Events at one instant count as after each other.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a"], "stage": ["see", "buy"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-03"])})
    >>> found = time_to_convert(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found.query("metric == 'median'")[["from", "to", "value"]].values.tolist()
    [['see', 'buy', 2.0]]
    """
    names, ends = j.attributes(by), _ends(j, start, goal)
    limit = parse_duration(horizon, "horizon")
    rows: list[Row] = []
    for group, cell in _cells(j, names, *ends):
        base = {**group, "from": ends[0], "to": ends[1], "of": "journeys with a start"}
        rows += summary(base, cell, limit, "nobody_started")
    keys = [*j.columns(names), "from", "to"]
    return estimates(pd.DataFrame(rows, columns=[*keys, *COLUMNS]), keys)


def convert_curve(
    j: Journeys,
    *,
    start: str | None = None,
    goal: str | None = None,
    by: str | Sequence[str] | None = None,
    horizon: str | timedelta | None = None,
    points: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Share of those who started that has converted after so many days.

    Parameters
    ----------
    j : Journeys
        The journeys; starts are taken from the period.
    start, goal : str, optional
        As in :func:`time_to_convert`.
    by : str or sequence of str, optional
        As in :func:`time_to_convert`.
    horizon : str or timedelta, optional
        Last day of the curves; by default the last one at which enough are still on the way.
    points : sequence of float, optional
        Days to read the curves at; 1, 2, 3, 5, 7, 10, 14, 21, 30 … by default.

    Returns
    -------
    DataFrame
        Estimates by ``from, to, day``: ``converted`` = 1 − S, 0–1 with log-log limits. ``n``
        counts all journeys with a start, ``hits`` customers who have converted by that day.
        Null with ``few_at_risk`` where fewer than ``j.minimum`` are still on the way.

    Raises
    ------
    UserError
        As in :func:`time_to_convert`, and for bad points.

    Notes
    -----
    Kaplan–Meier; cluster-robust where customers repeat, as sessions do.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-03", "2026-01-01"])})
    >>> j = Journeys.from_frame(log, stages=["see", "buy"], observed_until="2026-01-05")
    >>> j.minimum = 1
    >>> convert_curve(j, points=[1, 2])[["day", "value", "hits"]].values.tolist()
    [[1.0, 0.0, 0], [2.0, 0.5, 1]]
    """
    names, ends = j.attributes(by), _ends(j, start, goal)
    cells = _cells(j, names, *ends)
    known = [cell for _group, cell in cells if cell is not None]
    days = day_grid(j, known, parse_duration(horizon, "horizon"), points)
    rows: list[Row] = []
    for group, cell in cells:
        base = {**group, "from": ends[0], "to": ends[1], "metric": "converted", "unit": "1"}
        rows += _curve(j, {**base, "of": "journeys with a start"}, cell, days)
    keys = [*j.columns(names), "from", "to", "day"]
    return estimates(pd.DataFrame(rows, columns=[*keys, *COLUMNS]), keys)


def _curve(j: Journeys, base: Row, cell: Rows | None, days: list[float]) -> list[Row]:
    if cell is None:
        none = {"value": None, "n": 0, "customers": 0, "hits": 0, "note": "nobody_started"}
        return [{**base, "day": day, **none} for day in days]
    curve, waiting, done = cell.incidence(days), cell.at_risk(days), cell.ended(days, 1)
    found = []
    for k, day in enumerate(days):
        row = {**base, "day": day, **cell.counts, "hits": int(done[k])}
        if waiting[k] < j.minimum:
            found.append({**row, "value": None, "note": "few_at_risk"})
            continue
        low, high = 1 - curve.survival_high[k], 1 - curve.survival_low[k]
        found.append({**row, **limits(cell, 1 - curve.survival[k], low, high)})
    return found


def _ends(j: Journeys, start: str | None, goal: str | None) -> tuple[str, str]:
    milestones = list(j.model.milestones)
    begin = milestones[0] if start is None else start
    end = (j.model.purchase or milestones[-1]) if goal is None else goal
    if begin == end:
        raise UserError(f'start and goal are both "{begin}"; there is no way between.')
    return begin, end


def _cells(j: Journeys, names: list[str], start: str, goal: str) -> list[tuple[Row, Rows | None]]:
    table = waits(j, start, goal).mutate(end=_.left.cast("int16"))
    columns = j.columns(names)
    found = collect(j.grouped(table, names), columns, j.cluster)
    return [(dict(zip(columns, key, strict=True)), found.get(key)) for key in j.groups(names)]


def waits(j: Journeys, start: str, goal: str) -> Table:
    """Return one row per unit with a start: unit, customer, step, ts, waited and left."""
    event = j.events
    begins = _is(j, event, start, "start") & j.within(event.ts)
    begun = (
        event.filter(begins)
        .group_by("unit")
        .aggregate(customer=_.customer.argmin(_.step), step=_.step.min(), ts=_.ts.min())
    )
    goals = event.filter(_is(j, event, goal, "goal")).select("unit", reached="ts")
    after = begun.join(goals, "unit").filter(_.reached >= _.ts)
    first = after.group_by("unit").aggregate(reached=_.reached.min())
    found = begun.left_join(first, "unit").drop("unit_right")
    left = found.reached.notnull()
    # The end of observation itself is not observed: the last seen microsecond is before it.
    followed = microseconds(ibis.literal(j.observed_until), found.ts) - 1
    waited = left.ifelse(microseconds(found.reached, found.ts), followed)
    return found.mutate(left=left, waited=waited).drop("reached")


def _is(j: Journeys, event: Table, name: str, option: str) -> Any:
    """Whether an event is in the stage, or at the touchpoint, of this name."""
    if name in j.model.codes:
        return event.stage == j.model.codes[name]
    codes = {label: code for code, label in j.labels("touchpoint").items()}
    if name not in codes:
        near = did_you_mean(name, [*j.model.codes, *codes])
        raise UserError(f'{option}: no stage or touchpoint "{name}".{near}')
    return event.touchpoint == codes[name]
