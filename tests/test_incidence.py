"""Aalen–Johansen and repeated rows against a plain loop, statsmodels and numerical derivatives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from cjlab.errors import UserError
from cjlab.incidence import incidence
from cjlab.survival import km

ENDS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=25
)


def plain(rows, cause, t):
    """F(t) of one cause, row by row; a row is (duration, cause, weight)."""
    s, share = 1.0, 0.0
    for at in sorted({row[0] for row in rows if row[0] <= t}):
        n = sum(w for time, _, w in rows if time >= at)
        d = sum(w for time, c, w in rows if time == at and c)
        share += s * sum(w for time, c, w in rows if time == at and c == cause) / n
        s *= 1 - d / n
    return share


def derivatives(rows, cause, t):
    """By how much F(t) moves with the weight of each row."""
    step, found = 1e-6, []
    for k in range(len(rows)):
        up, down = (
            [(a, b, w + sign * step * (i == k)) for i, (a, b, w) in enumerate(rows)]
            for sign in (1, -1)
        )
        found.append((plain(up, cause, t) - plain(down, cause, t)) / (2 * step))
    return found


@settings(max_examples=60)
@given(ENDS)
def test_shares_and_errors_equal_the_plain_loop(rows):
    duration, cause, weight = zip(*rows, strict=True)
    found = incidence(duration, cause, weight)
    assert found.causes.tolist() == sorted(set(cause) - {0})
    np.testing.assert_allclose(found.value.sum(axis=1) + found.survival, 1, atol=1e-12)
    for k, t in enumerate(found.time):
        assert found.at_risk[k] == sum(w for time, _, w in rows if time >= t)
        for column, own in enumerate(found.causes):
            assert found.value[k, column] == pytest.approx(plain(rows, own, t), abs=1e-12)
            moved = derivatives(rows, own, t)
            error = math.sqrt(sum(w * u**2 for u, (*_, w) in zip(moved, rows, strict=True)))
            assert found.error[k, column] == pytest.approx(error, abs=1e-6)


@settings(max_examples=40)
@given(ENDS, st.integers(2, 6))
def test_clustered_errors_are_sums_of_derivatives(rows, groups):
    duration, cause, weight = zip(*rows, strict=True)
    owners = [k % groups for k in range(len(rows))]
    found = incidence(duration, cause, weight, clusters=owners)
    size = len(set(owners))
    if size == 1 or size == sum(weight):
        return
    for k, t in enumerate(found.time):
        for column, own in enumerate(found.causes):
            moved = [u * w for u, w in zip(derivatives(rows, own, t), weight, strict=True)]
            sums = [sum(u for u, g in zip(moved, owners, strict=True) if g == o) for o in {*owners}]
            error = math.sqrt(sum(x**2 for x in sums) * size / (size - 1))
            assert found.error[k, column] == pytest.approx(error, abs=1e-6)


def test_against_statsmodels_and_km():
    rng = np.random.default_rng(3)
    duration, cause = rng.integers(0, 40, 400).astype(float), rng.integers(0, 4, 400)
    cause[duration == duration.max()] = 0  # statsmodels divides by nobody left
    found, reference = incidence(duration, cause), CumIncidenceRight(duration, cause)
    at = np.isin(found.time, reference.times)
    for k in range(3):
        np.testing.assert_allclose(found.value[at, k], reference.cinc[k], atol=1e-12)
        np.testing.assert_allclose(found.error[at, k], reference.cinc_se[k], atol=1e-12)
    curve = km(duration, cause > 0)
    np.testing.assert_allclose(found.survival, curve.survival, atol=1e-12)
    np.testing.assert_allclose(found.survival_low, curve.low, atol=1e-9)
    np.testing.assert_allclose(found.survival_high, curve.high, atol=1e-9)
    f, se = found.value[20, 0], found.error[20, 0]
    assert found.low[20, 0] == pytest.approx(f ** math.exp(-1.959964 * se / (f * math.log(f))))


def test_one_minus_kaplan_meier_overstates_every_cause():
    rng = np.random.default_rng(4)
    duration, cause = rng.exponential(10, 300), rng.integers(0, 4, 300)
    found = incidence(duration, cause)
    naive = [1 - km(duration, cause == own).survival for own in found.causes]
    last = np.searchsorted(found.time, 25) - 1
    assert all(naive[k][last] > found.value[last, k] + 0.03 for k in range(3))
    assert sum(curve[last] for curve in naive) > 1 > found.value[last].sum()


def test_read_at_chosen_times_only():
    found = incidence([1, 2, 3], [1, 0, 2], at=[0.5, 2.5, 9])
    np.testing.assert_allclose(found.value, [[0, 0], [1 / 3, 0], [1 / 3, 2 / 3]])
    assert found.at_risk.tolist() == [3, 1, 0]
    nobody = incidence([], [], at=[1.0])
    assert nobody.value.shape == (1, 0) and nobody.survival.tolist() == [1.0]


def test_copies_of_a_row_are_worth_one():
    rng = np.random.default_rng(5)
    duration, cause, who = rng.exponential(9, 200), rng.integers(0, 3, 200), np.arange(200)
    once = incidence(duration, cause, at=[3.0, 9.0])
    thrice = incidence(duration, cause, np.full(200, 3), clusters=who, at=[3.0, 9.0])
    np.testing.assert_allclose(thrice.error, once.error * math.sqrt(200 / 199), rtol=1e-9)
    alone = incidence(duration, cause, clusters=np.zeros(200), at=[3.0])
    assert np.isnan(alone.low).all() and np.isnan(alone.survival_high).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: incidence([1], [-1]), "cause must be 0 or more, found -1"),
        (lambda: incidence([1], [np.nan]), "whole number"),
        (lambda: incidence([1], [1], at=[2, 1]), "ascending"),
        (lambda: incidence([-1], [1]), "duration in row 0 is -1"),
    ],
)
def test_wrong_use_is_told_in_one_line(call, words):
    with pytest.raises(UserError, match=words):
        call()
