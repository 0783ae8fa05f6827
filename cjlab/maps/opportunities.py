"""The opportunity matrix: impact by effort as people judge them, and the computed pains ranked."""

from __future__ import annotations

from cjlab import messages
from cjlab.errors import UserError
from cjlab.maps import evidence
from cjlab.maps.model import WHOLE, Card, Column, JourneyMap, Lane

_PAINS = "pains"


class Matrix(JourneyMap):
    """A map whose lanes are degrees of impact and whose columns are degrees of effort."""

    def shown_lanes(self) -> tuple[Lane, ...]:
        """Return every degree of impact: an empty one says something too."""
        return tuple(lane for lane in self.lanes if lane.id != _PAINS or self.cards.get(_PAINS))


def opportunities(journey_map: JourneyMap) -> Matrix:
    """Return the opportunity matrix of a map, to be drawn as maps are.

    Parameters
    ----------
    journey_map : JourneyMap
        One with cards that have an impact and an effort, or with computed pains.

    Returns
    -------
    Matrix
        Impact from 5 down to 1, effort from 1 to 5 across; below them the computed cards whose
        tone is ``pain``, by their rank, then by score, then as on the map.

    Raises
    ------
    UserError
        The map has neither.
    """
    language = journey_map.language
    label = {column.id: column.label for column in journey_map.columns}
    cells: dict[str, dict[str, tuple[Card, ...]]] = {}
    for _, stage, card in journey_map.walk():
        if card.impact and card.effort:
            row = cells.setdefault(f"impact{card.impact}", {})
            named = _named(card, label.get(stage))
            row[str(card.effort)] = (*row.get(str(card.effort), ()), named)
    pains = [
        (stage, card)
        for _, stage, card in journey_map.walk()
        if card.tone == "pain" and card.origin == "computed"
    ]
    if pains:
        ranked = sorted(pains, key=lambda pain: _rank(pain[1]))
        cells[_PAINS] = {WHOLE: tuple(_named(card, label.get(stage)) for stage, card in ranked)}
    if not cells:
        raise UserError("no card of the map has impact and effort, and there is no computed pain.")
    rows = [
        Lane(id=f"impact{degree}", label=messages.text("map.matrix.impact", language, value=degree))
        for degree in range(5, 0, -1)
    ]
    pains_label = messages.text("map.matrix.pains", language)
    rule = [messages.text("map.matrix.rule", language)] if pains else []
    title = messages.text("map.matrix", language, title=journey_map.title)
    return Matrix.model_validate(
        {
            **dict(journey_map),
            "title": title[:200],
            "columns": tuple(
                Column(
                    id=str(degree),
                    label=messages.text("map.matrix.effort", language, value=degree),
                )
                for degree in range(1, 6)
            ),
            "lanes": (*rows, Lane(id=_PAINS, label=pains_label, kind="whole")),
            "cards": cells,
            "notes": (*rule, *journey_map.notes),
        }
    )


def _named(card: Card, stage: str | None) -> Card:
    """The card with its stage before its text, which the matrix does not show elsewhere."""
    return card.model_copy(update={"text": f"{stage}: {card.text}"[:2000]}) if stage else card


def _rank(card: Card) -> tuple[int, float]:
    """What a study ranked goes by that; of other maps the lowest score comes first."""
    if card.rank is not None:
        return 0, card.rank
    scores = [y for y in map(evidence.position, card.numbers) if y is not None]
    return (1, min(scores)) if scores else (2, 0.0)
