"""Journeys: the prepared events of the chosen customers, as every metric sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import ibis
import pandas as pd
from ibis import Deferred, _
from ibis.common.exceptions import TableNotFound
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.journey import _calendar, _segments, _units
from cjlab.periods import local_instant
from cjlab.stages import StageModel

VIEWS = ("customer", "buying")
UNITS = ("customer", "session", "account")
Where: TypeAlias = Mapping[str, Any] | Deferred | Callable[[Table], Any] | None


class Journeys:
    """The journeys of a study's customers, cut to what was observed.

    Parameters
    ----------
    backend : ibis.BaseBackend
        Holds the prepared store's tables.
    model : StageModel
        Its positions are the stage codes of the store.
    zone : str
        IANA name of the study's time zone.
    start, end : datetime, optional
        UTC, naive. The half-open period that selects what is counted by its starting instant;
        earlier events remain history.
    observed_until : datetime, optional
        UTC, naive. Events at or after it are not data. The last instant + 1 µs by default,
        and never after ``end``.
    where : mapping or deferred predicate, optional
        Which customers: ``{"country": ["SE", "NO"]}`` or ``_.country == "SE"``.
    view : {"customer", "buying"}
        The buying journey ends with the first purchase.
    notes : DataFrame, optional
        What cleaning did, one row per rule.
    minimum : int
        Smallest group that may be published.
    unit : {"customer", "session", "account"}
        What a journey belongs to; the store has been built for it.
    period_kind : {"day", "week", "month", "quarter", "year"}
        The calendar that ``by="period"`` means.
    currency : str, optional
        What money is in, such as ``"EUR"``: the ``unit`` of values.
    """

    def __init__(
        self,
        backend: Any,
        model: StageModel,
        zone: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        observed_until: datetime | None = None,
        where: Where = None,
        view: str = "customer",
        notes: pd.DataFrame | None = None,
        minimum: int = 10,
        unit: str = "customer",
        period_kind: str = "month",
        currency: str | None = None,
    ) -> None:
        if unit not in UNITS:
            raise UserError(f'unit is "{unit}".{did_you_mean(unit, UNITS)}')
        if view not in VIEWS:
            raise UserError(f'view is "{view}".{did_you_mean(view, VIEWS)}')
        if view == "buying" and model.purchase is None:
            raise UserError(
                "the buying view ends at the first purchase, and no stage of this model is the "
                "purchase; flag one with purchase: true."
            )
        self.con = backend
        self.model = model
        self.zone = zone
        self.start = start
        self.end = end
        self.where = where
        self.view = view
        self.minimum = minimum
        self.unit = unit
        self.period_kind = period_kind
        self.currency = currency or "currency"
        self._notes = notes
        self._labels: dict[str, dict[int, str]] = {}
        if start is not None and end is not None and start >= end:
            raise UserError(f"the period from {start} to {end} (UTC) holds no time.")
        self._all_seen = False
        self._kept: tuple[tuple[str, ...], Any] = ((), None)
        self.observed_until = self._until(observed_until)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, **options: Any) -> Journeys:
        """Make journeys from a pandas frame; see :func:`cjlab.journey.frames.from_frame`."""
        from cjlab.journey.frames import from_frame

        return from_frame(frame, **options)

    def __repr__(self) -> str:
        size = self.events.aggregate(n=_.count(), who=_.unit.nunique()).execute()
        return (
            f"Journeys: {int(size['n'][0]):,} events of {int(size['who'][0]):,} {self.unit}s, "
            f"{len(self.model)} stages ({self.model.id}), observed until "
            f"{self.observed_until:%Y-%m-%d %H:%M} UTC"
        )

    def _until(self, asked: datetime | None) -> datetime:
        if asked is None:
            last = self.con.table("event").ts.max().execute()
            known = not pd.isna(last)
            asked = pd.Timestamp(last).to_pydatetime() if known else datetime(1971, 1, 1)
            asked += timedelta(microseconds=1)
            # Nothing lies behind: nothing needs to be looked at for being too late.
            self._all_seen = self.end is None or asked <= self.end
        return min(asked, self.end) if self.end else asked

    @cached_property
    def units(self) -> Table:
        """The chosen units: unit, customer_id, first_ts, persona and declared attributes.

        A unit without any event before ``observed_until`` is not data yet. An account has an
        attribute where all its customers share it, else "(several)".
        """
        return _units.chosen(self)

    def with_customer(self, table: Table) -> Table:
        """Add the column ``customer`` to a table with one row a unit.

        An account has a row for each of its observed customers afterwards: count units
        before, and distinct customers after.
        """
        if self.unit == "customer":
            return table.mutate(customer=table.unit)
        return table.left_join(_units.members(self), "unit").drop("unit_right")

    @property
    def cluster(self) -> str:
        """The column of events by which rows repeat: what a resample draws."""
        return "unit" if self.unit == "account" else "customer"

    def kept(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """Return what was made last under this key, or make it; one thing is kept at a time."""
        if self._kept[0] != key:
            self._kept = ((), None)  # the old goes before the new takes its memory
            self._kept = (key, make())
        return self._kept[1]

    def table(self, name: str) -> Table | None:
        """Return a table of the store, or None where the study has none of it."""
        try:
            return self.con.table(name)
        except TableNotFound:
            return None

    @cached_property
    def events(self) -> Table:
        """The observed events of the chosen customers, in codes; see the store's columns.

        What comes next is null where it was not observed: at or after ``observed_until``, or
        past the first purchase in the buying view.
        """
        until = self.literal(self.observed_until)
        event = self.con.table("event")
        if not self._all_seen:
            event = event.filter(event.ts < until)
        if self.where is not None:
            event = event.semi_join(self.units, "unit")
        if self._all_seen and self.view == "customer":
            # A relation of its own, which joins can refer to.
            return event.select(*event.columns)
        follows: Any = ibis.literal(True)
        channel_follows: Any = ibis.literal(True)
        if self.view == "buying":
            event = _units.until_purchase(self, event)
            follows = event.purchase_step.isnull() | (event.step < event.purchase_step)
            channel_follows = event.step < event.last_channel_step
        stage_seen = follows & (event.next_stage_ts < until)
        event_seen = follows & (event.next_ts < until)
        channel_seen = channel_follows & (event.next_channel_ts < until)
        event = event.mutate(
            next_stage=stage_seen.ifelse(event.next_stage, ibis.null()),
            next_stage_ts=stage_seen.ifelse(event.next_stage_ts, ibis.null()),
            next_touchpoint=event_seen.ifelse(event.next_touchpoint, ibis.null()),
            next_ts=event_seen.ifelse(event.next_ts, ibis.null()),
            next_channel=channel_seen.ifelse(event.next_channel, ibis.null()),
            next_channel_ts=channel_seen.ifelse(event.next_channel_ts, ibis.null()),
        )
        return event.drop("purchase_step", "last_channel_step") if self.view == "buying" else event

    @staticmethod
    def literal(instant: datetime) -> Any:
        """Return a naive UTC instant as an expression."""
        return _calendar.instant(instant)

    def within(self, ts: Any) -> Any:
        """Whether an instant starts inside the period; true everywhere without one."""
        inside = ts.notnull()
        if self.start is not None:
            inside &= ts >= self.literal(self.start)
        if self.end is not None:
            inside &= ts < self.literal(self.end)
        return inside

    @cached_property
    def purchases(self) -> Table:
        """Purchases of the chosen units before ``observed_until``: unit, customer, ts, value.

        Orders that are no returns; where the study has none, the events in the stage of the
        purchase whose value is not negative; it may be null.

        Raises
        ------
        UserError
            Where there are no orders and the stage model has no purchase.
        """
        return _units.purchases(self)

    def attributes(self, by: str | Sequence[str] | None) -> list[str]:
        """Check what a metric is broken down by, and return the names as a list.

        Parameters
        ----------
        by : str or sequence of str, optional
            Attributes of customers (``persona``, declared ones, ``customer_type``: new or
            returning in the period), ``channel``, ``device``, ``role`` or ``source`` at the
            start of what is counted, or a calendar: ``period`` or ``day`` to ``year``.

        Returns
        -------
        list of str
            The names, each once.

        Raises
        ------
        UserError
            For a name that is none of these, with the nearest one.
        """
        names = [] if by is None else [by] if isinstance(by, str) else list(dict.fromkeys(by))
        _segments.check(self, names)
        return names

    def columns(self, names: Sequence[str]) -> list[str]:
        """Return the dimension columns of the names: a calendar's is ``report_period``."""
        return _segments.columns(names)

    def groups(self, names: list[str]) -> list[tuple[str, ...]]:
        """Return every segment that the chosen customers fall into, in order."""
        return _segments.found(self, names)

    def grouped(self, table: Table, names: list[str]) -> Table:
        """Join the columns of the named segments to a table with a ``unit`` column.

        Channels and the like are those of the event at which what is counted begins, so the
        table needs its ``step``; a calendar takes the table's ``ts``, or that event's.
        """
        return _segments.join(self, table, names) if names else table

    @cached_property
    def years(self) -> tuple[int, int]:
        """First and last year of the events."""
        unit = self.con.table("unit")
        span = unit.aggregate(first=unit.first_ts.min(), last=unit.last_ts.max()).execute()
        first, last = span["first"][0], span["last"][0]
        return (1971, 1971) if pd.isna(first) else (first.year, last.year)

    def local_period(self, ts: Any, kind: str) -> Any:
        """Number the calendar periods that instants lie in by consecutive integers."""
        return _calendar.index(_calendar.local(ts, self.zone, self.years), self.calendar(kind))

    def local_label(self, ts: Any, kind: str) -> Any:
        """Name the calendar periods that instants lie in, such as ``2026-07``."""
        return _calendar.label(_calendar.local(ts, self.zone, self.years), self.calendar(kind))

    def period_bounds(self, kind: str, first: int, last: int) -> pd.DataFrame:
        """Return index, label, start and end (UTC) of the numbered periods, both ends included."""
        return _calendar.bounds(range(first, last + 1), self.calendar(kind), self.zone)

    def calendar(self, kind: str) -> str:
        """Check the kind of a calendar period; ``period`` stands for that of the reports."""
        kind = self.period_kind if kind == "period" else kind
        if kind not in _calendar.KINDS:
            raise UserError(f'period is "{kind}".{did_you_mean(kind, _calendar.KINDS)}')
        return kind

    def labels(self, kind: str) -> dict[int, str]:
        """Return the names behind the codes of touchpoint, channel, device, role or source."""
        if kind == "stage":
            return dict(enumerate(self.model.ids))
        if kind not in self._labels:
            table = self.con.table("label")
            frame = table.filter(table.kind == kind).select("code", "label").execute()
            codes, names = frame["code"].tolist(), frame["label"].tolist()
            self._labels[kind] = dict(zip(codes, names, strict=True))
        return self._labels[kind]

    def to_ibis(self) -> Table:
        """Return the observed events with customer, stage, touchpoint and channel by name."""
        event = self.events
        stages = {"stage": range(len(self.model)), "stage_id": list(self.model.ids)}
        stage = ibis.memtable(pd.DataFrame(stages).astype({"stage": "int16"}))
        label = self.con.table("label")
        touchpoint = label.filter(label.kind == "touchpoint").select("code", "label")
        channel = label.filter(label.kind == "channel").select("code", "label")
        named = event.left_join(stage, "stage").drop("stage_right")
        named = named.join(touchpoint, [("touchpoint", "code")]).drop("code")
        named = named.rename(touchpoint_name="label")
        named = named.left_join(channel, named.channel == channel.code).drop("code")
        named = named.rename(channel_name="label")
        who = self.con.table("unit").select("unit", "customer_id")
        named = named.join(who, "unit")
        return named.select(
            "customer_id",
            "ts",
            touchpoint=named.touchpoint_name,
            stage=named.stage_id,
            channel=named.channel_name,
            value=named.value,
            step=named.step,
            session=named.session,
        )

    def issues(self) -> pd.DataFrame:
        """Return what cleaning did: one row per rule, with the rows it concerned.

        Returns
        -------
        DataFrame
            ``table, source, rule, column, rows, share, effect``; an effect is ``in``,
            ``accepted``, ``rejected``, ``dropped`` or ``noted``. Events without a stage and
            events at or after ``observed_until`` are noted here.
        """
        event = self.con.table("event")
        size = event.aggregate(
            total=event.count(),
            unmapped_stage=event.stage.isnull().sum(),
            not_yet_data=(event.ts >= self.literal(self.observed_until)).sum(),
        ).execute()
        total, rules = int(size["total"][0]), {"unmapped_stage": "stage", "not_yet_data": "ts"}
        found = {rule: int(size[rule][0]) for rule in rules if total and size[rule][0] > 0}
        rows = [
            ("events", "store", rule, rules[rule], number, number / total, "noted")
            for rule, number in found.items()
        ]
        columns = ["table", "source", "rule", "column", "rows", "share", "effect"]
        parts = [self._notes, pd.DataFrame(rows, columns=columns) if rows else None]
        parts = [part for part in parts if part is not None]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def to_utc(value: str | date | datetime | None, zone: str) -> datetime | None:
    """Turn a date or time of the study's zone into a naive UTC instant.

    Examples
    --------
    >>> to_utc("2026-07-01", "Europe/Stockholm")
    datetime.datetime(2026, 6, 30, 22, 0)
    """
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, date | datetime) else value
    return local_instant(text, zone).astimezone(UTC).replace(tzinfo=None)


def microseconds(later: Any, earlier: Any) -> Any:
    """Microseconds between two instants, the form that is equal on every engine."""
    return later.delta(earlier, unit="microsecond")


def parse_duration(text: str | timedelta | None, option: str) -> int | None:
    """Read a duration such as ``30D``, ``36h`` or ``45min`` as microseconds.

    Examples
    --------
    >>> parse_duration("30D", "window")
    2592000000000
    """
    if text is None:
        return None
    known = isinstance(text, timedelta) or (isinstance(text, str) and text.strip()[-1:].isalpha())
    try:
        span = pd.Timedelta(text) if known else None
    except ValueError:
        span = None
    if span is None or pd.isna(span):
        raise UserError(f'{option} is "{text}"; write for example 30D, 36h or 45min.')
    if span < pd.Timedelta(1, "us"):
        raise UserError(f'{option} is "{text}"; it must be at least a microsecond long.')
    return span // pd.Timedelta(1, "us")
