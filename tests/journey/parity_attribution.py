"""Calls of attribution that both engines have to answer alike."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cjlab.journey.attribution import attribution
from cjlab.journey.base import Journeys


def _given(j: Journeys) -> pd.DataFrame:
    """Every third customer converts at the last event, for a value or none."""
    units = j.units.select("customer_id", "unit").execute().sort_values("unit")
    last = j.events.group_by("unit").aggregate(ts=j.events.ts.max()).execute()
    frame = units.merge(last, on="unit").iloc[::3]
    return frame.assign(value=[None if k % 4 == 0 else k / 8 for k in range(len(frame))])


CASES: dict[str, Callable[[Journeys], pd.DataFrame]] = {
    "attribution_all": lambda j: attribution(j, model="all", lookback="45min", draws=100),
    "attribution_markov_3": lambda j: attribution(j, model="markov", order=3, draws=0),
    "attribution_month": lambda j: attribution(j, model="position", by="month", draws=100),
    "attribution_touchpoint": lambda j: attribution(
        j, model=["time_decay", "shapley"], level="touchpoint", half_life="10min", draws=0
    ),
    "attribution_stage": lambda j: attribution(
        j, conversion=j.model.ids[1], model=["first", "markov"], draws=0
    ),
    "attribution_given": lambda j: (
        attribution(j, conversion=_given(j), model=["last_non_direct", "markov"], by="day", draws=0)
        if j.unit == "customer"
        else attribution(j, draws=0)
    ),
}
