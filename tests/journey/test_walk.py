"""What DuckDB's order allows equals the portable form, however the rows come."""

from __future__ import annotations

import sys
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis import _
from journey_brute import GRID, MINUTE, STAGES, Question, Way, many

from cjlab.journey import (
    Journeys,
    _lives,
    _pairs,
    _runs,
    _stream,
    time_in_stage,
    timing,
    transitions,
)
from cjlab.journey._steps import read_plan
from cjlab.stages import StageModel

sessions = sys.modules["cjlab.journey.sessions"]  # the package's name is the function's
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])
PLANS = [["b", "a", "c"], ["a", "a"], [["a", "b"], ["b", "c"], "a"], [["a", "t2"], "t2", "t1"]]
WAYS = [
    Way("ordered"),
    Way("ordered", ("d", "t3")),
    Way("ordered", ("d",), increasing=True),
    Way("any"),
    Way("any", ("d",)),
]


def journeys(seed: int, **more: Any) -> Journeys:
    question = Question(until=GRID[-1] * MINUTE, start=(None, 15 * MINUTE)[seed % 2])
    frame = many(seed, 60).drop(columns="who")
    pairs = pd.factorize(frame["customer_id"])[0] // 2
    frame["account_id"] = [f"acc{number}" for number in pairs]
    options = {"channel": "channel", **question.options(), **more}
    return Journeys.from_frame(frame, stages=MODEL, **options)


