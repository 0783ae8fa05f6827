"""The bootstrap by customer against what is known of it, and against loops."""

from __future__ import annotations

import numpy as np
import pytest

from cjlab import resample
from cjlab.errors import UserError
from cjlab.resample import bootstrap


def seen(statistic, customers, **options):
    """Collect the weights that the statistic was given."""
    blocks = []

    def watch(weights):
        blocks.append(weights)
        return statistic(weights)

    limits = bootstrap(watch, customers, **options)
    return np.concatenate(blocks), limits


def test_limits_are_percentiles_of_the_statistic_over_the_draws() -> None:
    spent = np.random.default_rng(5).gamma(2, size=40)
    weights, (low, high) = seen(lambda w: w @ np.c_[spent, spent**2], 40, draws=500)
    assert weights.shape == (500, 40) and (weights.sum(axis=1) == 40).all()
    sums = sorted(sum(k * x for k, x in zip(row, spent, strict=True)) for row in weights)
    for limit, tail in ((low[0], 0.025), (high[0], 0.975)):
        place = tail * 499
        below, above = sums[int(place)], sums[int(place) + 1]
        assert limit == pytest.approx(below + (above - below) * (place % 1))


def test_each_customer_is_drawn_as_from_a_multinomial() -> None:
    weights, _ = seen(lambda w: w[:, :1], 30, population=120, draws=20_000)
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert weights.var() == pytest.approx(119 / 120, abs=0.01)
    assert weights.sum(axis=1).var() == pytest.approx(120 * 0.25 * 0.75, rel=0.05)


def test_the_seed_decides_and_the_blocks_do_not(monkeypatch) -> None:
    def mean(weights):
        return weights @ np.arange(25.0)[:, None]

    first, again = (bootstrap(mean, 25, draws=200, seed=3) for _ in range(2))
    monkeypatch.setattr(resample, "_BLOCK", 60)
    small = bootstrap(mean, 25, draws=200, seed=3)
    other = bootstrap(mean, 25, draws=200, seed=4)
    assert first == again == small != other


def test_no_spread_and_no_number_give_no_limits() -> None:
    def numbers(weights):
        rare = np.where(weights[:, 0] > 1, weights[:, 0], np.nan)
        return np.c_[weights.sum(axis=1), rare, weights[:, 1]]

    low, high = bootstrap(numbers, 10, draws=400)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [True, True, False]


def test_wrong_sizes_are_told() -> None:
    with pytest.raises(UserError, match="at least 2 draws"):
        bootstrap(lambda w: w, 3, draws=1)
    with pytest.raises(UserError, match="population"):
        bootstrap(lambda w: w, 3, population=2)
