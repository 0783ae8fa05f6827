"""Kaplan–Meier against a plain loop, hand calculation and statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from cjlab import survival
from cjlab.errors import UserError
from cjlab.stats import km, km_quantile, rmst

SPELLS = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.integers(1, 4)), min_size=1, max_size=40
)


def plain_km(spells):
    """S and Greenwood's variance of each distinct duration by the textbook, row by row."""
    survival, greenwood, rows = 1.0, 0.0, []
    for t in sorted({spell[0] for spell in spells}):
        n = sum(w for duration, _, w in spells if duration >= t)
        d = sum(w for duration, ended, w in spells if duration == t and ended)
        survival *= 1 - d / n
        greenwood += d / (n * (n - d)) if n > d else math.inf
        rows.append((t, n, d, survival, greenwood))
    return rows


@given(SPELLS)
def test_curve_equals_the_plain_loop(spells):
    duration, ended, weight = map(list, zip(*spells, strict=True))
    curve = km(duration, ended, weight)
    plain = plain_km(spells)
    assert curve.time.tolist() == [row[0] for row in plain]
    assert curve.at_risk.tolist() == [row[1] for row in plain]
    assert curve.events.tolist() == [row[2] for row in plain]
    np.testing.assert_allclose(curve.survival, [row[3] for row in plain], atol=1e-12)
    for low, high, (*_, s, variance) in zip(curve.low, curve.high, plain, strict=True):
        if s in (0.0, 1.0):
            assert math.isnan(low) and math.isnan(high)
            continue
        # log(-log S) has the standard error sqrt(variance) / |log S|.
        centre, half = math.log(-math.log(s)), 1.959964 * math.sqrt(variance) / -math.log(s)
        assert low == pytest.approx(math.exp(-math.exp(centre + half)), abs=1e-6)
        assert high == pytest.approx(math.exp(-math.exp(centre - half)), abs=1e-6)


@given(SPELLS)
def test_weights_are_numbers_of_equal_rows(spells):
    duration, ended, weight = map(np.array, zip(*spells, strict=True))
    many = km(duration.repeat(weight), ended.repeat(weight))
    pd.testing.assert_frame_equal(km(duration, ended, weight).frame(), many.frame())


@given(SPELLS, st.randoms())
def test_row_order_cannot_matter(spells, random):
    shuffled = list(spells)
    random.shuffle(shuffled)
    one, other = (km(*map(list, zip(*rows, strict=True))) for rows in (spells, shuffled))
    pd.testing.assert_frame_equal(one.frame(), other.frame())


def test_row_with_weight_zero_is_no_row():
    pd.testing.assert_frame_equal(
        km([1, 2, 3], [True, True, False], [2, 0, 1]).frame(), km([1, 1, 3], [1, 1, 0]).frame()
    )


def test_events_come_before_censorings_at_the_same_instant():
    curve = km([2, 2], [False, True])
    assert curve.at_risk.tolist() == [2]
    assert curve.survival.tolist() == [0.5]


@pytest.mark.parametrize("seed", range(5))
def test_curve_and_quantiles_against_statsmodels(seed):
    rng = np.random.default_rng(seed)
    ends, leaves = rng.weibull(0.8, 300) * 10, rng.exponential(20, 300)
    duration, ended = np.minimum(ends, leaves), ends <= leaves
    curve, reference = km(duration, ended), SurvfuncRight(duration, ended)
    at = np.isin(curve.time, reference.surv_times)
    assert at.sum() == (curve.events > 0).sum()
    np.testing.assert_allclose(curve.survival[at], reference.surv_prob, atol=1e-12)
    for q in (0.25, 0.5, 0.75):
        got = km_quantile(curve, q)
        assert got.value == reference.quantile(q)
        with np.errstate(divide="ignore", invalid="ignore"):  # where S is 0
            low, high = reference.quantile_ci(q, method="cloglog")
        # statsmodels takes the last time inside the limits, cjlab the first beyond them.
        inside = curve.high[(curve.time >= got.low) & (curve.time < high)]
        assert got.low == low
        assert np.nanmin(inside) > 1 - q
        assert got.high == high or (math.isnan(got.high) and math.isinf(high))


def test_leukaemia_trial_by_hand():
    """The 6-MP arm of Freireich (1963), Klein & Moeschberger table 4.1."""
    duration = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    ended = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    curve = km(duration, ended)
    shown = dict(zip(curve.time.tolist(), curve.survival.round(4).tolist(), strict=True))
    assert {t: shown[t] for t in (6, 7, 10, 13, 16, 22, 23)} == {
        6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482,
    }  # fmt: skip
    median = km_quantile(curve, 0.5)
    assert median.value == 23
    assert median.low == 13
    assert math.isnan(median.high)


