"""Kaplan–Meier: how long it takes when some are still waiting.

Open spells are censored, never dropped and never counted as finished. One pass over sorted
durations; weights stand for numbers of equal rows, so a million customers with few distinct
durations cost what the distinct durations cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cjlab._numbers import Floats, Interval, Ints, normal_quantile
from cjlab._waits import Waits, flags, greenwood, log_log
from cjlab.errors import UserError

# S(t) is a product of floats: 0.5 may come out as 0.5000000000000001.
_EDGE = 1e-12
# Places of a curve whose limits are worked out together.
_AT_ONCE = 4096


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
    level : float
        Confidence level of the limits.
    design_effect : float, default 1
        By how much the variance exceeds that of independent rows; the limits, and those of
        what is computed from the curve, are so much wider. Infinite: no limits.

    Attributes
    ----------
    low, high : numpy.ndarray
        Pointwise log-log limits; nan while nothing has ended and once nobody is left.
    """

    time: Floats
    at_risk: Ints
    events: Ints
    survival: Floats
    level: float
    design_effect: float = 1.0

    @cached_property
    def terms(self) -> Floats:
        """Greenwood's terms, whose sums are the variance of ln S."""
        return greenwood(self.at_risk, self.events)

    @cached_property
    def _limits(self) -> tuple[Floats, Floats]:
        if not np.isfinite(self.design_effect):
            none = np.full(len(self.time), np.nan)
            return none, none
        variance = np.cumsum(self.terms) * self.design_effect
        return log_log(self.survival, np.sqrt(variance), normal_quantile(self.level))

    @property
    def low(self) -> Floats:
        """Lower limits."""
        return self._limits[0]

    @property
    def high(self) -> Floats:
        """Upper limits."""
        return self._limits[1]

    def widened(self, design_effect: float) -> Curve:
        """Return the curve with limits for rows that repeat customers.

        Parameters
        ----------
        design_effect : float
            Variance over that of independent rows, ≥ 1; infinite where it cannot be known, and
            then there are no limits.

        Returns
        -------
        Curve
            The same curve with other limits.
        """
        return replace(self, design_effect=design_effect)

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
    entry: ArrayLike | None = None,
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
    entry : array_like of float, optional
        When each row came under observation, less than its duration (delayed entry, left
        truncation): it is at risk where ``entry < t ≤ duration``. From the start by default.

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
    At equal durations events come before censorings. With delayed entry S is that of those who
    lasted until they came in; should all of the few at risk early on end, S is 0 from there on
    (Klein & Moeschberger 2003, 4.6). Greenwood's variance, log-log limits
    (Kalbfleisch & Prentice 2002, 1.4). As in R's survfit there are no limits (null) where S is
    1 or 0: no spread was seen there, and a width of zero would be false certainty.

    Examples
    --------
    >>> km([1, 2, 2, 3], [True, True, False, True]).survival.tolist()
    [0.75, 0.5, 0.0]
    """
    ended = flags(observed, "km")
    return curve_of(Waits(durations, ended, weights, entry), level)


def curve_of(waits: Waits, level: float = 0.95) -> Curve:
    """Kaplan–Meier curve of rows that are checked and sorted; any end but 0 ends a wait."""
    events = waits.tally(waits.end != 0)
    staying = (waits.at_risk - events) / np.maximum(waits.at_risk, 1)
    survival = np.cumprod(staying.astype("float64"))
    normal_quantile(level)  # refuses what is no level
    return Curve(waits.time, waits.at_risk, events, survival, level)


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

    limits = (_limit_at(curve, q, side) for side in (1, -1))
    return Interval(first_at(curve, curve.survival, q), *limits)


def _limit_at(curve: Curve, q: float, side: int) -> float:
    """First time at which the lower (1) or upper (−1) limit is at most 1 − q.

    A limit is exp(−a · e^(± z s / a)) with a = −ln S and s the error of ln S, which both only
    grow: what it can reach between two places is known from these, and most places need not be
    looked at.
    """
    size = len(curve.time)
    if not size or not np.isfinite(curve.design_effect):
        return np.nan
    z = normal_quantile(curve.level)
    error = np.sqrt(np.cumsum(curve.terms) * curve.design_effect)
    first = np.arange(0, size, _AT_ONCE)
    last = np.append(first[1:], size) - 1
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # 0 − ln 1 is 0, not −0: what is divided by it is +∞.
        a, end = (0.0 - np.log(curve.survival[at]) for at in (first, last))
        most = end * np.exp(z * error[last] / a if side > 0 else -z * error[first] / end)
        # What is not a number is looked at.
        reached = ~(most < -np.log(1 - q + _EDGE) * (1 - _EDGE))
    for start in first[reached]:
        part = slice(start, start + _AT_ONCE)
        limits = log_log(curve.survival[part], error[part], z)
        below = limits[0 if side > 0 else 1] <= 1 - q + _EDGE
        if below.any():
            return float(curve.time[start + np.argmax(below)])
    return np.nan


def first_at(curve: Curve, share: Floats, q: float) -> float:
    """First time at which a share that waits is at most 1 − q; nan where it never is."""
    below = share <= 1 - q + _EDGE
    return float(curve.time[np.argmax(below)]) if below.any() else np.nan


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
    terms = curve.terms[inside]
    # Where the last ones end the term is infinite but nothing lies under the curve behind it.
    variance = float((after**2 * np.where(np.isfinite(terms), terms, 0.0)).sum())
    variance *= curve.design_effect
    if variance == 0 or not np.isfinite(variance):
        return Interval(value, np.nan, np.nan)
    half = normal_quantile(curve.level) * float(np.sqrt(variance))
    return Interval(value, max(0.0, value - half), min(float(horizon), value + half))
