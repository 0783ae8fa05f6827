"""The funnel: how far customers get through the steps, over every possible start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._at_window import conversions
from cjlab.journey._sizes import Counted, Key, Sizes, count
from cjlab.journey._steps import Steps, read_plan
from cjlab.journey.base import Journeys


def funnel(
    j: Journeys,
    *,
    steps: Steps = None,
    window: str | timedelta | None = None,
    order: str = "ordered",
    exclude: str | Sequence[str] | None = None,
    increasing: bool = False,
    mature_only: bool = True,
    by: str | Sequence[str] | None = None,
    breakdown: str = "first",
) -> pd.DataFrame:
    """Count how many customers reach each step, and the rates between steps.

    A customer's level is the longest k with t1 ≤ t2 ≤ … ≤ tk ≤ t1 + window for distinct
    events, over *every* start in the period, not only the first visit. Each customer (or
    session, or account: the unit of the journeys) counts once.

    Parameters
    ----------
    j : Journeys
        The journeys; starts are taken from its period.
    steps : sequence of str or of sequences of str, optional
        Stage ids or touchpoints in order; a sequence within it is "any of these". The
        milestones of the stage model by default.
    window : str or timedelta, optional
        Longest time from a start to the last step, edge included, such as ``"30D"``. Without
        one a step may follow at any time that was observed.
    order : {"ordered", "strict", "any"}, default "ordered"
        ``strict``: the steps' events follow each other directly in the order of the journey;
        only events without a stage that no step or exclusion names are passed over. ``any``:
        the first k steps were reached in any order; the window begins at the first of them.
    exclude : str or sequence of str, optional
        Stage ids or touchpoints that may not come in between: an event of these at a later
        instant than one step and an earlier one than the next disqualifies that run, not other
        runs of the same customer. Events at the very instant of a step are not in between.
        With ``any`` it may not come between the first and the last step reached.
    increasing : bool, default False
        Whether each step must come at a later instant than the one before.
    mature_only : bool, default True
        With a window, count only customers whose first start was followed for all of it, so
        that late starters do not look like drop-outs. False counts everyone.
    by : str or sequence of str, optional
        Attributes as in :meth:`Journeys.attributes`; a calendar takes the first start.
    breakdown : {"first", "last", "step", "only"}, default "first"
        Which value of a channel, device, role or source counts, where it changes within a
        journey: that at the first start; at the event that completes the furthest step; for
        each number that at its denominator's own step (for ``reached`` at the step itself);
        or customers whose known values are all the same only. Of several events that could
        complete a step at one instant it is the first. A journey is never cut in two.

    Returns
    -------
    DataFrame
        Estimates by ``step``: ``reached`` (customers), ``from_first`` (share of those at step
        1), ``from_previous`` (share of those at the step before) and ``km_conversion``
        (Kaplan–Meier at the window over all entrants, mature or not). Rates are 0–1 with
        Wilson intervals, the last with log-log limits. Sessions repeat customers: their rates'
        intervals count customers (null with one customer), and the last has none. A null value
        is a rate without a base: nobody at the step before, or no window; with status
        ``not_yet_observed`` there are entrants, but nobody was followed for the whole window
        yet. Every segment of the customers is there, entrants or not. ``attrs``: ``steps``,
        ``immature`` entrants left out, and with a changing attribute ``changing``, how many
        entrants take more than one known value of it (with ``only`` they are left out).

    Raises
    ------
    UserError
        For a step that is no stage or touchpoint, fewer than two steps, a bad window or choice.

    Warns
    -----
    ChangingAttribute
        Where some entrants take more than one value, and one of them had to be chosen.

    Notes
    -----
    Events at one instant count in either order (not with ``strict``), and one event serves one
    step only. Source of the interval: Wilson (1927); for sessions Korn & Graubard (1998). In
    the Kaplan–Meier estimate the clock starts at the start of the run that first completes the
    step, for all others at their first start.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = funnel(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found.query("metric == 'from_first'")[["step", "value", "hits", "n"]].values.tolist()
    [['see', 1.0, 2, 2], ['buy', 0.5, 1, 2]]
    """
    plan = read_plan(j, steps, window, order, exclude, increasing)
    found = count(j, plan, j.attributes(by), mature_only, breakdown)
    km = None if plan.span is None else conversions(j, found, plan.span)
    rows: list[dict[str, Any]] = []
    for key in j.groups(found.names):
        segment = dict(zip(found.columns, key, strict=True))
        rows += [{**segment, **row} for row in _rows(f"{j.unit}s", found, key, km)]
    table = pd.DataFrame(rows, columns=[*found.columns, "step", *COLUMNS])
    table = estimates(table, [*found.columns, "step"])
    table.attrs |= found.facts()
    return table


def _rows(
    who: str, found: Counted, key: Key, km: dict[tuple[Key, int], dict[str, Any]] | None
) -> list[dict[str, Any]]:
    """The four numbers of each step in one segment."""
    rows: list[dict[str, Any]] = []
    labels, first = found.plan.labels, found.at(key, 0)
    for k, label in enumerate(labels):
        before = found.at(key, max(k - 1, 0))
        onward: dict[str, Any] = {"value": None, "note": "first_step"}
        if k:
            onward = {**before.rate(k, k - 1), "of": f"{who} at {labels[k - 1]}"}
        curve = _km(k, key, km, first)
        rows += [
            {"metric": "reached", **_reached(who, found, key, k), "unit": who},
            {"metric": "from_first", **first.rate(k, 0), "of": f"{who} at {labels[0]}"},
            {"metric": "from_previous", **onward},
            {"metric": "km_conversion", **curve, "of": "all entrants"},
        ]
        for row in rows[-4:]:
            row["step"] = label
            row.setdefault("unit", "1")
    return rows


def _reached(who: str, found: Counted, key: Key, k: int) -> dict[str, Any]:
    """How many are at a step, of the entrants; by the value at the step, of those at it."""
    own, base = found.at(key, k), k if found.by_step else 0
    fields = {"n": own[f"u{base}"], "customers": own[f"c{base}"], "hits": own[f"c{k}"]}
    of = f"{who} at this step" if found.by_step else "entrants"
    return {**fields, "of": of, "value": own[f"u{k}"], **own.early(base)}


def _km(
    k: int, key: Key, km: dict[tuple[Key, int], dict[str, Any]] | None, first: Sizes
) -> dict[str, Any]:
    base = {"n": first["entrants"], "customers": first["who"]}
    if not first["entrants"]:
        return {**base, "hits": 0, "value": None, "note": "nobody_at_step_before"}
    if k == 0:
        return {**base, "hits": first["who"], "value": 1.0, "note": "first_step"}
    if km is None:
        return {**base, "hits": first[f"c{k}"], "value": None, "note": "no_window"}
    return km[key, k]
