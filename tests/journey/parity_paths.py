"""Paths on both engines: each case is a call with options that reach another way through."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cjlab.journey import Journeys
from cjlab.journey._transitions import transition_matrix, transitions
from cjlab.journey.contacts import contacts
from cjlab.journey.friction import friction
from cjlab.journey.routes import routes
from cjlab.journey.sessions import session_summary, sessions
from cjlab.journey.step_matrix import step_matrix
from cjlab.journey.value import value
from cjlab.journey.variants import variants


def taken(j: Journeys, begin: list[int] | None = None) -> pd.DataFrame:
    """Routes of two days, and what three made-up items of theirs add up to."""
    own = routes(j, ["month"], window=2 * 86_400_000_000, longest=5, begin=begin)
    at = own.known.index.to_numpy()
    items = pd.DataFrame({"route": at, "item": at % 3, "x": at % 2, "n": 1})
    sums = own.sums(items).sort_values(["report_period", "item"], ignore_index=True)
    told = own.taken.join(own.known.drop(columns=["path", "journeys"]), on="route")
    return pd.concat([told, sums.astype({"item": "int64"})], axis=1)


CASES: dict[str, Callable[[Journeys], pd.DataFrame]] = {
    "transitions": transitions,
    "transitions_channel_ends": lambda j: transitions(j, level="channel", ends=True),
    "transitions_touchpoint_by": lambda j: transitions(j, level="touchpoint", by="channel"),
    "transition_matrix": lambda j: transition_matrix(j, ends=True),
    "contacts": contacts,
    "contacts_channel_by": lambda j: contacts(j, level="channel", by="month"),
    "contacts_stage": lambda j: contacts(j, level="stage"),
    "variants": variants,
    "variants_top": lambda j: variants(
        j, level="touchpoint", top=3, collapse=False, max_length=4, by="month"
    ),
    "step_matrix": step_matrix,
    "step_matrix_channel": lambda j: step_matrix(j, steps=4, level="channel", collapse=True),
    "step_matrix_touchpoint": lambda j: step_matrix(j, level="touchpoint", by="month"),
    "sessions": sessions,
    "sessions_gap": lambda j: sessions(j, gap="20min"),
    "session_summary": lambda j: session_summary(j, by="channel"),
    "routes": taken,
    "routes_begin": lambda j: taken(j, [0, 1]),
    "friction": friction,
    "friction_by": lambda j: friction(j, by=["channel", "month"]),
    "value": value,
    "value_variant": lambda j: value(j, per="variant", top=2, by="month"),
}
