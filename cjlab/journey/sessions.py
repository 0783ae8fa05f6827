"""Sessions: visits cut by a pause, whatever the hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from cjlab.clusters import clustered_mean
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._states import tally
from cjlab.journey._stream import Rows, begins, in_order, over_units
from cjlab.journey.base import Journeys, microseconds, parse_duration
from cjlab.journey.timing import DAY

GAP = "30min"
# All ids together may be longer than the offsets of plain strings count.
_WIDE = {pa.string(): pa.large_string()}


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
    if in_order(j):
        rows = _cut(j, _span(j, gap))
    else:
        rows = _sessions(j, gap).drop("step", "customer").execute()
        rows = rows.sort_values(["unit", "session"], ignore_index=True)
    if j.unit == "session":
        rows = rows.drop(columns="session")
    found = pd.concat([_owners(j, rows["unit"]), rows.drop(columns="unit")], axis=1)
    kept = found.rename(columns={"ts": "start"})
    return kept[[*(c for c in kept if str(c).endswith("_id")), "session", "start", "end", "events"]]


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


def _owners(j: Journeys, unit: pd.Series) -> pd.DataFrame:
    """Who the sessions belong to, and for sessions as units which one of theirs it is."""
    more = {"customer": ["customer_id"], "session": ["customer_id", "session"]}
    named = j.con.table("unit").select("unit", *more.get(j.unit, ["account_id"])).to_pyarrow()
    code = named["unit"].to_numpy()
    place = np.zeros(code.max(initial=0) + 1, dtype="int64")
    place[code] = np.arange(len(code))
    wide = pa.schema([f.with_type(_WIDE.get(f.type, f.type)) for f in named.schema])
    return named.cast(wide).drop_columns("unit").take(place[unit]).to_pandas()


def _span(j: Journeys, gap: str | timedelta) -> int:
    """The gap in microseconds."""
    span, own = (parse_duration(text, "gap") or 0 for text in (gap, GAP))
    if j.unit == "session" and span != own:
        raise UserError("gap: journeys that are sessions are cut at 30 minutes already.")
    return span


def _cut(j: Journeys, span: int) -> pd.DataFrame:
    """The rows of :func:`_sessions` from events that come in order: unit, session, ts, end …"""

    def cut(rows: Rows) -> Rows:
        unit, ts = rows["unit"], rows["ts"]
        late = np.diff(ts).astype("int64") > span
        first = np.flatnonzero(begins(unit) | np.concatenate([[False], late])[: len(unit)])
        last = np.append(first[1:], len(unit))[: len(first)] - 1
        number = np.arange(len(first), dtype="int32")
        own = np.maximum.accumulate(np.where(begins(unit[first]), number, 0))
        found = {"unit": unit[first], "session": number - own, "ts": ts[first]}
        found |= {"end": ts[last], "events": last - first + 1}
        return {name: column[rows["inside"][first]] for name, column in found.items()}

    event = j.events
    table = event.select("unit", "step", "ts", inside=j.within(event.ts))
    parts = over_units(j, table, cut) or [cut(table.limit(0).execute().to_dict("series"))]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return pd.DataFrame(found, copy=False)


def _sessions(j: Journeys, gap: str | timedelta) -> Table:
    """One row a session that starts in the period: unit, session, customer, step, ts, end …"""
    span = _span(j, gap)
    event = j.events.select("unit", "customer", "step", "ts", "session")
    if span != parse_duration(GAP, "gap"):
        event = _numbered(event, span)
    found = event.group_by(["unit", "session"]).aggregate(
        customer=_.customer.argmin(_.step) if j.unit == "account" else _.customer.min(),
        step=_.step.min(),
        ts=_.ts.min(),
        end=_.ts.max(),
        events=_.count(),
    )
    return found.filter(j.within(found.ts))


def _numbered(event: Table, span: int) -> Table:
    """Number the sessions by another gap than the store's."""
    journey = ibis.window(group_by="unit", order_by="step")
    event = event.mutate(before=event.ts.lag().over(journey))
    late = (event.ts > event.before + ibis.interval(microseconds=span)).fill_null(False)
    event = event.mutate(late=late.cast("int32"))
    past = ibis.cumulative_window(group_by="unit", order_by="step")
    return event.mutate(session=event.late.sum().over(past).cast("int32")).drop("before", "late")
