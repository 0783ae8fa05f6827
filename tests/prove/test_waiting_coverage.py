"""Intervals of waits cover, customers who repeat included; those that forget it do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cjlab._waits import Waits
from cjlab.incidence import incidence
from cjlab.journey._waiting import DAY, Rows
from cjlab.logrank import logrank
from cjlab.survival import km, km_quantile

pytestmark = pytest.mark.prove

STUDIES = 1_000
CUSTOMERS = 80


def repeated(rng: np.random.Generator, customers: int = CUSTOMERS) -> tuple[np.ndarray, ...]:
    """Waits in days of customers with 1 to 8 each and a pace of their own; some cut short.

    Waits are exponential with a rate of gamma(2): the share still there at t is (1 + t)^−2.
    """
    owner = np.repeat(np.arange(customers), rng.integers(1, 9, customers))
    pace = rng.gamma(2.0, 1.0, customers)[owner]
    ends, cut = rng.exponential(1 / pace), rng.exponential(4.0, len(owner))
    return np.minimum(ends, cut), ends <= cut, owner


def rows_of(time: np.ndarray, ended: np.ndarray, owner: np.ndarray) -> Rows:
    waits = Waits(time * DAY, ended.astype("int64"), groups=owner)
    who = owner[waits.order]
    return Rows(waits, who, who, who)


def test_median_mean_and_curve_of_repeated_waits_cover() -> None:
    rng = np.random.default_rng(1)
    median, horizon = math.sqrt(2) - 1, 1.5
    mean = 1 - 1 / (1 + horizon)
    inside = dict.fromkeys(("median", "mean", "curve", "plain"), 0)
    for _ in range(STUDIES):
        data = repeated(rng)
        rows = rows_of(*data)
        found, plain = rows.quantile(0.5), km_quantile(km(*data[:2]), 0.5)
        inside["median"] += found.low <= median * DAY <= found.high
        inside["plain"] += plain.low <= median <= plain.high
        area = rows.mean(horizon * DAY)
        inside["mean"] += area.low <= mean * DAY <= area.high
        curve = rows.incidence([1.0])
        inside["curve"] += bool(curve.survival_low[0] <= 0.25 <= curve.survival_high[0])
    share = {name: count / STUDIES for name, count in inside.items()}
    assert min(share["median"], share["mean"], share["curve"]) >= 0.93, share
    assert share["plain"] < 0.9, share


@pytest.mark.parametrize("repeats", [1, 5])
def test_incidence_covers(repeats: int) -> None:
    """Each customer leans to one of two ways out; both together have rate 1."""
    rng = np.random.default_rng(repeats)
    truth = (1 - math.exp(-1.0)) * 0.3
    inside = 0
    for _ in range(STUDIES):
        owner = np.repeat(np.arange(CUSTOMERS), repeats)
        lean = rng.beta(0.6, 1.4, CUSTOMERS)[owner]
        ends, cut = rng.exponential(1, len(owner)), rng.exponential(3, len(owner))
        cause = np.where(ends > cut, 0, np.where(rng.random(len(owner)) < lean, 1, 2))
        found = incidence(np.minimum(ends, cut), cause, clusters=owner, at=[1.0])
        inside += bool(found.low[0, 0] <= truth <= found.high[0, 0])
    assert inside / STUDIES >= 0.93


def test_log_rank_of_repeated_waits_keeps_its_level() -> None:
    rng = np.random.default_rng(3)
    robust = plain = 0
    for _ in range(STUDIES):
        time, ended, owner = repeated(rng)
        group = owner % 2
        robust += logrank(time, ended, group, clusters=owner).p < 0.05
        plain += logrank(time, ended, group).p < 0.05
    assert robust / STUDIES <= 0.07
    assert plain / STUDIES > 0.1
