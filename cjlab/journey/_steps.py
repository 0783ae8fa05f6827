"""A funnel's steps: the stages and touchpoints they take, and the events that could serve them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import ibis
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.journey.base import Journeys, parse_duration

ORDERS = ("ordered", "strict", "any")
Steps: TypeAlias = Sequence[str | Sequence[str]] | None
Codes: TypeAlias = frozenset[tuple[str, int]]
# The steps that one event could serve, as positions.
Mask: TypeAlias = frozenset[int]


@dataclass(frozen=True)
class Plan:
    """What a funnel asks for, checked and in codes.

    Parameters
    ----------
    labels : list of str
        Names of the steps, each once.
    conditions : list of Codes
        Per step what may stand there.
    span : int or None
        The window in microseconds.
    order : {"ordered", "strict", "any"}
        How the steps must follow each other.
    increasing : bool
        Whether each step must come at a later instant than the one before.
    excluded : Codes
        What must not come in between.
    """

    labels: list[str]
    conditions: list[Codes]
    span: int | None
    order: str = "ordered"
    increasing: bool = False
    excluded: Codes = frozenset()

    @property
    def size(self) -> int:
        """How many steps there are."""
        return len(self.labels)


def read_plan(
    j: Journeys,
    steps: Steps,
    window: str | timedelta | None,
    order: str,
    exclude: str | Sequence[str] | None,
    increasing: bool,
) -> Plan:
    """Check a funnel's options and put codes for names."""
    if order not in ORDERS:
        raise UserError(f'order is "{order}".{did_you_mean(order, ORDERS)}')
    if increasing and order == "any":
        raise UserError('increasing: order="any" has no order in which instants could increase.')
    chosen = _listed(steps) if steps is not None else list(j.model.milestones)
    if len(chosen) < 2:
        raise UserError(
            f"a funnel needs at least two steps, and has {len(chosen)}; give steps= in order."
        )
    labels, conditions = [], []
    for step in chosen:
        parts = [step] if isinstance(step, str) or not isinstance(step, Collection) else list(step)
        if not parts:
            raise UserError("steps: an empty list is no step; name what may stand there.")
        conditions.append(read_codes(j, parts, "steps"))
        labels.append(" | ".join(map(str, parts)))
    unwanted = [exclude] if isinstance(exclude, str) else list(exclude or ())
    return Plan(
        _distinct(labels),
        conditions,
        parse_duration(window, "window"),
        order,
        increasing,
        read_codes(j, unwanted, "exclude"),
    )


def _listed(steps: Sequence[Any]) -> list[Any]:
    if isinstance(steps, str):
        raise UserError(f'steps is one text; give a list such as ["{steps}", …].')
    return list(steps)


def read_codes(j: Journeys, parts: Sequence[object], option: str) -> Codes:
    """Return the codes of stage ids and touchpoints; a name that is both is the stage."""
    stages = j.model.codes
    if all(isinstance(part, str) and part in stages for part in parts):
        return frozenset(("stage", stages[str(part)]) for part in parts)
    touchpoints = {label: code for code, label in j.labels("touchpoint").items()}
    return frozenset(_code(part, stages, touchpoints, option) for part in parts)


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


def _code(
    part: object, stages: dict[str, int], touchpoints: dict[str, int], option: str
) -> tuple[str, int]:
    if isinstance(part, str) and part in stages:
        return "stage", stages[part]
    if isinstance(part, str) and part in touchpoints:
        return "touchpoint", touchpoints[part]
    near = did_you_mean(part, [*stages, *touchpoints])
    raise UserError(f'{option}: no stage or touchpoint "{part}".{near}')


def _distinct(labels: list[str]) -> list[str]:
    """Number the labels that come twice by their place, so that each step has its own."""
    if len(set(labels)) == len(labels):
        return labels
    return [
        f"{label} ({place})" if labels.count(label) > 1 else label
        for place, label in enumerate(labels, 1)
    ]


def matches(event: Table, codes: Codes) -> Any:
    """Whether an event has one of the codes; never null."""
    return stands(event, codes).fill_null(False)


def stands(event: Table, codes: Codes) -> Any:
    """Whether an event has one of the codes, as the plain filter that engines push down."""
    parts = []
    for kind in ("stage", "touchpoint"):
        if own := sorted(code for name, code in codes if name == kind):
            parts.append(event[kind].isin(own))
    return ibis.or_(*parts) if parts else ibis.literal(False)


def read_masks(j: Journeys, conditions: list[Codes]) -> set[Mask]:
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


def crowds(steps: Collection[int], masks: set[Mask]) -> dict[Mask, frozenset[Mask]]:
    """Sets of steps that are tied by shared events, with the kinds of event that serve them."""
    grown = [frozenset([k]) for k in steps]
    for crowd in grown:
        near = frozenset[int]().union(*(mask for mask in masks if mask & crowd)) - crowd
        grown += [wider for k in near if (wider := crowd | {k}) not in grown]
    return {crowd: frozenset(mask for mask in masks if mask & crowd) for crowd in grown}
