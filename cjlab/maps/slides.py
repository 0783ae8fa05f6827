"""A map as slides to be edited: a native table under a native chart, then pains and measures."""

from __future__ import annotations

import io
import re
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE, XL_MARKER_STYLE, XL_TICK_LABEL_POSITION
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Inches, Pt

from cjlab import messages
from cjlab.lettering import points
from cjlab.maps import evidence, said, wording
from cjlab.maps.curve import curve
from cjlab.maps.model import WHOLE, Card, Column, JourneyMap, Lane

_WIDTH, _HEIGHT, _EDGE, _TOP = 13.333, 7.5, 0.3, 1.0  # inches
_LABEL, _CHART = 1.5, 1.2
_SIZES = (12, 11, 10, 9, 8, 7)
_LEAST = 9  # points; where one slide would need less, there are several
_SPACING, _PADDING = 1.2, 8.0  # of a line in its size; points of a row
_MARGIN = 0.05  # inches beside the text of a cell
_STAGES = 12  # on one slide

#: A line of a cell, and whether it begins a card.
Said = tuple[str, bool]


class Row(NamedTuple):
    """A row of a table: its head and the lines of its cells; one cell where it is whole."""

    label: str
    cells: list[list[Said]]


def slides(journey_map: JourneyMap) -> bytes:
    """Return a map as the bytes of a PPTX file, 16:9.

    A table that does not fit one slide goes on to the next; text sizes are computed, by the
    measures of a font that is wider than those of slides.
    """
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(_WIDTH), Inches(_HEIGHT)
    for start in range(0, len(journey_map.columns), _STAGES):
        _map_slides(deck, journey_map, journey_map.columns[start : start + _STAGES], start)
    language = journey_map.language
    if rows := _pains(journey_map):
        heads = [messages.text(f"map.lane.{lane}", language) for lane in ("pains", "measures")]
        _tables(deck, journey_map, heads, rows)
    calls = [n.call for _, _, card in journey_map.walk() for n in card.numbers]
    if calls:
        told = "\n".join(dict.fromkeys(map(_clean, calls)))
        deck.slides[0].notes_slide.notes_text_frame.text = told
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def _map_slides(deck: Any, journey_map: JourneyMap, part: tuple[Column, ...], start: int) -> None:
    rows = []
    for lane in journey_map.shown_lanes():
        stages = [WHOLE] if lane.kind == "whole" else [column.id for column in part]
        cells = [_lines(journey_map.cell(lane.id, stage), journey_map) for stage in stages]
        rows.append(Row(lane.label, cells))
    if notes := wording.notes_of(journey_map):
        label = messages.text("map.file.notes", journey_map.language)
        rows.append(Row(label, [[(note, False) for note in notes]]))
    heads = [column.label for column in part]
    curves = [lane for lane in journey_map.shown_lanes() if lane.kind == "curve"]
    drawn = [lane for lane in curves if curve(journey_map, lane).points]
    first = _tables(deck, journey_map, heads, rows, _CHART if drawn else 0)
    for lane in drawn[:1]:
        _chart(first, journey_map, lane, heads, start)


def _pains(journey_map: JourneyMap) -> list[Row]:
    """By stage, its pains and what is done."""
    whole = messages.text("map.file.whole", journey_map.language)
    label = {WHOLE: whole} | {column.id: column.label for column in journey_map.columns}
    found: dict[str, tuple[list[Card], list[Card]]] = {stage: ([], []) for stage in label}
    for lane, stage, card in journey_map.walk():
        if lane == "measures":
            found[stage][1].append(card)
        elif lane == "pains" or card.tone == "pain":
            found[stage][0].append(card)
    return [
        Row(label[stage], [_lines(tuple(cards), journey_map) for cards in both])
        for stage, both in found.items()
        if any(both)
    ]


def _lines(cards: tuple[Card, ...], journey_map: JourneyMap) -> list[Said]:
    if not cards:
        return []
    told = [
        (line, place == 0)
        for card in cards
        for place, line in enumerate(said.lines(card, journey_map))
    ]
    return [*told, (wording.level_text(evidence.level(cards), journey_map.language), False)]


def _tables(
    deck: Any, journey_map: JourneyMap, heads: list[str], rows: list[Row], above: float = 0
) -> Any:
    """Set rows on as many slides as they need, and return the first of these."""
    rows = [
        Row(_clean(row.label), [[(_clean(line), first) for line, first in c] for c in row.cells])
        for row in rows
    ]
    heads = [_clean(head) for head in heads]
    width = (_WIDTH - 2 * _EDGE - _LABEL) / len(heads)
    fitting = [size for size in _SIZES if _words_fit(heads, rows, width, size)] or [_SIZES[-1]]
    rooms = [(size, _pages(heads, rows, width, size, above)) for size in fitting]
    small = next((room for room in rooms if room[0] <= _LEAST), rooms[-1])
    size, pages = next((room for room in rooms if len(room[1]) == 1), small)
    made = []
    for place, page in enumerate(pages):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        _title(slide, journey_map, f" ({place + 1}/{len(pages)})" if len(pages) > 1 else "")
        _table(slide, heads, page, width, size, _TOP + (0 if place else above))
        made.append(slide)
    return made[0]


