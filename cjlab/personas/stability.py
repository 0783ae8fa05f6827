"""How well groups hold still when the customers are drawn again.

Prediction strength: Tibshirani and Walther (2005), JCGS 14, 511–528. Bootstrap Jaccard: Hennig
(2007), CSDA 52, 258–271. Both ask whether a cut is repeatable; neither whether there are gaps
between groups (a long cloud is cut in two repeatably), which is `structure_test`'s question.
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
STEADY = 0.75  # least mean bootstrap Jaccard of each of its personas


class Stability(NamedTuple):
    """What repeated draws say about one number of groups."""

    labels: Labels  # the groups found in all rows, shape (rows,)
    prediction_strength: float  # mean over half splits, 0–1
    jaccard: Array  # mean bootstrap Jaccard of each group, shape (k,)
    centers: Array  # centres found in each bootstrap draw, shape (draws, k, columns)


def assess(
    X: Array, k: int, *, rng: np.random.Generator, draws: int = 30, splits: int = 5
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
    splits : int, default 5
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
    labels, _ = kmeans(X, k, rng=rng, n_init=5)
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
    return np.argmin(squared_distances(X, centers), axis=1)


def squared_distances(X: Array, centers: Array) -> Array:
    """Squared distance of each row to each centre up to a constant per row."""
    result: Array = (centers**2).sum(axis=1) - 2 * (X @ centers.T)
    return result


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
        found, centers[draw] = kmeans(X[drawn], k, rng=rng, n_init=2, weight=weight)
        both = crosstab(labels[drawn], found, k)
        union = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
        best = np.divide(both, union, out=np.zeros_like(both), where=union > 0).max(axis=1)
        total += best
        seen += both.sum(axis=1) > 0
    return np.divide(total, seen, out=np.zeros(k), where=seen > 0), centers


def _split(X: Array, k: int, rng: np.random.Generator) -> float:
    order = rng.permutation(len(X))
    half = len(X) // 2
    a, b = X[np.sort(order[:half])], X[np.sort(order[half:])]
    (labels_a, centers_a), (labels_b, centers_b) = (
        kmeans(part, k, rng=rng, n_init=3) for part in (a, b)
    )
    return (
        _strength(labels_b, nearest(b, centers_a), k)
        + _strength(labels_a, nearest(a, centers_b), k)
    ) / 2


def _strength(own: Labels, foreign: Labels, k: int) -> float:
    """The worst group's share of pairs that the other half's centres keep together."""
    both = crosstab(own, foreign, k)
    size = both.sum(axis=1)
    pairs = size * (size - 1)
    together = (both * (both - 1)).sum(axis=1)
    return float(np.divide(together, pairs, out=np.zeros(k), where=pairs > 0).min())
