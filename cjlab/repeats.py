"""What repetition costs a Kaplan–Meier curve: rows of one customer do not speak for themselves.

The influence of a row is by how much the estimate moves with its weight. Its squares add up to
Greenwood's variance when rows are independent; summed within customers first, they give the
variance that holds when customers repeat (Lin & Wei 1989; Williams 1995).
"""

from __future__ import annotations

import numpy as np
from scipy import special

from cjlab._numbers import Floats, Ints, normal_quantile
from cjlab._waits import Waits
from cjlab.survival import Curve


def influence(curve: Curve, waits: Waits, factor: Floats) -> Floats:
    """Return each row's influence on Σ factor · d ln S, in the order of the sorted rows.

    A factor of 1 up to t and 0 after gives ln S(t); the area under S behind each time gives the
    restricted mean.
    """
    # Where all who are left end, S is 0 from there on whoever they are.
    spent = np.cumsum(factor * np.where(np.isfinite(curve.terms), curve.terms, 0.0))
    left = curve.at_risk - curve.events
    own = np.divide(factor, left, out=np.zeros(len(left)), where=left > 0)
    moved = np.where(waits.end != 0, own[waits.place], 0.0)
    return np.asarray(spent[waits.place] - moved)


def areas(curve: Curve, horizon: float) -> Floats:
    """Area under S from each time to the horizon, 0 from the horizon on."""
    time = np.minimum(curve.time, horizon)
    pieces = curve.survival * np.diff(np.r_[time, horizon])
    return np.asarray(pieces[::-1].cumsum()[::-1])


def design_effect(values: Floats, waits: Waits, owner: Ints, level: float = 0.95) -> float:
    """Return the variance with rows summed by owner over that of independent rows.

    Parameters
    ----------
    values : numpy.ndarray
        Influences, in the order of the sorted rows.
    waits : Waits
        The rows.
    owner : numpy.ndarray of int
        Codes 0… of whom each sorted row belongs to.
    level : float, default 0.95
        For Student's t with owners − 1 degrees of freedom in place of the normal.

    Returns
    -------
    float
        At least 1; infinite with one owner, who shows no spread between owners.
    """
    groups = int(owner.max(initial=-1)) + 1
    if groups == waits.count.sum():
        return 1.0
    if groups < 2:
        return np.inf
    sums = np.bincount(owner, values * waits.count, groups)
    alone = float((values**2 * waits.count).sum())
    z = normal_quantile(level)
    scale = groups / (groups - 1) * (special.stdtrit(groups - 1, special.ndtr(z)) / z) ** 2
    return max(1.0, float((sums**2).sum()) / alone * float(scale)) if alone > 0 else 1.0
