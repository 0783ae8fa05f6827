"""Segments of conversions: attributes of who converts, and the calendar period of when."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from cjlab._numbers import Ints
from cjlab.errors import UserError
from cjlab.journey import _calendar, _segments
from cjlab.journey._tally import Tally
from cjlab.journey.base import Journeys


class Segments:
    """Numbers the segments of conversions: attributes of the unit, and the calendar period."""

    def __init__(self, j: Journeys, names: list[str]) -> None:
        moving = [name for name in names if name in _segments.MOVING]
        if moving:
            raise UserError(
                f'by: "{moving[0]}" changes within a journey; attribution is broken down by '
                "attributes of customers and by calendar periods."
            )
        self.j, self.names = j, names
        self.calendar = next((name for name in names if name in _segments.CALENDARS), None)
        self.fixed = [name for name in names if name != self.calendar]
        self.values: list[tuple[str, ...]] = [()]
        if self.fixed:
            frame = _segments.fixed_values(j, self.fixed).execute()
            index = pd.MultiIndex.from_frame(frame[self.fixed])
            self.values = sorted(index.unique())
            self.codes = np.full(frame["unit"].max() + 1 if len(frame) else 0, -1)
            found = pd.MultiIndex.from_tuples(self.values, names=self.fixed).get_indexer(index)
            self.codes[frame["unit"]] = found

    def number(self, frame: pd.DataFrame) -> Ints:
        """Number the segments that rows with ``unit`` and ``calendar`` are in."""
        own = self.codes[frame["unit"]] if self.fixed else np.zeros(len(frame), dtype="int64")
        if self.calendar is None:
            return own
        return np.asarray(own + len(self.values) * frame["calendar"].to_numpy())

    def all(self, sums: Tally) -> list[tuple[int, tuple[str, ...]]]:
        """Return number and labels of every segment there is, in order; −1 without conversions."""
        found: dict[tuple[str, ...], int] = dict.fromkeys(self.j.groups(self.names), -1)
        for number in sums.base.index:
            period, own = divmod(int(number), len(self.values))
            labels = dict(zip(self.fixed, self.values[own], strict=True))
            if self.calendar is not None:
                bounds = self.j.period_bounds(self.calendar, period, period)
                labels[self.calendar] = bounds["label"][0]
            found[tuple(labels[name] for name in self.names)] = number
        return [(found[group], group) for group in sorted(found)]

    def own(self, group: tuple[str, ...]) -> tuple[str, ...]:
        """Return the attributes among the labels of a segment."""
        pairs = zip(self.names, group, strict=True)
        return tuple(label for name, label in pairs if name != self.calendar)

    def customers(self) -> dict[tuple[str, ...], int]:
        """Count who may be drawn in each segment, by its attributes."""
        table = self.j.grouped(self.j.units.select("unit"), self.fixed)
        if self.j.cluster == "customer":
            table = self.j.with_customer(table)
        counted = table.group_by(self.fixed) if self.fixed else table
        frame = counted.aggregate(n=table[self.j.cluster].nunique()).execute()
        return {tuple(row[:-1]): int(row[-1]) for row in frame.itertuples(index=False)}

    def open_period(self) -> str | None:
        """Return the label of the calendar period that observation ends in, unless it is over."""
        if self.calendar is None:
            return None
        until = self.j.observed_until
        last = self.j.local_period(
            _calendar.instant(until - timedelta(microseconds=1)), self.calendar
        )
        number = int(self.j.con.execute(last))
        bounds = self.j.period_bounds(self.calendar, number, number)
        return str(bounds["label"][0]) if bounds["end"][0] > until else None
