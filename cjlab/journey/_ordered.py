"""Runs through a funnel's steps in order, over every start.

Each row carries the latest start of a run that ends there: the later the start, the more of
the window is left, so the running maximum is all that the next step has to know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import and_
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from cjlab.journey._steps import Mask, Plan, crowds
from cjlab.journey.base import Journeys, microseconds


def plain_runs(j: Journeys, served: list[Table], plan: Plan) -> Table:
    """Runs where different steps are different events: unit, ts, step, begun and the level k.

    Each step looks only at the events that may stand there and at the runs that got so far, so
    the work shrinks as customers drop out.
    """
    runs = served[0].filter(j.within(served[0].ts)).mutate(begun=_.ts)
    levels = [runs.select(*_fields(runs))]
    for table in served[1:]:
        levels.append(_next_runs(levels[-1], table, plan))
    return ibis.union(*(run.mutate(k=ibis.literal(k, "int8")) for k, run in enumerate(levels)))


def _fields(runs: Table) -> list[str]:
    return [name for name in ("unit", "ts", "step", "begun") if name in runs.columns]


def _next_runs(runs: Table, served: Table, plan: Plan) -> Table:
    """Lead runs on to the events of the next step, which have not begun yet."""
    none = ibis.null("timestamp(6)")
    if plan.excluded:
        runs = runs.mutate(barrier=none)
    both = runs.union(served.mutate(begun=none).select(*runs.columns))
    run = both.begun.notnull()
    # Of one instant the runs come first, unless each step must come at a later one.
    turn = run if plan.increasing else ~run
    past = ibis.window(group_by="unit", order_by=["ts", turn], preceding=None, following=0)
    fields = {"latest": both.begun.max().over(past)}
    if plan.excluded:
        fields["nearest"] = run.ifelse(both.ts, ibis.null()).max().over(past)
    both = both.mutate(**fields)
    onward = both.begun.isnull() & in_time(both.ts, both.latest, plan.span)
    if plan.excluded:
        onward &= unbarred(both.nearest, both.barrier)
    return both.filter(onward).mutate(begun=_.latest).select(*_fields(runs))


def in_time(ts: Any, start: Any, span: int | None) -> Any:
    """Whether a start is known and no longer ago than the window."""
    return start.notnull() if span is None else (microseconds(ts, start) <= span).fill_null(False)


def unbarred(since: Any, barrier: Any) -> Any:
    """Whether no excluded event lies strictly between an instant and the row's own."""
    return barrier.isnull() | (since >= barrier).fill_null(False)


def with_barrier(event: Table, table: Table, excluded: Any) -> Table:
    """Add to each row the last instant strictly before its own with an excluded event."""
    none = ibis.null("timestamp(6)")
    table = table.mutate(bar=none, last=ibis.literal(False))
    bars = event.filter(excluded).select("unit", "ts", bar="ts")
    fields = {name: ibis.null(kind) for name, kind in table.schema().items()}
    fields |= {"unit": _.unit, "ts": _.ts, "bar": _.bar, "last": ibis.literal(True)}
    bars = bars.mutate(**fields)
    both = table.union(bars.select(*table.columns))
    past = ibis.window(group_by="unit", order_by=["ts", "last"], preceding=None, following=0)
    both = both.mutate(barrier=both.bar.max().over(past))
    return both.filter(~both.last).drop("bar", "last")


def shared_runs(j: Journeys, table: Table, plan: Plan, masks: set[Mask]) -> Table:
    """Runs where one event could serve several steps but may serve only one: row per instant.

    Within one instant events have no order, so a stretch of steps can be made there exactly
    when each crowd of steps that compete for events finds as many events as it has steps
    (Hall 1935).
    """
    tied = crowds(range(plan.size), masks)
    names = serving_names(tied)
    fields: dict[str, Any] = {
        names[serving]: ibis.or_(*(table[f"m{k}"] for k in crowd)).sum()
        for crowd, serving in tied.items()
    }
    fields |= {f"e{k}": table.step.min(where=table[f"m{k}"]) for k in range(plan.size)}
    if plan.excluded:
        fields["barrier"] = table.barrier.max()
    instant = table.group_by("unit", "ts").aggregate(**fields)
    past = ibis.window(group_by="unit", order_by="ts", preceding=(None, 1))
    for k in range(plan.size):
        inside = enough(instant, range(k + 1), tied, names) & j.within(instant.ts)
        starts = [inside.ifelse(instant.ts, ibis.null())]
        for i in range(k):
            run = enough(instant, range(i + 1, k + 1), tied, names)
            run &= in_time(instant.ts, instant[f"p{i}"], plan.span)
            if plan.excluded:
                run &= unbarred(instant[f"q{i}"], instant.barrier)
            starts.append(run.ifelse(instant[f"p{i}"], ibis.null()))
        instant = instant.mutate(**{f"s{k}": ibis.greatest(*starts) if k else starts[0]})
        reached = instant[f"s{k}"].notnull().ifelse(instant.ts, ibis.null())
        instant = instant.mutate(
            **{f"p{k}": instant[f"s{k}"].max().over(past), f"q{k}": reached.max().over(past)}
        )
    return instant


def serving_names(tied: dict[Mask, frozenset[Mask]]) -> dict[frozenset[Mask], str]:
    """Name the columns that count the events of an instant which serve a crowd."""
    return {serving: f"c{place}" for place, serving in enumerate(dict.fromkeys(tied.values()))}


def enough(
    instant: Table | Mapping[str, Any],
    stretch: Collection[int],
    tied: dict[Mask, frozenset[Mask]],
    names: dict[frozenset[Mask], str],
) -> Any:
    """Whether one instant has different events for all steps of the stretch."""
    needs: dict[str, int] = {}
    for crowd, serving in tied.items():
        if crowd <= set(stretch):
            name = names[serving]
            needs[name] = max(needs.get(name, 0), len(crowd))
    return reduce(and_, (instant[name] >= number for name, number in needs.items()))
