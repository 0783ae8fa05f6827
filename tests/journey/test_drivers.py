"""Conversion drivers against plain loops over each customer's events."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from journey_brute import GRID, MINUTE, STAGES, Question, Z, clean, frame_of, many
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from cjlab.errors import UserError
from cjlab.journey import Journeys, conversion_drivers
from cjlab.stages import StageModel
from cjlab.stats import adjust

MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])


def journeys(frame: pd.DataFrame, question: Question | None = None, model: Any = MODEL) -> Journeys:
    options = (question or Question()).options()
    return Journeys.from_frame(frame, stages=model, channel="channel", **options)


def by_hand(frame: pd.DataFrame, question: Question, level: str, window: int | None) -> dict:
    """Who met what within 15 minutes, and who came to stage c later."""
    known, mark = clean(frame, question), 15 * MINUTE
    early = immature = 0
    people: list[tuple[set, bool]] = []
    for events in known.seen.values():
        own = [e for e in events if known.within(e.ts)]
        if not own:
            continue
        entry = own[0].ts
        goals = [e.ts - entry for e in own if e.stage == "c"]
        if goals and min(goals) <= mark:
            early += 1
        elif not entry + (window or mark) < known.until:
            immature += 1
        else:
            met = {getattr(e, level) for e in own if e.ts <= entry + mark} - {None}
            people.append((met, bool(goals) and (window is None or min(goals) <= window)))
    return {"early": early, "immature": immature, "people": people}


@pytest.mark.parametrize("level", ["touchpoint", "channel", "stage"])
@pytest.mark.parametrize("window", [None, 60])
def test_every_number_equals_the_loops(level, window) -> None:
    frame = many(21, 150).drop(columns="who")
    question = Question(until=GRID[-1] * MINUTE, start=(None if window else 15 * MINUTE))
    span = None if window is None else window * MINUTE
    found = conversion_drivers(
        journeys(frame, question),
        window=None if window is None else f"{window}min",
        landmark="15min",
        level=level,
    )
    expected = by_hand(frame, question, level, span)
    people = expected["people"]
    assert found.attrs["converted_early"] == expected["early"] > 0
    assert found.attrs["immature"] == expected["immature"]
    assert found.attrs["sentence"] == "association_not_cause"
    rows = found.set_index([level, "metric"])
    values = {"touchpoint": ["t1", "t2", "t3"], "channel": ["app", "web"], "stage": ["a", "b", "d"]}
    assert list(dict.fromkeys(found[level])) == values[level]
    tests = []
    for name in values[level]:
        with_it = [converted for met, converted in people if name in met]
        without = [converted for met, converted in people if name not in met]
        for metric, own in (("with_rate", with_it), ("without_rate", without)):
            row = rows.loc[(name, metric)]
            low, high = proportion_confint(sum(own), len(own), method="wilson")
            assert (row["n"], row["customers"], row["hits"]) == (len(own), len(own), sum(own))
            assert row["value"] == pytest.approx(sum(own) / len(own))
            assert (row["low"], row["high"]) == pytest.approx((low, high))
        a, n1, b, n0 = sum(with_it), len(with_it), sum(without), len(without)
        row, ratio = rows.loc[(name, "risk_ratio")], (a / n1) / (b / n0)
        half = Z * math.sqrt(1 / a - 1 / n1 + 1 / b - 1 / n0)
        assert row["value"] == pytest.approx(ratio) and row["n"] == len(people)
        assert row["low"] == pytest.approx(ratio * math.exp(-half))
        assert row["high"] == pytest.approx(ratio * math.exp(half))
        tests.append(stats.chi2_contingency([[a, n1 - a], [b, n0 - b]], correction=False).pvalue)
    for name, p in zip(values[level], adjust(tests), strict=True):
        assert rows.loc[(name, "p_adjusted"), "value"] == pytest.approx(p)
    assert found.attrs["m"] == len(tests)


def test_who_converts_late_has_no_head_start() -> None:
    """Everybody meets the ad once in ten days, whatever comes; without a landmark it would win."""
    rows = []
    for n in range(200):
        goal = n % 20 + 1
        rows.append((f"c{n:03}", 0, "a", "see", None))
        if n % 10 + 2 < goal:
            rows.append((f"c{n:03}", (n % 10 + 2) * 1440, "b", "ad", None))
        rows.append((f"c{n:03}", goal * 1440, "c", "buy", None))
    rows.append(("end", 60 * 1440, "a", "see", None))
    found = conversion_drivers(journeys(frame_of(rows)), landmark="5D", window="30D")
    ad = found.query("touchpoint == 'ad'").set_index("metric")
    assert ad.loc["with_rate", "value"] == ad.loc["without_rate", "value"] == 1
    assert pd.isna(ad.loc["risk_ratio", "value"]) and ad.loc["risk_ratio", "note"] == "empty_cell"
    assert ad.loc["risk_ratio", "status"] == "not_estimable"
    assert found.attrs["converted_early"] == 50 and found.attrs["immature"] == 1


def test_an_empty_cell_gives_rates_but_no_ratio() -> None:
    rows = [(f"c{n}", 0, "a", "t1", ("web", "app")[n % 2]) for n in range(8)]
    rows += [("c1", 20, "c", "t2", None), ("c3", 20, "c", "t2", None), ("end", 90, "a", "t1", None)]
    found = conversion_drivers(journeys(frame_of(rows)), landmark="15min", level="channel")
    table = found.set_index(["channel", "metric"])
    assert table.loc[("web", "with_rate"), "value"] == 0
    assert table.loc[("app", "with_rate"), "value"] == 0.5
    for channel in ("web", "app"):  # none of those on the web, none of those not on the app
        for metric in ("risk_ratio", "p_adjusted"):
            row = table.loc[(channel, metric)]
            assert pd.isna(row["value"]) and pd.isna(row["low"]) and row["note"] == "empty_cell"
    assert found.attrs["m"] == 0


def test_segments_stand_alone() -> None:
    frame = many(22, 120).drop(columns="who")
    frame["country"] = [("SE", "NO")[int(who[1:]) % 2] for who in frame["customer_id"]]
    question = Question(until=GRID[-1] * MINUTE)
    whole = conversion_drivers(journeys(frame, question), landmark="15min", by="country")
    for country in ("SE", "NO"):
        part = frame[frame["country"] == country].drop(columns="country")
        alone = conversion_drivers(journeys(part, question), landmark="15min")
        own = whole[whole["country"] == country].drop(columns="country").reset_index(drop=True)
        rest = own["metric"] != "p_adjusted"  # the family is the whole table
        pd.testing.assert_frame_equal(own[rest], alone[rest], check_like=True)


def test_without_a_purchase_the_last_milestone_is_the_goal() -> None:
    rows = [("x", 0, "a", "t1", None), ("x", 20000, "b", "t1", None), ("y", 0, "a", "t2", None)]
    model = StageModel.from_config(["a", "b"])
    found = conversion_drivers(journeys(frame_of(rows), model=model), level="stage")
    assert list(dict.fromkeys(found["stage"])) == ["a"]
    assert found.query("metric == 'with_rate'")["hits"].tolist() == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "stages"}, 'level is "stages". Did you mean "stage"?'),
        ({"goal": "cc"}, 'goal: no stage or touchpoint "cc"'),
        ({"window": "7D"}, 'window "7D" must be longer than the landmark "7D"'),
        ({"landmark": None}, "landmark is None; write for example 7D"),
    ],
)
def test_a_wrong_use_is_one_clear_line(options, message) -> None:
    with pytest.raises(UserError) as caught:
        conversion_drivers(journeys(frame_of([("x", 0, "a", "t", None)])), **options)
    assert message in str(caught.value)
