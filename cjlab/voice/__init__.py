"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice._survey import Survey
from cjlab.voice._survey_read import survey, templates

__all__ = [
    "Survey",
    "survey",
    "templates",
]
