"""What changed between two periods: the mix of customers, their rates, or a whole distribution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cjlab._numbers import Floats, Ints, floats
from cjlab.errors import UserError


class MixRate(NamedTuple):
    """A change of an overall rate, split; ``mix + rate`` equals ``total``.

    Parameters
    ----------
    mix, rate, total : float
        What moved customers between groups, what moved within groups, and both together.
    """

    mix: float
    rate: float
    total: float


def mix_rate(p1: ArrayLike, r1: ArrayLike, p2: ArrayLike, r2: ArrayLike) -> MixRate:
    """Split the change of an overall rate into a change of mix and a change of rates.

    Parameters
    ----------
    p1, r1 : array_like of float, shape (groups,)
        Share and rate of each group in the earlier period; shares sum to 1.
    p2, r2 : array_like of float, shape (groups,)
        The same in the later period. A group that is absent from one period (share 0, rate null)
        takes its rate of the other period, so that its coming or going is mix.

    Returns
    -------
    MixRate
        ``mix = Σ (p2 − p1)(r1 + r2)/2``, ``rate = Σ (r2 − r1)(p1 + p2)/2`` and
        ``total = Σ p2 r2 − Σ p1 r1``, in the unit of the rates. Null when a group that has
        customers has no rate.

    Raises
    ------
    UserError
        Lengths differ, a share is null or negative, or shares do not sum to 1.

    Examples
    --------
    >>> mix_rate([0.5, 0.5], [0.25, 0.75], [0.25, 0.75], [0.25, 0.75])
    MixRate(mix=0.125, rate=0.0, total=0.125)
    """
    before, old, after, new = (floats(column) for column in (p1, r1, p2, r2))
    if before.ndim != 1 or len({part.shape for part in (before, old, after, new)}) > 1:
        raise UserError("mix_rate: p1, r1, p2 and r2 must be lists of one length, one per group")
    for name, share in (("p1", before), ("p2", after)):
        if not (share >= 0).all() or not np.isclose(share.sum(), 1):
            raise UserError(f"mix_rate: {name} must be shares that sum to 1, sum {share.sum():g}")
    old, new = (
        np.where((before == 0) & np.isnan(old), new, old),
        np.where((after == 0) & np.isnan(new), old, new),
    )
    absent = (before == 0) & (after == 0)
    old, new = np.where(absent, 0.0, old), np.where(absent, 0.0, new)
    mix = float(((after - before) * (old + new)).sum() / 2)
    rate = float(((new - old) * (before + after)).sum() / 2)
    return MixRate(mix, rate, float((after * new).sum() - (before * old).sum()))


def psi(base: ArrayLike, new: ArrayLike, bins: int = 10) -> float:
    """Population stability index: how far a feature's distribution has drifted.

    Parameters
    ----------
    base, new : array_like of float
        Values of one numeric feature in the base and the new period. Null is a cell of its own.
    bins : int, default 10
        Cells cut at the quantiles of `base` (10: deciles). A base with at most `bins` distinct
        values has one cell per value and one for all others.

    Returns
    -------
    float
        ``Σ (q − p) ln(q / p)`` with shares p of base and q of new; 0 is no drift. An empty cell
        counts as half a customer. Null (nan) when either period has no rows.

    Raises
    ------
    UserError
        `bins` is below 2.

    Examples
    --------
    >>> psi([1, 2, 3, 4], [4, 3, 2, 1])
    0.0
    >>> round(psi([0, 1], [0, 0, 0, 1]), 4)
    0.2747
    """
    if bins < 2:
        raise UserError(f"psi: bins must be 2 or more, got {bins}")
    old, fresh = floats(base).ravel(), floats(new).ravel()
    if not len(old) or not len(fresh):
        return float("nan")
    (cells, size), (now, _) = (cells_of(old, part, bins) for part in (old, fresh))
    return shift(np.bincount(cells, minlength=size), np.bincount(now, minlength=size))


def shift(base: Ints, new: Ints) -> float:
    """Return the population stability index of counts by cell; see `psi`.

    Examples
    --------
    >>> round(shift(np.array([1, 1]), np.array([3, 1])), 4)
    0.2747
    """
    cells = np.array([base, new])
    cells = cells[:, cells.any(axis=0)]
    p, q = np.where(cells == 0, 0.5, cells) / cells.sum(axis=1, keepdims=True)
    return float(((q - p) * np.log(q / p)).sum())


def cells_of(base: Floats, values: Floats, bins: int = 10) -> tuple[Ints, int]:
    """Return the cell of each value, as the base period defines them, and how many there are.

    The last cell is null.
    """
    levels = np.unique(base[~np.isnan(base)])
    if len(levels) <= bins:
        at = np.searchsorted(levels, values)
        if len(levels):
            at[levels[np.minimum(at, len(levels) - 1)] != values] = len(levels)
        null = len(levels) + 1
    else:
        inner = np.unique(np.nanquantile(base, np.arange(1, bins) / bins))
        at, null = np.searchsorted(inner, values, side="left"), len(inner) + 1
    at[np.isnan(values)] = null
    return at, null + 1
