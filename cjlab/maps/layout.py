"""Where everything of a map stands on its page: computed once, drawn in every format alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cjlab import messages
from cjlab.maps import wording
from cjlab.maps.blocks import INK, PAD, QUIET, Block, Line, badge_block, card_block
from cjlab.maps.curve import Curve, Point, curve, mark_text
from cjlab.maps.model import WHOLE, Card, JourneyMap, Lane

WIDTH, HEIGHT = 16.54, 11.69  # A3 landscape, inches
MARGIN, HEAD, GAP = 0.42, 1.22, 0.06
NARROWEST = 1.3  # inches of a column; more columns make the page wider
SIZES = (10.0, 9.0, 8.2, 7.5)  # points of the text: the largest whose page is an A3
WHOLE_CARD, BAND = 3.6, 1.5
HEADING = "#12325C"
_Place = Callable[[Point, float], tuple[float, float]]


@dataclass(frozen=True)
class Box:
    """A rectangle, inches from the page's left top; `look` says how it is drawn."""

    x: float
    y: float
    width: float
    height: float
    look: str


@dataclass(frozen=True)
class Stroke:
    """A line or, where the look is ``band``, an area through points."""

    points: tuple[tuple[float, float], ...]
    look: str


@dataclass(frozen=True)
class Dot:
    """A point of the curve."""

    x: float
    y: float
    look: str


@dataclass
class Picture:
    """Everything that is drawn; each line of text with the box that it must stay in."""

    width: float
    height: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    lines: list[tuple[Line, Box]] = field(default_factory=list)

    def set(self, block: Block, x: float, y: float, room: Box) -> None:
        """Put a block's lines on the page."""
        self.lines += [(line, room) for line in block.at(x, y)]

    def rule(self, y: float, look: str) -> None:
        """Draw a line across the page."""
        self.strokes.append(Stroke(((MARGIN, y), (self.width - MARGIN, y)), look))


def layout(journey_map: JourneyMap) -> Picture:
    """Lay a map out on A3 in the largest text that fits, else on a page as high as it needs.

    Examples
    --------
    >>> from cjlab.maps import template
    >>> page = layout(template("day"))
    >>> page.width, page.height
    (16.54, 11.69)
    """
    page = _Page(journey_map, SIZES[-1]).lay_out()
    if page.height > HEIGHT:
        return page
    tries = (_Page(journey_map, size).lay_out() for size in SIZES)
    return next(page for page in tries if page.height <= HEIGHT)


