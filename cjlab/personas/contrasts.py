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
Z = norm.ppf(0.975)


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
    raw = pd.DataFrame(X, columns=list(names))
    scaled = pd.DataFrame(np.nan, index=raw.index, columns=raw.columns)
    scaled.iloc[:, prepare.usable_] = prepare.scaled(X)
    parts = [_persona(raw, scaled, labels == code, code) for code in range(labels.max() + 1)]
    return pd.concat(parts, ignore_index=True).astype({"feature": "str"})


def _persona(
    raw: pd.DataFrame, scaled: pd.DataFrame, inside: NDArray[np.bool_], code: int
) -> pd.DataFrame:
    mean, n = raw[inside].mean(), raw[inside].count()
    half = Z * raw[inside].sem()
    difference = scaled[inside].mean() - scaled.mean()
    # persona − everyone = (share of the rest) × (persona − rest), two independent means.
    rest = 1 - n / scaled.count().clip(lower=1)
    wide = Z * rest * np.hypot(scaled[inside].sem(), scaled[~inside].sem().fillna(0))
    columns = {
        "persona": code,
        "feature": raw.columns,
        "mean": mean,
        "mean_low": mean - half,
        "mean_high": mean + half,
        "difference": difference,
        "low": difference - wide,
        "high": difference + wide,
        "n": n,
    }
    return pd.DataFrame(columns, index=raw.columns)
