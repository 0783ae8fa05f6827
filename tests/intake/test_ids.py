"""Ids are text: nothing that looks like a number, a null or another id becomes one."""

from __future__ import annotations

import datetime as dt
import unicodedata
from decimal import Decimal

import pyarrow as pa
import pytest

DAYS = [dt.datetime(2026, 1, day) for day in range(1, 9)]


def test_text_ids_stay_what_they_are(bench) -> None:
    ids = ["007", "7", "17850.0", "1e16", "NaN", "null", "NA", "None", "x y", " 7", "-", "0"]
    study = bench.events("".join(f'"{i}",2026-01-01,a\n' for i in ids))
    assert bench.ids(study) == ids
    assert bench.notes(study) == {"decimal_id": 1}  # 17850.0 is told, not changed


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0", "\u200b", "\u3000", " \u202f "])
def test_an_id_that_shows_nothing_is_missing(bench, blank: str) -> None:
    study = bench.events(f"{blank},2026-01-01,a\nk,2026-01-01,a\n")
    assert bench.ids(study) == ["k"]
    [(row, rule, column, _)] = bench.rules(study)
    assert (row, rule, column) == (1, "missing", "customer_id")


def test_unicode_forms_are_never_merged(bench) -> None:
    forms = [unicodedata.normalize(form, "Åsa") for form in ("NFC", "NFD")]
    study = bench.events("".join(f"{i},2026-01-01,a\n" for i in forms))
    assert bench.ids(study) == forms
    assert forms[0] != forms[1]
    assert study.opened.table("unit").count().execute() == 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([17850.0, 7.5, 1e16], ["17850", "7.5", "10000000000000000"]),
        ([float("nan"), 1.0, 1e40], ["1", "1e+40"]),
        ([7, 2**62, -1], ["7", str(2**62), "-1"]),
        ([Decimal("5"), Decimal("6.50"), None], ["5", "6.50"]),
        ([True, False, None], ["true", "false"]),
        ([dt.date(2026, 1, 1), None, None], ["2026-01-01"]),
        (["007", "", "å"], ["007", "å"]),
    ],
)
def test_typed_ids(bench, values: list, expected: list[str]) -> None:
    table = bench.parquet(customer_id=values, ts=DAYS[:3], touchpoint=["a"] * 3)
    study = bench.study({"e.parquet": table})
    assert bench.ids(study) == expected
    assert {rule for _, rule, _, _ in bench.rules(study)} <= {"missing"}
    assert len(expected) + len(bench.rules(study)) == 3


def test_a_dictionary_column_is_text(bench) -> None:
    ids = pa.array(["b", "a", "b"]).dictionary_encode()
    study = bench.study(
        {"e.parquet": bench.parquet(customer_id=ids, ts=DAYS[:3], touchpoint=["x"] * 3)}
    )
    assert bench.ids(study) == ["b", "a", "b"]


HOSTILE = [
    "=1+1",
    "@SUM(A1)",
    "+46",
    "-x",
    "<script>alert(1)</script>",
    "'; DROP TABLE event; --",
    '"quoted"',
    "$\\alpha$",
    "{{ 7*7 }}",
    "${HOME}",
    "%s%n",
    "\x1b[31mred",
    "\u202etxt.exe",
    "a",
    "_row",
    "x" * 1_000_000,
]


def test_hostile_strings_pass_through_untouched(bench) -> None:
    """Escaping is the report's work; the intake changes nothing and runs nothing."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    rows = [f"{cell(text)},2026-01-01,{cell(text)}\n" for text in HOSTILE]
    study = bench.events("".join(rows))
    accepted = bench.accepted(study)
    assert list(accepted["customer_id"]) == HOSTILE
    assert list(accepted["touchpoint"]) == HOSTILE
    found = study.events.select("customer_id", "touchpoint").execute()
    assert sorted(found["touchpoint"]) == sorted(HOSTILE)


def test_a_null_byte_is_unreadable(bench) -> None:
    study = bench.events("a\0b,2026-01-01,x\n" + "c,2026-01-01,y\n" * 2)
    assert bench.rules(study)[0][:3] == (1, "unreadable_bytes", "customer_id")
    assert bench.ids(study) == ["c"]


def test_awkward_column_names(bench) -> None:
    names = ['the "who"', "select", "a b;--", "@ts", "größe", "_note"]
    header = ";".join('"' + name.replace('"', '""') + '"' for name in names)
    study = bench.study(
        {"e.csv": header + "\nk;x;2026-01-01;1;2;3\n"},
        {
            "events": {
                "path": "e.csv",
                "delimiter": ";",
                "columns": {"customer_id": names[0], "touchpoint": names[1], "ts": names[2]},
            }
        },
    )
    assert bench.accepted(study)[["customer_id", "touchpoint"]].values.tolist() == [["k", "x"]]


@pytest.mark.parametrize("name", ["_row", "_FILE", "_whole", "_note0", "_as ts"])
def test_names_the_intake_needs_itself(bench, name: str) -> None:
    bench.fails(
        bench.study({"e.csv": f"customer_id,ts,touchpoint,{name}\n1,2026-01-01,a,5\n"}), name
    )
    table = bench.parquet(**{"customer_id": ["1"], "ts": DAYS[:1], "touchpoint": ["a"], name: [5]})
    bench.fails(bench.study({"e.parquet": table}), name)
    query = (
        f"SELECT '1' AS customer_id, DATE '2026-01-01' AS ts, 'a' AS touchpoint, 5 AS \"{name}\""
    )
    bench.fails(bench.study({"x": ""}, {"events": {"query": query}}), name)


def test_a_parquet_column_called_filename(bench) -> None:
    table = bench.parquet(customer_id=["1"], ts=DAYS[:1], touchpoint=["a"], filename=["f"])
    assert bench.ids(bench.study({"e.parquet": table})) == ["1"]
