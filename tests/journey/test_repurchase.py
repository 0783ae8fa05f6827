"""Repurchase and RFM against loops in plain Python."""

from __future__ import annotations

import math
import random
from collections import defaultdict

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_brute import DAY, IDS, rate

from cjlab.errors import UserError
from cjlab.journey.base import Journeys
from cjlab.journey.clv import clv, clv_customers
from cjlab.journey.repurchase import repurchase
from cjlab.journey.rfm import rfm, rfm_segments, scores

FEW = settings(max_examples=8)
STAGES = [{"id": "see"}, {"id": "buy", "purchase": True}]
ZERO = pd.Timestamp("2026-01-05")
MICRO = pd.Timedelta(1, "us")


@st.composite
def logs(draw: st.DrawFn) -> pd.DataFrame:
    """Many customers on a coarse grid of days, so that ties and edges of windows are common."""
    rng = random.Random(draw(st.integers(0, 10_000)))
    who = rng.sample([*IDS, *(f"c{k}" for k in range(30))], draw(st.sampled_from([1, 5, 36])))
    rows = [
        (name, ZERO + pd.Timedelta(rng.randint(0, 40), "D") - rng.randint(0, 1) * MICRO, stage)
        for name in who
        for stage in rng.choices(["see", "buy", "buy"], k=rng.randint(1, 7))
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "ts", "stage"])
    frame["value"] = [rng.choice([None, 10, 20.25, 20.25, 99.99]) for _ in rows]
    return frame.drop_duplicates(ignore_index=True)


def purchases(frame: pd.DataFrame, until: pd.Timestamp) -> dict[str, dict]:
    """Every buyer's purchases: instant -> values."""
    found: dict[str, dict] = defaultdict(lambda: defaultdict(list))
    for row in frame.to_dict("records"):
        if row["stage"] == "buy" and row["ts"] < until:
            found[row["customer_id"]][row["ts"]].append(row["value"])
    return {who: dict(sorted(times.items())) for who, times in found.items()}


