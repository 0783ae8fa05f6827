"""What if: plain arithmetic where nothing is drawn, planted truths covered, no false gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cjlab as cj
from cjlab import privacy
from cjlab.errors import UserError
from cjlab.maps import JourneyMap, Scenario, WhatIf, whatif, wins
from cjlab.maps.effects import draw
from cjlab.maps.scenario import Effect
from cjlab.resample import percentiles
from cjlab.study import Study
from tests.maps import future_study as known

SPAN = {"start": "2026-01-01", "end": "2026-04-01"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("future")


@pytest.fixture(scope="module")
def study(place: Path) -> Study:
    return known.study(place / "now")


def scenario(*changes: dict, **more: object) -> Scenario:
    return Scenario(name="Try", changes=changes, **more)


def step(effect: dict, at: str = "want", **more: object) -> dict:
    return {"step": at, "conversion": effect, **more}


def side(found: WhatIf, which: str) -> pd.DataFrame:
    table = found.table[found.table["scenario"] == which]
    return table.set_index(["metric", "stage", "touchpoint"])


def test_the_funnel_is_plain_arithmetic(study: Study) -> None:
    tried = scenario(step({"by": 0.1}, "see"), step({"times": 1.2}), later={"times": 0.5})
    found = side(whatif(study, tried, draws=200), "scenario")["value"]
    reached = cj.funnel(study.journeys(**SPAN), window="30D")
    n1, n2, n3 = reached.loc[reached["metric"] == "reached", "value"]
    first, then = n2 / n1 + 0.1, n3 / n2 * 1.2
    want = n1 * first
    # Those who were there anyway go on at the new rate, those who were won at half of it.
    pay = n2 * then + (want - n2) * then * 0.5
    assert found["conversion", "see", "(all)"] == pytest.approx(first)
    assert found["from_first", "want", "(all)"] == pytest.approx(want / n1)
    assert found["conversion", "want", "(all)"] == pytest.approx(pay / want)
    assert found["conversion", "(all)", "(all)"] == pytest.approx(pay / n1)


def test_reach_and_value_follow_from_who_gets_how_far(study: Study) -> None:
    found = side(whatif(study, scenario(step({"to": 0.75})), draws=200), "gap")["value"]
    events = pd.read_csv(Path(study.folder) / "events.csv")
    there = {stage: set(rows["customer_id"]) for stage, rows in events.groupby("stage")}
    n, n2, n3 = len(there["see"]), len(there["want"]), len(there["pay"])
    won = 0.75 * n2 - n3
    mean = events["value"].sum() / n3
    assert found["reach", "see", "(all)"] == found["reach", "want", "(all)"] == 0
    assert found["reach", "pay", "(all)"] == pytest.approx(won / n)
    assert found["reach", "use", "(all)"] == pytest.approx(won * len(there["use"]) / n3 / n)
    assert found["value", "(all)", "(all)"] == pytest.approx(won * mean)
    assert found["value_mean", "(all)", "(all)"] == pytest.approx(won * mean / n)
    assert found["value_per_100", "(all)", "(all)"] == pytest.approx(100 * won * mean / n)


@pytest.fixture(scope="module")
def scored(study: Study) -> WhatIf:
    rise = {"touchpoint": "want", "score": {"kind": "csat", "by": 0.3}, "share": 0.5}
    fall = {"touchpoint": "pay", "score": {"kind": "csat", "to": 0.6}}
    points = {"touchpoint": "pay", "score": {"kind": "nps", "by": -10}}
    stay = {"stage": "want", "time": {"times": 1}}
    return whatif(study, scenario(rise, fall, points, stay), draws=200)


def test_scores_weigh_by_answers(study: Study, scored: WhatIf) -> None:
    found = scored
    answers = pd.read_csv(Path(study.folder) / "answers.csv")
    csat = answers[answers["kind"] == "csat"].assign(good=lambda rows: rows["score"] >= 4)
    mean, n = (csat.groupby("touchpoint")["good"].agg(how) for how in ("mean", "size"))
    gap = side(found, "gap")["value"]
    assert gap["csat", "want", "want"] == pytest.approx(0.15)
    assert gap["csat", "pay", "pay"] == pytest.approx(0.6 - mean["pay"])
    whole = (n["want"] * 0.15 + n["pay"] * (0.6 - mean["pay"])) / n.sum()
    assert gap["csat", "(all)", "(all)"] == pytest.approx(whole)
    assert gap["nps", "(all)", "(all)"] == pytest.approx(-10)
    # A score moves nothing else, and a time that stays moves nothing.
    assert (gap[["conversion", "reach", "value"]] == 0).all()
    assert gap["median", "want", "(all)"] == 0


def test_times_are_cut_where_they_are_spent(place: Path) -> None:
    most = known.study(place / "most", 300, want=0.95, seed=4)
    found = whatif(most, scenario({"stage": "want", "time": {"times": 0.25}}), draws=200)
    events = pd.read_csv(Path(most.folder) / "events.csv", parse_dates=["ts"])
    at = events.pivot_table(index="customer_id", columns="stage", values="ts", aggfunc="min")
    until = at["pay"].fillna(pd.Timestamp("2026-04-01") - pd.Timedelta("1us"))
    inside = (until - at["want"]).fillna(pd.Timedelta(0))
    wait = (until - at["see"] - 0.75 * inside) / pd.Timedelta("1D")
    median = cj.stats.km_quantile(cj.stats.km(wait, at["pay"].notna()), 0.5).value
    row = side(found, "scenario").loc[("median", "(all)", "(all)")]
    assert row["value"] == pytest.approx(median, abs=1e-6) and row["low"] < median < row["high"]
    gap = side(found, "gap").loc[("median", "(all)", "(all)")]
    assert gap["value"] < 0 and gap["high"] < 0
    stay = side(found, "scenario").loc[("median", "want", "(all)"), "value"]
    assert stay == pytest.approx(side(found, "today").loc[("median", "want", "(all)"), "value"] / 4)


def test_today_is_the_metrics_own(study: Study, scored: WhatIf) -> None:
    today = side(scored, "today")
    j = study.journeys(**SPAN)
    funnel = cj.funnel(j, window="30D").set_index(["metric", "step"])
    reach = cj.journey.contacts(j, level="stage").set_index(["metric", "stage"])
    value = cj.journey.value(j).set_index("metric")
    stay = cj.time_in_stage(j).set_index(["metric", "stage"])
    score = cj.voice.scores(study, "csat", by="touchpoint", pool="wave", **SPAN)
    overall = cj.voice.scores(study, "csat", pool="wave", **SPAN)
    same = {
        ("conversion", "want", "(all)"): funnel.loc[("from_previous", "pay")],
        ("conversion", "(all)", "(all)"): funnel.loc[("from_first", "pay")],
        ("reach", "use", "(all)"): reach.loc[("reach", "use")],
        ("value", "(all)", "(all)"): value.loc["value"],
        ("median", "want", "(all)"): stay.loc[("median", "want")],
        ("csat", "want", "want"): score.set_index(["metric", "touchpoint"]).loc[("csat", "want")],
        ("csat", "(all)", "(all)"): overall.set_index("metric").loc["csat"],
    }
    for key, row in same.items():
        for name in ("value", "low", "high", "n", "customers"):
            own, wanted = today.loc[key][name], row[name]
            assert (pd.isna(own) and pd.isna(wanted)) or own == wanted, (key, name)


def test_the_planted_change_is_covered(study: Study, place: Path) -> None:
    """The same crowd with more who pay, and what is true of all such crowds."""
    after = known.study(place / "after", want=0.6)
    tried = scenario(step({"by": 0.1, "low": 0.06, "high": 0.14}))
    found = side(whatif(study, tried), "scenario")
    real = cj.funnel(after.journeys(**SPAN), window="30D").set_index(["metric", "step"])["value"]
    reach = cj.journey.contacts(after.journeys(**SPAN), level="stage")
    reach = reach[reach["metric"] == "reach"].set_index("stage")["value"]
    value = cj.journey.value(after.journeys(**SPAN)).set_index("metric")["value"]
    share = known.ONWARD["see"] * 0.6
    truths = {
        ("conversion", "want"): (real["from_previous", "pay"], 0.6),
        ("conversion", "(all)"): (real["from_first", "pay"], share),
        ("reach", "use"): (reach["use"], share * known.USES),
        ("value_mean", "(all)"): (value["value_mean"], share * known.VALUE),
        ("value_per_100", "(all)"): (100 * value["value_mean"], 100 * share * known.VALUE),
    }
    for (metric, stage), told in truths.items():
        row = found.loc[(metric, stage, "(all)")]
        for truth in told:
            assert row["low"] < truth < row["high"], (metric, stage, truth)
        assert row["high"] - row["low"] < 0.4 * row["value"], "too wide to say anything"


def test_the_gaps_interval_covers_as_often_as_it_says() -> None:
    """300 times a crowd and a test of the effect: 95 % of the intervals hold the true gap.

    The binomial error of 300 tries is 1.3 points; the bounds are 3 of them.
    """
    rng = np.random.default_rng(11)
    onward, effect, error, n, draws = (0.8, 0.6, 0.5), 0.06, 0.02, 400, 400
    stay = [0.2, 0.8 * 0.4, 0.8 * 0.6 * 0.5, 0.8 * 0.6 * 0.5]
    truth = onward[0] * (onward[1] + effect) * onward[2] - onward[0] * onward[1] * onward[2]
    held = 0
    for turn in range(300):
        levels = rng.multinomial(n, stay)
        told = rng.normal(effect, error)
        known_as = Effect(by=told, low=told - 1.96 * error, high=told + 1.96 * error)
        drawn = rng.multinomial(n, levels / n, size=draws).astype(float)
        reached = wins.reached_of(drawn)
        now = wins.conversions_of(reached)
        then = now[:, 1] + draw(known_as, draws, turn, 0)
        gap = reached[:, -1] / n * (wins.ratios(now, {1: then})[:, -1] - 1)
        low, high = percentiles(gap[:, None])
        held += bool(low[0] <= truth <= high[0])
    assert 0.91 <= held / 300 <= 0.99


@settings(max_examples=30)
@given(
    levels=st.lists(st.integers(1, 500), min_size=2, max_size=6),
    steps=st.lists(st.floats(0, 1), min_size=5, max_size=5),
    later=st.floats(0, 1),
)
def test_nobody_appears_or_vanishes(levels: list[int], steps: list[float], later: float) -> None:
    """However conversions change, as many start; and the levels add up to those who reach."""
    own = np.array([levels], dtype=float)
    now = wins.conversions_of(wins.reached_of(own))
    changed = {k: np.array([steps[k]]) for k in range(now.shape[1])}
    ratio = wins.ratios(now, changed, later)
    more = wins.moved(own, ratio)
    assert more.sum() == pytest.approx(0, abs=1e-9)
    assert (own + more >= -1e-9).all()
    assert wins.reached_of(own + more) == pytest.approx(wins.reached_of(own) * ratio, abs=1e-9)
    # What each brings is 1: nothing is gained.
    assert wins.gained(more, own, own) == pytest.approx(0, abs=1e-9)


def test_nothing_is_known_of_those_whom_nobody_is_like() -> None:
    own = np.array([[5.0, 3.0, 0.0]])
    now = wins.conversions_of(wins.reached_of(own))
    assert np.isnan(wins.ratios(now, {1: np.array([0.5])})[0, 2])
    assert wins.ratios(now, {1: np.array([0.0])})[0, 2] == 1
    more = np.array([[-1.0, 0.0, 1.0]])
    assert np.isnan(wins.gained(more, own, own)[0])


def test_no_change_is_no_gap(study: Study) -> None:
    tried = scenario(
        step({"by": 0}), step({"times": 1}, "see"),
        {"touchpoint": "want", "score": {"kind": "csat", "by": 0}},
    )  # fmt: skip
    found = whatif(study, tried, draws=200)
    gap = side(found, "gap")
    estimable = gap[gap["status"] == "ok"]
    assert len(estimable) > 10 and (estimable["value"] == 0).all()
    assert estimable[["low", "high"]].isna().all(axis=None)
    assert set(estimable["note"]) == {"unchanged"}
    then = side(found, "scenario")["value"].dropna()
    assert (then == side(found, "today")["value"].reindex(then.index)).all()


def test_more_is_more(study: Study) -> None:
    def gaps(effect: dict) -> pd.Series:
        return side(whatif(study, scenario(step(effect)), draws=200), "gap")["value"]

    less, some, more = gaps({"by": -0.05}), gaps({"by": 0.02}), gaps({"times": 1.4})
    for key in (("conversion", "(all)"), ("reach", "use"), ("value_per_100", "(all)")):
        at = (*key, "(all)")
        assert less[at] < 0 < some[at] < more[at]


def test_a_known_effect_has_a_gap_without_limits(study: Study) -> None:
    gap = side(whatif(study, scenario(step({"by": 0.1})), draws=200), "gap")
    own, whole = (gap.loc[("conversion", at, "(all)")] for at in ("want", "(all)"))
    assert np.isnan(own["low"]) and own["note"] == "as_assumed"
    assert whole["low"] < whole["value"] < whole["high"]


def test_the_order_of_rows_does_not_matter(place: Path) -> None:
    tried = scenario(
        step({"by": 0.1, "low": 0.0, "high": 0.2}), {"stage": "want", "time": {"times": 0.9}},
        {"touchpoint": "pay", "score": {"kind": "nps", "by": 5, "low": 0, "high": 10}},
    )  # fmt: skip
    one, other = (
        whatif(known.study(place / name, 200, shuffled=shuffled), tried, draws=200).table
        for name, shuffled in (("in_order", False), ("shuffled", True))
    )
    # Sums of floats in another order differ in their last digits.
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_a_seed_moves_limits_only(study: Study) -> None:
    tried = scenario(step({"by": 0.1, "low": 0.0, "high": 0.2}))
    one, same, other = (whatif(study, tried, draws=200, seed=seed).table for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one, same)
    assert (one["value"].dropna() == other["value"].dropna()).all()
    moved = one["scenario"] != "today"
    assert (one["low"] != other["low"])[moved & one["low"].notna()].any()


def test_small_cells_have_no_gap(place: Path) -> None:
    few = known.study(place / "few", 40, want=0.2, seed=3)
    events = pd.read_csv(Path(few.folder) / "events.csv")
    assert 0 < (events["stage"] == "pay").sum() < 10
    found = whatif(few, scenario(step({"by": 0.1})), draws=200).table
    assert privacy.gate(found)[0].equals(found)
    own = found.set_index(["metric", "stage", "scenario"])
    for key in (
        ("conversion", "want"),
        ("conversion", "(all)"),
        ("reach", "pay"),
        ("value", "(all)"),
    ):
        assert own.loc[(*key, "today"), "status"] == "suppressed"
        for which in ("scenario", "gap"):
            row = own.loc[(*key, which)]
            assert (row["status"], row["note"]) == ("not_estimable", "today_withheld")
            assert row[["value", "low", "high", "n", "hits"]].isna().all()
    # What is not touched by it stays as it is.
    assert own.loc[("reach", "see", "gap"), "value"] == 0 or pd.isna(
        own.loc[("reach", "see", "gap"), "value"]
    )


def test_mistakes_are_one_line(study: Study, place: Path) -> None:
    for change, said in (
        (step({"by": 0.7}), r"Try: changes.0: conversion of want is .* above 1"),
        (
            step({"by": 0.1}, "wnat"),
            r'changes.0: no step of the funnel "wnat". Did you mean "want"',
        ),
        (step({"by": 0.1}, "pay"), r"pay is the last step; the share that goes on from want"),
        ({"stage": "us", "time": {"times": 0.9}}, r'changes.0: no stage "us". Did you mean "use"'),
        (
            {"touchpoint": "see", "score": {"kind": "csat", "by": 0.1}},
            r'changes.0: no answers \(csat\) about "see"',
        ),
    ):
        with pytest.raises(UserError, match=said) as told:
            whatif(study, scenario(change), draws=200)
        assert "\n" not in str(told.value)
    with pytest.raises(UserError, match="draws is 10; limits of 95% need 200"):
        whatif(study, scenario(step({"by": 0.1})), draws=10)
    with pytest.raises(UserError, match="personas are not assigned yet"):
        whatif(study, scenario(step({"by": 0.1}), persona="P1"), draws=200)
    with pytest.raises(UserError, match="a future state needs a scenario"):
        JourneyMap.from_study(study, template="future")
    with pytest.raises(UserError, match='choose template "future"'):
        JourneyMap.from_study(study, scenario="payment.yaml")


def test_what_is_assumed_is_printed(study: Study) -> None:
    wide = {"by": 0.45, "low": 0.2, "high": 0.7}
    tried = scenario(
        step(wide), step({"by": 0.1}, "see", why="Test in May"), assumptions=["By March"]
    )
    said = whatif(study, tried, draws=400).assumptions
    assert "+45.0 percentage points (95% range: +20.0 to +70.0)." in said[0]
    assert "was cut off there" in said[0] and said[0].endswith("Assumed, no evidence.")
    assert said[1].endswith("Known from: Test in May") and said[2] == "Stated: By March"
    assert any("assumed to be worth the mean" in text for text in said)
    assert any("400 draws (seed 0)" in text and "1,500" in text for text in said)
    assert whatif(study, tried, draws=200, language="fi").assumptions[1].endswith("Test in May")


def test_the_map_of_the_future(place: Path) -> None:
    more = ", map: {file: map.yaml, scenario: plan.yaml}"
    one = known.study(place / "drawn", 600, more=more)
    folder = Path(one.folder)
    (folder / "map.yaml").write_text(
        "cards: {touchpoints: {want: [Old shop]}}\n"
        "future: {touchpoints: {want: [New shop]}, needs: {pay: [Pay in one step]}}\n"
    )
    (folder / "plan.yaml").write_text(
        "name: Plan <b>\nchanges:\n- {step: want, conversion: {by: 0.1, low: 0.05, high: 0.15}}\n"
        "- {touchpoint: want, score: {kind: csat, by: 0.1}}\n"
    )
    found = JourneyMap.from_study(one, template="future")
    assert found.title == "The journey we want: Plan <b>"
    assert [card.text for card in found.cell("touchpoints", "want")] == ["New shop"]
    numbers = found.numbers()
    assert set(numbers["lane"]) == {"emotion", "today", "targets", "gap", "outcome"}
    for call, rows in numbers.groupby("call"):
        fresh = eval(call, {"cj": cj, "study": one})  # our own call, as shown
        fresh = privacy.gate(fresh)[0]
        for row in rows.to_dict("records"):
            same = fresh["metric"] == row["metric"]
            for name, value in row["where"].items():
                same &= fresh[name].astype("str") == value
            (own,) = fresh[same].to_dict("records")
            assert row["value"] == pytest.approx(own["value"], abs=1e-9, nan_ok=True)
            assert row["n"] == own["n"] and row["status"] == own["status"]
    calls = set(numbers["call"])
    assert "cj.maps.whatif(study, 'plan.yaml', period='2026Q1').table" in calls
    (raised,) = found.cell("emotion", "want")
    assert [n.where.get("scenario") for n in raised.numbers] == ["scenario", None]
    assert raised.numbers[0].value == pytest.approx(raised.numbers[1].value + 0.1)
    (change, _score) = found.cell("assumptions", "want")
    assert change.text.startswith("Share that goes on from “Want”")
    assert {card.text for card in found.cell("outcome")} > {"From the first step to the last"}
    html = found.write(folder / "f.html").read_text(encoding="utf-8")
    assert "Gap to today" in html and "Plan &lt;b&gt;" in html and "Plan <b>" not in html
    again = JourneyMap.read(found.write(folder / "f.json"))
    assert again == found
