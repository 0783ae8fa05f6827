"""Importance beside performance: places, ellipses and chances, by a second computation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlab.errors import UserError
from cjlab.voice import drivers, importance_performance


def made(rows: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """Two drivers that matter and two that do not, of either one is rated high."""
    rng = np.random.default_rng(0)
    means = {"queue": 2.5, "staff": 4.0, "site": 2.6, "parking": 3.9}
    x = {name: np.clip(np.rint(m + rng.normal(size=rows)), 1, 5) for name, m in means.items()}
    frame = pd.DataFrame(x)
    return frame, frame["queue"] + frame["staff"] + rng.normal(size=rows)


def cell(table: pd.DataFrame, metric: str, driver: str | None = None) -> pd.Series:
    place = table["driver"].isna() if driver is None else table["driver"] == driver
    return table[place & (table["metric"] == metric)].iloc[0]


QUADRANTS = ["keep_up", "concentrate", "low_priority", "overkill"]


def test_planted_quadrants_are_found_and_add_up() -> None:
    x, y = made()
    found = importance_performance(x, y, draws=200)
    planted = {
        "queue": "concentrate",
        "staff": "keep_up",
        "site": "low_priority",
        "parking": "overkill",
    }
    for driver, quadrant in planted.items():
        chances = [cell(found, name, driver)["value"] for name in QUADRANTS]
        assert sum(chances) == pytest.approx(1, abs=1e-12)
        assert cell(found, quadrant, driver)["value"] == max(chances) > 0.9


def test_the_axes_are_those_of_drivers_and_of_the_ratings() -> None:
    x, y = made()
    both = drivers(x, y, draws=50).query("metric == 'lmg'").set_index("driver")
    found = importance_performance(x, y, draws=50)
    for driver in x:
        own = cell(found, "importance", driver)
        assert own[["value", "low", "high"]].tolist() == pytest.approx(
            both.loc[driver, ["value", "low", "high"]].tolist()
        )
        assert cell(found, "performance", driver)["value"] == pytest.approx(x[driver].mean())
    assert cell(found, "importance_cut")["value"] == pytest.approx(both["value"].mean())
    assert cell(found, "performance_cut")["value"] == pytest.approx(x.mean().mean())


def test_the_crosshair_is_drawn_anew_in_every_resample() -> None:
    """Two drivers that always move together: the lines move with them, the chances do not."""
    rng = np.random.default_rng(2)
    base = rng.integers(1, 5, 80).astype(float)
    x = pd.DataFrame({"low": base, "high": base + 1.0})
    x["high"] += rng.normal(scale=0.01, size=80)
    found = importance_performance(x, base + rng.normal(size=80), draws=100)
    assert cell(found, "performance_cut")["high"] > cell(found, "performance_cut")["low"]
    right = cell(found, "keep_up", "high")["value"] + cell(found, "overkill", "high")["value"]
    assert right == pytest.approx(1)
    fixed = importance_performance(
        x, base + rng.normal(size=80), draws=100, crosshair=(0.1, x["high"].mean())
    )
    right = cell(fixed, "keep_up", "high")["value"] + cell(fixed, "overkill", "high")["value"]
    assert 0.2 < right < 0.8


def test_the_ellipse_is_the_spread_of_the_resamples() -> None:
    x, y = made(120)
    order = np.lexsort([*(x[name] for name in sorted(x)[::-1]), y])
    rng, drawn = np.random.default_rng(4), []
    for _ in range(40):
        rows = order[rng.integers(0, 120, rng.binomial(120, 1.0))]
        again = drivers(x.iloc[rows].reset_index(drop=True), y.to_numpy()[rows], draws=2)
        own = again[(again["metric"] == "lmg") & (again["driver"] == "queue")]["value"].item()
        drawn.append((own, x["queue"].to_numpy()[rows].mean()))
    found = importance_performance(x, y, draws=40, random_state=4)
    assert cell(found, "importance_sd", "queue")["value"] == pytest.approx(np.std(drawn, axis=0)[0])
    assert cell(found, "performance_sd", "queue")["value"] == pytest.approx(
        np.std(drawn, axis=0)[1]
    )
    joint = np.corrcoef(np.array(drawn).T)[0, 1]
    assert cell(found, "correlation", "queue")["value"] == pytest.approx(joint)


def test_top_boxes_midpoints_and_medians() -> None:
    x, y = made()
    found = importance_performance(
        x, y, performance="top_box", top=4, crosshair="midpoint", importance="std_beta", draws=20
    )
    assert cell(found, "performance", "staff")["value"] == pytest.approx((x["staff"] >= 4).mean())
    assert cell(found, "performance_cut")["value"] == 0.5
    assert cell(found, "performance_cut")["note"] == "crosshair_midpoint"
    middle = importance_performance(x, y, crosshair="midpoint", scale=(1, 5), draws=20)
    assert cell(middle, "performance_cut")["value"] == 3
    medians = importance_performance(x, y, crosshair="medians", draws=20)
    assert cell(medians, "performance_cut")["value"] == pytest.approx(x.mean().median())


def test_performance_counts_all_ratings_and_importance_the_complete_rows() -> None:
    x, y = made()
    x.loc[:49, "queue"] = np.nan
    found = importance_performance(x, y, draws=20)
    assert cell(found, "performance", "staff")["n"] == 300
    assert (
        cell(found, "performance", "queue")["n"] == 250 == cell(found, "importance", "staff")["n"]
    )
    assert cell(found, "performance", "queue")["value"] == pytest.approx(x["queue"].mean())


def test_too_few_one_and_constant_drivers_say_so() -> None:
    x, y = made()
    few = importance_performance(x[:8], y[:8], draws=20)
    assert cell(few, "importance", "staff")["note"] == "few_answers"
    assert cell(few, "keep_up", "staff")["status"] == "not_estimable"
    assert cell(few, "performance", "staff")["value"] == pytest.approx(x["staff"][:8].mean())
    one = importance_performance(x[["staff"]], y, draws=20)
    assert cell(one, "keep_up", "staff")["note"] == "one_driver"
    none = importance_performance(x[:0], y[:0], draws=20)
    assert none["value"].isna().all() and cell(none, "performance", "staff")["note"] == "no_answers"
    same = importance_performance(x.assign(same=4), y, draws=20)
    assert cell(same, "importance", "same")["note"] == "constant"
    assert cell(same, "importance_cut")["value"] == pytest.approx(
        cell(importance_performance(x, y, draws=20), "importance_cut")["value"]
    )


def test_options_are_checked() -> None:
    x, y = made(30)
    for options, message in [
        ({"crosshair": "mean"}, 'Did you mean "means"'),
        ({"importance": "beta"}, "importance is"),
        ({"performance": "top_box"}, "top is missing"),
        ({"crosshair": "midpoint"}, "scale is missing"),
        ({"crosshair": (1.0,)}, "two numbers"),
    ]:
        with pytest.raises(UserError, match=message):
            importance_performance(x, y, **options)
