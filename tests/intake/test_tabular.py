"""Parquet files and queries: typed columns as they are, and one clear line for the rest."""

from __future__ import annotations

import datetime as dt

import pytest

DAY = dt.datetime(2026, 1, 1)


def table(bench, **more) -> bytes:
    columns = {"customer_id": ["a", "b"], "ts": [DAY] * 2, "touchpoint": ["x", "y"]}
    return bench.parquet(**(columns | more))


def test_columns_that_are_not_mapped_may_hold_anything(bench) -> None:
    odd = {"s": [{"a": 1}, None], "l": [[1], []], "b": [b"\xff", b""], "t": [dt.time(1), None]}
    assert bench.ids(bench.study({"e.parquet": table(bench, **odd)})) == ["a", "b"]
    refused = table(bench, customer_id=["a", None], **odd)
    study = bench.study({"e.parquet": refused})
    assert bench.rules(study) == [(2, "missing", "customer_id", None)]


@pytest.mark.parametrize("values", [[{"a": 1}, None], [[1], [2]]])
@pytest.mark.parametrize("column", ["customer_id", "touchpoint", "channel", "value"])
def test_a_mapped_column_may_not_be_nested(bench, column: str, values: list) -> None:
    study = bench.study({"e.parquet": table(bench, **{column: values})})
    bench.fails(study, f'"{column}"', "nested")


@pytest.mark.parametrize("content", [b"hello", b"PAR1" + b"\0" * 40 + b"PAR1", b"PAR1"])
def test_what_is_not_parquet(bench, content: bytes) -> None:
    bench.fails(bench.study({"e.parquet": content}), "e.parquet")
    bench.fails(bench.study({"e.parquet": b""}), "e.parquet", "empty")


def test_parquet_that_is_damaged_inside(bench) -> None:
    whole = bench.parquet(
        customer_id=[f"c{n}" for n in range(999)], ts=[DAY] * 999, touchpoint=["x"] * 999
    )
    broken = whole[:20] + b"\0" * 200 + whole[220:]
    bench.fails(bench.study({"e.parquet": broken}), "e.parquet", "cannot be read")


def test_parquet_globs(bench) -> None:
    files = {
        "d/1.parquet": table(bench),
        "d/2.parquet": bench.parquet(
            touchpoint=["z"], customer_id=[7], ts=[DAY], channel=["web"], extra=[1.5]
        ),
    }
    study = bench.study(files, {"events": {"path": "d/*.parquet"}})
    assert bench.accepted(study)[["customer_id", "_file", "_row"]].values.tolist() == [
        ["a", "1.parquet", 1],
        ["b", "1.parquet", 2],
        ["7", "2.parquet", 1],
    ]


def test_parquet_without_rows(bench) -> None:
    none = table(bench, customer_id=[], ts=[], touchpoint=[])
    files = {"e.parquet": table(bench), "none.parquet": none}
    study = bench.study(files, {"events": [{"path": "e.parquet"}, {"path": "none.parquet"}]})
    assert [s.rows_in for s in study.intake.sources] == [2, 0]


def query(bench, text: str):
    rows = "1,2026-01-01,x\n2,2026-01-02,y\n3,2026-01-02,z\n"
    return bench.study({"e.csv": bench.HEAD + rows}, {"events": {"query": text}})


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM 'e.csv'",
        "SELECT * FROM 'e.csv';",
        "SELECT * FROM 'e.csv' -- all of it",
        "FROM 'e.csv'",
        "WITH e AS (SELECT * FROM 'e.csv') SELECT * FROM e ORDER BY customer_id",
        "SELECT *, customer_id FROM 'e.csv'",
        "SELECT *, {'a': 1} AS nested FROM 'e.csv'",
        "SELECT * REPLACE (customer_id::VARCHAR::ENUM('1', '2', '3') AS customer_id) FROM 'e.csv'",
    ],
)
def test_queries(bench, text: str) -> None:
    assert bench.ids(query(bench, text)) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1; SELECT 2", "must be one SELECT"),
        ("DROP TABLE x", "must be one SELECT"),
        ("COPY (SELECT 1) TO 'x.csv'", "must be one SELECT"),
        ("ATTACH 'x.db'", "must be one SELECT"),
        ("", "must be one SELECT"),
        ("-- nothing", "must be one SELECT"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM 'nope.csv'", "nope.csv"),
        ("SELECT * FROM nope", "nope"),
        ("SELECT who FROM 'e.csv'", "who"),
        ("SELECT 1 AS customer_id", 'no column "ts"'),
        ("SELECT CAST('x' AS INTEGER) AS customer_id, ts, touchpoint FROM 'e.csv'", "'x'"),
        ("SELECT * FROM '${CJLAB_NOPE}/e.csv'", "CJLAB_NOPE"),
        ("SELECT * FROM 'https://example.org/e.csv'", "events query"),
    ],
)
def test_queries_that_do_not_run(bench, text: str, said: str) -> None:
    bench.fails(query(bench, text), said)


def test_a_query_runs_once(bench) -> None:
    """What draws at random is drawn once, so that its rows add up."""
    study = query(bench, "SELECT * FROM 'e.csv' WHERE random() < 0.7 OR customer_id = 1")
    source = study.intake.sources[0]
    assert source.rows_in == source.accepted == len(bench.ids(study))


def test_the_environment_is_part_of_the_question(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from cjlab.study import open_study

    monkeypatch.setenv("CJLAB_WHO", "1")
    study = query(bench, "SELECT * FROM 'e.csv' WHERE customer_id = '${CJLAB_WHO}'")
    assert bench.ids(study) == ["1"]
    monkeypatch.setenv("CJLAB_WHO", "2")
    assert bench.ids(open_study(study.folder)) == ["2"]


def test_no_environment_value_is_written_down(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CJLAB_SECRET", "hunter2hunter2")
    study = query(bench, "SELECT *, '${CJLAB_SECRET}' <> '' AS ok FROM 'e.csv'")
    study.write_resolved(study.private / "study.yaml")
    assert bench.ids(study) == ["1", "2", "3"]
    for path in study.private.rglob("*"):
        assert not path.is_file() or b"hunter2hunter2" not in path.read_bytes(), path


def test_a_column_without_a_value_is_no_column_of_numbers(bench) -> None:
    tickets = bench.parquet(customer_id=["a"], opened=[DAY], solved=[None], topic=[None])
    study = bench.study(
        {"e.parquet": table(bench), "t.parquet": tickets},
        {"events": {"path": "e.parquet"}, "tickets": {"path": "t.parquet"}},
    )
    assert bench.accepted(study, "tickets")["solved"].isna().all()
