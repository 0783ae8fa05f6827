"""Resampling customers: the interval of any number whose rows repeat them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from rich.progress import Progress

from cjlab._numbers import Floats
from cjlab.errors import UserError

# Draws go in blocks of at most so many weights: memory stays small, and Ctrl-C is heard.
_BLOCK = 4_000_000


def bootstrap(
    statistic: Callable[[Floats], Floats],
    customers: int,
    *,
    population: int | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Floats, Floats]:
    """Limits of statistics over customers drawn with replacement.

    Parameters
    ----------
    statistic : callable
        Takes weights of shape (draws, customers), how often each customer was drawn, and
        returns numbers of shape (draws, k); nan where a draw has none.
    customers : int
        How many customers have data. Their order must not depend on that of the rows.
    population : int, optional
        How many there are in all; those beyond `customers` count as rows of zeros.
    draws : int, default 2000
        Resamples, at least 2.
    seed : int, default 0
        Same seed, same limits.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    tuple of numpy.ndarray
        Lower and upper limits, shape (k,), by the percentile method (Efron & Tibshirani 1993,
        ch. 13); nan where fewer than half of the draws have a number, or where all draws
        agree: no spread was seen there, and a width of zero would be false certainty.

    Raises
    ------
    UserError
        There are fewer than 2 draws, or more customers than the population holds.

    Examples
    --------
    >>> spent = np.array([1.0, 2.0, 3.0, 4.0])
    >>> low, high = bootstrap(lambda w: w @ spent[:, None] / 4, 4, seed=1)
    >>> bool(low[0] < 2.5 < high[0])
    True
    """
    return percentiles(
        resample(statistic, customers, population=population, draws=draws, seed=seed), level
    )


def resample(
    statistic: Callable[[Floats], Floats],
    customers: int,
    *,
    population: int | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> Floats:
    """Statistics of customers drawn with replacement, one row a draw.

    Parameters
    ----------
    statistic, customers, population, draws, seed
        As in `bootstrap`.

    Returns
    -------
    numpy.ndarray
        What the statistic gave, shape (draws, k).

    Raises
    ------
    UserError
        There are fewer than 2 draws, or more customers than the population holds.

    Examples
    --------
    >>> resample(lambda w: w.sum(axis=1, keepdims=True), 4, draws=2).tolist()
    [[4.0], [4.0]]
    """
    whole = customers if population is None else population
    if draws < 2 or customers > whole:
        raise UserError(
            f"bootstrap: {draws} draws of {customers} among {whole} customers; at least 2 draws "
            "and no more customers than the population are needed."
        )
    rng = np.random.default_rng(seed)
    block = max(1, min(64, _BLOCK // max(customers, 1)))
    found = []
    with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("resampling customers", total=draws)
        for begun in range(0, draws, block):
            size = min(block, draws - begun)
            found.append(statistic(_weights(rng, size, customers, whole)))
            progress.advance(task, size)
    return np.concatenate(found)


def _weights(rng: np.random.Generator, draws: int, customers: int, whole: int) -> Floats:
    """How often each customer is drawn: a multinomial whose last cell stands for the others."""
    weights = np.empty((draws, customers))
    for row in weights:
        size = rng.binomial(whole, customers / whole) if whole else 0
        row[:] = np.bincount(rng.integers(0, max(customers, 1), size), minlength=customers)
    return weights


def percentiles(values: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of each column of draws, null as `bootstrap` says.

    Examples
    --------
    >>> low, high = percentiles(np.arange(101.0)[:, None], 0.9)
    >>> round(float(low[0]), 6), round(float(high[0]), 6)
    (5.0, 95.0)
    """
    limits = np.full((2, values.shape[1]), np.nan)
    known = ~np.isnan(values)
    wide = 2 * known.sum(axis=0) >= len(values)
    spread = np.where(known, values, -np.inf).max(axis=0) - np.where(known, values, np.inf).min(
        axis=0
    )
    size = np.abs(np.where(known, values, 0)).max(axis=0)
    # What is left of equal sums is rounding, not spread.
    wide &= spread > 1e-12 * size
    tail = (1 - level) / 2
    limits[:, wide] = np.nanquantile(values[:, wide], [tail, 1 - tail], axis=0)
    return limits[0], limits[1]
