"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice._lint import lint
from cjlab.voice._survey import Survey
from cjlab.voice._survey_read import survey, templates

__all__ = [
    "Survey",
    "lint",
    "survey",
    "templates",
]
