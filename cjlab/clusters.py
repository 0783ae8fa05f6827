"""Rates and means whose rows repeat customers: the customers, not the rows, are the sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from cjlab._numbers import Interval, floats
from cjlab.stats import nps_interval, proportion


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
        effective = _effective(share * (1 - share), base, size, sxx, sxn, snn, share)
    known = ~np.isnan(effective)
    sample = np.where(known, effective, 0.0)
    limits = proportion(np.where(known, share, 0.0) * sample, sample)
    return _interval(share, limits.low, limits.high)


def clustered_nps(
    promoters: ArrayLike,
    detractors: ArrayLike,
    n: ArrayLike,
    groups: ArrayLike,
    yy: ArrayLike,
    yn: ArrayLike,
    nn: ArrayLike,
) -> Interval:
    """Net promoter score of answers that repeat customers, in points.

    Parameters
    ----------
    promoters, detractors, n : array_like of float, broadcast together
        Answers, summed over customers.
    groups : array_like of float
        How many customers gave them.
    yy, yn, nn : array_like of float
        Sums over customers of y², y times answers, and answers squared, where y is a customer's
        promoting answers less the detracting ones.

    Returns
    -------
    Interval
        ``100 (p − d)``; null without answers. Limits are null where there is only one customer.

    Notes
    -----
    The adjusted Wald interval with the effective sample size of the cluster-robust variance, as
    in :func:`clustered_share`.

    Examples
    --------
    >>> score = clustered_nps(6, 2, 12, 4, 18, 16, 36)
    >>> [round(float(number), 1) for number in score]
    [33.3, -29.7, 72.3]
    """
    up, down, base, size = (floats(part) for part in (promoters, detractors, n, groups))
    with np.errstate(divide="ignore", invalid="ignore"):
        p, d = up / base, down / base
        alone = p + d - (p - d) ** 2
        effective = _effective(alone, base, size, floats(yy), floats(yn), floats(nn), p - d)
    known = ~np.isnan(effective)
    shares = [np.where(known, part * effective, 0.0) for part in (p, d, 1 - p - d)]
    whole = shares[0] + shares[1] + np.maximum(shares[2], 0.0)
    limits = nps_interval(shares[0], shares[1], whole)
    return _interval(100 * (p - d), limits.low, limits.high)


def _effective(alone: Any, n: Any, groups: Any, yy: Any, yn: Any, nn: Any, mean: Any) -> Any:
    """How many independent rows the rows of repeating customers are worth; nan for one customer.

    `alone` is the variance of one row. Where all customers agree there is no spread to measure,
    and each counts as one row.
    """
    spread = yy - 2 * mean * yn + mean**2 * nn
    # What is left of equal sums is rounding, not spread.
    spread = np.where(spread > 1e-12 * (yy + mean**2 * nn), spread, 0.0)
    spread = spread / n**2 * groups / (groups - 1)
    effective = np.where(spread > 0, alone / spread, groups)
    return np.where(groups > 1, np.minimum(effective, n), np.nan)


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
