"""Personas: groups of customers that behave alike, and how sure we are of them."""

from typing import TYPE_CHECKING, Any

from cjlab.personas._cards import Card, card, cards
from cjlab.personas._empathy import EmpathyMap, empathy
from cjlab.personas._features import Feature, features
from cjlab.personas.assign import Assignment, assign, frozen, load, names
from cjlab.personas.summary import curve, feature_labels, features_used, profile, sizes, verdict

if TYPE_CHECKING:
    from cjlab.personas.explanation import Explanation, explain
    from cjlab.personas.model import PersonaModel

__all__ = [
    "Assignment",
    "Card",
    "EmpathyMap",
    "Explanation",
    "Feature",
    "PersonaModel",
    "assign",
    "card",
    "cards",
    "curve",
    "empathy",
    "explain",
    "feature_labels",
    "features",
    "features_used",
    "frozen",
    "load",
    "names",
    "profile",
    "sizes",
    "verdict",
]


def __getattr__(name: str) -> Any:
    # Notebooks that only join personas need not wait for scikit-learn.
    if name == "PersonaModel":
        from cjlab.personas.model import PersonaModel

        return PersonaModel
    if name in ("Explanation", "explain"):
        from cjlab.personas import explanation

        return getattr(explanation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
