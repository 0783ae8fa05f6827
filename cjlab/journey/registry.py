"""Every metric by its name, for the command line, reports and tests that go through them all."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cjlab.journey._dropoff import dropoff, dropoff_difference
from cjlab.journey._funnel import funnel
from cjlab.journey._transitions import transitions
from cjlab.journey.attribution import attribution
from cjlab.journey.churn import churn
from cjlab.journey.clv import clv, clv_customers
from cjlab.journey.contacts import contacts
from cjlab.journey.conversion_drivers import conversion_drivers
from cjlab.journey.converting import convert_curve, time_to_convert
from cjlab.journey.exits import exits
from cjlab.journey.friction import friction
from cjlab.journey.lifecycle import lifecycle
from cjlab.journey.reach import reach
from cjlab.journey.repurchase import repurchase
from cjlab.journey.retention import retention
from cjlab.journey.rfm import rfm, rfm_segments
from cjlab.journey.sessions import session_summary, sessions
from cjlab.journey.stays import stay_curve, stay_difference
from cjlab.journey.step_matrix import step_matrix
from cjlab.journey.support import support_times
from cjlab.journey.timing import time_in_stage
from cjlab.journey.value import value
from cjlab.journey.variants import variants

_ALL: tuple[Callable[..., pd.DataFrame], ...] = (
    funnel,
    dropoff,
    dropoff_difference,
    contacts,
    conversion_drivers,
    time_in_stage,
    stay_curve,
    stay_difference,
    time_to_convert,
    convert_curve,
    exits,
    transitions,
    variants,
    step_matrix,
    session_summary,
    friction,
    value,
    retention,
    churn,
    lifecycle,
    repurchase,
    rfm_segments,
    clv,
    attribution,
    support_times,
    reach,
    sessions,
    rfm,
    clv_customers,
)
METRICS: dict[str, Callable[..., pd.DataFrame]] = {metric.__name__: metric for metric in _ALL}
#: One row a unit: for analysis, never for publication.
UNIT_TABLES = frozenset({"reach", "sessions", "rfm", "clv_customers"})
