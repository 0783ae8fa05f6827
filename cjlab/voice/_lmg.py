"""LMG: how a regression's R² falls to its predictors, from correlations alone, many at once.

Every function takes correlation matrices of shape (draws, p + 1, p + 1), the outcome last, and
works on all draws together: resamples cost little more than the data themselves.
"""

from __future__ import annotations

from functools import cache
from math import comb

import numpy as np

from cjlab._numbers import Floats

#: Up to so many predictors every subset is taken; beyond, orders are sampled.
EXACT = 16
#: What is left of a predictor, given others, that counts as nothing: 1 − R² of it on them.
NOTHING = 1e-10
#: Sampled orders, each with its reverse.
ORDERS, ORDERS_PER_DRAW = 2000, 100
# Numbers held at once while subsets are gone through: they stay in the processor's cache.
_BLOCK = 130_000


def lmg(correlation: Floats, *, seed: int = 0) -> Floats:
    """Shares of R² by predictor, shape (draws, p); they add up to it.

    Up to `EXACT` predictors exact, by all subsets; beyond, the mean over `ORDERS_PER_DRAW`
    sampled orders, the same in each draw.
    """
    p = correlation.shape[1] - 1
    if p > EXACT:
        return np.mean(_by_order(correlation, _orders(p, ORDERS_PER_DRAW, seed)), axis=0)
    step = max(1, _BLOCK >> p)
    weights = _shapley(p)
    parts = range(0, len(correlation), step)
    return np.concatenate([(weights @ _explained(correlation[i : i + step])).T for i in parts])


def sampled_lmg(correlation: Floats, *, seed: int = 0) -> tuple[Floats, Floats]:
    """The same of one matrix from `ORDERS` sampled orders, with their Monte-Carlo error."""
    found = _by_order(correlation[None], _orders(correlation.shape[0] - 1, ORDERS, seed))[:, 0]
    pairs = (found[::2] + found[1::2]) / 2
    return pairs.mean(axis=0), pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))


def coefficients(correlation: Floats) -> tuple[Floats, Floats, Floats]:
    """Standardised coefficients and VIF, shape (draws, p), and R², shape (draws,).

    Null for predictors that are a linear combination of others.
    """
    inner, outer = correlation[:, :-1, :-1], correlation[:, :-1, -1]
    sizes, axes = np.linalg.eigh(inner)
    none = sizes < NOTHING
    inverse = (axes / np.where(none, np.inf, sizes)[:, None, :]) @ axes.transpose(0, 2, 1)
    beta = np.einsum("dij,dj->di", inverse, outer)
    explained = np.clip(np.einsum("di,di->d", beta, outer), 0, 1)
    tied = ((np.abs(axes) > 1e-4) & none[:, None, :]).any(axis=2)
    inflation = np.diagonal(inverse, axis1=1, axis2=2)
    return np.where(tied, np.nan, beta), np.where(tied, np.nan, inflation), explained


def _explained(correlation: Floats) -> Floats:
    """R² of every subset, shape (2^p, draws); bit j of the row says that predictor j is in.

    What is left of the covariances after a subset is swept out is halved in each step: a
    predictor, once swept or passed over, is not needed again.
    """
    left = np.ascontiguousarray(correlation.transpose(1, 2, 0))[:, :, None, :]
    for _ in range(len(left) - 1):
        left = np.concatenate([left[1:, 1:], _swept(left)], axis=2)
    return 1 - left[0, 0]


def _swept(left: Floats) -> Floats:
    """What the first variable leaves of the others; all, where nothing is left of itself."""
    pivot, row = left[0, 0], left[0, 1:]
    some = pivot > NOTHING
    slope = np.where(some, row, 0.0) / np.where(some, pivot, 1.0)
    return np.asarray(left[1:, 1:] - slope[:, None] * row[None])


@cache
def _shapley(p: int) -> Floats:
    """What R² of each subset counts for each predictor, shape (p, 2^p)."""
    inside = (np.arange(2**p)[None] >> np.arange(p)[:, None]) & 1
    size = inside.sum(axis=0)
    joined = np.array([0.0] + [1 / (p * comb(p - 1, s - 1)) for s in range(1, p + 1)])
    alone = np.array([1 / (p * comb(p - 1, s)) for s in range(p)] + [0.0])
    return np.where(inside == 1, joined[size], -alone[size])


def _orders(p: int, orders: int, seed: int) -> Floats:
    """Random orders of the predictors, each followed by its reverse."""
    rng = np.random.default_rng(seed)
    half = np.array([rng.permutation(p) for _ in range(orders // 2)])
    return np.stack([half, half[:, ::-1]], axis=1).reshape(-1, p)


def _by_order(correlation: Floats, orders: Floats) -> Floats:
    """What each predictor adds to R² in each order, shape (orders, draws, p)."""
    p = orders.shape[1]
    found = np.empty((len(orders), len(correlation), p))
    step = max(1, _BLOCK // (len(correlation) * (p + 1) ** 2))
    for begun in range(0, len(orders), step):
        some = orders[begun : begun + step]
        place = np.c_[some, np.full(len(some), p)]
        left = correlation.transpose(1, 2, 0)[place[:, :, None], place[:, None, :]]
        left = left.transpose(1, 2, 0, 3)  # variables first, then orders and draws
        for k in range(p):
            smaller = _swept(left)
            who = begun + np.arange(len(some))
            found[who, :, some[:, k]] = left[-1, -1] - smaller[-1, -1]
            left = smaller
    return found
