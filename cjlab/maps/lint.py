"""What a map lacks: rules with what each costs, findings with where they stand, a score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple

import pandas as pd

from cjlab import messages
from cjlab.maps import evidence, wording
from cjlab.maps.model import WHOLE, JourneyMap

Severity = Literal["high", "medium", "low"]
#: By rule: the points it can cost and how severe a finding of it is.
RULES: dict[str, tuple[int, Severity]] = {
    "no_feedback": (20, "high"),
    "no_measure": (20, "high"),
    "stale": (15, "high"),
    "no_persona": (10, "medium"),
    "single_source": (10, "medium"),
    "crowded": (10, "medium"),
    "no_pain": (5, "medium"),
    "no_opportunity": (5, "medium"),
    "empty_lane": (5, "low"),
}
QUARTER = timedelta(days=92)
MOST_CARDS, MOST_STAGES = 6, 12
_FEEDBACK = ("responses", "tickets", "diary")


class Finding(NamedTuple):
    """One thing that is lacking.

    Parameters
    ----------
    rule : str
        One of `RULES`.
    stage, lane : str
        Where; empty where it is about the whole map.
    text : str
        In the map's language.
    severity : {"high", "medium", "low"}
        Of the rule.
    """

    rule: str
    stage: str
    lane: str
    text: str
    severity: Severity


@dataclass(frozen=True)
class Lint:
    """What a map lacks.

    Parameters
    ----------
    score : int
        From 0 to 100: 100 less each rule's points times the share of the places it looks at that
        have a finding. Rules that have no place to look at count for nothing.
    findings : tuple of Finding
        The most severe first.
    """

    score: int
    findings: tuple[Finding, ...]

    @property
    def table(self) -> pd.DataFrame:
        """What is lacking, a row each: ``finding`` in the map's language, and how ``severe``."""
        rows = [(one.text, one.severity) for one in self.findings]
        return pd.DataFrame(rows, columns=["finding", "severe"])

    def __str__(self) -> str:
        return "\n".join([f"{self.score}/100", *(f"- {one.text}" for one in self.findings)])


class _Place(NamedTuple):
    """A place that a rule looks at; it has a finding where `bad`."""

    rule: str
    bad: bool
    stage: str = ""
    lane: str = ""
    values: dict[str, object] = {}  # noqa: RUF012, of a tuple


def lint(journey_map: JourneyMap, today: date | None = None) -> Lint:
    """Say what a map lacks.

    Parameters
    ----------
    journey_map : JourneyMap
        The map.
    today : date, optional
        From when its age is counted; by default today.

    Returns
    -------
    Lint
        Score and findings.

    Examples
    --------
    >>> from cjlab.maps import template
    >>> lint(template("day")).score
    0
    """
    places = list(_places(journey_map, today or date.today()))
    lost, possible = 0.0, 0
    for rule, (weight, _) in RULES.items():
        looked = [place.bad for place in places if place.rule == rule]
        if looked:
            possible += weight
            lost += weight * sum(looked) / len(looked)
    order = list(RULES)
    bad = sorted((place for place in places if place.bad), key=lambda one: order.index(one.rule))
    return Lint(
        round(100 * (1 - lost / possible)),
        tuple(_finding(journey_map, place) for place in bad),
    )


def _places(journey_map: JourneyMap, today: date) -> Iterator[_Place]:
    walked = list(journey_map.walk())
    yield _Place("no_persona", not (journey_map.persona or journey_map.persona_name))
    pains = [
        (lane, stage, card)
        for lane, stage, card in walked
        if lane == "pains" or (card.tone == "pain" and lane != "measures")
    ]
    if journey_map.template != "future":  # whose gaps and targets stand in their place
        yield _Place("no_pain", not pains)
        chances = any(lane == "opportunities" or card.impact for lane, _, card in walked)
        yield _Place("no_opportunity", not chances)
    measured = {stage for lane, stage, _ in walked if lane == "measures"}
    for lane, stage, card in pains:
        bad = not card.owner and not {stage, WHOLE} & measured
        yield _Place("no_measure", bad, stage, lane, {"card": wording.plain(card.text)})
    for column in journey_map.columns:
        cards = [card for _, stage, card in walked if stage == column.id]
        known = [n for card in cards for n in card.numbers if n.value is not None]
        heard = any(number.source in _FEEDBACK for number in known)
        yield _Place("no_feedback", not heard, column.id)
        if known:
            yield _Place("single_source", evidence.level(cards) == "single", column.id)
    for lane_row in journey_map.lanes:
        yield _Place("empty_lane", not journey_map.cards.get(lane_row.id), lane=lane_row.id)
    for lane, stage in dict.fromkeys((lane, stage) for lane, stage, _ in walked):
        count = len(journey_map.cell(lane, stage))
        yield _Place("crowded", count > MOST_CARDS, stage, lane, {"count": count})
    if walked:
        count = len(journey_map.columns)
        yield _Place("crowded", count > MOST_STAGES, values={"count": count})
    if journey_map.made:
        when: dict[str, object] = {"date": journey_map.made}
        yield _Place("stale", today - journey_map.made > QUARTER, values=when)
    for lane, stage, card in walked:
        if card.written:
            when = {"card": wording.plain(card.text), "date": card.written}
            yield _Place("stale", today - card.written > QUARTER, stage, lane, when)


def _finding(journey_map: JourneyMap, place: _Place) -> Finding:
    labels = {column.id: wording.plain(column.label) for column in journey_map.columns}
    labels |= {lane.id: wording.plain(lane.label) for lane in journey_map.lanes}
    labels[WHOLE] = messages.text("map.file.whole", journey_map.language)
    where = {"stage": place.stage, "lane": place.lane}
    key = f"map.lint.{place.rule}"
    if place.rule in ("stale", "crowded") and not place.lane:
        key += "_map"
    said = {name: labels.get(one, one) for name, one in where.items()} | place.values
    wanted = messages.places(key, journey_map.language)
    text = messages.text(key, journey_map.language, **{name: said[name] for name in wanted})
    return Finding(place.rule, place.stage, place.lane, text, RULES[place.rule][1])
