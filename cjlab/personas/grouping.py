"""Four ways to find groups, each with a rule that places any customer in one of them.

K-means and Ward place by the nearest centre, a Gaussian mixture by the likelier group, and
HDBSCAN by the nearest of the customers that it was shown.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin
from sklearn.mixture import GaussianMixture
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

ALGORITHMS = ("kmeans", "gmm", "hdbscan", "ward")
COMMON = "common"  # a mixture with one covariance for all groups
LUMP = 0.1  # share of the rows on one value that is a lump
FLATTEST = 5  # columns that it starts from: two lumps make a column flat
STARTS = 40  # k-means runs times k ** 1.5, at least three: few starts lose groups to chance
ROOM = 10  # rows that each mean and covariance of a full mixture need, times columns
MIXTURE = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")
LEAST_SHARE = 0.03  # an HDBSCAN group has at least this share of the rows


class Rule(Protocol):
    """Places any prepared customer in a group."""

    def predict(self, X: Array) -> Labels:
        """Return the group of each row."""


class Nearest:
    """The nearest centre; the first of equally near ones."""

    def __init__(self, centers: Array) -> None:
        self.centers = centers

    def predict(self, X: Array) -> Labels:
        """Return the group of each row."""
        return nearest(X, self.centers)


class Neighbour:
    """The group of the nearest customer who was there when the groups were found."""

    def __init__(self, members: Array, labels: Labels) -> None:
        self.members, self.labels = members, labels

    def predict(self, X: Array) -> Labels:
        """Return the group of each row."""
        parts = [
            self.labels[pairwise_distances_argmin(X[part], self.members)]
            for part in gen_batches(len(X), 4096)
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


class Groups(NamedTuple):
    """Groups found in some rows."""

    labels: Labels  # of the rows, 0 to k − 1
    rule: Rule
    noise: float = 0.0  # share of rows that HDBSCAN puts in no group, and the rule in the nearest


def nearest(X: Array, centers: Array) -> Labels:
    """Index of the nearest centre of each row; the first of equally near ones.

    Examples
    --------
    >>> nearest(np.array([[0.0], [9.0]]), np.array([[1.0], [8.0]])).tolist()
    [0, 1]
    """
    # Squared distances up to a constant per row.
    return np.argmin((centers**2).sum(axis=1) - 2 * (X @ centers.T), axis=1)


def find(
    X: Array,
    k: int,
    algorithm: str = "kmeans",
    *,
    rng: np.random.Generator,
    least: int = 30,
    starts: int | None = None,
) -> Groups:
    """Find `k` groups in prepared rows in canonical order; HDBSCAN finds its own number.

    Examples
    --------
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0)
    >>> X += np.random.default_rng(0).normal(size=(100, 2))
    >>> made = [find(X, 2, name, rng=np.random.default_rng(0)) for name in ALGORITHMS]
    >>> [np.bincount(groups.labels).tolist() for groups in made]
    [[50, 50], [50, 50], [50, 50], [50, 50]]
    """
    seed = int(rng.integers(2**31))
    if algorithm == "hdbscan":
        return _hdbscan(X, least)
    if len(X) <= k:  # every row its own group; the last one stands in for groups that lack one
        return Groups(np.arange(len(X)), Nearest(X[np.minimum(np.arange(k), len(X) - 1)]))
    if algorithm == "ward":
        labels = AgglomerativeClustering(k).fit(X).labels_
        rule: Rule = Nearest(means(X, labels, k))
        return Groups(rule.predict(X), rule)
    with warnings.catch_warnings():
        # Fewer distinct rows than groups is an answer here: the group stays empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if algorithm == COMMON:
            mixture = _common(X, k)
            return Groups(mixture.predict(X), mixture)
        if algorithm == "gmm":
            shape = "full" if len(X) >= ROOM * k * X.shape[1] else "diag"
            mixture = GaussianMixture(k, covariance_type=shape, reg_covar=1e-3, random_state=seed)
            return Groups(mixture.fit(X).predict(X), mixture)
        runs = starts or max(3, round(STARTS / k**1.5))
        model = KMeans(k, n_init=runs, random_state=seed).fit(X)
    return Groups(model.labels_.astype(np.int64), Nearest(model.cluster_centers_))


def continuous(X: Array) -> bool:
    """Whether no column has a lump: a mixture of normal groups would take one for a group.

    Examples
    --------
    >>> continuous(np.arange(100.0)[:, None]), continuous(np.repeat([[0.0], [1.0]], 50, axis=0))
    (True, False)
    """
    lumps = [np.unique(column, return_counts=True)[1].max() for column in X.T] if len(X) else []
    return bool(lumps and max(lumps) <= LUMP * len(X))


def _common(X: Array, k: int) -> GaussianMixture:
    """Fit a mixture with one covariance, from the cuts of single columns; keep the likeliest.

    It does not mind how wide a column is: groups apart in one column stay apart, however many
    others hold nothing but noise.
    """
    square = (X - X.mean(axis=0)) ** 2
    peaked = (square**2).mean(axis=0) / np.maximum(square.mean(axis=0), 1e-9) ** 2
    fits = []
    for column in np.argsort(peaked, kind="stable")[:FLATTEST]:
        one = X[:, [column]]
        cut = KMeans(k, n_init=1, init=np.quantile(one, (np.arange(k) + 0.5) / k).reshape(-1, 1))
        start = means(X, cut.fit(one).labels_, k)
        mixture = GaussianMixture(k, covariance_type="tied", means_init=start, reg_covar=1e-3,
                                  random_state=0)  # fmt: skip
        fits.append(mixture.fit(X))
    return max(fits, key=lambda fit: fit.lower_bound_)


def means(X: Array, labels: Labels, k: int) -> Array:
    """Mean of each group, shape (k, columns); the mean of all for a group nobody is in."""
    return np.array([X[labels == i].mean(axis=0) if (labels == i).any() else X.mean(axis=0)
                     for i in range(k)])  # fmt: skip


def _hdbscan(X: Array, least: int) -> Groups:
    size = min(max(round(LEAST_SHARE * len(X)), least, 2), len(X))
    labels = HDBSCAN(min_cluster_size=size, copy=True).fit(X).labels_ if len(X) > 1 else [-1]
    labels = np.asarray(labels, dtype=np.int64)
    inside = labels >= 0
    if not inside.any():
        middle, one = X.mean(axis=0, keepdims=True), np.zeros(len(X), dtype=np.int64)
        return Groups(one, Neighbour(middle, one[:1]))
    rule = Neighbour(X[inside], labels[inside])
    return Groups(rule.predict(X), rule, float(1 - inside.mean()))


def reordered(rule: Rule, order: Labels) -> Rule:
    """Return the rule with group ``order[i]`` called i; groups not in `order` are −1 or gone."""
    if isinstance(rule, Nearest):
        return Nearest(rule.centers[order])
    if isinstance(rule, Neighbour):
        code = np.full(max(rule.labels.max(), order.max()) + 1, -1)
        code[order] = np.arange(len(order))
        return Neighbour(rule.members, code[rule.labels])
    mixture = copy.copy(rule)
    shared = getattr(rule, "covariance_type", None) == "tied"
    for name in MIXTURE[: 2 if shared else None]:
        setattr(mixture, name, getattr(rule, name)[order])
    return mixture


def parts(rule: Rule) -> list[Array | Labels]:
    """Return the arrays that decide where a customer is placed."""
    if isinstance(rule, Nearest):
        return [rule.centers]
    if isinstance(rule, Neighbour):
        return [rule.members, rule.labels]
    return [getattr(rule, name) for name in MIXTURE]


def agreement(X: Array, labels: Labels, rules: Sequence[Rule]) -> Array:
    """Share of the rules that place each row where `labels` does; 1 where there is no rule.

    One matrix product serves all rules of nearest centres.
    """
    if not rules:
        return np.ones(len(X))
    if not all(isinstance(rule, Nearest) for rule in rules):
        return np.mean([rule.predict(X) == labels for rule in rules], axis=0)
    centers = np.stack([parts(rule)[0] for rule in rules])
    draws, k, columns = centers.shape
    stacked = centers.reshape(-1, columns)
    far = (stacked**2).sum(axis=1) - 2 * (X @ stacked.T)
    placed = far.reshape(len(X), draws, k).argmin(axis=2)
    return (placed == labels[:, None]).mean(axis=1)


@contextmanager
def quick() -> Iterator[None]:
    """One thread, so that sums are added in one order; input is already checked."""
    settings = {"assume_finite": True, "skip_parameter_validation": True}
    with threadpool_limits(1), sklearn.config_context(**settings):
        yield
