"""Segments: what a metric may be broken down by, and how a customer falls into one.

Attributes of a customer hold for the whole journey. Channel, device, role and source change
from event to event, and calendar periods pass: of these the value at the start of what is
counted holds, so that no journey is cut in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.journey import _calendar

if TYPE_CHECKING:
    from cjlab.journey.base import Journeys

MOVING = ("channel", "device", "role", "source")
CALENDARS = ("period", *_calendar.KINDS)
UNKNOWN = "(unknown)"
_NONE = -1
# Columns of the chosen units that are no attributes of theirs.
HIDDEN = {"unit", "customer_id", "first_ts", "account_id", "session", "customer"}


def check(j: Journeys, names: Sequence[str]) -> None:
    """Refuse a name that nothing can be broken down by, or two calendars at once."""
    for name in names:
        if name not in (*MOVING, *CALENDARS):
            check_attribute(name, j.units.columns, "by", (*MOVING, *CALENDARS))
    if len(times := [name for name in names if name in CALENDARS]) > 1:
        raise UserError(f"by: {' and '.join(times)} are both calendars; take one.")


def check_attribute(
    name: str, columns: Sequence[str], option: str, others: Sequence[str] = ()
) -> None:
    """Refuse a name that is no attribute of a customer, and say the nearest one."""
    valid = [column for column in columns if column not in HIDDEN]
    if name in valid:
        return
    if name == "persona":
        raise UserError(f"{option}: personas are not assigned yet; run personas.assign first.")
    hint = did_you_mean(name, [*valid, *others]) if valid or others else ""
    raise UserError(f'{option}: no customer attribute "{name}".{hint}')


def columns(names: Sequence[str]) -> list[str]:
    """Return the dimension columns: every calendar is called report_period."""
    return ["report_period" if name in CALENDARS else name for name in names]


def join(j: Journeys, table: Table, names: Sequence[str]) -> Table:
    """Join the columns of the named segments; see Journeys.grouped."""
    for name in columns(names):
        if name in table.columns:
            raise UserError(
                f'by: "{name}" is a name that the metric itself uses; rename the attribute.'
            )
    moving = [name for name in names if name in MOVING]
    calendar = next((name for name in names if name in CALENDARS), None)
    if calendar and "ts" in table.columns:
        table = table.mutate(report_period=j.local_label(table.ts, calendar))
        calendar = None
    absent = [name for name in moving if f"_{name}" not in table.columns]
    if absent or calendar:
        table = _at_start(j, table, absent, calendar)
    table = named(j, table, moving)
    fixed = [name for name in names if name not in (*MOVING, *CALENDARS)]
    if fixed:
        table = table.left_join(fixed_values(j, fixed), "unit").drop("unit_right")
    return table


def coded(j: Journeys, table: Table, names: Sequence[str]) -> Table:
    """Join the segments to rows that are events, in numbers where there are: faster to group by.

    The table has ``ts`` and what :func:`carried` gives; :func:`decoded` puts the names.
    """
    numbers = {name: table[f"_{name}"].fill_null(_NONE) for name in names if name in MOVING}
    for name in names:
        if name in CALENDARS:
            numbers["report_period"] = j.local_period(table.ts, name)
    if numbers:
        table = table.mutate(**numbers).drop(*(c for c in table.columns if c[1:] in numbers))
    return j.grouped(table, [name for name in names if name not in (*MOVING, *CALENDARS)])


def decoded(j: Journeys, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Put names for the numbers of segments into a frame, as :func:`join` would have."""
    for name, column in zip(names, columns(names), strict=True):
        if name in MOVING:
            frame[column] = frame[column].map({_NONE: UNKNOWN, **j.labels(name)})
        elif name in CALENDARS and len(frame):
            found = j.period_bounds(name, int(frame[column].min()), int(frame[column].max()))
            frame[column] = frame[column].map(found.set_index("index")["label"])
    return frame


def fixed_values(j: Journeys, names: Sequence[str]) -> Table:
    """Return one row a unit with the named attributes as text."""
    units = in_words(j, j.units.select("unit", *names), names)
    return units.mutate(**{name: units[name].fill_null(UNKNOWN) for name in names})


def in_words(j: Journeys, table: Table, names: Sequence[str]) -> Table:
    """Put text for the named columns; floats as DuckDB and Python write them, on any engine."""
    for name in names:
        column = table[name]
        if not column.type().is_floating():
            table = table.mutate(**{name: column.cast("string")})
            continue
        kind = column.type()
        column = (column == 0).ifelse(ibis.literal(0.0, kind), column)  # -0.0 is no other number
        column = column.isnan().ifelse(ibis.null(kind), column)
        if j.con.name == "duckdb":
            table = table.mutate(**{name: column.cast("string")})
            continue
        values = table.select(**{name: column}).distinct().execute()[name].dropna().to_numpy()
        # The shortest digits of the value's own width, in the form of a double.
        words = [str(float(str(value))) for value in values]
        known = ibis.util.gen_name("words")
        j.con.add(known, pa.table({name: values, "_words": pa.array(words, pa.string())}))
        table = table.mutate(**{name: column}).left_join(j.con.table(known), name)
        table = table.drop(name, f"{name}_right").rename({name: "_words"})
    return table


def _at_start(j: Journeys, table: Table, moving: list[str], calendar: str | None) -> Table:
    """Join the values that stood at the event where what is counted begins."""
    event = j.events
    fields: dict[str, Any] = {f"_{name}": event[name] for name in moving}
    if calendar:
        fields["report_period"] = j.local_label(event.ts, calendar)
    begun = event.select("unit", "step", **fields)
    return table.left_join(begun, ["unit", "step"]).drop("unit_right", "step_right")


def carried(event: Table, names: Sequence[str]) -> dict[str, Any]:
    """Codes of the channel and the like, for rows that are events: they need no join for them."""
    return {f"_{name}": event[name] for name in names if name in MOVING}


def named(j: Journeys, table: Table, moving: Sequence[str]) -> Table:
    """Put the names of channels, devices and so on for their codes in columns _<name>."""
    for name in moving:
        label = j.con.table("label").filter(_.kind == name).select("code", **{name: _.label})
        table = table.left_join(label, table[f"_{name}"] == label.code)
        table = table.mutate(**{name: table[name].fill_null(UNKNOWN)}).drop("code", f"_{name}")
    return table


def found(j: Journeys, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every segment that the chosen customers fall into, in order."""
    if not names:
        return [()]
    if all(name not in (*MOVING, *CALENDARS) for name in names):
        table = fixed_values(j, names).drop("unit")
    else:
        event = j.events.filter(j.within(j.events.ts))
        fixed = [name for name in names if name not in (*MOVING, *CALENDARS)]
        moving = [name for name in names if name in MOVING]
        fields = {f"_{name}": event[name] for name in moving}
        for name in names:
            if name in CALENDARS:
                fields["report_period"] = j.local_label(event.ts, name)
        table = event.select("unit", **fields).distinct()
        if fixed:
            table = table.left_join(fixed_values(j, fixed), "unit").drop("unit_right")
        table = named(j, table.drop("unit").distinct(), moving)
    rows = table.select(*columns(names)).distinct().execute()
    return sorted(tuple(row) for row in rows.itertuples(index=False))