class _Page:
    """A page being laid out from above."""

    def __init__(self, journey_map: JourneyMap, size: float) -> None:
        self.map, self.size = journey_map, size
        columns = len(journey_map.columns)
        self.picture = Picture(max(WIDTH, 2 * MARGIN + HEAD + columns * NARROWEST))
        self.left = MARGIN + HEAD
        self.across = self.picture.width - MARGIN - self.left
        self.column = self.across / columns
        self.y = MARGIN

    def lay_out(self) -> Picture:
        self._head()
        self._stages()
        for lane in self.map.shown_lanes():
            top = self.y
            label = Block(HEAD - 2 * PAD)
            label.put(lane.label, self.size, weight="bold")
            if lane.owner:
                label.put(lane.owner, 0.84 * self.size, color=QUIET)
            if lane.kind == "curve":
                self._band(lane, label.height)
            self._cells(lane, label.height if lane.kind != "curve" else 0.0)
            head = Box(MARGIN, top, HEAD, self.y - top, "lane")
            self.picture.boxes.insert(0, head)
            self.picture.set(label, MARGIN + PAD, top + PAD, head)
            self.picture.rule(self.y, "lane")
            if lane.line:
                self._line(lane.line)
        self._foot()
        return self.picture

    def _say(self, key: str) -> str:
        return messages.text(f"map.{key}", self.map.language)

    def _head(self) -> None:
        width = self.picture.width - 2 * MARGIN
        title = Block(width)
        kind = self._say(f"template.{self.map.template}")
        if kind != self.map.title:
            title.put(kind, 9.0, color=QUIET)
        title.put(self.map.title, 19.0, most=3, weight="bold")
        page = Box(MARGIN, self.y, width, title.height, "none")
        self.picture.set(title, MARGIN, self.y, page)
        self.y += title.height + 0.08
        x, high = MARGIN, 0.0
        for label, text in wording.head_of(self.map):
            pair = Block(min(4.6, width))
            pair.put(label, 8.0, color=QUIET)
            pair.put(text, 9.5, most=4, weight="bold")
            wide = max(line.width() for line in pair.lines)
            if x + wide > MARGIN + width:
                x, self.y, high = MARGIN, self.y + high + 0.05, 0.0
            self.picture.set(pair, x, self.y, Box(x, self.y, wide + 0.02, pair.height, "none"))
            x, high = x + wide + 0.4, max(high, pair.height)
        self.y += high + 0.15

    def _stages(self) -> None:
        blocks = []
        for stage in self.map.columns:
            block = Block(self.column - 2 * PAD - 0.03)
            block.put(stage.label, self.size + 0.5, weight="bold", color=HEADING)
            blocks.append(block)
        high = max(block.height for block in blocks) + 2 * PAD
        for place, block in enumerate(blocks):
            x = self.left + place * self.column
            box = Box(x + 0.015, self.y, self.column - 0.03, high, "stage")
            self.picture.boxes.append(box)
            self.picture.set(block, box.x + PAD, self.y + PAD, box)
        self.y += high
        self.picture.rule(self.y, "stages")

    def _cells(self, lane: Lane, least: float) -> None:
        """Set the cards of a lane; the highest cell makes its height."""
        if lane.kind == "whole":
            cells = [(self.left, self.across, self.map.cell(lane.id, WHOLE))]
        else:
            cells = [
                (self.left + place * self.column, self.column, self.map.cell(lane.id, stage.id))
                for place, stage in enumerate(self.map.columns)
            ]
        bottom = max([self.y + least + 2 * PAD, *(self._cell(*cell) for cell in cells)])
        for x, _, _ in cells:
            self.picture.strokes.append(Stroke(((x, self.y), (x, bottom)), "cell"))
        self.y = bottom

    def _cell(self, x: float, width: float, cards: tuple[Card, ...]) -> float:
        """Set one cell and return where it ends."""
        if not cards:
            return self.y
        each = min(width, WHOLE_CARD) if width > self.column else width
        beside = max(1, int(width / each))
        y = self.y + GAP
        for start in range(0, len(cards), beside):
            bottom = y
            for place, card in enumerate(cards[start : start + beside]):
                block = card_block(card, self.map, each - 2 * GAP, self.size)
                left = x + GAP + place * each
                box = Box(left, y, each - 2 * GAP, block.height + 2 * PAD, _look(card))
                self.picture.boxes.append(box)
                self.picture.set(block, left + PAD, y + PAD, box)
                bottom = max(bottom, y + box.height)
            y = bottom + GAP
        badge = badge_block(cards, self.map.language, width - 2 * GAP, self.size)
        room = Box(x + GAP, y - 0.02, width - 2 * GAP, badge.height + 0.02, "none")
        self.picture.set(badge, room.x, room.y, room)
        return y + badge.height + GAP

    def _band(self, lane: Lane, label: float) -> None:
        """Draw the curve over its cells, its scale beside it."""
        found = curve(self.map, lane)
        pad = max(0.46, label + 0.2)
        reach = BAND / 2
        middle = self.y + pad + reach

        def place(point: Point, y: float) -> tuple[float, float]:
            return self.left + point.x * self.column, middle - reach * y

        for key, y in (("good", 1), ("middle", 0), ("bad", -1)):
            at = middle - reach * y
            self.picture.strokes.append(
                Stroke(((self.left, at), (self.left + self.across, at)), "scale")
            )
            text = Line(
                self._say(f"curve.{key}"), self.left - 0.07, at - 0.06, 8.0, QUIET, ha="right"
            )
            self.picture.lines.append((text, Box(MARGIN, at - 0.1, HEAD, 0.2, "none")))
        for a, b in found.segments():
            if a.span and b.span:
                low = (place(a, a.span[0]), place(b, b.span[0]))
                high = (place(b, b.span[1]), place(a, a.span[1]))
                self.picture.strokes.append(Stroke((*low, *high), "band"))
            look = "drawn" if a.authored or b.authored else "known"
            self.picture.strokes.append(Stroke((place(a, a.y), place(b, b.y)), look))
        self._points(found, place, Box(self.left, self.y, self.across, 2 * (pad + reach), "none"))
        self.y = middle + reach + pad

    def _points(self, found: Curve, place: _Place, band: Box) -> None:
        size = max(8.0, self.size)
        for point in found.points:
            x, y = place(point, point.y)
            if point.span:
                ends = tuple(place(point, limit) for limit in point.span)
                self.picture.strokes.append(Stroke(ends, "span"))
            look = "hollow" if point.authored else "filled"
            kind = "weakest" if point.mark == "weakest" else "main" if point.main else "minor"
            self.picture.dots.append(Dot(x, y, f"{kind} {look}"))
            shared = sum(other.column == point.column for other in found.points)
            label = Block(self.column / shared - 0.04)
            if not point.authored:
                label.put(point.text, size, weight="bold")
            if point.mark:
                label.put(mark_text(point, self.map.language), 0.92 * size)
            top = y + 0.1 if point.y < 0 else y - 0.1 - label.height
            self._centred(label, x, top, band)
        for column, why in found.unknown.items():
            label = Block(self.column - 0.1)
            label.put(why, size, color=QUIET)
            x = self.left + (column + 0.5) * self.column
            self._centred(label, x, band.y + band.height / 2 - label.height / 2, band)

    def _centred(self, block: Block, x: float, y: float, band: Box) -> None:
        if not block.lines:
            return
        y = min(max(y, band.y), band.y + band.height - block.height)
        left = x - block.width / 2
        wide = max(line.width() for line in block.lines)
        back = Box(x - wide / 2 - 0.03, y, wide + 0.06, block.height, "label")
        self.picture.boxes.append(back)
        room = Box(left, y, block.width, block.height, "none")
        for line in block.at(x, y):
            self.picture.lines.append((replace(line, ha="center"), room))

    def _line(self, name: str) -> None:
        """Draw a line of the blueprint with its name on it."""
        high = 0.3
        self.picture.rule(self.y + high / 2, name)
        label = Block(6.0)
        label.put(self._say(f"line.{name}"), 8.5, weight="bold", color=HEADING)
        wide = max(line.width() for line in label.lines)
        box = Box(MARGIN + 0.12, self.y + 0.06, wide + 0.2, high - 0.12, "pill")
        self.picture.boxes.append(box)
        self.picture.set(label, box.x + 0.1, self.y + (high - label.height) / 2, box)
        self.y += high

    def _foot(self) -> None:
        """Set how to read the map, and its notes, at the foot of the page."""
        foot = Block(self.picture.width - 2 * MARGIN)
        small = 8.0
        computed, written = (self._say(f"origin.{name}") for name in ("computed", "authored"))
        legend = [
            f"{wording.COMPUTED} {computed}: {self._say('legend.computed')}",
            f"{wording.WRITTEN} {written}: {self._say('legend.authored')}",
            ", ".join(wording.level_text(name, self.map.language) for name in wording.SIGNS),
        ]
        if any(lane.kind == "curve" for lane in self.map.shown_lanes()):
            legend.append(self._say("legend.curve"))
        foot.put(self._say("legend"), small, weight="bold")
        foot.pack(legend, small, between="  ·  ", color=INK)
        for note in wording.notes_of(self.map):
            foot.put(note, small, color=QUIET)
        self.y += 0.14
        height = max(HEIGHT, self.y + foot.height + MARGIN)
        y = height - MARGIN - foot.height
        self.picture.set(foot, MARGIN, y, Box(MARGIN, y, foot.width, foot.height, "none"))
        self.picture.height = height


def _look(card: Card) -> str:
    return " ".join(filter(None, [card.origin, card.tone, "weakest" if card.weakest else None]))
