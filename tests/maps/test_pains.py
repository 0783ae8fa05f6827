"""Pains: planted ones found, none found where there is none, and the numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlab.maps.pains import CELL, judge, ranked
from cjlab.stats import nps_interval, proportion

STAGES = ("awareness", "consideration", "interest", "intent")
PERSONAS = ("P1", "P2", "P3", "P4")


def cells(rng: np.random.Generator, rates: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    """Draw what a study's cells would be: losses after a stage, satisfaction at a touchpoint."""
    rows = []
    for (metric, stage, persona), rate in rates.items():
        n = int(rng.integers(20, 400))
        x = int(rng.binomial(n, rate))
        limits = proportion(x, n)
        rows.append({
            "metric": metric, "stage": stage, "persona": persona, "n": n,
            "touchpoint": f"{stage} page" if metric == "csat" else "",
            "value": float(limits.value), "low": float(limits.low), "high": float(limits.high),
        })  # fmt: skip
    return pd.DataFrame(rows)


def alike(rng: np.random.Generator) -> dict[tuple[str, str, str], float]:
    """Rates that differ from cell to cell and not from persona to persona."""
    rate = {(m, s): rng.uniform(0.1, 0.9) for m in ("dropoff", "csat") for s in STAGES}
    return {(m, s, p): r for (m, s), r in rate.items() for p in PERSONAS}


def test_where_nothing_is_worse_nothing_is_found() -> None:
    """Two hundred studies without any pain: one in twenty may report one."""
    rng = np.random.default_rng(20261128)
    told = 0
    for _ in range(200):
        rates = alike(rng)
        found = judge(cells(rng, rates), cells(rng, rates))
        assert found["m"].iloc[0] == len(found) == 64
        told += bool(found["pain"].any())
    assert told <= 10


def test_a_planted_pain_is_ranked_first() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        before = alike(rng)
        before |= {("csat", "intent", p): 0.85 for p in PERSONAS}
        now = before | {("csat", "intent", "P2"): 0.3}
        tests = judge(cells(rng, now), cells(rng, before))
        reach = {(p, s): 0.2 for p in PERSONAS for s in STAGES}
        first = ranked(tests, reach).iloc[0]
        assert first[["persona", "stage", "touchpoint"]].tolist() == ["P2", "intent", "intent page"]
        assert first["against"] == "earlier"
        assert first["priority"] == pytest.approx(0.2 * first["severity"])


def test_small_or_better_differences_are_no_pain() -> None:
    big = proportion(4000, 10000)
    row = {"metric": "dropoff", "stage": "intent", "touchpoint": "", "persona": "P1", "n": 10000}
    now = pd.DataFrame([{**row, "value": 0.4, "low": float(big.low), "high": float(big.high)}])
    before = now.assign(value=0.37, low=0.361, high=0.379)
    found = judge(now, before)
    assert found["p_adjusted"].iloc[0] < 0.001 and not found["pain"].any()  # below the effect
    assert judge(now, before, effects={"1": 0.02})["pain"].all()
    assert not judge(before, now, effects={"1": 0.02})["pain"].any()  # it got better
    nps = [nps_interval(*parts) for parts in ((30, 50, 100), (50, 30, 100))]
    two = [
        pd.DataFrame([{**row, "metric": "nps", "n": 100,
                       **{k: float(getattr(one, k)) for k in ("value", "low", "high")}}])
        for one in nps
    ]  # fmt: skip
    (worse,) = judge(two[0], two[1]).to_dict("records")
    assert worse["pain"] and worse["severity"] == pytest.approx(40 / 200)


def test_others_are_pooled_by_their_bases() -> None:
    rng = np.random.default_rng(3)
    now = cells(rng, {("csat", "intent", p): 0.6 for p in PERSONAS})
    found = judge(now).set_index("persona")
    for place, own in now.iterrows():
        rest = now.drop(index=place)
        assert found.loc[own["persona"], "base_value"] == pytest.approx(
            (rest["value"] * rest["n"]).sum() / rest["n"].sum()
        )
    shuffled = judge(now.sample(frac=1, random_state=1)).set_index("persona")
    pd.testing.assert_frame_equal(shuffled.loc[found.index], found)
    assert judge(now[now["persona"] == "P1"]).empty


def test_a_cell_without_limits_is_no_test() -> None:
    row = dict.fromkeys(CELL, "x") | {"metric": "csat", "n": 1, "value": 0.0}
    now = pd.DataFrame([{**row, "low": np.nan, "high": np.nan}])
    assert judge(now, now).empty and ranked(judge(now, now), {}).empty
