"""Journey maps made of evidence: filled from the study, written on by people, drawn anywhere."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cjlab.maps.files import schema
from cjlab.maps.grids import preview
from cjlab.maps.html import side_by_side
from cjlab.maps.model import Card, Column, JourneyMap, Lane, Number
from cjlab.maps.opportunities import opportunities
from cjlab.maps.templates import template

if TYPE_CHECKING:
    from cjlab.maps.conformance import Conformance
    from cjlab.maps.days import day, diary
    from cjlab.maps.plan import Plan, Step, plan_of
    from cjlab.maps.scenario import Scenario
    from cjlab.maps.ties import reconcile
    from cjlab.maps.walk_form import checklist
    from cjlab.maps.walking import Walked, walked
    from cjlab.maps.what_if import WhatIf, whatif

__all__ = [
    "Card",
    "Column",
    "Conformance",
    "JourneyMap",
    "Lane",
    "Number",
    "Plan",
    "Scenario",
    "Step",
    "Walked",
    "WhatIf",
    "checklist",
    "day",
    "diary",
    "opportunities",
    "plan_of",
    "preview",
    "reconcile",
    "schema",
    "side_by_side",
    "template",
    "walked",
    "whatif",
]

# What reads events takes seconds to import; a map that is only drawn does without.
_HOMES = {
    "Conformance": "conformance",
    "Plan": "plan",
    "Scenario": "scenario",
    "Step": "plan",
    "Walked": "walking",
    "WhatIf": "what_if",
    "checklist": "walk_form",
    "day": "days",
    "diary": "days",
    "plan_of": "plan",
    "reconcile": "ties",
    "walked": "walking",
    "whatif": "what_if",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(f"cjlab.maps.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'cjlab.maps' has no attribute {name!r}")
