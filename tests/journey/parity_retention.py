"""Retention, churn and value metrics that must come out alike on both engines."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cjlab.journey.base import Journeys
from cjlab.journey.churn import churn
from cjlab.journey.clv import clv, clv_customers
from cjlab.journey.lifecycle import lifecycle
from cjlab.journey.repurchase import repurchase
from cjlab.journey.retention import retention
from cjlab.journey.rfm import rfm, rfm_segments

CASES: dict[str, Callable[[Journeys], pd.DataFrame]] = {
    "retention by channel": lambda j: retention(j, by="channel"),
    "retention rolling by day": lambda j: retention(j, period="day", kind="rolling"),
    "retention pooled by week": lambda j: retention(j, period="week", pooled=True),
    "retention rolling pooled": lambda j: retention(
        j, period="day", kind="rolling", pooled=True, by="device"
    ),
    "churn within days": lambda j: churn(j, inactive="36h", period="day"),
    "churn by month": lambda j: churn(j, by="month"),
    "lifecycle": lambda j: lifecycle(j, inactive="2D", by="channel"),
    "repurchase": lambda j: repurchase(j, within="1D", by="channel"),
    "rfm": rfm,
    "rfm_segments": lambda j: rfm_segments(j, by="customer_type"),
    "clv": lambda j: clv(j, horizon="90D"),
    "clv_customers": clv_customers,
}
