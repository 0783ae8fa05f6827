"""How far customers came through the stages, and how long they stayed: all of it outcomes."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np

from cjlab.personas._catalogue import CATALOGUE, Feature
from cjlab.personas._distinct import counted, distinct
from cjlab.personas._span import DAY, Found, Span

SEEN, FURTHEST, DAYS = (CATALOGUE[n] for n in ("stages_seen", "furthest_stage", "days_in_{name}"))


def offered(j: Any) -> list[Feature]:
    """Return the features that a stage model gives."""
    return [SEEN, FURTHEST, *_days(j)]


def _days(j: Any) -> dict[Feature, int]:
    labels = j.model.labels(j.model.language)
    return {DAYS.of(stage, labels[stage]): code for stage, code in j.model.codes.items()}


def measured(span: Span) -> Found:
    """Measure them."""
    events = span.events
    nothing = ibis.null("timestamp(6)")
    follows = (events.next_stage_ts < span.until).ifelse(events.next_stage_ts, nothing)
    stayed = follows.fill_null(span.until).delta(events.ts, unit="microsecond")
    days = _days(span.j)
    sums = {f"stay_{code}": stayed.sum(where=events.stage == code) for code in days.values()}
    counts = {f"in_{code}": events.count(where=events.stage == code) for code in days.values()}
    columns = span.collect(
        events.group_by("unit").aggregate(
            furthest=events.stage.max() + 1,
            **distinct(events.stage, len(span.j.model), "seen"),
            **{name: total.cast("float64") for name, total in sums.items()},
            **counts,
        )
    )
    seen = counted(columns, "seen")
    found = {SEEN: seen, FURTHEST: np.where(seen > 0, columns["furthest"], np.nan)}
    for feature, code in days.items():
        there = columns[f"in_{code}"] > 0
        found[feature] = np.where(there, columns[f"stay_{code}"] / DAY, np.nan)
    return found
