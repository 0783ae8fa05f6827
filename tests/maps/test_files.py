"""Files of maps: what is written is read again exactly, and what is wrong is one clear line."""

from __future__ import annotations

import csv
import json
import sys
import types
from pathlib import Path

import jsonschema
import openpyxl
import pytest
import yaml
from hypothesis import given, settings

import cjlab.maps
from cjlab import messages
from cjlab.errors import UserError
from cjlab.maps import Card, JourneyMap, template
from tests.maps.generated import maps
from tests.maps.small import HOSTILE, blueprint, full

FORMS = ("json", "yaml", "xlsx", "csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("maps")


@settings(max_examples=25)
@given(journey_map=maps())
def test_every_map_comes_back_as_it_was(folder: Path, journey_map: JourneyMap) -> None:
    for form in FORMS:
        path = journey_map.write(folder / f"map.{form}")
        assert JourneyMap.read(path) == journey_map, form


def test_readers_of_others_see_the_same(folder: Path) -> None:
    written = full("sv")
    paths = {form: written.write(folder / f"full.{form}") for form in FORMS}
    assert all(JourneyMap.read(path) == written for path in paths.values())
    said = json.loads(paths["json"].read_text(encoding="utf-8"))
    jsonschema.validate(said, cjlab.maps.schema())
    assert said["cards"]["emotion"]["purchase"][1]["numbers"][0]["value"] == 5.2
    told = yaml.safe_load(paths["yaml"].read_text(encoding="utf-8"))
    assert told["cards"]["thoughts"]["consideration"][1]["text"] == HOSTILE
    assert list(told)[:4] == ["format", "title", "study", "goal"]
    with paths["csv"].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = [number for _, _, card in written.walk() for number in card.numbers]
    assert [row["text"] for row in rows if row["record"] == "card"] == [
        card.text for _, _, card in written.walk()
    ]
    assert [row["value"] for row in rows if row["record"] == "number"] == [
        "" if number.value is None else f"{number.value!r}" for number in numbers
    ]


def test_yaml_can_be_compared(folder: Path) -> None:
    """One card more is one line more, whatever order the cells came in."""
    one = template("current").with_cards({"pains": {"purchase": (Card(text="Waits: long"),)}})
    two = one.with_cards({"actions": {"purchase": (Card(text="Pays"),)}})
    lines = [set(m.write(folder / "d.yaml").read_text().splitlines()) for m in (one, two)]
    assert lines[1] - lines[0] == {"  actions:", "    - Pays"} and not lines[0] - lines[1]
    assert "    - 'Waits: long'" in lines[0]
    turned = {lane: two.cards[lane] for lane in ("pains", "actions")}
    other = two.model_copy(update={"cards": turned})
    assert other.write(folder / "o.yaml").read_bytes() == (folder / "d.yaml").read_bytes()


def test_a_workbook_is_a_grid_and_sheets_to_edit(folder: Path) -> None:
    hostile = ("=HYPERLINK(1)", "+1", "@x", "-2")
    cells = {"pains": {"purchase": tuple(Card(text=text) for text in hostile)}}
    written = full("da").with_cards(cells)
    path = written.write(folder / "sheets.xlsx")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["map", "cards", "numbers", "stages", "lanes", "about"]
    every = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in every if cell.data_type == "f"]
    grid = book["map"]
    assert grid.freeze_panes == "B5" and grid["A3"].value == messages.text("map.file.view", "da")
    assert [cell.value for cell in grid[4][1:]] == [column.label for column in written.columns]
    assert [row[0].value for row in grid.iter_rows(min_row=5)][: len(written.shown_lanes())] == [
        lane.label for lane in written.shown_lanes()
    ]
    late = next(c.value for c in every if c.parent is grid and "Parcel late" in str(c.value))
    assert "n\xa0=\xa0150" in late and "2026Q3" in late  # never a number without n
    sheet = book["cards"]
    head = [cell.value for cell in sheet[1]]
    row = next(row for row in sheet.iter_rows(min_row=2) if row[3].value == "Parcel late")
    row[3].value = "Parcel very late"
    sheet.append(["", "pains", "purchase", "Till is slow"])
    book.save(path)
    assert head[:4] == ["card", "lane", "stage", "text"]
    read = JourneyMap.read(path)
    assert read.cell("pains", "post_purchase")[0].text == "Parcel very late"
    assert len(read.cell("pains", "post_purchase")[0].numbers) == 3
    texts = [card.text for card in read.cell("pains", "purchase")]
    assert texts == [*hostile, "Till is slow"]
    with written.write(folder / "h.csv").open(encoding="utf-8-sig", newline="") as file:
        every_cell = [cell for row in csv.reader(file) for cell in row]
    assert {f"'{text}" for text in hostile} <= set(every_cell)
    assert not [c for c in every_cell if c[:1] in ("=", "+", "@", "\t")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsn", "", '^a.jsn: a map is not read as "jsn". Did you mean "json"[?]$'),
        ("a.json", "{", "^a.json: line 1: is not valid JSON.$"),
        ("a.json", "[]", "^a.json: is no map; it needs at least title, columns and lanes.$"),
        ("a.json", '{"title": 1, "title": 2}', '^a.json: the key "title" stands twice.$'),
        ("a.json", '{"minimum": NaN}', "^a.json: NaN is no number; leave the key out.$"),
        (
            "a.yaml",
            "title: x\ncolumns: [{id: a, label: A}]\nlanes: [{id: p, label: P}]\n"
            "cards: {p: {a: [{text: x, tome: pain}]}}",
            '^a.yaml: cards.p.a.0.tome: unknown key "tome". Did you mean "tone"[?]$',
        ),
        (
            "a.yaml",
            "title: x\ncolumns: [{id: a, label: A}]\nlanes: [{id: pains, label: P}]\n"
            "cards: {pain: {a: [x]}}",
            '^a.yaml: cards: no lane "pain". Did you mean "pains"[?]$',
        ),
        (
            "a.csv",
            "record,card,lane,stage,text,tone\ncard,1,p,a,x,pian\nstage,,,a,,\nlane,,p,,,\n",
            "^a.csv: title: is missing. .and 5 more.$",
        ),
        (
            "a.csv",
            "record,card,lane,stage,text\ncrad,1,p,a,x\n",
            '^a.csv: unknown record "crad". Did you mean "card"[?]$',
        ),
        ("a.csv", "record,card,lane,stage,text\n,,p,,x\n", '^a.csv: "x" has no stage.$'),
        ("a.csv", "record,card,lane,stage,metric\nnumber,9,,,nps\n", 'numbers: no card "9"'),
        ("a.xlsx", "no zip", "^a.xlsx: is damaged or no workbook"),
        ("a.csv", "x\n", "^a.csv: holds no map; it needs stages across and lanes down"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        JourneyMap.read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_place_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^no.json: cannot be read \(No such file"):
        JourneyMap.read(tmp_path / "no.json")
    with pytest.raises(UserError, match=r"^no.csv: cannot be read \(No such file"):
        JourneyMap.read(tmp_path / "no.csv")
    with pytest.raises(UserError, match=r"^m.json: cannot be written \(No such file"):
        blueprint().write(tmp_path / "absent" / "m.json")
    with pytest.raises(UserError, match=r'^m.ppt: .*written as "ppt". Did you mean "pptx"\?'):
        blueprint().write(tmp_path / "m.ppt")
    long = blueprint().model_copy(update={"notes": ("x" * 40_000,)})
    with pytest.raises(UserError, match=r"too long for a cell of a workbook \(40,000 letters\)"):
        long.write(tmp_path / "m.xlsx")


def test_a_date_without_quotes_is_taken(tmp_path: Path) -> None:
    path = blueprint().write(tmp_path / "m.yaml")
    said = path.read_text(encoding="utf-8")
    path.write_text(said + "start: 2026-07-01\nend: 2026-10-01\n", encoding="utf-8")
    assert JourneyMap.read(path).start == "2026-07-01"


def test_pictures_are_drawn_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = types.ModuleType("drawing")
    drawing.draw = lambda journey_map, path: path.write_text(journey_map.title)
    monkeypatch.setitem(sys.modules, "cjlab.maps.drawing", drawing)
    for form in ("svg", "png", "PDF"):
        assert blueprint().write(tmp_path / f"m.{form}").read_text() == blueprint().title
    assert blueprint().write(tmp_path / "m.html").read_text(encoding="utf-8")[:9] == "<!DOCTYPE"
