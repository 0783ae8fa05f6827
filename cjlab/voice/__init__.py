"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice._answers import answers, attachment
from cjlab.voice._drivers import drivers
from cjlab.voice._importance import importance_performance
from cjlab.voice._of_answers import ces, csat, nps
from cjlab.voice._of_study import scores
from cjlab.voice._picture import moments
from cjlab.voice._weakest import weakest_moment

__all__ = [
    "answers",
    "attachment",
    "ces",
    "csat",
    "drivers",
    "importance_performance",
    "moments",
    "nps",
    "scores",
    "weakest_moment",
]
