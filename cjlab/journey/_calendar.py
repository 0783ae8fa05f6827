"""Calendar periods in the study's zone, as plain expressions that every engine reads alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pandas as pd

from cjlab.periods import label_of, parse
from cjlab.zones import changes

KINDS = ("day", "week", "month", "quarter", "year")
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)


def local(ts: Any, zone: str, years: tuple[int, int]) -> Any:
    """Return the local wall-clock time of UTC instants that lie within these years."""
    offset, found = changes(zone, years[0] - 1, years[1] + 1)
    arms, held = [], offset
    for change in found:
        arms.append((ts < instant(change.instant), ts + ibis.interval(seconds=held)))
        held = change.after
    last = ts + ibis.interval(seconds=held)
    return ibis.cases(*arms, else_=last) if arms else last


def instant(moment: datetime) -> Any:
    """Return a naive UTC instant as an expression, in microseconds as the store keeps them."""
    return ibis.literal(moment).cast("timestamp(6)")


def index(at: Any, kind: str) -> Any:
    """Number the calendar periods of local times by consecutive integers."""
    if kind in ("day", "week"):
        days = (at.delta(instant(datetime(1970, 1, 1)), unit="microsecond") / _DAY).floor()
        # 1970-01-01 was a Thursday, and weeks start on Mondays.
        number = days if kind == "day" else ((days + 3) / 7).floor()
        return number.cast("int64")
    year = at.year().cast("int64")
    if kind == "year":
        return year
    if kind == "quarter":
        return year * 4 + at.quarter() - 1
    return year * 12 + at.month() - 1


def label(at: Any, kind: str) -> Any:
    """Name the calendar periods of local times as people write them: 2026Q3, 2026-07, 2026W30."""
    if kind == "day":
        return at.date().cast("string")
    year = at.year()
    if kind == "year":
        return year.cast("string")
    if kind == "quarter":
        return year.cast("string") + "Q" + at.quarter().cast("string")
    if kind == "month":
        return year.cast("string") + "-" + at.month().cast("string").lpad(2, "0")
    week = at.week_of_year()
    # The first days of January may belong to the last week of the year before, and so on.
    before = (week >= 52) & (at.month() == 1)
    after = (week == 1) & (at.month() == 12)
    year = ibis.cases((before, year - 1), (after, year + 1), else_=year)
    return year.cast("string") + "W" + week.cast("string").lpad(2, "0")


def bounds(numbers: Iterable[int], kind: str, zone: str) -> pd.DataFrame:
    """Return index, label, start and end (naive UTC, end excluded) of numbered periods."""
    rows = []
    for number in numbers:
        name = label_of(kind, _first_day(number, kind))
        if kind == "day":
            period = parse(f"{name}..{_first_day(number + 1, kind)}", zone)
        else:
            period = parse(name, zone)
        edges = (edge.astimezone(UTC).replace(tzinfo=None) for edge in (period.start, period.end))
        rows.append((number, name, *edges))
    return pd.DataFrame(rows, columns=["index", "label", "start", "end"])


def _first_day(number: int, kind: str) -> date:
    if kind == "day":
        return _EPOCH + timedelta(days=number)
    if kind == "week":
        return _EPOCH + timedelta(days=7 * number - 3)
    size = {"month": 12, "quarter": 4, "year": 1}[kind]
    return date(number // size, number % size * (12 // size) + 1, 1)
