"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice._answers import answers, attachment
from cjlab.voice._language import language

__all__ = [
    "answers",
    "attachment",
    "language",
]
