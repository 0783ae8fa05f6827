"""Rules of credit: how one conversion is shared among the touches before it.

Every rule gives each touch a weight that sums to 1 over its conversion, so credits add up to
conversions, and times the value to value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cjlab._numbers import Floats, Ints

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Paths:
    """The touches of many paths one after the other, each path in order; no path is empty.

    Parameters
    ----------
    size : numpy.ndarray of int, shape (paths,)
        Touches of each path, at least 1.
    channel : numpy.ndarray of int, shape (touches,)
        Code of what gets the credit.
    direct : numpy.ndarray of bool, shape (touches,)
        Whether the touch is the direct channel's.
    age : numpy.ndarray of int, shape (touches,)
        Microseconds from the touch to the end of its path.
    """

    size: Ints
    channel: Ints
    direct: Flags
    age: Ints

    @property
    def start(self) -> Ints:
        """Where each path begins."""
        return np.cumsum(self.size) - self.size

    @property
    def path(self) -> Ints:
        """Which path each touch belongs to."""
        return np.repeat(np.arange(len(self.size)), self.size)

    @property
    def position(self) -> Ints:
        """Place of each touch in its path, from 0."""
        return np.arange(len(self.channel)) - np.repeat(self.start, self.size)


def credits(model: str, paths: Paths, half_life: int) -> Floats:
    """Weight of each touch under one rule; the weights of a path sum to 1.

    Parameters
    ----------
    model : str
        A name of `RULES`.
    paths : Paths
        Touches before conversions.
    half_life : int
        Microseconds in which the weight of ``time_decay`` halves.

    Returns
    -------
    numpy.ndarray
        One weight a touch.
    """
    return RULES[model](paths, half_life) if len(paths.size) else np.zeros(0)


def _first(paths: Paths, half_life: int) -> Floats:
    return (paths.position == 0).astype(float)


def _last(paths: Paths, half_life: int) -> Floats:
    return (paths.position == np.repeat(paths.size, paths.size) - 1).astype(float)


def _last_non_direct(paths: Paths, half_life: int) -> Floats:
    position = paths.position
    chosen = np.maximum.reduceat(np.where(paths.direct, -1, position), paths.start)
    chosen = np.where(chosen < 0, paths.size - 1, chosen)
    return (position == np.repeat(chosen, paths.size)).astype(float)


def _linear(paths: Paths, half_life: int) -> Floats:
    return np.repeat(1 / paths.size, paths.size)


def _position(paths: Paths, half_life: int) -> Floats:
    size = np.repeat(paths.size, paths.size)
    ends = (paths.position == 0) | (paths.position == size - 1)
    edge = np.select([size == 1, size == 2], [1.0, 0.5], 0.4)
    return np.where(ends, edge, 0.2 / np.maximum(size - 2, 1))


def _time_decay(paths: Paths, half_life: int) -> Floats:
    # Counted from the last touch: the shares are the same, and old paths do not underflow to 0/0.
    youngest = np.repeat(paths.age[paths.start + paths.size - 1], paths.size)
    return _normalised(np.exp2((youngest - paths.age) / half_life), paths)


def _shapley(paths: Paths, half_life: int) -> Floats:
    key = paths.path * (int(paths.channel.max()) + 1) + paths.channel
    new = ~pd.Series(key).duplicated()
    return _normalised(new.to_numpy().astype("float64"), paths)


def _normalised(weight: Floats, paths: Paths) -> Floats:
    return weight / np.repeat(np.add.reduceat(weight, paths.start), paths.size)


RULES: dict[str, Callable[[Paths, int], Floats]] = {
    "first": _first,
    "last": _last,
    "last_non_direct": _last_non_direct,
    "linear": _linear,
    "position": _position,
    "time_decay": _time_decay,
    "shapley": _shapley,
}
