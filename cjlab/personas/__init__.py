"""Personas: groups of customers that behave alike, and how sure we are of them."""

from typing import TYPE_CHECKING, Any

from cjlab.personas._cards import Card, card, cards
from cjlab.personas._drift import drift
from cjlab.personas._empathy import EmpathyMap, empathy
from cjlab.personas._features import Feature, features
from cjlab.personas._landscape import landscape
from cjlab.personas._match import match
from cjlab.personas._migration import migration
from cjlab.personas.assign import Assignment, assign, frozen, names
from cjlab.personas.outcomes import touched, untested
from cjlab.personas.stored import load, save
from cjlab.personas.summary import (
    curve,
    feature_labels,
    features_used,
    matched,
    profile,
    sizes,
    steadiness,
    verdict,
)

if TYPE_CHECKING:
    from cjlab.personas.explanation import Explanation, explain, explained
    from cjlab.personas.model import PersonaModel
    from cjlab.personas.structure import Structure, structure_test

__all__ = [
    "Assignment",
    "Card",
    "EmpathyMap",
    "Explanation",
    "Feature",
    "PersonaModel",
    "Structure",
    "assign",
    "card",
    "cards",
    "curve",
    "drift",
    "empathy",
    "explain",
    "explained",
    "feature_labels",
    "features",
    "features_used",
    "frozen",
    "landscape",
    "load",
    "match",
    "matched",
    "migration",
    "names",
    "profile",
    "save",
    "sizes",
    "steadiness",
    "structure_test",
    "touched",
    "untested",
    "verdict",
]


def __getattr__(name: str) -> Any:
    # Notebooks that only join personas need not wait for scikit-learn.
    if name == "PersonaModel":
        from cjlab.personas.model import PersonaModel

        return PersonaModel
    if name in ("Structure", "structure_test"):
        from cjlab.personas import structure

        return getattr(structure, name)
    if name in ("Explanation", "explain", "explained"):
        from cjlab.personas import explanation

        return getattr(explanation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
