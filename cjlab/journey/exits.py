"""Competing exits: where customers go from each stage, and by when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._waiting import Row, Rows, cells_of, day_grid, limits
from cjlab.journey.base import Journeys, parse_duration
from cjlab.journey.timing import stays

STAY = "(stay)"


def exits(
    j: Journeys,
    *,
    by: str | Sequence[str] | None = None,
    horizon: str | timedelta | None = None,
    points: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Share of stays in each stage that have ended in each next stage after so many days.

    Parameters
    ----------
    j : Journeys
        The journeys; stays are taken by their start.
    by : str or sequence of str, optional
        As in :func:`time_in_stage`.
    horizon : str or timedelta, optional
        Last day; by default the last one at which enough are still there.
    points : sequence of float, optional
        Days to read the shares at; 1, 2, 3, 5, 7, 10, 14, 21, 30 … by default.

    Returns
    -------
    DataFrame
        Estimates by ``stage, exit, day``: ``incidence``, 0–1 with log-log limits, for every
        stage that someone went to from there, and ``survival`` of exit ``(stay)``: those still
        there. All of a stage and day add up to 1. ``n`` counts all stays, ``hits`` customers
        who have gone that way by that day (null for those still there). Null with
        ``few_at_risk`` where fewer than ``j.minimum`` customers are still there to tell, with
        ``no_spells`` where nobody ever was.

    Raises
    ------
    UserError
        For an unknown attribute, a bad horizon or bad points.

    Notes
    -----
    Aalen–Johansen with the delta variance, cluster-robust where customers repeat a stage (see
    `cjlab.incidence`). 1 − Kaplan–Meier for each exit would overstate all of them.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b", "b"],
    ...                     "stage": ["see", "buy", "see", "leave"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-03"] * 2)})
    >>> j = Journeys.from_frame(log, stages=["see", "buy", "leave"])
    >>> j.minimum = 1
    >>> found = exits(j, points=[2]).query("stage == 'see'")
    >>> found[["exit", "metric", "value"]].values.tolist()
    [['buy', 'incidence', 0.5], ['leave', 'incidence', 0.5], ['(stay)', 'survival', 0.0]]
    """
    names = j.attributes(by)
    found = stays(j, names)
    days = day_grid(j, list(found.values()), parse_duration(horizon, "horizon"), points)
    ways: dict[str, set[int]] = {stage: set() for stage in j.model.ids}
    for key, seen in found.items():
        ways[j.model.ids[int(key[-1])]] |= set(np.unique(seen.waits.end).tolist()) - {0}
    rows: list[Row] = []
    for group, stage, cell in cells_of(j, names, found):
        base = {**group, "stage": stage, "unit": "1", "of": "stays"}
        rows += _rows(j, base, cell, days, sorted(ways[stage]))
    keys = [*j.columns(names), "stage", "exit", "day"]
    return estimates(pd.DataFrame(rows, columns=[*keys, *COLUMNS]), keys)


def _rows(
    j: Journeys, base: Row, cell: Rows | None, days: list[float], ways: list[int]
) -> list[Row]:
    shown = [(j.model.ids[way - 1], "incidence") for way in ways] + [(STAY, "survival")]
    every = [{**base, "exit": e, "metric": m, "day": day} for e, m in shown for day in days]
    if cell is None:
        none = {"value": None, "n": 0, "customers": 0, "note": "no_spells"}
        return [{**row, **none} for row in every]
    numbers = [(*part, done) for part, done in _numbers(cell, days, ways)]
    few = np.tile(cell.at_risk(days) < j.minimum, len(shown))
    found = []
    for row, (value, low, high, hits), hidden in zip(every, numbers, few, strict=True):
        known = {**row, **cell.counts, "hits": hits}
        if hidden:
            found.append({**known, "value": None, "note": "few_at_risk"})
        else:
            found.append({**known, **limits(cell, value, low, high)})
    return found


def _numbers(
    cell: Rows, days: list[float], ways: list[int]
) -> list[tuple[tuple[float, float, float], int | None]]:
    """Value with limits, and customers who went that way, for each way and day; then who stay."""
    curve = cell.incidence(days)
    column = {int(cause): k for k, cause in enumerate(curve.causes)}
    found: list[tuple[tuple[float, float, float], int | None]] = []
    for way in ways:
        if way not in column:
            found += [((0.0, np.nan, np.nan), 0)] * len(days)
            continue
        parts = (table[:, column[way]] for table in (curve.value, curve.low, curve.high))
        done = cell.ended(days, way).tolist()
        found += zip(zip(*parts, strict=True), done, strict=True)
    stay = (curve.survival, curve.survival_low, curve.survival_high)
    return found + [(part, None) for part in zip(*stay, strict=True)]
