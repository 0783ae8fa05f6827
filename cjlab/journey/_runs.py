"""Runs: for every customer, how far any start leads through a funnel's steps, and when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

import ibis
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.journey.base import Journeys, microseconds

Steps: TypeAlias = Sequence[str | Sequence[str]] | None
Codes: TypeAlias = frozenset[tuple[str, int]]
# The steps that one event could serve, as positions.
Mask: TypeAlias = frozenset[int]


def read_steps(j: Journeys, steps: Steps) -> tuple[list[str], list[Codes]]:
    """Return a funnel's step labels and, per step, the stage and touchpoint codes it takes."""
    if isinstance(steps, str):
        raise UserError(f'steps is one text; give a list such as ["{steps}", …].')
    chosen = list(steps) if steps is not None else list(j.model.milestones)
    if len(chosen) < 2:
        raise UserError(
            f"a funnel needs at least two steps, and has {len(chosen)}; give steps= in order."
        )
    touchpoints = {label: code for code, label in j.labels("touchpoint").items()}
    labels, conditions = [], []
    for step in chosen:
        several = isinstance(step, Collection) and not isinstance(step, str)
        parts = list(step) if several else [step]
        if not parts:
            raise UserError("steps: an empty list is no step; name what may stand there.")
        conditions.append(frozenset(_code(part, j.model.codes, touchpoints) for part in parts))
        labels.append(" | ".join(map(str, parts)))
    return _distinct(labels), conditions


def observed_milestones(j: Journeys) -> tuple[list[str], list[str]]:
    """Return the milestones that some event stands in, and those that none does.

    Where no touchpoint is mapped to a milestone nobody can reach it, and a funnel through it
    says nothing about the customers. With fewer than two left, all are returned as they are.

    Parameters
    ----------
    j : Journeys
        The journeys; all of the study's events count, whatever the period.

    Returns
    -------
    tuple of list of str
        Stage ids to use as steps, and stage ids without events.
    """
    seen = set(j.con.table("event").select("stage").distinct().execute()["stage"].dropna())
    used = [stage for stage in j.model.milestones if j.model.codes[stage] in seen]
    unseen = [stage for stage in j.model.milestones if stage not in used]
    return (used if len(used) > 1 else list(j.model.milestones)), unseen


def _code(part: object, stages: dict[str, int], touchpoints: dict[str, int]) -> tuple[str, int]:
    if isinstance(part, str) and part in stages:
        return "stage", stages[part]
    if isinstance(part, str) and part in touchpoints:
        return "touchpoint", touchpoints[part]
    near = did_you_mean(part, [*stages, *touchpoints])
    raise UserError(f'steps: no stage or touchpoint "{part}".{near}')


def _distinct(labels: list[str]) -> list[str]:
    """Number the labels that come twice by their place, so that each step has its own."""
    if len(set(labels)) == len(labels):
        return labels
    return [
        f"{label} ({place})" if labels.count(label) > 1 else label
        for place, label in enumerate(labels, 1)
    ]


def people(j: Journeys, conditions: list[Codes], span: int | None) -> Table:
    """One row per entrant: ``entry``, and per step k its first completion t<k> and start b<k>.

    Each row carries the latest start of a run that ends there: the later the start, the more
    of the window is left, so the running maximum is all that the next step has to know.
    """
    count = len(conditions)
    event = j.events
    flags = {f"m{k}": _matches(event, codes) for k, codes in enumerate(conditions)}
    anything: Any = ibis.literal(False)
    for flag in flags.values():
        anything = anything | flag
    table = event.select("unit", "ts", **flags, wanted=anything).filter(_.wanted)
    masks = _masks(j, conditions)
    if any(len(mask) > 1 for mask in masks):
        table = _shared_runs(j, table, count, span, masks)
    else:
        table = _plain_runs(j, table, count, span)
    done: dict[str, Any] = {"entry": table.s0.min()}
    for k in range(count):
        done[f"t{k}"] = table.ts.min(where=table[f"s{k}"].notnull())
        done[f"b{k}"] = table[f"s{k}"].argmin(table.ts, where=table[f"s{k}"].notnull())
    found = table.group_by("unit").aggregate(**done)
    return found.filter(found.entry.notnull())


