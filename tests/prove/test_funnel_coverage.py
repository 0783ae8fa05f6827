"""Funnels with a known truth: intervals cover it, and late starters do not pull it down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlab.journey import Journeys, funnel

pytestmark = pytest.mark.prove

STUDIES = 1200
CUSTOMERS = 150
WINDOW = 10.0
FOLLOWED = 40.0
RATE, SPEED = 0.7, 0.15
TRUTH = RATE * (1 - np.exp(-SPEED * WINDOW))
# Who entered less than a window before the end was seen for a part of it only.
CUT_SHORT = RATE * (WINDOW - (1 - np.exp(-SPEED * WINDOW)) / SPEED) / FOLLOWED
NAIVE = CUT_SHORT + (1 - WINDOW / FOLLOWED) * TRUTH


def study(rng: np.random.Generator, numbers: range) -> pd.DataFrame:
    """Customers of several studies who enter evenly until the end; ``world`` names the study."""
    who = np.repeat(list(numbers), CUSTOMERS)
    entry = rng.uniform(0, FOLLOWED, len(who))
    wait = np.where(rng.random(len(who)) < RATE, rng.exponential(1 / SPEED, len(who)), np.inf)
    names = np.char.add(np.char.add(who.astype(str), "-"), np.arange(len(who)).astype(str))
    first = pd.DataFrame({"customer_id": names, "day": entry, "stage": "see", "world": who})
    then = first.assign(day=entry + wait, stage="buy")
    rows = pd.concat([first, then[np.isfinite(then["day"])]], ignore_index=True)
    rows["ts"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rows.pop("day"), unit="D")
    return rows


@pytest.fixture(scope="module")
def found() -> dict[str, pd.DataFrame]:
    """The rate of the second step in every study: mature only, naive, and Kaplan–Meier."""
    rng = np.random.default_rng(20260101)
    end = pd.Timestamp("2026-01-01") + pd.Timedelta(FOLLOWED, "D")
    tables: dict[str, list[pd.DataFrame]] = {"mature": [], "naive": [], "km": []}
    for start in range(0, STUDIES, 200):
        frame = study(rng, range(start, start + 200))
        j = Journeys.from_frame(frame, stages=["see", "buy"], observed_until=end.to_pydatetime())
        for name, mature_only in (("mature", True), ("naive", False)):
            table = funnel(j, window=f"{WINDOW:g}D", by="world", mature_only=mature_only)
            rows = table[table["step"] == "buy"]
            tables[name].append(rows[rows["metric"] == "from_first"])
            if mature_only:
                tables["km"].append(rows[rows["metric"] == "km_conversion"])
    return {name: pd.concat(parts) for name, parts in tables.items()}


@pytest.mark.parametrize("name", ["mature", "km"])
def test_intervals_cover_the_truth(found, name) -> None:
    table = found[name]
    assert len(table) == STUDIES and table["value"].notna().all()
    inside = (table["low"] <= TRUTH) & (table["high"] >= TRUTH)
    assert inside.mean() >= 0.93


def test_late_entry_biases_the_naive_rate_only(found) -> None:
    assert NAIVE < TRUTH - 0.04
    for name, table in found.items():
        noise = table["value"].std() / np.sqrt(STUDIES)
        expected = NAIVE if name == "naive" else TRUTH
        assert abs(table["value"].mean() - expected) < 4 * noise


def test_more_customers_speak_in_the_km_estimate(found) -> None:
    assert (found["km"]["n"] == CUSTOMERS).all()
    assert found["mature"]["n"].mean() == pytest.approx(
        CUSTOMERS * (1 - WINDOW / FOLLOWED), rel=0.02
    )
    assert found["km"]["value"].std() < found["mature"]["value"].std()
