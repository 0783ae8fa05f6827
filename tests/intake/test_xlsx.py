"""Workbooks: what a person saved is what the intake reads, and what is odd is counted."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEAD = ["customer_id", "ts", "touchpoint"]
DAY = dt.datetime(2026, 3, 1, 9, 30)


def book(*rows: list[Any], sheets: dict[str, list[list[Any]]] | None = None) -> bytes:
    """Return the bytes of a workbook; text is stored as text, whatever it begins with."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, lines in (sheets or {"Data": list(rows)}).items():
        sheet = made.create_sheet(title)
        for number, line in enumerate(lines, 1):
            for place, value in enumerate(line, 1):
                cell = sheet.cell(number, place, None if isinstance(value, str) else value)
                if isinstance(value, str) and value:
                    # The writer would cut it at 32,767 letters, and take "=" for a formula.
                    cell._value, cell.data_type = value, "s"
    return saved(made)


def saved(made: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def rewritten(content: bytes, part: str, change: Any) -> bytes:
    """Return a workbook with the text of one part changed, or with one part more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == part else data)
        if part not in old.namelist():
            new.writestr(part, change(b""))
    return buffer.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def rows(bench, study, table: str = "events", *columns: str) -> list[list[Any]]:
    frame = bench.accepted(study, table)[list(columns or HEAD)].astype(object)
    return frame.where(frame.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize(
    ("table", "head", "row", "wanted"),
    [
        ("events", HEAD, ["007", DAY, "visit"], {"customer_id": "007", "touchpoint": "visit"}),
        (
            "orders",
            ["customer_id", "ts", "value", "quantity"],
            [17850.0, DAY, 12.5, 2],
            {"customer_id": "17850", "quantity": 2.0},
        ),
        (
            "customers",
            ["customer_id", "age", "consent"],
            [5, 41, True],
            {"customer_id": "5", "age": "41", "consent": "true"},
        ),
        (
            "responses",
            ["kind", "score", "text", "customer_id", "ts", "consent"],
            ["nps", 9, "=1+1", "a", DAY, "yes"],
            {"score": "9", "text": "=1+1", "consent": "yes"},
        ),
        (
            "tickets",
            ["customer_id", "opened", "solved"],
            ["a", DAY, DAY + dt.timedelta(hours=1)],
            {"solved": DAY + dt.timedelta(hours=1)},
        ),
    ],
)
def test_every_table(bench, table: str, head: list, row: list, wanted: dict) -> None:
    files = {"t.xlsx": book(head, row), "e.csv": bench.HEAD + "a,2026-01-01,x\n"}
    sources = {"events": {"path": "e.csv"}, table: {"path": "t.xlsx"}}
    study = bench.study(files, sources)
    frame = bench.accepted(study, table)
    assert len(frame) == 1
    assert {name: frame[name][0] for name in wanted} == wanted
    time = frame.get("ts", frame.get("opened"))
    assert time is None or time[0] == DAY


def test_the_header_may_stand_lower_and_rows_keep_their_place(bench) -> None:
    content = book(
        ["Report of March"], [], HEAD, ["a", DAY, "x"], [], ["", DAY, "y"], ["c", DAY, "z"], [], []
    )
    study = bench.study(
        {"e.xlsx": content}, {"events": {"path": "e.xlsx", "header_row": 3, "reject_limit": 1}}
    )
    assert bench.rules(study) == [(3, "missing", "customer_id", None)] or bench.rules(study) == [
        (3, "missing", "customer_id", "")
    ]
    assert list(bench.accepted(study)["_row"]) == [1, 4]
    assert bench.notes(study) == {"empty_row": 1}
    assert study.intake.sources[0].read_as == 'e.xlsx: sheet "Data", header in row 3'
    bench.fails(bench.study({"e.xlsx": content}), "e.xlsx", "customer_id")


def test_sheets(bench) -> None:
    two = book(sheets={"Readme": [["x"]], "Data 2026": [HEAD, ["a", DAY, "x"]]})
    bench.fails(bench.study({"e.xlsx": two}), '"Readme", "Data 2026"', "sheet:")
    named = {"events": {"path": "e.xlsx", "sheet": "Data 2026"}}
    assert bench.ids(bench.study({"e.xlsx": two}, named)) == ["a"]
    near = {"events": {"path": "e.xlsx", "sheet": "Data2026"}}
    bench.fails(bench.study({"e.xlsx": two}, near), 'Did you mean "Data 2026"?')
    hidden = openpyxl.load_workbook(io.BytesIO(two))
    hidden["Readme"].sheet_state = "hidden"
    assert bench.ids(bench.study({"e.xlsx": saved(hidden)})) == ["a"]


def test_formulas_are_what_they_were_when_saved(bench) -> None:
    """A formula without a saved value is an empty cell, and counted."""
    made = openpyxl.Workbook()
    for line in (HEAD, ["a", DAY, '=UPPER("x")'], ["b", DAY, "y"], ["=A2", DAY, "z"]):
        made.active.append(line)
    bare = saved(made)
    study = bench.study({"e.xlsx": bare}, {"events": {"path": "e.xlsx", "reject_limit": 1}})
    assert bench.notes(study) == {"formula_without_value": 2}
    assert [rule[:3] for rule in bench.rules(study)] == [
        (1, "missing", "touchpoint"),
        (3, "missing", "customer_id"),
    ]

    def cached(xml: bytes) -> bytes:
        # openpyxl's two writers of XML do not write an empty element alike.
        done = re.sub(rb'(<f>UPPER\("x"\)</f>)<v( ?/>|></v>)', rb"\1<v>X</v>", xml)
        assert done != xml
        return done.replace(b'r="C2"', b'r="C2" t="str"')

    study = bench.study(
        {"e.xlsx": rewritten(bare, SHEET, cached)},
        {"events": {"path": "e.xlsx", "reject_limit": 1}},
    )
    assert rows(bench, study)[0] == ["a", DAY, "X"]
    assert bench.notes(study) == {"formula_without_value": 1}


def test_errors_are_refused_with_their_row_where_they_are_read(bench) -> None:
    content = book(
        [*HEAD, "value", "other"],
        ["a", DAY, "x", 1, "o"],
        ["b", DAY, "#REF!", 2, "o"],
        ["c", DAY, "y", "#DIV/0!", "o"],
        ["d", DAY, "#N/A", 3, "#NAME?"],
    )

    def error(xml: bytes) -> bytes:
        for place in ("C3", "D4", "E5"):
            code = {"C3": "#REF!", "D4": "#DIV/0!", "E5": "#NAME?"}[place].encode()
            pattern = rb'<c r="%s"[^>]*>.*?</c>' % place.encode()
            xml = re.sub(pattern, b'<c r="%s" t="e"><v>%s</v></c>' % (place.encode(), code), xml)
        return xml

    study = bench.study(
        {"e.xlsx": rewritten(content, SHEET, error)},
        {"events": {"path": "e.xlsx", "reject_limit": 1}},
    )
    assert bench.rules(study) == [
        (2, "cell_error", "touchpoint", "#REF!"),
        (3, "cell_error", "value", "#DIV/0!"),
    ]
    # Text that looks like an error is text, and a column that nobody reads may hold anything.
    assert rows(bench, study) == [["a", DAY, "x"], ["d", DAY, "#N/A"]]
    source = study.intake.sources[0]
    assert (source.rows_in, source.accepted, source.rejected) == (4, 2, 2)
    assert '"touchpoint":"#REF!"' in bench.refused(study)["record"][0]


def test_merged_and_hidden_cells_are_counted(bench) -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    for line in (HEAD, ["a", DAY, "x"], ["", DAY, "y"], ["c", DAY, "z"]):
        sheet.append([value or None for value in line])
    sheet.merge_cells("A2:A3")
    sheet.row_dimensions[4].hidden = True
    study = bench.study({"e.xlsx": saved(made)}, {"events": {"path": "e.xlsx", "reject_limit": 1}})
    assert bench.notes(study) == {"merged_cells": 1, "hidden_row": 1}
    assert bench.ids(study) == ["a", "c"]


def test_dates(bench) -> None:
    made = openpyxl.Workbook()
    made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    for line in (HEAD, ["a", DAY, "x"], ["b", dt.date(2026, 3, 2), "y"]):
        made.active.append(line)
    study = bench.study({"e.xlsx": saved(made)}, timezone="Europe/Stockholm")
    assert rows(bench, study) == [
        ["a", dt.datetime(2026, 3, 1, 8, 30), "x"],
        ["b", dt.datetime(2026, 3, 1, 23), "y"],
    ]
    # Real dates beside dates as text, which the study's form reads.
    mixed = book(HEAD, ["a", DAY, "x"], ["b", "02.03.2026 10:00", "y"], ["c", "2026", "z"])
    said = {"path": "e.xlsx", "time_format": "%d.%m.%Y %H:%M", "reject_limit": 1}
    study = bench.study({"e.xlsx": mixed}, {"events": said})
    assert [row[1] for row in rows(bench, study)] == [DAY, dt.datetime(2026, 3, 2, 10)]
    assert bench.rules(study) == [(3, "not_a_time", "ts", "2026")]


def test_a_serial_number_outside_the_calendar_is_refused(bench) -> None:
    content = rewritten(
        book(HEAD, ["a", DAY, "x"], ["b", DAY, "y"]),
        SHEET,
        lambda xml: re.sub(rb'(<c r="B2"[^>]*><v>)[^<]*', rb"\g<1>99999999999", xml),
    )
    study = bench.study({"e.xlsx": content}, {"events": {"path": "e.xlsx", "reject_limit": 1}})
    assert bench.rules(study) == [(1, "cell_error", "ts", "#VALUE!")]


def test_numbers_lose_nothing(bench) -> None:
    head = ["customer_id", "ts", "value"]
    content = book(head, ["a", DAY, 0.1], ["b", DAY, "1.234,5"], ["c", DAY, 1e-3], ["d", DAY, 7])
    said = {"orders": {"path": "o.xlsx", "decimal": ","}}
    study = bench.study({"o.xlsx": content}, said)
    assert [float(v) for v in bench.accepted(study, "orders")["value"]] == [0.1, 1234.5, 0.001, 7]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"PK\x03\x04" + bytes(300), ["no workbook"]),
        (b"hello,1\n", ["no workbook"]),
        (b"\xd0\xcf\x11\xe0" + bytes(600), ["old Excel"]),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le") + bytes(9), ["password"]),
        (book(), ["no header"]),
        (book(HEAD, ["a", DAY, "x"])[:-400], ["no workbook"]),
        (book(["a", "b", "A"], ["1", "2", "3"]), ['"A" twice']),
        (book(["customer_id", "ts", "_row"], ["1", "2", "3"]), ['"_row"']),
    ],
)
def test_one_clear_line(bench, content: bytes, parts: list[str]) -> None:
    bench.fails(bench.study({"e.xlsx": content}), "e.xlsx", *parts)


def test_a_damaged_or_hostile_workbook_gives_one_line(bench) -> None:
    good = book(HEAD, ["a", DAY, "x"])
    laugh = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1" t="str"><v>&b;</v></c></row></sheetData></worksheet>'
    )
    endless = rb'<row r="999999999"><c r="A999999999" t="str"><v>x</v></c></row></sheetData>'
    for change in (
        lambda xml: xml[: len(xml) // 2],
        lambda _: b"",
        lambda _: laugh,
        lambda xml: xml.replace(b"</sheetData>", endless),
        lambda xml: xml.replace(b't="inlineStr"><is><t>a</t></is>', b't="s"><v>9999</v>'),
    ):
        bench.fails(bench.study({"e.xlsx": rewritten(good, SHEET, change)}), "e.xlsx", "damaged")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(SHEET, bytes(80 << 20))
    bench.fails(bench.study({"e.xlsx": buffer.getvalue()}), "e.xlsx", "unpacks")


def test_hostile_text_stays_text(bench) -> None:
    nasty = [
        "=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "\u202eevil\u202c", "<script>x</script>",
        "😀 åäö", "a" * 1_000_000, "null", "NA", "1;2,3\t4", '"quoted"', "line\nbreak",
    ]  # fmt: skip
    content = book(["kind", "text"], *(["open", text] for text in nasty))
    study = bench.study({"r.xlsx": content}, {"responses": {"path": "r.xlsx"}})
    assert list(bench.accepted(study, "responses")["text"]) == nasty


def test_escapes_of_control_characters(bench) -> None:
    escaped = ["a_x000D_b", "_x005F_x0041_", "_xD83D__xDE00_", "_xD83D_", "_x0000_"]
    content = book(["kind", "text"], *(["open", text] for text in escaped))
    study = bench.study({"r.xlsx": content}, {"responses": {"path": "r.xlsx", "reject_limit": 1}})
    assert list(bench.accepted(study, "responses")["text"]) == ["a\rb", "_x0041_", "😀"]
    assert [rule[:2] for rule in bench.rules(study)] == [
        (4, "unreadable_bytes"),
        (5, "unreadable_bytes"),
    ]


def test_strings_that_are_shared(bench) -> None:
    """As spreadsheets keep them: apart from the sheet, in runs of their own format."""
    shared = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<si><t>007</t></si><si><r><t>he</t></r><r><t>llo</t></r></si></sst>"
    )
    content = book(HEAD, ["a", DAY, "x"])
    for old, new in ((b"<is><t>a</t></is>", b"<v>0</v>"), (b"<is><t>x</t></is>", b"<v>1</v>")):
        content = rewritten(
            content,
            SHEET,
            lambda xml, old=old, new=new: xml.replace(b'inlineStr">' + old, b's">' + new),
        )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    content = rewritten(content, "[Content_Types].xml", lambda xml: xml.replace(b"</Types>", part))
    study = bench.study({"e.xlsx": rewritten(content, "xl/sharedStrings.xml", lambda _: shared)})
    assert rows(bench, study) == [["007", DAY, "hello"]]


def test_cells_beyond_the_header_are_counted(bench) -> None:
    content = book([*HEAD, "", "last"], ["a", DAY, "x", "u", "v", "w"], ["b", DAY, "y"])
    study = bench.study({"e.xlsx": content})
    assert bench.ids(study) == ["a", "b"]
    assert bench.notes(study) == {"cell_beyond_header": 1}


TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufdd0\ufdd1"
    ),
    max_size=12,
).filter(lambda text: "_x" not in text)
ROW = st.tuples(
    st.sampled_from(["007", "7", "a b", "å", ""]),
    st.sampled_from(["2026-03-01", "2026-03-29 02:30:00", "nonsense", ""]),
    st.one_of(st.sampled_from(["1.5", "x", "", "12"]), st.integers(-9, 9).map(str)),
    TEXT,
)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(ROW, min_size=1, max_size=8))
def test_a_workbook_and_a_csv_of_one_table_say_the_same(bench, table: list[tuple]) -> None:
    head = ["customer_id", "ts", "value", "channel"]
    table = [("good", "2026-01-01", "1", "web"), *table]
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([head, *table])
    # A row of nothing is no row of a sheet; in delimited text it is one, and refused.
    said = {"orders": {"path": "o.*", "reject_limit": 1}}
    one = bench.study({"o.csv": text.getvalue()}, said, timezone="Europe/Stockholm")
    two = bench.study({"o.xlsx": book(head, *table)}, said, timezone="Europe/Stockholm")
    assert rows(bench, one, "orders", *head[:3], "_row") == rows(
        bench, two, "orders", *head[:3], "_row"
    )
    refused = [rule for rule in bench.rules(one) if any(table[rule[0] - 1])]
    assert refused == bench.rules(two)
