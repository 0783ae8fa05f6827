"""How well groups hold still when the customers are drawn again.

Prediction strength: Tibshirani and Walther (2005), JCGS 14, 511–528. Bootstrap Jaccard: Hennig
(2007), CSDA 52, 258–271. Both ask whether a cut is repeatable; neither whether there is a gap:
a long cloud is cut in two repeatably. So `valley` looks at the density between neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from cjlab.personas.grouping import Rule, find
from cjlab.personas.pipeline import pick
from cjlab.personas.structure import silhouette

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

STRONG = 0.80  # least prediction strength of a number of personas that holds up
APART = 0.80  # most density between two personas, relative to the lower of their peaks
VALLEY_ROWS = 1_500
STEADY = 0.75  # least mean bootstrap Jaccard of each of its personas
HIGHLY, DOUBTFUL = 0.85, 0.60  # from here a persona is highly stable; below, not to be trusted
SILHOUETTE_ROWS = 2_000
SCORES = ["silhouette", "prediction_strength", "min_jaccard", "smallest", "valley"]
CURVE = {"k": "int64"} | dict.fromkeys(SCORES, "float64") | {"eligible": "bool", "chosen": "bool"}
RIVALS = ("kmeans", "gmm", "ward")  # algorithms that are compared at one k,
RIVAL_ROWS = 2_000  # on at most so many customers


class Stability(NamedTuple):
    """What repeated draws say about one number of groups."""

    labels: Labels  # the groups found in all rows, shape (rows,)
    rule: Rule  # places any row in one of them
    noise: float  # share of rows that are in a group only because it is the nearest
    prediction_strength: float  # mean over half splits, 0–1
    halves: float  # mean adjusted Rand index of all rows placed by either half's groups
    jaccard: Array  # mean bootstrap Jaccard of each group, shape (k,)
    draws: list[Rule]  # the groups found in each bootstrap draw

    @property
    def k(self) -> int:
        """Number of groups."""
        return len(self.jaccard)


def assess(
    X: Array,
    k: int,
    algorithm: str = "kmeans",
    *,
    rng: np.random.Generator,
    draws: int = 30,
    splits: int = 10,
    least: int = 30,
) -> Stability:
    """Measure how repeatable `k` groups are.

    Parameters
    ----------
    X : ndarray of shape (rows, columns)
        Prepared features, in canonical row order.
    k : int
        Number of groups, at least 2.
    algorithm : str, default "kmeans"
        One of `grouping.ALGORITHMS`.
    rng : numpy.random.Generator
        Source of every draw and start.
    draws : int, default 30
        Bootstrap draws.
    splits : int, default 10
        Half splits; each is used in both directions.
    least : int, default 30
        Customers that a group has at least (HDBSCAN).

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
    groups = find(X, k, algorithm, rng=rng, least=least)
    k = k if algorithm != "hdbscan" else int(groups.labels.max()) + 1
    halved = [_split(X, k, algorithm, rng, least) for _ in range(splits)]
    strength, halves = np.mean(halved, axis=0).tolist()
    jaccard, rules = _bootstrap(X, groups.labels, k, algorithm, rng, draws, least)
    return Stability(*groups, strength, halves, jaccard, rules)


