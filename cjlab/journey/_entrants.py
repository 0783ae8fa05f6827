"""A funnel's entrants, each with the segment that its breakdown puts it into."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.journey import _segments
from cjlab.journey._runs import people
from cjlab.journey._steps import Plan
from cjlab.journey.base import Journeys, microseconds

BREAKDOWNS = ("first", "last", "step", "only")


def entrants(j: Journeys, plan: Plan, names: list[str], mature_only: bool, breakdown: str) -> Table:
    """One row per entrant with its segment, or with breakdown "step" one per step reached.

    ``at`` is the step whose value the segment is; ``kept`` is false for customers that
    breakdown "only" leaves out, ``counted`` for those and for immature ones.
    """
    if breakdown not in BREAKDOWNS:
        raise UserError(f'breakdown is "{breakdown}".{did_you_mean(breakdown, BREAKDOWNS)}')
    moving = [name for name in names if name in _segments.MOVING]
    found = people(j, plan, places=bool(moving)).mutate(ts=_.entry)
    mature: Any = ibis.literal(True)
    if plan.span is not None and mature_only:
        mature = microseconds(ibis.literal(j.observed_until), found.entry) > plan.span
    found = found.mutate(counted=mature, kept=ibis.literal(True), changing=ibis.literal(False))
    if not moving:
        return j.grouped(found.mutate(at=ibis.literal(0)), names)
    found = _with_change(j, found, moving)
    if breakdown == "only":
        found = found.mutate(kept=~_.changing, counted=_.counted & ~_.changing)
        fixed = [name for name in names if name not in moving]
        named = _segments.named(j, j.grouped(found.mutate(at=ibis.literal(0)), fixed), moving)
        return named
    found = found.drop(*(f"_{name}" for name in moving))
    if breakdown == "step":
        parts = [
            found.filter(found[f"t{k}"].notnull()).mutate(step=_[f"e{k}"], at=ibis.literal(k))
            for k in range(plan.size)
        ]
        return j.grouped(ibis.union(*parts), names)
    last = ibis.coalesce(*(found[f"e{k}"] for k in reversed(range(plan.size))))
    step = last if breakdown == "last" else found.e0
    return j.grouped(found.mutate(step=step, at=ibis.literal(0)), names)


def _with_change(j: Journeys, found: Table, moving: list[str]) -> Table:
    """Add the one known value of each attribute, and whether any takes several."""
    fields: dict[str, Any] = {}
    for name in moving:
        fields[f"_{name}"], fields[f"most_{name}"] = _[name].min(), _[name].max()
    own = j.events.group_by("unit").aggregate(**fields)
    several = ibis.or_(*(own[f"_{name}"] != own[f"most_{name}"] for name in moving))
    own = own.select("unit", *(f"_{name}" for name in moving), changing=several.fill_null(False))
    return found.drop("changing").left_join(own, "unit").drop("unit_right")
