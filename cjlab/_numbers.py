"""What the statistics modules share: an interval, numbers with nulls, the normal quantile."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from cjlab.errors import UserError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Interval(NamedTuple):
    """A number with its limits; floats for numbers in, arrays for arrays in.

    Parameters
    ----------
    value, low, high : float or numpy.ndarray
        The number and its limits; nan is null.
    """

    value: Any
    low: Any
    high: Any


def normal_quantile(level: float) -> float:
    """Return the two-sided normal quantile of a confidence level (0.95 gives 1.96).

    Parameters
    ----------
    level : float
        Confidence level, strictly between 0 and 1.

    Returns
    -------
    float
        Quantile z such that −z…z holds `level` of the standard normal.

    Raises
    ------
    UserError
        The level is not between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.95), 4)
    1.96
    """
    if not 0 < level < 1:
        raise UserError(f"level must lie between 0 and 1, got {level}; 0.95 means 95 %")
    return float(special.ndtri((1 + level) / 2))


def floats(values: ArrayLike) -> Floats:
    """Return numbers as floats, with null (None, NA) as nan.

    Parameters
    ----------
    values : array_like
        Numbers of any kind, pandas' nullable ones included.

    Returns
    -------
    numpy.ndarray
        float64, same shape.

    Raises
    ------
    UserError
        A value is not a number.

    Examples
    --------
    >>> floats([1, None]).tolist()
    [1.0, nan]
    """
    try:
        if isinstance(values, pd.Series | pd.Index):
            return np.asarray(values.to_numpy(dtype="float64", na_value=np.nan))
        return np.asarray(values, dtype="float64")
    except (TypeError, ValueError) as cause:
        raise UserError(f"expected numbers or null: {cause}") from None
