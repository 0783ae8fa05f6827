"""The weakest moment: the planted pain, and the chances by a second computation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlab import open_study
from cjlab.errors import UserError
from cjlab.voice import moments, weakest_moment
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
