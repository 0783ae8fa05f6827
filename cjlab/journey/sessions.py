"""Sessions: visits cut by a pause, whatever the hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.clusters import clustered_mean
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._states import tally
from cjlab.journey.base import Journeys, microseconds, parse_duration
from cjlab.journey.timing import DAY

GAP = "30min"


def sessions(j: Journeys, *, gap: str | timedelta = GAP) -> pd.DataFrame:
    """List all sessions, one row each: for analysis, never for publication.

    A pause strictly longer than `gap` starts a new session; midnight does not.

    Parameters
    ----------
    j : Journeys
        The journeys; sessions are taken by their start.
    gap : str or timedelta, default "30min"
        Longest pause within a session.

    Returns
    -------
    DataFrame
        ``customer_id`` (``account_id`` for accounts), ``session`` (0 … for each of them),
        ``start`` and ``end`` (first and last event, UTC), ``events``; in the order of ids and
        sessions. What lies at or after the end of observation is not in it.

    Raises
    ------
    UserError
        For a bad gap, or another one than 30 minutes where sessions are the unit.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.to_datetime(["2026-01-01 23:50", "2026-01-02 00:20", "2026-01-02 09:00"])
    >>> log = pd.DataFrame({"customer_id": "a", "ts": times, "stage": "see"})
    >>> sessions(Journeys.from_frame(log, stages=["see"]))[["session", "events"]].values.tolist()
    [[0, 2], [1, 1]]
    """
    rows = _sessions(j, gap).drop("step", "customer").execute()
    units = j.units.select(*_owner(j)).execute().set_index("unit")
    rows = rows.sort_values(["unit", "session"], ignore_index=True)
    owner = units.iloc[units.index.get_indexer(rows["unit"])].reset_index(drop=True)
    if j.unit == "session":
        rows = rows.drop(columns="session")
    found = pd.concat([owner, rows.drop(columns="unit")], axis=1)
    kept = found.rename(columns={"ts": "start"})
    return kept[[*(c for c in kept if c.endswith("_id")), "session", "start", "end", "events"]]


def session_summary(
    j: Journeys, *, gap: str | timedelta = GAP, by: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Count sessions, and say how many events they have and how long they last.

    Parameters
    ----------
    j : Journeys
        The journeys; sessions are taken by their start.
    gap : str or timedelta, default "30min"
        Longest pause within a session, as in :func:`sessions`.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        session's first event.

    Returns
    -------
    DataFrame
        Estimates without a dimension of their own: ``sessions`` (their number),
        ``events_per_session`` (mean) and ``duration`` (median days from the first to the last
        event, without limits; a session of one event lasts 0). Null with the note
        ``no_sessions`` in a segment without any.

    Raises
    ------
    UserError
        For an unknown segment or a bad gap.

    Notes
    -----
    The mean's interval is cluster-robust with Student's t, since customers repeat (Cochran
    1977, 6.3); with one customer there is none. A session that the end of observation cuts
    counts with what was seen of it.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-02"])
    >>> log = pd.DataFrame({"customer_id": "a", "ts": times, "stage": ["see", "see", "buy"]})
    >>> found = session_summary(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found[["metric", "value", "n"]].values.tolist()
    [['sessions', 2.0, 2], ['events_per_session', 1.5, 2], ['duration', 0.0, 2]]
    """
    names = j.attributes(by)
    base = j.columns(names)
    rows = j.grouped(_sessions(j, gap), names).cache()
    found = tally(j, rows, base, {"s": (_.events.sum(), _.count())})
    lasted = microseconds(rows.end, rows.ts).quantile(0.5)
    times = rows.aggregate(by=base, lasted=lasted).execute()
    found = found.merge(times, on=base) if base else pd.concat([found, times], axis=1)
    known: dict[tuple[Any, ...], Any] = {
        tuple(row[name] for name in base): row for row in found.to_dict("records")
    }
    out = []
    for group in j.groups(names):
        segment = dict(zip(base, group, strict=True))
        out += [{**segment, **row} for row in _summary(known.get(group))]
    return estimates(pd.DataFrame(out, columns=[*base, *COLUMNS]), base)


def _summary(sums: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The three rows of one segment."""
    kinds = {"sessions": "sessions", "events_per_session": "events", "duration": "d"}
    if sums is None or not sums["s_n"] > 0:
        base = {"n": 0, "customers": 0, "of": "sessions", "note": "no_sessions"}
        rows = [{"metric": m, "unit": unit, "value": None, **base} for m, unit in kinds.items()]
        return [{**rows[0], "value": 0.0, "note": None}, *rows[1:]]
    parts = ("x", "n", "groups", "xx", "xn", "nn")
    mean = clustered_mean(*(sums[f"s_{part}"] for part in parts))
    base = {"n": sums["s_n"], "customers": sums["s_customers"], "of": "sessions"}
    values: list[dict[str, Any]] = [
        {"value": float(sums["s_n"]), "hits": sums["s_customers"]},
        {"value": mean.value, "low": mean.low, "high": mean.high},
        {"value": sums["lasted"] / DAY},
    ]
    if np.isnan(mean.low):
        values[1]["note"] = "no_spread" if sums["s_groups"] > 1 else "one_customer"
    pairs = zip(kinds.items(), values, strict=True)
    return [{"metric": m, "unit": unit, **base, **fields} for (m, unit), fields in pairs]


def _owner(j: Journeys) -> list[str]:
    """The columns of units that name a session's owner."""
    more = {"customer": ["customer_id"], "session": ["customer_id", "session"]}
    return ["unit", *more.get(j.unit, ["account_id"])]


def _sessions(j: Journeys, gap: str | timedelta) -> Table:
    """One row a session that starts in the period: unit, session, customer, step, ts, end …"""
    span = parse_duration(gap, "gap")
    event = j.events.select("unit", "customer", "step", "ts", "session")
    if span != parse_duration(GAP, "gap"):
        if j.unit == "session":
            raise UserError("gap: journeys that are sessions are cut at 30 minutes already.")
        event = _numbered(event, span)
    found = event.group_by(["unit", "session"]).aggregate(
        customer=_.customer.argmin(_.step) if j.unit == "account" else _.customer.min(),
        step=_.step.min(),
        ts=_.ts.min(),
        end=_.ts.max(),
        events=_.count(),
    )
    return found.filter(j.within(found.ts))


def _numbered(event: Table, span: int | None) -> Table:
    """Number the sessions by another gap than the store's."""
    journey = ibis.window(group_by="unit", order_by="step")
    event = event.mutate(before=event.ts.lag().over(journey))
    late = (event.ts > event.before + ibis.interval(microseconds=span)).fill_null(False)
    event = event.mutate(late=late.cast("int32"))
    past = ibis.cumulative_window(group_by="unit", order_by="step")
    return event.mutate(session=event.late.sum().over(past).cast("int32")).drop("before", "late")
