"""What features are computed from: the rows before the end, and arrays by customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from ibis.expr.types import Table
from numpy.typing import NDArray

from cjlab.personas._catalogue import Feature

DAY = 86_400_000_000  # microseconds
MONTH = 30.0  # days
Array: TypeAlias = NDArray[np.float64]
Found: TypeAlias = dict[Feature, Array]


@dataclass(frozen=True)
class Span:
    """The journeys from one instant on; all of them where there is none."""

    j: Any
    first: datetime | None = None

    @cached_property
    def events(self) -> Table:
        """The observed events."""
        events: Table = self.j.events
        return events if self.first is None else events.filter(events.ts >= self.at(self.first))

    @cached_property
    def ids(self) -> pd.Index:
        """Customer ids by code, which is also their order as text."""
        unit = self.j.con.table("unit").select("unit", "customer_id").execute()
        return pd.Index(unit.set_index("unit")["customer_id"].sort_index(), dtype="str")

    def at(self, instant: datetime) -> Any:
        """Return a naive UTC instant as an expression."""
        return self.j.literal(instant)

    @property
    def until(self) -> Any:
        """The end of observation as an expression."""
        return self.at(self.j.observed_until)

    def dated(self, ts: Any) -> Any:
        """Whether an instant lies in the span; not where it is unknown."""
        inside = ts < self.until
        if self.first is not None:
            inside &= ts >= self.at(self.first)
        return inside.fill_null(False)

    def collect(self, table: Table) -> dict[str, Array]:
        """Run a table with one row a customer; return arrays by code, 0 for who has no row.

        Null comes back as 0 too: a column with nulls would travel as objects, which takes
        longer than to compute it. What may be missing goes with its count.
        """
        if "customer_id" in table.columns:
            unit = self.j.con.table("unit").select("unit", "customer_id")
            table = table.join(unit, "customer_id").drop("customer_id")
        rows = table.fill_null(dict.fromkeys(table.columns, 0)).execute()
        code = rows.pop("unit").to_numpy()
        found = {}
        for name in rows:
            found[str(name)] = np.zeros(len(self.ids))
            found[str(name)][code] = rows[name].to_numpy()
        return found


def ratio(part: Array, whole: Array, least: float = 1) -> Array:
    """Divide; missing where the base is below `least`."""
    known = whole >= least
    return np.where(known, part / np.where(known, whole, 1), np.nan)


def rate(count: Array, tenure: Array, days: float) -> Array:
    """Events per so many days since first seen; less than a month counts as one."""
    return count * days / np.maximum(tenure, MONTH)
