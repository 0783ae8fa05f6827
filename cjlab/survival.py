"""Kaplan–Meier: how long it takes when some are still waiting.

Open spells are censored, never dropped and never counted as finished. One pass over sorted
durations; weights stand for numbers of equal rows, so a million customers with few distinct
durations cost what the distinct durations cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cjlab._numbers import Floats, Interval, Ints, normal_quantile
from cjlab.errors import UserError

# S(t) is a product of floats: 0.5 may come out as 0.5000000000000001.
_EDGE = 1e-12


@dataclass(frozen=True)
class Curve:
    """A Kaplan–Meier curve, one entry per distinct duration (events and censorings).

    Parameters
    ----------
    time : numpy.ndarray
        Distinct durations, ascending, in the unit given.
    at_risk : numpy.ndarray of int
        How many were under observation just before.
    events : numpy.ndarray of int
        How many ended there (0 at a time with censorings only).
    survival : numpy.ndarray
        Share that lasts longer; 1 before the first event.
    low, high : numpy.ndarray
        Pointwise log-log limits; nan while nothing has ended and once nobody is left.
    level : float
        Confidence level of the limits.
    """

    time: Floats
    at_risk: Ints
    events: Ints
    survival: Floats
    low: Floats
    high: Floats
    level: float

    def frame(self) -> pd.DataFrame:
        """Return the curve as a data frame, for looking at and drawing.

        Returns
        -------
        pandas.DataFrame
            Columns ``time, at_risk, events, survival, low, high``, one row a duration.
        """
        names = ("time", "at_risk", "events", "survival", "low", "high")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def km(
    durations: ArrayLike,
    observed: ArrayLike,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> Curve:
    """Kaplan–Meier curve: share still waiting after each duration.

    Parameters
    ----------
    durations : array_like of float, shape (rows,)
        How long each was observed, ≥ 0, in one unit; no nulls.
    observed : array_like of bool, shape (rows,)
        True where the wait ended, False where it was still open (censored).
    weights : array_like of int, optional
        How many equal rows each row stands for; 1 by default, 0 leaves the row out.
    level : float, default 0.95
        Confidence level of the pointwise limits.

    Returns
    -------
    Curve
        One entry per distinct duration; empty when there are no rows.

    Raises
    ------
    UserError
        Lengths differ; a duration is null, negative, infinite or a timedelta; `observed` is
        null; a weight is negative or not whole.

    Notes
    -----
    At equal durations events come before censorings. Greenwood's variance, log-log limits
    (Kalbfleisch & Prentice 2002, 1.4). As in R's survfit there are no limits (null) where S is
    1 or 0: no spread was seen there, and a width of zero would be false certainty.

    Examples
    --------
    >>> km([1, 2, 2, 3], [True, True, False, True]).survival.tolist()
    [0.75, 0.5, 0.0]
    """
    time, ended, count = _spells(durations, observed, weights)
    z = normal_quantile(level)
    if not len(time):
        none = np.empty(0)
        return Curve(none, np.empty(0, int), np.empty(0, int), none, none, none, level)
    order = np.argsort(time)
    time, ended, count = time[order], ended[order], count[order]
    starts = np.flatnonzero(np.r_[True, time[1:] != time[:-1]])
    events = np.add.reduceat(np.where(ended, count, 0), starts)
    leaving = np.add.reduceat(count, starts)
    at_risk = leaving[::-1].cumsum()[::-1]
    survival = np.cumprod((at_risk - events) / at_risk)
    low, high = _log_log(survival, np.sqrt(np.cumsum(_greenwood(at_risk, events))), z)
    return Curve(time[starts], at_risk, events, survival, low, high, level)


def km_quantile(curve: Curve, q: float) -> Interval:
    """Time by which a share `q` has ended (0.5: the median), with its interval.

    Parameters
    ----------
    curve : Curve
        From `km`.
    q : float
        Share ended, strictly between 0 and 1.

    Returns
    -------
    Interval
        ``value`` is the first time at which S ≤ 1 − q (Klein & Moeschberger 2003, 4.5);
        ``low`` and ``high`` the first times at which the lower and the upper limit of S are
        (Brookmeyer & Crowley 1982 with log-log limits). Null means "not reached" in what was
        observed; a null ``high`` is an upper limit beyond it, and so is a null ``low`` (when
        all who are left end at one instant there are no limits either).

    Raises
    ------
    UserError
        `q` is not between 0 and 1.

    Examples
    --------
    >>> km_quantile(km([1, 2, 3, 4], [True] * 4), 0.5).value
    2.0
    """
    if not 0 < q < 1:
        raise UserError(f"km_quantile: q must lie between 0 and 1, got {q}; 0.5 is the median")

    def first(limit: Floats) -> float:
        below = limit <= 1 - q + _EDGE
        return float(curve.time[np.argmax(below)]) if below.any() else np.nan

    return Interval(first(curve.survival), first(curve.low), first(curve.high))


def rmst(curve: Curve, horizon: float) -> Interval:
    """Restricted mean: average time spent until `horizon`, open waits included.

    Parameters
    ----------
    curve : Curve
        From `km`.
    horizon : float
        Up to when time is counted, > 0, in the unit of the durations.

    Returns
    -------
    Interval
        Area under S from 0 to `horizon`, in the unit of the durations; limits by the normal with
        ``Σ A_i² d_i / (n_i (n_i − d_i))`` (A_i the area from t_i on), clipped to 0…`horizon`.
        Null when the curve is empty, or stops above 0 before the horizon: what lies beyond the
        last observed time is not known, so choose a horizon that all groups reach. Null limits
        when no spread was seen (nobody ended before the horizon, or all at one instant).

    Raises
    ------
    UserError
        `horizon` is not a positive number.

    Examples
    --------
    >>> rmst(km([1, 3], [True, True]), 3).value
    2.0
    """
    if not 0 < horizon < np.inf:
        raise UserError(f"rmst: horizon must be a positive number, got {horizon}")
    reached = len(curve.time) > 0 and (curve.time[-1] >= horizon or curve.survival[-1] == 0)
    if not reached:
        return Interval(np.nan, np.nan, np.nan)
    inside = curve.time < horizon
    time = curve.time[inside]
    steps = np.diff(np.r_[0.0, time, horizon])
    areas = np.r_[1.0, curve.survival[inside]] * steps
    value = min(float(areas.sum()), float(horizon))
    after = areas[::-1].cumsum()[::-1][1:]
    terms = _greenwood(curve.at_risk[inside], curve.events[inside])
    # Where the last ones end the term is infinite but nothing lies under the curve behind it.
    variance = float((after**2 * np.where(np.isfinite(terms), terms, 0.0)).sum())
    if variance == 0:
        return Interval(value, np.nan, np.nan)
    half = normal_quantile(curve.level) * float(np.sqrt(variance))
    return Interval(value, max(0.0, value - half), min(float(horizon), value + half))


def _spells(
    durations: ArrayLike, observed: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, NDArray[np.bool_], Ints]:
    """Check the rows and leave out those with weight 0."""
    raw = np.asarray(durations)
    if raw.dtype.kind in "mM":
        raise UserError('km: durations must be numbers; divide them by pandas.Timedelta("1D")')
    time = np.asarray(raw, dtype="float64")
    flags = np.asarray(observed)
    if flags.dtype.kind != "b":
        if not np.isin(flags, [0, 1]).all():
            raise UserError("km: observed must be true or false in every row")
        flags = flags.astype(bool)
    count = np.ones(len(time), dtype="int64") if weights is None else np.asarray(weights)
    if not time.ndim == flags.ndim == count.ndim == 1 or len({*map(len, (time, flags, count))}) > 1:
        raise UserError(
            f"km: durations, observed and weights must be of one length, "
            f"got {time.size}, {flags.size} and {count.size}"
        )
    bad = ~(np.isfinite(time) & (time >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise UserError(f"km: duration in row {row} is {time[row]}; it must be 0 or more")
    if weights is not None:
        if not (np.isfinite(count) & (count >= 0) & (count == np.floor(count))).all():
            raise UserError("km: weights must be whole numbers, 0 or more")
        count = count.astype("int64")
        used = count > 0
        time, flags, count = time[used], flags[used], count[used]
    return time, flags, count


def _greenwood(at_risk: Ints, events: Ints) -> Floats:
    """Greenwood's terms d / (n (n − d)); infinite where all who are left end."""
    n, d = at_risk.astype("float64"), events.astype("float64")
    with np.errstate(divide="ignore"):
        return np.asarray(d / (n * (n - d)))


def _log_log(survival: Floats, error: Floats, z: float) -> tuple[Floats, Floats]:
    """Pointwise limits S^exp(±z·se/ln S); nan where S is 1 or 0."""
    inner = (survival > 0) & (survival < 1)
    s = np.where(inner, survival, 0.5)
    width = z * np.where(inner, error, 0.0) / -np.log(s)
    low = np.where(inner, s ** np.exp(width), np.nan)
    high = np.where(inner, s ** np.exp(-width), np.nan)
    return low, high
