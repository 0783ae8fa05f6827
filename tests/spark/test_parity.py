"""Every metric gives the same on DuckDB and on Spark: counts exactly, floats to 1e-9."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import pytest
from spark_nasty import FRAMES, UNITS, options

from cjlab.errors import UserError
from cjlab.journey import Journeys

pytestmark = [pytest.mark.needs("spark")]
ROOMS = {n: m for n, m in sorted(sys.modules.items()) if n.startswith("spark_parity_")}
CASES = [(room, case) for room, module in ROOMS.items() for case in getattr(module, "CASES", ())]
# What reads a unit other than a customer in a way of its own.
BY_UNIT = {
    "core": ["events", "units", "funnel_window_by", "dropoff"],
    "funnel": ["step", "any_shared", "strict", "exclude_shared", "reach", "drivers"],
    "timing": ["time_in_stage by channel", "exits by customer_type"],
    "paths": [
        "transitions_channel_ends", "variants_top", "step_matrix_touchpoint", "sessions",
        "session_summary", "friction_by", "routes", "value_variant",
    ],
    "retention": ["retention by channel", "churn by month", "lifecycle", "repurchase"],
    "attribution": ["attribution_month"],
}  # fmt: skip
UNIT_CASES = [(f"spark_parity_{room}", case) for room, own in BY_UNIT.items() for case in own]


@cache
def journeys(frame: str, engine: str) -> Journeys:
    return Journeys.from_frame(**options(frame), engine=engine)


def answer(ask: Callable[[Journeys], pd.DataFrame], j: Journeys) -> pd.DataFrame | str:
    try:
        return ask(j)
    except UserError as error:
        return str(error)


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-12)
        assert_same(found.attrs, expected.attrs)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_same(found[key], value)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
    else:
        assert found == expected


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_cases(room: str) -> None:
    assert getattr(ROOMS[room], "CASES", None), f"{ROOMS[room].__file__} has no CASES"


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("room", "case"), CASES)
def test_both_engines_agree(room: str, case: str, frame: str, spark: object) -> None:
    ask = ROOMS[room].CASES[case]
    expected, found = (answer(ask, journeys(frame, engine)) for engine in ("duckdb", "spark"))
    assert type(found) is type(expected), (found, expected)
    assert_same(found, expected)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("room", "case"), UNIT_CASES)
def test_both_engines_agree_on_every_unit(room: str, case: str, unit: str, spark: object) -> None:
    test_both_engines_agree(room, case, unit, spark)


def test_the_frames_are_nasty() -> None:
    """The comparison would say little if the metrics had nothing to say."""
    ids, crowd = (journeys(name, "duckdb").events.execute() for name in ("ids", "crowd"))
    for found in (ids, crowd):
        assert found.duplicated(["unit", "ts"]).any()
        assert found[["stage", "channel", "device", "value"]].isna().any().all()
        assert found["session"].max() > 1
    assert ids["unit"].nunique() == 8
    assert len(crowd) > 100
    for unit in UNITS:
        found = journeys(unit, "duckdb").events.execute()
        assert (found.groupby("customer")["unit"].nunique() > 1).any()
        assert found["unit"].nunique() > 5
    assert (found.groupby("unit")["customer"].nunique() > 1).any()
