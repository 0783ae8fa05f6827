"""Buy till you die: how often customers buy while they are customers, and how much.

Pure functions of numbers; written from the papers they name. Time may be in any unit, the same
everywhere; equal rows may be given once with a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, optimize, special

from cjlab._numbers import Floats
from cjlab.errors import UserError

# Parameters are sought within these factors of their start: at a bound there is no maximum.
_FACTOR = 1e4
# Gradient per row below which the maximum is found, and the step of the differenced Hessian.
_FLAT, _STEP = 1e-5, 1e-4
_NODES = 48


@dataclass(frozen=True)
class Fit:
    """A model fitted by maximum likelihood.

    Parameters
    ----------
    params : dict of str to float
        Estimates by name, all positive.
    standard_errors : dict of str to float
        From the inverse Hessian; nan where the fit is not to be trusted.
    log_likelihood : float
        At the maximum, over all rows.
    covariance : numpy.ndarray, shape (parameters, parameters)
        Of the *logarithms* of the parameters.
    converged : bool
        Whether an inner maximum was found: flat there, curved in every direction, at no bound.
    """

    params: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float
    covariance: Floats
    converged: bool


def fit_bg_nbd(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, weights: ArrayLike | None = None) -> Fit:
    """Fit BG/NBD: gamma-distributed purchase rates, beta-distributed chances to drop out.

    Parameters
    ----------
    x : array_like of int, shape (rows,)
        Repeat purchases; the first one is not counted.
    t_x, T : array_like of float, shape (rows,)
        Time from the first purchase to the last, and to the end of observation.
    weights : array_like of float, optional
        How many customers each row stands for; 1 by default.

    Returns
    -------
    Fit
        ``r`` and ``alpha`` of the rates (per unit of time), ``a`` and ``b`` of the dropout.

    Raises
    ------
    UserError
        Lengths differ, there are no rows, or not ``0 <= t_x <= T`` with ``t_x = 0`` at x = 0.

    Notes
    -----
    Fader, Hardie & Lee 2005, "Counting Your Customers" the Easy Way, equation 6, with its
    gradient, over the logarithms of the parameters.

    Examples
    --------
    >>> fit = fit_bg_nbd([0, 1, 2, 0, 3, 1], [0, 5, 20, 0, 12, 9], [30, 30, 28, 26, 30, 25])
    >>> sorted(fit.params)
    ['a', 'alpha', 'b', 'r']
    """
    count, last, length, weight = _rows(x, t_x, T, weights)
    if ((last < 0) | (last > length) | ((count == 0) & (last > 0)) | (count < 0)).any():
        raise UserError("fit_bg_nbd: needs x ≥ 0 and 0 ≤ t_x ≤ T, and t_x = 0 where x = 0")
    scale = float(np.average(length, weights=weight)) or 1.0
    start = np.array([1.0, scale, 1.0, 1.0])

    def likelihood(params: Floats) -> tuple[float, Floats]:
        return bg_nbd_likelihood(params, count, last, length, weight)

    return _maximise(("r", "alpha", "a", "b"), likelihood, start, float(weight.sum()))


def bg_nbd_likelihood(
    params: Sequence[float] | Floats, x: Floats, t_x: Floats, T: Floats, weight: Floats
) -> tuple[float, Floats]:
    """Return the log-likelihood of BG/NBD and its gradient by r, alpha, a and b."""
    r, alpha, a, b = params
    # Special functions of the few distinct counts, not of every row.
    distinct, place = np.unique(x, return_inverse=True)
    again = x > 0
    before = b + np.maximum(x, 1) - 1
    stay, gone = np.log(alpha + T), np.log(alpha + t_x)
    alive = -(r + x) * stay
    dead = np.where(again, np.log(a / before) - (r + x) * gone, -np.inf)
    either = np.logaddexp(alive, dead)
    dropped = np.exp(dead - either)
    fixed = special.gammaln(r + distinct) - special.gammaln(r) + r * np.log(alpha)
    fixed += special.gammaln(a + b) + special.gammaln(b + distinct)
    fixed -= special.gammaln(b) + special.gammaln(a + b + distinct)
    value = (weight * (fixed[place] + either)).sum()
    psi = special.digamma
    by_r = (psi(r + distinct) - psi(r))[place] + np.log(alpha) - stay + dropped * (stay - gone)
    by_alpha = r / alpha - (r + x) * ((1 - dropped) / (alpha + T) + dropped / (alpha + t_x))
    by_both = (psi(a + b) - psi(a + b + distinct))[place]
    by_b = (psi(b + distinct) - psi(b))[place] - dropped / before
    parts = (by_r, by_alpha, by_both + dropped / a, by_both + by_b)
    # Sums, not dot products: those wait for threads where other processes are busy.
    return float(value), np.array([(weight * part).sum() for part in parts])


def alive(params: Sequence[float], x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
    """Probability that each customer has not dropped out, under BG/NBD.

    Parameters
    ----------
    params : sequence of float
        ``r, alpha, a, b``.
    x, t_x, T : array_like of float, shape (rows,)
        As in `fit_bg_nbd`.

    Returns
    -------
    numpy.ndarray
        0–1. One for who never bought again: in this model customers drop out only right after a
        repeat purchase (Fader, Hardie & Lee 2008, "Computing P(alive) Using the BG/NBD Model").

    Examples
    --------
    >>> alive((0.243, 4.414, 0.793, 2.426), [2, 0], [30.43, 0], [38.86, 38.86]).round(3).tolist()
    [0.727, 1.0]
    """
    r, alpha, a, b = params
    count, last, length = (np.asarray(part, dtype="float64") for part in (x, t_x, T))
    odds = np.log(a) - np.log(b + np.maximum(count, 1) - 1)
    odds = odds + (r + count) * np.log((alpha + length) / (alpha + last))
    return np.where(count > 0, special.expit(-odds), 1.0)


def expected_purchases(
    params: Sequence[float], t: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike
) -> Floats:
    """Purchases that each customer is expected to make in the next `t`, under BG/NBD.

    Parameters
    ----------
    params : sequence of float
        ``r, alpha, a, b``.
    t : float
        How far ahead, in the unit of `T`; nothing is discounted.
    x, t_x, T : array_like of float, shape (rows,)
        As in `fit_bg_nbd`.

    Returns
    -------
    numpy.ndarray
        Expected counts, ≥ 0.

    Notes
    -----
    Fader, Hardie & Lee 2005, equation 10: the chance to be alive, times the mean over the
    dropout chance p ~ Beta(a, b + x) of ``(1 − (1 + p t / (α + T))^−(r + x)) / p``. That mean is
    taken by Gauss–Jacobi quadrature, which holds where the closed form divides by a − 1 = 0.

    Examples
    --------
    >>> params = (0.243, 4.414, 0.793, 2.426)
    >>> expected_purchases(params, 39, [2], [30.43], [38.86]).round(3).tolist()
    [1.226]
    """
    r, alpha, a, b = params
    count, length = np.broadcast_arrays(np.asarray(x, "float64"), np.asarray(T, "float64"))
    made = np.zeros(count.shape)
    for k in np.unique(count):
        chance, weight = _beta_nodes(a, b + k)
        rows = count == k
        lengths, place = np.unique(length[rows], return_inverse=True)
        ahead = np.log1p(np.outer(t / (alpha + lengths), chance))
        made[rows] = (-np.expm1(-(r + k) * ahead) @ (weight / chance))[place]
    return np.asarray(made * alive(params, x, t_x, T))


def _beta_nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Points and weights that integrate over Beta(a, b): Gauss–Jacobi by Golub & Welsch 1969.

    SciPy's own nodes overflow for the b of a customer with a thousand purchases.
    """
    n = np.arange(1, _NODES)
    both = 2 * n + a + b - 2
    middle = np.r_[a / (a + b), 0.5 + (a - b) * (a + b - 2) / (2 * both * (both + 2))]
    square = n * (n + b - 1) * (n + a - 1) * (n + a + b - 2) / (both**2 * (both + 1))
    # At n = 1 the general form would divide 0 by 0 where a + b = 1.
    square = square[1:] / (both[1:] - 1)
    first = a * b / ((a + b) ** 2 * (a + b + 1))
    at, vectors = linalg.eigh_tridiagonal(middle, np.sqrt(np.r_[first, square]))
    return at, vectors[0] ** 2


