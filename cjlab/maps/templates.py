"""The four templates: which lanes a map has, with their labels in five languages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cjlab import messages, stages
from cjlab.errors import UserError, did_you_mean
from cjlab.maps.model import TEMPLATES, Column, JourneyMap, Lane
from cjlab.stages import StageModel

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
    name: str, *, title: str | None = None, model: StageModel | str = "sm9", language: str = "en"
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

    Returns
    -------
    JourneyMap
        Without cards.

    Examples
    --------
    >>> found = template("day", language="nb")
    >>> found.title, len(found.columns), found.cards
    ('En dag i kundens liv', 6, {})
    """
    own = lanes(name, language)
    return JourneyMap(
        template=name,
        title=title or messages.text(f"map.template.{name}", language),
        language=language,
        stage_model=model if isinstance(model, str) else model.id,
        columns=columns(name, model, language),
        lanes=own,
    )
