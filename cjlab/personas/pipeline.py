"""From raw behaviour features to columns that distances may be taken over.

Three rules keep one feature from making the groups alone: skewed features are straightened
(Yeo–Johnson) and scaled; features with a heavy single value become normal scores of midranks,
so that the lump stays near the middle; outliers are drawn in to a fence. A fourth does so for a
category: all its levels together weigh as much as one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, skew
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import PowerTransformer
from sklearn.utils.validation import check_is_fitted

Array = NDArray[np.float64]

LUMP = 0.30  # a single value held by more than this share of customers: normal scores
TWIN = 0.98  # columns correlated beyond this are one column told twice
RARE = 0.02  # a gap in fewer customers than this gets no column of its own
MARK = 0.5  # weight of the column that says a value is missing: it hints, it does not decide
SKEWED = 1.0  # columns less skewed than this stay straight
KNOTS = 512  # points that describe a lumpy feature's distribution


class Prepare(TransformerMixin, BaseEstimator):
    """Straighten, scale and fill behaviour features, and drop what says nothing new.

    Missing stays missing: it becomes the feature's median (the neutral value), and where 2 % to
    98 % of the customers lack it a column of half weight says so. Features that are constant, all
    missing, near-duplicates (|rho| > .98) or the rest of shares that add up to one are left out
    with a note. A level of share p of a category becomes ``(x − p) / sqrt(p (levels − 1))``, as
    in factor analysis of mixed data, so that all levels together have a variance of one. Nothing
    depends on the order of rows, and only the choice between two near-duplicates on the order
    of columns.

    Attributes
    ----------
    usable_ : ndarray of int
        Columns of X that vary; `scaled` returns these.
    keep_ : ndarray of int
        Columns of the filled matrix (usable ones, then marks of missing) that are used.
    columns_ : list of str
        Names of what `transform` returns; a mark of missing is called ``name:missing``.
    notes_ : list of dict
        ``feature``, ``reason`` (constant | all_missing | near_duplicate | reference_share)
        and ``of`` (the feature that stands for it, or empty).

    Notes
    -----
    Yeo and Johnson (2000), Biometrika 87, 954–959; Pagès (2004), Revue de statistique appliquée
    52, 93–111. Features are first centred by the median and
    scaled by the interquartile range, so that units cannot change the result.

    Examples
    --------
    >>> X = np.column_stack([np.arange(50.0), np.ones(50), np.exp(np.arange(50) / 5)])
    >>> ready = Prepare().fit(X, names=["days", "same", "money"])
    >>> ready.columns_, ready.notes_[0]["reason"]
    (['days', 'money'], 'constant')
    """

    def fit(
        self,
        X: Array,
        y: None = None,
        *,
        names: Sequence[str] | None = None,
        levels: Sequence[Sequence[int]] = (),
    ) -> Self:
        """Learn the columns' shapes from an array (customers, features); NaN is missing.

        `levels` are groups of columns of 0 and 1 that are the levels of one category.
        """
        X = np.asarray(X, dtype=float)
        labels = list(names) if names is not None else [f"x{i}" for i in range(X.shape[1])]
        self.n_features_in_ = X.shape[1]
        self.notes_: list[dict[str, str]] = []
        self.usable_ = self._usable(X, labels)
        known = X[:, self.usable_]
        place = {int(column): i for i, column in enumerate(self.usable_)}
        self.groups_ = [[place[column] for column in group if column in place] for group in levels]
        self.groups_ = [group for group in self.groups_ if group]
        self.levels_ = np.array(
            [column for group in self.groups_ for column in group], dtype=np.intp
        )
        lumpy = np.array([_is_lumpy(column) for column in known.T], dtype=bool)
        number = ~np.isin(np.arange(known.shape[1]), self.levels_)
        self.smooth_ = np.flatnonzero(number & ~lumpy)
        self.lumpy_ = np.flatnonzero(number & lumpy)
        self._fit_smooth(known[:, self.smooth_])
        self.knots_ = [_normal_scores(known[:, i]) for i in self.lumpy_]
        self.share_ = known[:, self.levels_].mean(axis=0)
        many = [max(len(group) - 1, 1) for group in self.groups_ for _ in group]
        self.weight_ = 1 / np.sqrt(self.share_ * np.array(many))
        scaled = self.scaled(X)
        self.neutral_ = np.array([np.nanmedian(column) for column in scaled.T])
        gaps = np.isnan(known).mean(axis=0)
        self.marked_ = np.flatnonzero((gaps >= RARE) & (gaps <= 1 - RARE))
        share = gaps[self.marked_]
        self.mark_scores_ = MARK * norm.ppf(np.column_stack([(1 - share) / 2, 1 - share / 2]))
        usable_names = [labels[i] for i in self.usable_]
        columns = usable_names + [f"{usable_names[i]}:missing" for i in self.marked_]
        self.keep_ = self._keep(X, labels, self._filled(scaled), columns)
        self.columns_ = [columns[i] for i in self.keep_]
        return self

    def scaled(self, X: Array) -> Array:
        """Return the usable columns straightened and scaled; missing stays NaN.

        Parameters
        ----------
        X : ndarray of shape (customers, features)
            Raw features in the order seen in `fit`.

        Returns
        -------
        ndarray of shape (customers, usable features)
            In standard deviations for smooth features, normal scores for lumpy ones, weighted
            shares for levels.
        """
        check_is_fitted(self, "usable_")
        values = np.asarray(X, dtype=float)[:, self.usable_]
        out = np.empty_like(values)
        if len(self.smooth_):
            drawn_in = np.clip(values[:, self.smooth_], self.fence_[0], self.fence_[1])
            straight = self.power_.transform((drawn_in - self.centre_) / self.scale_)
            out[:, self.smooth_] = (straight - self.mean_) / self.spread_
        for i, (at, score) in zip(self.lumpy_, self.knots_, strict=True):
            out[:, i] = np.where(np.isnan(values[:, i]), np.nan, np.interp(values[:, i], at, score))
        out[:, self.levels_] = (values[:, self.levels_] - self.share_) * self.weight_
        return out

    def transform(self, X: Array) -> Array:
        """Return the filled, kept columns, shape (customers, len(columns_)); never NaN."""
        return self.finish(self.scaled(X))

    def finish(self, scaled: Array) -> Array:
        """Return what `scaled` gave, filled and reduced to the kept columns."""
        return self._filled(scaled)[:, self.keep_]

    def _usable(self, X: Array, names: list[str]) -> NDArray[np.intp]:
        usable = []
        for i, column in enumerate(X.T):
            values = np.unique(column[~np.isnan(column)])
            if len(values) < 2:
                self._note(names[i], "constant" if len(values) else "all_missing")
            else:
                usable.append(i)
        return np.array(usable, dtype=np.intp)

    def _fit_smooth(self, values: Array) -> None:
        if not values.shape[1]:
            return
        middle = np.nanmedian(values, axis=0)
        # "lower" and "higher" keep one single outlier out of its own fence.
        first = np.nanquantile(values, 0.01, axis=0, method="higher")
        last = np.nanquantile(values, 0.99, axis=0, method="lower")
        self.fence_ = np.array([first - 3 * (middle - first), last + 3 * (last - middle)])
        q25, q75 = np.nanquantile(values, [0.25, 0.75], axis=0)
        wide = np.nanstd(values, axis=0)
        self.centre_, self.scale_ = middle, np.where(q75 - q25 > 1e-3 * wide, q75 - q25, wide)
        drawn_in = np.clip(values, self.fence_[0], self.fence_[1])
        unitless = (drawn_in - self.centre_) / self.scale_
        self.power_ = PowerTransformer(standardize=False).fit(unitless)
        # Groups that lie apart make a column skewed too; bending it would tear them up.
        self.power_.lambdas_[np.abs(skew(unitless, nan_policy="omit")) < SKEWED] = 1.0
        straight = self.power_.transform(unitless)
        self.mean_, self.spread_ = np.nanmean(straight, axis=0), np.nanstd(straight, axis=0)

    def _filled(self, scaled: Array) -> Array:
        missing = np.isnan(scaled)
        filled = np.where(missing, self.neutral_, scaled)
        low, high = self.mark_scores_.T
        return np.hstack([filled, np.where(missing[:, self.marked_], high, low)])

    def _keep(
        self, X: Array, names: list[str], filled: Array, columns: list[str]
    ) -> NDArray[np.intp]:
        levels = set(self.usable_[self.levels_])
        numbers = [i for i in range(X.shape[1]) if i not in levels]
        reference = _reference_shares(X[:, numbers], [names[i] for i in numbers])
        for name in sorted(reference):
            self._note(name, "reference_share")
        if not filled.shape[1]:
            return np.array([], dtype=np.intp)
        alike = np.abs(np.atleast_2d(np.corrcoef(filled, rowvar=False))) > TWIN
        for group in self.groups_:
            alike[np.ix_(group, group)] = False  # two levels mirror each other, and are weighted so
        kept: list[int] = []
        for i, name in enumerate(columns):
            twins = [j for j in kept if alike[i, j]]
            if twins and name not in reference:
                self._note(name, "near_duplicate", columns[twins[0]])
            elif name not in reference:
                kept.append(i)
        return np.array(kept, dtype=np.intp)

    def _note(self, feature: str, reason: str, of: str = "") -> None:
        self.notes_.append({"feature": feature, "reason": reason, "of": of})


def _is_lumpy(column: Array) -> bool:
    """Whether one value is held by more than 30 % of the customers, and the rest has a tail.

    Ranks would close the gaps between groups in a column that has lumps and no tail, such as
    the share of a channel that some customers use always and the others never.
    """
    known = column[~np.isnan(column)]
    values, counts = np.unique(known, return_counts=True)
    if counts.max() <= LUMP * len(known):
        return False
    rest = known[known != values[np.argmax(counts)]]
    return len(values) < 4 or bool(abs(skew(rest)) >= SKEWED)


def _normal_scores(column: Array) -> Array:
    """Knots (values, normal scores of their midranks) that map equal values to equal scores."""
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    if len(values) > KNOTS:
        at = np.unique(np.searchsorted(middle, np.linspace(middle[0], middle[-1], KNOTS)))
        values, middle = values[at], middle[at]
    return np.array([values, norm.ppf(middle)])


def _reference_shares(X: Array, names: list[str]) -> set[str]:
    """The least varying of each group of shares that add up to one: the others imply it.

    A group is the features that lie in 0–1 and share the first word of their name.
    """
    groups: dict[str, list[int]] = {}
    for i, (name, column) in enumerate(zip(names, X.T, strict=True)):
        known = column[~np.isnan(column)]
        if "_" in name and len(known) and known.min() >= 0 and known.max() <= 1:
            groups.setdefault(name.split("_")[0], []).append(i)
    reference = set()
    for members in groups.values():
        total = X[:, members].sum(axis=1)
        total = total[~np.isnan(total)]
        if len(members) > 1 and len(total) and np.allclose(total, 1, atol=1e-6):
            spread = np.nanvar(X[:, members], axis=0).round(12)
            reference.add(names[members[int(np.argmin(spread))]])
    return reference


def canonical_columns(X: Array, names: Sequence[Any] | None) -> NDArray[np.intp]:
    """Order columns by name, or without names by their content, so that no order is special.

    Examples
    --------
    >>> canonical_columns(np.zeros((2, 3)), ["b", "c", "a"]).tolist()
    [2, 0, 1]
    """
    if names is not None:
        return np.argsort(np.array([str(name) for name in names]), kind="stable")
    keys = [_content_key(column) for column in X.T]
    return np.array(sorted(range(X.shape[1]), key=keys.__getitem__), dtype=np.intp)


def _content_key(column: Array) -> tuple[float, ...]:
    """A column's shape, free of its unit: missing share and standardised quantiles."""
    known = column[~np.isnan(column)]
    if not len(known):
        return (1.0,)
    cuts = np.quantile(known, np.linspace(0.02, 0.98, 25))
    spread = cuts[-1] - cuts[0]
    shape = (cuts - cuts[12]) / spread if spread > 0 else cuts * 0
    return (float(np.isnan(column).mean()), *np.round(shape, 6).tolist())


def canonical_rows(X: Array) -> NDArray[np.intp]:
    """Order rows by content: any shuffle of the same rows gives the same sequence.

    Examples
    --------
    >>> canonical_rows(np.array([[2.0, 1.0], [1.0, 5.0], [1.0, 3.0]])).tolist()
    [2, 1, 0]
    """
    if not X.shape[1]:
        return np.arange(len(X), dtype=np.intp)
    return np.lexsort(X.T[::-1])


def pick(rows: NDArray[np.intp], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return at most so many of the rows, chosen by seed, their order kept."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(rng.choice(len(rows), size=most, replace=False))]
