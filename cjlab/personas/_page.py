"""A sheet drawn on one A4 page: two columns, type as large as the content allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from cjlab.lettering import STYLE, clean, points, wrap
from cjlab.personas.sheets import Field, Item, Sheet

WIDTH, HEIGHT = 8.27, 11.69  # A4, inches
MARGIN, GUTTER = 0.55, 0.4
COLUMN = (WIDTH - 2 * MARGIN - GUTTER) / 2
INK, QUIET, ACCENT, RULE, WARN = "#1C2430", "#4A5568", "#0B4F9E", "#CBD2DC", "#A33A00"
SIZES = (11.0, 10.2, 9.5, 9.0, 8.5, 8.0, 7.5, 7.0, 6.5)  # points of the text, largest that fits
LEADING = 1.32
METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}


@dataclass
class _Line:
    """One line of text at its place in a block, inches from the block's left top."""

    text: str
    x: float
    y: float
    size: float
    how: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Block:
    """Text set in a column, and how high it is."""

    height: float = 0.0
    most: int = 99  # lines of one text
    lines: list[_Line] = field(default_factory=list)

    def put(
        self, text: str, size: float, width: float, most: int = 6, x: float = 0, **how: str
    ) -> None:
        weight = how.get("weight", "normal")
        most = min(most, self.most)
        set_text = wrap(text, width=0.98 * width, size=size, lines=most, weight=weight)
        for part in set_text.split("\n"):
            self.lines.append(_Line(part, x, self.height, size, how))
            self.height += size * LEADING / 72


def draw(sheet: Sheet, path: Path) -> None:
    """Write the sheet to a PNG or PDF, the same bytes each time."""
    form = path.suffix.lower().removeprefix(".")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
        FigureCanvasAgg(figure)
        top = _head(figure, sheet)
        foot = _Block()
        for note in sheet.notes:
            foot.put(note, 6.5, WIDTH - 2 * MARGIN, color=QUIET)
        bottom = MARGIN + foot.height
        room = HEIGHT - top - bottom - 0.15
        columns = _fit(sheet, room)
        for number, column in enumerate(columns):
            at = top
            for block in column:
                _set(figure, block, MARGIN + number * (COLUMN + GUTTER), at)
                at += block.height
        _set(figure, foot, MARGIN, HEIGHT - bottom)
        figure.savefig(path, format=form, dpi=150, metadata=METADATA[form])


def _head(figure: Figure, sheet: Sheet) -> float:
    """Draw picture, name and what the page is; return where the fields begin."""
    radius = 0.36
    head = _Block()
    width = WIDTH - 2 * MARGIN - 2 * radius - 0.25
    head.put(sheet.name, 17, width, most=2, weight="bold", color=INK)
    where = [sheet.persona, sheet.study] if sheet.study else []
    head.put(" · ".join([sheet.say(f"kind.{sheet.kind}"), *where]), 9, width, most=2, color=QUIET)
    if sheet.provisional:
        head.put(sheet.say("provisional"), 9, width, most=2, color=WARN)
    high = max(head.height, 2 * radius)
    middle = HEIGHT - MARGIN - high / 2
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.set_axis_off()
    axes.add_patch(Circle((MARGIN + radius, middle), radius, color=ACCENT, lw=0))
    axes.text(
        MARGIN + radius, middle, clean(sheet.picture), size=20, color="white", weight="bold",
        ha="center", va="center_baseline",
    )  # fmt: skip
    end = MARGIN + high + 0.12
    axes.plot([MARGIN, WIDTH - MARGIN], [HEIGHT - end] * 2, color=RULE, lw=0.8)
    _set(figure, head, MARGIN + 2 * radius + 0.25, MARGIN + (high - head.height) / 2)
    return end + 0.12


def _fit(sheet: Sheet, room: float) -> list[list[_Block]]:
    """Set the fields in two columns, as large as they fit; at last with fewer lines each."""

    def high(columns: list[list[_Block]]) -> float:
        return max(sum(block.height for block in column) for column in columns)

    for size, most in [*((size, 99) for size in SIZES), *((SIZES[-1], n) for n in (4, 3, 2, 1))]:
        blocks = [_field(sheet, part, size, most) for part in sheet.fields]
        cuts = ([blocks[:cut], blocks[cut:]] for cut in range(len(blocks) + 1))
        columns = min(cuts, key=high)
        if high(columns) <= room:
            break
    return columns


def _field(sheet: Sheet, part: Field, size: float, most: int) -> _Block:
    block = _Block(height=0.06, most=most)
    origin = sheet.say(f"origin.{part.origin.replace('+', '_')}")
    beside = points(origin, size - 2) / 72 + 0.1
    at = block.height
    block.put(part.label, size + 1.5, COLUMN - beside, most=2, weight="bold", color=INK)
    drop = 2.0 / 72  # on the baseline of the head
    block.lines.append(_Line(origin, COLUMN, at + drop, size - 2, {"color": QUIET, "ha": "right"}))
    shown = part.items[:most]
    for item in shown:
        _item(block, item, size)
    if len(part.items) > len(shown):
        block.put(sheet.say("more", count=len(part.items) - len(shown)), size, COLUMN, color=QUIET)
    if part.source:
        block.put(part.source, size - 1.5, COLUMN, most=3, color=QUIET, style="italic")
    block.height += 0.1
    return block


def _item(block: _Block, item: Item, size: float) -> None:
    """A label with its number to the right, and below it what the number stands on."""
    if not (item.text or item.basis):
        block.lines.append(_Line("–", 0, block.height, size, {"color": QUIET}))
        block.put(item.label, size, COLUMN - 0.14, x=0.14, color=INK)
        return
    at = block.height
    beside = points(clean(item.text), size) / 72 + 0.15 if item.text else 0.0
    block.put(item.label, size, COLUMN - beside, most=4, color=INK)
    block.lines.append(_Line(clean(item.text), COLUMN, at, size, {"color": INK, "ha": "right"}))
    if item.basis:
        block.put(item.basis, size - 1.5, COLUMN, most=3, color=QUIET)
    block.height += 0.03


def _set(figure: Figure, block: _Block, left: float, top: float) -> None:
    for part in block.lines:
        figure.text(
            (left + part.x) / WIDTH,
            1 - (top + part.y) / HEIGHT,
            part.text,
            size=part.size,
            va="top",
            **part.how,
        )