def _words_fit(heads: list[str], rows: list[Row], width: float, size: float) -> bool:
    text = " ".join([*heads, *(line for row in rows for c in row.cells for line, _ in c)])
    labels = " ".join(row.label for row in rows)
    return all(
        _wide(word) * size <= _room(wide)
        for words, wide in ((text, width), (labels, _LABEL))
        for word in words.split()
    )


def _room(width: float) -> float:
    return (width - 2 * _MARGIN) * 72


@cache
def _wide(word: str) -> float:
    """How wide a word is in a size of one point; bold, so that either weight has room."""
    return points(word, 10, "bold") / 10


def broken(text: str, room: float, size: float) -> list[str]:
    """Return the lines that a text has where it may be so wide; joined, they are the text.

    Examples
    --------
    >>> broken("frequent, mostly mobile", 80, 9)
    ['frequent, ', 'mostly mobile']
    """
    lines, left = [""], room
    for word in re.findall(r"\S+\s*|\s+", text):
        wide = _wide(word.rstrip()) * size
        if lines[-1] and wide > left:
            lines.append("")
            left = room
        while wide > room and len(word.rstrip()) > 1:
            widths = accumulate(_wide(letter) * size for letter in word.rstrip())
            cut = max(1, sum(reached <= room for reached in widths))
            lines[-1:] = [word[:cut], ""]
            word = word[cut:]
            wide = _wide(word.rstrip()) * size
        lines[-1] += word
        left -= wide + _wide(" ") * size
    return lines


