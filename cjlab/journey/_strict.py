"""Runs whose steps follow each other directly, with nothing in between."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from cjlab.journey._ordered import in_time
from cjlab.journey._steps import Plan, matches
from cjlab.journey.base import Journeys


def strict_runs(j: Journeys, plan: Plan) -> Table:
    """Start s<k> of the run that completes step k at each event, null where none does.

    Events without a stage that no step (or exclusion) names are passed over.
    """
    event = j.events
    flags = {f"m{k}": matches(event, codes) for k, codes in enumerate(plan.conditions)}
    named = ibis.or_(*flags.values(), event.stage.notnull(), matches(event, plan.excluded))
    table = event.select("unit", "ts", "step", **flags, named=named).filter(_.named)
    journey = ibis.window(group_by="unit", order_by="step")
    back: dict[str, Any] = {}
    for d in range(1, plan.size):
        back[f"ts{d}"] = table.ts.lag(d).over(journey)
        back |= {f"m{k}_{d}": table[f"m{k}"].lag(d).over(journey) for k in range(plan.size - d)}
    table = table.mutate(**back)
    return table.mutate(**{f"s{k}": _start(j, table, plan, k) for k in range(plan.size)})


def _start(j: Journeys, table: Table, plan: Plan, k: int) -> Any:
    """Where the run began that has step k at this event, if the events before are its others."""
    ts = [table.ts, *(table[f"ts{d}"] for d in range(1, k + 1))]
    run = table[f"m{k}"] & j.within(ts[k]) & in_time(table.ts, ts[k], plan.span)
    for d in range(1, k + 1):
        run &= table[f"m{k - d}_{d}"].fill_null(False)
        if plan.increasing:
            run &= ts[d] < ts[d - 1]
    return run.ifelse(ts[k], ibis.null())