@FEW
@given(logs(), st.integers(5, 45), st.sampled_from([1, 7, 20]), st.booleans())
def test_repurchase(frame, day, days, with_start) -> None:
    until = ZERO + pd.Timedelta(day, "D")
    start = ZERO + pd.Timedelta(3, "D") if with_start else None
    span = pd.Timedelta(days, "D")
    j = Journeys.from_frame(frame, stages=STAGES, observed_until=until, start=start)
    table = repurchase(j, within=f"{days}D", orders=4)
    immature = 0
    for order in (2, 3, 4):
        base, hits, waits = 0, 0, []
        for times in map(list, purchases(frame, until).values()):
            if len(times) < order - 1 or (start is not None and times[order - 2] < start):
                continue
            here = times[order - 2]
            after = times[order - 1] if len(times) >= order else None
            end = (after if after is not None else until - MICRO) - here
            waits.append((end // MICRO, after is not None))
            if until - here > span:
                base += 1
                hits += after is not None and after - here <= span
        immature += len(waits) - base
        share, median = table[table["order"] == order].to_dict("records")
        assert (share["n"], share["hits"]) == (base, hits)
        if base:
            for name, value in rate(hits, base).items():
                assert share[name] == pytest.approx(value)
        else:
            assert pd.isna(share["value"])
            assert share["status"] == ("not_yet_observed" if waits else "not_estimable")
        assert (median["n"], median["hits"]) == (len(waits), sum(seen for _, seen in waits))
        expected = middle(waits)
        if expected is None:
            assert pd.isna(median["value"])
            assert median["note"] == ("not_reached" if waits else "no_orders_before")
        else:
            assert median["value"] == pytest.approx(expected / DAY)
    assert table.attrs["immature"] == immature


def middle(waits: list[tuple[int, bool]]) -> float | None:
    """First time at which Kaplan–Meier is at most a half."""
    left = 1.0
    for time in sorted({t for t, seen in waits if seen}):
        risk = sum(t >= time for t, _ in waits)
        left *= 1 - sum(t == time and seen for t, seen in waits) / risk
        if left <= 0.5 + 1e-12:
            return time
    return None


def midrank_score(values: list[float], at: float) -> int:
    below, same = sum(v < at for v in values), sum(v == at for v in values)
    return math.ceil(5 * (2 * below + same + 1) / (2 * len(values)))


@FEW
@given(logs(), st.integers(5, 45))
def test_rfm(frame, day) -> None:
    until = ZERO + pd.Timedelta(day, "D")
    bought = purchases(frame, until)
    j = Journeys.from_frame(frame, stages=STAGES, observed_until=until)
    table = rfm(j).set_index("customer_id")
    assert sorted(table.index) == sorted(bought)
    last = {who: max(times) for who, times in bought.items()}
    sums = {}
    for who, times in bought.items():
        known = [v for values in times.values() for v in values if not pd.isna(v)]
        sums[who] = sum(known) if known else None
    valued = [v for v in sums.values() if v is not None]
    for who, row in table.iterrows():
        assert row["recency"] == pytest.approx((until - last[who]) / pd.Timedelta(1, "D"))
        assert row["frequency"] == len(bought[who])
        r = midrank_score([t.value for t in last.values()], last[who].value)
        f = midrank_score([len(t) for t in bought.values()], len(bought[who]))
        m = 0
        if sums[who] is None:
            assert pd.isna(row["monetary"]) and pd.isna(row["m"])
        else:
            assert row["monetary"] == pytest.approx(sums[who])
            m = midrank_score([round(v, 2) for v in valued], round(sums[who], 2))
            assert row["m"] == m
        assert (row["r"], row["f"]) == (r, f)
        if r >= 4:
            segment = "recent" if f < 4 else "champions" if m >= 4 else "loyal"
        elif r == 3:
            segment = "loyal" if f >= 4 else "needs_attention"
        else:
            segment = "at_risk" if f >= 4 else "dormant"
        assert row["segment"] == segment

    found = rfm_segments(j).pivot(index="segment", columns="metric", values="value")
    assert found["customers"].sum() == len(bought)
    if valued:
        assert found["value_share"].sum() == pytest.approx(1)
        own = table.groupby("segment")["monetary"].sum() / sum(valued)
        for segment, share in own.items():
            assert found.loc[segment, "value_share"] == pytest.approx(share)


def test_equal_values_have_equal_scores_and_nulls_none() -> None:
    assert scores(pd.Series([5.0] * 7)).tolist() == [3] * 7
    found = scores(pd.Series([1.0, None, 2.0]))
    assert found[[0, 2]].tolist() == [3, 5] and pd.isna(found[1])


def test_row_order_does_not_matter() -> None:
    rng = random.Random(3)
    rows = [(f"c{rng.randint(0, 40)}", ZERO + pd.Timedelta(rng.randint(0, 999), "h"), "buy")
            for _ in range(200)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "ts", "stage"])
    frame["value"] = [rng.random() for _ in rows]
    one, two = (Journeys.from_frame(f, stages=STAGES) for f in (frame, frame[::-1]))
    for metric in (repurchase, rfm, rfm_segments):
        pd.testing.assert_frame_equal(metric(one), metric(two))


def test_nobody_bought() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "ts": [ZERO], "stage": ["see"]})
    j = Journeys.from_frame(frame, stages=STAGES)
    assert rfm(j).empty
    assert set(rfm_segments(j).query("metric != 'customers'")["note"]) == {"no_buyers"}
    assert set(repurchase(j)["note"]) == {"no_orders_before"}


def test_wrong_use() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "ts": [ZERO], "stage": ["see"]})
    with pytest.raises(UserError, match="orders is 1"):
        repurchase(Journeys.from_frame(frame, stages=STAGES), orders=1)
    with pytest.raises(UserError, match="no orders"):
        rfm(Journeys.from_frame(frame, stages=["see"]))


@pytest.mark.parametrize("metric", [repurchase, rfm, rfm_segments, clv, clv_customers])
def test_units(metric) -> None:
    """Sessions buy as their customer, an account as one life whoever of it acts."""
    rng = random.Random(8)
    rows = []
    for _ in range(200):
        number = rng.randint(0, 30)
        ts = ZERO + pd.Timedelta(rng.randint(0, 999), "h")
        rows.append((f"c{number}", ts, "buy", f"acc{number // 3}", rng.randint(1, 99)))
    frame = pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "account_id", "value"])
    alone = frame.drop(columns="account_id")
    by_customer, by_session = (
        metric(Journeys.from_frame(alone, stages=STAGES, unit=u)) for u in ("customer", "session")
    )
    pd.testing.assert_frame_equal(by_customer, by_session)
    found = metric(Journeys.from_frame(frame, stages=STAGES, unit="account"))
    relabelled = alone.assign(customer_id=frame["account_id"])
    expected = metric(Journeys.from_frame(relabelled, stages=STAGES))
    same = [c for c in found.columns if c not in ("customers", "hits", "of", "unit", "customer_id")]
    pd.testing.assert_frame_equal(found[same], expected[same])
    if "customers" in found:
        assert (found["customers"] <= 31).all()
        assert (found["customers"] > found["n"]).any()
