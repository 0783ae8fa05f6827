"""Journey metrics: pure functions from journeys to estimates.

Every function takes :class:`~cjlab.journey.base.Journeys` first and returns one tidy table of
estimates with n, interval, unit and status.
"""

from cjlab.journey._funnel import dropoff, funnel
from cjlab.journey._runs import observed_milestones
from cjlab.journey._transitions import transitions
from cjlab.journey.base import Journeys
from cjlab.journey.timing import spells, time_in_stage

__all__ = [
    "Journeys",
    "dropoff",
    "funnel",
    "observed_milestones",
    "spells",
    "time_in_stage",
    "transitions",
]
