"""Surveys with one row a respondent become one row an answer, and every cell is accounted for."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import openpyxl
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cjlab import cli
from cjlab.preview import propose
from cjlab.sources import sav

HEAD = ["who", "when", "q1", "why", "q2"]
ANSWERS = [
    {"column": "q1", "kind": "nps", "scale": 10, "text": "why"},
    {"column": "q2", "kind": "csat", "scale": 5, "touchpoint": "delivery"},
]
SOURCE = {
    "path": "s.csv",
    "format": "wide",
    "columns": {"customer_id": "who", "ts": "when"},
    "answers": ANSWERS,
    "reject_limit": 1,
}


def delimited(*rows: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def book(*rows: list[Any]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append([None if value == "" else value for value in row])
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def survey(bench, content: str | bytes, **more: Any):
    name = "s.csv" if isinstance(content, str) else "s.xlsx"
    return bench.study({name: content}, {"responses": SOURCE | {"path": name} | more})


def answers(bench, study, *columns: str) -> list[tuple]:
    frame = bench.accepted(study, "responses").sort_values(["_file", "_row", "kind", "score"])
    frame = frame[list(columns)].astype(object)
    return [tuple(row) for row in frame.where(frame.notna(), None).to_numpy()]


def test_an_empty_cell_is_no_answer(bench) -> None:
    text = delimited(
        HEAD,
        ["a", "2026-03-01", "9", "fine", "5"],
        ["b", "2026-03-02", "", "only words", " \u00a0"],
        ["c", "2026-03-03", "", "", ""],
        ["d", "2026-03-04", "3", "", "2"],
    )
    study = survey(bench, text)
    assert answers(bench, study, "_row", "customer_id", "kind", "score", "text", "touchpoint") == [
        (1, "a", "csat", "5", None, "delivery"),
        (1, "a", "nps", "9", "fine", None),
        (2, "b", "nps", None, "only words", None),
        (4, "d", "csat", "2", None, "delivery"),
        (4, "d", "nps", "3", None, None),
    ]
    source = study.intake.sources[0]
    assert (source.rows_in, source.accepted, source.rejected, source.dropped) == (5, 5, 0, 0)
    assert source.read_as.endswith("4 respondents, 5 answers to 2 questions")
    noted = {(c.rule, c.column): c.rows for c in study.intake.counts if c.effect == "noted"}
    assert noted == {
        ("not_answered", "q1"): 2,
        ("not_answered", "q2"): 2,
        ("no_answer_at_all", None): 1,
    }


def test_every_answer_of_a_refused_respondent_is_in_quarantine(bench) -> None:
    text = delimited(
        HEAD,
        ["a", "2026-03-01", "9", "", "5"],
        ["b", "no date", "1", "", "2"],
        ["c", "2026-03-01", "9"],
        ["d", "2026-03-01", "7", "", ""],
    )
    study = survey(bench, text)
    assert bench.rules(study) == [
        (2, "not_a_time", "ts", "no date"),
        (2, "not_a_time", "ts", "no date"),
        (3, "ragged_line", None, "3 values, the header has 5"),
    ]
    source = study.intake.sources[0]
    assert (source.rows_in, source.accepted, source.rejected) == (6, 3, 3)
    assert '"question":"q1"' in bench.refused(study)["record"][0]


def test_only_whole_respondents_are_copies(bench) -> None:
    line = ["a", "2026-03-01", "9", "fine", "5"]
    text = delimited(HEAD, line, line, ["a", "2026-03-01", "9", "fine", "4"])
    study = survey(bench, text)
    source = study.intake.sources[0]
    assert (source.rows_in, source.accepted, source.dropped) == (6, 4, 2)
    assert [(row, rule) for row, rule, *_ in bench.rules(study)] == [(2, "exact_duplicate")] * 2


def test_labels_constants_and_rows_left_out(bench) -> None:
    text = delimited(
        [*HEAD, "Status"],
        ["a", "2026-03-01", "10 - Very likely", "", "Bad", "Live"],
        ["b", "2026-03-01", "0", "", "Good", "Survey Preview"],
        ["c", "2026-03-01", "8", "", "Other", "Live"],
    )
    study = survey(
        bench,
        text,
        skip={"Status": ["Survey Preview"]},
        constants={"wave": 2026, "relation": "relational", "channel": "e-mail"},
        answers=[
            ANSWERS[0] | {"scores": {"10 - Very likely": 10}},
            ANSWERS[1] | {"scores": {"Bad": 1, "Good": 5}, "relation": "transactional"},
        ],
    )
    assert answers(bench, study, "customer_id", "score", "wave", "relation", "channel") == [
        ("a", "1", "2026", "transactional", "e-mail"),
        ("a", "10", "2026", "relational", "e-mail"),
        ("c", "Other", "2026", "transactional", "e-mail"),
        ("c", "8", "2026", "relational", "e-mail"),
    ]
    assert bench.notes(study) == {"skipped": 1}


def test_not_applicable_is_no_score(bench) -> None:
    text = delimited(
        HEAD,
        ["a", "2026-03-01", "9", "", "Not applicable to me"],
        ["b", "2026-03-02", " VET\u00a0 inte ", "why not", "2"],
        ["c", "2026-03-03", "N/A", "", "Ei koske minua"],
        ["d", "2026-03-04", "nonsense", "", "Don’t know"],
        ["e", "2026-03-05", "3", "Vet inte", "Ved ikke"],
    )
    labels = [ANSWERS[0], ANSWERS[1] | {"scores": {"Ved ikke": 3}}]  # the study's word goes first
    study = survey(bench, text, answers=labels)
    assert answers(bench, study, "_row", "kind", "score", "text") == [
        (1, "nps", "9", None),
        (2, "csat", "2", None),
        (2, "nps", None, "why not"),
        (4, "nps", "nonsense", None),
        (5, "csat", "3", None),
        (5, "nps", "3", "Vet inte"),
    ]
    noted = {(c.rule, c.column): c.rows for c in study.intake.counts}
    assert noted == {
        ("not_applicable", "q1"): 2,
        ("not_applicable", "q2"): 3,
        ("no_answer_at_all", None): 1,
    }
    # In a canonical table the response stays, without a score; and a customer's score is no answer.
    head = "kind,score,text,customer_id\n"
    rows = "nps,9,,a\nnps,Ej  aktuellt,,b\ncsat,ikke RELEVANT,n/a,c\ncsat,unsure,,d\n"
    study = bench.study(
        {"r.csv": head + rows, "c.csv": "customer_id,score\na,n/a\n"},
        {"responses": {"path": "r.csv"}, "customers": {"path": "c.csv"}},
    )
    assert answers(bench, study, "customer_id", "score", "text") == [
        ("a", "9", None),
        ("b", None, None),
        ("c", None, "n/a"),
        ("d", "unsure", None),
    ]
    assert bench.notes(study) == {"not_applicable": 2}
    assert bench.accepted(study, "customers")["score"].tolist() == ["n/a"]


MONKEY = [
    ["Respondent ID", "Collector ID", "End Date", "Custom Data 1", "How likely?", "Why?",
     "How was", "", "Other?"],
    ["", "", "", "", "Response", "Open-Ended Response", "Delivery", "Support",
     "Open-Ended Response"],
]  # fmt: skip
LINES = [
    [1001, 7, dt.datetime(2026, 3, 1, 9), "007", 9, "=1+1 is two", 5, 4, ""],
    [1002, 7, dt.datetime(2026, 3, 2, 9), "008", 3, "", 2, "", "more"],
]
ASKED = {
    "format": "surveymonkey",
    "columns": {"customer_id": "Custom Data 1", "ts": "End Date"},
    "answers": [
        {"column": "How likely?", "kind": "nps", "text": "Why?"},
        {"column": "How was / Delivery", "kind": "csat", "touchpoint": "delivery"},
        {"column": "How was / Support", "kind": "csat", "touchpoint": "support"},
        {"column": "Other?", "kind": "open"},
    ],
}


def test_a_survey_of_surveymonkey_from_workbook_to_responses(bench) -> None:
    """Two rows of header, a heading over two columns, and the whole way to the store."""
    plain = [[str(value) for value in line] for line in LINES]
    for content in (book(*MONKEY, *LINES), delimited(*MONKEY, *plain)):
        study = survey(bench, content, **ASKED)
        assert len(study.check()) and study.intake.sources[0].rows_in == 6
        found = study.responses.execute().sort_values(["customer_id", "kind", "score"])
        assert found[["customer_id", "kind", "score"]].astype(object).fillna(
            ""
        ).values.tolist() == [
            ["007", "csat", "4"],
            ["007", "csat", "5"],
            ["007", "nps", "9"],
            ["008", "csat", "2"],
            ["008", "nps", "3"],
            ["008", "open", ""],
        ]
        assert set(found["text"].dropna()) == {"more", "=1+1 is two"} or isinstance(content, bytes)
        assert set(found["ts"]) == {LINES[0][2], LINES[1][2]}


def test_what_is_no_export_of_surveymonkey(bench) -> None:
    other = [["Respondent ID", "x"], ["option", "y"], ["1", "2"]]
    asked = ASKED | {"columns": {}, "answers": [{"column": "x", "kind": "nps"}]}
    bench.fails(survey(bench, delimited(*other), **asked), "no export of SurveyMonkey", "wide")


QUALTRICS = [
    ["RecordedDate", "ExternalReference", "Status", "Q1", "Q2"],
    ["Recorded Date", "External Data Reference", "Response Type", "How likely?", "Why?"],
    ['{"ImportId":"recordedDate","timeZone":"Europe/Oslo"}', '{"ImportId":"externalDataReference"}',
     '{"ImportId":"status"}', '{"ImportId":"QID1"}', '{"ImportId":"QID2_TEXT"}'],
    ["2026-03-01 10:00:00", "a", "IP Address", "9", "fine"],
    ["2026-03-01 10:00:00", "b", "Survey Preview", "1", "test"],
]  # fmt: skip


def test_a_survey_of_qualtrics_states_its_zone(bench) -> None:
    asked = {
        "format": "qualtrics",
        "columns": {"customer_id": "ExternalReference", "ts": "RecordedDate"},
        "answers": [{"column": "Q1", "kind": "nps", "text": "Q2"}],
        "skip": {"Status": ["Survey Preview"]},
    }
    text = delimited(*QUALTRICS)
    bench.fails(survey(bench, text, **asked), "timezone: Europe/Oslo")
    study = survey(bench, text, **asked, timezone="Europe/Oslo")
    found = answers(bench, study, "customer_id", "score", "text", "ts", "_row")
    assert [tuple(map(str, row)) for row in found] == [
        ("a", "9", "fine", str(found[0][3]), "1")
    ] and found[0][3].hour == 9
    two = delimited(*QUALTRICS[:2], *QUALTRICS[3:])
    bench.fails(survey(bench, two, **asked), "header_rows: 2")
    assert len(bench.accepted(survey(bench, two, **asked, header_rows=2), "responses")) == 1


def test_headings_that_come_again_are_all_numbered(bench) -> None:
    text = delimited(["who", "Score", "score"], ["a", "1", "2"])
    asked = {"columns": {}, "answers": [{"column": "Score", "kind": "nps"}]}
    bench.fails(survey(bench, text, **asked), 'Did you mean "Score (1)"?')
    asked["answers"] = [{"column": "score (2)", "kind": "nps"}]
    assert answers(bench, survey(bench, text, **asked), "score") == [("2",)]


def test_three_rows_of_header(bench) -> None:
    rows = [["who", "A", "", "B"], ["", "x", "", "z"], ["", "1", "2", ""], ["a", "5", "4", "3"]]
    asked = {
        "header_rows": 3,
        "columns": {"customer_id": "who"},
        "answers": [{"column": c, "kind": "csat"} for c in ("A / x / 1", "A / x / 2", "B / z")],
    }
    for content in (delimited(*rows), book(*rows)):
        study = survey(bench, content, **asked)
        assert answers(bench, study, "score") == [("3",), ("4",), ("5",)]


def test_an_error_of_a_formula_refuses_its_answer_only(bench) -> None:
    from tests.intake.test_xlsx import SHEET, rewritten

    content = rewritten(
        book(HEAD, ["a", "2026-03-01", 9, "x", 5], ["b", "2026-03-01", 1, "y", 2]),
        SHEET,
        lambda xml: xml.replace(
            b'<c r="E3" t="n"><v>2</v></c>', b'<c r="E3" t="e"><v>#REF!</v></c>'
        ),
    )
    study = survey(bench, content)
    assert bench.rules(study) == [(2, "cell_error", "score", "#REF!")]
    source = study.intake.sources[0]
    assert (source.rows_in, source.accepted, source.rejected) == (4, 3, 1)


CELL = st.sampled_from(["", " ", "0", "10", "x", "7.5"])


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12))
def test_every_cell_is_accepted_refused_or_empty(bench, cells: list[tuple[str, str, str]]) -> None:
    lines = [[f"c{n}", "2026-03-01", *row] for n, row in enumerate([("9", "", "5"), *cells])]
    wanted = sum(
        bool(score.strip() or why.strip()) + bool(other.strip())
        for score, why, other in (line[2:] for line in lines)
    )
    found = []
    for content in (delimited(HEAD, *lines), book(HEAD, *lines)):
        study = survey(bench, content)
        source = study.intake.sources[0]
        assert source.rows_in == source.accepted + source.rejected == wanted
        found.append(answers(bench, study, "_row", "customer_id", "kind", "score", "text"))
    assert found[0] == found[1]


def test_reviews_with_rating_and_text(bench) -> None:
    """A rating out of five and its text, and whether it may be quoted."""
    files = {"r.csv": "stars,review,may_quote,by\n5,great,yes,a\n1,broken,no,b\n"}
    source = {
        "path": "r.csv",
        "columns": {
            "score": "stars",
            "text": "review",
            "consent": "may_quote",
            "customer_id": "by",
        },
        "constants": {"kind": "csat", "scale": 5},
    }
    study = bench.study(files, {"responses": source})
    found = study.responses.execute().sort_values("customer_id")
    assert found[["kind", "score", "scale", "text", "consent"]].astype(str).values.tolist() == [
        ["csat", "5", "5", "great", "yes"],
        ["csat", "1", "5", "broken", "no"],
    ]
    source["constants"]["text"] = "x"
    del source["columns"]["text"]
    files["r.csv"] = files["r.csv"].replace("review", "Text")
    bench.fails(bench.study(files, {"responses": source}), '"text" already')


@pytest.fixture
def spss(tmp_path) -> bytes:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "id": ["007", "b", "c"],
            "when": [dt.datetime(2026, 3, 1, 9), dt.datetime(2026, 3, 2), None],
            "nps": [9.0, 99.0, 0.0],
            "lang": [1.0, 2.0, 1.0],
            "why": ["fine", "", "åäö 😀"],
        }
    )
    path = tmp_path / "made.sav"
    pyreadstat.write_sav(
        frame,
        path,
        variable_value_labels={"lang": {1: "sv", 2: "fi"}, "nps": {0: "No", 9: "Nine"}},
        missing_ranges={"nps": [99]},
    )
    return path.read_bytes()


def test_spss(bench, spss: bytes, monkeypatch) -> None:
    """Codes where scores are wanted, labels where words are, and no value where none was."""
    asked = {
        "path": "s.sav",
        "columns": {"customer_id": "id", "ts": "when", "language": "lang"},
        "answers": [{"column": "nps", "kind": "nps", "text": "why"}],
    }
    study = bench.study({"s.sav": spss}, {"responses": SOURCE | asked})
    assert answers(bench, study, "customer_id", "score", "text", "language") == [
        ("007", "9", "fine", "sv"),
        ("c", "0", "åäö 😀", "sv"),
    ]
    assert bench.notes(study) == {"user_missing": 1, "not_answered": 1, "no_answer_at_all": 1}
    plain = {"path": "s.sav", "columns": {"customer_id": "id", "score": "nps", "text": "why",
             "language": "lang"}, "constants": {"kind": "nps"}}  # fmt: skip
    study = bench.study({"s.sav": spss}, {"responses": plain})
    assert answers(bench, study, "score", "language") == [
        ("9", "sv"),
        (None, "fi"),
        ("0", "sv"),
    ]
    bench.fails(
        bench.study({"s.sav": b"hello" * 99}, {"responses": SOURCE | asked}), "no SPSS data file"
    )
    monkeypatch.setattr(sav, "_ROWS", 2)  # several blocks say the same
    again = bench.study({"s.sav": spss}, {"responses": SOURCE | asked})
    assert again.intake.sources[0].rows_in == 2
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    bench.fails(bench.study({"s.sav": spss}, {"responses": SOURCE | asked}), "cjlab[sav]")


def test_a_proposal_is_a_source_that_reads(bench, tmp_path) -> None:
    lines = [
        [n, 7, f"03/{n % 28 + 1:02d}/2026 10:30", f"{n:03d}", n % 11, f"word {n} of many",
         n % 5 + 1, n % 4 + 1, f"call 070-123 45 {n:02d}"]
        for n in range(40)
    ]  # fmt: skip
    (tmp_path / "m.xlsx").write_bytes(book(*MONKEY, *lines))
    (tmp_path / "q.csv").write_text(delimited(*QUALTRICS), encoding="utf-8")
    found = propose(tmp_path / "m.xlsx")
    kinds = {column.name: column.look.kind for column in found.columns}
    assert kinds["Respondent ID"] == kinds["Custom Data 1"] == "id"
    assert kinds["End Date"] == "time" and kinds["How likely?"] == "scale"
    assert [c.examples for c in found.columns if c.look.kind == "id"] == [()] * 3
    assert found.columns[-1].examples == ("call [number]",)
    source = found.source
    assert source["format"] == "surveymonkey"
    assert source["time_format"] == {"ts": "%m/%d/%Y %H:%M"}
    assert [(a["column"], a["kind"], a.get("text")) for a in source["answers"]] == [
        ("How likely?", "nps", "Why?"),
        ("How was / Delivery", "csat", None),
        ("How was / Support", "csat", "Other?"),
    ]
    assert any("seen 0 to 10" in doubt for doubt in found.doubts)
    study = bench.study({"m.xlsx": (tmp_path / "m.xlsx").read_bytes()}, {"responses": source})
    assert study.intake.sources[0].accepted == 120
    qualtrics = propose(tmp_path / "q.csv").source
    assert qualtrics["timezone"] == "Europe/Oslo"
    assert qualtrics["skip"] == {"Status": ["Survey Preview"]}


def test_the_command_shows_no_id(tmp_path) -> None:
    (tmp_path / "s.csv").write_text(
        delimited(["email", "nps"], *([f"p{n}@mail.se", n % 11] for n in range(30))), "utf-8"
    )
    shown = CliRunner().invoke(cli.app, ["preview", str(tmp_path / "s.csv")]).output
    assert "mail.se" not in shown and "kind: nps" in shown and "format: wide" in shown


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"answers": []}, ["needs answers"]),
        ({"format": "csv"}, ["answers needs a format of surveys", "qualtrics"]),
        ({"format": "surveymonky"}, ["surveymonky", 'Did you mean "surveymonkey"?']),
        ({"answers": [{"colum": "q1", "kind": "nps"}]}, ["colum", 'Did you mean "column"?']),
        ({"answers": [{"column": "q1", "kind": "npss"}]}, ["kind", 'Did you mean "nps"?']),
        ({"answers": [ANSWERS[0], ANSWERS[0]]}, ['"q1" is named twice']),
        ({"answers": [{"column": "q1", "kind": "open", "text": "why"}]}, ["open answer"]),
        ({"answers": [ANSWERS[0] | {"scores": {True: 1}}]}, ["YAML"]),
        ({"columns": {"score": "q1"}}, ['"score" comes from the answers']),
        ({"columns": {"touchpoint": "who"}}, ['"touchpoint" is said under columns']),
        ({"constants": {"wafe": "x"}}, ['"wafe"', 'Did you mean "wave"?']),
        ({"constants": {"ts": "x"}}, ['"ts" is said under columns and under constants']),
        ({"header_rows": 4}, ["header_rows", '"4"']),
    ],
)
def test_slips_of_the_pen(bench, change: dict, parts: list[str]) -> None:
    from cjlab.errors import UserError

    with pytest.raises(UserError) as caught:
        survey(bench, delimited(HEAD), **change)
    line = str(caught.value)
    assert line.startswith("study.yaml: sources") and "\n" not in line
    assert not [part for part in parts if part not in line], line


def test_a_column_that_is_not_there(bench) -> None:
    text = delimited(HEAD, ["a", "2026-03-01", "9", "", "5"])
    bench.fails(survey(bench, text, columns={"ts": "whem"}), "s.csv", 'Did you mean "when"?')
    bench.fails(survey(bench, text, sheet="Data"), "sheet is for workbooks")
    wrong = [{"column": "q9", "kind": "nps"}]
    bench.fails(survey(bench, text, answers=wrong), "s.csv", 'no column "q9"')


def test_what_readers_note_has_words() -> None:
    from cjlab import messages

    rules = (
        "cell_error", "formula_without_value", "cell_beyond_header", "empty_row", "merged_cells",
        "hidden_row", "not_answered", "no_answer_at_all", "skipped", "user_missing",
        "not_applicable",
    )  # fmt: skip
    for rule in rules:
        said = {messages.text(f"rule.{rule}", name) for name in ("en", "sv", "nb", "da", "fi")}
        assert len(said) == 5
