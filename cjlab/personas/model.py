"""PersonaModel: groups of customers, as many as hold still when customers are drawn again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.metrics import pairwise_distances, silhouette_score
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from cjlab.personas import stability
from cjlab.personas.contrasts import profile
from cjlab.personas.pipeline import Prepare, canonical_columns, canonical_rows

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Tried = dict[int, stability.Stability]

LEAST = 30  # customers a persona has at least, and
LEAST_SHARE = 0.03  # the share of all customers it has at least
FIT_ROWS = 50_000  # features are shaped and centres found on at most so many customers
STABILITY_ROWS = 4_000  # repeated draws are taken from at most so many of them
SILHOUETTE_ROWS = 2_000
CHUNK = 100_000  # customers scored at once
SCORES = ["silhouette", "prediction_strength", "min_jaccard", "smallest", "valley"]
CURVE = {"k": "int64"} | dict.fromkeys(SCORES, "float64") | {"eligible": "bool", "chosen": "bool"}


class PersonaModel(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator):
    """Group customers by behaviour with k-means, and say how well the groups hold still.

    With ``n_personas="auto"`` the model takes the largest number of personas whose prediction
    strength is at least .80, whose every persona has a mean bootstrap Jaccard of at least .75,
    and whose smallest persona has at least max(`minimum`, 3 %) of the customers. Where no
    number passes there is one persona, all customers. Repeatable is not the same as separate:
    a long cloud can be cut in two repeatably. So numbers whose personas all have a gap between
    them (`stability.valley` at most .80) go first; where none has, the largest repeatable
    number stays and the verdict says that it cuts a continuum.

    Parameters
    ----------
    n_personas : "auto" or int, default "auto"
        Number of personas. A number is obeyed (as far as there are distinct customers) and
        only judged.
    random_state : int, RandomState or None, default 0
        Seed of samples, starts and draws.
    max_personas : int, default 8
        Largest number tried by "auto".
    minimum : int or None, default None
        Least customers in a persona; None means 30. Fewer than twice as many customers are
        never divided by "auto".
    n_draws : int, default 30
        Bootstrap draws for the Jaccard and for `confidence`.
    n_splits : int, default 10
        Half splits for the prediction strength.

    Attributes
    ----------
    labels_ : ndarray of shape (customers,)
        Persona code of each customer: 0 is the largest persona, ties by centre.
    n_personas_ : int
        Number of personas found.
    sizes_ : ndarray of shape (n_personas_,)
        Customers in each persona.
    verdict_ : str
        ``stable_groups`` (repeatable and apart), ``stable_segments`` (repeatable, yet they
        cut a continuum), ``no_stable_groups`` or ``too_few_customers`` for "auto";
        ``chosen_stable`` or ``chosen_unstable`` where the number was given.
    jaccard_ : ndarray of shape (n_personas_,)
        Mean bootstrap Jaccard of each persona (NaN where there is one).
    curve_ : DataFrame
        Every k tried: ``k, silhouette, prediction_strength, min_jaccard, smallest`` (share of
        customers), ``valley``, ``eligible`` (but for the gap), ``chosen``.
    profile_ : DataFrame
        See `cjlab.personas.contrasts.profile`.
    prepare_ : Prepare
        The fitted pre-processing; ``prepare_.notes_`` says which features were left out.
    cluster_centers_ : ndarray of shape (n_personas_, prepared columns)
        Centres in prepared units.

    Notes
    -----
    Labels do not depend on the order of rows or columns, on the features' units, or on the
    number of threads. Features are shaped and centres found on at most 50,000 customers,
    stability on at most 4,000 of them, both seeded samples; every customer is then labelled.
    NaN is allowed and means missing; what becomes of it is said in `Prepare`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 60, axis=0) + rng.normal(size=(120, 2))
    >>> model = PersonaModel().fit(X)
    >>> model.n_personas_, model.verdict_, model.sizes_.tolist()
    (2, 'stable_groups', [60, 60])
    """

    def __init__(
        self,
        *,
        n_personas: str | int = "auto",
        random_state: int | np.random.RandomState | None = 0,
        max_personas: int = 8,
        minimum: int | None = None,
        n_draws: int = 30,
        n_splits: int = 10,
    ) -> None:
        self.n_personas = n_personas
        self.random_state = random_state
        self.max_personas = max_personas
        self.minimum = minimum
        self.n_draws = n_draws
        self.n_splits = n_splits

    def fit(self, X: Any, y: None = None) -> Self:
        """Find the personas.

        Parameters
        ----------
        X : array-like or DataFrame of shape (customers, features)
            One row a customer; NaN is missing.
        y : None
            Not used.

        Returns
        -------
        PersonaModel
            The fitted model.

        Raises
        ------
        ValueError
            A parameter is out of range, or X holds text or infinities.
        """
        self._check()
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        names = getattr(self, "feature_names_in_", None)
        self.columns_order_ = canonical_columns(X, names)
        ordered = X[:, self.columns_order_]
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        rng = np.random.default_rng(seed)
        with _quick():
            sample = _pick(canonical_rows(ordered), FIT_ROWS, rng)
            self.prepare_ = Prepare().fit(ordered[sample], names=self._names())
            ready = self.prepare_.transform(ordered[sample])
            few = ready[_pick(np.arange(len(ready)), STABILITY_ROWS, rng)]
            tried = self._try(few, len(X), rng)
            self._settle(ordered, ready, few, tried, rng)
        self._n_features_out = self.n_personas_
        self.profile_ = profile(ordered, self.labels_, self.prepare_, self._names())
        return self

    def predict(self, X: Any) -> Labels:
        """Return the persona code of each customer: the nearest centre."""
        return self._label(self._ordered(X))

    def transform(self, X: Any) -> Array:
        """Return each customer's distance to each persona's centre, in prepared units."""
        ready = self.prepare_.transform(self._ordered(X))
        distances: Array = pairwise_distances(ready, self.cluster_centers_)
        return distances

    def confidence(self, X: Any) -> Array:
        """Return how often a customer would land in the same persona, were it all done again.

        The share (0–1) of the bootstrap models whose nearest centre, matched to ours by the
        Hungarian method, is the customer's persona. With one persona it is 1. It says how
        certain the place among these personas is, not that the personas are apart.
        """
        ordered = self._ordered(X)
        return np.concatenate([self._agreement(ordered[part]) for part in _chunks(ordered)])

    def fingerprint(self) -> str:
        """Return a hash of all that decides a label: the same hash, the same labels."""
        check_is_fitted(self, "cluster_centers_")
        digest = hashlib.blake2b(digest_size=8)
        for part in (self.cluster_centers_, self.prepare_.neutral_, *self.prepare_.knots_):
            digest.update(np.ascontiguousarray(part).tobytes())
        if hasattr(self.prepare_, "power_"):
            digest.update(self.prepare_.fence_.tobytes() + self.prepare_.power_.lambdas_.tobytes())
            digest.update(self.prepare_.mean_.tobytes() + self.prepare_.spread_.tobytes())
        digest.update("|".join([*self._names(), "", *self.prepare_.columns_]).encode())
        return digest.hexdigest()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _check(self) -> None:
        least = {"n_personas": 1, "max_personas": 2, "minimum": 1, "n_draws": 1, "n_splits": 1}
        instead = {"n_personas": "auto", "minimum": None}
        for name, first in least.items():
            value = getattr(self, name)
            if _whole(value, first) or (name in instead and value == instead[name]):
                continue
            other = f" or {instead[name]!r}" if name in instead else ""
            raise ValueError(f"{name} is {value!r}; it must be a whole number from {first}{other}.")

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
        return [str(names[i]) for i in self.columns_order_]

    def _ordered(self, X: Any) -> Array:
        check_is_fitted(self, "cluster_centers_")
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        ordered: Array = X[:, self.columns_order_]
        return ordered

    def _numbers(self, customers: int, distinct: int) -> list[int]:
        """The numbers of personas to try."""
        if self.n_personas == "auto":
            most = customers // (self.minimum or LEAST)
            return list(range(2, min(self.max_personas, distinct, most) + 1))
        chosen = min(int(self.n_personas), distinct)
        return [chosen] if chosen > 1 else []

    def _try(self, few: Array, customers: int, rng: np.random.Generator) -> Tried:
        distinct = len(np.unique(few.round(9), axis=0)) if few.shape[1] else 1
        tried = {
            k: stability.assess(few, k, rng=rng, draws=self.n_draws, splits=self.n_splits)
            for k in self._numbers(customers, distinct)
        }
        self.curve_ = self._curve(few, tried, customers, rng)
        return tried

    def _curve(
        self, few: Array, tried: Tried, customers: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        rows = _pick(np.arange(len(few)), SILHOUETTE_ROWS, rng)
        apart = pairwise_distances(few[rows]) if tried else None
        least = max((self.minimum or LEAST) / customers, LEAST_SHARE)
        lines = []
        for k, found in tried.items():
            smallest = np.bincount(found.labels, minlength=k).min() / len(few)
            strength, jaccard = found.prediction_strength, float(found.jaccard.min())
            holds = strength >= stability.STRONG and jaccard >= stability.STEADY
            silhouette = _silhouette(apart, found.labels[rows])
            gap = stability.valley(few, found.labels, k)
            scores = (silhouette, strength, jaccard, smallest, gap)
            lines.append((k, *scores, holds and smallest >= least, False))
        return pd.DataFrame(lines, columns=list(CURVE)).astype(CURVE)

    def _settle(
        self, ordered: Array, ready: Array, few: Array, tried: Tried, rng: np.random.Generator
    ) -> None:
        """Take the largest number that holds up, and whose personas are large enough in all."""
        auto = self.n_personas == "auto"
        least = max(self.minimum or LEAST, LEAST_SHARE * len(ordered))
        eligible = self.curve_.loc[self.curve_["eligible"], "k"].to_list()
        gap = self.curve_.set_index("k")["valley"] <= stability.APART
        for k in sorted(eligible if auto else tried, key=lambda k: (gap[k], k), reverse=True):
            _, centers = stability.kmeans(ready, k, rng=rng, n_init=10)
            self._adopt(ordered, centers)
            if not auto or self.sizes_.min() >= least:
                self._match(few, tried[k])
                self.curve_.loc[self.curve_["k"] == k, "chosen"] = True
                self.verdict_ = self._verdict(auto, bool(eligible), len(ordered))
                if auto and not gap[k]:
                    self.verdict_ = "stable_segments"
                return
            self.curve_.loc[self.curve_["k"] == k, "eligible"] = False
        self._adopt(ordered, ready.mean(axis=0, keepdims=True))
        self.jaccard_ = np.array([np.nan])
        self.draw_centers_ = np.empty((0, 1, ready.shape[1]))
        self.verdict_ = self._verdict(auto, False, len(ordered))

    def _verdict(self, auto: bool, holds: bool, customers: int) -> str:
        if not auto:
            return "chosen_stable" if holds or self.n_personas == 1 else "chosen_unstable"
        if customers < 2 * (self.minimum or LEAST):
            return "too_few_customers"
        return "stable_groups" if holds else "no_stable_groups"

    def _adopt(self, ordered: Array, centers: Array) -> None:
        """Keep the centres, largest persona first, and label everybody."""
        self.cluster_centers_ = centers
        sizes = np.bincount(self._label(ordered), minlength=len(centers))
        # Rounded, so that noise in the last digit cannot swap personas of one size.
        order = np.lexsort([*centers.round(6).T[::-1], -sizes])
        # A persona nobody is nearest to is no persona; it can only follow rounding.
        order = order[sizes[order] > 0]
        self.cluster_centers_ = centers[order]
        self.labels_ = self._label(ordered)
        self.n_personas_ = len(order)
        self.sizes_ = np.bincount(self.labels_, minlength=self.n_personas_)

    def _match(self, few: Array, found: stability.Stability) -> None:
        """Put every draw's centres in the order of ours, for `confidence` and `jaccard_`."""
        k = len(found.jaccard)
        ours = stability.nearest(few, self.cluster_centers_)
        draws = [
            centers[_partners(ours, stability.nearest(few, centers), k)]
            for centers in found.centers
        ]
        self.draw_centers_ = np.stack(draws)
        self.jaccard_ = found.jaccard[_partners(ours, found.labels, k)][: self.n_personas_]

    def _label(self, ordered: Array) -> Labels:
        labels = [
            stability.nearest(self.prepare_.transform(ordered[part]), self.cluster_centers_)
            for part in _chunks(ordered)
        ]
        return np.concatenate(labels).astype(np.int64)

    def _agreement(self, ordered: Array) -> Array:
        ready = self.prepare_.transform(ordered)
        if not len(self.draw_centers_):
            return np.ones(len(ready))
        ours = stability.nearest(ready, self.cluster_centers_)
        same = [stability.nearest(ready, centers) == ours for centers in self.draw_centers_]
        return np.mean(same, axis=0)


@contextmanager
def _quick() -> Iterator[None]:
    """One thread, so that sums are added in one order; input is already checked."""
    settings = {"assume_finite": True, "skip_parameter_validation": True}
    with threadpool_limits(1), sklearn.config_context(**settings):
        yield


def _whole(value: Any, least: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and bool(value >= least)


def _pick(rows: NDArray[np.intp], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """At most so many of the rows, chosen by seed, their order kept."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(rng.choice(len(rows), size=most, replace=False))]


def _chunks(X: Array) -> Iterator[slice]:
    return iter(gen_batches(len(X), CHUNK))


def _silhouette(apart: Array | None, labels: Labels) -> float:
    groups = len(np.unique(labels))
    if apart is None or not 2 <= groups < len(labels):
        return float("nan")
    return float(silhouette_score(apart, labels, metric="precomputed"))


def _partners(ours: Labels, theirs: Labels, k: int) -> NDArray[np.intp]:
    """For each of our groups, the one of theirs that shares most customers, one to one."""
    both = stability.crosstab(ours, theirs, k)
    partners: NDArray[np.intp] = linear_sum_assignment(-both)[1]
    return partners
