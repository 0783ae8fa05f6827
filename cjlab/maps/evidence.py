"""How sure a cell is: computed from the sources behind its cards, never painted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from cjlab.maps.model import Card, Number

Level = Literal["none", "single", "several", "conflicting"]
LEVELS: tuple[Level, ...] = ("none", "single", "several", "conflicting")
# By metric: the value that is neither good nor bad, and the far end of its scale on either side.
_NEUTRAL = {
    "nps": (0.0, 100.0),
    "csat": (0.5, 0.5),
    "ces": (4.0, 3.0),
    "sentiment": (0.0, 1.0),
    "day.feeling": (0.0, 1.0),
}


def position(number: Number) -> float | None:
    """Where a score stands between bad (−1) and good (1); null for what is no score.

    The middle is 0 points of net promoter score, half of the answers satisfied, the middle of
    the effort scale, as many glad as unhappy texts.

    Examples
    --------
    >>> position(Number(metric="nps", value=40, n=90, call="", source="responses"))
    0.4
    """
    return None if number.value is None else _place(number.metric, number.value)


def span(number: Number) -> tuple[float, float] | None:
    """The interval of :func:`position`; null where there is none."""
    low, high = (
        None if limit is None else _place(number.metric, limit)
        for limit in (number.low, number.high)
    )
    return None if low is None or high is None else (low, high)


def _place(metric: str, value: float) -> float | None:
    if metric not in _NEUTRAL:
        return None
    middle, reach = _NEUTRAL[metric]
    return max(-1.0, min(1.0, (value - middle) / reach))


def level(cards: Iterable[Card]) -> Level:
    """Say what a cell, or several, stand on.

    Parameters
    ----------
    cards : iterable of Card
        The cards of the cell.

    Returns
    -------
    {"none", "single", "several", "conflicting"}
        ``none`` where nothing was computed, or nothing can be told; ``conflicting`` where two
        sources are each clearly on another side of the middle (see :func:`position`).
    """
    cards = tuple(cards)
    known = [n for card in cards for n in card.numbers if n.status == "ok" and n.value is not None]
    sources = {number.source for number in known} | {card.source for card in cards if card.source}
    if not sources:
        return "none"
    sides = {(source, side) for source, side in map(_side, known) if side}
    against = {source for source, side in sides if side < 0}
    if any(side > 0 and against - {source} for source, side in sides):
        return "conflicting"
    return "single" if len(sources) == 1 else "several"


def _side(number: Number) -> tuple[str, int]:
    """The source, and on which side of the middle its interval lies; 0 where it is not clear."""
    # Texts of a survey are another witness than its scores.
    witness = "texts" if number.metric == "sentiment" else number.source
    limits = span(number)
    if limits is None:
        return witness, 0
    return witness, int(limits[0] > 0) - int(limits[1] < 0)
