"""Importance and performance: what matters to customers beside how well it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.resample import percentiles
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._rated import ratings_of
from cjlab.voice._ratings import Ratings, by_customer
from cjlab.voice._regression import Fit, draw, fitted

IMPORTANCES = {"lmg": "1", "std_beta": "sd"}
PERFORMANCES = ("mean", "top_box")
CROSSHAIRS = ("means", "medians", "midpoint")
#: Quadrant by whether importance and performance are at or above the crosshair.
QUADRANTS = {
    "keep_up": (True, True),
    "concentrate": (True, False),
    "low_priority": (False, False),
    "overkill": (False, True),
}


class Axes(NamedTuple):
    """Importance and performance by driver of each draw, and the crosshair, shape (draws, …)."""

    importance: Floats
    performance: Floats
    cut: tuple[Floats, Floats]


@dataclass(frozen=True)
class Rule:
    """What is measured on either axis, and where the lines are drawn."""

    importance: str
    performance: str
    top: float | None
    scale: tuple[float, float] | None
    crosshair: str | tuple[float, float]
    points: bool = False

    @property
    def unit(self) -> str:
        """The unit of performance: a share, points of 100, or the ratings' own."""
        return "1" if self.performance == "top_box" else "points" if self.points else "rating"

    def values(self, x: Floats) -> Floats:
        """What a rating counts for performance; nan stays."""
        if self.performance == "mean":
            return x
        assert self.top is not None
        return np.where(np.isnan(x), np.nan, x >= self.top)

    def cut(self, importance: Floats, performance: Floats) -> tuple[Floats, Floats]:
        """Return where the lines lie in each draw."""
        if not isinstance(self.crosshair, str):
            return tuple(np.full(len(importance), place) for place in self.crosshair)  # type: ignore[return-value]
        middle = _medians if self.crosshair == "medians" else _means
        if self.crosshair != "midpoint":
            return middle(importance), middle(performance)
        half = 0.5 if self.performance == "top_box" else sum(self.scale or ()) / 2
        return middle(importance), np.full(len(importance), half)

    @property
    def name(self) -> str:
        """The rule's name, for the note."""
        return self.crosshair if isinstance(self.crosshair, str) else "fixed"