def fit_gamma_gamma(x: ArrayLike, m_x: ArrayLike) -> Fit:
    """Fit the Gamma–Gamma model: how customers' mean values differ.

    Parameters
    ----------
    x : array_like of int, shape (customers,)
        Purchases that the mean is taken over, ≥ 1.
    m_x : array_like of float, shape (customers,)
        Mean value of a purchase, > 0.

    Returns
    -------
    Fit
        ``p, q, v``; ``v`` in the unit of the values.

    Raises
    ------
    UserError
        Lengths differ, there are no rows, or a number is not positive.

    Notes
    -----
    Fader & Hardie 2013, "The Gamma-Gamma Model of Monetary Value", equation 1a. It takes the
    value of a purchase to be independent of how often the customer buys: check it.

    Examples
    --------
    >>> sorted(fit_gamma_gamma([1, 2, 4, 1], [20.0, 35.0, 31.0, 55.0]).params)
    ['p', 'q', 'v']
    """
    count, mean, _, weight = _rows(x, m_x, m_x, None)
    if not ((count > 0) & (mean > 0)).all():
        raise UserError("fit_gamma_gamma: x and m_x must be positive")
    order = np.lexsort((mean, count))
    count, mean = count[order], mean[order]
    start = np.array([2.0, 3.0, float(mean.mean())])

    def likelihood(params: Floats) -> tuple[float, Floats]:
        return gamma_gamma_likelihood(params, count, mean)

    return _maximise(("p", "q", "v"), likelihood, start, float(weight.sum()))


