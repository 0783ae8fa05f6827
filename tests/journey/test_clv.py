"""BG/NBD and Gamma–Gamma: published figures, a second plain likelihood, planted truth."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from cjlab.errors import UserError
from cjlab.journey._btyd import (
    alive,
    bg_nbd_likelihood,
    expected_purchases,
    expected_value,
    fit_bg_nbd,
    fit_gamma_gamma,
    gamma_gamma_likelihood,
)
from cjlab.journey.base import Journeys
from cjlab.journey.clv import clv, clv_customers

PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
PARAMS = tuple(PUBLISHED.values())
STAGES = [{"id": "buy", "purchase": True}]


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return pd.read_csv(Path(__file__).parents[1] / "data" / "cdnow.csv", comment="#")


def test_cdnow_as_published(cdnow) -> None:
    """Fader, Hardie & Lee 2005, table 2; Fader & Hardie 2013, section 5."""
    assert cdnow["customers"].sum() == 2357
    fit = fit_bg_nbd(cdnow["x"], cdnow["t_x"], cdnow["T"], cdnow["customers"])
    assert fit.converged
    assert fit.params == pytest.approx(PUBLISHED, abs=6e-4)
    assert fit.log_likelihood == pytest.approx(-9582.4, abs=0.05)

    again = cdnow[cdnow["x"] > 0]
    rows = again.loc[again.index.repeat(again["customers"])]
    assert len(rows) == 946
    money = fit_gamma_gamma(rows["x"], rows["zbar"])
    assert money.params == pytest.approx({"p": 6.25, "q": 3.74, "v": 15.44}, abs=0.01)


def plain_likelihood(r, alpha, a, b, x, t_x, length) -> float:
    """Equation 6, one customer."""
    first = math.lgamma(r + x) - math.lgamma(r) + r * math.log(alpha)
    beta = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    stay = math.lgamma(a) + math.lgamma(b + x) - math.lgamma(a + b + x)
    found = math.exp(stay - (r + x) * math.log(alpha + length))
    if x > 0:
        gone = math.lgamma(a + 1) + math.lgamma(b + x - 1) - math.lgamma(a + b + x)
        found += math.exp(gone - (r + x) * math.log(alpha + t_x))
    return first + beta + math.log(found)


def test_likelihood_and_gradient_against_loops() -> None:
    rng = np.random.default_rng(4)
    length = rng.integers(0, 400, 60) / 7
    x = np.where(length > 0, rng.poisson(2, 60), 0).astype(float)
    t_x = np.where(x > 0, length * rng.random(60), 0.0)
    weight = rng.integers(1, 5, 60).astype(float)
    for params in ([0.3, 4.0, 0.8, 2.4], [2.0, 30.0, 1.0, 1.0], [0.5, 1.0, 3.0, 0.2]):
        expected = sum(
            w * plain_likelihood(*params, *row)
            for w, *row in zip(weight, x, t_x, length, strict=True)
        )
        value, gradient = bg_nbd_likelihood(params, x, t_x, length, weight)
        assert value == pytest.approx(expected)
        slopes = stepped(lambda p: bg_nbd_likelihood(p, x, t_x, length, weight)[0], params)
        assert gradient == pytest.approx(slopes, rel=1e-5, abs=1e-5)

    x, mean = np.maximum(x, 1), rng.gamma(3, 10, 60)
    for params in ([6.0, 4.0, 15.0], [0.7, 1.3, 200.0]):
        p, q, v = params
        expected = 0.0
        for k, m in zip(x, mean, strict=True):
            expected += math.lgamma(p * k + q) - math.lgamma(p * k) - math.lgamma(q)
            expected += q * math.log(v) + (p * k - 1) * math.log(m) + p * k * math.log(k)
            expected -= (p * k + q) * math.log(v + m * k)
        value, gradient = gamma_gamma_likelihood(params, x, mean)
        assert value == pytest.approx(expected)
        slopes = stepped(lambda p: gamma_gamma_likelihood(p, x, mean)[0], params)
        assert gradient == pytest.approx(slopes, rel=1e-5, abs=1e-5)


def stepped(function, params, step=1e-5) -> list[float]:
    found = []
    for k in range(len(params)):
        up, down = list(params), list(params)
        up[k] += step
        down[k] -= step
        found.append((function(up) - function(down)) / (2 * step))
    return found


@pytest.mark.parametrize("params", [PARAMS, (0.3, 2.0, 1.0, 2.0), (1.2, 9.0, 0.05, 0.5)])
@pytest.mark.parametrize("row", [(0, 0.0, 38.9), (2, 30.4, 38.9), (29, 38.0, 39.0), (1, 1.0, 300)])
def test_expectation_is_the_integral_over_rates_and_dropout(params, row) -> None:
    r, alpha, a, b = params
    x, t_x, length = row

    # The posterior of who is alive: rate ~ Gamma(r + x, alpha + T), p ~ Beta(a, b + x).
    rates = stats.gamma(r + x, scale=1 / (alpha + length))
    chances = stats.beta(a, b + x)
    grid = (np.arange(4000) + 0.5) / 4000
    rate = rates.ppf(grid)[:, None]
    p = np.maximum(chances.ppf((np.arange(1000) + 0.5) / 1000), 1e-12)
    mean = float((-np.expm1(-rate * p * 39) / p).mean())
    found = expected_purchases(params, 39, [x], [t_x], [length])[0]
    assert found == pytest.approx(mean * alive(params, [x], [t_x], [length])[0], rel=5e-3)


def test_alive_and_value_by_bayes() -> None:
    r, alpha, a, b = PARAMS
    x, t_x, length = 3, 12.0, 20.0

    def stays(p, rate):
        return (1 - p) ** x * rate**x * math.exp(-rate * length) * prior(p, rate)

    def leaves(p, rate):
        return p * (1 - p) ** (x - 1) * rate**x * math.exp(-rate * t_x) * prior(p, rate)

    def prior(p, rate):
        return stats.beta.pdf(p, a, b) * stats.gamma.pdf(rate, r, scale=1 / alpha)

    both = [integrate.dblquad(f, 1e-9, 5, 0, 1, epsabs=1e-9)[0] for f in (stays, leaves)]
    assert alive(PARAMS, [x], [t_x], [length])[0] == pytest.approx(both[0] / sum(both), rel=1e-4)
    assert alive(PARAMS, [0], [0], [50])[0] == 1

    # Shrunk from the customer's own mean towards that of all, the less the more was bought.
    found = expected_value((6.25, 3.74, 15.44), [0, 1, 10, 1000], [np.nan, 100, 100, 100])
    assert found[0] == pytest.approx(6.25 * 15.44 / 2.74)
    assert (np.diff(found) > 0).all() and found[-1] == pytest.approx(100, rel=1e-2)
    assert np.isnan(expected_value((2.0, 0.9, 5.0), [0], [0])[0])


def simulate(seed: int, size: int, params=(0.6, 6.0, 0.8, 2.4)) -> tuple:
    """Repeat purchases of customers who buy until they drop out."""
    r, alpha, a, b = params
    rng = np.random.default_rng(seed)
    length = rng.integers(140, 700, size) / 7
    times = []
    for rate, p, end in zip(
        rng.gamma(r, 1 / alpha, size), rng.beta(a, b, size), length, strict=True
    ):
        own, now = [], rng.exponential(1 / rate)
        while now < end:
            own.append(now)
            if rng.random() < p:
                break
            now += rng.exponential(1 / rate)
        times.append(own)
    return times, length, rng


def test_planted_parameters_are_found() -> None:
    truth = {"r": 0.6, "alpha": 6.0, "a": 0.8, "b": 2.4}
    times, length, rng = simulate(1, 20_000)
    x = np.array([len(own) for own in times])
    t_x = np.array([own[-1] if own else 0.0 for own in times])
    fit = fit_bg_nbd(x, t_x, length)
    assert fit.converged
    for name, value in truth.items():
        assert abs(fit.params[name] - value) < 4 * fit.standard_errors[name]
        assert fit.standard_errors[name] < value / 10

    # Given once with a weight, rows say the same; another unit of time is the same model.
    rows, count = np.unique(np.column_stack([x, t_x, length]), axis=0, return_counts=True)
    assert fit_bg_nbd(*rows.T, count).params == pytest.approx(fit.params, rel=1e-4)
    days = fit_bg_nbd(x, 7 * t_x, 7 * length).params
    assert days == pytest.approx({**fit.params, "alpha": 7 * fit.params["alpha"]}, rel=1e-4)

    bought = x + 1
    nu = rng.gamma(3.7, 1 / 15.4, len(x))
    money = fit_gamma_gamma(bought, rng.gamma(6.25 * bought, 1 / (nu * bought)))
    for name, value in {"p": 6.25, "q": 3.7, "v": 15.4}.items():
        assert abs(money.params[name] - value) < 4 * money.standard_errors[name]


def shop(seed: int, size: int) -> pd.DataFrame:
    """A log of purchases with values, in days of 2025 and 2026."""
    times, length, rng = simulate(seed, size)
    end, rows = pd.Timestamp("2026-12-01"), []
    for number, (own, weeks) in enumerate(zip(times, length, strict=True)):
        first = end - pd.Timedelta(round(weeks * 7), "D") + pd.Timedelta(9, "h")
        level = rng.gamma(3, 10)
        for week in (0, *own):
            at = first + pd.Timedelta(min(math.ceil(week * 7), round(weeks * 7) - 1), "D")
            rows.append((f"c{number:05}", at, "buy", round(level * rng.gamma(5, 0.2) + 0.01, 2)))
    return pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "value"])


def test_clv_of_a_study() -> None:
    frame = shop(2, 1200).assign(country=lambda f: np.where(f["customer_id"] < "c00400", "a", "b"))
    options = {"stages": STAGES, "timezone": "Europe/Oslo", "observed_until": "2026-12-01"}
    j = Journeys.from_frame(frame, **options)
    who = clv_customers(j).set_index("customer_id")
    for name, own in frame.groupby("customer_id"):
        days = sorted({ts.date() for ts in own["ts"]})
        again = own[own["ts"].dt.date > days[0]].groupby(own["ts"].dt.date)["value"].sum()
        row = who.loc[name]
        assert row["x"] == len(days) - 1
        assert row["t_x"] == (days[-1] - days[0]).days / 7
        assert row["T"] == (pd.Timestamp("2026-11-30").date() - days[0]).days / 7
        mean = row["mean_value"]
        assert pd.isna(mean) if again.empty else mean == pytest.approx(again.mean())

    whole, parts = clv(j), clv(j, by="country")
    assert (whole["status"] == "ok").all() and (parts["status"] == "ok").all()
    for metric, row in whole.set_index("metric").iterrows():
        assert row["value"] == pytest.approx(who[metric].mean())
        assert 0 <= row["low"] < row["value"] < row["high"]
        own = parts[parts["metric"] == metric]
        assert np.average(own["value"], weights=own["n"]) == pytest.approx(row["value"])
        # Fewer customers, wider limits.
        assert (own["high"] - own["low"] > row["high"] - row["low"]).all()
    assert abs(whole.attrs["correlation"]) < 0.2
    assert whole.attrs["fit"]["bg_nbd"]["converged"]
    pd.testing.assert_frame_equal(whole, clv(Journeys.from_frame(frame[::-1], **options)))


def test_what_cannot_be_estimated_says_why() -> None:
    few = clv(Journeys.from_frame(shop(3, 50), stages=STAGES))
    assert set(few["note"]) == {"few_repeat_buyers"} and few["value"].isna().all()

    # Everyone buys at one pace and nobody leaves: there is no dropout to estimate.
    times = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(20) * 7, "D")
    frame = pd.DataFrame(
        [(f"c{k}", ts, "buy") for k in range(150) for ts in times],
        columns=["customer_id", "ts", "stage"],
    )
    found = clv(Journeys.from_frame(frame, stages=STAGES)).set_index("metric")
    assert found.loc["expected_orders", "note"] == "no_maximum"
    assert found.loc["expected_value", "note"] == "no_value"

    unpriced = clv(Journeys.from_frame(shop(2, 1200).drop(columns="value"), stages=STAGES))
    notes = unpriced.set_index("metric")["note"]
    assert notes["expected_value"] == "no_value" and pd.isna(notes["expected_orders"])


def test_wrong_use() -> None:
    with pytest.raises(UserError, match="t_x"):
        fit_bg_nbd([0], [1.0], [2.0])
    with pytest.raises(UserError, match="one length"):
        fit_bg_nbd([0, 1], [0.0], [2.0])
    with pytest.raises(UserError, match="null"):
        fit_bg_nbd([0, np.nan], [0.0, 0.0], [2.0, 2.0])
    with pytest.raises(UserError, match="positive"):
        fit_gamma_gamma([1], [0.0])