def importance_performance(
    X: Study | pd.DataFrame,
    y: ArrayLike | None = None,
    *,
    customers: ArrayLike | None = None,
    start: When = None,
    end: When = None,
    outcome: str = "nps",
    pool: str | Sequence[str] = (),
    only: Sequence[str] | None = None,
    minimum: int = 30,
    ces_version: str = "2.0",
    importance: str = "lmg",
    performance: str = "mean",
    top: float | None = None,
    scale: tuple[float, float] | None = None,
    crosshair: str | tuple[float, float] = "means",
    draws: int = 2000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Place each driver by how much it matters and how well it does, and say how surely.

    Importance is derived, from how ratings go with the overall score: it is not effect, and not
    what customers would say matters to them. A driver near a line lies in no quadrant surely, so
    each has a probability of each quadrant, the lines drawn anew in every resample.

    Parameters
    ----------
    X : Study or DataFrame
        As in :func:`drivers`. A study's ratings are points, 0 (worst answer) to 100 (best).
    y : array_like, optional
        As in :func:`drivers`.
    customers, start, end, outcome, pool, only, minimum, ces_version : optional
        As in :func:`drivers`.
    importance : {"lmg", "std_beta"}, default "lmg"
        The vertical axis: share of the variance of `y`, or standardised coefficient.
    performance : {"mean", "top_box"}, default "mean"
        The horizontal axis: mean rating in its own unit, or share of ratings from `top` on.
        All drivers must be rated in one unit.
    top : float, optional
        The lowest rating that counts for ``"top_box"``; such as 4 of 5.
    scale : (float, float), optional
        First and last rating, for the crosshair ``"midpoint"`` of mean ratings; of a frame only.
    crosshair : {"means", "medians", "midpoint"} or (float, float), default "means"
        Where the lines lie: at the drivers' mean or median on both axes; at the middle of the
        scale (for ``"top_box"`` one half) and the mean importance; or at a fixed importance and
        performance. On the line counts as above.
    draws : int, default 2000
        As in :func:`drivers`.
    random_state : int, default 0
        As in :func:`drivers`.

    Returns
    -------
    DataFrame
        Estimates by ``driver``: ``importance`` and ``performance`` with intervals;
        ``keep_up``, ``concentrate``, ``low_priority``, ``overkill``: the shares of resamples
        in which it lies in the quadrant (they add up to 1); ``importance_sd``,
        ``performance_sd`` and ``correlation`` of the resamples, for the ellipse. And, with a null
        driver, ``importance_cut`` and ``performance_cut``, whose note names the rule. ``n`` of
        performance counts all its ratings, of the rest complete rows. Null as in
        :func:`drivers`, and with ``one_driver`` where there is nothing to compare with.

    Raises
    ------
    UserError
        An option is unknown, `top` or `scale` is missing where it is needed, or as in
        :func:`drivers`.

    Notes
    -----
    Martilla & James (1977). Rows are resampled by customer, those with missing ratings too, so
    the two axes are joint. The chance of a quadrant is that of the resampling, not a posterior.

    Examples
    --------
    >>> rated = pd.DataFrame({"staff": [1, 2, 3, 4, 5] * 8, "price": [3, 4, 4, 4, 5, 5, 3, 5] * 5})
    >>> found = importance_performance(rated, rated["staff"], draws=50)
    >>> found.query("metric == 'concentrate'")[["driver", "value"]].values.tolist()
    [['staff', 1.0], ['price', 0.0]]
    """
    of_study = isinstance(X, Study)
    if of_study and scale is not None:
        raise UserError("scale: a study's ratings are points from 0 to 100; leave it out.")
    scale = (0.0, 100.0) if of_study else scale
    rule = Rule(importance, performance, top, scale, crosshair, of_study)
    _check(rule)
    asked = (start, end, outcome, pool, only, minimum, ces_version)
    data = ratings_of(X, y, customers, *asked, metric="importance_performance")
    fit = fitted(data, random_state)
    parts = _parts(data, fit, rule)
    sums = draw(by_customer(parts, data.who), draws, random_state) if len(parts) else parts
    point = _axes(parts.sum(axis=0, keepdims=True), fit, rule, random_state)
    if fit.drawn is not None:
        # Where orders are sampled the data themselves are worth more of them than a draw.
        point = _placed(fit, rule, fit.drawn.measures[importance], point.performance)
    drawn = _axes(sums, fit, rule, random_state)
    rows = [
        row for k in range(len(data.names)) for row in _driver(data, fit, rule, point, drawn, k)
    ]
    table = pd.DataFrame([*rows, *_cuts(fit, rule, point, drawn)], columns=["driver", *COLUMNS])
    table = estimates(table.astype({"driver": "str"}), ["driver"])
    table.attrs |= {
        "rows": len(data.y) if isinstance(X, Study) else len(X),
        "complete": len(fit.data.y),
        "seed": random_state,
        "draws": draws,
        "importance": importance,
        "performance": performance,
        "crosshair": rule.name,
        "sentence": "importance_not_effect",
    }
    return table


def _check(rule: Rule) -> None:
    known: list[tuple[str, Any, Any]] = [
        ("importance", rule.importance, IMPORTANCES),
        ("performance", rule.performance, PERFORMANCES),
    ]
    if isinstance(rule.crosshair, str):
        known.append(("crosshair", rule.crosshair, CROSSHAIRS))
    elif len(rule.crosshair) != 2:
        raise UserError("crosshair: a fixed one is two numbers, importance and performance.")
    for option, given, valid in known:
        if given not in valid:
            raise UserError(f'{option} is "{given}".{did_you_mean(given, valid)}')
    if rule.performance == "top_box" and rule.top is None:
        raise UserError("top is missing: the lowest rating that counts, such as top=4 of 5.")
    middle = rule.crosshair == "midpoint" and rule.performance == "mean"
    if middle and rule.scale is None:
        raise UserError("scale is missing: the midpoint needs it, such as scale=(1, 5).")


def _parts(data: Ratings, fit: Fit, rule: Rule) -> Floats:
    """What each row adds: to the regression where it is complete, and to each performance."""
    regression = np.zeros((len(data.y), fit.parts.shape[1]))
    regression[data.complete] = fit.parts
    values = rule.values(data.x)
    return np.c_[regression, ~np.isnan(values), np.nan_to_num(values)]


def _axes(sums: Floats, fit: Fit, rule: Rule, seed: int) -> Axes:
    p, size = len(fit.active), fit.parts.shape[1]
    rated, total = sums[:, size : size + p], sums[:, size + p :]
    with np.errstate(invalid="ignore", divide="ignore"):
        performance = total / rated
    if fit.drawn is None:
        nothing = np.full(performance.shape, np.nan)
        return _placed(fit, rule, nothing, performance)
    measured = fit.again(sums[:, :size], seed).measures[rule.importance]
    return _placed(fit, rule, measured, performance)


def _placed(fit: Fit, rule: Rule, importance: Floats, performance: Floats) -> Axes:
    """Draw the lines through the drivers that have both numbers."""
    known = [fit.why(k) is None for k in range(len(fit.active))]
    both = np.isfinite(importance) & np.isfinite(performance) & known
    cut = rule.cut(np.where(both, importance, np.nan), np.where(both, performance, np.nan))
    return Axes(np.where(known, importance, np.nan), performance, cut)


def _driver(
    data: Ratings, fit: Fit, rule: Rule, point: Axes, drawn: Axes, k: int
) -> list[dict[str, Any]]:
    """All rows of one driver."""
    note, rated = fit.why(k), ~np.isnan(data.x[:, k])
    base = {"driver": data.names[k], "n": len(fit.data.y), "customers": fit.data.customers}
    base |= {"of": "complete answers", "note": note}
    done = {
        "driver": data.names[k],
        "n": int(rated.sum()),
        "customers": len(np.unique(data.who[rated])),
        "of": "ratings",
        "note": None if rated.any() else "no_answers",
    }
    lone = len(fit.active) - sum(fit.why(i) is not None for i in range(len(fit.active))) < 2
    lone = lone and isinstance(rule.crosshair, str) and note is None
    chances, cloud = _cloud(drawn, k)
    where = base | ({"note": "one_driver"} if lone else {})
    rows = [
        {"metric": "importance", "unit": IMPORTANCES[rule.importance], **base}
        | _limits(point.importance, drawn.importance, k),
        {"metric": "performance", "unit": rule.unit, **done}
        | _limits(point.performance, drawn.performance, k),
    ]
    for name, chance in chances.items():
        value = None if lone else chance
        rows.append({"metric": name, "unit": "1", "value": value, **where})
    units = {"importance_sd": rows[0]["unit"], "performance_sd": rule.unit, "correlation": "ratio"}
    rows += [{"metric": m, "unit": units[m], "value": value, **base} for m, value in cloud.items()]
    return rows


def _limits(value: Floats, drawn: Floats, k: int) -> dict[str, Any]:
    number = value[0, k] if len(value) else np.nan
    if np.isnan(number):
        return {"value": None}
    low, high = percentiles(drawn[:, [k]])
    return {"value": number, "low": low[0], "high": high[0]}


def _cloud(drawn: Axes, k: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Chances of the quadrants, and the spread of the resamples; null where few have numbers."""
    x, y = drawn.performance[:, k], drawn.importance[:, k]
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any() or 2 * known.sum() < len(known):
        empty = ("importance_sd", "performance_sd", "correlation")
        return dict.fromkeys(QUADRANTS), dict.fromkeys(empty)
    up, right = (y >= drawn.cut[0])[known], (x >= drawn.cut[1])[known]
    chances = {
        name: float(np.mean((up == high) & (right == well)))
        for name, (high, well) in QUADRANTS.items()
    }
    x, y = x[known] - x[known].mean(), y[known] - y[known].mean()
    sds = float(y.std()), float(x.std())
    joint = float(np.mean(x * y) / (sds[0] * sds[1])) if min(sds) > 0 else None
    return chances, {"importance_sd": sds[0], "performance_sd": sds[1], "correlation": joint}


def _cuts(fit: Fit, rule: Rule, point: Axes, drawn: Axes) -> list[dict[str, Any]]:
    """The crosshair's place; fixed ones have no interval."""
    base = {"driver": None, "n": len(fit.data.y), "customers": fit.data.customers}
    units = (IMPORTANCES[rule.importance], rule.unit)
    rows = []
    for axis, unit, value, all_draws in zip(
        ("importance", "performance"), units, point.cut, drawn.cut, strict=True
    ):
        note = fit.note or f"crosshair_{rule.name}"
        row = {"metric": f"{axis}_cut", "unit": unit, "note": note, **base}
        rows.append(row | _limits(value[:, None], all_draws[:, None], 0))
    return rows


def _means(values: Floats) -> Floats:
    known = np.isfinite(values)
    size = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(size > 0, total / np.maximum(size, 1), np.nan)


def _medians(values: Floats) -> Floats:
    some = np.isfinite(values).any(axis=1)
    found = np.full(len(values), np.nan)
    if some.any():
        found[some] = np.nanmedian(values[some], axis=1)
    return found