def _pages(
    heads: list[str], rows: list[Row], width: float, size: float, above: float
) -> list[list[Row]]:
    """Deal the rows to slides; one that is taller than a slide goes on on the next."""
    line = size * _SPACING
    head = max(len(broken(text, _room(width), size)) for text in heads) * line + _PADDING
    whole = (_HEIGHT - _TOP - _EDGE) * 72 - head
    left = whole - above * 72
    pages: list[list[Row]] = [[]]
    for row in rows:
        wide = _room(width * (len(heads) / len(row.cells)))
        rest = [
            [(part, first and not place)
             for text, first in cell
             for place, part in enumerate([*broken(text, wide, size), "\n"])]
            for cell in row.cells
        ]  # fmt: skip
        label = len(broken(row.label, _room(_LABEL), size))
        while True:
            tall = max(label, *(sum(part != "\n" for part, _ in cell) for cell in rest))
            fits = max(1, int((left - _PADDING) // line))
            if tall > fits and pages[-1]:
                pages.append([])
                left = whole
                continue
            taken = [_first(cell, fits) for cell in rest]
            pages[-1].append(Row(row.label, [_joined(cell[:n]) for cell, n in
                                             zip(rest, taken, strict=True)]))  # fmt: skip
            rest = [cell[n:] for cell, n in zip(rest, taken, strict=True)]
            left -= min(tall, fits) * line + _PADDING
            if not any(rest):
                break
    return pages


def _first(cell: list[Said], lines: int) -> int:
    """How many parts of a cell make so many lines."""
    seen = accumulate(part != "\n" for part, _ in cell)
    return sum(count <= lines for count in seen)


def _joined(parts: list[Said]) -> list[Said]:
    """Put the lines of each text together again."""
    found: list[Said] = []
    begins = True
    for part, first in parts:
        if part == "\n":
            begins = True
            continue
        if begins:
            found.append((part, first))
        else:
            found[-1] = (found[-1][0] + part, found[-1][1])
        begins = False
    return found


def _title(slide: Any, journey_map: JourneyMap, more: str) -> None:
    about = " · ".join(f"{key}: {value}" for key, value in wording.head_of(journey_map))
    room = _room(_WIDTH - 2 * _EDGE)
    title = slide.shapes.title
    title.left, title.top = Inches(_EDGE), Inches(0.1)
    title.width, title.height = Inches(_WIDTH - 2 * _EDGE), Inches(0.55)
    below = slide.shapes.add_textbox(title.left, Inches(0.62), title.width, Inches(0.36))
    for shape, text, sizes in (
        (title, journey_map.title + more, (24, 20, 16, 14, 12, 10)),
        (below, about, (11, 10, 9, 8, 7)),
    ):
        text = _clean(text)
        tall = shape.height / 12_700 - 2  # points
        sized = ((len(broken(text, room, s)) * s * _SPACING, s) for s in sizes)
        size = next((size for height, size in sized if height <= tall), sizes[-1])
        _write(shape.text_frame, [(text, shape is title)], size)


def _table(
    slide: Any, heads: list[str], rows: list[Row], width: float, size: float, top: float
) -> None:
    shape = slide.shapes.add_table(
        len(rows) + 1, len(heads) + 1, Inches(_EDGE), Inches(top),
        Inches(_WIDTH - 2 * _EDGE), Pt(size * 2 * (len(rows) + 1)),
    )  # fmt: skip
    table = shape.table
    table.horz_banding, table.first_col = False, True
    table.columns[0].width = Inches(_LABEL)
    _write(table.cell(0, 0).text_frame, [], size)
    for place, head in enumerate(heads, 1):
        table.columns[place].width = Inches(width)
        _write(table.cell(0, place).text_frame, [(head, True)], size)
    for at, row in enumerate(rows, 1):
        _write(table.cell(at, 0).text_frame, [(row.label, True)], size)
        # The text of an empty or merged cell has a size too, and would make the row higher.
        for place, cell in enumerate([*row.cells, *[[]] * (len(heads) - len(row.cells))], 1):
            _write(table.cell(at, place).text_frame, cell, size)
        if len(row.cells) < len(heads):
            table.cell(at, 1).merge(table.cell(at, len(heads)))
    for place, table_row in enumerate(table.rows):
        wide = width * (len(heads) / len(rows[place - 1].cells)) if place else width
        told = [
            (cell.text_frame, wide if at else _LABEL) for at, cell in enumerate(table_row.cells)
        ]
        lines = max(
            sum(len(broken(p.text, _room(room), size)) for p in frame.paragraphs)
            for frame, room in told
        )
        table_row.height = Pt(lines * size * _SPACING + _PADDING)


def _write(frame: Any, lines: list[Said], size: float) -> None:
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = Inches(_MARGIN)
    frame.margin_top = frame.margin_bottom = Pt(_PADDING / 2)
    for place, (line, strong) in enumerate(lines or [("", False)]):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        run = paragraph.add_run()
        run.text = line.rstrip()
        run.font.size, run.font.bold = Pt(size), strong
        paragraph.font.size = Pt(size)


def _chart(slide: Any, journey_map: JourneyMap, lane: Lane, heads: list[str], start: int) -> None:
    """Draw the curve above the table, each point over its stage, with its interval."""
    language = journey_map.language
    data = CategoryChartData()
    # A number before it keeps the chart's own workbook from taking a label for a formula.
    data.categories = [f"{place}. {head}" for place, head in enumerate(map(_clean, heads), 1)]
    found = {point.column: point for point in curve(journey_map, lane).points if point.main}
    shown = [found.get(start + place) for place in range(len(heads))]
    for origin in ("computed", "authored"):
        drawn = [point and point.authored == (origin == "authored") for point in shown]
        values = [p.y if p and use else None for p, use in zip(shown, drawn, strict=True)]
        data.add_series(messages.text(f"map.origin.{origin}", language), values)
    for end, name in enumerate(("95 % −", "95 % +")):
        data.add_series(
            name, [point.span[end] if point and point.span else None for point in shown]
        )
    left, width = _EDGE + _LABEL, _WIDTH - 2 * _EDGE - _LABEL
    frame = slide.shapes.add_chart(
        XL_CHART_TYPE.LINE_MARKERS, Inches(left), Inches(_TOP), Inches(width), Inches(_CHART), data
    )
    frame._element.nvGraphicFramePr.cNvPr.set("descr", _clean(lane.label))
    chart = frame.chart
    chart.has_legend = chart.has_title = False
    scale, across = chart.value_axis, chart.category_axis
    scale.minimum_scale, scale.maximum_scale, scale.major_unit = -1, 1, 1
    scale.tick_label_position = across.tick_label_position = XL_TICK_LABEL_POSITION.NONE
    for series in list(chart.plots[0].series)[2:]:
        series.format.line.fill.background()
        series.marker.style = XL_MARKER_STYLE.NONE
    area = chart._chartSpace.chart.plotArea
    area.find(".//c:marker[@val]", area.nsmap).addprevious(
        parse_xml(f"<c:hiLowLines {nsdecls('c')}/>")
    )
    for old in area.findall("c:layout", area.nsmap):
        area.remove(old)
    edges = {"xMode": "edge", "yMode": "edge", "x": 0, "y": 0.05, "w": 1, "h": 0.9}
    inner = "".join(f'<c:{name} val="{value}"/>' for name, value in edges.items())
    area.insert(0, parse_xml(
        f"<c:layout {nsdecls('c')}><c:manualLayout>"
        f'<c:layoutTarget val="inner"/>{inner}</c:manualLayout></c:layout>'
    ))  # fmt: skip
    label = slide.shapes.add_textbox(Inches(_EDGE), Inches(_TOP), Inches(_LABEL), Inches(_CHART))
    good, bad = (messages.text(f"map.curve.{end}", language) for end in ("good", "bad"))
    _write(label.text_frame, [(lane.label, True), (f"↑ {good}", False), (f"↓ {bad}", False)], 9)


def _clean(text: str) -> str:
    """A text that XML can hold, on one line."""
    return re.sub("[\ufffe\uffff]", "", wording.plain(text))