def test_median_is_the_first_time_at_or_below_a_half():
    assert km_quantile(km([1, 2, 3, 4], [1, 1, 1, 1]), 0.5).value == 2
    # 1 - 1/3 - 1/3 in floats is above 1/3: the edge must not be missed.
    assert km_quantile(km([1, 2, 3], [1, 1, 1]), 2 / 3).value == 2
    assert km_quantile(km(range(1, 11), [1] * 10), 0.7).value == 7


def test_not_reached_is_null():
    median = km_quantile(km([1, 2, 3, 4, 5], [1, 0, 0, 0, 0]), 0.5)
    assert math.isnan(median.value) and math.isnan(median.high)


def test_one_instant_for_all_gives_no_limits():
    median = km_quantile(km([7, 7, 7], [1, 1, 1]), 0.5)
    assert median.value == 7
    assert math.isnan(median.low) and math.isnan(median.high)


def test_nobody():
    curve = km([], [])
    assert len(curve.frame()) == 0
    assert all(map(math.isnan, (*km_quantile(curve, 0.5), *rmst(curve, 5))))


@given(SPELLS, st.integers(1, 12))
def test_rmst_is_the_area_under_the_steps(spells, horizon):
    curve = km(*map(list, zip(*spells, strict=True)))
    got = rmst(curve, horizon)
    steps = {row[0]: row[3] for row in plain_km(spells)}
    longest = max(steps)
    if longest < horizon and steps[longest] > 0:
        assert math.isnan(got.value)
        return
    s, heights = 1.0, []
    for t in range(horizon):  # durations are whole: S is constant on [t, t + 1)
        s = steps.get(t, s)
        heights.append(s)
    assert got.value == pytest.approx(sum(heights), abs=1e-9)
    variance = sum(
        sum(heights[t:]) ** 2 * d / (n * (n - d))
        for t, n, d, *_ in plain_km(spells)
        if t < horizon and n > d
    )
    if variance == 0:
        assert math.isnan(got.low) and math.isnan(got.high)
        return
    half = 1.959964 * math.sqrt(variance)
    assert got.low == pytest.approx(max(0, sum(heights) - half), abs=1e-5)
    assert got.high == pytest.approx(min(horizon, sum(heights) + half), abs=1e-5)


def test_rmst_without_censoring_is_the_mean_with_its_error():
    duration = np.array([1.0, 2.0, 4.0, 7.0, 11.0])
    got = rmst(km(duration, np.ones(5)), 20)
    assert got.value == pytest.approx(duration.mean())
    # Without censoring Greenwood's sum is the variance with divisor n, over n.
    error = duration.std(ddof=0) / math.sqrt(5)
    assert got.low == pytest.approx(got.value - 1.959964 * error, abs=1e-5)
    assert got.high == pytest.approx(got.value + 1.959964 * error, abs=1e-5)


def test_rmst_limits_need_spread():
    nobody_ended = rmst(km([9, 9], [0, 0]), 5)
    assert nobody_ended.value == 5 and math.isnan(nobody_ended.low)
    at_once = rmst(km([2, 2], [1, 1]), 5)
    assert at_once.value == 2 and math.isnan(at_once.high)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: km([1, -1], [1, 1]), "row 1 is -1"),
        (lambda: km([1, np.nan], [1, 1]), "row 1 is nan"),
        (lambda: km([1, np.inf], [1, 0]), "row 1 is inf"),
        (lambda: km([1, 2], [1]), "one length, got 2, 1 and 2"),
        (lambda: km([1, 2], [1, 2]), "true or false"),
        (lambda: km([1, 2], [1, None]), "true or false"),
        (lambda: km([1], [1], [1.5]), "whole numbers"),
        (lambda: km([1], [1], [-1]), "whole numbers"),
        (lambda: km(pd.to_timedelta(["1D"]), [1]), "Timedelta"),
        (lambda: km([1], [1], level=95), "between 0 and 1, got 95"),
        (lambda: km_quantile(km([1], [1]), 50), "got 50"),
        (lambda: rmst(km([1], [1]), 0), "positive number, got 0"),
        (lambda: rmst(km([1], [1]), math.nan), "positive number, got nan"),
    ],
)
def test_wrong_use_is_told_in_one_line(call, words):
    with pytest.raises(UserError, match=words):
        call()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 400), st.floats(0, 0.9), st.floats(1, 40))
def test_quantile_limits_are_the_first_places_of_the_whole_curve(
    seed: int, n: int, censored: float, effect: float
) -> None:
    """The limits are looked for piece by piece; most pieces are ruled out unseen."""
    rng = np.random.default_rng(seed)
    curve = km(rng.integers(0, 3 * n, n), rng.random(n) >= censored).widened(effect)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survival, "_AT_ONCE", 7)
        for q in (0.05, 0.25, 0.5, 0.75, 0.95):
            found = km_quantile(curve, q)
            for limit, share in ((found.low, curve.low), (found.high, curve.high)):
                below = np.flatnonzero(share <= 1 - q + 1e-12)
                expected = curve.time[below[0]] if len(below) else np.nan
                assert limit == expected or (np.isnan(limit) and np.isnan(expected))
