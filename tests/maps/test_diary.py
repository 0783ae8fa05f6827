"""A diary as read: every row is an entry, a prompt without an answer, or refused with a reason."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cjlab as cj
from cjlab.diaries import BEGINS, part_of
from cjlab.errors import UserError
from cjlab.maps.templates import DAY
from tests.maps.diaries import SCALED, study_of

HEAD = "person_id,ts,activity,brand,feeling,minutes\n"


def read(folder: Path, rows: str, said: str = SCALED, head: str = HEAD):
    return cj.maps.diary(study_of(folder / "s", head + rows, said))


def test_every_row_ends_in_one_of_three_places(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "a,2025-03-03 07:30,Breakfast,yes,1,10\n"
        "a,2025-03-03T12:10+00:00, Lunch  at work ,nej,-2,\n"  # 13.10 in Stockholm
        "a,2025-03-03 19:00,TV,,,\n"
        "a,2025-03-03 19:00,tv,ja,3,\n"  # the same once more
        "b,2025-03-03 07:30,,,,\n"  # a prompt that nobody answered
        ",2025-03-03 07:30,Run,,,\n"
        "b,yesterday,Run,,,\n"
        "b,2025-03-03,Run,,,\n"
        "b,2025-03-30 02:30,Sleep,,,\n"  # the clock goes from 2 to 3
        "b,2025-10-26 02:30,Sleep,,,\n"  # and back from 3 to 2
        "b,2025-03-03 08:00,Run,perhaps,,\n"
        "b,2025-03-03 08:01,Run,,4,\n"
        "b,2025-03-03 08:02,Run,,good,\n"
        "b,2025-03-03 08:03,Run,,,-5\n"
        "b,2025-03-03 08:04,Run\n",
    )
    assert (found.rows_in, found.accepted, found.unanswered, found.rejected) == (15, 4, 1, 10)
    told = found.rejections[["row", "column", "value", "reason"]].astype(object)
    assert told.where(told.notna(), None).values.tolist()[:9] == [
        [4, "activity", None, "repeated"],
        [6, "person_id", "", "missing"],
        [7, "ts", "yesterday", "not_a_time"],
        [8, "ts", "2025-03-03", "no_time_of_day"],
        [9, "ts", "2025-03-30 02:30", "no_such_local_time"],
        [11, "brand", "perhaps", "not_yes_or_no"],
        [12, "feeling", "4.0", "outside_scale"],
        [13, "feeling", "good", "not_a_number"],
        [14, "minutes", "-5.0", "out_of_range"],
    ]
    assert found.rejections["row"].iloc[-1] == 15
    entries = found.entries
    assert entries["activity"].tolist() == ["breakfast", "lunch at work", "tv", "sleep"]
    assert entries["brand"].astype(object).fillna("-").tolist() == [True, False, "-", "-"]
    assert entries["at"].dt.strftime("%H:%M").tolist() == ["07:30", "13:10", "19:00", "02:30"]
    assert entries["twice"].tolist() == [False, False, False, True]
    # The first of the two is meant: summer time.
    assert entries["ts"].iloc[-1] == pd.Timestamp("2025-10-26 00:30")
    assert entries["level"].round(3).tolist()[:2] == [0.333, -0.667]
    assert (found.period.label, found.minimum) == ("2025-03-03..2025-10-27", 10)
    assert found.reasons["rows"].sum() == found.rejected


CELL = st.sampled_from(
    ["", "a", "yes", "NO", "1", "9", "2025-03-03 10:00", "=1", '"', " ", "å\u0301"]
)
WHEN = st.sampled_from(["2025-03-03 10:00", "2025-03-30 02:10", "2025-03-03T10:00Z", "x", ""])


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(CELL, WHEN, CELL, CELL, CELL, CELL), max_size=6))
def test_rows_in_are_entries_prompts_and_refused(rows: list[tuple[str, ...]]) -> None:
    first = ("z", "2025-03-03 09:00", "work", "yes", "1", "5")
    text = io.StringIO()
    csv.writer(text).writerows([first, *rows])
    with tempfile.TemporaryDirectory() as place:
        found = read(Path(place), text.getvalue())
    assert found.rows_in == found.accepted + found.unanswered + found.rejected == len(rows) + 1
    keys = ["person_id", "ts", "activity"]
    assert not found.entries.duplicated(keys).any() and found.rejections["reason"].notna().all()
    assert found.entries["level"].dropna().between(-1, 1).all()


def test_columns_may_have_other_names_and_the_file_be_a_workbook(tmp_path: Path) -> None:
    study_of(tmp_path / "s", None)
    book = openpyxl.Workbook()
    rows = [
        ("Deltagare", "Tid", "Vad", "Känsla"),
        ("007", pd.Timestamp("2025-03-03 18:00"), "=a", 5),
    ]
    rows.append(("007", pd.Timestamp("2025-03-04 18:00"), "Middag", 3))
    for row in rows:
        book.active.append(row)
    book.active["C2"].data_type = "s"
    book.save(tmp_path / "s" / "dagbok.xlsx")
    named = "{person_id: Deltagare, ts: Tid, activity: Vad, feeling: Känsla}"
    said = f"{{diary: {{file: dagbok.xlsx, feeling: [1, 5], columns: {named}}}}}"
    found = cj.maps.diary(study_of(tmp_path / "s", None, said))
    assert found.entries["person_id"].tolist() == ["007", "007"]
    assert found.entries["level"].tolist() == [1.0, 0.0]
    assert found.entries["part"].tolist() == ["evening", "evening"]


def test_every_hour_has_its_part() -> None:
    assert set(BEGINS) == set(DAY)
    assert [part_of(hour) for hour in range(24)] == (
        ["night"] * 6 + ["morning"] * 3 + ["forenoon"] * 2 + ["midday"] * 3
        + ["afternoon"] * 3 + ["evening"] * 5 + ["night"] * 2
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("{diary: diry.csv}", r'no file at diry.csv. Did you mean "diary.csv"'),
        ("{diary: diary.csv}", r'diary.csv: has a column "feeling" whose scale is not told'),
        ("{diary: {file: diary.csv, feeling: [5, 1]}}", r"map.diary: feeling goes from the worst"),
        ("{diary: {file: diary.csv, columns: {plce: x}}}", r'Did you mean "place"'),
        ("{diary: {file: diary.csv, columns: {place: brnd}}}", r'Did you mean "brand"'),
        ("{diary: {file: diary.csv, time_format: '%d.%m.%Y'}}", r"tells no time of day"),
        ("{diary: {fil: diary.csv}}", r'unknown key "fil". Did you mean "file"'),
        ("{effects: {points: 5}}", r"study.yaml: no diary; name one as map: {diary: diary.csv}"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, said: str, wanted: str) -> None:
    with pytest.raises(UserError, match=wanted) as told:
        read(tmp_path, "a,2025-03-03 07:30,Run,,1,\n", said)
    assert "\n" not in str(told.value)


def test_a_file_without_use_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of the 2 rows can be used: mostly not_a_time in ts"):
        read(tmp_path, "a,3.3.2025 7:30,Run,,1,\nb,4.3.2025 7:30,Run,,1,\n")
    with pytest.raises(UserError, match=r"has no row below its header"):
        read(tmp_path, "")
    with pytest.raises(UserError, match=r'no column "activity", which diary needs'):
        read(tmp_path, "a,2025-03-03 07:30\n", head="person_id,ts\n")
