"""The walk-through checklist: written in five languages, filled in, read back, beside the data."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from cjlab import messages
from cjlab.errors import UserError
from cjlab.journey import Journeys
from cjlab.maps import Card, JourneyMap, checklist, walked
from cjlab.maps.model import Column, Lane
from cjlab.maps.walk_form import COLUMNS
from tests.maps.test_conformance import journeys, planned

MAP = planned("ab", "c", optional="b")


@pytest.fixture(scope="module")
def j() -> Journeys:
    return journeys(["abc"] * 12)


def fill(path: Path, rows: dict[int, dict[str, object]], walker: str = "Anna") -> Path:
    """Write a form as a person does: by step, some of its columns."""
    book = openpyxl.load_workbook(checklist(MAP, path))
    sheet = book.active
    sheet["B3"] = walker
    for step, said in rows.items():
        for name, value in said.items():
            sheet.cell(4 + step, COLUMNS.index(name) + 1).value = value
    book.save(path)
    return path


@pytest.fixture
def walks(tmp_path: Path) -> list[Path]:
    anna = {
        1: {"when": "2026-05-04 13:00", "done": "y", "ease": 4, "feeling": 1, "wait": 2},
        2: {"when": "2026-05-04 13:30", "done": "yes", "ease": 2, "feeling": "−1"},
        3: {"when": "2026-05-04 13:10", "done": "j", "missing": "The price", "picture": "c.png"},
    }
    eva = {
        1: {"when": pd.Timestamp("2026-05-05 09:00").to_pydatetime(), "ease": "4,5"},
        2: {"done": "n", "note": "'=1+1"},
        3: {"when": "2026-05-05 09:20", "done": "kyllä", "ease": 3},
    }
    return [fill(tmp_path / "a.xlsx", anna), fill(tmp_path / "e.xlsx", eva, "Eva")]


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_form_in_each_language_is_read_back(tmp_path: Path, language: str, j: Journeys) -> None:
    path = checklist(MAP, tmp_path / "walk.xlsx", language=language)
    sheet = openpyxl.load_workbook(path).active
    heads = [cell.value for cell in sheet[4]]
    assert len(set(heads)) == len(COLUMNS) and all(heads)
    assert [cell.value for cell in sheet["B"][4:]] == ["a", "b", "c"]
    sheet.parent.active["E5"] = messages.text("word.no", language)
    sheet.parent.save(path)
    # Only a row that says something was walked.
    found = walked(path, MAP, j)
    assert found.walkers == ("walk",)
    assert found.steps["missed"].tolist() == [1, 0, 0]
    text = checklist(MAP, tmp_path / "walk.md", language=language).read_text(encoding="utf-8")
    assert text.count("\n| ") == 5
    assert messages.own("map.walk.how", language)


def test_texts_are_no_formulas_and_no_markup(tmp_path: Path) -> None:
    evil = Card(text="=HYPERLINK(1)|<b>", touchpoint="a")
    journey_map = JourneyMap(
        title="T", columns=[Column(id="look", label="L")],
        lanes=[Lane(id="actions", label="A")], cards={"actions": {"look": (evil,)}},
    )  # fmt: skip
    cell = openpyxl.load_workbook(checklist(journey_map, tmp_path / "w.xlsx")).active["C5"]
    assert (cell.value, cell.data_type) == ("'=HYPERLINK(1)|<b>", "s")
    text = checklist(journey_map, tmp_path / "w.md").read_text(encoding="utf-8")
    assert "<b>" not in text and r"HYPERLINK(1)\|\<b\>" in text


def test_walks_stand_beside_the_data(walks: list[Path]) -> None:
    # Customers take one day from a to b and two from a to c; half never come to c.
    j = journeys(["abc"] * 20 + ["ab"] * 5)
    found = walked(walks, MAP, j)
    steps = found.steps.set_index("touchpoint")
    assert found.walkers == ("Anna", "Eva")
    assert steps["walkers"].tolist() == [2, 1, 2]
    assert steps["missed"].tolist() == [0, 1, 0]
    # Anna went a, c, b and Eva a, c: the plan's order is a, b, c.
    assert steps["order"].tolist() == [1, 3, 2]
    # From a to b only Anna, 30 minutes; from b to c nobody went forward in time.
    assert steps.loc["b", ["minutes", "timed"]].tolist() == [30, 1]
    assert pd.isna(steps.loc["c", "minutes"]) and steps.loc["c", "timed"] == 0
    assert steps["ease"].tolist() == [4.25, 2, 3]
    assert steps.loc["b", "feeling"] == -1 and steps.loc["a", "wait"] == 2
    assert steps["data_minutes"].tolist()[1:] == [1440, 1440]
    assert steps["data_n"].tolist()[1:] == [25, 25]
    assert found.remarks[["walker", "missing", "note"]].values.tolist() == [
        ["Eva", "", "=1+1"], ["Anna", "The price", ""],
    ]  # fmt: skip
    assert "2 walkers; too few for an interval." in str(found)
    assert "customers, median time since the step before: 1 day" in str(found)
    assert "30 minutes since the step before (of 1)" in str(found)


def test_too_few_customers_are_not_told(walks: list[Path]) -> None:
    found = walked(walks, MAP, journeys(["abc"] * 6))
    assert found.steps[["data_minutes", "data_n"]].isna().all(axis=None)
    assert "< 10" in str(found)


def test_forms_saved_as_csv_are_read(tmp_path: Path, walks: list[Path], j: Journeys) -> None:
    frame = pd.read_excel(walks[0], header=None, dtype=str)
    frame.to_csv(tmp_path / "a.csv", index=False, header=False)
    one, other = (walked(path, MAP, j).steps for path in (walks[0], tmp_path / "a.csv"))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"ease": 9}, r'a.xlsx: row 6, ease: "9" is no number from 1 to 5.'),
        ({"wait": "long"}, r'row 6, wait: "long" is no number from 0'),
        ({"feeling": "nan"}, r'row 6, feeling: "nan" is no number from -2 to 2.'),
        ({"done": "perhaps"}, r'row 6, done: "perhaps" is neither yes nor no; write y or n.'),
        ({"when": "at noon"}, r'row 6, when: "at noon" is no time; write for example 2026'),
        ({"step": 7}, r'row 6, step: "7" is no step of the plan. Valid: 1 to 3.'),
        ({"step": 1}, r'row 6, touchpoint: "b" is not that of step 1, which is "a".'),
        ({"step": 3, "touchpoint": "c"}, r"step 3 stands in two rows; keep one."),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: dict[str, object], said: str, j: Journeys) -> None:
    path = fill(tmp_path / "a.xlsx", {2: row})
    with pytest.raises(UserError, match=said):
        walked(path, MAP, j)


def test_what_is_no_form_is_refused(tmp_path: Path, walks: list[Path], j: Journeys) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"x.csv: is no checklist; write one with"):
        walked(tmp_path / "x.csv", MAP, j)
    with pytest.raises(UserError, match=r'two forms are of the walker "Anna"'):
        walked([walks[0], walks[0]], MAP, j)
    with pytest.raises(UserError, match="no form is given"):
        walked([], MAP, j)
    with pytest.raises(UserError, match=r'w.doc: a checklist is not written as ".doc".'):
        checklist(MAP, tmp_path / "w.doc")
    with pytest.raises(UserError, match="the map has no plan"):
        checklist(planned(""), tmp_path / "w.md")
    lost = openpyxl.load_workbook(walks[0])
    lost.active["H4"] = "Something"
    lost.save(tmp_path / "lost.xlsx")
    with pytest.raises(UserError, match=r'lost.xlsx: row 4: no column "Ease: 1'):
        walked(tmp_path / "lost.xlsx", MAP, j)
