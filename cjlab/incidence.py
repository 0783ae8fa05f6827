"""Aalen–Johansen: how many have ended by which cause, when each can end by one only.

Taking the other causes for censoring (1 − Kaplan–Meier for each) overstates all of them: who
ended otherwise cannot end this way any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from cjlab._numbers import Floats, Ints, normal_quantile
from cjlab._waits import Waits, greenwood, log_log
from cjlab.errors import UserError


@dataclass(frozen=True)
class Incidence:
    """Cumulative incidence by cause; arrays of shape (times, causes).

    Parameters
    ----------
    time : numpy.ndarray
        When it is read off.
    causes : numpy.ndarray
        Causes that occur, ascending; the columns below.
    at_risk : numpy.ndarray of int, shape (times,)
        How many were under observation just before.
    survival : numpy.ndarray, shape (times,)
        Share that has not ended by any cause; 1 − the sum over causes.
    value, low, high : numpy.ndarray
        Share that has ended by each cause, with pointwise log-log limits; nan where the share
        is 0 or 1, and with one cluster only.
    error : numpy.ndarray
        Standard error of `value`.
    survival_low, survival_high : numpy.ndarray, shape (times,)
        Limits of `survival`.
    """

    time: Floats
    causes: Ints
    at_risk: Ints
    survival: Floats
    value: Floats
    low: Floats
    high: Floats
    error: Floats
    survival_low: Floats
    survival_high: Floats


def incidence(
    durations: ArrayLike,
    cause: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    clusters: ArrayLike | None = None,
    at: ArrayLike | None = None,
    level: float = 0.95,
) -> Incidence:
    """Cumulative incidence by cause (Aalen–Johansen), with pointwise limits.

    Parameters
    ----------
    durations : array_like of float, shape (rows,)
        How long each was observed, ≥ 0, in one unit.
    cause : array_like of int, shape (rows,)
        By what it ended; 0 where it was still open (censored).
    weights : array_like of int, optional
        How many equal rows each row stands for; 1 by default.
    clusters : array_like, optional
        Who each row belongs to. Where someone has several rows the limits are cluster-robust.
    at : array_like of float, optional
        Times to read the curves at, ascending; all distinct durations by default.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Incidence
        One row a time, one column a cause.

    Raises
    ------
    UserError
        As in `km`; a cause is null, negative or not whole; `at` is not ascending.

    Notes
    -----
    Variance by the delta method (Dinse & Larson 1986; Marubini & Valsecchi 1995, 10.2.3), limits
    F^exp(±z·se / (F ln F)) (Choudhury 2002). For repeated rows the influence of each is summed
    within clusters (infinitesimal jackknife; the sum of squares is the delta variance when all
    are single), times g / (g − 1), with Student's t of g − 1 degrees of freedom.

    Examples
    --------
    >>> found = incidence([1, 2, 3, 4], [1, 2, 0, 1])
    >>> found.value[:, 0].tolist(), found.value[:, 1].tolist()
    ([0.25, 0.25, 0.25, 0.75], [0.0, 0.25, 0.25, 0.25])
    """
    codes = np.asarray(cause)
    if not (np.issubdtype(codes.dtype, np.number) and (codes == np.floor(codes)).all()):
        raise UserError("incidence: cause must be a whole number in every row, 0 for censored")
    if (codes < 0).any():
        raise UserError(f"incidence: cause must be 0 or more, found {codes.min()}")
    owner = None if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    waits = Waits(durations, codes.astype("int64"), weights, of="incidence", groups=owner)
    return incidence_of(waits, waits.time if at is None else np.asarray(at, "float64"), level)


def incidence_of(waits: Waits, at: Floats, level: float = 0.95) -> Incidence:
    """Aalen–Johansen of checked and sorted rows; ``waits.group`` holds their cluster codes."""
    if (np.diff(at) <= 0).any():
        raise UserError("incidence: at must be ascending times")
    jumps = _Jumps(waits)
    last = np.searchsorted(waits.time, at, side="right") - 1
    seen = last >= 0
    value = (
        np.where(seen[:, None], jumps.share[last], 0.0)
        if len(waits.time)
        else np.zeros((len(at), 0))
    )
    ahead = np.searchsorted(waits.time, at, side="left")
    at_risk = np.r_[waits.at_risk, 0][ahead]
    survival = np.where(seen, np.r_[jumps.survival, 1.0][last], 1.0)
    groups = 0 if waits.group is None or not len(at) else int(waits.group.max(initial=-1)) + 1
    z = normal_quantile(level)
    if 0 < groups < waits.count.sum():
        error, of_survival = _clustered(jumps, waits, last, groups)
        z = float(special.stdtrit(groups - 1, special.ndtr(z))) if groups > 1 else np.nan
    else:
        error, of_survival = jumps.errors(last)
    low, high = log_log(value, error / np.where(value > 0, value, 1.0), z)
    below, above = log_log(survival, of_survival / np.where(survival > 0, survival, 1.0), z)
    return Incidence(at, jumps.causes, at_risk, survival, value, low, high, error, below, above)


class _Jumps:
    """What happens at each distinct duration; the last column is "any cause"."""

    def __init__(self, waits: Waits) -> None:
        found = np.unique(waits.end)
        self.causes: Ints = found[found != 0]
        self.n = np.maximum(waits.at_risk, 1).astype("float64")
        by_cause = [waits.tally(waits.end == cause) for cause in self.causes]
        self.d = np.stack([*by_cause, sum(by_cause, np.zeros(len(self.n), "int64"))], axis=1)
        ends = self.d[:, -1]
        self.survival = np.cumprod((self.n - ends) / self.n)
        self.before = np.r_[1.0, self.survival[:-1]] if len(self.n) else self.survival
        step = (self.before / self.n)[:, None] * self.d
        self.every: Floats = np.cumsum(step, axis=0)
        self.share = self.every[:, :-1]
        terms = greenwood(waits.at_risk, ends)
        # Where all who are left end, no share grows any more and the term meets a zero.
        self.terms = np.where(np.isfinite(terms), terms, 0.0)
        with np.errstate(divide="ignore"):
            self.left = np.where(self.n > ends, 1 / (self.n - ends), 0.0)

    def errors(self, last: Ints) -> tuple[Floats, Floats]:
        """Standard errors at the places asked for, of each cause and of survival."""
        f, g = self.every, self.terms[:, None]
        n, before = self.n[:, None], self.before[:, None]
        own = before**2 * (n - self.d) * self.d / n**3
        cross = before * self.d / n**2
        none = np.zeros((1, f.shape[1]))
        sums = [
            np.r_[none, np.cumsum(part, axis=0)][last + 1]
            for part in (g + 0 * f, f * g, f**2 * g, own, cross, f * cross)
        ]
        now = np.r_[none, f][last + 1]
        variance = now**2 * sums[0] - 2 * now * sums[1] + sums[2] + sums[3]
        variance += -2 * now * sums[4] + 2 * sums[5]
        # What is left of equal sums is rounding, not spread.
        error = np.sqrt(np.where(variance > 1e-13 * now**2 / max(n.max(initial=1), 1), variance, 0))
        return error[:, :-1], error[:, -1]


def _clustered(jumps: _Jumps, waits: Waits, last: Ints, groups: int) -> tuple[Floats, Floats]:
    """Standard errors from the influence of each row, summed within clusters.

    Once a row has ended its influence on F(t) is a + F(t)·b with fixed a and b; before, it is
    the same for all who are still at risk. So each row is looked at once, whatever the number
    of times.
    """
    f, g = jumps.every, jumps.terms
    risen = np.cumsum(g)
    spent = -np.cumsum((jumps.before / jumps.n**2)[:, None] * jumps.d + f * g[:, None], axis=0)
    ended = waits.end != 0
    owner, count, place = waits.group, waits.count, waits.place
    assert owner is not None
    left = np.where(ended, jumps.left[place], 0.0)
    reached = np.where(ended, (jumps.before / jumps.n)[place], 0.0)
    slope = (risen[place] - left) * count
    wide = f.shape[1]
    kinds = [waits.end == cause for cause in jumps.causes] + [ended]
    a, b = np.zeros((wide, groups)), np.zeros(groups)
    waiting = np.bincount(owner, count, groups)
    variance = np.zeros((len(last), wide))
    done = 0
    for row, p in enumerate(last):
        stop = int(np.searchsorted(place, p, side="right"))
        new, at = slice(done, stop), place[done:stop]
        done = stop
        if len(at):
            waiting -= np.bincount(owner[new], count[new], groups)
            b += np.bincount(owner[new], slope[new], groups)
            for k in range(wide):
                own = kinds[k][new] * reached[new] + left[new] * f[at, k] + spent[at, k]
                a[k] += np.bincount(owner[new], own * count[new], groups)
        if p >= 0:
            sums = a + f[p, :, None] * b + (spent[p] + f[p] * risen[p])[:, None] * waiting
            variance[row] = (sums**2).sum(axis=1)
    scale = groups / (groups - 1) if groups > 1 else np.nan
    error = np.sqrt(variance * scale)
    return error[:, :-1], error[:, -1]
