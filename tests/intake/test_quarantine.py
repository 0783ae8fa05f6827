"""Rows in = accepted + rejected + dropped, and each refused row can be found again."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cjlab.errors import CjlabError


def test_each_refused_row_is_there_with_its_reason(bench) -> None:
    rows = ["a,2026-01-01,x", ",2026-01-01,x", "b,never,x", "c,2026-01-01,", "d,2026-01-01"]
    study = bench.events("".join(row + "\n" for row in rows), reject_limit=1)
    refused = bench.refused(study)
    assert list(refused.columns) == [
        "table",
        "source",
        "file",
        "row",
        "rule",
        "column",
        "value",
        "record",
    ]
    assert set(refused["table"] + refused["source"] + refused["file"]) == {"eventse.csve.csv"}
    assert bench.rules(study) == [
        (2, "missing", "customer_id", ""),
        (3, "not_a_time", "ts", "never"),
        (4, "missing", "touchpoint", ""),
        (5, "ragged_line", None, "2 values, the header has 3"),
    ]
    assert json.loads(refused["record"][1]) == {
        "customer_id": "b",
        "ts": "never",
        "touchpoint": "x",
    }
    assert refused["record"][3] == "d,2026-01-01"
    assert oct(study.quarantine.parents[1].parent.stat().st_mode)[-3:] == "700"


def test_the_first_rule_that_fires_names_the_reason(bench) -> None:
    study = bench.events(",never,\nk,2026-01-01,x\n")
    assert bench.rules(study) == [(1, "missing", "customer_id", "")]


@pytest.mark.parametrize(
    ("bad", "limit", "broken"),
    [
        (0, 0.05, False),
        (5, 0.05, False),
        (6, 0.05, True),
        (40, 0.05, True),
        (40, 0.4, False),
        (1, 0, True),
    ],
)
def test_limits_per_source(bench, bad: int, limit: float, broken: bool) -> None:
    rows = "".join(f"{'' if n < bad else n},2026-01-01,x\n" for n in range(100))
    study = bench.events(rows, reject_limit=limit)
    assert bool(study.intake.over_limit) is broken
    assert study.intake.sources[0].rejected_share == bad / 100


def test_no_usable_row_names_the_reason_but_no_customer(bench) -> None:
    line = bench.fails(
        bench.events("anna@example.org,soon,x\n" * 3), "none of the 3 rows", '"soon"'
    )
    assert "anna" not in line
    bench.fails(bench.events(",2026-01-01,x\n" * 3), "3 × missing in customer_id")
    bench.fails(bench.events("a,b\n" * 3), "3 × ragged_line")


def test_the_check_adds_up(bench) -> None:
    study = bench.events(
        "a,2026-01-01,x\na,2026-01-01,x\n,2026-01-01,x\nb,2026-01-01,x\n", reject_limit=1
    )
    frame = study.check()
    sums = frame.groupby("effect")["rows"].sum()
    assert sums["in"] == 4 == sums["accepted"] + sums["rejected"] + sums["dropped"]
    assert frame.loc[frame["rule"] == "missing", "share"].item() == 0.25
    assert frame.loc[frame["effect"] == "noted", "rule"].tolist() == ["unmapped_stage"]


def test_rows_that_do_not_add_up_are_never_published(bench, monkeypatch) -> None:
    from cjlab import intake

    lose = "CREATE TEMP TABLE accepted_events AS FROM good_events LIMIT 0"
    monkeypatch.setattr(intake, "_keep", lambda con, *_: con.execute(lose))
    study = bench.events("a,2026-01-01,x\na,2026-01-01,x\n")
    with pytest.raises(CjlabError, match="2 rows in, but 0 accepted"):
        assert study.intake
    assert list((study.private / "intake").glob("*")) == []


TIMES = ["2026-01-01", "2026-03-29T02:30", "2026-10-25 02:30", "2026-01-01T10:00Z", "2300-01-01"]
TEXTS = ["", " ", "a", "007", "7", "null", "å", '"', "x\ny", "never", "1e5", "a,b", "\x1b"]
CELLS = st.sampled_from(TIMES + TEXTS)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=12)
GOOD = ["k", "2026-01-01", "x"]


def written(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["customer_id", "ts", "touchpoint"], *rows])
    return text.getvalue()


def plain(rows: list[list[str]]) -> list[tuple[str, str, str]]:
    """Return what should be accepted, by a second computation; times stay text."""
    kept = []
    for row in rows:
        if len(row) != 3 or not all(cell.strip() for cell in row):
            continue
        try:
            when = datetime.fromisoformat(row[1].strip())
        except ValueError:
            continue
        if when.year < 2100 and row[1] != "2026-03-29T02:30" and tuple(row) not in kept:
            kept.append(tuple(row))
    return kept


SHARED = [HealthCheck.function_scoped_fixture]  # the bench makes a new folder each time


@settings(max_examples=20, suppress_health_check=SHARED)
@given(rows=ROWS)
def test_rows_in_are_rows_out(bench, rows: list[list[str]]) -> None:
    rows = [GOOD, *rows]
    study = bench.study({"e.csv": written(rows)}, timezone="Europe/Oslo")
    source = study.intake.sources[0]
    assert source.rows_in == len(rows) == source.accepted + source.rejected + source.dropped
    assert len(bench.refused(study)) == source.rejected + source.dropped
    places = [*bench.refused(study)["row"], *bench.accepted(study)["_row"]]
    assert sorted(places) == list(range(1, len(rows) + 1))
    accepted = bench.accepted(study)[["customer_id", "touchpoint"]].values.tolist()
    assert accepted == [[who, what] for who, _, what in plain(rows)]


def content(bench, study) -> Counter:
    frame = bench.accepted(study)[["customer_id", "ts", "touchpoint"]]
    return Counter(map(tuple, frame.astype(str).to_numpy()))


@settings(max_examples=8, suppress_health_check=SHARED)
@given(data=st.data())
def test_neither_order_nor_files_change_what_is_accepted(bench, data: st.DataObject) -> None:
    rows = [GOOD, *data.draw(ROWS)]
    whole = content(bench, bench.study({"e.csv": written(rows)}))
    shuffled = data.draw(st.permutations(rows))
    assert content(bench, bench.study({"e.csv": written(shuffled)})) == whole
    cut = data.draw(st.integers(0, len(rows)))
    halves = {"d/1.csv": written(rows[:cut]), "d/2.csv": written(rows[cut:])}
    assert content(bench, bench.study(halves, {"events": {"path": "d/*.csv"}})) == whole


def test_every_rule_has_words(repo) -> None:
    from cjlab import messages

    code = (repo / "cjlab" / "rules.py").read_text()
    named = set(
        re.findall(r'[(\s]"((?:[a-z]+_)+[a-z]+|missing|mojibake)", (?!"|reading|money)', code)
    )
    assert {"missing", "out_of_range", "decimal_id", "not_a_time"} <= named
    said = {name: messages.text(f"rule.{name}") for name in named}
    assert all(said.values())
