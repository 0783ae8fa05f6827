"""The plan of a journey: the touchpoints that people wrote on the map, in order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from cjlab.errors import UserError, did_you_mean
from cjlab.maps.model import Card, JourneyMap

if TYPE_CHECKING:
    from cjlab.journey.base import Journeys

#: The lanes whose cards may say what customers are to do.
LANES = ("touchpoints", "actions", "evidence")
WITHIN = ("ordered", "any")


@dataclass(frozen=True)
class Step:
    """One touchpoint of the plan.

    Parameters
    ----------
    number : int
        Its place, from 1.
    touchpoint : str
        Id in the study's catalogue or events.
    stage : str
        Id of the map's column.
    text : str
        What the card says.
    optional : bool
        Whether it may be left out.
    """

    number: int
    touchpoint: str
    stage: str
    text: str
    optional: bool


@dataclass(frozen=True)
class Plan:
    """The steps of a map in order, and which of them may come in any order.

    Parameters
    ----------
    steps : tuple of Step
        In the order of columns, and then of lanes and cards.
    within : {"ordered", "any"}
        Whether the steps of one column follow each other as they stand, or in any order.
    """

    steps: tuple[Step, ...]
    within: str

    @property
    def groups(self) -> list[list[int]]:
        """Places of the steps, those together that may come in any order."""
        places = range(len(self.steps))
        if self.within == "ordered":
            return [[place] for place in places]
        return [list(own) for _, own in groupby(places, lambda place: self.steps[place].stage)]

    def check(self, j: Journeys) -> None:
        """Refuse a touchpoint that is in neither the events nor the catalogue."""
        names = set(j.labels("touchpoint").values())
        catalogue = j.table("touchpoint")
        if catalogue is not None:
            names |= set(catalogue.touchpoint.execute().dropna())
        for step in self.steps:
            if step.touchpoint not in names:
                hint = did_you_mean(step.touchpoint, names)
                raise UserError(
                    f'plan: {step.stage}: the study knows no touchpoint "{step.touchpoint}" '
                    f'(card "{step.text[:40]}").{hint}'
                )


def plan_of(journey_map: JourneyMap, within: str = "ordered") -> Plan:
    """Return the plan that people wrote on a map.

    Parameters
    ----------
    journey_map : JourneyMap
        Its authored cards with a ``touchpoint``, in the lanes touchpoints, actions and evidence,
        are the plan. What stands twice in one column, or right after itself, is one step.
    within : {"ordered", "any"}, default "ordered"
        As in `Plan`.

    Returns
    -------
    Plan
        At least one step.

    Raises
    ------
    UserError
        No authored card has a touchpoint, or `within` is unknown.

    Examples
    --------
    >>> from cjlab.maps import Card, template
    >>> call = Card(text="Calls", touchpoint="call", optional=True)
    >>> written = template("current").with_cards({"touchpoints": {"purchase": (call,)}})
    >>> [(step.number, step.touchpoint, step.optional) for step in plan_of(written).steps]
    [(1, 'call', True)]
    """
    if within not in WITHIN:
        raise UserError(f'within is "{within}".{did_you_mean(within, WITHIN)}')
    steps: list[Step] = []
    for column in journey_map.columns:
        cards: dict[str, Card] = {}
        for card in _written(journey_map, column.id):
            assert card.touchpoint is not None
            before = cards.get(card.touchpoint)
            if before is None or before.optional > card.optional:
                first = before or card
                cards[card.touchpoint] = first.model_copy(update={"optional": card.optional})
        for touchpoint, card in cards.items():
            if steps and steps[-1].touchpoint == touchpoint:
                continue
            steps.append(
                Step(len(steps) + 1, touchpoint, column.id, card.text, optional=card.optional)
            )
    if not steps:
        raise UserError(
            "the map has no plan: no authored card of the lanes touchpoints, actions or evidence "
            "has a touchpoint; write for example "
            "touchpoints: {purchase: [{text: Pays, touchpoint: payment}]} under cards."
        )
    return Plan(tuple(steps), within)


def _written(journey_map: JourneyMap, stage: str) -> list[Card]:
    lanes = [lane.id for lane in journey_map.lanes if lane.id in LANES]
    cards = [card for lane in lanes for card in journey_map.cell(lane, stage)]
    return [card for card in cards if card.origin == "authored" and card.touchpoint]