def _matches(event: Table, codes: Codes) -> Any:
    stages = [code for kind, code in codes if kind == "stage"]
    touchpoints = [code for kind, code in codes if kind == "touchpoint"]
    match: Any = ibis.literal(False)
    if stages:
        match = match | event.stage.isin(stages).fill_null(False)
    if touchpoints:
        match = match | event.touchpoint.isin(touchpoints)
    return match


def _masks(j: Journeys, conditions: list[Codes]) -> set[Mask]:
    """Which sets of steps one event could serve; a look at the data only where kinds are mixed."""
    every = frozenset[tuple[str, int]]().union(*conditions)
    if len({kind for kind, _code in every}) == 1:
        events = [{code} for code in every]
    else:
        pairs = j.con.table("event").select("stage", "touchpoint").distinct().execute()
        events = [
            {("stage", stage), ("touchpoint", touchpoint)}
            for stage, touchpoint in pairs.itertuples(index=False)
        ]
    return {frozenset(k for k, codes in enumerate(conditions) if codes & e) for e in events}


def _plain_runs(j: Journeys, table: Table, count: int, span: int | None) -> Table:
    """Runs where no event serves two steps, so that different steps are different events."""
    table = table.mutate(s0=(table.m0 & j.within(table.ts)).ifelse(table.ts, ibis.null()))
    past = ibis.range_window(group_by="unit", order_by="ts", preceding=None, following=0)
    for k in range(1, count):
        table = table.mutate(latest=table[f"s{k - 1}"].max().over(past))
        run = table[f"m{k}"] & _in_time(table.ts, table.latest, span)
        table = table.mutate(**{f"s{k}": run.ifelse(table.latest, ibis.null())}).drop("latest")
    return table


def _in_time(ts: Any, start: Any, span: int | None) -> Any:
    return start.notnull() if span is None else (microseconds(ts, start) <= span).fill_null(False)


def _shared_runs(
    j: Journeys, table: Table, count: int, span: int | None, masks: set[Mask]
) -> Table:
    """Runs where one event could serve several steps but may serve only one: row per instant.

    Within one instant events have no order, so a stretch of steps can be made there exactly
    when each crowd of steps that compete for events finds as many events as it has steps
    (Hall 1935).
    """
    crowds = _crowds(range(count), masks)
    names = {serving: f"c{place}" for place, serving in enumerate(dict.fromkeys(crowds.values()))}
    serves = {
        names[serving]: ibis.or_(*(table[f"m{k}"] for k in crowd)).sum()
        for crowd, serving in crowds.items()
    }
    instant = table.group_by("unit", "ts").aggregate(**serves)
    past = ibis.window(group_by="unit", order_by="ts", preceding=(None, 1))
    for k in range(count):
        inside = _enough(instant, range(k + 1), crowds, names) & j.within(instant.ts)
        starts = [inside.ifelse(instant.ts, ibis.null())]
        for i in range(k):
            run = _enough(instant, range(i + 1, k + 1), crowds, names)
            run &= _in_time(instant.ts, instant[f"p{i}"], span)
            starts.append(run.ifelse(instant[f"p{i}"], ibis.null()))
        instant = instant.mutate(**{f"s{k}": ibis.greatest(*starts) if k else starts[0]})
        instant = instant.mutate(**{f"p{k}": instant[f"s{k}"].max().over(past)})
    return instant


def _crowds(steps: Collection[int], masks: set[Mask]) -> dict[Mask, frozenset[Mask]]:
    """Sets of steps that are tied by shared events, with the kinds of event that serve them."""
    grown = [frozenset([k]) for k in steps]
    for crowd in grown:
        near = frozenset[int]().union(*(mask for mask in masks if mask & crowd)) - crowd
        grown += [wider for k in near if (wider := crowd | {k}) not in grown]
    return {crowd: frozenset(mask for mask in masks if mask & crowd) for crowd in grown}


def _enough(
    instant: Table,
    stretch: Collection[int],
    crowds: dict[Mask, frozenset[Mask]],
    names: dict[frozenset[Mask], str],
) -> Any:
    """Whether one instant has different events for all steps of the stretch."""
    needs: dict[str, int] = {}
    for crowd, serving in crowds.items():
        if crowd <= set(stretch):
            name = names[serving]
            needs[name] = max(needs.get(name, 0), len(crowd))
    return ibis.and_(*(instant[name] >= number for name, number in needs.items()))
