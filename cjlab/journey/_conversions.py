"""Conversions and the touches before them, from the engine in blocks of customers.

A touch is an event with a channel that is no conversion itself. Every conversion looks back on
its own: touches may serve several conversions, and an earlier conversion ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab._numbers import Ints, floats
from cjlab.errors import UserError, did_you_mean
from cjlab.journey._credit import Paths
from cjlab.journey.base import Journeys, microseconds

ORDER = "order"
# Touches that come to Python at once, and path rows worked on at once.
BLOCK = 4_000_000
_MONEY = "decimal(18,4)"


@dataclass(frozen=True)
class Source:
    """Where conversions and touches come from; both tables may still be cut by customer.

    Parameters
    ----------
    conversions : ibis Table
        ``owner`` (who is resampled), ``unit, customer, at`` (microseconds since 1970) and per
        instant ``n`` conversions, ``valued`` of them with a value, ``value`` in all.
    touches : ibis Table
        ``owner, unit, step, at, inside`` (the period), ``code`` (what gets the credit) and
        ``direct``.
    left_out : int
        Given conversions without a known customer or time.
    """

    conversions: Table
    touches: Table
    left_out: int = 0


def source(
    j: Journeys,
    conversion: Any,
    *,
    level: str,
    lookback: int,
    direct: Sequence[int],
    calendar: str | None,
) -> Source:
    """Find the conversions of the period, and what may be a touch of one.

    Raises
    ------
    UserError
        For a conversion that is no stage, touchpoint or table of conversions.
    """
    rows, own, left_out = _conversions(j, conversion)
    rows = rows.filter(j.within(rows.ts) & (rows.ts < j.literal(j.observed_until)))
    local = {} if calendar is None else {"calendar": j.local_period(rows.ts, calendar)}
    rows = rows.mutate(at=_instant(rows.ts), **local)
    owner = rows.customer if j.cluster == "customer" else rows.unit
    rows = rows.mutate(owner=owner.cast("int64"))
    rows = rows.group_by(["owner", "unit", "customer", "at", *local]).aggregate(
        n=_.count(), valued=_.value.count(), value=_.value.sum().cast("float64").fill_null(0.0)
    )
    event = j.events
    event = event.filter(event.channel.notnull())
    event = event if own is None else event.filter(~own(event).fill_null(False))
    if j.start is not None:
        event = event.filter(event.ts >= j.literal(j.start - timedelta(microseconds=lookback)))
    local = {} if calendar is None else {"calendar": j.local_period(event.ts, calendar)}
    touches = event.select(
        "unit",
        "step",
        owner=event[j.cluster].cast("int64"),
        at=_instant(event.ts),
        inside=j.within(event.ts),
        code=event[level].cast("int64"),
        direct=event.channel.isin(direct) if direct else ibis.literal(False),
        **local,
    )
    return Source(rows, touches, left_out)


def _instant(ts: Any) -> Any:
    """Microseconds since 1970: whole numbers that are equal on every engine."""
    return microseconds(ts, ibis.literal(datetime(1970, 1, 1)).cast("timestamp(6)"))


def _conversions(j: Journeys, conversion: Any) -> tuple[Table, Any, int]:
    """Return one row a conversion, which events are conversions themselves, and rows left out."""
    if isinstance(conversion, pd.DataFrame):
        rows, left_out = _given(j, conversion)
        return rows, None, left_out
    stages, event = j.model.codes, j.events
    if conversion == ORDER:
        derived = [code for code, label in j.labels("source").items() if label == "orders"]
        bought = stages.get(j.model.purchase or "", -1)

        def own(e: Table) -> Any:
            return (e.stage == bought).fill_null(False) | e.source.isin(derived or [-1])

        rows = j.purchases
    elif conversion in stages:
        code = stages[conversion]

        def own(e: Table) -> Any:
            return e.stage == code

        # Entering the stage converts; what follows inside it is the same stay.
        rows = event.filter(own(event) & (event.prev_stage.isnull() | (event.prev_stage != code)))
    else:
        touchpoints = {label: code for code, label in j.labels("touchpoint").items()}
        if conversion not in touchpoints:
            hint = did_you_mean(conversion, [ORDER, *stages, *touchpoints])
            raise UserError(f'conversion is "{conversion}", no stage or touchpoint.{hint}')

        def own(e: Table) -> Any:
            return e.touchpoint == touchpoints[conversion]

        rows = event.filter(own(event))
    return rows.select("unit", "customer", "ts", value=rows.value.cast(_MONEY)), own, 0


def _given(j: Journeys, frame: pd.DataFrame) -> tuple[Table, int]:
    """Conversions given as a frame, for the customers who are chosen."""
    for name in ("customer_id", "ts"):
        if name not in frame.columns:
            raise UserError(
                f'conversion: the frame has no column "{name}"; it needs customer_id and ts.'
            )
    if j.unit != "customer":
        raise UserError('conversion: a frame names customers; it needs unit="customer".')
    try:
        ts = pd.to_datetime(frame["ts"], format="ISO8601")
    except (ValueError, TypeError) as cause:
        line = str(cause).splitlines()[0]
        raise UserError(f"conversion: ts cannot be read as times: {line}") from None
    if ts.dt.tz is None:
        ts = ts.dt.tz_localize(
            j.zone, ambiguous=np.ones(len(ts), bool), nonexistent="shift_forward"
        )
    value = floats(frame["value"]) if "value" in frame.columns else np.full(len(frame), np.nan)
    known = pd.DataFrame(
        {
            "customer_id": frame["customer_id"].astype("str").to_numpy(),
            "ts": ts.dt.tz_convert("UTC").dt.tz_localize(None).dt.as_unit("us").to_numpy(),
            "value": value,
        }
    ).dropna(subset=["customer_id", "ts"])
    schema = {"customer_id": "string", "ts": "timestamp(6)", "value": "float64"}
    table = ibis.memtable(known, schema=schema).mutate(
        value=_.value.isnan().ifelse(ibis.null(), _.value).cast(_MONEY)
    )
    rows = table.join(j.units.select("unit", "customer_id"), "customer_id")
    rows = rows.select("unit", "ts", "value", customer=rows.unit)
    return rows, len(frame) - int(rows.count().execute())


@dataclass(frozen=True)
class Block:
    """Conversions (sorted by owner, unit and time) and touches (by unit and step) of some."""

    conversions: pd.DataFrame
    touches: pd.DataFrame

    def paths(self, low: Ints, high: Ints, at: Any) -> Paths:
        """Touches low…high−1 of each path, with their ages at its end (microseconds)."""
        rows, size = _ranges(low, high), high - low
        code, direct, ts = (
            self.touches[name].to_numpy()[rows] for name in ("code", "direct", "at")
        )
        return Paths(size, code, direct, np.repeat(np.asarray(at), size) - ts)

    def window(self, lookback: int) -> tuple[Ints, Ints]:
        """Which touches lie at most `lookback` before each conversion, as low and high."""
        begin, end = self._edges(self.conversions["unit"].to_numpy())
        instants, at = self.touches["at"].to_numpy(), self.conversions["at"].to_numpy()
        return (
            _search(instants, at - lookback, begin, end),
            _search(instants, at + 1, begin, end),
        )

    def unconverted(self) -> tuple[Ints, Ints]:
        """Touches of the period after the last conversion of each unit, as low and high."""
        unit = self.touches["unit"].to_numpy()
        own = pd.unique(unit)
        begin, end = self._edges(own)
        last = self.conversions.groupby("unit")["at"].max().reindex(own)
        after = last.fillna(np.iinfo("int64").min).to_numpy(dtype="int64")
        # Touches are in order, so those in the period after an instant follow each other.
        kept = self.touches["inside"].to_numpy() & (
            self.touches["at"].to_numpy() > np.repeat(after, end - begin)
        )
        size = np.add.reduceat(kept, begin, dtype="int64") if len(own) else begin
        low = end - size
        return low[size > 0], end[size > 0]

    def pieces(self, size: Ints) -> Iterator[Ints]:
        """Cut conversions into runs of about `BLOCK` rows, nobody's in two; accounts stay whole."""
        owner, customer = (self.conversions[c].to_numpy() for c in ("owner", "customer"))
        whole = (owner != customer).any()
        place = np.cumsum(size) // BLOCK * (not whole)
        place = place[np.searchsorted(owner, owner)]
        yield from np.split(np.arange(len(size)), np.flatnonzero(np.diff(place)) + 1)

    def _edges(self, units: Ints) -> tuple[Ints, Ints]:
        unit = self.touches["unit"].to_numpy()
        return np.searchsorted(unit, units), np.searchsorted(unit, units, "right")


