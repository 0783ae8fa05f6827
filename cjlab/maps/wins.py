"""The arithmetic of customers who get further: plain numbers in, plain numbers out.

All arrays have one row a draw and one column a step. A customer who is won is taken to be like
those who get as far today, so that a sum over customers changes by how many more are at each
level, times what one of them brings.
"""

from __future__ import annotations

import numpy as np

from cjlab._numbers import Floats


def reached_of(levels: Floats) -> Floats:
    """How many reached each step, from how many got exactly so far.

    Examples
    --------
    >>> reached_of(np.array([[5.0, 3.0, 2.0]])).tolist()
    [[10.0, 5.0, 2.0]]
    """
    return np.asarray(levels[:, ::-1].cumsum(axis=1)[:, ::-1])


def conversions_of(reached: Floats) -> Floats:
    """Share of those at each step but the last that goes on; nan where nobody is there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(reached[:, 1:] / reached[:, :-1])


def ratios(conversions: Floats, changed: dict[int, Floats], later: float = 1.0) -> Floats:
    """By how many times more customers reach each step.

    Parameters
    ----------
    conversions : numpy.ndarray, shape (draws, steps − 1)
        Of each step to the next.
    changed : dict of int to numpy.ndarray
        By the place of a step, its conversions after the change.
    later : float, default 1
        Conversion of customers who were won as a factor of that of the others.

    Returns
    -------
    numpy.ndarray, shape (draws, steps)
        Exactly 1 where nothing changes; nan where nobody goes on today, so that nothing is
        known of those who would.

    Examples
    --------
    >>> ratios(np.array([[0.5, 0.5]]), {0: np.array([0.6])}).round(6).tolist()
    [[1.0, 1.2, 1.2]]
    """
    found = np.ones((len(conversions), conversions.shape[1] + 1))
    for step in range(conversions.shape[1]):
        more = found[:, step] - 1
        found[:, step + 1] = 1 + more * np.where(more > 0, later, 1)
        if step in changed:
            now, then = conversions[:, step], changed[step]
            with np.errstate(divide="ignore", invalid="ignore"):
                known = np.where(now > 0, then / now, np.where(then == now, 1.0, np.nan))
            found[:, step + 1] *= known
    return found


def moved(levels: Floats, ratio: Floats) -> Floats:
    """How many more customers get exactly so far.

    Examples
    --------
    >>> moved(np.array([[5.0, 3.0, 2.0]]), np.array([[1.0, 1.2, 1.2]])).round(6).tolist()
    [[-1.0, 0.6, 0.4]]
    """
    with np.errstate(invalid="ignore"):
        more = (ratio - 1) * reached_of(levels)
    return np.asarray(more - np.append(more[:, 1:], np.zeros((len(more), 1)), axis=1))


def gained(more: Floats, levels: Floats, sums: Floats) -> Floats:
    """What a sum over customers gains when there are more of them at some levels.

    Parameters
    ----------
    more, levels : numpy.ndarray, shape (draws, steps)
        How many more get exactly so far, and how many do today.
    sums : numpy.ndarray, shape (draws, steps)
        Today's sum over those of each level.

    Returns
    -------
    numpy.ndarray, shape (draws,)
        Exactly 0 where nobody moves; nan where somebody moves to or from a level that nobody
        is at: what they would bring is not known.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(more == 0, 0.0, more * (sums / levels))
    return np.asarray(parts.sum(axis=1))


def kept(gap: Floats, ratio: Floats) -> Floats:
    """A share of customers in a stage where nobody who is won leaves one, nor who is lost enters.

    Those who stop early may be in a later stage from an earlier journey: it stays theirs.
    """
    up, down = (ratio >= 1).all(axis=1), (ratio <= 1).all(axis=1)
    gap = np.where(up, np.maximum(gap, 0.0), gap)
    return np.asarray(np.where(down, np.minimum(gap, 0.0), gap))
