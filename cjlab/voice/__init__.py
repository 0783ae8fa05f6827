"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice import triggers
from cjlab.voice._answers import answers, attachment
from cjlab.voice._coverage import coverage

__all__ = [
    "answers",
    "attachment",
    "coverage",
    "triggers",
]
