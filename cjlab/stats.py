"""Intervals, differences and corrections: the statistics that several rooms share.

Everything is vectorised over NumPy arrays; numbers in give numbers out. A base of zero gives
null, never zero. Kaplan–Meier (`cjlab.survival`) and the comparison of two periods
(`cjlab.change`) can be had from here too.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from cjlab._numbers import Floats, Interval, floats, normal_quantile
from cjlab.change import MixRate, mix_rate, psi
from cjlab.errors import UserError, did_you_mean
from cjlab.survival import Curve, km, km_quantile, rmst

__all__ = [
    "Curve",
    "Interval",
    "MixRate",
    "Ratio",
    "adjust",
    "clustered_ratio",
    "difference",
    "km",
    "km_quantile",
    "mix_rate",
    "nps_interval",
    "proportion",
    "psi",
    "rmst",
]


class Ratio(NamedTuple):
    """A ratio whose rows repeat customers, with what the repetition costs.

    Parameters
    ----------
    value, low, high : float
        The ratio and its limits; nan is null.
    standard_error : float
        Cluster-robust, in the unit of the ratio.
    design_effect : float
        Its variance over that of independent rows.
    n_clusters : int
        How many customers the rows belong to.
    """

    value: float
    low: float
    high: float
    standard_error: float
    design_effect: float
    n_clusters: int


def proportion(
    x: ArrayLike,
    n: ArrayLike,
    method: Literal["wilson", "exact"] = "wilson",
    level: float = 0.95,
) -> Interval:
    """Share of `n` that are `x`, with an interval for the share in the population.

    Parameters
    ----------
    x, n : array_like of float, broadcast together
        Hits and base, both counts with ``0 <= x <= n``. Null in gives null out.
    method : {"wilson", "exact"}, default "wilson"
        Wilson score interval (Wilson 1927), or Clopper–Pearson, which never covers less than
        `level` and is wider.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Interval
        ``value, low, high`` as fractions 0–1; null (nan) where ``n == 0``.

    Raises
    ------
    UserError
        A count is negative, ``x > n``, or the method or level is unknown.

    Examples
    --------
    >>> csat = proportion(30, 50)
    >>> [round(100 * number, 2) for number in csat]
    [60.0, 46.18, 72.39]
    """
    hits, base = _counts(x, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / base
    if method == "wilson":
        low, high = _wilson(hits, base, normal_quantile(level))
    elif method == "exact":
        tail = special.ndtr(-normal_quantile(level))
        low = np.where(hits == 0, 0.0, special.betaincinv(hits, base - hits + 1, tail))
        high = np.where(hits == base, 1.0, special.betainccinv(hits + 1, base - hits, tail))
        low, high = (np.where(np.isnan(share), np.nan, limit) for limit in (low, high))
    else:
        raise UserError(
            f'proportion: unknown method "{method}".{did_you_mean(method, ["wilson", "exact"])}'
        )
    return _interval(share, low, high)


def difference(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> Interval:
    """First share minus second, of two independent groups.

    Parameters
    ----------
    x1, n1, x2, n2 : array_like of float, broadcast together
        Hits and base of either group. Null in gives null out.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Interval
        ``x1/n1 - x2/n2`` as a fraction −1…1; null where either base is 0.

    Raises
    ------
    UserError
        A count is negative or a hit count is above its base.

    Notes
    -----
    Newcombe's hybrid score interval (Newcombe 1998, method 10). Customers who are in both
    groups are counted as independent: the interval is then wider or narrower than it should be.

    Examples
    --------
    >>> [round(number, 4) for number in difference(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    z = normal_quantile(level)
    hits1, base1 = _counts(x1, n1)
    hits2, base2 = _counts(x2, n2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share1, share2 = hits1 / base1, hits2 / base2
    low1, high1 = _wilson(hits1, base1, z)
    low2, high2 = _wilson(hits2, base2, z)
    change = share1 - share2
    low = change - np.hypot(share1 - low1, high2 - share2)
    high = change + np.hypot(high1 - share1, share2 - low2)
    return _interval(change, low, high)


def nps_interval(
    promoters: ArrayLike,
    detractors: ArrayLike,
    n: ArrayLike,
    method: Literal["adjusted_wald", "wald"] = "adjusted_wald",
    level: float = 0.95,
) -> Interval:
    """Net promoter score with its interval, in points.

    Parameters
    ----------
    promoters, detractors, n : array_like of float, broadcast together
        Answers 9–10, answers 0–6, and all valid answers.
    method : {"adjusted_wald", "wald"}, default "adjusted_wald"
        Adjusted Wald adds ¾ promoter, ¾ detractor and 1½ passive (Rocks 2016) and is clipped to
        −100…100. Plain Wald is neither: it has width 0 when all answer alike.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Interval
        ``value`` is the score as observed, ``100 (p - d)``, whatever the method, so from a
        handful of equal answers it may stand outside the adjusted limits; null where ``n == 0``.

    Raises
    ------
    UserError
        A count is negative, promoters and detractors exceed `n`, or the method is unknown.

    Notes
    -----
    Variance ``p + d - (p - d)²`` over the (adjusted) number of answers.

    Examples
    --------
    >>> [round(number, 2) for number in nps_interval(7, 1, 10)]
    [60.0, 7.04, 85.27]
    """
    if method not in ("adjusted_wald", "wald"):
        hint = did_you_mean(method, ["adjusted_wald", "wald"])
        raise UserError(f'nps_interval: unknown method "{method}".{hint}')
    up, down, base = np.broadcast_arrays(floats(promoters), floats(detractors), floats(n))
    _counts(up, base)
    _counts(down, base)
    _counts(up + down, base)
    extra = 0.75 if method == "adjusted_wald" else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (up - down) / base
        size = base + 4 * extra if method == "wald" else base + 3
        p, d = (up + extra) / size, (down + extra) / size
        half = normal_quantile(level) * np.sqrt(np.maximum(p + d - (p - d) ** 2, 0) / size)
    low, high = p - d - half, p - d + half
    if method == "adjusted_wald":
        low, high = np.clip(low, -1, 1), np.clip(high, -1, 1)
    unknown = np.isnan(score)
    low, high = np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
    return _interval(100 * score, 100 * low, 100 * high)


def adjust(p: ArrayLike, method: Literal["bh", "holm"] = "bh") -> Floats:
    """Correct the p-values of one named family of tests.

    Parameters
    ----------
    p : array_like of float
        P-values 0–1 of one family; null stays null and does not count as a test.
    method : {"bh", "holm"}, default "bh"
        Benjamini–Hochberg (1995; false discovery rate) for many cells, Holm (1979; family-wise
        error) for a few confirmatory tests.

    Returns
    -------
    numpy.ndarray
        Adjusted p-values, same shape and order.

    Raises
    ------
    UserError
        A value is outside 0–1 or the method is unknown.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    if method not in ("bh", "holm"):
        hint = did_you_mean(method, ["bh", "holm"])
        raise UserError(f'adjust: unknown method "{method}".{hint}')
    values = floats(p)
    if ((values < 0) | (values > 1)).any():
        raise UserError(f"adjust: p-values must lie in 0 to 1, found {_first(values, 0, 1)}")
    result = np.full(values.shape, np.nan)
    known = ~np.isnan(values)
    order = np.argsort(values[known], kind="stable")
    ranked, m = values[known][order], int(known.sum())
    if method == "bh":
        scaled = ranked * m / np.arange(1, m + 1)
        ranked = np.minimum.accumulate(scaled[::-1])[::-1]
    else:
        ranked = np.maximum.accumulate(ranked * np.arange(m, 0, -1))
    back = np.empty(m)
    back[order] = np.minimum(ranked, 1)
    result[known] = back
    return result


def clustered_ratio(
    numerator: ArrayLike,
    denominator: ArrayLike,
    clusters: ArrayLike,
    interval: Literal["t", "normal"] = "t",
    level: float = 0.95,
) -> Ratio:
    """Ratio of two sums over rows that repeat customers, with an honest interval.

    Parameters
    ----------
    numerator, denominator : array_like of float, shape (rows,)
        What is summed above and below the line (``1`` everywhere below gives a mean). Rows with
        a null in either are left out.
    clusters : array_like, shape (rows,)
        Who the row belongs to (``customer_id``); no nulls.
    interval : {"t", "normal"}, default "t"
        Quantile from Student's t with ``clusters − 1`` degrees of freedom, or the normal.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Ratio
        ``value, low, high, standard_error, design_effect, n_clusters``. The design effect is the
        variance over that of the same rows taken as independent: 1 means that repetition costs
        nothing, 4 that the rows are worth a quarter. Limits are not clipped. Null value when the
        denominator sums to 0; null limits below two clusters, or when the rows show no spread.

    Raises
    ------
    UserError
        Lengths differ, a cluster is null, or `interval` is unknown.

    Notes
    -----
    Linearised (Taylor) variance: with residuals ``e = y − R x`` summed per cluster,
    ``G/(G − 1) Σ e_g² / (Σ x)²`` (Cochran 1977, ch. 6 and 11).

    Examples
    --------
    >>> ratio = clustered_ratio([1, 1, 0, 0], [1, 1, 1, 1], ["a", "a", "b", "b"])
    >>> ratio.value, ratio.n_clusters, round(ratio.design_effect, 2)
    (0.5, 2, 3.0)
    """
    if interval not in ("t", "normal"):
        hint = did_you_mean(interval, ["t", "normal"])
        raise UserError(f'clustered_ratio: unknown interval "{interval}".{hint}')
    y, x = np.broadcast_arrays(floats(numerator), floats(denominator))
    owner = pd.factorize(np.asarray(clusters))[0]
    if y.ndim != 1 or y.shape != owner.shape:
        raise UserError(f"clustered_ratio: {y.size} rows but {owner.size} clusters")
    if (owner < 0).any():
        raise UserError(f"clustered_ratio: row {int(np.argmin(owner))} has no cluster (null)")
    known = ~(np.isnan(y) | np.isnan(x))
    y, x, owner = y[known], x[known], owner[known]
    groups = len(np.unique(owner))
    total = x.sum()
    if total == 0:
        return Ratio(np.nan, np.nan, np.nan, np.nan, np.nan, groups)
    value = float(y.sum() / total)
    spread = y - value * x
    if groups < 2 or np.allclose(spread, 0, atol=1e-12 * max(1.0, float(np.abs(y).max()))):
        return Ratio(value, np.nan, np.nan, np.nan, np.nan, groups)
    within = np.bincount(owner, weights=spread)
    variance = groups / (groups - 1) * (within @ within) / total**2
    plain = len(y) / (len(y) - 1) * (spread @ spread) / total**2
    error = float(np.sqrt(variance))
    z = normal_quantile(level)
    if interval == "t":
        z = float(special.stdtrit(groups - 1, special.ndtr(z)))
    return Ratio(
        value, value - z * error, value + z * error, error, float(variance / plain), groups
    )


def _counts(x: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Hits and base, broadcast, refused when they cannot be counts of a part and its whole."""
    hits, base = np.broadcast_arrays(floats(x), floats(n))
    if (hits < 0).any() or (base < 0).any():
        found = _first(np.minimum(hits, base), 0, np.inf)
        raise UserError(f"counts must be 0 or more, found {found}")
    if (hits > base).any():
        at = np.flatnonzero(np.ravel(hits > base))[0]
        above, below = np.ravel(hits)[at], np.ravel(base)[at]
        raise UserError(f"hits exceed their base: {above:g} of {below:g}")
    return hits, base


def _first(values: Floats, low: float, high: float) -> str:
    """The first value outside low to high, for a message."""
    outside = np.ravel((values < low) | (values > high))
    return f"{np.ravel(values)[np.flatnonzero(outside)[0]]:g}"


def _wilson(hits: Floats, base: Floats, z: float) -> tuple[Floats, Floats]:
    """Limits of the Wilson score interval."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / base
        centre = (hits + z * z / 2) / (base + z * z)
        half = z * np.sqrt(share * (1 - share) * base + z * z / 4) / (base + z * z)
    # Rounding may leave 1e-18 where the limit is exactly the share itself.
    low = np.where(hits == 0, 0.0, np.maximum(centre - half, 0))
    high = np.where(hits == base, 1.0, np.minimum(centre + half, 1))
    nothing = np.isnan(share)
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


def _interval(value: Any, low: Any, high: Any) -> Interval:
    """Plain floats for plain numbers, arrays for arrays."""
    if np.ndim(value) == 0:
        return Interval(float(value), float(low), float(high))
    return Interval(value, low, high)
