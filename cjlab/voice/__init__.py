"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice import triggers
from cjlab.voice._answers import answers, attachment
from cjlab.voice._cases import cases
from cjlab.voice._coverage import coverage
from cjlab.voice._followup import follow_up
from cjlab.voice._loop import loop
from cjlab.voice._replies import reply

__all__ = [
    "answers",
    "attachment",
    "cases",
    "coverage",
    "follow_up",
    "loop",
    "reply",
    "triggers",
]