def portable(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_runs, sessions, _pairs, timing, _lives):
        monkeypatch.setattr(module, "in_order", lambda j: False)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_walk_finds_the_runs_of_the_portable_form(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    some: Any = _.customer_id != "c1"
    for seed, more in ((1, {}), (2, {"where": some})):
        j = journeys(seed, **more)
        for number, steps in enumerate(PLANS):
            window = ("30min", None)[(seed + number) % 2]
            plan = read_plan(j, steps, window, way.order, way.exclude, way.increasing)
            found = _runs.people(j, plan).order_by("unit").execute()
            with monkeypatch.context() as patch:
                portable(patch)
                expected = _runs.people(j, plan).order_by("unit").execute()
            assert len(found) > 5
            pd.testing.assert_frame_equal(found[sorted(found)], expected[sorted(expected)])


@pytest.mark.parametrize(
    ("unit", "gap"),
    [
        ("customer", "30min"),
        ("customer", "15min"),
        ("session", "30min"),
        ("account", "30min"),
        ("account", "15min"),
    ],
)
def test_sessions_are_those_of_the_portable_form(
    unit: str, gap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, view in ((1, "customer"), (2, "buying")):
        j = journeys(seed, unit=unit, view=view)
        found = sessions.sessions(j, gap=gap)
        with monkeypatch.context() as patch:
            portable(patch)
            expected = sessions.sessions(j, gap=gap)
        assert len(found) > 5
        pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("level", ["stage", "touchpoint", "channel"])
def test_transitions_are_those_of_the_portable_form(
    level: str, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    some: Any = _.customer_id != "c1"
    for seed, more in enumerate(({}, {"where": some}, {"view": "buying"}, {"unit": "session"})):
        j = journeys(seed, **more)
        found = transitions(j, level=level, ends=ends)
        with monkeypatch.context() as patch:
            portable(patch)
            assert _pairs.pairs(j, level, ends) is None
            expected = transitions(j, level=level, ends=ends)
        assert len(found) > 5
        pd.testing.assert_frame_equal(found, expected, rtol=1e-12)


@pytest.mark.parametrize("unit", ["customer", "session", "account"])
def test_stays_are_those_of_the_portable_form(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(j: Journeys) -> list[pd.DataFrame]:
        spells = timing.spells(j).order_by("unit", "step").execute()
        spells = spells[sorted({*spells} - {"spell"})]
        return [spells, time_in_stage(j, by="channel")]

    some: Any = _.customer_id != "c1"
    for seed, more in enumerate(({}, {"where": some}, {"view": "buying"})):
        found = asked(journeys(seed, unit=unit, **more))
        with monkeypatch.context() as patch:
            portable(patch)
            expected = asked(journeys(seed, unit=unit, **more))
        for one, other in zip(found, expected, strict=True):
            assert len(one) > 0
            pd.testing.assert_frame_equal(one, other, rtol=1e-12)


@pytest.mark.parametrize("kind", ["day", "week", "month", "year"])
def test_lives_act_in_the_periods_of_the_portable_form(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across a change of the clocks and the turn of a year, to the microsecond."""
    rng = np.random.default_rng(3)
    hours = pd.to_timedelta(rng.integers(0, 24 * 120, 600), unit="h")
    log = pd.DataFrame({"customer_id": rng.integers(0, 40, 600).astype(str), "stage": "a"})
    log["ts"] = pd.Timestamp("2025-12-20") + hours - pd.to_timedelta(rng.integers(0, 2, 600), "us")
    for unit in ("customer", "session"):
        j = Journeys.from_frame(log, stages=["a"], timezone="Europe/Helsinki", unit=unit)
        found = _lives.active(j, kind).order_by("who", "at").execute()
        with monkeypatch.context() as patch:
            portable(patch)
            expected = _lives.active(j, kind).order_by("who", "at").execute()
        assert len(found) >= 40
        pd.testing.assert_frame_equal(found, expected)


def test_nobody_has_no_transitions_and_no_stays() -> None:
    nobody: Any = _.customer_id == "nobody"
    j = journeys(1, where=nobody)
    assert len(transitions(j)) == len(transitions(j, ends=True)) == 0
    assert timing.spells(j).count().execute() == 0
    assert set(time_in_stage(j)["note"]) == {"no_spells"}


def blocks(frame: pd.DataFrame, sizes: list[int]) -> list[Any]:
    """The blocks that a table makes when it is read in batches of these sizes."""
    rows, edges = ibis.memtable(frame).to_pyarrow(), np.cumsum([0, *sizes]).tolist()
    batches = [rows.slice(a, b - a) for a, b in zip(edges, [*edges[1:], len(frame)], strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "_batches", lambda table: iter([b for b in batches if len(b)]))
        return list(_stream._blocks(ibis.memtable(frame)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.lists(st.integers(0, 6), max_size=6))
def test_no_unit_is_in_two_blocks_and_no_row_is_lost(events: list[int], sizes: list[int]) -> None:
    units = np.repeat(np.arange(len(events), dtype="int32") * 2, events)
    steps = np.concatenate([np.arange(n, dtype="int32") for n in events])
    frame = pd.DataFrame({"unit": units, "step": steps})
    found = blocks(frame, sizes)
    whole = {name: np.concatenate([block[name] for block in found]) for name in frame}
    pd.testing.assert_frame_equal(pd.DataFrame(whole), frame)
    owners = [unit for block in found for unit in set(block["unit"].tolist())]
    assert sorted(owners) == sorted(set(units.tolist()))


def test_rows_that_come_in_another_order_are_put_in_order() -> None:
    j = journeys(1)
    table = j.events.select("unit", "step")
    first, second = (
        pd.concat(_stream.over_units(j, rows, pd.DataFrame))
        for rows in (table, table.order_by(_.step))
    )
    assert len(first) > 100
    pd.testing.assert_frame_equal(first, second)


def test_duckdb_reads_the_store_in_its_order_however_many_rows() -> None:
    """Several row groups on several threads, with a filter that is no join."""
    rows = pd.DataFrame({"customer_id": np.arange(200_000) // 4, "stage": "a"})
    rows["ts"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(200_000) % 4, unit="h")
    rows.loc[::3, "stage"] = "b"
    j = Journeys.from_frame(rows.astype({"customer_id": "str"}), stages=["a", "b"])
    table = j.events.filter(j.events.stage == 0).select("unit", "step")
    place = [(own["unit"].astype("int64") << 32) + own["step"] for own in _stream._blocks(table)]
    assert (np.diff(np.concatenate(place)) > 0).all()
    assert sum(map(len, place)) == (rows["stage"] == "a").sum()