def gamma_gamma_likelihood(
    params: Sequence[float] | Floats, x: Floats, m_x: Floats
) -> tuple[float, Floats]:
    """Return the log-likelihood of Gamma–Gamma and its gradient by p, q and v."""
    p, q, v = params
    distinct, place = np.unique(x, return_inverse=True)
    shape, total = p * distinct, p * distinct + q
    spent, both = np.log(x * m_x), np.log(v + x * m_x)
    fixed = special.gammaln(total) - special.gammaln(shape) - special.gammaln(q) + q * np.log(v)
    value = (fixed[place] + p * x * spent - np.log(m_x) - (p * x + q) * both).sum()
    psi = special.digamma
    by_p = x * ((psi(total) - psi(shape))[place] + spent - both)
    by_q = (psi(total) - psi(q))[place] + np.log(v) - both
    by_v = q / v - (p * x + q) / (v + x * m_x)
    return float(value), np.array([part.sum() for part in (by_p, by_q, by_v)])


def expected_value(params: Sequence[float], x: ArrayLike, m_x: ArrayLike) -> Floats:
    """Mean value of each customer's coming purchases, under Gamma–Gamma.

    Parameters
    ----------
    params : sequence of float
        ``p, q, v``.
    x, m_x : array_like of float, shape (customers,)
        As in `fit_gamma_gamma`; x = 0 (whatever the mean) gives the mean of all.

    Returns
    -------
    numpy.ndarray
        ``p (v + x m_x) / (p x + q − 1)``: between the customer's own mean and that of all. Null
        where the mean is infinite (q ≤ 1 and no purchase).

    Examples
    --------
    >>> expected_value((6.25, 3.74, 15.44), [0, 2], [0, 22.35]).round(2).tolist()
    [35.22, 24.66]
    """
    p, q, v = params
    count = np.asarray(x, dtype="float64")
    spent = np.where(count > 0, count * np.nan_to_num(np.asarray(m_x, dtype="float64")), 0.0)
    below = p * count + q - 1
    return np.where(below > 0, p * (v + spent) / np.where(below > 0, below, 1.0), np.nan)


def _rows(*given: Any) -> tuple[Floats, ...]:
    """Bring columns to float arrays of one length; the last may be None for ones."""
    weight = np.ones(len(given[0])) if given[-1] is None else given[-1]
    columns = [np.asarray(part, dtype="float64") for part in (*given[:-1], weight)]
    if len({part.shape for part in columns}) > 1 or not columns[0].size:
        sizes = ", ".join(str(part.size) for part in columns)
        raise UserError(f"a fit needs columns of one length with at least one row, got {sizes}")
    if not all(np.isfinite(part).all() for part in columns):
        raise UserError("a fit needs numbers in every row; a null or infinite one was given")
    return tuple(columns)


def _maximise(
    names: Sequence[str],
    likelihood: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    size: float,
) -> Fit:
    """Climb over the logarithms of the parameters, per row so that tolerances mean the same."""
    first = np.log(start)
    bound = np.log(_FACTOR)

    def downhill(logs: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(np.exp(logs))
        return -value / size, -gradient * np.exp(logs) / size

    found = optimize.minimize(
        downhill,
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=[(at - bound, at + bound) for at in first],
        options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-9},
    )
    logs = found.x
    steps = _STEP * np.eye(len(logs))
    sides = [downhill(logs + step)[1] - downhill(logs - step)[1] for step in steps]
    hessian = size * np.array(sides) / (2 * _STEP)
    hessian = (hessian + hessian.T) / 2
    inner = (np.abs(logs - first) < bound - 1e-3).all() and np.abs(found.jac).max() < _FLAT
    converged = bool(inner and (np.linalg.eigvalsh(hessian) > 0).all())
    covariance: Floats = np.full_like(hessian, np.nan)
    if converged:
        covariance = np.asarray(np.linalg.inv(hessian), dtype="float64")
    params = np.exp(logs)
    errors = params * np.sqrt(np.diag(covariance))
    return Fit(
        dict(zip(names, params.tolist(), strict=True)),
        dict(zip(names, errors.tolist(), strict=True)),
        -float(found.fun) * size,
        covariance,
        converged,
    )