def curve(
    X: Array, tried: Sequence[Stability], least: float, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Set the numbers of groups that were tried side by side; see `PersonaModel.curve_`.

    `least` is the share of the rows that the smallest group must have.
    """
    rows = pick(np.arange(len(X)), SILHOUETTE_ROWS, rng)
    lines = []
    for found in tried:
        smallest = np.bincount(found.labels, minlength=found.k).min() / len(X)
        strength, jaccard = found.prediction_strength, float(found.jaccard.min())
        holds = strength >= STRONG and jaccard >= STEADY and smallest >= least
        scores = (silhouette(X[rows], found.labels[rows], found.k), strength, jaccard, smallest)
        lines.append((found.k, *scores, valley(X, found.labels, found.k), holds, False))
    return pd.DataFrame(lines, columns=list(CURVE)).astype(CURVE)


def matched(ours: Labels, theirs: Labels, k: int) -> Labels:
    """For each of our groups, the one of theirs that shares most customers, one to one."""
    partners: Labels = linear_sum_assignment(-crosstab(ours, theirs, k))[1]
    return partners


def crosstab(a: Labels, b: Labels, k: int) -> Array:
    """Count how often group i of `a` meets group j of `b`, shape (k or more, k or more)."""
    k = max(k, int(max(a.max(initial=0), b.max(initial=0))) + 1)
    return np.bincount(a * k + b, minlength=k * k).reshape(k, k).astype(float)


def _bootstrap(
    X: Array, labels: Labels, k: int, algorithm: str, rng: np.random.Generator, draws: int,
    least: int,
) -> tuple[Array, list[Rule]]:  # fmt: skip
    """Return each group's mean Jaccard with its best match, and the groups of every draw."""
    total, seen = np.zeros(k), np.zeros(k)
    rules = []
    for _ in range(draws):
        drawn = np.sort(rng.integers(len(X), size=len(X)))
        if algorithm == "hdbscan":
            # Its density has no use for the same customer twice: two thirds, each once.
            drawn = np.unique(drawn)
        found = find(X[drawn], k, algorithm, rng=rng, least=least)
        rules.append(found.rule)
        once = np.r_[True, drawn[1:] > drawn[:-1]]
        both = crosstab(labels[drawn[once]], found.labels[once], k)[:k]
        union = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
        best = np.divide(both, union, out=np.zeros_like(both), where=union > 0).max(axis=1)
        total += best
        seen += both.sum(axis=1) > 0
    return np.divide(total, seen, out=np.zeros(k), where=seen > 0), rules


def measures(
    X: Array, found: Stability | None, algorithm: str, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Tell all that is known of how stable the chosen groups are.

    Parameters
    ----------
    X : ndarray of shape (rows, columns)
        The rows that `found` is about.
    found : Stability or None
        What `assess` gave, its Jaccards in the order of the personas; None gives no rows.
    algorithm : str
        The algorithm that found them; it is compared with the others at the same k.
    rng : numpy.random.Generator
        Source of starts.

    Returns
    -------
    DataFrame
        ``measure`` (jaccard | prediction_strength | ari_halves | ari_kmeans | ari_gmm |
        ari_ward), ``persona`` (code, or null), ``value`` (0–1; an ARI may be below 0), ``n``
        (rows) and ``label`` (of a Jaccard, see `word`).
    """
    lines: list[tuple[str, int | None, float, int, str | None]] = []
    if found is not None:
        n = len(X)
        lines += [("jaccard", code, float(value), n, word(value))
                  for code, value in enumerate(found.jaccard)]  # fmt: skip
        lines += [("prediction_strength", None, found.prediction_strength, n, None)]
        lines += [("ari_halves", None, found.halves, n, None)]
        rows = pick(np.arange(n), RIVAL_ROWS, rng)
        for rival in RIVALS:
            if rival != algorithm:
                theirs = find(X[rows], found.k, rival, rng=rng).labels
                ari = adjusted_rand_score(found.labels[rows], theirs)
                lines.append((f"ari_{rival}", None, float(ari), len(rows), None))
    table = pd.DataFrame(lines, columns=["measure", "persona", "value", "n", "label"])
    kinds = {"measure": "str", "persona": "Int64", "value": "float64", "n": "int64"}
    return table.astype(kinds | {"label": "str"})


def word(jaccard: float) -> str:
    """Say what a mean bootstrap Jaccard means (Hennig 2007).

    Examples
    --------
    >>> [word(value) for value in (0.9, 0.8, 0.7, 0.5)]
    ['highly_stable', 'stable', 'provisional', 'not_to_be_trusted']
    """
    if jaccard >= STEADY:
        return "highly_stable" if jaccard >= HIGHLY else "stable"
    return "provisional" if jaccard >= DOUBTFUL else "not_to_be_trusted"


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


def _split(
    X: Array, k: int, algorithm: str, rng: np.random.Generator, least: int
) -> tuple[float, float]:
    order = rng.permutation(len(X))
    half = len(X) // 2
    a, b = X[np.sort(order[:half])], X[np.sort(order[half:])]
    one, two = (find(part, k, algorithm, rng=rng, least=least // 2) for part in (a, b))
    there, back = one.rule.predict(b), two.rule.predict(a)
    strength = (_strength(two.labels, there, k) + _strength(one.labels, back, k)) / 2
    ours, theirs = np.r_[one.labels, there], np.r_[back, two.labels]
    return strength, float(adjusted_rand_score(ours, theirs))


def _strength(own: Labels, foreign: Labels, k: int) -> float:
    """The worst group's share of pairs that the other half's groups keep together."""
    both = crosstab(own, foreign, k)
    size = both.sum(axis=1)
    pairs = size * (size - 1)
    together = (both * (both - 1)).sum(axis=1)
    # A group of the other half that is not here at all is no group that failed.
    there = size > 0 if len(size) > k else np.ones(len(size), dtype=bool)
    shares = np.divide(together, pairs, out=np.zeros(len(size)), where=pairs > 0)
    return float(shares[there].min())
