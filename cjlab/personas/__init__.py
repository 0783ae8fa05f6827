"""Personas: groups of customers that behave alike, and how sure we are of them."""

from cjlab.personas.assign import Assignment, assign, load, names
from cjlab.personas.features import Feature, features
from cjlab.personas.model import PersonaModel
from cjlab.personas.summary import curve, features_used, profile, sizes, verdict

__all__ = [
    "Assignment",
    "Feature",
    "PersonaModel",
    "assign",
    "curve",
    "features",
    "features_used",
    "load",
    "names",
    "profile",
    "sizes",
    "verdict",
]
