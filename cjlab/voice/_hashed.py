"""A linear model over hashed features, read from a small data file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_FILES: Final = Path(__file__).with_name("coefficients")


class Hashed(NamedTuple):
    """Weights of a linear model whose features are hashed into a fixed number of places.

    Parameters
    ----------
    classes : tuple of str
        What the rows of `weights` stand for.
    weights : numpy.ndarray of float64, shape (rows, places)
        One row a class; a single row separates two.
    intercept : numpy.ndarray of float64, shape (rows,)
        Added to each row's sum.
    """

    classes: tuple[str, ...]
    weights: Floats
    intercept: Floats

    def decision(self, features: Iterable[list[str]]) -> Floats:
        """Return one sum a text (rows) and class (columns)."""
        return hashed(features, self.weights.shape[1]) @ self.weights.T + self.intercept


def hashed(features: Iterable[list[str]], places: int) -> Any:
    """Return the features as a sparse matrix, one row a text, each of length one."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.preprocessing import normalize

    hasher = FeatureHasher(places, input_type="string", alternate_sign=True)
    counts = hasher.transform(features)
    # One word said ten times is not ten times as much.
    counts.data = np.sign(counts.data) * np.log1p(np.abs(counts.data))
    return normalize(counts)


@cache
def load(name: str) -> Hashed:
    """Read a model of the package's `coefficients`: whole bytes times one scale a row."""
    with np.load(_FILES / f"{name}.npz", allow_pickle=False) as file:
        weights = file["weights"].astype(np.float64) * file["scale"][:, None]
        return Hashed(tuple(map(str, file["classes"])), weights, file["intercept"].astype(float))


def save(path: Path, classes: Iterable[str], weights: Floats, intercept: Floats) -> None:
    """Write a model as `load` reads it."""
    scale = np.abs(weights).max(axis=1) / 127
    np.savez_compressed(
        path,
        classes=np.array(list(classes)),
        weights=np.round(weights / scale[:, None]).astype(np.int8),
        scale=scale,
        intercept=intercept,
    )
