"""A small decision tree that tells personas apart by readable rules, and how well it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from cjlab.stats import Interval, proportion

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

LEAVES = 6
FOLDS = 5
MOVED = 0.002  # share of customers that rounding a threshold may put on its other side


class Condition(NamedTuple):
    """What a rule asks of one feature: above `low`, up to `high`; missing or not."""

    column: int
    low: float  # −inf where there is no lower bound
    high: float
    missing: str  # "no", "some" or "all" of the rule's customers lack the feature


class Rule(NamedTuple):
    """A leaf: its conditions, the persona it stands for and which customers are in it."""

    persona: int
    conditions: list[Condition]
    inside: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """How many customers it holds for."""
        return int(self.inside.sum())


def grow(X: Array, labels: Labels, least: int) -> DecisionTreeClassifier:
    """Fit a tree of at most six leaves, every persona weighing the same, thresholds rounded.

    Parameters
    ----------
    X : ndarray of shape (customers, features)
        Raw features in human units, in canonical row order; NaN is missing.
    labels : ndarray of shape (customers,)
        Persona codes.
    least : int
        Fewest customers in a leaf.
    """
    tree = DecisionTreeClassifier(
        max_leaf_nodes=LEAVES, min_samples_leaf=least, class_weight="balanced", random_state=0
    ).fit(X, labels)
    nodes = tree.tree_
    for node in np.flatnonzero((nodes.children_left >= 0) & np.isfinite(nodes.threshold)):
        nodes.threshold[node] = _rounded(nodes.threshold[node], X[:, nodes.feature[node]])
    return tree


def _rounded(threshold: float, values: Array) -> float:
    """The roundest number that parts nearly the same customers."""
    below = values <= threshold
    tried = [float(np.floor(threshold)), *(float(f"{threshold:.{n}g}") for n in (1, 2, 3))]
    for near in sorted(tried, key=lambda near: (_digits(near), abs(near - threshold))):
        if np.mean((values <= near) != below) <= MOVED:
            return near
    return threshold


def _digits(number: float) -> int:
    """How many digits a number takes, zeros at its ends not counted."""
    return len(f"{number:.9f}".replace(".", "").strip("-0"))


def rules(tree: DecisionTreeClassifier, X: Array) -> list[Rule]:
    """Read the tree as rules; each row of X is inside exactly one.

    Branches that all stand for one persona are one rule.
    """
    nodes, path = tree.tree_, tree.decision_path(X).tocsc()
    best = tree.classes_[nodes.value[:, 0].argmax(axis=1)]
    found: list[Rule] = []

    def said(node: int) -> set[int]:
        """The personas that the leaves under a node stand for."""
        left, right = nodes.children_left[node], nodes.children_right[node]
        return {int(best[node])} if left < 0 else said(left) | said(right)

    def visit(node: int, bounds: dict[int, tuple[float, float]]) -> None:
        personas = said(node)
        if len(personas) > 1:
            column, at = int(nodes.feature[node]), float(nodes.threshold[node])
            low, high = bounds.get(column, (-np.inf, np.inf))
            visit(nodes.children_left[node], bounds | {column: (low, min(high, at))})
            visit(nodes.children_right[node], bounds | {column: (max(low, at), high)})
            return
        inside = path[:, [node]].toarray()[:, 0] > 0
        asked = [
            Condition(column, low, high, _missing(X[inside, column]))
            for column, (low, high) in bounds.items()
        ]
        found.append(Rule(personas.pop(), asked, inside))

    visit(0, {})
    return found


def _missing(values: Array) -> str:
    lacking = np.isnan(values)
    return "all" if len(values) and lacking.all() else "some" if lacking.any() else "no"


def accuracy(X: Array, labels: Labels, least: Callable[[int], int]) -> Interval | None:
    """Balanced accuracy of trees on the fifth of the customers that each did not see.

    Parameters
    ----------
    X, labels : ndarray
        As in `grow`.
    least : callable
        Fewest customers in a leaf, for a number of customers.

    Returns
    -------
    Interval or None
        Mean over the personas of the share put in the right one, 0–1; None where the smallest
        persona has fewer than two customers.

    Notes
    -----
    The limits combine the personas' Wilson intervals (Zou and Donner 2008, MOVER). They hold
    the trees fixed and customers to be independent.
    """
    folds = min(FOLDS, int(np.bincount(labels)[np.unique(labels)].min()))
    if folds < 2:
        return None
    guessed = np.empty_like(labels)
    for seen, unseen in StratifiedKFold(folds, shuffle=True, random_state=0).split(X, labels):
        tree = grow(X[seen], labels[seen], least(len(seen)))
        guessed[unseen] = tree.predict(X[unseen])
    own = [labels == code for code in np.unique(labels)]
    right = [int((guessed[rows] == labels[rows]).sum()) for rows in own]
    each = proportion(right, [int(rows.sum()) for rows in own])
    value = np.mean(each.value)
    below, above = (
        np.sqrt(np.sum((each.value - limit) ** 2)) / len(own) for limit in (each.low, each.high)
    )
    return Interval(float(value), float(value - below), float(value + above))
