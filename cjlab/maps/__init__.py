"""Journey maps made of evidence: filled from the study, written on by people, drawn anywhere."""

from cjlab.maps.checklist import checklist
from cjlab.maps.conformance import Conformance, conformance
from cjlab.maps.files import schema
from cjlab.maps.grids import preview
from cjlab.maps.html import side_by_side
from cjlab.maps.model import Card, Column, JourneyMap, Lane, Number
from cjlab.maps.opportunities import opportunities
from cjlab.maps.plan import Plan, Step, plan_of
from cjlab.maps.templates import template
from cjlab.maps.walking import Walked, walked

__all__ = [
    "Card",
    "Column",
    "Conformance",
    "JourneyMap",
    "Lane",
    "Number",
    "Plan",
    "Step",
    "Walked",
    "checklist",
    "conformance",
    "opportunities",
    "plan_of",
    "preview",
    "schema",
    "side_by_side",
    "template",
    "walked",
]
