"""The windows of the store in portable Ibis, for an engine that is not DuckDB.

They turn ``coded`` and ``named`` into ``event`` and ``unit`` as the SQL of :mod:`cjlab.windows`
does, over the same order; a test holds the two equal.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis.expr.types import Table

from cjlab.windows import KEPT, SESSION_MINUTES

# A code and the step it stands at as one integer: the nearest one before or after is then a
# running maximum or minimum, which every engine computes alike and in one pass.
_SIZE = 2**32


def events(coded: Table, by: list[str]) -> Table:
    """Return the event table: each unit's events in order, with what stands around them.

    Parameters
    ----------
    coded : Table
        One row an event, names in codes.
    by : list of str
        Columns that order a unit's events, nulls last; see :func:`cjlab.windows.order`.
    """
    order = [coded[column].asc(nulls_first=False) for column in by]
    journey = ibis.window(group_by="unit", order_by=order)
    table = coded.mutate(
        step=ibis.row_number().over(journey).cast("int32"),
        prev_ts=coded.ts.lag().over(journey),
        next_ts=coded.ts.lead().over(journey),
        next_touchpoint=coded.touchpoint.lead().over(journey),
    )
    before = ibis.window(group_by="unit", order_by=table.step, preceding=(None, 1))
    after = ibis.window(group_by="unit", order_by=table.step.desc(), preceding=(None, 1))
    stage, channel = _at_step(table, "stage"), _at_step(table, "channel")
    staged, met = table.stage.notnull(), table.channel.notnull()
    table = table.mutate(
        fresh=(table.ts > table.prev_ts + ibis.interval(minutes=SESSION_MINUTES)).fill_null(True),
        prev_stage=_when(staged, _code(stage.max().over(before), "int16")),
        next_stage=_when(staged, _code(stage.min().over(after), "int16")),
        next_stage_ts=_when(staged, _when(staged, table.ts).min().over(after)),
        next_channel=_code(channel.min().over(after), "int32"),
        next_channel_ts=_when(met, table.ts).min().over(after),
    )
    past = ibis.cumulative_window(group_by="unit", order_by=table.step)
    staged = table.stage.notnull()
    moved = staged & ~table.stage.identical_to(table.prev_stage)
    return table.select(
        *("unit", "customer", "step", *KEPT[2:]),
        session=_count(table.fresh, past),
        spell=_when(staged, _count(moved, past)),
        **{name: table[name] for name in _AROUND},
        **{name: table[name] for name in coded.columns if name not in (*KEPT, "step", "tie")},
    )


_AROUND = (
    "prev_stage", "next_stage", "next_stage_ts", "next_touchpoint", "next_ts", "next_channel",
    "next_channel_ts",
)  # fmt: skip


def _when(condition: Any, value: Any) -> Any:
    return condition.ifelse(value, ibis.null(value.type()))


def _at_step(table: Table, column: str) -> Any:
    return table.step.cast("int64") * _SIZE + table[column].cast("int64")


def _code(packed: Any, kind: str) -> Any:
    return (packed % _SIZE).cast(kind)


def _count(flag: Any, past: Any) -> Any:
    return (flag.cast("int64").sum().over(past) - 1).cast("int32")


def units(event: Table, named: Table, purchase: int) -> Table:
    """Return one row a unit: its name, first and last instant and step of the first purchase.

    Parameters
    ----------
    event : Table
        What :func:`events` made.
    named : Table
        ``unit`` and the columns that say who it is.
    purchase : int
        Code of the stage that is the purchase, -1 where there is none.
    """
    bought = _when(event.stage == purchase, event.step)
    table = event.group_by("unit").aggregate(
        first_ts=event.ts.min(),
        last_ts=event.ts.max(),
        events=event.count(),
        purchase_step=bought.min(),
    )
    table = named.join(table, "unit")
    return table.select(*named.columns, "first_ts", "last_ts", "events", "purchase_step")
