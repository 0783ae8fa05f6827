"""The funnel: how far customers get through the steps, over every possible start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._runs import Steps, people, read_steps
from cjlab.journey.base import Journeys, microseconds, parse_duration
from cjlab.stats import km, proportion


def funnel(
    j: Journeys,
    *,
    steps: Steps = None,
    window: str | timedelta | None = None,
    by: str | Sequence[str] | None = None,
    mature_only: bool = True,
) -> pd.DataFrame:
    """Count how many customers reach each step in order, and the rates between steps.

    A customer's level is the longest k with t1 ≤ t2 ≤ … ≤ tk ≤ t1 + window for distinct
    events, over *every* start in the period, not only the first visit. Each customer counts
    once.

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
    by : str or sequence of str, optional
        Customer attributes, such as ``"persona"``.
    mature_only : bool, default True
        With a window, count only customers whose first start was followed for all of it, so
        that late starters do not look like drop-outs. False counts everyone.

    Returns
    -------
    DataFrame
        Estimates by ``step``: ``reached`` (customers), ``from_first`` (share of those at step
        1), ``from_previous`` (share of those at the step before) and ``km_conversion``
        (Kaplan–Meier at the window over all customers, mature or not). Rates are 0–1 with
        Wilson intervals, the last with log-log limits. A null value is a rate without a
        base: nobody at the step before, or no window; with status ``not_yet_observed`` there
        are entrants, but nobody was followed for the whole window yet. Every segment of the
        customers is there, entrants or not. ``attrs["immature"]`` is the number of entrants
        left out.

    Raises
    ------
    UserError
        For a step that is no stage or touchpoint, fewer than two steps, or a bad window.

    Notes
    -----
    Events at one instant count in either order, and one event serves one step only. Source of
    the interval: Wilson (1927). In the Kaplan–Meier estimate the clock starts at the
    start of the run that first completes the step, for all others at their first start.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = funnel(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found.query("metric == 'from_first'")[["step", "value", "hits", "n"]].values.tolist()
    [['see', 1.0, 2, 2], ['buy', 0.5, 1, 2]]
    """
    names = j.attributes(by)
    labels, conditions = read_steps(j, steps)
    span = parse_duration(window, "window")
    entrants = j.grouped(people(j, conditions, span), names)
    mature: Any = ibis.literal(True)
    if span is not None:
        mature = microseconds(ibis.literal(j.observed_until), entrants.entry) > span
    entrants = entrants.mutate(mature=mature, counted=mature if mature_only else ibis.literal(True))
    entrants = entrants.cache()
    sizes = _sizes(entrants, names, len(labels))
    curves = {} if span is None else _curves(entrants, j, names, len(labels), span)
    rows: list[dict[str, Any]] = []
    nobody = _Group(0, 0, [0] * len(labels))
    for key in j.groups(names):
        group = sizes.get(key, nobody)
        km_rows = None if span is None else curves.get(key, {})
        rows += _rows(dict(zip(names, key, strict=True)), labels, group, km_rows)
    found = estimates(pd.DataFrame(rows, columns=[*names, "step", *COLUMNS]), [*names, "step"])
    immature = sum(group.entrants - group.counted for group in sizes.values())
    found.attrs |= {"immature": immature, "steps": labels}
    return found


def dropoff(
    j: Journeys,
    *,
    steps: Steps = None,
    window: str | timedelta | None = None,
    by: str | Sequence[str] | None = None,
    mature_only: bool = True,
) -> pd.DataFrame:
    """Share of the customers at each step who never reach the next one.

    Parameters
    ----------
    j : Journeys
        The journeys.
    steps : sequence of str or of sequences of str, optional
        As in :func:`funnel`.
    window : str or timedelta, optional
        As in :func:`funnel`.
    by : str or sequence of str, optional
        As in :func:`funnel`.
    mature_only : bool, default True
        As in :func:`funnel`.

    Returns
    -------
    DataFrame
        Estimates by ``step``, the last step left out since nothing follows it: ``dropoff`` =
        1 − n(k+1) / n(k), 0–1 with the Wilson interval. Null where nobody reached the step.

    Raises
    ------
    UserError
        As in :func:`funnel`.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = dropoff(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found[["step", "value", "n"]].values.tolist()
    [['see', 0.5, 2]]
    """
    table = funnel(j, steps=steps, window=window, by=by, mature_only=mature_only)
    names = j.attributes(by)
    labels = table.attrs["steps"]
    onward = table[(table["metric"] == "from_previous") & (table["step"] != labels[0])].copy()
    before = dict(zip(labels[1:], labels[:-1], strict=True))
    onward["step"] = onward["step"].map(before)
    onward["hits"] = onward["n"] - onward["hits"]
    onward["value"], low = 1 - onward["value"], 1 - onward["low"]
    onward["low"], onward["high"] = 1 - onward["high"], low
    onward = onward.assign(metric="dropoff", of="customers at this step")
    return estimates(onward, [*names, "step"])


class _Group(NamedTuple):
    """One segment: entrants, those of them that count, and how many reached each step."""

    entrants: int
    counted: int
    reached: list[int]


def _sizes(entrants: Table, names: list[str], count: int) -> dict[tuple[str, ...], _Group]:
    """Count each segment's entrants and how many of them reached each step."""
    reached = {
        f"n{k}": (entrants[f"t{k}"].notnull() & entrants.counted).sum() for k in range(count)
    }
    table = entrants.aggregate(
        by=names, entrants=entrants.count(), counted=entrants.counted.sum(), **reached
    ).execute()
    found = {}
    for row in table.fillna(0).itertuples(index=False):
        key, numbers = tuple(row[: len(names)]), [int(n) for n in row[len(names) :]]
        found[key] = _Group(numbers[0], numbers[1], numbers[2:])
    return found


def _curves(
    people: Table, j: Journeys, names: list[str], count: int, span: int
) -> dict[tuple[str, ...], dict[int, dict[str, Any]]]:
    """Kaplan–Meier conversion at the window: group -> step -> the estimate's fields."""
    until = ibis.literal(j.observed_until)
    # The end of observation itself is not observed.
    followed = microseconds(until, people.entry) - 1
    parts = []
    for k in range(1, count):
        done = people[f"t{k}"].notnull()
        waited = done.ifelse(microseconds(people[f"t{k}"], people[f"b{k}"]), followed)
        waited = ibis.least(waited, ibis.literal(span + 1))
        parts.append(people.select(*names, k=ibis.literal(k), done=done, waited=waited))
    spells = ibis.union(*parts) if len(parts) > 1 else parts[0]
    every = spells.group_by([*names, "k", "waited", "done"]).aggregate(n=spells.count()).execute()
    curves: dict[tuple[str, ...], dict[int, dict[str, Any]]] = {}
    for key, part in every.groupby([*names, "k"]):
        fields = _conversion(part, span)
        curves.setdefault(tuple(key[:-1]), {})[int(key[-1])] = fields
    return curves


def _conversion(part: pd.DataFrame, span: int) -> dict[str, Any]:
    """Conversion at the window with its limits; null where nobody was followed that far."""
    sizes, done = part["n"].to_numpy(), part["done"].to_numpy(dtype=bool)
    curve = km(part["waited"].to_numpy(), done, weights=sizes)
    base = {"n": sizes.sum(), "customers": sizes.sum(), "hits": sizes[done].sum()}
    if curve.time[-1] < span and curve.survival[-1] > 0:
        return {**base, "value": None, "note": "beyond_observation", "status": "not_yet_observed"}
    at = int(np.searchsorted(curve.time, span, side="right")) - 1
    if at < 0:
        return {**base, "value": 0.0}
    low, high = 1 - curve.high[at], 1 - curve.low[at]
    return {**base, "value": 1 - curve.survival[at], "low": low, "high": high}


def _rows(
    group: dict[str, Any],
    labels: list[str],
    sizes: _Group,
    curves: dict[int, dict[str, Any]] | None,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    first = sizes.reached[0]
    # Entrants there are, but none whose window is over: not yet known, never 0.
    early = {"value": None, "status": "not_yet_observed"} if sizes.entrants and not first else {}
    for k, label in enumerate(labels):
        here, before = sizes.reached[k], sizes.reached[k - 1]
        base = {**group, "step": label, "customers": first, "hits": here, "n": first, "unit": "1"}
        reached = {"metric": "reached", "value": here, "unit": "customers", "of": "entrants"}
        of_first = {"metric": "from_first", "of": f"customers at {labels[0]}"}
        onward: dict[str, Any] = {"metric": "from_previous", "note": "first_step"}
        if k == 0:
            onward |= dict.fromkeys(("value", "n", "customers", "hits"))
        else:
            onward |= {"n": before, "customers": before, "of": f"customers at {labels[k - 1]}"}
            onward |= {"note": None, **_rate(here, before), **(early if not before else {})}
        rows += [
            {**base, **reached, **early},
            {**base, **of_first, **_rate(here, first, certain=k == 0), **early},
            {**base, **onward},
            {**base, "metric": "km_conversion", "of": "all entrants", **_km(k, curves, sizes)},
        ]
    return rows


def _rate(hits: int, base: int, *, certain: bool = False) -> dict[str, Any]:
    if not base:
        return {"value": None, "note": "nobody_at_step_before"}
    if certain:
        return {"value": 1.0}
    share = proportion(hits, base)
    return {"value": share.value, "low": share.low, "high": share.high}


def _km(k: int, curves: dict[int, dict[str, Any]] | None, sizes: _Group) -> dict[str, Any]:
    base = {"n": sizes.entrants, "customers": sizes.entrants}
    if not sizes.entrants:
        return {**base, "value": None, "note": "nobody_at_step_before"}
    if k == 0:
        return {**base, "hits": sizes.entrants, "value": 1.0, "note": "first_step"}
    if curves is None:
        return {**base, "value": None, "note": "no_window"}
    return curves[k]
