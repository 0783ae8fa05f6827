"""PersonaModel: groups of customers, as many as hold still when customers are drawn again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.metrics import pairwise_distances
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from cjlab.personas import grouping, stability, structure
from cjlab.personas._settings import check
from cjlab.personas.contrasts import profile
from cjlab.personas.levels import Levels
from cjlab.personas.pipeline import Prepare, canonical_columns, canonical_rows, pick

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

LEAST = 30  # customers a persona has at least, and
LEAST_SHARE = 0.03  # the share of all customers it has at least
FIT_ROWS = 50_000  # features are shaped and centres found on at most so many customers
STABILITY_ROWS = 4_000  # repeated draws are taken from at most so many of them,
OTHER_ROWS = 1_500  # and where k-means is not asked for from so many: their cost is quadratic
FEW_NUMBERS = {"hdbscan": 1, grouping.COMMON: 2}  # how many numbers of personas are tried
CHUNK = 100_000  # customers scored at once


class PersonaModel(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator):
    """Group customers by behaviour, and say whether there are groups and how still they hold.

    With ``n_personas="auto"`` the model takes the largest number of personas whose prediction
    strength is at least .80, whose every persona has a mean bootstrap Jaccard of at least .75,
    and whose smallest persona has at least max(`minimum`, 3 %) of the customers. Where no
    number passes there is one persona, all customers. Repeatable is not the same as separate:
    a long cloud can be cut in two repeatably. So numbers whose personas all have a gap between
    them (`stability.valley` at most .80) go first; where none has, the largest repeatable
    number stays, and `assess` says whether it cuts a continuum.

    Parameters
    ----------
    n_personas : "auto" or int, default "auto"
        Number of personas. A number is obeyed (as far as there are distinct customers) and
        only judged. HDBSCAN takes "auto" alone, and finds its own.
    algorithm : {"kmeans", "gmm", "hdbscan", "ward"}, default "kmeans"
        K-means takes several starts on the sample of 50,000; where "auto" finds no number again,
        and no column has lumps, a Gaussian mixture with one covariance for all personas is tried,
        which sees groups that are apart in a few columns among many. The others are found on 1,500
        customers; all are then placed by the nearest centre (Ward), the likelier component
        (Gaussian mixture) or the nearest of those 1,500 (HDBSCAN, its noise included).
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
    algorithm_ : str
        What found the personas: `algorithm`, or "common" for the mixture with one covariance.
    noise_ : float
        Share of the sampled customers in no group of HDBSCAN, who went to the nearest; 0 for
        the other algorithms.
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
    structure_ : Structure or None
        Set by `assess`: the test for groups; None where there were too few customers for it.
    stability_ : DataFrame
        Set by `assess`; see `cjlab.personas.stability.measures`.
    verdict_ : str
        Set by `assess`: ``clear_groups`` (p at most .05; the personas hold still and have gaps
        between them), ``provisional`` (p at most .05, but these personas lack one or the
        other), ``continuum`` (p above .05: personas, if any, cut a continuum),
        ``no_stable_groups`` (p at most .05, but no number is found again: one persona) or
        ``too_few_customers`` (fewer than twice `minimum`).

    Notes
    -----
    Labels do not depend on the order of rows or columns, on the features' units, or on the
    number of threads. Features are shaped and centres found on at most 50,000 customers,
    stability on at most 4,000 of them, both seeded samples; every customer is then labelled.
    NaN is allowed and means missing; what becomes of it is said in `Prepare`. A text column
    becomes a column of 0 and 1 for each level; ``feature_names_in_`` are the names after that.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 60, axis=0) + rng.normal(size=(120, 2))
    >>> model = PersonaModel().fit(X).assess(X)
    >>> model.n_personas_, model.verdict_, model.sizes_.tolist()
    (2, 'clear_groups', [60, 60])
    """

    curve_: pd.DataFrame

    def __init__(
        self,
        *,
        n_personas: str | int = "auto",
        algorithm: str = "kmeans",
        random_state: int | np.random.RandomState | None = 0,
        max_personas: int = 8,
        minimum: int | None = None,
        n_draws: int = 30,
        n_splits: int = 10,
    ) -> None:
        self.n_personas = n_personas
        self.algorithm = algorithm
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
        check(self)
        self.levels_ = Levels().fit(X)
        X = validate_data(
            self, self.levels_.transform(X), dtype=np.float64, ensure_all_finite="allow-nan"
        )
        names = getattr(self, "feature_names_in_", None)
        self.columns_order_ = canonical_columns(X, names)
        ordered = X[:, self.columns_order_]
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        rng = np.random.default_rng(self.seed_)
        groups = self.levels_.groups(self.columns_order_)
        with grouping.quick():
            sample = pick(canonical_rows(ordered), FIT_ROWS, rng)
            self.prepare_ = Prepare().fit(ordered[sample], names=self._names(), levels=groups)
            ready = self.prepare_.transform(ordered[sample])
            few, tried = self._search(ready, len(X), rng)
            self._sample = few, self._settle(ordered, ready, few, tried, rng)
        self._n_features_out = self.n_personas_
        self.profile_ = profile(ordered, self.labels_, self.prepare_, self._names())
        return self

    def assess(self, X: Any, *, progress: Callable[[int, int], object] | None = None) -> Self:
        """Test whether there are groups at all, and give the verdict.

        Parameters
        ----------
        X : array-like or DataFrame of shape (customers, features)
            The customers that the model was fitted on.
        progress : callable, optional
            Called with the draws done and the most there may be.

        Returns
        -------
        PersonaModel
            The model, with ``structure_``, ``stability_`` and ``verdict_``.
        """
        ordered = self._ordered(X)
        check_is_fitted(self, "_sample")
        rng = np.random.default_rng(self.seed_)
        with grouping.quick():
            self.stability_ = stability.measures(*self._sample, self.algorithm_, rng=rng)
        self.structure_ = None
        if len(ordered) >= 2 * (self.minimum or LEAST):
            self.structure_ = structure.compare(
                self.prepare_, ordered, seed=self.seed_, progress=progress
            )
        self.verdict_ = self._verdict()
        return self

    def predict(self, X: Any) -> Labels:
        """Return the persona code of each customer; see `algorithm`."""
        return self._label(self._ordered(X))

    def transform(self, X: Any) -> Array:
        """Return each customer's distance to each persona's centre, in prepared units."""
        return np.asarray(pairwise_distances(self.prepared(X), self.cluster_centers_))

    def prepared(self, X: Any) -> Array:
        """Return the columns that distances are taken over, ``prepare_.columns_``."""
        return np.asarray(self.prepare_.transform(self._ordered(X)))

    def place(self, X: Any) -> tuple[Labels, Array]:
        """Return what `predict` and `confidence` do, at the price of one preparation."""
        ordered = self._ordered(X)
        codes, sure = zip(
            *(self._agreement(ordered[part]) for part in _chunks(ordered)), strict=True
        )
        return np.concatenate(codes).astype(np.int64), np.concatenate(sure)

    def confidence(self, X: Any) -> Array:
        """Return how often a customer would land in the same persona, were it all done again.

        The share (0–1) of the bootstrap models whose groups, matched to ours by the Hungarian
        method, place the customer in the same persona. With one persona it is 1. It says how
        certain the place among these personas is, not that the personas are apart. It costs
        about as much as placing everybody `n_draws` times.
        """
        return self.place(X)[1]

    def fingerprint(self) -> str:
        """Return a hash of all that decides a label: the same hash, the same labels."""
        check_is_fitted(self, "cluster_centers_")
        digest = hashlib.blake2b(digest_size=8)
        prepare = self.prepare_
        shapes = (prepare.neutral_, prepare.weight_, prepare.share_, *prepare.knots_)
        for part in (self.cluster_centers_, *grouping.parts(self.rule_), *shapes):
            digest.update(np.ascontiguousarray(part).tobytes())
        if hasattr(prepare, "power_"):
            digest.update(prepare.fence_.tobytes() + prepare.power_.lambdas_.tobytes())
            digest.update(prepare.mean_.tobytes() + prepare.spread_.tobytes())
        digest.update("|".join([*self._names(), "", *prepare.columns_]).encode())
        return digest.hexdigest()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
        return [str(names[i]) for i in self.columns_order_]

    def _ordered(self, X: Any) -> Array:
        check_is_fitted(self, "cluster_centers_")
        X = self.levels_.transform(X)
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        return np.asarray(X[:, self.columns_order_])

    def _least(self, customers: int) -> float:
        """The fewest customers that make a persona."""
        return max(self.minimum or LEAST, LEAST_SHARE * customers)

    def _numbers(self, customers: int, distinct: int) -> list[int]:
        """The numbers of personas to try."""
        if self.n_personas == "auto":
            most = min(self.max_personas, distinct, customers // (self.minimum or LEAST))
            return list(range(2, most + 1))[: FEW_NUMBERS.get(self.algorithm_)]
        chosen = min(int(self.n_personas), distinct)
        return [chosen] if chosen > 1 else []

    def _search(
        self, ready: Array, customers: int, rng: np.random.Generator
    ) -> tuple[Array, list[stability.Stability]]:
        """Try the numbers; where k-means finds none again, once more by a common covariance."""
        most = STABILITY_ROWS if self.algorithm == "kmeans" else OTHER_ROWS
        few = ready[pick(np.arange(len(ready)), most, rng)]
        self.algorithm_ = self.algorithm
        tried = self._try(few, customers, rng)
        asked = (self.algorithm, self.n_personas) == ("kmeans", "auto")
        if not asked or self.curve_["eligible"].any() or not grouping.continuous(few):
            return few, tried
        curve, some = self.curve_, few[pick(np.arange(len(few)), OTHER_ROWS, rng)]
        self.algorithm_ = grouping.COMMON
        again = self._try(some, customers, rng)
        if self.curve_["eligible"].any():
            return some, again
        self.algorithm_, self.curve_ = self.algorithm, curve
        return few, tried

    def _try(
        self, few: Array, customers: int, rng: np.random.Generator
    ) -> list[stability.Stability]:
        distinct = len(np.unique(few.round(9), axis=0)) if few.shape[1] else 1
        least = max(round((self.minimum or LEAST) * len(few) / customers), 2)
        how: dict[str, Any] = {"draws": self.n_draws, "splits": self.n_splits, "least": least}
        numbers = self._numbers(customers, distinct)
        tried = [stability.assess(few, k, self.algorithm_, rng=rng, **how) for k in numbers]
        tried = [found for found in tried if found.k > 1]
        share = self._least(customers) / customers
        self.curve_ = stability.curve(few, tried, share, rng=rng)
        return tried

    def _settle(
        self,
        ordered: Array,
        ready: Array,
        few: Array,
        tried: list[stability.Stability],
        rng: np.random.Generator,
    ) -> stability.Stability | None:
        """Take the largest number that holds up, and whose personas are large enough in all."""
        auto = self.n_personas == "auto" and self.algorithm != "hdbscan"
        least = self._least(len(ordered))
        rows = self.curve_.set_index("k")
        wanted = [found for found in tried if rows.loc[found.k, "eligible"] or not auto]
        gap = rows["valley"] <= stability.APART
        for found in sorted(wanted, key=lambda found: (gap[found.k], found.k), reverse=True):
            rule = found.rule
            if self.algorithm_ == "kmeans":
                rule = grouping.find(ready, found.k, rng=rng, starts=10).rule
            self._adopt(ordered, ready, rule)
            if not auto or self.sizes_.min() >= least:
                self.noise_ = found.noise
                self.curve_.loc[self.curve_["k"] == found.k, "chosen"] = True
                return self._match(few, found)
            self.curve_.loc[self.curve_["k"] == found.k, "eligible"] = False
        self._adopt(ordered, ready, grouping.Nearest(ready.mean(axis=0, keepdims=True)))
        self.noise_, self.jaccard_ = 0.0, np.array([np.nan])
        self.draws_: list[grouping.Rule] = []
        return None

    def _verdict(self) -> str:
        if self.structure_ is None:
            return "too_few_customers"
        if self.structure_.p_value > structure.LEVEL:
            return "continuum"
        if self.n_personas == "auto" and self.n_personas_ == 1:
            return "no_stable_groups"
        chosen = self.curve_[self.curve_["chosen"]]
        holds = chosen["eligible"] & (chosen["valley"] <= stability.APART)
        return "clear_groups" if holds.any() else "provisional"

    def _adopt(self, ordered: Array, ready: Array, rule: grouping.Rule) -> None:
        """Keep the rule, largest persona first, and label everybody."""
        self.rule_ = rule
        sizes = np.bincount(self._label(ordered))
        if isinstance(rule, grouping.Nearest):
            centers = rule.centers[: len(sizes)]
        else:
            centers = grouping.means(ready, rule.predict(ready), len(sizes))
        # Rounded, so that noise in the last digit cannot swap personas of one size.
        order = np.lexsort([*centers.round(6).T[::-1], -sizes])
        # A persona nobody is placed in is no persona; it can only follow rounding.
        order = order[sizes[order] > 0]
        self.rule_, self.cluster_centers_ = grouping.reordered(rule, order), centers[order]
        self.labels_ = self._label(ordered)
        self.n_personas_ = len(order)
        self.sizes_ = np.bincount(self.labels_, minlength=self.n_personas_)

    def _match(self, few: Array, found: stability.Stability) -> stability.Stability:
        """Put the groups of every draw in the order of ours, for `confidence` and `jaccard_`."""
        ours = self.rule_.predict(few)
        self.draws_ = [
            grouping.reordered(rule, stability.matched(ours, rule.predict(few), found.k))
            for rule in found.draws
        ]
        order = stability.matched(ours, found.labels, found.k)[: self.n_personas_]
        self.jaccard_ = found.jaccard[order]
        return found._replace(jaccard=self.jaccard_)

    def _label(self, ordered: Array) -> Labels:
        labels = [
            self.rule_.predict(self.prepare_.transform(ordered[part])) for part in _chunks(ordered)
        ]
        return np.concatenate(labels).astype(np.int64)

    def _agreement(self, ordered: Array) -> tuple[Labels, Array]:
        ready = self.prepare_.transform(ordered)
        codes = self.rule_.predict(ready)
        return codes, grouping.agreement(ready, codes, self.draws_)


def _chunks(X: Array) -> Iterator[slice]:
    return iter(gen_batches(len(X), CHUNK))
