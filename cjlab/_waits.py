"""What waits have in common: checked rows in order of length, and who is at risk when.

Kaplan–Meier, incidence by cause and the log-rank test are sums over the same small table, one
entry per distinct duration.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cjlab._numbers import Floats, Ints
from cjlab.errors import UserError


class Waits:
    """Rows sorted by duration, with their place among the distinct durations.

    Parameters
    ----------
    durations, ends : array_like, shape (rows,)
        How long each was observed, and how it ended: 0 or False where it was still open.
    weights : array_like of int, optional
        How many equal rows each row stands for; rows of weight 0 are left out.
    entry : array_like of float, optional
        When each came under observation; from the start by default.
    of : str
        Who asks, for messages.
    groups : array_like, optional
        Something known of each row, kept in the same order as ``group``.
    """

    def __init__(
        self,
        durations: ArrayLike,
        ends: ArrayLike,
        weights: ArrayLike | None = None,
        entry: ArrayLike | None = None,
        *,
        of: str = "km",
        groups: ArrayLike | None = None,
    ) -> None:
        length, end = _durations(durations, of), np.asarray(ends)
        count = np.ones(len(length), "int64") if weights is None else np.asarray(weights)
        more = {"entry": entry, "groups": groups}
        extra = {name: np.asarray(v) for name, v in more.items() if v is not None}
        columns = (length, end, count, *extra.values())
        if any(c.ndim != 1 for c in columns) or len({len(c) for c in columns}) > 1:
            sizes = ", ".join(str(c.size) for c in columns[:-1])
            raise UserError(
                f"{of}: durations, observed and weights{''.join(f', {name}' for name in extra)} "
                f"must be of one length, got {sizes} and {columns[-1].size}"
            )
        order = np.argsort(length, kind="stable")  # quick where rows come in order, as most do
        if weights is not None:
            count = _whole(count, of)
            order = order[count[order] > 0]
        self._single = weights is None
        length = length[order]
        first = np.r_[True, length[1:] != length[:-1]] if len(length) else np.empty(0, bool)
        self.order = order
        self.time: Floats = length[first]
        self.place: Ints = np.cumsum(first) - 1
        self.end = end[order]
        self.count: Ints = count[order]
        self.group = extra["groups"][order] if "groups" in extra else None
        self.since: Ints | None = None
        if "entry" in extra:
            self.since = self._since(np.asarray(extra["entry"], "float64")[order], length, of)

    def _since(self, entry: Floats, length: Floats, of: str) -> Ints:
        bad = ~(entry < length)
        if bad.any():
            row = int(self.order[np.argmax(bad)])
            raise UserError(
                f"{of}: row {row} enters at {entry[np.argmax(bad)]}, not before its end"
            )
        return np.searchsorted(self.time, entry, side="right")

    def tally(self, rows: NDArray[np.bool_] | None = None) -> Ints:
        """Count rows (those marked) by the place of their duration."""
        if self._single:  # whole numbers are counted without weights, and faster
            place = self.place if rows is None else self.place[rows]
            return np.bincount(place, minlength=len(self.time))
        count = self.count if rows is None else np.where(rows, self.count, 0)
        return np.bincount(self.place, count, len(self.time)).astype("int64")

    def risk(self, rows: NDArray[np.bool_] | None = None) -> Ints:
        """Count the rows (those marked) under observation just before each duration."""
        at_risk = self.tally(rows)[::-1].cumsum()[::-1]
        if self.since is None:
            return at_risk
        count = self.count if rows is None else np.where(rows, self.count, 0)
        came = np.bincount(self.since, count, len(self.time)).astype("int64").cumsum()
        return np.asarray(at_risk - (count.sum() - came))

    @cached_property
    def at_risk(self) -> Ints:
        """How many were under observation just before each duration."""
        return self.risk()


def _durations(durations: ArrayLike, of: str) -> Floats:
    raw = np.asarray(durations)
    if raw.dtype.kind in "mM":
        raise UserError(f'{of}: durations must be numbers; divide them by pandas.Timedelta("1D")')
    time = np.asarray(raw, dtype="float64")
    bad = ~(np.isfinite(time) & (time >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise UserError(f"{of}: duration in row {row} is {time[row]}; it must be 0 or more")
    return time


def _whole(weights: NDArray[np.generic], of: str) -> Ints:
    numbers = weights.astype("float64")
    if not (np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers))).all():
        raise UserError(f"{of}: weights must be whole numbers, 0 or more")
    return numbers.astype("int64")


def flags(observed: ArrayLike, of: str) -> NDArray[np.bool_]:
    """Read whether each wait ended; nothing but true and false is taken."""
    found = np.asarray(observed)
    if found.dtype.kind != "b" and not np.isin(found, [0, 1]).all():
        raise UserError(f"{of}: observed must be true or false in every row")
    return found.astype(bool)


def greenwood(at_risk: Ints, events: Ints) -> Floats:
    """Greenwood's terms d / (n (n − d)); infinite where all who are left end, 0 without events."""
    n, d = at_risk.astype("float64"), events.astype("float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(d > 0, d / (n * (n - d)), 0.0)


def log_log(share: Floats, error: Floats, z: float) -> tuple[Floats, Floats]:
    """Limits p^exp(±z·se/ln p) from the error of ln p; nan where p is 1 or 0, or se is nan."""
    inner = (share > 0) & (share < 1)
    p = np.where(inner, share, 0.5)
    # e^700 is all that a float holds; limits are 0 and 1 long before.
    width = np.minimum(z * np.where(inner, error, 0.0) / -np.log(p), 700.0)
    low = np.where(inner, p ** np.exp(width), np.nan)
    high = np.where(inner, p ** np.exp(-width), np.nan)
    return low, high
