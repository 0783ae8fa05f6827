"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice._answers import answers, attachment
from cjlab.voice._drivers import drivers
from cjlab.voice._importance import importance_performance

__all__ = [
    "answers",
    "attachment",
    "drivers",
    "importance_performance",
]
