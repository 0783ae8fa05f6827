"""The funnel: how far customers get through the steps, over every possible start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import estimates
from cjlab.journey.base import Journeys, microseconds, parse_duration
from cjlab.stats import km, proportion

Steps = Sequence[str | Sequence[str]] | None


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
        base: nobody at the step before, or no window. ``attrs["immature"]`` is the number of
        entrants left out.

    Raises
    ------
    UserError
        For a step that is no stage or touchpoint, fewer than two steps, or a bad window.

    Notes
    -----
    Source of the interval: Wilson (1927). In the Kaplan–Meier estimate the clock starts at the
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
    labels, conditions, overlap = _steps(j, steps)
    span = parse_duration(window, "window")
    people = j.grouped(_people(j, conditions, span, overlap), names)
    if span is None:
        people = people.mutate(mature=ibis.literal(True))
    else:
        followed = microseconds(ibis.literal(j.observed_until), people.entry) > span
        people = people.mutate(mature=followed)
    people = people.cache()
    counted = people.filter(people.mature) if mature_only else people
    count = len(labels)
    reached = counted.aggregate(
        by=names, **{f"n{k}": counted[f"t{k}"].notnull().sum() for k in range(count)}
    ).execute()
    immature = int(people.aggregate(n=(~people.mature).sum()).execute()["n"].fillna(0).iloc[0])
    if not names and reached.empty:
        reached = pd.DataFrame([{f"n{k}": 0 for k in range(count)}])
    reached = reached.sort_values(names, ignore_index=True) if names else reached.fillna(0)
    curves = _curves(people, j, names, count, span)
    rows: list[dict[str, Any]] = []
    for record in reached.to_dict("records"):
        group = {name: record[name] for name in names}
        sizes = [int(record[f"n{k}"]) for k in range(count)]
        rows += _rows(group, labels, sizes, curves.get(tuple(group.values()), {}))
    found = estimates(pd.DataFrame(rows), [*names, "step"])
    found.attrs |= {"immature": immature if mature_only else 0, "steps": labels}
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
    steps, window, by, mature_only
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
    onward = onward.assign(metric="dropoff", of="customers at this step", note=None)
    return estimates(onward, [*names, "step"])


def _steps(j: Journeys, steps: Steps) -> tuple[list[str], list[Any], bool]:
    """Return step labels, their conditions on events, and whether two steps share events."""
    chosen = list(steps) if steps is not None else list(j.model.milestones)
    if len(chosen) < 2:
        raise UserError("a funnel needs at least two steps.")
    touchpoints = {label: code for code, label in j.labels("touchpoint").items()}
    stages = j.model.codes
    labels, conditions, seen, overlap = [], [], set[tuple[str, int]](), False
    for step in chosen:
        parts = [step] if isinstance(step, str) else list(step)
        codes: set[tuple[str, int]] = set()
        for part in parts:
            if part in stages:
                codes.add(("stage", stages[part]))
            elif part in touchpoints:
                codes.add(("touchpoint", touchpoints[part]))
            else:
                valid = [*stages, *touchpoints]
                raise UserError(
                    f'steps: no stage or touchpoint "{part}".{did_you_mean(part, valid)}'
                )
        kinds = {kind for kind, _ in codes | seen}
        overlap |= bool(codes & seen) or (len(kinds) > 1 and bool(seen))
        seen |= codes
        conditions.append(codes)
        labels.append(" | ".join(parts))
    if len(set(labels)) < len(labels):
        labels = [
            f"{label} ({place})" if labels.count(label) > 1 else label
            for place, label in enumerate(labels, 1)
        ]
    return labels, conditions, overlap


def _matches(event: Table, codes: set[tuple[str, int]]) -> Any:
    stages = [code for kind, code in codes if kind == "stage"]
    touchpoints = [code for kind, code in codes if kind == "touchpoint"]
    match: Any = ibis.literal(False)
    if stages:
        match = match | event.stage.isin(stages).fill_null(False)
    if touchpoints:
        match = match | event.touchpoint.isin(touchpoints)
    return match


def _people(
    j: Journeys, conditions: list[set[tuple[str, int]]], span: int | None, overlap: bool
) -> Table:
    """One row per entrant: entry, and per step the first completion and its own start.

    Each event carries the latest start of a run that ends at it: the later the start, the more
    of the window is left, so the running maximum is all that the next step has to know.
    """
    event = j.events
    flags = {f"m{k}": _matches(event, codes) for k, codes in enumerate(conditions)}
    table = event.select("unit", "ts", "step", **flags)
    anything: Any = ibis.literal(False)
    for flag in flags:
        anything = anything | table[flag]
    table = table.filter(anything)
    table = table.mutate(s0=(table.m0 & j.within(table.ts)).ifelse(table.ts, ibis.null()))
    for k in range(1, len(conditions)):
        if overlap:
            past = ibis.window(group_by="unit", order_by=["ts", "step"], preceding=(None, 1))
        else:
            past = ibis.range_window(group_by="unit", order_by="ts", preceding=None, following=0)
        table = table.mutate(latest=table[f"s{k - 1}"].max().over(past))
        runs = table[f"m{k}"] & table.latest.notnull()
        if span is not None:
            runs &= microseconds(table.ts, table.latest) <= span
        table = table.mutate(**{f"s{k}": runs.ifelse(table.latest, ibis.null())}).drop("latest")
    done: dict[str, Any] = {"entry": table.s0.min()}
    for k in range(len(conditions)):
        done[f"t{k}"] = table.ts.min(where=table[f"s{k}"].notnull())
        done[f"b{k}"] = table[f"s{k}"].argmin(table.ts, where=table[f"s{k}"].notnull())
    people = table.group_by("unit").aggregate(**done)
    return people.filter(people.entry.notnull())


def _curves(
    people: Table, j: Journeys, names: list[str], count: int, span: int | None
) -> dict[tuple[Any, ...], dict[int, tuple[Any, int, int]]]:
    """Kaplan–Meier conversion at the window: group -> step -> (interval, entrants, conversions)."""
    if span is None:
        return {}
    curves: dict[tuple[Any, ...], dict[int, tuple[Any, int, int]]] = {}
    until = ibis.literal(j.observed_until)
    parts = []
    for k in range(1, count):
        done = people[f"t{k}"].notnull()
        # The end of observation itself is not observed.
        followed = microseconds(until, people.entry) - 1
        waited = done.ifelse(microseconds(people[f"t{k}"], people[f"b{k}"]), followed)
        parts.append(
            people.select(
                *names,
                k=ibis.literal(k),
                done=done,
                waited=ibis.least(waited, ibis.literal(span + 1)),
            )
        )
    spells = ibis.union(*parts) if len(parts) > 1 else parts[0]
    every = spells.group_by([*names, "k", "waited", "done"]).aggregate(n=spells.count()).execute()
    for k, sizes in every.groupby("k"):
        for key, group in sizes.groupby(names) if names else [((), sizes)]:
            if group.empty:
                continue
            curve = km(
                group["waited"].to_numpy(), group["done"].to_numpy(), weights=group["n"].to_numpy()
            )
            at = int(np.searchsorted(curve.time, span, side="right")) - 1
            if at < 0:
                limits = (0.0, np.nan, np.nan)
            else:
                limits = (1 - curve.survival[at], 1 - curve.high[at], 1 - curve.low[at])
            entrants = int(group["n"].sum())
            hits = int(group.loc[group["done"].astype(bool), "n"].sum())
            curves.setdefault(tuple(key), {})[int(k)] = (limits, entrants, hits)
    return curves


def _rows(
    group: dict[str, Any],
    labels: list[str],
    sizes: list[int],
    curves: dict[int, tuple[Any, int, int]],
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for k, label in enumerate(labels):
        first, here, before = sizes[0], sizes[k], sizes[k - 1]
        base = {**group, "step": label, "customers": first, "hits": here, "n": first}
        rows.append(
            {**base, "metric": "reached", "value": here, "unit": "customers", "of": "entrants"}
        )
        rows.append(
            {
                **base,
                **_rate(here, first, certain=k == 0),
                "metric": "from_first",
                "of": f"customers at {labels[0]}",
            }
        )
        onward = {**base, "metric": "from_previous", "unit": "1"}
        if k == 0:
            rows.append(
                {
                    **onward,
                    "value": None,
                    "n": None,
                    "customers": None,
                    "hits": None,
                    "of": None,
                    "note": "first_step",
                }
            )
        else:
            rows.append(
                {
                    **onward,
                    **_rate(here, before),
                    "n": before,
                    "customers": before,
                    "of": f"customers at {labels[k - 1]}",
                }
            )
        rows.append(
            {
                **base,
                "metric": "km_conversion",
                "unit": "1",
                "of": "all entrants",
                **_km_row(k, curves, first),
            }
        )
    return rows


def _rate(hits: int, base: int, *, certain: bool = False) -> dict[str, Any]:
    if not base:
        return {"value": None, "unit": "1", "note": "nobody_at_step_before"}
    if certain:
        return {"value": 1.0, "unit": "1"}
    share = proportion(hits, base)
    return {"value": share.value, "low": share.low, "high": share.high, "unit": "1"}


def _km_row(k: int, curves: dict[int, tuple[Any, int, int]], first: int) -> dict[str, Any]:
    if k == 0:
        return {"value": 1.0 if first else None, "note": "first_step"}
    if k not in curves:
        return {"value": None, "note": "no_window"}
    (value, low, high), entrants, hits = curves[k]
    known = {"n": entrants, "customers": entrants, "hits": hits}
    if np.isnan(value):
        return {"value": None, "note": "not_reached", **known}
    limits = {} if np.isnan(low) or np.isnan(high) else {"low": low, "high": high}
    return {"value": value, **limits, **known}
