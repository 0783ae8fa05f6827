"""Log-rank: do groups differ in how long it takes, over the whole time that was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from cjlab._numbers import Floats, Ints
from cjlab._waits import Waits, flags
from cjlab.errors import UserError


class LogRank(NamedTuple):
    """The test that all groups share one curve.

    Parameters
    ----------
    statistic : float
        Chi-square.
    df : int
        Degrees of freedom.
    p : float
        P-value; nan where there are not two groups to compare, nothing ended, or all rows are
        of one customer.
    """

    statistic: float
    df: int
    p: float


def logrank(
    durations: ArrayLike,
    observed: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    clusters: ArrayLike | None = None,
) -> LogRank:
    """Log-rank test of two or more groups.

    Parameters
    ----------
    durations, observed, weights
        As in `km`.
    groups : array_like, shape (rows,)
        Which group each row is of.
    clusters : array_like, optional
        Who each row belongs to. Where someone has several rows the variance is cluster-robust.

    Returns
    -------
    LogRank
        Chi-square, degrees of freedom and p-value.

    Raises
    ------
    UserError
        As in `km`; a group or cluster is null.

    Notes
    -----
    Hypergeometric variance (Mantel 1966; Peto & Peto 1972). For repeated rows the influences on
    the scores are summed within clusters, times g / (g − 1) (Lin & Wei 1989).

    Examples
    --------
    >>> round(logrank([1, 2, 3, 4], [1, 1, 1, 1], ["a", "a", "b", "b"]).p, 3)
    0.09
    """
    return Teams(durations, observed, groups, weights, clusters=clusters).test()


class Teams:
    """Waits of several groups on one scale of time, so that any of them can be compared.

    Parameters
    ----------
    durations, observed, groups, weights, clusters
        As in `logrank`.
    """

    def __init__(
        self,
        durations: ArrayLike,
        observed: ArrayLike,
        groups: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        clusters: ArrayLike | None = None,
    ) -> None:
        team = pd.factorize(np.asarray(groups))[0]
        owner = None if clusters is None else _codes(clusters)
        for what, codes in (("group", team), ("cluster", owner)):
            if codes is not None and (codes < 0).any():
                raise UserError(f"logrank: row {int(np.argmin(codes))} has no {what} (null)")
        waits = Waits(durations, flags(observed, "logrank"), weights, of="logrank")
        self.waits, team = waits, team[waits.order]
        self.owner = None if owner is None else owner[waits.order]
        self.rows = [np.flatnonzero(team == g) for g in range(int(team.max(initial=-1)) + 1)]
        self.risk, self.ends = np.zeros((2, len(self.rows), len(waits.time)), "int64")
        for g in range(len(self.rows)):
            self.risk[g] = waits.risk(team == g)
            self.ends[g] = waits.tally(waits.end & (team == g))

    def test(self, chosen: Sequence[int] | None = None) -> LogRank:
        """Compare the groups of these codes; all that have rows by default."""
        asked = range(len(self.rows)) if chosen is None else chosen
        used = [g for g in asked if len(self.rows[g])]
        if len(used) < 2:
            return LogRank(np.nan, max(len(used) - 1, 0), np.nan)
        score, variance = self._scores(used)
        if not np.isfinite(variance).all():
            return LogRank(np.nan, len(used) - 1, np.nan)
        # The scores add up to 0, so the covariance has no full rank.
        statistic = float(score @ np.linalg.pinv(variance, rtol=1e-10, hermitian=True) @ score)
        df = int(np.linalg.matrix_rank(variance, rtol=1e-10, hermitian=True))
        if df == 0:
            return LogRank(np.nan, df, np.nan)
        return LogRank(statistic, df, float(special.chdtrc(df, statistic)))

    def _scores(self, used: list[int]) -> tuple[Floats, Floats]:
        """Observed less expected ends of each group, and their covariance."""
        ends = self.ends[used].sum(axis=0)
        n = np.maximum(self.risk[used].sum(axis=0), 1).astype("float64")
        share = self.risk[used] / n
        score = self.ends[used].sum(axis=1) - (share * ends).sum(axis=1)
        rows = [self.rows[g] for g in used]
        both = np.concatenate(rows)
        count = self.waits.count[both]
        owner = np.empty(0, "int64") if self.owner is None else self.owner[both]
        sizes = np.bincount(owner, minlength=1)
        size = np.count_nonzero(sizes)
        if self.owner is None or size == count.sum():
            rate = ends * (n - ends) / np.maximum(n - 1, 1)
            return score, np.diag((share * rate).sum(axis=1)) - _products(share * rate, share)
        hazard = ends / n
        place, ended = self.waits.place[both], self.waits.end[both]
        # Each row's part in the scores: what it did, less what was to be expected of it.
        surplus = (ended - np.cumsum(hazard)[place]) * count
        stops = np.cumsum([0, *map(len, rows)])
        sums = np.empty((len(used), len(sizes)))
        for k in range(len(used) - 1):
            part = (np.cumsum(share[k] * hazard)[place] - ended * share[k][place]) * count
            own = slice(stops[k], stops[k + 1])
            part[own] += surplus[own]
            sums[k] = np.bincount(owner, part, len(sizes))
        sums[-1] = -sums[:-1].sum(axis=0)  # all parts of a row add up to 0
        scale = size / (size - 1) if size > 1 else np.nan
        return score, scale * _products(sums, sums)


def _codes(values: ArrayLike) -> Ints:
    """Return small whole numbers that tell the values apart, -1 for null; codes as they are."""
    given = np.asarray(values)
    if given.dtype.kind == "i" and len(given) and given.min() >= 0 and given.max() < 8 * len(given):
        return given
    return pd.factorize(given)[0]


def _products(a: Floats, b: Floats) -> Floats:
    """Sums of products by row; without the threads that a matrix product would start."""
    return np.asarray(np.einsum("ik,jk->ij", a, b))
