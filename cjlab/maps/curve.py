"""The emotion curve as points: where each stands, what is between them, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from cjlab import messages
from cjlab.maps import evidence, wording
from cjlab.maps.model import Card, JourneyMap, Lane, Number


@dataclass(frozen=True)
class Point:
    """One point of the curve.

    Parameters
    ----------
    column : int
        Place of its stage.
    x : float
        Place across, where a column is 1 wide.
    y : float
        From −1 (bad) to 1 (good).
    span : tuple of float, optional
        Interval of a computed point, on the same scale.
    authored : bool
        Whether somebody drew it.
    main : bool
        Whether the line goes through it: the first of its stage.
    text : str
        Its number, or the words of its card.
    mark : {"", "weakest", "highest", "lowest"}
        What is special about it.
    """

    column: int
    x: float
    y: float
    span: tuple[float, float] | None
    authored: bool
    main: bool
    text: str
    mark: str = ""


@dataclass(frozen=True)
class Curve:
    """The points, and by column what is said where there is none."""

    points: tuple[Point, ...]
    unknown: dict[int, str]

    def segments(self) -> Iterator[tuple[Point, Point]]:
        """Yield the points that a line connects: of stages side by side."""
        main = [point for point in self.points if point.main]
        return (pair for pair in pairwise(main) if pair[1].column == pair[0].column + 1)


def curve(journey_map: JourneyMap, lane: Lane) -> Curve:
    """Find the points of a lane.

    Parameters
    ----------
    journey_map : JourneyMap
        The map.
    lane : Lane
        One whose kind is ``curve``.

    Returns
    -------
    Curve
        Computed points go before authored ones of the same stage. Where several cards of a
        stage have one, they share its width.
    """
    language, minimum = journey_map.language, journey_map.minimum
    points: list[Point] = []
    unknown = {}
    for column, stage in enumerate(journey_map.columns):
        cards = journey_map.cell(lane.id, stage.id)
        found = sorted(filter(None, map(_place, cards)), key=lambda one: one[1] is None)
        for turn, (card, number, y) in enumerate(found):
            span = evidence.span(number) if number else None
            text = wording.value_text(number, language, minimum) if number else card.text
            x = column + (turn + 1) / (len(found) + 1)
            points.append(Point(column, x, y, span, number is None, turn == 0, text))
        if not found:
            withheld = [number for card in cards for number in card.numbers if number.value is None]
            unknown[column] = (
                wording.value_text(withheld[0], language, minimum)
                if withheld
                else messages.text("map.curve.unknown", language)
            )
    return Curve(_marked(journey_map, points), unknown)


def mark_text(point: Point, language: str) -> str:
    """Return a point's mark as a sign and words."""
    signs = {
        "weakest": wording.WEAKEST,
        "highest": wording.HIGHEST,
        "lowest": wording.LOWEST,
    }
    key = "map.weakest" if point.mark == "weakest" else f"map.curve.{point.mark}"
    return f"{signs[point.mark]} {messages.text(key, language)}" if point.mark else ""


def _place(card: Card) -> tuple[Card, Number | None, float] | None:
    """The card with the number that places it, or null where nothing does."""
    for number in card.numbers:
        y = evidence.position(number)
        if y is not None:
            return card, number, y
    return None if card.level is None else (card, None, card.level)


def _marked(journey_map: JourneyMap, points: list[Point]) -> tuple[Point, ...]:
    """Mark the ends of the line, and the weakest moment where a card anywhere says which it is."""
    main = [place for place, point in enumerate(points) if point.main]
    marks: dict[int, str] = {}
    if len(main) > 2:
        marks[min(main, key=lambda place: points[place].y)] = "lowest"
        marks[max(main, key=lambda place: points[place].y)] = "highest"
    weakest = {stage for _, stage, card in journey_map.walk() if card.weakest}
    for place in main:
        if journey_map.columns[points[place].column].id in weakest:
            marks[place] = "weakest"
    return tuple(replace(point, mark=marks.get(place, "")) for place, point in enumerate(points))
