"""Aalen–Johansen: how many have ended by which cause, when each can end by one only.

Taking the other causes for censoring (1 − Kaplan–Meier for each) overstates all of them: who
ended otherwise cannot end this way any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
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


def incidence_of(
    waits: Waits, at: Floats, level: float = 0.95, *, by_cause: bool = True
) -> Incidence:
    """Aalen–Johansen of checked and sorted rows; ``waits.group`` holds their cluster codes.

    Without `by_cause` only survival is found, and there are no causes.
    """
    if (np.diff(at) <= 0).any():
        raise UserError("incidence: at must be ascending times")
    ends = _Ends(waits)
    after = np.searchsorted(waits.time, at, side="right")
    found = np.unique(waits.end) if by_cause else np.empty(0, "int64")
    causes: Ints = found[found != 0]
    groups = 0 if waits.group is None or not len(at) else int(waits.group.max(initial=-1)) + 1
    z = normal_quantile(level)
    owners = None
    if 0 < groups < waits.count.sum():
        owners = _Owners(waits, ends, after, groups)
        z = float(special.stdtrit(groups - 1, special.ndtr(z))) if groups > 1 else np.nan
    # One cause after the other, the last time for any: what is worked on stays small.
    shape = (len(at), len(causes) + 1)
    value, error = np.empty(shape), np.empty(shape)
    for k, cause in enumerate([*causes, None]):
        hit = waits.end != 0 if cause is None else waits.end == cause
        d = waits.tally(hit)
        share = np.cumsum(ends.rate * d)
        value[:, k] = np.r_[0.0, share][after]
        error[:, k] = owners.error(hit, d, share) if owners else ends.error(d, share, after)
    value, error, of_survival = value[:, :-1], error[:, :-1], error[:, -1]
    survival = np.r_[1.0, ends.survival][after]
    at_risk = np.r_[waits.at_risk, 0][np.searchsorted(waits.time, at, side="left")]
    low, high = log_log(value, error / np.where(value > 0, value, 1.0), z)
    below, above = log_log(survival, of_survival / np.where(survival > 0, survival, 1.0), z)
    return Incidence(at, causes, at_risk, survival, value, low, high, error, below, above)


class _Ends:
    """What happens at each distinct duration, by whatever cause."""

    def __init__(self, waits: Waits) -> None:
        self.n = np.maximum(waits.at_risk, 1).astype("float64")
        ends = waits.tally(waits.end != 0)
        self.survival = np.cumprod((self.n - ends) / self.n)
        self.before = np.r_[1.0, self.survival[:-1]] if len(self.n) else self.survival
        self.rate = self.before / self.n
        terms = greenwood(waits.at_risk, ends)
        # Where all who are left end, no share grows any more and the term meets a zero.
        self.terms = np.where(np.isfinite(terms), terms, 0.0)
        with np.errstate(divide="ignore"):
            self.left = np.where(self.n > ends, 1 / (self.n - ends), 0.0)

    def error(self, d: Ints, f: Floats, after: Ints) -> Floats:
        """Standard error of the share of one cause, from its ends and the shares over time."""
        g, n = self.terms, self.n
        own = self.before**2 * (n - d) * d / n**3
        cross = self.rate * d / n
        sums = [
            np.r_[0.0, np.cumsum(part)][after]
            for part in (g, f * g, f**2 * g, own, cross, f * cross)
        ]
        now = np.r_[0.0, f][after]
        variance = now**2 * sums[0] - 2 * now * sums[1] + sums[2] + sums[3]
        variance += -2 * now * sums[4] + 2 * sums[5]
        # What is left of equal sums is rounding, not spread.
        return np.sqrt(np.where(variance > 1e-13 * now**2 / max(n.max(initial=1), 1), variance, 0))


class _Owners:
    """Standard errors from the influence of each row, summed within clusters.

    Once a row has ended its influence on F(t) is a + F(t)·b with fixed a and b; before, it is
    the same for all who are still at risk. So each row is looked at once, whatever the number
    of times.
    """

    def __init__(self, waits: Waits, ends: _Ends, after: Ints, groups: int) -> None:
        assert waits.group is not None
        self.after, self.groups, self.terms = after, groups, ends.terms
        self.risen = np.cumsum(ends.terms)
        self.fall = ends.rate / ends.n
        self.place, self.owner = waits.place, waits.group
        self.count = waits.count.astype("float64")
        self.left = np.where(waits.end != 0, ends.left[self.place], 0.0) * self.count
        self.reached = ends.rate[self.place] * self.count
        stops = np.searchsorted(self.place, after, side="left").tolist()
        self.parts = [slice(a, b) for a, b in zip([0, *stops], stops, strict=False)]
        self.gone = list(self._sums(self.risen[self.place] * self.count - self.left))
        rows = np.bincount(self.owner, self.count, groups)
        self.waiting = [rows - ended for ended in self._sums(self.count)]
        self.products = [
            (_dot(gone, gone), _dot(gone, waiting), _dot(waiting, waiting))
            for gone, waiting in zip(self.gone, self.waiting, strict=True)
        ]

    def _sums(self, values: Floats) -> Iterator[NDArray[Any]]:
        """Sums by cluster of the rows that have ended, after each time."""
        parts = (np.bincount(self.owner[p], values[p], self.groups) for p in self.parts)
        return accumulate(parts)

    def error(self, hit: NDArray[np.bool_], d: Ints, f: Floats) -> Floats:
        """Standard error of the share of one cause, from its ends and the shares over time."""
        spent = -np.cumsum(self.fall * d + f * self.terms)
        moved = self.left * f[self.place]
        moved += self.count * spent[self.place]
        moved[hit] += self.reached[hit]
        total = []
        for p, sums, gone, waiting, own in zip(
            self.after - 1, self._sums(moved), self.gone, self.waiting, self.products, strict=True
        ):
            if p < 0:
                total.append(0.0)
                continue
            # The square of sums + a · gone + b · waiting, without writing it down by cluster.
            a, b = f[p], spent[p] + f[p] * self.risen[p]
            square = _dot(sums, sums) + 2 * a * _dot(sums, gone) + 2 * b * _dot(sums, waiting)
            square += a * a * own[0] + 2 * a * b * own[1] + b * b * own[2]
            total.append(max(square, 0.0))
        scale = self.groups / (self.groups - 1) if self.groups > 1 else np.nan
        return np.sqrt(np.asarray(total) * scale)


def _dot(a: Floats, b: Floats) -> float:
    """Sum of products; without the threads that BLAS would start."""
    return float(np.einsum("i,i->", a, b))
