"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice._agreement import agreement
from cjlab.voice._answers import answers, attachment
from cjlab.voice._codebook import Code, Codebook
from cjlab.voice._coded import Coded, coded
from cjlab.voice._cooccurrence import co_occurrence
from cjlab.voice._find_themes import study_themes, themes
from cjlab.voice._language import language
from cjlab.voice._theme_drift import theme_drift
from cjlab.voice._theme_impact import theme_impact
from cjlab.voice._theme_shares import theme_shares, theme_trend
from cjlab.voice._themes import Theme, Themes

__all__ = [
    "Code",
    "Codebook",
    "Coded",
    "Theme",
    "Themes",
    "agreement",
    "answers",
    "attachment",
    "co_occurrence",
    "coded",
    "language",
    "study_themes",
    "theme_drift",
    "theme_impact",
    "theme_shares",
    "theme_trend",
    "themes",
]
