"""Texts of a map set in a column: cards, badges and heads as lines with their height."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cjlab import messages
from cjlab.lettering import clean, points, wrap
from cjlab.maps import evidence, wording
from cjlab.maps.model import Card, JourneyMap

INK, QUIET, ACCENT, PAIN, GAIN = "#1C2430", "#4A5568", "#0B4F9E", "#7C2D00", "#14523C"
LEADING = 1.28
PAD = 0.07  # inches between a card's edge and its text


@dataclass(frozen=True)
class Line:
    """One line of text, inches from the left top of where it stands."""

    text: str
    x: float
    y: float
    size: float
    color: str = INK
    weight: str = "normal"
    ha: str = "left"

    def width(self) -> float:
        """Return how wide it is drawn, inches."""
        return points(self.text, self.size, self.weight) / 72


@dataclass
class Block:
    """Lines one below the other."""

    width: float
    height: float = 0.0
    lines: list[Line] = field(default_factory=list)

    def put(
        self, text: str, size: float, color: str = INK, weight: str = "normal", most: int = 40
    ) -> None:
        """Set a text, broken to the block's width."""
        broken = wrap(text, width=0.98 * self.width, size=size, lines=most, weight=weight)
        for line in broken.split("\n"):
            self.lines.append(Line(line, 0.0, self.height, size, color, weight))
            self.height += size * LEADING / 72

    def pack(
        self, parts: Iterable[str], size: float, between: str = ", ", color: str = QUIET
    ) -> None:
        """Set parts that are better not broken, as many on a line as fit."""
        line = ""
        for part in parts:
            longer = f"{line}{between}{part}" if line else part
            if line and points(clean(longer), size) > 72 * 0.96 * self.width:
                self.put(line + between.rstrip(), size, color)
                line = part
            else:
                line = longer
        if line:
            self.put(line, size, color)

    def beside(self, text: str, size: float) -> bool:
        """Set a text after the last line where it fits there, and tell whether it did."""
        last = self.lines[-1]
        x = last.x + last.width() + 0.05
        line = Line(clean(text), x, last.y + (last.size - size) / 72, size)
        if x + line.width() > 0.98 * self.width:
            return False
        self.lines.append(line)
        return True

    def at(self, x: float, y: float) -> list[Line]:
        """Return the lines as they stand on the page when the block's left top is there."""
        return [replace(line, x=x + line.x, y=y + line.y) for line in self.lines]


def card_block(card: Card, journey_map: JourneyMap, width: float, size: float) -> Block:
    """Set a card: what it is about, its text, its numbers and what they stand on."""
    language = journey_map.language
    block, small = Block(width - 2 * PAD), 0.84 * size
    for mark in wording.marks_of(card, language):
        color = GAIN if card.tone == "gain" else PAIN
        block.put(mark, 0.92 * size, color=color, weight="bold")
    block.put(card.text, size)
    if card.alt:
        label = messages.text("map.field.picture", language)
        said = messages.text("map.field", language, label=label, value=card.alt)
        block.put(said, small, color=QUIET)
    labels = wording.labels_of(card, language)
    for number, label in zip(card.numbers, labels, strict=True):
        value = wording.value_text(number, language, journey_map.minimum)
        block.height += 0.03
        if number.value is None:
            block.put(value, size, color=QUIET)
        else:
            block.put(value, 1.2 * size, weight="bold")
        if label and not block.beside(label, 0.92 * size):
            block.put(label, 0.92 * size)
        basis = wording.basis_text(number, language)
        block.pack(basis.split(", "), small)
    for said in [*wording.fields_of(card, language), wording.credit(card, language)]:
        if said:
            block.put(said, small, color=QUIET)
    return block


def badge_block(cards: tuple[Card, ...], language: str, width: float, size: float) -> Block:
    """Set the evidence level of a cell."""
    block = Block(width)
    block.put(wording.level_text(evidence.level(cards), language), 0.84 * size, color=QUIET)
    return block
