"""How many answers a margin takes: from the variance seen, or from the worst there can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cjlab._numbers import Floats, floats, normal_quantile
from cjlab.errors import UserError

#: Below so many answers their own variance is no guide.
ENOUGH_FOR_VARIANCE = 30


def worst_variance(kind: str) -> float:
    """Return the largest variance of one answer: 1 for NPS on −1…1, ¼ for a share."""
    return 1.0 if kind == "nps" else 0.25


def needed(margin: float, variance: ArrayLike, level: float = 0.95) -> Floats:
    """Answers that bring the half-width of an interval down to a margin.

    Parameters
    ----------
    margin : float
        Half-width, above 0 and below 1: 0.1 is ±10 percentage points of a share and ±10 points
        of NPS.
    variance : array_like of float
        Of one answer; see `worst_variance`. Times the design effect where customers repeat.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    numpy.ndarray
        Whole numbers, rounded up; null where the variance is.

    Raises
    ------
    UserError
        The margin is not between 0 and 1.

    Notes
    -----
    ``z² variance / margin²`` (Cochran 1977, 4.4), for a population that is large beside it.

    Examples
    --------
    >>> needed(0.1, worst_variance("nps")).tolist(), needed(0.1, 0.25).tolist()
    (385.0, 97.0)
    """
    if not 0 < margin < 1:
        raise UserError(
            f"margin is {margin}; write a half-width between 0 and 1, such as 0.1 for ±10 points."
        )
    z = normal_quantile(level)
    return np.asarray(np.ceil(z * z * floats(variance) / margin**2 - 1e-9))
