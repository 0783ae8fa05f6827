"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice._answers import answers, attachment
from cjlab.voice._of_answers import ces, csat, nps
from cjlab.voice._of_study import scores
from cjlab.voice._quotes import Quotes, quotes

__all__ = [
    "Quotes",
    "answers",
    "attachment",
    "ces",
    "csat",
    "nps",
    "quotes",
    "scores",
]