def _search(values: Ints, wanted: Ints, begin: Ints, end: Ints) -> Ints:
    """First place in begin…end whose value is at least the wanted one; all rows at once."""
    low, high = begin.copy(), end.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        below = open_ & (values[np.where(open_, middle, 0)] < wanted)
        low, high = np.where(below, middle + 1, low), np.where(open_ & ~below, middle, high)
    return low


def _ranges(low: Ints, high: Ints) -> Ints:
    """The whole numbers low…high−1 of every pair, one pair after the other."""
    size = high - low
    return np.arange(size.sum()) + np.repeat(low - (np.cumsum(size) - size), size)


def blocks(found: Source, touches: int) -> Iterator[Block]:
    """Fetch conversions and touches, about `BLOCK` touches at a time, nobody's in two blocks.

    Accounts come all at once: their customers may be in several.
    """
    conversions = _frame(found.conversions, ["owner", "unit", "at"])
    whole = (conversions["owner"] != conversions["customer"]).any()
    count = 1 if whole else 1 + touches // BLOCK
    if count == 1:
        yield Block(conversions, _frame(found.touches, ["unit", "step"]))
        return
    top = 1 + int(max(found.touches.owner.max().execute(), conversions["owner"].max()))
    edges = np.linspace(0, top, count + 1).astype("int64")
    for first, after in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        own = conversions[conversions["owner"].between(first, after - 1)]
        part = found.touches.filter(_.owner >= first, _.owner < after)
        yield Block(own.reset_index(drop=True), _frame(part, ["unit", "step"]))


def _frame(table: Table, order: list[str]) -> pd.DataFrame:
    """Fetch a table as columns of numbers, sorted unless it comes so."""
    frame = table.to_pyarrow().to_pandas()
    keys = [frame[name].to_numpy() for name in order]
    key = (keys[0].astype("int64") << 32) + keys[1]
    if (np.diff(key) >= 0).all() and len(order) == 2:
        return frame
    return frame.iloc[np.lexsort(keys[::-1])].reset_index(drop=True)
