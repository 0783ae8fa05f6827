"""Weights that give respondents the mix of the customers, and what they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.stats import nps_interval, proportion
from cjlab.voice._moments import OF, UNIT
from cjlab.voice._notice import KEY
from cjlab.voice._of_study import instrument_of
from cjlab.voice._persons import dimension, framed, listed, read

Margins = Mapping[str, Mapping[Any, float]]


def rake(
    frame: pd.DataFrame,
    margins: Margins,
    *,
    trim: float | None = None,
    tolerance: float = 1e-9,
    rounds: int = 500,
) -> pd.Series:
    """Weigh rows so that their shares equal known ones, in each of several columns at once.

    Parameters
    ----------
    frame : DataFrame
        One row a respondent.
    margins : mapping
        By column: each of its values with its share among all customers, or their number there.
    trim : float, optional
        Largest weight, in multiples of the mean weight, above 1. Trimmed weights meet the margins
        only as far as they can: see ``attrs["gap"]``.
    tolerance : float, default 1e-9
        Largest difference of a share from its margin at which weights have converged.
    rounds : int, default 500
        Most rounds over all columns.

    Returns
    -------
    Series
        Weights with mean 1, on the frame's index. ``attrs``: ``converged``, ``rounds``, ``gap``
        (the largest difference of a weighted share from its margin) and ``effective_n`` (Kish).

    Raises
    ------
    UserError
        A column or value is missing on either side, a share is not above 0, or `trim` is not
        above 1.

    Notes
    -----
    Iterative proportional fitting (Deming & Stephan 1940).

    Examples
    --------
    >>> rows = pd.DataFrame({"age": ["young", "old", "old", "old"]})
    >>> rake(rows, {"age": {"young": 0.5, "old": 0.5}}).round(3).tolist()
    [2.0, 0.667, 0.667, 0.667]
    """
    if trim is not None and not trim > 1:
        raise UserError(f"rake: trim is {trim}; it must be above 1.")
    if not len(frame) or not margins:
        raise UserError("rake: there are no rows or no margins to weigh by.")
    targets = [_margin(frame, name, margin) for name, margin in margins.items()]
    weights, gap, done = np.ones(len(frame)), np.inf, 0
    while gap > tolerance and done < rounds:
        before = weights
        for code, share in targets:
            now = np.bincount(code, weights, minlength=len(share)) / weights.sum()
            weights = weights * (share / now)[code]
        weights = _trimmed(weights / weights.mean(), trim)
        gap, done = _gap(weights, targets), done + 1
        if np.abs(weights - before).max() < 1e-13:
            break
    found = pd.Series(weights, index=frame.index, name="weight")
    found.attrs = {"converged": bool(gap <= tolerance), "rounds": done, "gap": float(gap)}
    found.attrs["effective_n"] = kish(weights)
    return found


def _margin(frame: pd.DataFrame, name: str, margin: Mapping[Any, float]) -> tuple[Any, Floats]:
    if name not in frame.columns:
        raise UserError(f'rake: no column "{name}".{did_you_mean(name, map(str, frame.columns))}')
    levels = list(margin)
    place = {level: at for at, level in enumerate(levels)}
    code = frame[name].map(place)
    if code.isna().any():
        value = frame[name][code.isna()].iloc[0]
        raise UserError(f"rake: {name} is {value!r} in a row, and has no margin.")
    share = np.array([float(margin[level]) for level in levels])
    if not (np.isfinite(share).all() and (share > 0).all()):
        raise UserError(f"rake: margins of {name} must be above 0; leave out values without any.")
    for level in levels:
        if not (code == place[level]).any():
            raise UserError(f"rake: no respondent has {name} {level!r}; merge it with another.")
    return code.to_numpy("int64"), share / share.sum()


def _trimmed(weights: Floats, most: float | None) -> Floats:
    """Cut weights at the most, and give what is cut off to the others."""
    if most is None:
        return weights
    high = weights >= most
    for _ in range(len(weights)):
        if high.all():
            return np.ones(len(weights))
        rest = (len(weights) - most * high.sum()) / weights[~high].sum()
        found = np.where(high, most, weights * rest)
        if not (found > most + 1e-12).any():
            return found
        high = found >= most
    return found


def _gap(weights: Floats, targets: Sequence[tuple[Any, Floats]]) -> float:
    shares = (np.bincount(c, weights, minlength=len(s)) / weights.sum() - s for c, s in targets)
    return float(max(np.abs(part).max() for part in shares))


def kish(weights: Any) -> float:
    """Return how many equally weighted answers weighted ones are worth (Kish 1965)."""
    values = np.asarray(weights, dtype="float64")
    return float(values.sum() ** 2 / (values**2).sum()) if len(values) else 0.0


def weighted(
    scores: pd.DataFrame,
    weights: Any,
    kind: str = "nps",
    *,
    by: str | Sequence[str] | None = None,
    top: int = 2,
    version: str = "2.0",
) -> pd.DataFrame:
    """Give a score weighted and unweighted side by side, with the effective number of answers.

    Parameters
    ----------
    scores : DataFrame
        Answers with a column ``score``; each row counts as a customer of its own.
    weights : array_like
        One positive number a row, such as from :func:`rake`.
    kind : {"nps", "csat", "ces"}, default "nps"
        The instrument.
    by : str or sequence of str, optional
        Columns to break down by.
    top, version : optional
        As in :func:`csat` and :func:`ces`.

    Returns
    -------
    DataFrame
        Estimates by `by` and ``weighting`` (``unweighted``, ``weighted``): the score with its
        interval, and ``effective_n`` (Kish), which the interval of the weighted score stands on.
        ``n`` counts the valid answers. Null with ``no_valid_answers`` where there is none.

    Raises
    ------
    UserError
        Lengths differ, or a weight is not above 0.

    Notes
    -----
    The formulas of :func:`nps`, :func:`csat` and :func:`ces` (normal quantile) with the effective
    n; that the weights were fitted to the same answers is not counted in.

    Examples
    --------
    >>> found = weighted(pd.DataFrame({"score": [10, 10, 2]}), [1, 1, 4])
    >>> found.query("metric == 'nps'")[["weighting", "value"]].round(1).values.tolist()
    [['unweighted', 33.3], ['weighted', -33.3]]
    """
    frame, names = framed(scores), listed(by)
    size = np.asarray(weights, dtype="float64")
    if size.shape != (len(frame),):
        raise UserError(f"weighted: {len(frame)} answers but {size.size} weights.")
    if not (np.isfinite(size).all() and (size > 0).all()):
        raise UserError("weighted: every weight must be above 0.")
    instrument = instrument_of(kind, top=top, version=version)
    for name in names:
        if name not in frame.columns:
            near = did_you_mean(name, map(str, frame.columns))
            raise UserError(f'by: the answers have no column "{name}".{near}')
    score = read(frame["score"])
    scale = pd.Series(float(instrument.last), frame.index)
    valid = (score % 1 == 0) & score.between(instrument.first, instrument.last)
    rows = pd.DataFrame({name: dimension(frame[name]) for name in names}, index=frame.index)
    rows = rows.assign(valid=valid, y=score, weight=size)
    for name in ("promoters", "detractors", "csat"):
        if name in instrument.parts:
            rows[name] = (valid & instrument.parts[name](score, scale)).astype("float64")
    groups = rows.groupby(names, sort=True, dropna=False) if names else [((), rows)]
    found = []
    for key, part in groups:
        base = dict(zip(names, key, strict=True))
        for weighting in ("unweighted", "weighted"):
            found += _weighted_rows({**base, "weighting": weighting}, part[part["valid"]], kind)
    dims = [*names, "weighting"]
    table = estimates(pd.DataFrame(found, columns=[*dims, *COLUMNS]), dims)
    if kind == "nps":
        table.attrs["notice"] = KEY
    return table


def _weighted_rows(base: dict[str, Any], part: pd.DataFrame, kind: str) -> list[dict[str, Any]]:
    weight = part["weight"].to_numpy("float64")
    weight = weight if base["weighting"] == "weighted" else np.ones(len(weight))
    n, size = len(part), kish(weight)
    if not n:
        base = {**base, "note": "no_valid_answers"}
    shared = {**base, "n": n, "customers": n, "of": OF}
    value, low, high = _limits(part, weight, size, kind) if n else (None, None, None)
    score = {"metric": kind, "value": value, "low": low, "high": high, "unit": UNIT[kind]}
    worth = {"metric": "effective_n", "value": size if n else None, "unit": "answers"}
    return [{**shared, **score}, {**shared, **worth}]


def _limits(part: pd.DataFrame, weight: Floats, size: float, kind: str) -> tuple[Any, Any, Any]:
    mean = weight / weight.sum()
    if kind == "nps":
        up, down = (float(mean @ part[side]) for side in ("promoters", "detractors"))
        rest = max(0.0, 1 - up - down)
        found = nps_interval(up * size, down * size, up * size + down * size + rest * size)
        return 100 * (up - down), found.low, found.high
    if kind == "csat":
        share = min(1.0, float(mean @ part["csat"]))
        found = proportion(share * size, size)
        return share, found.low, found.high
    centre = float(mean @ part["y"])
    spread = float(mean @ (part["y"] - centre) ** 2)
    if size <= 1 or spread <= 1e-12:
        return centre, None, None
    half = 1.959963984540054 * np.sqrt(spread / (size - 1))
    return centre, centre - half, centre + half
