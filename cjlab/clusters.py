"""Rates and means whose rows repeat customers: the customers, not the rows, are the sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from cjlab._numbers import Interval, floats
from cjlab.stats import proportion


def clustered_share(
    x: ArrayLike, n: ArrayLike, groups: ArrayLike, xx: ArrayLike, xn: ArrayLike, nn: ArrayLike
) -> Interval:
    """Share of rows that are hits, with an interval that counts customers, not rows.

    Parameters
    ----------
    x, n : array_like of float, broadcast together
        Hits and rows, summed over customers.
    groups : array_like of float
        How many customers the rows belong to.
    xx, xn, nn : array_like of float
        Sums over customers of their hits squared, hits times rows, and rows squared.

    Returns
    -------
    Interval
        ``x / n`` as a fraction 0–1; null without rows. Limits are null where there is only one
        customer, who shows no spread between customers.

    Notes
    -----
    Wilson's interval with the effective sample size of the cluster-robust variance (Korn &
    Graubard 1998), never larger than `n`. Where all customers agree there is no spread to
    measure, and each counts as one answer.

    Examples
    --------
    >>> share = clustered_share(6, 12, 4, 12, 18, 36)
    >>> [round(float(number), 3) for number in share]
    [0.5, 0.227, 0.773]
    """
    hits, base, size = floats(x), floats(n), floats(groups)
    sxx, sxn, snn = floats(xx), floats(xn), floats(nn)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / base
        spread = sxx - 2 * share * sxn + share**2 * snn
        # What is left of equal sums is rounding, not spread.
        spread = np.where(spread > 1e-12 * (sxx + share**2 * snn), spread, 0.0)
        spread = spread / base**2 * size / (size - 1)
        effective = share * (1 - share) / spread
    effective = np.where(spread > 0, effective, size)
    effective = np.where(size > 1, np.minimum(effective, base), np.nan)
    known = ~np.isnan(effective)
    sample = np.where(known, effective, 0.0)
    limits = proportion(np.where(known, share, 0.0) * sample, sample)
    return _interval(share, limits.low, limits.high)


def clustered_mean(
    total: ArrayLike,
    n: ArrayLike,
    groups: ArrayLike,
    yy: ArrayLike,
    yn: ArrayLike,
    nn: ArrayLike,
) -> Interval:
    """Mean of rows that repeat customers, with its interval in the unit of the rows.

    Parameters
    ----------
    total, n : array_like of float, broadcast together
        Sum of the values and number of rows.
    groups : array_like of float
        How many customers the rows belong to.
    yy, yn, nn : array_like of float
        Sums over customers of their total squared, total times rows, and rows squared.

    Returns
    -------
    Interval
        ``total / n``; null without rows. Limits are null with fewer than two customers, and where
        all values are equal.

    Notes
    -----
    Linearised variance of a ratio of totals with the factor g / (g − 1), and Student's t with
    g − 1 degrees of freedom (Cochran 1977, 6.3).

    Examples
    --------
    >>> mean = clustered_mean(6, 3, 3, 14, 6, 3)
    >>> [round(float(number), 2) for number in mean]
    [2.0, -0.48, 4.48]
    """
    whole, base, size = floats(total), floats(n), floats(groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = whole / base
        spread = floats(yy) - 2 * mean * floats(yn) + mean**2 * floats(nn)
        error = np.sqrt(np.maximum(spread, 0.0) * size / (size - 1)) / base
    # Equal values show no spread, and a width of zero would be false certainty.
    seen = (size > 1) & (error > 1e-9 * np.abs(mean))
    half = np.where(seen, special.stdtrit(np.maximum(size - 1, 1), 0.975) * error, np.nan)
    return _interval(mean, mean - half, mean + half)


def _interval(value: Any, low: Any, high: Any) -> Interval:
    parts = (np.asarray(part, dtype="float64") for part in (value, low, high))
    return Interval(*(part if part.ndim else float(part) for part in parts))
