"""Timing metrics that must come out alike on both engines."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cjlab.journey.base import Journeys
from cjlab.journey.converting import convert_curve, time_to_convert
from cjlab.journey.exits import exits
from cjlab.journey.stays import stay_curve, stay_difference
from cjlab.journey.timing import time_in_stage

POINTS = [0, 0.01, 0.5, 1, 3]


def _ends(j: Journeys) -> dict[str, str]:
    return {"start": j.model.ids[0], "goal": j.model.ids[1]}


CASES: dict[str, Callable[[Journeys], pd.DataFrame]] = {
    "time_in_stage by channel": lambda j: time_in_stage(j, by="channel"),
    "time_in_stage within 2 days": lambda j: time_in_stage(j, horizon="2D"),
    "time_in_stage by month": lambda j: time_in_stage(j, by="month"),
    "stay_curve": lambda j: stay_curve(j, points=POINTS, horizon="5D"),
    "stay_difference by channel": lambda j: stay_difference(j, by="channel"),
    "exits": lambda j: exits(j, points=POINTS, horizon="5D"),
    "exits by customer_type": lambda j: exits(j, by="customer_type", points=POINTS),
    "time_to_convert": lambda j: time_to_convert(j, **_ends(j)),
    "convert_curve by week": lambda j: convert_curve(j, **_ends(j), by="week", points=POINTS),
}
