"""Journey metrics: pure functions from journeys to estimates.

Every function takes :class:`~cjlab.journey.base.Journeys` first and returns one tidy table of
estimates with n, interval, unit and status.
"""

from cjlab.journey._dropoff import dropoff, dropoff_difference
from cjlab.journey._funnel import funnel
from cjlab.journey._runs import observed_milestones
from cjlab.journey._transitions import transitions
from cjlab.journey.attribution import attribution
from cjlab.journey.base import Journeys
from cjlab.journey.churn import churn
from cjlab.journey.clv import clv, clv_customers
from cjlab.journey.contacts import contacts
from cjlab.journey.conversion_drivers import conversion_drivers
from cjlab.journey.converting import convert_curve, time_to_convert
from cjlab.journey.exits import exits
from cjlab.journey.friction import friction
from cjlab.journey.lifecycle import lifecycle
from cjlab.journey.reach import reach
from cjlab.journey.registry import METRICS, UNIT_TABLES
from cjlab.journey.repurchase import repurchase
from cjlab.journey.retention import retention
from cjlab.journey.rfm import rfm, rfm_segments
from cjlab.journey.sessions import session_summary, sessions
from cjlab.journey.stays import stay_curve, stay_difference
from cjlab.journey.step_matrix import step_matrix
from cjlab.journey.support import support_times
from cjlab.journey.timing import spells, time_in_stage
from cjlab.journey.value import value
from cjlab.journey.variants import variants

__all__ = [
    "METRICS",
    "UNIT_TABLES",
    "Journeys",
    "attribution",
    "churn",
    "clv",
    "clv_customers",
    "contacts",
    "conversion_drivers",
    "convert_curve",
    "dropoff",
    "dropoff_difference",
    "exits",
    "friction",
    "funnel",
    "lifecycle",
    "observed_milestones",
    "reach",
    "repurchase",
    "retention",
    "rfm",
    "rfm_segments",
    "session_summary",
    "sessions",
    "spells",
    "stay_curve",
    "stay_difference",
    "step_matrix",
    "support_times",
    "time_in_stage",
    "time_to_convert",
    "transitions",
    "value",
    "variants",
]
