"""What a persona differs in: means, and standardised differences with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

if TYPE_CHECKING:
    from cjlab.personas.pipeline import Prepare

Array = NDArray[np.float64]
COLUMNS = ("persona", "feature", "mean", "mean_low", "mean_high", "difference", "low", "high", "n")


def profile(
    X: Array, labels: NDArray[np.int64], prepare: Prepare, names: Sequence[str]
) -> pd.DataFrame:
    """Compare each persona with all customers, feature by feature.

    Parameters
    ----------
    X : ndarray of shape (customers, features)
        Raw features; NaN is missing.
    labels : ndarray of shape (customers,)
        Persona codes.
    prepare : Prepare
        The fitted pre-processing; it gives the scale of the differences.
    names : sequence of str
        Feature names in the order of X's columns.

    Returns
    -------
    DataFrame
        One row a persona and feature: ``persona`` (code), ``feature``, ``mean`` (of those
        known, in the feature's unit) with its 95% interval, ``difference`` (persona's mean
        minus everybody's, in standard deviations of the straightened feature) with its 95 %
        interval, and ``n`` (customers of the persona whose value is known). Null where nobody
        has one; differences are also null for features that do not vary.

    Notes
    -----
    Normal-theory intervals given the personas. The personas were made from these very
    features, so the intervals say how precisely a persona is described, not that it exists.

    Examples
    --------
    >>> from cjlab.personas.pipeline import Prepare
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> profile(X, np.repeat([0, 1], 5), Prepare().fit(X), ["days"])["mean"].to_list()
    [2.0, 7.0]
    """
    scaled = np.full(X.shape, np.nan)
    scaled[:, prepare.usable_] = prepare.scaled(X)
    codes = range(int(labels.max()) + 1 if len(labels) else 0)
    parts = [_persona(X, scaled, labels == code, names, code) for code in codes]
    return pd.DataFrame(np.concatenate(parts) if parts else [], columns=list(COLUMNS)).astype(
        {"persona": "int64", "feature": "str", "n": "int64"}
        | dict.fromkeys(COLUMNS[2:8], "float64")
    )


def _persona(
    X: Array, scaled: Array, inside: NDArray[np.bool_], names: Sequence[str], code: int
) -> NDArray[np.object_]:
    mean, error, n = _mean(X[inside])
    own, own_error, _ = _mean(scaled[inside])
    everyone, _, n_all = _mean(scaled)
    _, rest_error, _ = _mean(scaled[~inside])
    # persona − everyone = (share of the rest) × (persona − rest), two independent means.
    rest = 1 - n / np.maximum(n_all, 1)
    wide = norm.ppf(0.975) * rest * np.hypot(own_error, np.nan_to_num(rest_error))
    difference = own - everyone
    half = norm.ppf(0.975) * error
    columns = (
        np.full(len(names), code),
        np.array(names, dtype=object),
        *(mean, mean - half, mean + half),
        *(difference, difference - wide, difference + wide),
        n,
    )
    return np.array(columns, dtype=object).T


def _mean(values: Array) -> tuple[Array, Array, Array]:
    """Mean, standard error and count of the known values of each column."""
    known = ~np.isnan(values)
    n = known.sum(axis=0).astype(float)
    empty = np.full(values.shape[1], np.nan)
    mean = np.divide(np.where(known, values, 0).sum(axis=0), n, out=empty.copy(), where=n > 0)
    spread = np.where(known, values - mean, 0) ** 2
    variance = np.divide(spread.sum(axis=0), n - 1, out=empty.copy(), where=n > 1)
    return mean, np.sqrt(variance / np.maximum(n, 1)), n
