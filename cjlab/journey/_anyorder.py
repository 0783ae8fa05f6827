"""Runs that reach the first steps in any order, by different events within one window."""

from __future__ import annotations

from typing import Any

import ibis
from ibis.expr.types import Table

from cjlab.journey._ordered import in_time, unbarred
from cjlab.journey._steps import Mask, Plan, crowds
from cjlab.journey.base import Journeys


def any_runs(j: Journeys, table: Table, plan: Plan, masks: set[Mask]) -> Table:
    """Start s<k> of the shortest run that has steps 0 to k by this event, null where none has.

    Different events can be found for all steps exactly when each crowd of steps that compete
    for events finds as many as it has steps (Hall 1935), so a crowd of n has been served since
    the n-th latest of its events, and all crowds since the earliest of these.
    """
    table = table.filter(j.within(table.ts))
    tied = crowds(range(plan.size), masks)
    fields: dict[str, Any] = {}
    for place, crowd in enumerate(tied):
        table = table.mutate(**{f"g{place}": ibis.or_(*(table[f"m{k}"] for k in crowd))})
        nth = table.ts
        if len(crowd) > 1:
            own = ibis.window(group_by=["unit", f"g{place}"], order_by=["ts", "step"])
            nth = table.ts.lag(len(crowd) - 1).over(own)
        fields[f"x{place}"] = table[f"g{place}"].ifelse(nth, ibis.null())
    table = table.mutate(**fields)
    past = ibis.range_window(group_by="unit", order_by="ts", preceding=None, following=0)
    since = {crowd: f"v{place}" for place, crowd in enumerate(tied)}
    table = table.mutate(
        **{name: table[name.replace("v", "x")].max().over(past) for name in since.values()}
    )
    return table.mutate(**{f"s{k}": _start(table, plan, since, k) for k in range(plan.size)})


def _start(table: Table, plan: Plan, since: dict[Mask, str], k: int) -> Any:
    first = frozenset(range(k + 1))
    served = [table[name] for crowd, name in since.items() if crowd <= first]
    start = ibis.least(*served) if len(served) > 1 else served[0]
    run = ibis.or_(*(table[f"m{i}"] for i in first)) & in_time(table.ts, start, plan.span)
    run = ibis.and_(run, *(instant.notnull() for instant in served))
    if plan.excluded:
        run &= unbarred(start, table.barrier)
    return run.ifelse(start, ibis.null())
