"""Figures: ``f(table, *, ax=None, labels=None, title=None, language="en") -> Axes``.

Each draws only what its table holds, and shows a suppressed, unknown or missing number as such.
"""

from cjlab.plots._curves import convert_curve, stay_curve
from cjlab.plots._drivers import drivers
from cjlab.plots._flow import flow
from cjlab.plots._grids import retention, step_matrix
from cjlab.plots._importance import importance_performance
from cjlab.plots._matrices import persona_profile, transitions
from cjlab.plots._migration import migration
from cjlab.plots._persona_curve import persona_curve
from cjlab.plots._persona_map import persona_map
from cjlab.plots._quality import coverage, intake
from cjlab.plots._rates import attribution, dropoff_gap, rates
from cjlab.plots._shares import dropoff, funnel, persona_sizes
from cjlab.plots._time_in_stage import time_in_stage
from cjlab.plots.theme import footnote, save

__all__ = [
    "attribution",
    "convert_curve",
    "coverage",
    "drivers",
    "dropoff",
    "dropoff_gap",
    "flow",
    "footnote",
    "funnel",
    "importance_performance",
    "intake",
    "migration",
    "persona_curve",
    "persona_map",
    "persona_profile",
    "persona_sizes",
    "rates",
    "retention",
    "save",
    "stay_curve",
    "step_matrix",
    "time_in_stage",
    "transitions",
]
