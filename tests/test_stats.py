"""Intervals and corrections against golden numbers, statsmodels and plain computation."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from cjlab.errors import UserError
from cjlab.stats import (
    adjust,
    clustered_ratio,
    difference,
    mix_rate,
    nps_interval,
    proportion,
    psi,
)

PAIRS = st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_csat_golden_number():
    assert [round(100 * number, 2) for number in proportion(30, 50)] == [60.0, 46.18, 72.39]


@pytest.mark.parametrize(("method", "reference"), [("wilson", "wilson"), ("exact", "beta")])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_proportion_against_statsmodels(method, reference, level):
    cells = [(x, n) for n in (1, 2, 7, 30, 400) for x in sorted({0, 1, n // 3, n - 1, n})]
    for x, n in cells:
        got = proportion(x, n, method=method, level=level)
        low, high = proportion_confint(x, n, alpha=1 - level, method=reference)
        assert got == pytest.approx((x / n, low, high), abs=1e-9)


def test_proportion_is_vectorised_and_null_where_nothing_was_asked():
    x = pd.Series([0, 5, None, 10], dtype="Int64")
    got = proportion(x, pd.Series([0, 10, 10, 10], dtype="Int64"))
    assert np.isnan(got.value).tolist() == [True, False, True, False]
    assert np.isnan(got.low).tolist() == np.isnan(got.high).tolist() == [True, False, True, False]
    assert got.high[3] == 1 and proportion(0, 9).low == 0
    assert isinstance(proportion(5, 10).low, float)
    assert got.low[1] == proportion(5, 10).low


@given(PAIRS, st.sampled_from(["wilson", "exact"]))
def test_proportion_limits_hold_the_share_and_mirror(pair, method):
    x, n = pair
    got, mirror = proportion(x, n, method=method), proportion(n - x, n, method=method)
    if n == 0:
        assert all(map(math.isnan, got))
        return
    assert 0 <= got.low <= got.value <= got.high <= 1
    assert got.low == pytest.approx(1 - mirror.high, abs=1e-9)


def test_difference_against_statsmodels():
    for x1, x2 in product((0, 3, 20, 40), (0, 11, 55)):
        got = difference(x1, 40, x2, 55)
        low, high = confint_proportions_2indep(x1, 40, x2, 55, method="newcomb", compare="diff")
        assert got == pytest.approx((x1 / 40 - x2 / 55, low, high), abs=1e-9)


@given(PAIRS, PAIRS)
def test_difference_turns_its_sign_with_its_groups(one, other):
    there, back = difference(*one, *other), difference(*other, *one)
    if one[1] == 0 or other[1] == 0:
        assert all(map(math.isnan, there))
        return
    assert there == pytest.approx((-back.value, -back.high, -back.low), abs=1e-12)
    assert -1 <= there.low <= there.value <= there.high <= 1


@pytest.mark.parametrize(
    ("counts", "score", "low", "high"),
    [
        ((50, 20, 100), 30.0, 14.05, 44.20),
        ((7, 1, 10), 60.0, 7.04, 85.27),
        ((10, 0, 10), 100.0, 47.5, 100.0),
    ],
)
def test_nps_adjusted_golden_numbers(counts, score, low, high):
    got = nps_interval(*counts)
    assert got.value == pytest.approx(score)
    assert got.low == pytest.approx(low, abs=0.05)
    assert got.high == pytest.approx(high, abs=0.005)


def test_nps_adjusted_centre_golden_number():
    got = nps_interval(50, 20, 100)
    assert (got.low + got.high) / 2 == pytest.approx(29.13, abs=0.005)


@pytest.mark.parametrize(
    ("counts", "score", "low", "high"),
    [
        ((50, 20, 100), 30.0, 14.69, 45.31),
        ((30, 10, 60), 33.33, 14.47, 52.19),
        ((7, 1, 10), 60.0, 18.89, 101.11),
        ((10, 0, 10), 100.0, 100.0, 100.0),
    ],
)
def test_nps_wald_golden_numbers(counts, score, low, high):
    got = nps_interval(*counts, method="wald")
    assert got == pytest.approx((score, low, high), abs=0.005)


def test_nps_is_null_without_answers_and_vectorised():
    got = nps_interval([0, 50], [0, 20], [0, 100])
    assert np.isnan([got.value[0], got.low[0], got.high[0]]).all()
    assert (got.low[1], got.high[1]) == nps_interval(50, 20, 100)[1:]


@given(
    npst.arrays(float, st.integers(0, 12), elements=st.floats(0, 1)),
    st.sampled_from([("bh", "fdr_bh"), ("holm", "holm")]),
    st.randoms(),
)
def test_adjust_against_statsmodels_with_nulls_between(p, methods, random):
    holes = [random.random() < 0.3 for _ in p]
    got = adjust(np.where(holes, np.nan, p), method=methods[0])
    known = ~np.array(holes, dtype=bool)
    assert np.isnan(got).tolist() == (~known).tolist()
    if known.any():
        expected = multipletests(p[known], method=methods[1])[1]
        np.testing.assert_allclose(got[known], expected, atol=1e-12)


GROUPS = st.lists(
    st.tuples(*[st.integers(0, 50)] * 2, *[st.floats(0, 1)] * 2), min_size=1, max_size=6
).filter(lambda rows: sum(row[0] for row in rows) and sum(row[1] for row in rows))


@given(GROUPS)
def test_mix_and_rate_add_up_to_the_change(rows):
    n1, n2, r1, r2 = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    got = mix_rate(n1 / n1.sum(), r1, n2 / n2.sum(), r2)
    change = np.average(r2, weights=n2) - np.average(r1, weights=n1)
    assert got.total == pytest.approx(change, abs=1e-12)
    assert got.mix + got.rate == pytest.approx(change, abs=1e-12)


def test_mix_rate_by_hand():
    got = mix_rate([0.6, 0.4], [0.1, 0.3], [0.5, 0.5], [0.2, 0.3])
    assert got.mix == pytest.approx(-0.1 * 0.15 + 0.1 * 0.3)
    assert got.rate == pytest.approx(0.1 * 0.55)


def test_a_group_that_comes_or_goes_is_mix():
    came = mix_rate([1, 0], [0.1, None], [0.5, 0.5], [0.1, 0.5])
    assert came == pytest.approx((0.2, 0.0, 0.2))
    went = mix_rate([0.5, 0.5, 0], [0.1, 0.5, None], [1, 0, 0], [0.1, None, None])
    assert went == pytest.approx((-0.2, 0.0, -0.2))
    assert all(map(math.isnan, mix_rate([1], [None], [1], [0.5])))


def test_psi_by_hand_and_no_drift():
    base = np.arange(1000)
    assert psi(base, base) == 0
    # All of the new period in the highest decile; the nine others count half a customer.
    moved = psi(base, np.full(500, 999.0))
    assert moved == pytest.approx(9 * (0.1 - 0.001) * math.log(100) + 0.9 * math.log(10))


def test_psi_of_a_switch_and_of_missing_values():
    share = psi([0] * 50 + [1] * 50, [0] * 80 + [1] * 20)
    assert share == pytest.approx(0.3 * math.log(1.6) - 0.3 * math.log(0.4))
    lost = psi([1.0] * 90 + [None] * 10, [1.0] * 50 + [None] * 50)
    assert lost == pytest.approx(-0.4 * math.log(50 / 90) + 0.4 * math.log(5))
    assert psi([1.0] * 100, [0.0] * 100) > 1 < psi([1.0] * 100, [2.0] * 100)
    assert psi([None, None], [1.0, None]) > 0
    assert math.isnan(psi([], [1.0]))


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
)
def test_psi_is_never_negative_where_no_cell_is_empty(base, new):
    # Cells of half a customer break the identity Σp = Σq = 1, so put everyone in both.
    assert psi(base + new, new + base) == pytest.approx(0, abs=1e-12)
    assert psi(base * 3 + new, base + new * 3) >= -1e-12


def test_clustered_ratio_against_cluster_robust_regression():
    rng = np.random.default_rng(3)
    clusters = rng.integers(0, 40, 400)
    x = rng.integers(1, 5, 400).astype(float)
    y = x * 0.4 + rng.normal(size=40)[clusters] + rng.normal(size=400) * 0.2
    got = clustered_ratio(y, x, clusters.astype(str))
    # A weighted regression on a constant has the ratio as its only coefficient.
    fit = sm.WLS(y / x, np.ones(400), weights=x).fit(
        cov_type="cluster",
        cov_kwds={"groups": clusters, "use_correction": True, "df_correction": True},
    )
    # statsmodels multiplies by (n - 1)/(n - k), which is 1 with one coefficient.
    assert got.value == pytest.approx(fit.params[0])
    assert got.standard_error == pytest.approx(fit.bse[0])
    assert got.n_clusters == 40
    assert got.design_effect > 2
    half = 2.0226909 * got.standard_error  # Student's t with 39 degrees of freedom
    assert (got.low, got.high) == pytest.approx((got.value - half, got.value + half))
    wide = clustered_ratio(y, x, clusters, interval="normal")
    assert wide.high - wide.value == pytest.approx(1.959964 * got.standard_error, rel=1e-6)


def test_one_row_a_cluster_costs_nothing():
    y = [1, 0, 0, 1, 1, 0, 1]
    got = clustered_ratio(y, np.ones(7), list("abcdefg"))
    assert got.design_effect == pytest.approx(1)
    assert got.standard_error == pytest.approx(np.std(y, ddof=1) / math.sqrt(7))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=12))
def test_copying_each_row_twice_doubles_the_design_effect(rows):
    y, x = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    who = np.arange(len(y))
    one, two = clustered_ratio(y, x, who), clustered_ratio(*(np.tile(a, 2) for a in (y, x, who)))
    same = [(one.value, two.value), (one.low, two.low), (one.standard_error, two.standard_error)]
    for before, after in same:
        assert after == pytest.approx(before, nan_ok=True)
    n = len(y)
    expected = one.design_effect * (2 * n - 1) / (n - 1)
    assert two.design_effect == pytest.approx(expected, nan_ok=True)


def test_clustered_ratio_where_there_is_nothing_to_say():
    nothing = clustered_ratio([0, 0], [0, 0], ["a", "b"])
    assert math.isnan(nothing.value) and nothing.n_clusters == 2
    alone = clustered_ratio([1, 0], [1, 1], ["a", "a"])
    assert alone.value == 0.5 and math.isnan(alone.low)
    alike = clustered_ratio([1, 1, 1], [1, 1, 1], ["a", "b", "b"])
    assert alike.value == 1 and math.isnan(alike.high)
    part = clustered_ratio([1, None, 0], [1, 1, 1], ["a", "c", "b"])
    assert (part.value, part.n_clusters) == (0.5, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: proportion(11, 10), "11 of 10"),
        (lambda: proportion([1, -2], 10), "found -2"),
        (lambda: proportion(1, 10, method="wilsn"), 'Did you mean "wilson"'),
        (lambda: proportion(1, 10, level=95), "0.95 means 95 %"),
        (lambda: difference(1, 10, 12, 11), "12 of 11"),
        (lambda: nps_interval(6, 5, 10), "11 of 10"),
        (lambda: nps_interval(6, -1, 10), "found -1"),
        (lambda: nps_interval(6, 1, 10, method="walt"), 'Did you mean "wald"'),
        (lambda: adjust([0.1, 1.2]), "found 1.2"),
        (lambda: adjust([0.1], method="bonferroni"), "Valid: bh, holm"),
        (lambda: mix_rate([1], [0.1], [0.5], [0.1]), "p2 must be shares"),
        (lambda: mix_rate([1], [0.1], [None], [0.1]), "p2 must be shares"),
        (lambda: mix_rate([1], [0.1, 0.2], [1], [0.1]), "one length"),
        (lambda: psi([1], [1], bins=1), "got 1"),
        (lambda: psi(["a"], [1]), "expected numbers or null"),
        (lambda: clustered_ratio([1, 2], [1, 1], ["a"]), "2 rows but 1 clusters"),
        (lambda: clustered_ratio([1, 2], [1, 1], ["a", None]), "row 1 has no cluster"),
        (lambda: clustered_ratio([1], [1], ["a"], interval="z"), "Valid: normal, t"),
    ],
)
def test_wrong_use_is_told_in_one_line(call, words):
    with pytest.raises(UserError, match=words):
        call()
