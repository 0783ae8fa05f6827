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
Array: TypeAlias = NDArray[Any]
Found: TypeAlias = dict[Feature, Array]


@dataclass(frozen=True)
class Span:
    """The journeys from one instant on, of customers whose codes lie in a range; else of all."""

    j: Any
    first: datetime | None = None
    part: tuple[int, int] | None = None

    @cached_property
    def events(self) -> Table:
        """The observed events."""
        events = self._of_part(self.j.events)
        return (
            events if self.first is None else events.filter(events.ts >= self.j.literal(self.first))
        )

    @cached_property
    def ids(self) -> pd.Index:
        """Customer ids by code, which is also their order as text."""
        unit = self._of_part(self.j.con.table("unit")).select("unit", "customer_id").execute()
        return pd.Index(unit.set_index("unit")["customer_id"].sort_index(), dtype="str")

    @property
    def codes(self) -> range:
        """Codes of the customers."""
        low = self.part[0] if self.part else 0
        return range(low, low + len(self.ids))

    def _of_part(self, table: Table) -> Table:
        """Keep the rows of the customers in the range."""
        if self.part is None:
            return table
        low, high = self.part
        return table.filter((table.unit >= low) & (table.unit < high))

    @property
    def until(self) -> Any:
        """The end of observation as an expression."""
        return self.j.literal(self.j.observed_until)

    def dated(self, ts: Any) -> Any:
        """Whether an instant lies in the span; not where it is unknown."""
        inside = ts < self.until
        if self.first is not None:
            inside &= ts >= self.j.literal(self.first)
        return inside.fill_null(False)

    def named(self, table: Table) -> Table:
        """Put the codes of customers for their ids."""
        unit = self._of_part(self.j.con.table("unit")).select("unit", "customer_id")
        return table.join(unit, "customer_id").drop("customer_id")

    def collect(self, table: Table) -> dict[str, Array]:
        """Run a table with one row a customer; return arrays by code, 0 for who has no row.

        Null comes back as 0 too: a column with nulls would travel as objects, which takes
        longer than to compute it. What may be missing goes with its count.
        """
        table = table if "unit" in table.columns else self.named(table)
        rows = table.fill_null(dict.fromkeys(table.columns, 0)).to_pyarrow()
        code, found = rows["unit"].to_numpy() - self.codes.start, {}
        for name in rows.column_names:
            values = rows[name].to_numpy()
            found[name] = np.zeros(len(self.ids), values.dtype)
            found[name][code] = values
        return found


def ratio(part: Array, whole: Array, least: float = 1) -> Array:
    """Divide; missing where the base is below `least`."""
    nothing = np.full(len(whole), np.nan)
    return np.divide(part, whole, out=nothing, where=whole >= least)


def rate(count: Array, tenure: Array, days: float) -> Array:
    """Events per so many days since first seen; less than a month counts as one."""
    return count * days / np.maximum(tenure, MONTH)
