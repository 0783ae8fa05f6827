"""Log-rank: do groups differ in how long it takes, over the whole time that was observed."""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from cjlab._numbers import Floats, Ints
from cjlab._waits import Waits, flags
from cjlab.errors import UserError
from cjlab.stats import adjust


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
    team = pd.factorize(np.asarray(groups))[0]
    owner = None if clusters is None else pd.factorize(np.asarray(clusters))[0]
    for what, codes in (("group", team), ("cluster", owner)):
        if codes is not None and (codes < 0).any():
            raise UserError(f"logrank: row {int(np.argmin(codes))} has no {what} (null)")
    waits = Waits(durations, flags(observed, "logrank"), weights, of="logrank")
    who = None if owner is None else owner[waits.order]
    team = team[waits.order]
    used = np.unique(team)
    if len(used) < 2:
        return LogRank(np.nan, max(len(used) - 1, 0), np.nan)
    score, variance = _scores(waits, team, used, who)
    if not np.isfinite(variance).all():
        return LogRank(np.nan, len(used) - 1, np.nan)
    # The scores add up to 0, so the covariance has no full rank.
    statistic = float(score @ np.linalg.pinv(variance, rtol=1e-10, hermitian=True) @ score)
    df = int(np.linalg.matrix_rank(variance, rtol=1e-10, hermitian=True))
    if df == 0:
        return LogRank(np.nan, df, np.nan)
    return LogRank(statistic, df, float(special.chdtrc(df, statistic)))


def logrank_pairs(
    durations: ArrayLike,
    observed: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    clusters: ArrayLike | None = None,
) -> pd.DataFrame:
    """Log-rank test of every pair of groups, with Holm's correction.

    Parameters
    ----------
    durations, observed, groups, weights, clusters
        As in `logrank`.

    Returns
    -------
    DataFrame
        ``a, b, statistic, p, p_adjusted``, one row a pair; Holm over all pairs.

    Examples
    --------
    >>> logrank_pairs([1, 2, 3], [1, 1, 1], ["x", "y", "y"])[["a", "b"]].values.tolist()
    [['x', 'y']]
    """
    team = np.asarray(groups)
    columns = {"weights": weights, "clusters": clusters}
    given = {name: np.asarray(column) for name, column in columns.items() if column is not None}
    time, ended = np.asarray(durations), np.asarray(observed)
    rows = []
    for a, b in combinations(sorted(pd.unique(team)), 2):
        of = (team == a) | (team == b)
        part = {name: column[of] for name, column in given.items()}
        found = logrank(time[of], ended[of], team[of], **part)
        rows.append((a, b, found.statistic, found.p))
    table = pd.DataFrame(rows, columns=["a", "b", "statistic", "p"])
    return table.assign(p_adjusted=adjust(table["p"].to_numpy("float64"), "holm"))


def _scores(waits: Waits, team: Ints, used: Ints, who: Ints | None) -> tuple[Floats, Floats]:
    """Observed less expected ends of each group, and their covariance."""
    ended = waits.end
    at_risk = waits.at_risk.astype("float64")
    ends = waits.tally(ended)
    share = np.stack([waits.risk(team == g) for g in used], axis=1) / at_risk[:, None]
    seen = np.stack([waits.tally(ended & (team == g)).sum() for g in used])
    score = seen - (share * ends[:, None]).sum(axis=0)
    sizes = np.bincount(who, minlength=1) if who is not None else np.empty(0, "int64")
    size = np.count_nonzero(sizes)
    if who is None or size == waits.count.sum():
        n = at_risk
        rate = ends * (n - ends) / np.maximum(n - 1, 1)
        return score, np.diag((share * rate[:, None]).sum(axis=0)) - _products(
            share * rate[:, None], share
        )
    hazard = ends / at_risk
    # Each row's part in the scores: what it did, less what was to be expected of it.
    surplus = ended - np.cumsum(hazard)[waits.place]
    sums = np.empty((len(sizes), len(used)))
    for k, g in enumerate(used):
        common = np.cumsum(share[:, k] * hazard)[waits.place] - ended * share[waits.place, k]
        part = ((team == g) * surplus + common) * waits.count
        sums[:, k] = np.bincount(who, part, len(sizes))
    scale = size / (size - 1) if size > 1 else np.nan
    return score, scale * _products(sums, sums)


def _products(a: Any, b: Any) -> Floats:
    """Sums of products by column; without the threads that a matrix product would start."""
    return np.asarray(np.einsum("ki,kj->ij", a, b))
