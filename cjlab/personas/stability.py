"""How well groups hold still when the customers are drawn again.

Prediction strength: Tibshirani and Walther (2005), JCGS 14, 511–528. Bootstrap Jaccard: Hennig
(2007), CSDA 52, 258–271. Both ask whether a cut is repeatable; neither whether there is a gap:
a long cloud is cut in two repeatably. So `valley` looks at the density between neighbours.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

STRONG = 0.80  # least prediction strength of a number of personas that holds up
STARTS = 5  # k-means runs of each draw; fewer lose small groups to chance
APART = 0.80  # most density between two personas, relative to the lower of their peaks
VALLEY_ROWS = 1_500
STEADY = 0.75  # least mean bootstrap Jaccard of each of its personas


class Stability(NamedTuple):
    """What repeated draws say about one number of groups."""

    labels: Labels  # the groups found in all rows, shape (rows,)
    prediction_strength: float  # mean over half splits, 0–1
    jaccard: Array  # mean bootstrap Jaccard of each group, shape (k,)
    centers: Array  # centres found in each bootstrap draw, shape (draws, k, columns)


def assess(
    X: Array, k: int, *, rng: np.random.Generator, draws: int = 30, splits: int = 10
) -> Stability:
    """Measure how repeatable `k` groups are.

    Parameters
    ----------
    X : ndarray of shape (rows, columns)
        Prepared features, in canonical row order.
    k : int
        Number of groups, at least 2.
    rng : numpy.random.Generator
        Source of every draw and start.
    draws : int, default 30
        Bootstrap draws.
    splits : int, default 10
        Half splits; each is used in both directions.

    Returns
    -------
    Stability
        See there.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0) + rng.normal(size=(100, 2))
    >>> found = assess(X, 2, rng=rng)
    >>> found.prediction_strength, found.jaccard.tolist()
    (1.0, [1.0, 1.0])
    """
    labels, _ = kmeans(X, k, rng=rng, n_init=STARTS)
    strength = np.mean([_split(X, k, rng) for _ in range(splits)])
    jaccard, centers = bootstrap(X, labels, k, rng=rng, draws=draws)
    return Stability(labels, float(strength), jaccard, centers)


def kmeans(
    X: Array, k: int, *, rng: np.random.Generator, n_init: int, weight: Array | None = None
) -> tuple[Labels, Array]:
    """Return labels and centres of the best of `n_init` k-means runs."""
    if len(X) <= k:  # every row its own group; the last one stands in for groups that lack one
        own = np.arange(len(X))
        return own, X[np.minimum(np.arange(k), len(X) - 1)]
    model = KMeans(n_clusters=k, n_init=n_init, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        # Fewer distinct rows than groups is an answer here: the group stays empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, sample_weight=weight)
    return model.labels_.astype(np.int64), model.cluster_centers_


def nearest(X: Array, centers: Array) -> Labels:
    """Index of the nearest centre of each row; the first of equally near ones.

    Examples
    --------
    >>> nearest(np.array([[0.0], [9.0]]), np.array([[1.0], [8.0]])).tolist()
    [0, 1]
    """
    # Squared distances up to a constant per row.
    return np.argmin((centers**2).sum(axis=1) - 2 * (X @ centers.T), axis=1)


def crosstab(a: Labels, b: Labels, k: int) -> Array:
    """Count how often group i of `a` meets group j of `b`, shape (k, k)."""
    return np.bincount(a * k + b, minlength=k * k).reshape(k, k).astype(float)


def bootstrap(
    X: Array, labels: Labels, k: int, *, rng: np.random.Generator, draws: int
) -> tuple[Array, Array]:
    """Return each group's mean Jaccard with its best match, and the centres of every draw."""
    total = np.zeros(k)
    seen = np.zeros(k)
    centers = np.empty((draws, k, X.shape[1]))
    for draw in range(draws):
        times = np.bincount(rng.integers(len(X), size=len(X)), minlength=len(X))
        drawn = times > 0
        weight = times[drawn].astype(float)
        found, centers[draw] = kmeans(X[drawn], k, rng=rng, n_init=STARTS, weight=weight)
        both = crosstab(labels[drawn], found, k)
        union = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
        best = np.divide(both, union, out=np.zeros_like(both), where=union > 0).max(axis=1)
        total += best
        seen += both.sum(axis=1) > 0
    return np.divide(total, seen, out=np.zeros(k), where=seen > 0), centers


def valley(X: Array, labels: Labels, k: int) -> float:
    """How little the two nearest groups are apart: 0 is a gap between all, 1 is none.

    The customers of two groups are projected on the line through the two centres; the density
    there (Gaussian kernel) has a peak on either side of the middle. The value is the lowest
    density between the peaks over the lower peak, for the pair where it is largest.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> bool(valley(X, (X[:, 0] > 0).astype(np.int64), 2) > 0.9)
    True
    >>> bool(valley(X + [[0, 0], [0, 9]] * 500, np.array([0, 1] * 500), 2) < 0.01)
    True
    """
    step = -(-len(X) // VALLEY_ROWS)
    rows, groups = X[::step], labels[::step]
    parts = [rows[groups == group] for group in range(k)]
    pairs = [(a, b) for i, a in enumerate(parts) for b in parts[:i] if len(a) and len(b)]
    return max((_between(a, b) for a, b in pairs), default=1.0)


def _between(a: Array, b: Array) -> float:
    start = a.mean(axis=0)
    line = b.mean(axis=0) - start
    sides = [(part - start) @ line / (line @ line) for part in (a, b)]
    at = np.concatenate(sides)
    # Rule of thumb on the spread within the groups: the distance between them must not blur it.
    spread = np.sqrt(np.mean([side.var() for side in sides]))
    width = max(0.9 * spread * len(at) ** -0.2, 1e-6)
    grid = np.linspace(-0.5, 1.5, 101)
    density = np.exp(-0.5 * ((grid[:, None] - at) / width) ** 2).sum(axis=1)
    middle = len(grid) // 2
    left = int(np.argmax(density[: middle + 1]))
    right = middle + int(np.argmax(density[middle:]))
    peak = min(density[left], density[right])
    return float(density[left : right + 1].min() / peak) if peak > 0 else 0.0


def _split(X: Array, k: int, rng: np.random.Generator) -> float:
    order = rng.permutation(len(X))
    half = len(X) // 2
    a, b = X[np.sort(order[:half])], X[np.sort(order[half:])]
    labels_a, centers_a = kmeans(a, k, rng=rng, n_init=STARTS)
    labels_b, centers_b = kmeans(b, k, rng=rng, n_init=STARTS)
    there = _strength(labels_b, nearest(b, centers_a), k)
    return (there + _strength(labels_a, nearest(a, centers_b), k)) / 2


def _strength(own: Labels, foreign: Labels, k: int) -> float:
    """The worst group's share of pairs that the other half's centres keep together."""
    both = crosstab(own, foreign, k)
    size = both.sum(axis=1)
    pairs = size * (size - 1)
    together = (both * (both - 1)).sum(axis=1)
    return float(np.divide(together, pairs, out=np.zeros(k), where=pairs > 0).min())
