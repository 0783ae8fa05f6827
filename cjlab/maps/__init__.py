"""Journey maps made of evidence: filled from the study, written on by people, drawn anywhere."""

from cjlab.maps.files import schema
from cjlab.maps.grids import preview
from cjlab.maps.html import side_by_side
from cjlab.maps.model import Card, Column, JourneyMap, Lane, Number
from cjlab.maps.opportunities import opportunities
from cjlab.maps.scenario import Scenario
from cjlab.maps.templates import template
from cjlab.maps.whatif import WhatIf, whatif

__all__ = [
    "Card",
    "Column",
    "JourneyMap",
    "Lane",
    "Number",
    "Scenario",
    "WhatIf",
    "opportunities",
    "preview",
    "schema",
    "side_by_side",
    "template",
    "whatif",
]
