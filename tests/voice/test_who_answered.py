"""Response rates, responders and weights; sample sizes, Kano and reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlab.errors import UserError
from cjlab.privacy import gate
from cjlab.stats import nps_interval, proportion
from cjlab.voice import kano, rake, reasons, responders, response_rates, sample_size, weighted

HEAD = "kind,score,text,customer_id,ts,channel,invited_ts"
DAY = "2026-01-15T10:00:00Z"


def test_rates_need_the_invitations(study) -> None:
    sent = [f"nps,,,c{k},,email,{DAY}" for k in range(6)]
    done = [f"nps,9,,d{k},{DAY},email,{DAY}" for k in range(3)]
    half = [f"nps,,,e{k},{DAY},email,{DAY}" for k in range(1)]
    sms = [f"nps,9,,f{k},{DAY},sms,{DAY}" for k in range(2)]
    found = response_rates(study([HEAD, *sent, *done, *half, *sms]), "channel")
    found = found.set_index(["channel", "metric"])
    mail = found.loc["email"]
    assert mail.loc["invited", "value"] == 10
    assert mail.loc["response_rate", ["value", "low", "high"]].tolist() == pytest.approx(
        list(proportion(4, 10))
    )
    assert mail.loc["completion_rate", ["value", "n"]].tolist() == [0.75, 4]
    assert found.loc[("sms", "response_rate"), "value"] == 1


def test_answers_alone_tell_no_rate(study) -> None:
    opened = study([HEAD, *(f"nps,9,,d{k},{DAY},email,{DAY}" for k in range(3))])
    found = response_rates(opened, "channel").set_index("metric")
    assert found.loc["response_rate", "note"] == "needs_invitations"
    assert pd.isna(found.loc["response_rate", "value"])
    asked = pd.DataFrame({"customer_id": [f"d{k}" for k in range(12)], "channel": "email"})
    found = response_rates(opened, "channel", invitations=asked).set_index("metric")
    assert found.loc["response_rate", ["value", "n"]].tolist() == [0.25, 12]
    with pytest.raises(UserError, match='no column "channel"'):
        response_rates(opened, "channel", invitations=asked[["customer_id"]])
    with pytest.raises(UserError, match='no "chanel"'):
        response_rates(opened, "chanel")


def test_who_answered_differs_as_planted(study) -> None:
    events = ["customer_id,ts,touchpoint"]
    for who in range(60):
        for day in range(1, 3 + who % 2 + 4 * (who < 30)):
            events.append(f"c{who},2026-01-{day:02d}T{10 + who % 5}:00:00Z,visit")
    rows = [f"nps,9,,c{who},{DAY},email," for who in range(30)]
    found = responders(study([HEAD, *rows], events), select=["frequency"])
    row = found.set_index("feature").loc["frequency"]
    assert row["value"] > 1 and row["low"] > 0 and (row["n"], row["hits"]) == (60, 30)
    with pytest.raises(UserError, match="no response names a customer"):
        responders(study([HEAD, f"nps,9,,zz,{DAY},email,"], events), select=["frequency"])


def test_standardised_difference_by_hand(study) -> None:
    events = ["customer_id,ts,touchpoint"]
    visits = [1, 2, 2, 4, 5, 7]
    for who, times in enumerate(visits):
        events += [f"c{who},2026-01-{day + 1:02d}T10:00:00Z,visit" for day in range(times)]
    opened = study([HEAD, *(f"nps,9,,c{k},{DAY},email," for k in (3, 4, 5))], events)
    from cjlab.personas import features

    values = features(opened, select=["frequency"])["frequency"].to_numpy()
    a, b = values[3:], values[:3]
    spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    found = responders(opened, select=["frequency"]).iloc[0]
    assert found["value"] == pytest.approx((a.mean() - b.mean()) / spread, abs=1e-9)


def test_raking_meets_every_margin() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.choice(["y", "m", "o"], 500, p=[0.2, 0.3, 0.5])})
    frame["land"] = rng.choice(["SE", "NO"], 500, p=[0.8, 0.2])
    margins = {"age": {"y": 0.4, "m": 0.3, "o": 0.3}, "land": {"SE": 550, "NO": 450}}
    weights = rake(frame, margins)
    assert weights.attrs["converged"] and weights.mean() == pytest.approx(1)
    for name, share in (
        ("age", {"y": 0.4, "m": 0.3, "o": 0.3}),
        ("land", {"SE": 0.55, "NO": 0.45}),
    ):
        found = weights.groupby(frame[name]).sum() / weights.sum()
        assert found.to_dict() == pytest.approx(share, abs=1e-8)
    assert weights.attrs["effective_n"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    trimmed = rake(frame, margins, trim=1.5)
    assert trimmed.max() <= 1.5 + 1e-9 and trimmed.mean() == pytest.approx(1)
    assert not trimmed.attrs["converged"] and trimmed.attrs["gap"] > 0
    order = frame.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(rake(order, margins).sort_index(), weights, atol=1e-9)
    with pytest.raises(UserError, match="has no margin"):
        rake(frame, {"age": {"y": 0.5, "m": 0.5}})
    with pytest.raises(UserError, match="no respondent has age 'z'"):
        rake(frame, {"age": {"y": 0.4, "m": 0.3, "o": 0.2, "z": 0.1}})


def test_weighted_beside_unweighted() -> None:
    frame = pd.DataFrame({"score": [10, 10, 0, 0, 8, "x"]})
    found = weighted(frame, [1, 1, 2, 2, 1, 9]).set_index(["weighting", "metric"])
    assert found.loc[("unweighted", "nps"), "value"] == 0
    assert found.loc[("weighted", "nps"), "value"] == pytest.approx(100 * (2 - 4) / 7)
    kish = 7**2 / 11
    assert found.loc[("weighted", "effective_n"), "value"] == pytest.approx(kish)
    limits = nps_interval(2 / 7 * kish, 4 / 7 * kish, kish)
    assert found.loc[("weighted", "nps"), "low"] == pytest.approx(limits.low)
    alike = weighted(frame, np.full(6, 3.0)).set_index(["weighting", "metric"])["value"]
    assert alike["weighted"].to_dict() == pytest.approx(alike["unweighted"].to_dict())
    with pytest.raises(UserError, match="6 answers but 2 weights"):
        weighted(frame, [1, 2])


@pytest.mark.parametrize("margin", [3, 7.5, 20])
def test_sample_size_turns_the_interval_round(margin: float) -> None:
    def half(n: int) -> float:
        found = nps_interval(0.5 * n, 0.2 * n, n)
        return (found.high - found.low) / 2

    n = sample_size(margin, promoters=0.5, detractors=0.2)
    assert half(n) <= margin < half(n - 1)
    share = sample_size(margin / 100, "csat")
    widths = [np.diff(proportion(k / 2, k)[1:])[0] / 2 for k in (share, share - 1)]
    assert widths[0] <= margin / 100 < widths[1]


def test_sample_size_for_few_customers_and_repeats() -> None:
    plain = sample_size(5, "nps")
    assert sample_size(5, "nps", population=1000) == -(-plain * 1000 // (1000 + plain - 1))
    assert sample_size(5, "nps", design_effect=2) == 2 * plain
    assert sample_size(5, "nps", response_rate=0.1) == 10 * plain
    assert sample_size(0.5, "ces", sd=1.5) < sample_size(0.5, "ces")
    for wrong in ({"margin": 0}, {"margin": 5, "level": 1}, {"margin": 5, "promoters": 0.5}):
        with pytest.raises(UserError, match="sample_size"):
            sample_size(**wrong)


def test_every_pair_of_kano_has_its_category() -> None:
    # Berger et al. (1993), row by row.
    table = ["QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"]
    names = {"A": "attractive", "O": "one_dimensional", "M": "must_be"}
    names |= {"I": "indifferent", "R": "reverse", "Q": "questionable"}
    for a, row in enumerate(table, 1):
        for b, letter in enumerate(row, 1):
            found = kano(pd.DataFrame({"functional": [a], "dysfunctional": [str(b)]}))
            shares = found.set_index("metric")["value"]
            assert shares[names[letter]] == 1 and shares[list(names.values())].sum() == 1


def test_kano_coefficients_stand_on_the_four() -> None:
    pairs = [("like", "neutral")] * 6 + [(1, 5)] * 3 + [(2, 5)] * 2 + [(3, 3)] * 4 + [(5, 1)] * 5
    frame = pd.DataFrame([*pairs, ("?", 1)], columns=["functional", "dysfunctional"])
    found = kano(frame.assign(feature="chat"))
    assert found.columns[0] == "feature"
    found = found.set_index("metric")
    better = proportion(9, 15)
    assert found.loc["better", ["value", "low", "high", "n"]].tolist() == pytest.approx(
        [*better, 15]
    )
    worse = proportion(5, 15)
    assert found.loc["worse", ["value", "low", "high"]].tolist() == pytest.approx(
        [-worse.value, -worse.high, -worse.low]
    )
    assert found.loc["attractive", "n"] == 20 and found.loc["invalid", "value"] == 1


def test_reasons_by_competitor_with_the_value_lost() -> None:
    frame = pd.DataFrame(
        {
            "reason": ["price", " price", "late;price", "late", "", None],
            "competitor": ["X", "X", "Y", "Y", "Y", "Y"],
            "lost": [10, 20, 30, 40, 50, 60],
        }
    )
    found = reasons(frame, "competitor", value="lost", currency="SEK", separator=";")
    assert found.attrs["unanswered"] == 2
    seen = found.set_index(["competitor", "reason", "metric"])["value"]
    assert seen["X", "price", "share"] == 1 and seen["X", "late", "share"] == 0
    assert seen["Y", "price", "share"] == 0.5 and seen["Y", "late", "share"] == 1
    assert seen["X", "price", "value"] == 30 and seen["Y", "late", "value"] == 70
    whole = reasons(frame, separator=";")
    assert whole["reason"].tolist() == ["price", "late"]
    assert whole[["value", "low", "high"]].iloc[0].tolist() == pytest.approx(list(proportion(3, 4)))
    few = reasons(frame, separator=";", minimum=3)
    assert few[["reason", "value"]].values.tolist() == [["price", 0.75], ["(other)", 0.5]]
    # A frame keeps its words, and loses them where it is published.
    crowd = pd.DataFrame({"reason": ["price"] * 60 + ["my boss, Ann"] * 3 + ["late"] * 9})
    gated, withheld = gate(reasons(crowd.assign(shop=["A", "B", "B"] * 24), "shop"))
    assert set(gated["reason"]) == {"price", "(other)"}
    assert {row["dims"]["reason"] for row in withheld} <= {"price", "(other)"}
    with pytest.raises(UserError, match='no column "why"'):
        reasons(frame, reason="why")
