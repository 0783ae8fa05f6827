"""What both engines must answer alike: funnels of every kind, reach, drivers."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pandas as pd

from cjlab.errors import ChangingAttribute
from cjlab.journey import Journeys, conversion_drivers, dropoff_difference, funnel, reach


def changing(j: Journeys, breakdown: str) -> pd.DataFrame:
    """A funnel by channel and country, without the warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChangingAttribute)
        by = ["channel", "country"]
        return funnel(j, steps=["a", "b", "c"], window="1D", by=by, breakdown=breakdown)


SHARED = ["a", ["a", "t2"], "b"]
CASES: dict[str, Callable[[Journeys], pd.DataFrame]] = {
    "strict": lambda j: funnel(j, steps=["a", "b", "c"], window="45min", order="strict"),
    "any": lambda j: funnel(j, steps=["c", "a", "b"], window="45min", order="any"),
    "any_shared": lambda j: funnel(j, steps=SHARED, window="1D", order="any", exclude="d"),
    "exclude": lambda j: funnel(j, steps=["a", "b", "c"], window="1D", exclude=["d", "t3"]),
    "exclude_shared": lambda j: funnel(j, steps=SHARED, exclude="d", mature_only=False),
    "increasing": lambda j: funnel(j, steps=["b", "a", "b"], increasing=True, by="month"),
    "first": lambda j: changing(j, "first"),
    "last": lambda j: changing(j, "last"),
    "step": lambda j: changing(j, "step"),
    "only": lambda j: changing(j, "only"),
    "reach": lambda j: reach(j, steps=["a", "b", "c"], window="1D"),
    "dropoff_difference": lambda j: dropoff_difference(j, steps=["a", "b", "c"], by="country"),
    "drivers": lambda j: conversion_drivers(j, landmark="20min", window="3D", by="country"),
    "drivers_channel": lambda j: conversion_drivers(j, landmark="1D", level="channel"),
}
