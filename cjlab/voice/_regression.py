"""One regression of an outcome on ratings, and the same of customers drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cjlab._numbers import Floats
from cjlab.resample import resample
from cjlab.voice._lmg import EXACT, coefficients, lmg, sampled_lmg
from cjlab.voice._ratings import Ratings, constant, correlations, products

#: Customers needed for each number that the regression estimates, the intercept included.
PER_NUMBER = 5


@dataclass(frozen=True)
class Drawn:
    """Numbers of each resample: by driver, shape (draws, drivers), and R², shape (draws, 1)."""

    measures: dict[str, Floats]
    r2: Floats


@dataclass(frozen=True)
class Fit:
    """The regression of the complete rows; with a note, why there is none.

    Parameters
    ----------
    data : Ratings
        The complete rows.
    active : numpy.ndarray
        Which drivers are in it: those that are kept and not constant.
    note : str or None
        Why nothing can be estimated.
    parts : numpy.ndarray
        What each row adds to the moments.
    drawn : Drawn or None
        The numbers themselves, as of one draw.
    error : numpy.ndarray or None
        Monte-Carlo error of LMG by driver, where orders are sampled.
    """

    data: Ratings
    active: Any
    note: str | None
    parts: Floats
    drawn: Drawn | None = None
    error: Floats | None = None

    def why(self, k: int) -> str | None:
        """Why a driver has no numbers; None where it has."""
        if self.drawn is None:
            return self.note
        if not self.data.kept[k]:
            return "few_together"
        if not self.active[k]:
            return "constant"
        return "collinear" if np.isnan(self.drawn.measures["vif"][0, k]) else None

    def again(self, sums: Floats, seed: int) -> Drawn:
        """Return the numbers of drawn sums of the parts."""
        return _numbers(sums, self.active, seed)


def fitted(data: Ratings, seed: int) -> Fit:
    """Regress the outcome on all drivers over the complete rows."""
    whole = data.take(data.complete)
    active = ~constant(whole.x) & whole.kept
    fit = whole.take(slice(None), active)
    note = None
    if whole.customers < PER_NUMBER * (int(active.sum()) + 1):
        note = "few_answers"
    elif constant(whole.y[:, None])[0]:
        note = "constant_outcome"
    elif not active.any():
        note = "constant"
    if note:
        return Fit(whole, active, note, np.zeros((len(whole.y), 0)))
    parts = products(fit.standardised())
    sums = parts.sum(axis=0, keepdims=True)
    drawn, error = _numbers(sums, active, seed), None
    if (p := int(active.sum())) > EXACT:
        value, error = sampled_lmg(correlations(sums, p)[0][0], seed=seed)
        drawn.measures["lmg"][0, active] = value
        error = _spread_out(error[None], active)[0]
    return Fit(whole, active, None, parts, drawn, error)


def draw(parts: Floats, draws: int, seed: int) -> Floats:
    """Sum the parts of customers drawn with replacement, one row a draw."""
    return resample(lambda weights: weights @ parts, len(parts), draws=draws, seed=seed)


def _numbers(sums: Floats, active: Any, seed: int) -> Drawn:
    correlation, flat = correlations(sums, int(active.sum()))
    beta, vif, r2 = coefficients(correlation)
    # A draw in which a driver or the outcome is constant knows nothing of it.
    gone = flat[:, :-1] | flat[:, -1:]
    found = {"lmg": lmg(correlation, seed=seed), "std_beta": beta, "vif": vif}
    found = {name: np.where(gone, np.nan, value) for name, value in found.items()}
    measures = {name: _spread_out(value, active) for name, value in found.items()}
    return Drawn(measures, np.where(flat[:, -1], np.nan, r2)[:, None])


def _spread_out(values: Floats, active: Any) -> Floats:
    """Put columns at their drivers' places; the others are null."""
    found = np.full((len(values), len(active)), np.nan)
    found[:, active] = values
    return found
