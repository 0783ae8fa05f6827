"""Exact copies are dropped and counted, within a file and across overlapping exports."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

EVENTS = ["a,2026-01-01T10:00,x", "a,2026-01-01T10:00,y", "b,2026-01-02T10:00,x"]


def text(bench, rows: list[str]) -> str:
    return bench.HEAD + "".join(row + "\n" for row in rows)


def test_copies_within_a_file(bench) -> None:
    study = bench.study({"e.csv": text(bench, [*EVENTS, EVENTS[0], EVENTS[0]])})
    assert list(bench.accepted(study)["_row"]) == [1, 2, 3]
    assert bench.rules(study) == [(n, "exact_duplicate", None, "a") for n in (4, 5)]
    source = study.intake.sources[0]
    assert (source.rows_in, source.accepted, source.rejected, source.dropped) == (5, 3, 0, 2)
    assert not source.over_limit  # nothing is lost by dropping a copy


def test_columns_that_no_one_mapped_keep_rows_apart(bench) -> None:
    header, rows = "customer_id,ts,touchpoint,product\n", ["k,2026-01-01,cart,apple\n"] * 2
    study = bench.study({"e.csv": header + "".join(rows) + "k,2026-01-01,cart,pear\n"})
    assert list(bench.accepted(study)["_row"]) == [1, 3]


def test_overlapping_files_of_one_source(bench) -> None:
    files = {"d/1.csv": text(bench, EVENTS[:2]), "d/2.csv": text(bench, EVENTS[1:])}
    study = bench.study(files, {"events": {"path": "d/*.csv"}})
    assert bench.accepted(study)[["_file", "_row"]].values.tolist() == [
        ["1.csv", 1],
        ["1.csv", 2],
        ["2.csv", 2],
    ]
    assert bench.refused(study)[["file", "row", "rule"]].values.tolist() == [
        ["2.csv", 1, "exact_duplicate"]
    ]


def test_overlapping_sources_whose_columns_stand_in_another_order(bench) -> None:
    files = {
        "a.csv": text(bench, EVENTS),
        "b.csv": "touchpoint,customer_id,ts\ny,a,2026-01-01T10:00\nz,a,2026-01-01T10:00\n",
    }
    study = bench.study(files, {"events": [{"path": "a.csv"}, {"path": "b.csv"}]})
    assert bench.ids(study) == ["a", "a", "b", "a"]
    dropped = {s.source: s.dropped for s in study.intake.sources}
    assert dropped == {"a.csv": 0, "b.csv": 1}


def test_the_same_file_named_twice(bench) -> None:
    study = bench.study({"e.csv": text(bench, EVENTS)}, {"events": [{"path": "e.csv"}] * 2})
    assert [(s.source, s.accepted, s.dropped) for s in study.intake.sources] == [
        ("e.csv", 3, 0),
        ("e.csv (2)", 0, 3),
    ]


@pytest.mark.parametrize("all_compared", [True, False])
def test_only_rows_alike_everywhere_are_copies(bench, monkeypatch, all_compared: bool) -> None:
    """Nulls, decimals and columns that change places; rows whose hash recurs are compared."""
    from cjlab import intake

    if all_compared:  # as if the hashes of all rows came again
        query = "SELECT DISTINCT _whole FROM good_events"
        every = lambda con, _: con.execute(query).fetchnumpy()["_whole"]  # noqa: E731
        monkeypatch.setattr(intake, "recurring", every)
    rows = [  # value, channel, and two columns that no one mapped
        (None, "a", None, "x"),
        (None, "a", "x", None),
        ("1.10", None, "x", None),
        ("1.1", None, "x", None),  # the same number
        (None, "a", "x", None),
        (None, None, "x", None),
        (None, "", "x", None),
        ("1.10", None, None, None),
        (None, None, None, None),
        (None, None, None, None),
    ]
    value, channel, one, two = zip(*rows, strict=True)
    data = bench.parquet(
        customer_id=["k"] * len(rows),
        ts=[datetime(2026, 1, 1)] * len(rows),
        touchpoint=["x"] * len(rows),
        value=[None if v is None else Decimal(v) for v in value],
        channel=list(channel),
        one=list(one),
        two=list(two),
    )
    study = bench.study({"e.parquet": data})
    assert list(bench.accepted(study)["_row"]) == [1, 2, 3, 6, 7, 8, 9]
    assert bench.rules(study) == [(n, "exact_duplicate", None, "k") for n in (4, 5, 10)]


def test_a_row_that_was_refused_is_no_copy(bench) -> None:
    files = {
        "a.csv": text(bench, ["a,2026-01-01,x", "a,soon,x", "a,2300-01-01,x"]),
        "b.csv": text(bench, ["a,soon,x", "a,2026-01-01,x", ",2026-01-01,x"]),
    }
    sources = [{"path": name, "reject_limit": 1} for name in files]
    study = bench.study(files, {"events": sources})
    assert [(s.accepted, s.rejected, s.dropped) for s in study.intake.sources] == [
        (1, 2, 0),
        (0, 2, 1),
    ]


def test_order_lines_stay_and_are_counted(bench) -> None:
    rows = "a,2026-01-01,5,o1\na,2026-01-01,5,o1\na,2026-01-01T01:00,7,o1\nb,2026-01-01,5,o1\n"
    orders = "customer_id,ts,value,order_id\n" + rows + "a,2026-01-02,-3,o2\nc,2026-01-02,1,\n" * 2
    study = bench.study({"o.csv": orders}, {"orders": {"path": "o.csv"}})
    assert bench.notes(study) == {"duplicate_order_line": 3}
    frame = study.orders.execute().sort_values(["customer_id", "ts", "lines"])
    assert frame[["customer_id", "value", "lines"]].astype({"value": float}).values.tolist() == [
        ["a", 17.0, 3],
        ["a", -6.0, 2],
        ["b", 5.0, 1],
        ["c", 1.0, 1],
        ["c", 1.0, 1],
    ]
    touchpoints = study.events.execute().sort_values(["customer_id", "ts"])["touchpoint"]
    assert list(touchpoints) == ["order", "return", "order", "order", "order"]


def test_customers(bench) -> None:
    customers = "customer_id,age,Country\n1,5,SE\n1,5,SE\n1,6,SE\n2,7,NO\n ,8,\n"
    study = bench.study(
        {"e.csv": text(bench, EVENTS), "c.csv": customers},
        {"events": {"path": "e.csv"}, "customers": {"path": "c.csv", "reject_limit": 1}},
    )
    accepted = bench.accepted(study, "customers")
    assert accepted[["customer_id", "age", "Country"]].values.tolist() == [
        ["1", "5", "SE"],
        ["2", "7", "NO"],
    ]
    refused = bench.refused(study)
    assert refused[["row", "rule", "value"]].values.tolist() == [
        [2, "exact_duplicate", "1"],
        [3, "conflicting_customer", "1"],
        [5, "missing", " "],
    ]
    assert '"age":"6"' in refused["record"][1]


def test_responses(bench) -> None:
    rows = [
        "NPS,9,,",  # undated and unnamed: two people may answer alike
        "NPS,9,,",
        " csat ,5,a,2026-01-01",
        " csat ,5,a,2026-01-01",
        "stars,5,a,2026-01-01",
        ",5,a,2026-01-01",
        "ces,5,a,soon",
    ]
    study = bench.study(
        {"r.csv": "kind,score,customer_id,ts\n" + "\n".join(rows)},
        {"responses": {"path": "r.csv", "reject_limit": 1}},
    )
    assert list(bench.accepted(study, "responses")["kind"]) == ["nps", "nps", "csat"]
    assert bench.rules(study) == [
        (4, "exact_duplicate", None, "a"),
        (5, "unknown_kind", "kind", "stars"),
        (6, "missing", "kind", ""),
        (7, "not_a_time", "ts", "soon"),
    ]
    assert len(study.check()) > 0
    assert study.events.count().execute() == 0


def test_tickets(bench) -> None:
    rows = "a,2026-01-01,,\na,2026-01-01T10:00,2026-01-02,\na,2026-01-01,,soon\na,2026-01-01,,\n"
    study = bench.study(
        {"e.csv": text(bench, EVENTS), "t.csv": "customer_id,opened,solved,first_reply\n" + rows},
        {"events": {"path": "e.csv"}, "tickets": {"path": "t.csv"}},
    )
    assert bench.rules(study) == [
        (3, "not_a_time", "first_reply", "soon"),
        (4, "exact_duplicate", None, "a"),
    ]
    assert study.tickets.execute()["solved"].notna().tolist() == [False, True]


@pytest.mark.parametrize("table", ["orders", "customers", "responses", "tickets"])
def test_a_table_the_study_lacks(bench, table: str) -> None:
    from cjlab.errors import UserError

    study = bench.study({"e.csv": text(bench, EVENTS)})
    if table == "orders":
        assert study.orders.count().execute() == 0
        return
    with pytest.raises(UserError, match=f"the study has no {table}; add it under sources"):
        getattr(study, table)
