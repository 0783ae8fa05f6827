"""Intervals cover: simulated studies, at least the nominal level less two points."""

import numpy as np
import pytest

from cjlab.stats import clustered_ratio, difference, km, km_quantile, nps_interval, proportion, rmst

pytestmark = pytest.mark.prove

LEVEL = 0.95
SLACK = 0.02
DRAWS = 100_000
CURVES = 4_000


def coverage(interval, truth):
    return float(((interval.low <= truth) & (truth <= interval.high)).mean())


@pytest.mark.parametrize("n", [20, 50, 200, 1000])
def test_wilson_covers_on_average_over_rates(n):
    rng = np.random.default_rng(n)
    # One rate alone swings with n p; what a report shows is many cells of many rates.
    rate = rng.uniform(0.02, 0.98, DRAWS)
    hits = rng.binomial(n, rate)
    assert coverage(proportion(hits, n, level=LEVEL), rate) >= LEVEL - SLACK
    assert coverage(proportion(hits, n, method="exact", level=LEVEL), rate) >= LEVEL


@pytest.mark.parametrize(("n", "rate"), [(30, 0.1), (30, 0.5), (100, 0.05), (100, 0.9), (500, 0.3)])
def test_wilson_covers_single_rates(n, rate):
    hits = np.random.default_rng(1).binomial(n, rate, DRAWS)
    assert coverage(proportion(hits, n, level=LEVEL), rate) >= LEVEL - SLACK


@pytest.mark.parametrize(
    ("n1", "p1", "n2", "p2"),
    [(30, 0.5, 30, 0.4), (40, 0.1, 60, 0.15), (100, 0.05, 300, 0.08), (500, 0.3, 200, 0.3)],
)
def test_newcombe_covers(n1, p1, n2, p2):
    rng = np.random.default_rng(2)
    x1, x2 = rng.binomial(n1, p1, DRAWS), rng.binomial(n2, p2, DRAWS)
    assert coverage(difference(x1, n1, x2, n2, level=LEVEL), p1 - p2) >= LEVEL - SLACK


@pytest.mark.parametrize(("n", "p", "d"), [(20, 0.5, 0.2), (50, 0.7, 0.1), (200, 0.3, 0.4)])
def test_adjusted_wald_covers_the_score(n, p, d):
    drawn = np.random.default_rng(3).multinomial(n, [p, d, 1 - p - d], DRAWS)
    got = nps_interval(drawn[:, 0], drawn[:, 1], n, level=LEVEL)
    assert coverage(got, 100 * (p - d)) >= LEVEL - SLACK


@pytest.mark.parametrize("n", [30, 80, 300])
@pytest.mark.parametrize("censored", [0.0, 0.3])
def test_km_median_and_rmst_cover(n, censored):
    rng = np.random.default_rng(n)
    shape, horizon = 0.8, 1.0
    median = np.log(2) ** (1 / shape)
    grid = np.linspace(0, horizon, 200_001)
    mean = np.trapezoid(np.exp(-(grid**shape)), grid)
    inside = {"median": 0, "rmst": 0}
    estimable = 0
    for _ in range(CURVES):
        ends = rng.weibull(shape, n)
        leaves = rng.exponential(2.5, n) if censored else np.full(n, np.inf)
        curve = km(np.minimum(ends, leaves), ends <= leaves, level=LEVEL)
        _, low, high = km_quantile(curve, 0.5)
        # A null limit is "beyond what was observed": it excludes nothing on its side.
        inside["median"] += not (median < low or median >= high)
        area = rmst(curve, horizon)
        if not np.isnan(area.low):
            estimable += 1
            inside["rmst"] += area.low <= mean <= area.high
    assert inside["median"] / CURVES >= LEVEL - SLACK
    assert estimable > 0.95 * CURVES
    assert inside["rmst"] / estimable >= LEVEL - SLACK


def test_clustered_ratio_covers_where_plain_wilson_does_not():
    rng = np.random.default_rng(4)
    customers, visits, draws = 60, 8, 2_000
    who = np.repeat(np.arange(customers), visits)
    inside = plain = 0
    for _ in range(draws):
        own = rng.beta(1, 1.5, customers)  # mean 0.4; a customer's visits resemble each other
        hits = rng.random(customers * visits) < own[who]
        got = clustered_ratio(hits, np.ones(len(who)), who, level=LEVEL)
        inside += got.low <= 0.4 <= got.high
        naive = proportion(hits.sum(), len(who), level=LEVEL)
        plain += naive.low <= 0.4 <= naive.high
    assert inside / draws >= LEVEL - SLACK
    assert plain / draws < 0.85
