"""Runs: for every unit, how far any start leads through a funnel's steps, and when."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from cjlab.journey._anyorder import any_runs
from cjlab.journey._ordered import plain_runs, shared_runs, with_barrier
from cjlab.journey._steps import Mask, Plan, matches, observed_milestones, read_masks, stands
from cjlab.journey._stream import in_order
from cjlab.journey._strict import strict_runs
from cjlab.journey._walk import walk
from cjlab.journey.base import Journeys

__all__ = ["observed_milestones", "people"]


def people(j: Journeys, plan: Plan, *, places: bool = True) -> Table:
    """One row per entrant: by step k its first completion, where that run began, and the event.

    Columns ``unit, t<k>, b<k>, e<k>`` (instant, start, and the completing event's place in the
    journey), null where step k was never reached, and ``entry``, the first start.

    Parameters
    ----------
    j : Journeys
        The journeys.
    plan : Plan
        The funnel.
    places : bool, default True
        Whether ``e<k>`` is wanted.
    """
    masks = set() if plan.order == "strict" else read_masks(j, plan.conditions)
    if plan.order != "strict" and in_order(j):
        return walk(j, plan, masks, places)
    table, at = _runs(j, plan, masks, places)
    fields: dict[str, Any] = {}
    for k in range(plan.size):
        begun, done, step = at(table, k)
        fields[f"t{k}"] = table.ts.min(where=done)
        # A run that ends later never began earlier, so the first run's start is the least.
        fields[f"b{k}"] = begun.min(where=done)
        if places:
            fields[f"e{k}"] = step.min(where=done)
    del fields["b0"]
    found = table.group_by("unit").aggregate(**fields).mutate(b0=_.t0)
    return found.filter(found.t0.notnull()).mutate(entry=_.t0)


def _runs(j: Journeys, plan: Plan, masks: set[Mask], places: bool) -> tuple[Table, Any]:
    """Rows with the runs that end there, and how to read start, end and event of level k."""
    if plan.order == "strict":
        return strict_runs(j, plan), _wide
    if plan.order == "any":
        return any_runs(j, _candidates(j, plan), plan, masks), _wide
    # Events at different instants are different events.
    if plan.increasing or all(len(mask) <= 1 for mask in masks):
        return plain_runs(j, _served(j, plan, places), plan), _long
    return shared_runs(j, _candidates(j, plan), plan, masks), _wide


def _served(j: Journeys, plan: Plan, places: bool) -> list[Table]:
    """The events that could stand at each step."""
    columns = ["unit", "ts", *(["step"] if places else [])]
    if plan.excluded:
        table, columns = _candidates(j, plan), [*columns, "barrier"]
        return [table.filter(table[f"m{k}"]).select(*columns) for k in range(plan.size)]
    return [j.events.filter(stands(j.events, c)).select(*columns) for c in plan.conditions]


def _candidates(j: Journeys, plan: Plan) -> Table:
    """The events that could stand at some step, with a flag for each step."""
    event = j.events
    flags = {f"m{k}": matches(event, codes) for k, codes in enumerate(plan.conditions)}
    table = event.select("unit", "ts", "step", **flags, wanted=ibis.or_(*flags.values()))
    table = table.filter(_.wanted).drop("wanted")
    if not plan.excluded:
        return table
    return with_barrier(event, table, matches(event, plan.excluded)).cache()  # each step reads it


def _wide(table: Table, k: int) -> tuple[Any, Any, Any]:
    step = table[f"e{k}"] if f"e{k}" in table.columns else table.step
    return table[f"s{k}"], table[f"s{k}"].notnull(), step


def _long(table: Table, k: int) -> tuple[Any, Any, Any]:
    return table.begun, table.k == k, table.step if "step" in table.columns else None
