"""The weakest moment: the planted pain, and the chances by a second computation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import voice_small as small

from cjlab import open_study, voice
from cjlab.errors import UserError
from cjlab.privacy import gate
from cjlab.stats import nps_interval
from cjlab.voice import coverage, moments, weakest_moment
from cjlab.voice._asked import Asked
from cjlab.voice._weakest import compared


@pytest.fixture(scope="module")
def study(repo):
    return open_study(repo / "data" / "retail" / "study.yaml")


def asked(*answers: tuple[list[float], float, float], instrument: str = "csat 1–5") -> Asked:
    """Answers of one customer each, a list for each place with its scale."""
    size = sum(len(scores) for scores, _first, _last in answers)
    n, total = np.zeros((2, size, len(answers)))
    begun = 0
    for cell, (scores, _first, _last) in enumerate(answers):
        rows = slice(begun, begun + len(scores))
        n[rows, cell], total[rows, cell] = 1, scores
        begun += len(scores)
    cells = pd.DataFrame(
        [(instrument, f"p{k}", first, last, 1.0) for k, (_s, first, last) in enumerate(answers)],
        columns=["instrument", "touchpoint", "first", "last", "better"],
    )
    return Asked(cells, n, total, np.full(size, np.nan))


def test_equal_places_share_the_chance_and_few_answers_are_out() -> None:
    found = asked(([3.0] * 40, 1, 5), ([3.0] * 40, 1, 5), ([1.0] * 5, 1, 5))
    race = compared(found, pooled=False, minimum=30, draws=50, seed=0)
    assert race.p_lowest[:2].tolist() == [0.5, 0.5] and np.isnan(race.p_lowest[2])
    assert race.shortfall.tolist() == [50, 50, 100]


def test_scales_are_compared_by_shortfall() -> None:
    found = asked(([4.0, 5.0] * 20, 1, 5), ([5.0, 6.0] * 20, 0, 10))
    race = compared(found, pooled=True, minimum=30, draws=50, seed=0)
    assert race.shortfall.tolist() == [12.5, 45.0]
    assert race.p_lowest.tolist() == [0.0, 1.0]


def test_the_planted_pain_is_the_weakest_moment_from_its_day_on(study) -> None:
    after = weakest_moment(study, "2026-07-06", "2026-10-01", draws=300)
    assert after.attrs["weakest"] == {"csat 1–5 transactional": "payment"}
    csat = after[after["instrument"].str.startswith("csat")].set_index(["touchpoint", "metric"])
    assert csat.loc[("payment", "p_lowest"), "value"] > 0.99
    severity = csat.xs("severity", level="metric")
    assert severity["value"].idxmax() == "payment"
    assert set(severity["note"]) == {"without_importance"}
    before = weakest_moment(study, "2026-01-01", "2026-07-01", draws=300)
    assert before.attrs["weakest"]["csat 1–5 transactional"] != "payment"
    lone = before[(before["touchpoint"] == "order") & (before["metric"] == "p_lowest")]
    assert lone["note"].tolist() == ["nothing_to_compare"]


def test_the_picture_has_every_touchpoint_once_for_each_metric(study) -> None:
    found = moments(study, "2026-07-06", "2026-10-01")
    assert not found.duplicated(["touchpoint", "metric"]).any()
    table = found.set_index(["touchpoint", "metric"])
    weakest = weakest_moment(study, "2026-07-06", "2026-10-01", draws=2)
    own = weakest[weakest["touchpoint"] == "payment"].set_index("metric")
    for metric in ("reach", "tickets_per_100"):
        value = table.loc[("payment", metric), "value"]
        assert value == pytest.approx(own.loc[metric, "value"])
    assert table.loc[("payment", "csat"), "value"] < table.loc[("product_page", "csat"), "value"]


def test_options_are_checked(study) -> None:
    with pytest.raises(UserError, match='Did you mean "stage"'):
        weakest_moment(study, level="stages")
    with pytest.raises(UserError, match="minimum is 1"):
        weakest_moment(study, minimum=1)


def test_no_table_tells_the_shares_that_the_scores_withhold(tmp_path) -> None:
    """Four passives: their share follows from the exact interval, from a variance, from a base."""
    scored = {"visit": [10] * 40 + [8] * 4 + [2] * 30, "pay": [10] * 40 + [8] * 20 + [2] * 30}
    given = [(place, score) for place, own in scored.items() for score in own]
    answers = pd.DataFrame(given, columns=["touchpoint", "score"]).assign(kind="nps")
    answers["customer_id"] = [f"c{k}" for k in range(len(answers))]
    answers["ts"] = "2026-01-10T10:00:00Z"
    events = answers[["customer_id", "touchpoint"]].assign(ts="2026-01-10T09:00:00Z")
    events = pd.concat([events, events[::2].assign(ts="2026-02-01T09:00:00Z")])
    late = events[:1].assign(ts="2026-06-01T09:00:00Z", customer_id="last", touchpoint="ship")
    (tmp_path / "touchpoints.csv").write_text(small.CATALOGUE, encoding="utf-8")
    tables = {"responses": answers, "events": pd.concat([events, late])}
    study = small.make(tmp_path, tables, touchpoints="touchpoints.csv")
    told = gate(voice.scores(study, "nps", by="touchpoint"))[0].set_index(["touchpoint", "metric"])
    assert told.loc[("visit", "passives"), "status"] == "suppressed"
    beside = moments(study).set_index(["touchpoint", "metric"])
    widest = nps_interval(74 * (1 + 10 / 74) / 2, 74 * (1 - 10 / 74) / 2, 74)
    plain = nps_interval(40, 30, 90)
    for place, span in (("visit", widest), ("pay", plain)):
        for table in (told, beside):
            limits = table.loc[(place, "nps"), ["low", "high"]].tolist()
            assert limits == pytest.approx([span.low, span.high])
    rates = ["low_rate", "other_rate", "risk_ratio", "p_adjusted"]
    weak = weakest_moment(study, draws=2).set_index(["touchpoint", "metric"])
    assert weak.loc["visit"].loc[rates, "status"].tolist() == ["suppressed"] * 4
    assert weak.loc["visit"].loc[rates, "n"].isna().all()
    assert weak.loc["pay"].loc[rates, "n"].tolist() == [30, 60, 90, 90]
    lacking = coverage(study).set_index(["touchpoint", "kind", "metric"])["value"]
    assert lacking["visit", "nps", "half_width"] == pytest.approx(100 * 1.959964 / 74**0.5)
    assert lacking["pay", "nps", "half_width"] < 100 * 1.959964 / 90**0.5
