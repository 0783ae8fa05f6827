"""Lives: who is followed from the first event on, and the calendar that they are counted by.

A session is over within itself, so with ``unit="session"`` it is the customers who are retained,
lost or buy again; an account is one life, whoever of it acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from cjlab._numbers import Floats
from cjlab.journey import _calendar
from cjlab.journey._segments import CALENDARS, MOVING, carried
from cjlab.journey._stream import Rows, begins, in_order, over_units
from cjlab.journey.base import Journeys
from cjlab.stats import proportion

DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)


def noun(j: Journeys) -> str:
    """What is counted, for the reader."""
    return "accounts" if j.unit == "account" else "customers"


def whose(j: Journeys, table: Table) -> Table:
    """Name whose life the rows of a table belong to: column ``who``."""
    return table.mutate(who=table.customer if j.unit == "session" else table.unit)


def births(j: Journeys, names: Sequence[str] = ()) -> Table:
    """Return one row a life, for its first event: who, unit, step, ts.

    What the segments in `names` need of the event is carried along.
    """
    event = whose(j, j.events)
    first = event.filter(event.step == 0)
    first = first.select("who", "unit", "step", "ts", **carried(event, names))
    if j.unit != "session":
        return first
    return first.semi_join(first.group_by("who").aggregate(unit=_.unit.argmin(_.ts)), "unit")


def segments(j: Journeys, names: list[str]) -> list[tuple[Any, ...]]:
    """Return every segment, those of lives that began before the period too.

    Journeys.groups knows only channels and months that occur in the period; a life is of the
    channel and month of its first event, which may lie before it.
    """
    found = set(j.groups(names))
    if any(name in (*MOVING, *CALENDARS) for name in names):
        begun = j.grouped(births(j, names), names).select(*j.columns(names)).distinct().execute()
        found |= set(begun.itertuples(index=False, name=None))
    return sorted(found)


def members(j: Journeys, table: Table) -> Table:
    """Add the column ``customer``; the rows of an account are repeated for each of them."""
    return j.with_customer(table) if j.unit == "account" else table.mutate(customer=table.who)


def tally(j: Journeys, table: Table, keys: list[str]) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Count the lives of a table with one row each, and their customers, by some keys."""
    size = table.aggregate(by=keys, n=_.count()).execute()
    found = {row[:-1]: (row[-1], row[-1]) for row in size.itertuples(index=False, name=None)}
    if j.unit == "account":
        each = members(j, table).aggregate(by=keys, n=_.customer.nunique()).execute()
        for *key, n in each.itertuples(index=False, name=None):
            found[tuple(key)] = (found[tuple(key)][0], n)
    return found


def active(j: Journeys, kind: str) -> Table:
    """Return one row a life and calendar period in which it acts: who, at, ts (the last instant).

    Where the store lies in order each period of a unit is a run of rows, and nothing is hashed.
    """
    unit = j.con.table("unit")
    seen = unit.aggregate(first=unit.first_ts.min(), last=unit.last_ts.max()).execute().iloc[0]
    if j.unit == "session" or not in_order(j) or pd.isna(seen["first"]):
        event = whose(j, j.events)
        event = event.mutate(at=number(j, event.ts, kind))
        return event.group_by("who", "at").aggregate(ts=_.ts.max())
    first, last = (number_of(ts.to_pydatetime(), kind, j.zone) for ts in seen)
    starts = j.period_bounds(kind, first, last)["start"].to_numpy("M8[us]")
    schema = pa.schema([("who", pa.int32()), ("at", pa.int64()), ("ts", pa.timestamp("us"))])

    def runs(rows: Rows) -> pa.Table:
        at = np.searchsorted(starts, rows["ts"], "right")
        end = np.flatnonzero(begins(rows["unit"][::-1], at[::-1])[::-1])
        found = (rows["unit"][end], at[end] + (first - 1), rows["ts"][end])
        return pa.table(dict(zip(schema.names, found, strict=True)), schema=schema)

    found = over_units(j, j.events.select("unit", "step", "ts"), runs)
    return ibis.memtable(pa.concat_tables([schema.empty_table(), *found]))


def number(j: Journeys, ts: Any, kind: str) -> Any:
    """Number calendar periods as Journeys.local_period does, up to the end of observation.

    Sums of an instant and a span may lie years behind the last event.
    """
    years = (j.years[0], max(j.years[1], j.observed_until.year))
    return _calendar.index(_calendar.local(ts, j.zone, years), kind)


def number_of(instant: datetime, kind: str, zone: str) -> int:
    """Number the calendar period of one naive UTC instant."""
    day = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()
    days = (day - _EPOCH).days
    months = day.year * 12 + day.month - 1
    numbers = {
        "day": days,
        "week": (days + 3) // 7,
        "month": months,
        "quarter": months // 3,
        "year": day.year,
    }
    return numbers[kind]


def observed_periods(j: Journeys, kind: str) -> tuple[int, int]:
    """Number the last period that has begun, and the last that was observed to its end."""
    current = number_of(j.observed_until - timedelta(microseconds=1), kind, j.zone)
    end = j.period_bounds(kind, current, current)["end"].iloc[0]
    return current, current if end <= j.observed_until else current - 1


def data_begin(j: Journeys) -> datetime | None:
    """First instant of the study's data, whoever was chosen; None without data."""
    first = j.con.table("unit").first_ts.min().execute()
    return None if pd.isna(first) else pd.Timestamp(first).to_pydatetime()


def span(microseconds: int) -> Any:
    """A duration as an expression that is exact on every engine."""
    return ibis.interval(microseconds=microseconds)


def spread(frame: pd.DataFrame, length: Any, name: str) -> pd.DataFrame:
    """Repeat each row so often, numbered 0… in a new column."""
    times = np.maximum(np.asarray(length, dtype="int64"), 0)
    many = frame.loc[frame.index.repeat(times)].reset_index(drop=True)
    starts = np.repeat(np.cumsum(times) - times, times)
    return many.assign(**{name: np.arange(len(many)) - starts})


def with_shares(frame: pd.DataFrame, hits: Floats, known: Any) -> pd.DataFrame:
    """Add value, low and high of shares of ``n``, null where they are not known."""
    known = np.asarray(known, dtype=bool)
    base = np.where(known, frame["n"].to_numpy("float64"), 0.0)
    share = proportion(np.where(base > 0, hits, 0.0), base)
    return frame.assign(value=share.value, low=share.low, high=share.high)
