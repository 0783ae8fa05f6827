"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona.

A report or figure needs one of these modules at most, so each is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cjlab.voice import triggers
    from cjlab.voice._accuracy import accuracy
    from cjlab.voice._agreement import agreement
    from cjlab.voice._answers import answers, attachment
    from cjlab.voice._cases import cases
    from cjlab.voice._codebook import Code, Codebook
    from cjlab.voice._coded import Coded, coded
    from cjlab.voice._cooccurrence import co_occurrence
    from cjlab.voice._coverage import coverage
    from cjlab.voice._differences import score_difference
    from cjlab.voice._drivers import drivers
    from cjlab.voice._embedding import Embeddings
    from cjlab.voice._feelings import Feelings
    from cjlab.voice._find_themes import study_themes, themes
    from cjlab.voice._followup import follow_up
    from cjlab.voice._importance import importance_performance
    from cjlab.voice._kano import kano
    from cjlab.voice._language import language
    from cjlab.voice._lint import lint
    from cjlab.voice._loop import loop
    from cjlab.voice._notice import notice
    from cjlab.voice._of_answers import ces, csat, nps
    from cjlab.voice._of_study import scores
    from cjlab.voice._picture import moments
    from cjlab.voice._quotes import Quotes, quotes
    from cjlab.voice._reasons import reasons
    from cjlab.voice._replies import reply
    from cjlab.voice._responders import responders
    from cjlab.voice._response import response_rates
    from cjlab.voice._sentiment import sentiment
    from cjlab.voice._size import sample_size
    from cjlab.voice._survey import Survey
    from cjlab.voice._survey_read import survey, templates
    from cjlab.voice._theme_drift import theme_drift
    from cjlab.voice._theme_impact import theme_impact
    from cjlab.voice._theme_shares import theme_shares, theme_trend
    from cjlab.voice._themes import Theme, Themes
    from cjlab.voice._tone import tone
    from cjlab.voice._weakest import weakest_moment
    from cjlab.voice._weights import rake, weighted

_HOMES = {
    "Code": "_codebook",
    "Codebook": "_codebook",
    "Coded": "_coded",
    "Embeddings": "_embedding",
    "Feelings": "_feelings",
    "Quotes": "_quotes",
    "Survey": "_survey",
    "Theme": "_themes",
    "Themes": "_themes",
    "accuracy": "_accuracy",
    "agreement": "_agreement",
    "answers": "_answers",
    "attachment": "_answers",
    "cases": "_cases",
    "ces": "_of_answers",
    "co_occurrence": "_cooccurrence",
    "coded": "_coded",
    "coverage": "_coverage",
    "csat": "_of_answers",
    "drivers": "_drivers",
    "follow_up": "_followup",
    "importance_performance": "_importance",
    "kano": "_kano",
    "language": "_language",
    "lint": "_lint",
    "loop": "_loop",
    "moments": "_picture",
    "notice": "_notice",
    "nps": "_of_answers",
    "quotes": "_quotes",
    "rake": "_weights",
    "reasons": "_reasons",
    "reply": "_replies",
    "responders": "_responders",
    "response_rates": "_response",
    "sample_size": "_size",
    "score_difference": "_differences",
    "scores": "_of_study",
    "sentiment": "_sentiment",
    "study_themes": "_find_themes",
    "survey": "_survey_read",
    "templates": "_survey_read",
    "theme_drift": "_theme_drift",
    "theme_impact": "_theme_impact",
    "theme_shares": "_theme_shares",
    "theme_trend": "_theme_shares",
    "themes": "_find_themes",
    "tone": "_tone",
    "weakest_moment": "_weakest",
    "weighted": "_weights",
}

__all__ = [
    "Code",
    "Codebook",
    "Coded",
    "Embeddings",
    "Feelings",
    "Quotes",
    "Survey",
    "Theme",
    "Themes",
    "accuracy",
    "agreement",
    "answers",
    "attachment",
    "cases",
    "ces",
    "co_occurrence",
    "coded",
    "coverage",
    "csat",
    "drivers",
    "follow_up",
    "importance_performance",
    "kano",
    "language",
    "lint",
    "loop",
    "moments",
    "notice",
    "nps",
    "quotes",
    "rake",
    "reasons",
    "reply",
    "responders",
    "response_rates",
    "sample_size",
    "score_difference",
    "scores",
    "sentiment",
    "study_themes",
    "survey",
    "templates",
    "theme_drift",
    "theme_impact",
    "theme_shares",
    "theme_trend",
    "themes",
    "tone",
    "triggers",
    "weakest_moment",
    "weighted",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name == "triggers":
        return import_module("cjlab.voice.triggers")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"cjlab.voice.{_HOMES[name]}"), name)
    globals()[name] = found  # next time without this detour
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
