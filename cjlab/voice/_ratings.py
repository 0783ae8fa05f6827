"""Ratings beside an outcome: read, checked, put in an order that is nobody's, and summed up.

The sums by customer are all that is needed of the rows: whoever is drawn again in a resample
brings them along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cjlab._numbers import Floats, Ints
from cjlab.errors import UserError
from cjlab.voice._lmg import NOTHING


@dataclass(frozen=True)
class Ratings:
    """Ratings by driver beside an outcome, one row an answer.

    Parameters
    ----------
    names : list of str
        The drivers.
    x : numpy.ndarray
        Ratings, shape (rows, drivers); nan is missing.
    y : numpy.ndarray
        The outcome; nan is missing.
    who : numpy.ndarray
        Number of the customer of each row, from 0.
    out : numpy.ndarray of bool, optional
        Drivers that too few rated together with the others; rows need no rating of them.
    """

    names: list[str]
    x: Floats
    y: Floats
    who: Ints
    out: Any = None

    @property
    def kept(self) -> Any:
        """Which drivers are in the comparison."""
        return np.ones(len(self.names), dtype=bool) if self.out is None else ~self.out

    @property
    def complete(self) -> Any:
        """Which rows have the outcome and every rating that is needed."""
        return ~(np.isnan(self.y) | np.isnan(self.x[:, self.kept]).any(axis=1))

    def take(self, rows: Any, columns: Any = slice(None)) -> Ratings:
        """Return some of the rows, and of the drivers."""
        who = np.unique(self.who[rows], return_inverse=True)[1]
        names = [str(name) for name in np.array(self.names, dtype=object)[columns]]
        out = None if self.out is None else self.out[columns]
        return Ratings(names, self.x[rows][:, columns], self.y[rows], who, out)

    @property
    def customers(self) -> int:
        """How many customers the rows belong to."""
        return int(self.who.max()) + 1 if len(self.who) else 0

    def standardised(self) -> Floats:
        """Drivers and outcome of complete rows with mean 0 and deviation 1; a constant is 0.

        Shape (rows, drivers + 1). Moments of these lose no digits, whatever the unit.
        """
        z = np.c_[self.x, self.y]
        spread = np.where(constant(z), np.inf, z.std(axis=0))
        return np.asarray((z - z.mean(axis=0)) / spread)


def read_ratings(x: Any, y: ArrayLike, customers: ArrayLike | None) -> Ratings:
    """Check ratings, outcome and customers, and sort the rows by what they say.

    Rows without an outcome and any rating go. Rows are in order of outcome, then of the ratings
    by their names, and customers in that of their sums of ranks: a resample depends neither on
    the order of rows or columns nor on units and labels.
    """
    frame = pd.DataFrame(x) if not isinstance(x, pd.DataFrame) else x
    names = [str(name) for name in frame.columns]
    if not names:
        raise UserError("drivers: X has no columns; give one column of ratings for each driver.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f'drivers: the column "{twice}" is there twice in X.')
    outcome = _outcome(y, frame)
    values = np.column_stack([_numbers(frame.iloc[:, k], name) for k, name in enumerate(names)])
    who = _who(customers, len(frame))
    some = ~np.isnan(np.c_[values, outcome]).all(axis=1)
    values, outcome, who = values[some], outcome[some], who[some]
    by_name = sorted(range(len(names)), key=names.__getitem__)
    ranks = np.column_stack(
        [np.unique(column, return_inverse=True)[1] for column in (outcome, *values.T[by_name])]
    )
    order = np.lexsort(ranks.T[::-1])
    who = _in_order(pd.factorize(who[order])[0], ranks[order])
    if len(np.unique(who)) == len(who):
        who = np.arange(len(who))
    return Ratings(names, values[order], outcome[order], who)


def _in_order(who: Ints, ranks: Ints) -> Ints:
    """Number the customers anew, in order of what they said in all."""
    sums = pd.DataFrame(np.c_[np.ones(len(ranks), dtype="int64"), ranks, ranks**2])
    sums = sums.groupby(who, sort=True).sum()
    place = np.empty(len(sums), dtype="int64")
    place[np.lexsort(sums.to_numpy().T[::-1])] = np.arange(len(sums))
    return place[who]


def constant(values: Floats) -> Any:
    """Which columns hold one value only, or none."""
    if not len(values):
        return np.ones(values.shape[1], dtype=bool)
    return values.min(axis=0) == values.max(axis=0)


def correlations(sums: Floats, p: int) -> tuple[Floats, Any]:
    """Correlation matrices out of rows of products, and what is constant, one draw a row.

    The row and the column of what is constant are 0, so that it explains nothing.
    """
    m = p + 1
    n = np.where(sums[:, 0] > 0, sums[:, 0], np.nan)
    first = sums[:, 1 : m + 1] / n[:, None]
    second = np.empty((len(sums), m, m))
    up = np.triu_indices(m)
    second[:, up[0], up[1]] = second[:, up[1], up[0]] = sums[:, m + 1 :] / n[:, None]
    second -= first[:, :, None] * first[:, None, :]
    spread = np.sqrt(np.clip(np.diagonal(second, axis1=1, axis2=2), 0, None))
    flat = ~(spread > np.sqrt(NOTHING))
    scale = np.where(flat, np.inf, spread)
    found = second / scale[:, :, None] / scale[:, None, :]
    found[:, range(m), range(m)] = 1.0
    return np.nan_to_num(found), flat


def products(z: Floats) -> Floats:
    """What each row adds to the sums that correlations need: 1, z and the products of z."""
    rows, columns = np.triu_indices(z.shape[1])
    return np.column_stack([np.ones(len(z)), z, z[:, rows] * z[:, columns]])


def by_customer(parts: Floats, who: Ints) -> Floats:
    """Sum rows by customer, in order of their numbers."""
    if len(parts) == (int(who.max()) + 1 if len(who) else 0):
        return parts  # one row each: the rows are in order already
    return pd.DataFrame(parts).groupby(who, sort=True).sum().to_numpy()


def _outcome(y: Any, frame: pd.DataFrame) -> Floats:
    values = y if isinstance(y, pd.Series) else pd.Series(np.asarray(y, dtype=object))
    if len(values) != len(frame):
        raise UserError(f"drivers: X has {len(frame):,} rows and y has {len(values):,}.")
    if isinstance(y, pd.Series) and not y.index.equals(frame.index):
        raise UserError("drivers: the rows of y are labelled otherwise than those of X.")
    return _numbers(values, "y")


def _numbers(column: pd.Series, name: str) -> Floats:
    """One column as floats; a text that is no number is named with its row."""
    numbers = pd.to_numeric(column, errors="coerce").astype("Float64")
    unread = numbers.isna() & column.notna()
    values = np.asarray(numbers.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)
    wrong = unread.to_numpy(dtype=bool) | np.isinf(values)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f'drivers: column "{name}", row {row}: {str(column.iloc[row])[:40]!r} is no number; '
            "ratings must be numbers or missing."
        )
    return values


def _who(customers: Any, rows: int) -> Ints:
    """Number the customers; a row without one is somebody of their own."""
    if customers is None:
        return np.arange(rows)
    names = pd.Series(np.asarray(customers, dtype=object))
    if len(names) != rows:
        raise UserError(f"drivers: X has {rows:,} rows and customers has {len(names):,}.")
    codes = pd.factorize(names)[0].astype("int64")
    unknown = codes < 0
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(int(unknown.sum()))
    return codes
