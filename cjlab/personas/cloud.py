"""One cloud without groups, as like the customers as a cloud can be: the null of `structure`.

A Gaussian copula with the customers' rank correlation, mapped back through their margins. A
margin with two peaks would carry groups into the null, so each continuous margin is replaced by
the nearest one with a single peak: convex below the peak and concave above it, as in the dip
test of Hartigan and Hartigan (1985), Annals of Statistics 13, 70–84. Lumpy margins stay as
they are, levels of one category exclude each other, and what is missing together stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import norm, rankdata

Array = NDArray[np.float64]

FEW_VALUES = 10  # a column with fewer distinct values has lumps, no peaks
ATOM = 0.10  # so has a column with this share of customers on one value
PEAKS = 60  # places tried for the single peak
GAP = 0.02  # missing in fewer customers than this is not drawn


class Margin(NamedTuple):
    """A column's distribution function at its knots."""

    knots: Array
    cdf: Array
    steps: bool

    def inverse(self, u: Array) -> Array:
        """Return the values at the shares `u`."""
        if not self.steps:
            return np.interp(u, self.cdf, self.knots)
        at = np.searchsorted(self.cdf, u)
        return self.knots[np.minimum(at, len(self.knots) - 1)]


def margin(column: Array) -> Margin:
    """Describe a column: its own steps where it is lumpy, else the nearest single peak.

    Examples
    --------
    >>> two = np.r_[np.linspace(0, 1, 50), np.linspace(9, 10, 50)]
    >>> made = margin(two).inverse(np.linspace(0, 1, 1001))
    >>> bool(np.mean((made > 1) & (made < 9)) > 0.3)
    True
    """
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    share = counts / counts.sum()
    if len(values) < FEW_VALUES or share.max() > ATOM:
        return Margin(values, np.cumsum(share), True)
    middle = np.cumsum(share) - share / 2
    return Margin(values, _one_peak(values, (middle - middle[0]) / np.ptp(middle)), False)


def _one_peak(values: Array, cdf: Array) -> Array:
    """The nearest distribution function whose density rises to one peak and then falls."""
    wide = np.diff(values)
    density = np.diff(cdf) / wide
    found, least = cdf, np.inf
    for peak in np.unique(np.linspace(1, len(wide) - 1, PEAKS).astype(int)):
        rising = isotonic_regression(density[:peak], weights=wide[:peak]).x
        falling = isotonic_regression(density[peak:], weights=wide[peak:], increasing=False).x
        single = np.r_[0.0, np.cumsum(np.r_[rising, falling] * wide)]
        far = np.abs(single - cdf).max()
        if far < least:
            found, least = single / single[-1], far
    return found


class Cloud:
    """Draw customers without groups.

    Parameters
    ----------
    values : ndarray of shape (rows, columns)
        Scaled features; NaN is missing.
    groups : sequence of sequence of int
        Columns that are the levels of one category.
    """

    def __init__(self, values: Array, groups: Sequence[Sequence[int]] = ()) -> None:
        self.shape = values.shape
        self.groups = [list(group) for group in groups]
        levels = {column for group in self.groups for column in group}
        self.lone = [i for i in range(values.shape[1]) if i not in levels]
        gaps = np.isnan(values[:, self.lone])
        self.levels, codes = [], []
        for group in self.groups:
            table, code = np.unique(values[:, group], axis=0, return_inverse=True)
            self.levels.append(table)
            codes.append(code.astype(float))
        # Features that are missing together (all orders, say) are one pattern.
        often = np.flatnonzero((gaps.mean(axis=0) >= GAP) & ~gaps.all(axis=0))
        patterns, pattern = np.unique(gaps[:, often], axis=1, return_inverse=True)
        self.missing = [
            [self.lone[often[i]] for i in np.flatnonzero(pattern == number)]
            for number in range(patterns.shape[1] if len(often) else 0)
        ]
        flags = list(patterns.T.astype(float)) if self.missing else []
        latent = [*values[:, self.lone].T, *codes, *flags]
        self.margins = [margin(column) for column in latent]
        scores = np.column_stack([_scores(column) for column in latent])
        # A square root of the correlation, exact where columns outnumber rows too.
        _, size, turn = np.linalg.svd(scores, full_matrices=False)
        self.root = size[:, None] * turn / np.sqrt(len(scores))

    def draw(self, rng: np.random.Generator) -> Array:
        """Return as many customers as there were, all from one cloud.

        Each draw has just the correlation of the data: drawn from it, a correlation would get
        the noise of a sample a second time, and with many columns that shows.
        """
        normal = rng.standard_normal((self.shape[0], len(self.root)))
        if len(normal) > len(self.root):
            left, _, right = np.linalg.svd(normal - normal.mean(axis=0), full_matrices=False)
            normal = np.sqrt(len(normal)) * left @ right
        share = norm.cdf(normal @ self.root)
        drawn = [m.inverse(u) for m, u in zip(self.margins, share.T, strict=True)]
        out = np.empty(self.shape)
        out[:, self.lone] = np.column_stack(drawn[: len(self.lone)]) if self.lone else 0
        rest = iter(drawn[len(self.lone) :])
        for group, table in zip(self.groups, self.levels, strict=True):
            out[:, group] = table[next(rest).astype(int)]
        for columns in self.missing:
            out[np.ix_(next(rest) > 0, columns)] = np.nan
        return out


def _scores(column: Array) -> Array:
    """Normal scores of the ranks, mean 0 and variance 1; missing is the mean."""
    known = ~np.isnan(column)
    scores = np.zeros(len(column))
    scores[known] = norm.ppf((rankdata(column[known]) - 0.5) / known.sum())
    scores[known] -= scores[known].mean()
    spread = np.sqrt(np.mean(scores**2))
    return scores / spread if spread > 0 else scores
