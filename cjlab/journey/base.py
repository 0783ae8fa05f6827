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
from cjlab.periods import local_instant
from cjlab.stages import StageModel

VIEWS = ("customer", "buying")
# Columns of the chosen customers that are no attributes of theirs.
_HIDDEN = {"unit", "customer_id", "first_ts"}
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
    ) -> None:
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
        self._notes = notes
        if start is not None and end is not None and start >= end:
            raise UserError(f"the period from {start} to {end} (UTC) holds no time.")
        self.observed_until = self._until(observed_until)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, **options: Any) -> Journeys:
        """Make journeys from a pandas frame; see :func:`cjlab.journey.frames.from_frame`."""
        from cjlab.journey.frames import from_frame

        return from_frame(frame, **options)

    def __repr__(self) -> str:
        size = self.events.aggregate(n=_.count(), who=_.unit.nunique()).execute()
        return (
            f"Journeys: {int(size['n'][0]):,} events of {int(size['who'][0]):,} customers, "
            f"{len(self.model)} stages ({self.model.id}), observed until "
            f"{self.observed_until:%Y-%m-%d %H:%M} UTC"
        )

    def _until(self, asked: datetime | None) -> datetime:
        if asked is None:
            last = self.con.table("event").ts.max().execute()
            known = not pd.isna(last)
            asked = pd.Timestamp(last).to_pydatetime() if known else datetime(1971, 1, 1)
            asked += timedelta(microseconds=1)
        return min(asked, self.end) if self.end else asked

    @cached_property
    def units(self) -> Table:
        """The chosen customers: unit, customer_id, first_ts, persona and declared attributes.

        A customer without any event before ``observed_until`` is not data yet.
        """
        unit = self.con.table("unit").select("unit", "customer_id", "first_ts")
        unit = unit.filter(unit.first_ts < self._literal(self.observed_until))
        customers, assigned = self._table("customers"), self._table("persona")
        if customers is not None:
            clash = {"unit", "first_ts", *(["persona"] if assigned is not None else [])}
            customers = customers.drop(*(clash & set(customers.columns)))
            unit = unit.left_join(customers, "customer_id").drop("customer_id_right")
        if assigned is not None:
            persona = assigned.select("customer_id", "persona")
            unit = unit.left_join(persona, "customer_id").drop("customer_id_right")
        return unit if self.where is None else self._chosen(unit)

    def _table(self, name: str) -> Table | None:
        try:
            return self.con.table(name)
        except TableNotFound:
            return None

    def _chosen(self, unit: Table) -> Table:
        if not isinstance(self.where, Mapping):
            try:
                return unit.filter(self.where)
            except Exception as error:  # whatever a predicate of the caller's may raise
                valid = ", ".join(c for c in unit.columns if c not in _HIDDEN) or "none"
                line = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise UserError(f"where: {line}. Attributes of customers: {valid}.") from None
        for column, wanted in self.where.items():
            self._check_attribute(column, unit.columns, "where")
            several = not isinstance(wanted, str) and hasattr(wanted, "__iter__")
            values = list(wanted) if several else [wanted]
            kind = unit[column].type()
            if any(isinstance(value, str) != kind.is_string() for value in values):
                shown = ", ".join(map(repr, values))
                raise UserError(f"where: {column} is {kind}, and cannot be compared with {shown}.")
            unit = unit.filter(unit[column].isin(values))
        return unit

    @cached_property
    def events(self) -> Table:
        """The observed events of the chosen customers, in codes; see the store's columns.

        What comes next is null where it was not observed: at or after ``observed_until``, or
        past the first purchase in the buying view.
        """
        until = self._literal(self.observed_until)
        event = self.con.table("event")
        event = event.filter(event.ts < until)
        if self.where is not None:
            event = event.semi_join(self.units, "unit")
        follows: Any = ibis.literal(True)
        if self.view == "buying":
            cut = self.con.table("unit").select("unit", "purchase_step")
            event = event.left_join(cut, "unit").drop("unit_right")
            event = event.filter(event.purchase_step.isnull() | (event.step <= event.purchase_step))
            follows = event.purchase_step.isnull() | (event.step < event.purchase_step)
        stage_seen = follows & (event.next_stage_ts < until)
        event_seen = follows & (event.next_ts < until)
        event = event.mutate(
            next_stage=stage_seen.ifelse(event.next_stage, ibis.null()),
            next_stage_ts=stage_seen.ifelse(event.next_stage_ts, ibis.null()),
            next_touchpoint=event_seen.ifelse(event.next_touchpoint, ibis.null()),
            next_ts=event_seen.ifelse(event.next_ts, ibis.null()),
        )
        return event.drop("purchase_step") if self.view == "buying" else event

    @staticmethod
    def _literal(instant: datetime) -> Any:
        return ibis.literal(instant).cast("timestamp(6)")

    def within(self, ts: Any) -> Any:
        """Whether an instant starts inside the period; true everywhere without one."""
        inside = ts.notnull()
        if self.start is not None:
            inside &= ts >= self._literal(self.start)
        if self.end is not None:
            inside &= ts < self._literal(self.end)
        return inside

    def attributes(self, by: str | Sequence[str] | None) -> list[str]:
        """Check the customer attributes to break a metric down by, and return them as a list.

        Raises
        ------
        UserError
            For a name that is no attribute of a customer, with the nearest one.
        """
        names = [] if by is None else [by] if isinstance(by, str) else list(dict.fromkeys(by))
        for name in names:
            self._check_attribute(name, self.units.columns, "by")
        return names

    def groups(self, names: list[str]) -> list[tuple[str, ...]]:
        """Return every segment that the chosen customers fall into, in order."""
        if not names:
            return [()]
        found = self._segments(names).drop("unit").distinct().execute()
        return sorted(tuple(row) for row in found[names].itertuples(index=False))

    def _segments(self, names: list[str]) -> Table:
        units = self.units
        return units.select(
            "unit", **{n: units[n].cast("string").fill_null("(unknown)") for n in names}
        )

    def _check_attribute(self, name: str, columns: Sequence[str], option: str) -> None:
        valid = [column for column in columns if column not in _HIDDEN]
        if name in valid:
            return
        if name == "persona":
            raise UserError(f"{option}: personas are not assigned yet; run personas.assign first.")
        hint = did_you_mean(name, valid) if valid else " The study has no customers table."
        raise UserError(f'{option}: no customer attribute "{name}".{hint}')

    def grouped(self, table: Table, names: list[str]) -> Table:
        """Join the named customer attributes to a table that has a ``unit`` column."""
        if not names:
            return table
        for name in names:
            if name in table.columns:
                raise UserError(
                    f'by: "{name}" is a name that the metric itself uses; rename the attribute.'
                )
        return table.left_join(self._segments(names), "unit").drop("unit_right")

    def labels(self, kind: str) -> dict[int, str]:
        """Return the names behind the codes of touchpoint, channel, device, role or source."""
        if kind == "stage":
            return dict(enumerate(self.model.ids))
        table = self.con.table("label")
        frame = table.filter(table.kind == kind).select("code", "label").execute()
        return dict(zip(frame["code"].tolist(), frame["label"].tolist(), strict=True))

    def to_ibis(self) -> Table:
        """Return the observed events with customer, stage, touchpoint and channel by name."""
        event = self.events
        stage = ibis.memtable(
            pd.DataFrame(
                {"stage": range(len(self.model)), "stage_id": list(self.model.ids)},
            ).astype({"stage": "int16"})
        )
        label = self.con.table("label")
        touchpoint = label.filter(label.kind == "touchpoint").select("code", "label")
        channel = label.filter(label.kind == "channel").select("code", "label")
        named = (
            event.left_join(stage, "stage")
            .drop("stage_right")
            .join(touchpoint, event.touchpoint == touchpoint.code)
            .drop("code")
            .rename(touchpoint_name="label")
        )
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
        until = self._literal(self.observed_until)
        size = event.aggregate(
            total=event.count(),
            unmapped_stage=event.stage.isnull().sum(),
            not_yet_data=(event.ts >= until).sum(),
        ).execute()
        total = int(size["total"][0])
        rows = [
            (
                "events",
                "store",
                rule,
                column,
                int(size[rule][0]),
                int(size[rule][0]) / total,
                "noted",
            )
            for rule, column in (("unmapped_stage", "stage"), ("not_yet_data", "ts"))
            if total and size[rule][0] > 0
        ]
        columns = ["table", "source", "rule", "column", "rows", "share", "effect"]
        more = pd.DataFrame(rows, columns=columns)
        if self._notes is None:
            return more
        return pd.concat([self._notes, more], ignore_index=True) if rows else self._notes


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
