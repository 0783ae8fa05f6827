"""What people write on a study's map: a YAML file in the study's folder, plain and diffable."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field

from cjlab._parts import Part
from cjlab._yaml import checked
from cjlab.errors import UserError, did_you_mean
from cjlab.maps.model import WHOLE, Card, Cards
from cjlab.maps.templates import DAY, lane_ids


class Authored(Part):
    """The authored cards of a study's maps.

    Parameters
    ----------
    written, by : date and str, optional
        When and by whom, for cards that do not say it themselves.
    cards : dict
        By lane and stage (``all`` for lanes of the whole journey): texts, or cards.
    personas : dict
        The same by persona's id: cards for that persona's map only.
    day : dict
        The cards of a day in the life, by lane and part of the day.
    future : dict
        As ``cards``, for the map of a future state: it has these only.
    """

    written: date | None = None
    by: str | None = None
    cards: dict[str, dict[str, Cards]] = Field(default_factory=dict)
    personas: dict[str, dict[str, dict[str, Cards]]] = Field(default_factory=dict)
    day: dict[str, dict[str, Cards]] = Field(default_factory=dict)
    future: dict[str, dict[str, Cards]] = Field(default_factory=dict)


def authored(
    study: Any, lanes: set[str], persona: str | None, template: str = "current"
) -> dict[str, dict[str, tuple[Card, ...]]]:
    """Return what people wrote for a map of these lanes; nothing where the study names no file.

    Raises
    ------
    UserError
        One line that names the file, the key and what would be right.
    """
    said = study.config.map.file
    if said is None:
        return {}
    path = Path(study.folder) / said
    if not path.is_file():
        raise UserError(f"map: no file at {path}.")
    found = checked(path, Authored)
    parts = [found.cards, *(cards for who, cards in found.personas.items() if who == persona)]
    place, valid = "stage", (WHOLE, *study.model.ids)
    if template == "future":
        parts = [found.future]
    if template == "day":
        parts, place, valid = [found.day], "part of the day", (WHOLE, *DAY)
    cells: dict[str, dict[str, tuple[Card, ...]]] = {}
    for part in parts:
        for lane, by_stage in part.items():
            if lane not in lane_ids():
                raise UserError(f'{path.name}: no lane "{lane}".{did_you_mean(lane, lane_ids())}')
            for stage, cards in by_stage.items():
                if stage not in valid:
                    hint = did_you_mean(stage, valid)
                    raise UserError(f'{path.name}: {lane}: no {place} "{stage}".{hint}')
                own = cells.setdefault(lane, {})
                own[stage] = (*own.get(stage, ()), *(_dated(card, found) for card in cards))
    return {lane: cells[lane] for lane in cells if lane in lanes}


def _dated(card: Card, found: Authored) -> Card:
    """An authored card says when it was written, and by whom where that is known."""
    more = {"written": card.written or found.written, "by": card.by or found.by}
    return card.model_copy(update={**more, "origin": "authored", "numbers": ()})
