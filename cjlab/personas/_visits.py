"""Rhythm: when customers come, how often, how regularly, and how long they stay.

A visit is a session of the store. Its events stand next to each other, so that every visit but
a customer's first begins at the ``next_ts`` of an event that ends one: one pass over these
events counts visits, their hours and the days between them, without a window or a list of
sessions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import numpy as np
from ibis.expr.types import Table

from cjlab.personas import _channels
from cjlab.personas._catalogue import CATALOGUE, Feature
from cjlab.personas._distinct import counted, distinct
from cjlab.personas._span import DAY, MONTH, Array, Found, Span, rate, ratio
from cjlab.windows import SESSION_MINUTES
from cjlab.zones import changes

HOUR, MINUTE, SECOND = 3_600_000_000, 60_000_000, 1_000_000  # microseconds
BEGIN = datetime(1900, 1, 1)  # a Monday; quotients of microseconds since then are exact
PARTS = {"night": (0, 6), "morning": (6, 12), "evening": (18, 24)}  # hours, local time
GAPS = 3  # least number of gaps that regularity is computed from


def measured(span: Span, like: list[Feature] | None) -> Found:
    """Measure rhythm and channels; `like` are the channel shares of a stored model."""
    mix = _channels.Mix.of(span, like)
    once = span.collect(_per_customer(span, mix))
    again = span.collect(_per_visit(span))
    begun, visits = once["begun"], again["visits"] + 1
    tenure, gaps = once["since_first"] / DAY, again["gaps"]
    # From the first event to the last, without the time between visits.
    inside = once["since_first"] - once["since_last"] - again["between"]
    values = {
        "recency_days": once["since_last"] / DAY,
        "tenure_days": tenure,
        "frequency": rate(gaps + 1, tenure, MONTH),
        "median_gap_days": np.where(gaps > 0, again["median_gap"], np.nan),
        "regularity": _regularity(gaps, again["gap_sum"], again["gap_squares"]),
        **{f"{k}_share": (again[k] + _within(_hour(begun), v)) / visits for k, v in PARTS.items()},
        "weekend_share": (again["weekend"] + (_weekday(begun) >= 5)) / visits,
        "events_per_session": once["events"] / visits,
        "session_minutes": inside / MINUTE / visits,
        "touchpoint_variety": counted(once, "met"),
    }
    found = {CATALOGUE[name]: array for name, array in values.items()}
    return found | mix.shares(once)


def _per_customer(span: Span, mix: _channels.Mix) -> Table:
    """First and last event, and what is counted event by event."""
    events = span.events
    table = events.group_by("unit").aggregate(
        first=events.ts.min(),
        last=events.ts.max(),
        events=events.count(),
        **distinct(events.touchpoint, len(span.j.labels("touchpoint")), "met"),
        **mix.sums(events),
    )
    return table.mutate(
        begun=_local(span, table["first"]),
        since_first=_between(table["first"], span.until),
        since_last=_between(table["last"], span.until),
    ).drop("first", "last")


def _per_visit(span: Span) -> Table:
    """What is counted visit by visit, for all visits but the first of each customer."""
    events = span.events
    over = events.filter(events.next_ts > events.ts + ibis.interval(minutes=SESSION_MINUTES))
    over = over.select(
        "unit",
        # Whole numbers below 2**53: their sums are exact, and cheaper than those of integers.
        waited=_between(over.ts, over.next_ts).cast("float64"),
        ended=_local(span, over.ts),
        begun=_local(span, over.next_ts),
    )
    over = over.select(
        "unit",
        "waited",
        hour=_hour(over.begun).cast("int16"),
        weekday=_weekday(over.begun).cast("int16"),
        gap=(over.begun // DAY - over.ended // DAY).cast("int32"),
    )
    later, gap = over.gap > 0, over.gap.cast("float64")
    return over.group_by("unit").aggregate(
        visits=over.count(),
        between=over.waited.sum(),
        **{name: over.count(where=_within(over.hour, edges)) for name, edges in PARTS.items()},
        weekend=over.count(where=over.weekday >= 5),
        gaps=over.count(where=later),
        gap_sum=gap.sum(where=later),
        gap_squares=(gap * gap).sum(where=later),
        median_gap=over.gap.quantile(0.5, where=later),
    )


def _regularity(gaps: Array, total: Array, squares: Array) -> Array:
    mean, square = ratio(total, gaps, GAPS), ratio(squares, gaps, GAPS)
    return 1 / (1 + np.sqrt(np.maximum(square - mean**2, 0)) / mean)


def _between(earlier: Any, later: Any) -> Any:
    return later.delta(earlier, unit="microsecond")


def _local(span: Span, ts: Any) -> Any:
    """Wall-clock time in microseconds since `BEGIN`: UTC plus the offset that was in force."""
    held, steps = changes(span.j.zone, *span.j.years)
    arms = []
    for step in steps:
        arms.append((ts < span.j.literal(step.instant), held * SECOND))
        held = step.after
    offset = ibis.cases(*arms, else_=held * SECOND) if arms else held * SECOND
    return _between(span.j.literal(BEGIN), ts) + offset


# These read local time in an expression and in an array alike.
def _hour(local: Any) -> Any:
    return local // HOUR % 24


def _weekday(local: Any) -> Any:
    """Return 0 for Monday."""
    return local // DAY % 7


def _within(hour: Any, edges: tuple[int, int]) -> Any:
    return (hour >= edges[0]) & (hour < edges[1])
