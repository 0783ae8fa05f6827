"""What both engines must answer alike, over every frame of tests/spark: journeys and stages."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cjlab.journey import Journeys, dropoff, funnel, time_in_stage, transitions


def events(j: Journeys) -> pd.DataFrame:
    """Every column of the observed events."""
    found = j.events.order_by("unit", "step").execute()
    return found[sorted(found.columns)]


def units(j: Journeys) -> pd.DataFrame:
    """The chosen units with their attributes."""
    found = j.units.order_by("unit").execute()
    return found[sorted(found.columns)]


def named(j: Journeys) -> pd.DataFrame:
    """The events in words."""
    return j.to_ibis().order_by("customer_id", "step").execute()


CASES: dict[str, Callable[[Journeys], pd.DataFrame]] = {
    "events": events,
    "units": units,
    "named": named,
    "issues": lambda j: j.issues(),
    "funnel": lambda j: funnel(j),
    "funnel_window_by": lambda j: funnel(j, window="45min", by="country"),
    "funnel_steps": lambda j: funnel(j, steps=["a", ["b", "t2"], "a"], mature_only=False),
    "dropoff": lambda j: dropoff(j, steps=["a", ["b", "c"], "d"], by="level"),
    "time_in_stage": lambda j: time_in_stage(j, horizon="2D"),
    "transitions": lambda j: transitions(j, ends=True),
    "transitions_by_channel": lambda j: transitions(j, level="channel", by="country"),
    "transitions_touchpoint": lambda j: transitions(j, level="touchpoint", ends=True),
}
