"""Slides of a map, opened again by python-pptx: whole, native, and inside their edges."""

from __future__ import annotations

import io
from functools import cache
from zipfile import ZipFile

import openpyxl
import pytest
from matplotlib import font_manager
from matplotlib.textpath import text_to_path
from pptx import Presentation

from cjlab.maps import Card, Column, JourneyMap, evidence
from cjlab.maps.slides import slides
from tests.maps.small import LONG, STAGES, blueprint, full


def opened(journey_map: JourneyMap):
    return Presentation(io.BytesIO(slides(journey_map)))


def tables(deck) -> list:
    return [shape.table for slide in deck.slides for shape in slide.shapes if shape.has_table]


def text_of(deck) -> str:
    return "\n".join(cell.text for table in tables(deck) for cell in table.iter_cells())


@cache
def wide(word: str, size: float) -> float:
    font = font_manager.FontProperties(family="DejaVu Sans", size=size)
    return text_to_path.get_text_width_height_descent(word, font, ismath=False)[0]


def height(table) -> float:
    """How high a table gets, in inches, by a plain count of words and their widths."""
    total = 0.0
    for row in table.rows:
        tallest = 0.0
        for place, cell in enumerate(row.cells):
            columns = [table.columns[place].width]
            if cell.is_merge_origin:
                columns = [column.width for column in list(table.columns)[place:]]
            room = sum(columns) / 12_700 - 7.2
            lines = 0
            for paragraph in cell.text_frame.paragraphs:
                used, lines = 0.0, lines + 1
                for word in paragraph.text.split():
                    size = paragraph.runs[0].font.size.pt
                    width = wide(word, size)
                    if used and used + width > room:
                        lines, used = lines + 1, 0.0
                    lines += int(width // room)
                    used += width + size / 3
            tallest = max(tallest, lines * cell.text_frame.paragraphs[0].font.size.pt * 1.2 + 8)
        total += tallest
    return total / 72


def test_the_map_is_a_table_that_can_be_edited() -> None:
    journey_map = full()
    deck = opened(journey_map)
    assert (deck.slide_width, deck.slide_height) == (12191695, 6858000)  # 16:9, 13.333 inches
    table = tables(deck)[0]
    assert [c.text for c in list(table.rows[0].cells)[1:]] == [c.label for c in journey_map.columns]
    told = text_of(deck)
    for _, _, card in journey_map.walk():
        if not any(mark in card.text for mark in "\u202e\x07"):
            assert card.text in told
    assert "-41 (" in told and "n\xa0=\xa0150" in told and "2026Q3" in told and "< 10" in told
    assert "alert(1)" in told and "\u202e" not in told and "<Net" not in told
    assert "New carrier" in told.split("Our measures")[-1]  # the last slide: pains, measures
    assert "cj.voice.nps(j)" in deck.slides[0].notes_slide.notes_text_frame.text


@pytest.mark.parametrize("kind", ["full", "blueprint", "crowded"])
def test_nothing_leaves_its_slide(kind: str) -> None:
    journey_map = blueprint() if kind == "blueprint" else full("fi")
    if kind == "crowded":
        many = tuple(Card(text=f"{n} {LONG} {'word ' * 40}") for n in range(9))
        whole = Card(text="z" * 2000)
        journey_map = journey_map.with_cards({"pains": dict.fromkeys(STAGES, many),
                                              "personas": {"all": (whole,)}})  # fmt: skip
    deck = opened(journey_map)
    for slide in deck.slides:
        for shape in slide.shapes:
            assert 0 <= shape.left <= shape.left + shape.width <= deck.slide_width
            if shape.has_table:
                assert shape.top / 914_400 + height(shape.table) <= 7.5
                rows = sum(row.height for row in shape.table.rows)
                assert shape.top + rows <= deck.slide_height
    sizes = {
        run.font.size.pt
        for table in tables(deck)
        for cell in table.iter_cells()
        for paragraph in cell.text_frame.paragraphs
        for run in paragraph.runs
    }
    assert min(sizes) >= 7 and max(sizes) <= 12
    assert (len(deck.slides) > 5) == (kind == "crowded")
    if kind == "crowded":
        told = text_of(deck)
        assert told.count("z") >= 2000 and told.replace("\n", "").count("word") >= 9 * 9 * 40


def test_the_curve_is_a_native_chart_with_gaps() -> None:
    journey_map = full()
    journey_map = journey_map.model_copy(
        update={"columns": (Column(id="awareness", label="=1+1"), *journey_map.columns[1:])}
    )
    [chart] = [s.chart for s in opened(journey_map).slides[0].shapes if s.has_chart]
    known, written, low, high = chart.plots[0].series
    numbers = {s: c[0].numbers[:1] for s, c in journey_map.cards["emotion"].items()}
    wanted = [evidence.position(n[0]) if (n := numbers.get(s)) else None for s in STAGES]
    assert list(known.values) == pytest.approx(wanted, nan_ok=True)
    assert list(written.values) == [None] * 7 + [0.6, 0.3]
    assert (low.values[0], high.values[0]) == pytest.approx((0.03, 0.21))  # NPS 12, 9 on a side
    assert chart._chartSpace.xpath("//c:hiLowLines") and chart._chartSpace.xpath(
        "//c:dispBlanksAs[@val='gap']"
    )
    sheet = openpyxl.load_workbook(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)).active
    assert sheet["A2"].value == "1. =1+1" and sheet["A2"].data_type == "s"


def test_many_stages_go_on_beside_and_the_file_is_valid_xml() -> None:
    journey_map = blueprint()
    stages = tuple(Column(id=f"s{n}", label=f"Stage {n} \ufffe\x0b") for n in range(30))
    cells = {"evidence": {f"s{n}": (Card(text=f"card {n}"),) for n in range(30)}}
    wide = journey_map.model_copy(update={"columns": stages, "cards": cells})
    deck = opened(wide)
    assert [len(table.columns) for table in tables(deck)] == [13, 13, 7]
    assert {f"card {n}" for n in range(30)} <= set(text_of(deck).split("\n"))
    with ZipFile(io.BytesIO(slides(wide))) as archive:
        assert not archive.testzip()
        assert not [name for name in archive.namelist() if "externalLink" in name]
