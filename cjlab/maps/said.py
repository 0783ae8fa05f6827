"""A card in lines of plain text, for every format that has no form of its own for its parts."""

from __future__ import annotations

from cjlab import messages
from cjlab.maps import evidence, wording
from cjlab.maps.model import Card, JourneyMap


def lines(card: Card, journey_map: JourneyMap) -> list[str]:
    """Return what a card says: its text, each number with what it stands on, its marks and fields.

    Parameters
    ----------
    card : Card
        A card of the map.
    journey_map : JourneyMap
        The map, for its language and its smallest cell.

    Returns
    -------
    list of str
        Plain text without control characters, not escaped.

    Examples
    --------
    >>> from cjlab.maps import template
    >>> lines(Card(text="Waits", tone="pain", by="Anna"), template("day"))
    ['Waits', '− pain', '✎ written, no date, Anna']
    """
    language = journey_map.language
    found = [card.text, *numbers(card, journey_map)]
    found += [*wording.marks_of(card, language), *wording.fields_of(card, language)]
    if card.image:
        label = messages.text("map.field.picture", language)
        found.append(messages.text("map.field", language, label=label, value=card.alt))
    found.append(wording.credit(card, language))
    return [wording.plain(line) for line in found if line]


def numbers(card: Card, journey_map: JourneyMap) -> list[str]:
    """Return each number of a card with what it measures and what it stands on."""
    language = journey_map.language
    found = []
    labels = wording.labels_of(card, language)
    for number, label in zip(card.numbers, labels, strict=True):
        value = wording.value_text(number, language, journey_map.minimum)
        basis = wording.basis_text(number, language)
        said = f"{value} ({basis})" if basis else value
        found.append(
            messages.text("map.field", language, label=label, value=said) if label else said
        )
    return found


def cell(journey_map: JourneyMap, lane: str, stage: str) -> list[str]:
    """Return all lines of a cell, last how sure it is; none where it is empty."""
    cards = journey_map.cell(lane, stage)
    found = [line for card in cards for line in lines(card, journey_map)]
    level = wording.level_text(evidence.level(cards), journey_map.language)
    return [*found, level] if found else []
