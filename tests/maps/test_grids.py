"""Grids and lists made elsewhere: what is understood, and that nothing falls away in silence."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from cjlab import messages, stages
from cjlab.maps import JourneyMap
from cjlab.maps.grids import preview
from cjlab.maps.templates import lanes


def texts(journey_map: JourneyMap) -> set[tuple[str, str, str]]:
    return {(lane, stage, card.text) for lane, stage, card in journey_map.walk()}


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_lanes_and_stages_are_known_in_each_language(tmp_path: Path, language: str) -> None:
    """Also turned round, and with the marks that an export of a spreadsheet leaves."""
    heads = list(stages.load("sv5").display(language).values())
    rows = [["", *heads]]
    own = [lane for lane in lanes("current", language) if lane.kind == "cards"]
    rows += [[lane.label.upper(), *(f"{lane.id} {n}" for n in range(len(heads)))] for lane in own]
    ids = stages.load("sv5").ids
    wanted = {(lane.id, stage, f"{lane.id} {n}") for lane in own for n, stage in enumerate(ids)}
    for delimiter, turned in ((";", False), (",", True)):
        told = [list(column) for column in zip(*rows, strict=True)] if turned else rows
        path = tmp_path / "m.csv"
        lines = (delimiter.join(f'"{cell}"' for cell in row) for row in told)
        path.write_text("\n".join(lines), encoding="cp1252" if turned else "utf-8")
        found = preview(path)
        assert texts(found.map) == wanted
        assert found.map.language == language and found.map.stage_model == "sv5"
        assert found.map.template == "current" and found.map.title == "m"
        assert bool([p for p in found.problems if "turned" in p]) == turned
        assert JourneyMap.read(path) == found.map


def test_a_workbook_of_someone_else(tmp_path: Path) -> None:
    """Merged cells, several cards in a cell, a title, unknown lanes, a curve of five points."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [
        ["Our journey", "", "", ""],
        ["Lane", "Before", "", "After"],
        ["Persona", "Anna, 35", "", ""],
        ["Pain points", "• Waits\n- Pays twice", "=1+1", "x" * 2500],
        ["Magic", "Stars", "", ""],
        ["Mood", 1, 5, 2],
        ["", "", "", "4"],
    ]:
        sheet.append(row)
    sheet["C4"].data_type = "s"
    for area in ("A1:D1", "B2:C2", "B3:D3", "B5:D5"):
        sheet.merge_cells(area)
    book.create_sheet("old")["A1"] = "draft"
    book.create_sheet("away").sheet_state = "hidden"
    book.save(tmp_path / "theirs.xlsx")
    found = preview(tmp_path / "theirs.xlsx")
    assert found.map.title == "Our journey" and found.map.language == "en"
    assert [column.label for column in found.map.columns] == ["Before", "After"]
    assert texts(found.map) == {
        ("personas", "all", "Anna, 35"),
        ("pains", "before", "Waits"),
        ("pains", "before", "Pays twice"),
        ("pains", "before", "=1+1"),
        ("pains", "after", "x" * 2000),
        ("pains", "after", "x" * 500),
        ("magic", "before", "Stars"),
        ("magic", "after", "Stars"),
        *(("emotion", "before", str(n)) for n in (1, 5)),
        *(("emotion", "after", str(n)) for n in (2, 4)),
    }
    assert [card.level for card in found.map.cell("emotion", "before")] == [-1, 1]
    assert [lane.label for lane in found.map.lanes][-1] == "Mood"
    said = "\n".join(found.problems)
    for part in (
        'sheet "away" is hidden',
        'sheet "old" is not read',
        "B5:D5: is one cell",
        '"Lane" in the corner',
        'lane "Magic" is none of the templates',
        'lane 5 has no name; taken as "Mood"',
        "longer than a card",
        "from 1 (bad) to 5 (good)",
    ):
        assert part in said, part


def test_a_list_with_one_row_a_card(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "Fase;Kategori;Beskrivelse;Dato\nFør kjøpet;Smertepunkter;Venter lenge;i går\n"
        "Etter kjøpet;;Glemmer oss;\nUnder kjøpet;Tiltak;;\nAlt;Smertepunkter;Dyrt;\n",
        encoding="utf-8",
    )
    found = preview(path)
    assert texts(found.map) == {
        ("pains", "før_kjøpet", "Venter lenge"),
        ("no_lane", "etter_kjøpet", "Glemmer oss"),
        ("pains", "alt", "Dyrt"),
    }
    said = "\n".join(found.problems)
    assert 'row 2: "i går" of column "Dato" is not read' in said
    assert "row 4 has no text" in said and '"Glemmer oss" has no lane' in said
    assert found.map.stage_model == "custom"


def test_heads_that_collide_are_told(tmp_path: Path) -> None:
    """Two names for one lane, one stage named twice, a stage that is called all."""
    path = tmp_path / "twice.csv"
    path.write_text(",All,Buy,BUY\nPains,a,b,c\nProblem,d,e,f\nEmotion,9,8,good\n")
    found = preview(path)
    assert {t for _, s, t in texts(found.map) if s == "buy"} == {"b", "c", "e", "f", "8", "good"}
    assert {t for _, s, t in texts(found.map) if s == "all_"} == {"a", "d", "9"}
    assert 'lanes "Pains" and "Problem" are taken as one.' in found.problems
    assert 'stages "Buy" and "BUY" are taken as one.' in found.problems
    assert '"good" is no point of the curve; it stays a text.' in found.problems
