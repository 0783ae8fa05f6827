"""Drivers of a study: what its customers rated before they judged the whole, by plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from voice_small import make

from cjlab import ask
from cjlab.errors import UserError
from cjlab.privacy import gate
from cjlab.voice import drivers, importance_performance

ENDS = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
PAY, SHIP, CALL = "pay (CSAT)", "ship (CSAT)", "call (CES)"


def planted(seed: int = 4, customers: int = 80) -> pd.DataFrame:
    """Ratings and overall scores of customers in no order of time, some twice, some at once."""
    rng = np.random.default_rng(seed)
    lines = []
    for who in range(customers):
        liking = rng.normal()
        asked = [("nps", "", "relational")] * rng.integers(1, 3)
        asked += [("csat", "pay", "transactional")] * rng.integers(1, 4)
        asked += [("csat", "ship", "transactional")] * rng.integers(0, 3)
        asked += [("ces", "call", "transactional")] * (rng.random() < 0.2)
        asked += [("nps", "order", "transactional"), ("csat", "", "relational")]
        for kind, touchpoint, relation in asked:
            first, last = ENDS[kind]
            score = np.clip(round((first + last) / 2 + liking + rng.normal()), first, last)
            day = pd.Timestamp("2026-01-01T12:00Z") + pd.Timedelta(days=int(rng.integers(0, 90)))
            lines.append((kind, int(score), f"c{who:02d}", day, touchpoint, relation))
    names = ["kind", "score", "customer_id", "ts", "touchpoint", "relation"]
    frame = pd.DataFrame(lines, columns=names)
    # The same question at the same instant has no last answer: exports hold no such thing.
    return frame.drop_duplicates(["kind", "customer_id", "ts", "touchpoint"], ignore_index=True)


def by_hand(frame: pd.DataFrame, start: str, end: str) -> tuple[pd.DataFrame, pd.Series]:
    """Ratings and overall scores, a customer at a time."""
    rows, scores = {}, {}
    for who, own in frame.groupby("customer_id"):
        whole = own[(own["kind"] == "nps") & (own["relation"] == "relational")]
        whole = whole[(whole["ts"] >= start) & (whole["ts"] < end)].sort_values("ts")
        if whole.empty:
            continue
        scores[who] = whole["score"].iloc[-1]
        before = own[(own["touchpoint"] != "") & (own["ts"] <= whole["ts"].iloc[-1])]
        rows[who] = {
            f"{touchpoint} ({kind.upper()})": 100
            * (part.sort_values("ts")["score"].iloc[-1] - ENDS[kind][0])
            / (ENDS[kind][1] - ENDS[kind][0])
            for (touchpoint, kind), part in before.groupby(["touchpoint", "kind"])
        }
    return pd.DataFrame.from_dict(rows, orient="index"), pd.Series(scores)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return planted()


@pytest.fixture(scope="module")
def study(frame, tmp_path_factory):
    return make(tmp_path_factory.mktemp("rated"), {"responses": frame}, timezone="UTC")


SPAN = {"start": "2026-02-01", "end": "2026-03-15"}


def test_a_studys_drivers_are_those_of_each_customers_last_ratings(frame, study) -> None:
    x, y = by_hand(frame, *SPAN.values())
    assert (x.notna().all(axis=1) < x[[PAY, SHIP]].notna().all(axis=1)).any()
    found = drivers(study, **SPAN, only=[PAY, SHIP], draws=20)
    plain = drivers(x[[PAY, SHIP]], y, draws=20)
    pd.testing.assert_frame_equal(found, plain)
    assert found.attrs["rows"] == len(y) and found.attrs["complete"] == found["n"].iloc[0]
    placed = importance_performance(study, **SPAN, only=[PAY, SHIP], draws=20)
    own = importance_performance(x[[PAY, SHIP]], y, draws=20)
    assert set(placed.loc[placed["metric"] == "performance", "unit"]) == {"points"}
    pd.testing.assert_frame_equal(placed.drop(columns="unit"), own.drop(columns="unit"))


def test_drivers_come_in_as_long_as_enough_rated_them_all(frame, study) -> None:
    x, y = by_hand(frame, *SPAN.values())
    names = sorted(x.columns)
    inside: list[str] = []
    while len(inside) < len(names):
        counts = {n: x[[*inside, n]].notna().all(axis=1).sum() for n in names if n not in inside}
        best = max(counts, key=lambda name: counts[name])
        if inside and counts[best] < max(20, 5 * (len(inside) + 2)):
            break
        inside.append(best)
    assert 1 < len(inside) < len(names) and CALL not in inside
    found = drivers(study, **SPAN, minimum=20, draws=20)
    lmg = found[found["metric"] == "lmg"].set_index("driver")
    assert lmg.index.tolist() == names
    assert set(lmg.index[lmg["value"].notna()]) == set(inside)
    assert set(lmg.loc[lmg["value"].isna(), "note"]) == {"few_together"}
    plain = drivers(x[sorted(inside)], y, draws=20)
    own = plain[plain["metric"] == "lmg"].set_index("driver")
    # Rows stand in another order, so that the resamples are others; the numbers are the same.
    rest = [name for name in own.columns if name not in ("low", "high")]
    pd.testing.assert_frame_equal(lmg.loc[own.index, rest], own[rest])
    missing = found[found["metric"] == "missing"].set_index("driver")["value"]
    assert missing.to_dict() == x.isna().sum().to_dict()
    alone = found[found["metric"] == "missing_only"].set_index("driver")["value"]
    assert alone[CALL] == 0 and alone[inside].gt(0).any()
    # How well the others do is known all the same.
    placed = importance_performance(study, **SPAN, minimum=20, draws=20)
    row = placed[(placed["metric"] == "performance") & (placed["driver"] == CALL)].iloc[0]
    assert row[["value", "n"]].tolist() == pytest.approx([x[CALL].mean(), x[CALL].count()])
    shown = ask.answer(study, "drivers", settings=["minimum=20", "draws=20"], period="all")
    assert len(shown) == len(gate(drivers(study, minimum=20, draws=20))[0])


def test_too_few_is_said_and_so_is_what_is_missing(frame, study, tmp_path) -> None:
    few = make(tmp_path / "few", {"responses": frame[frame["customer_id"] < "c08"]})
    found = drivers(few, draws=20)
    assert set(found.loc[found["metric"] == "lmg", "note"]) == {"few_answers"}
    assert found.loc[found["metric"] == "lmg", "value"].isna().all()
    with pytest.raises(UserError, match=r'no driver "pay".*pay \(CSAT\)'):
        drivers(study, only=["pay"])
    with pytest.raises(UserError, match="nobody gave a dated relational answer of kind ces"):
        drivers(study, outcome="ces")
    with pytest.raises(UserError, match=r"drivers: y and customers belong to a frame"):
        drivers(study, y=[1])
    with pytest.raises(UserError, match="a study's ratings are points from 0 to 100"):
        importance_performance(study, scale=(1, 5))
    with pytest.raises(UserError, match="importance_performance: y is missing"):
        importance_performance(pd.DataFrame({"a": [1]}))
    with pytest.raises(UserError, match="drivers: a period needs a study"):
        drivers(pd.DataFrame({"a": [1]}), [1], start="2026-01-01")
    # Overall satisfaction is about no touchpoint; pooled, every NPS answer is an outcome.
    satisfied = drivers(study, outcome="csat", minimum=20, draws=20)
    assert "order (NPS)" in set(satisfied["driver"])
    pooled = drivers(study, pool="relation", minimum=20, draws=20)
    assert "order (NPS)" not in set(pooled["driver"].dropna())
    assert pooled.attrs["rows"] == frame.loc[frame["kind"] == "nps", "customer_id"].nunique()


def test_hard_is_bad_and_scales_are_told_apart(tmp_path) -> None:
    """Effort 1.0 has low for good; a survey's respondents stand for who is not known."""
    lines = []
    for who in range(40):
        day = f"2026-01-01T10:{who:02d}:00Z"
        lines += [("nps", who % 11, "", day, f"r{who}", "", "relational", 10)]
        lines += [("ces", 1 + who % 5, "call", day, f"r{who}", "", "", "")]
        lines += [("csat", 1 + who % 3, "pay", day, f"r{who}", "", "", 5 if who % 2 else 7)]
    names = ["kind", "score", "touchpoint", "ts", "respondent", "customer_id", "relation", "scale"]
    study = make(tmp_path, {"responses": pd.DataFrame(lines, columns=names)})
    found = importance_performance(study, ces_version="1.0", draws=20)
    rows = found[found["metric"] == "performance"].set_index("driver")
    assert rows.index.tolist() == [CALL, "pay (csat 1–5)", "pay (csat 1–7)"]
    assert rows["n"].tolist() == [40, 20, 20]
    effort = [100 * (5 - (1 + who % 5)) / 4 for who in range(40)]
    seven = [100 * (who % 3) / 6 for who in range(0, 40, 2)]
    expected = [np.mean(effort), np.mean(seven)]
    assert rows.loc[[CALL, "pay (csat 1–7)"], "value"].tolist() == pytest.approx(expected)
