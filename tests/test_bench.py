"""`cjlab bench`: cjlab, pandas and SQL give the same numbers; how long they took is no test."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from cjlab import _generate, bench
from cjlab._measure import measure, serve
from cjlab.errors import UserError

COMPARED = [
    *("transition counts", "transitions", "touchpoint transitions", "channel transitions"),
    *("session counts", "session frame", "funnel of touchpoints", "funnel in 30 days"),
    *("step matrix", "time_in_stage", "retention"),
]


def test_all_three_give_the_same_answers(tmp_path: Path) -> None:
    place = _generate.study(tmp_path, 20_000, 1_500)
    others = {tool: bench.ask_counterpart(tool, place, COMPARED) for tool in ("pandas", "sql")}
    for task in COMPARED:
        own = bench.prepared(place, "duckdb", task)()
        assert own is not None and sum(own.values()) > 100, task
        for tool, lines in others.items():
            (line,) = [line for line in lines if line["task"] == task]
            assert line.get("answer") == own, (tool, task, line.get("error"))


def test_one_run_from_end_to_end(tmp_path: Path) -> None:
    said: list[str] = []
    found = bench.run(
        events=2_000, metrics=["session counts"], folder=tmp_path, progress=said.append
    )
    assert found["error"].isna().all(), found["error"].dropna().tolist()
    assert "no retentioneering: name a Python that has it by --peers" in said
    shown = bench.table(found).set_index("task")
    assert list(shown.index) == ["store", "session counts"]
    assert shown.loc["session counts", "answers"] == "equal"
    cpu = found.set_index(["tool", "task"])["cpu"]
    own, store = cpu["cjlab", "session counts"], cpu["cjlab", "store"]
    assert shown.loc["session counts", "sql"] == cpu["sql", "session counts"] / own
    assert shown.loc["store", "pandas"] == cpu["pandas", "load"] / store
    assert shown.loc["store", "scans"] == store / cpu["scan", "scan"]
    assert pd.isna(shown.loc["store", "sql"])
    assert shown["retentioneering"].isna().all()
    assert "session counts" in bench.text(found)


def test_a_wrong_answer_is_seen() -> None:
    lines = [
        {"tool": "scan", "task": "scan", "cpu": 1.0},
        {"tool": "cjlab", "task": "funnel", "cpu": 2.0, "answer": {"a": 3, "b": 1}},
        {"tool": "sql", "task": "funnel", "cpu": 4.0, "answer": {"a": 3, "b": 2, "c": 1}},
        {"tool": "pandas", "task": "funnel", "error": "ValueError: no"},
    ]
    columns = ["tool", "task", "wall", "cpu", "peak", "answer", "error"]
    row = bench.table(pd.DataFrame(lines).reindex(columns=columns)).iloc[0]
    assert row["answers"] == "sql differs in 2 of 3; pandas: ValueError: no"
    assert (row["scans"], row["sql"]) == (2.0, 2.0)


def test_generated_events_are_what_they_are_said_to_be(tmp_path: Path) -> None:
    place = _generate.study(tmp_path, 20_000, 2_000)
    rows = duckdb.sql(f"FROM '{place / _generate.EVENTS}'").df()
    assert len(rows) == pytest.approx(20_000, rel=0.15)
    assert rows["customer_id"].nunique() == 2_000
    assert set(rows["customer_id"].str.len()) == {10}
    assert not rows.duplicated(["customer_id", "ts"]).any()
    assert set(rows["channel"]) == set(_generate.CHANNELS)
    assert (
        not rows["ts"].is_monotonic_increasing and not rows["customer_id"].is_monotonic_increasing
    )
    sizes = rows["customer_id"].value_counts()
    assert sizes.median() < 5 and sizes.max() > 100
    # Made again elsewhere it is the same, row by row.
    again = _generate.study(tmp_path / "other", 20_000, 2_000)
    pd.testing.assert_frame_equal(rows, duckdb.sql(f"FROM '{again / _generate.EVENTS}'").df())


def test_what_fails_says_so_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    def broken() -> None:
        raise ValueError("first line\nsecond line")

    tasks = {"load": dict, "bad": broken, "good": lambda: {"n": 1}, "unwanted": broken}
    serve(tasks, tmp_path / "out", ["bad", "good"])
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [line["task"] for line in lines] == ["load", "bad", "good"]
    assert lines[1] == {"task": "bad", "error": "ValueError: first line"}
    assert lines[2]["answer"] == {"n": 1}


def test_short_work_is_measured_three_times_and_a_build_once() -> None:
    done: list[int] = []
    _, taken = measure(lambda: done.append(1))
    assert len(done) == 3 and taken["peak"] > 1
    measure(lambda: done.append(1), again=False)
    assert len(done) == 4


def test_an_unknown_metric_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'metrics: no "funel"\. Did you mean "funnel"'):
        bench.run(metrics=["funel"], folder=tmp_path)
    assert not list(tmp_path.iterdir())
