"""The four templates: which lanes a map has, with their labels in five languages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cjlab import messages, stages
from cjlab.errors import UserError, did_you_mean
from cjlab.maps.model import TEMPLATES, Card, Column, JourneyMap, Lane
from cjlab.stages import StageModel
from cjlab.touchpoints import Catalogue

#: Parts of a day, the columns of a day in the life.
DAY = ("night", "morning", "forenoon", "midday", "afternoon", "evening")


@cache
def _lanes() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load(
        files("cjlab.maps").joinpath("templates.yaml").read_text(encoding="utf-8")
    )
    return found


def lane_ids() -> tuple[str, ...]:
    """Return the lanes of all templates."""
    return tuple(dict.fromkeys(said["id"] for rows in _lanes().values() for said in rows))


def lanes(template: str, language: str = "en") -> tuple[Lane, ...]:
    """Return the lanes of a template.

    Parameters
    ----------
    template : {"current", "day", "future", "blueprint"}
        Which one.
    language : str, default "en"
        Of the labels.

    Returns
    -------
    tuple of Lane
        In the order to show them.

    Raises
    ------
    UserError
        There is no such template.

    Examples
    --------
    >>> [lane.line for lane in lanes("blueprint") if lane.line]
    ['interaction', 'visibility', 'internal']
    """
    if template not in TEMPLATES:
        raise UserError(f'no template "{template}".{did_you_mean(template, TEMPLATES)}')
    return tuple(
        Lane(label=messages.text(f"map.lane.{said['id']}", language), **said)
        for said in _lanes()[template]
    )


def columns(
    template: str, model: StageModel | str = "sm9", language: str = "en"
) -> tuple[Column, ...]:
    """Return the columns of a template: the stages of a model, or the parts of a day.

    Examples
    --------
    >>> [column.label for column in columns("current", "sv5", "sv")][:2]
    ['Medvetenhet', 'Övervägande']
    """
    if template == "day":
        return tuple(
            Column(id=part, label=messages.text(f"map.day.{part}", language)) for part in DAY
        )
    model = stages.load(model) if isinstance(model, str) else model
    return tuple(Column(id=stage, label=label) for stage, label in model.display(language).items())


def template(
    name: str,
    *,
    title: str | None = None,
    model: StageModel | str = "sm9",
    language: str = "en",
    industry: str | None = None,
) -> JourneyMap:
    """Return an empty map of a template, to be written on.

    Parameters
    ----------
    name : {"current", "day", "future", "blueprint"}
        Which template.
    title : str, optional
        What the map is called; by default what the template is called.
    model : StageModel or str, default "sm9"
        Whose stages are the columns; a day has the parts of a day.
    language : str, default "en"
        Of the labels.
    industry : {"retail", "travel", "banking", "b2b"}, optional
        Whose usual touchpoints are put on it, and the channels they are met in: a start, to be
        struck out and added to.

    Returns
    -------
    JourneyMap
        Without cards, but for those of an industry.

    Raises
    ------
    UserError
        There is no such template or industry, or the day, which has no stages, is to have one.

    Examples
    --------
    >>> found = template("day", language="nb")
    >>> found.title, len(found.columns), found.cards
    ('En dag i kundens liv', 6, {})
    >>> [card.text for card in template("current", industry="travel").cell("touchpoints", "intent")]
    ['Seat choice', 'Payment page']
    """
    if industry and name == "day":
        raise UserError("a day has no stages to put an industry's touchpoints in.")
    own = lanes(name, language)
    empty = JourneyMap(
        template=name,
        title=title or messages.text(f"map.template.{name}", language),
        language=language,
        stage_model=model if isinstance(model, str) else model.id,
        columns=columns(name, model, language),
        lanes=own,
    )
    return empty.with_cards(_usual(empty, industry, model)) if industry else empty


def _usual(
    empty: JourneyMap, industry: str, model: StageModel | str
) -> dict[str, dict[str, tuple[Card, ...]]]:
    """The usual touchpoints of an industry, and their channels, by lane and stage."""
    model = stages.load(model) if isinstance(model, str) else model
    known = [lane.id for lane in empty.lanes]
    place = "touchpoints" if "touchpoints" in known else "evidence"
    met: dict[str, dict[str, Card]] = {}
    through: dict[str, dict[str, Card]] = {}
    for entry in Catalogue.for_model(model, industry).of(industry):
        if entry.stage is None or entry.touchpoint is None:
            continue
        card = Card(text=_named("touchpoint", entry.touchpoint, empty), touchpoint=entry.touchpoint)
        met.setdefault(entry.stage, {})[entry.touchpoint] = card
        if entry.channel:
            channel = Card(text=_named("channel", entry.channel, empty))
            through.setdefault(entry.stage, {})[entry.channel] = channel
    found = {place: met} | ({"channels": through} if "channels" in known else {})
    return {
        lane: {stage: tuple(cards.values()) for stage, cards in cells.items()}
        for lane, cells in found.items()
    }


def _named(kind: str, name: str, empty: JourneyMap) -> str:
    words = messages.label(kind, name, empty.language)
    return words[:1].upper() + words[1:]
