"""Customers on a plane, in squares: a picture, and how little of the truth it holds."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cjlab.estimates import estimates
from cjlab.personas._drawn import drawn

Floats = NDArray[np.float64]

ROOM = 40  # customers a square has on average, were the plane evenly filled
FEWEST, FINEST = 5, 24  # squares along a side
DIMS = ["persona", "x", "y"]


def landscape(study: Any, end: str | date | datetime | None = None) -> pd.DataFrame:
    """Count the customers of each persona in the squares of a plane.

    The plane is that of the first two principal components of the prepared features, so it
    holds as much of the spread as any plane can, and no more: groups that lie over one another
    here may be apart, and what looks like a gap need not be one.

    Parameters
    ----------
    study : Study
        With a stored persona model.
    end : str, date or datetime, optional
        Behaviour before it counts; by default all that was observed.

    Returns
    -------
    DataFrame
        Estimates: ``persona, x, y`` · ``customers`` (of at most 50,000, drawn by a hash of their
        ids), x and y the middle of a square in units of the prepared features; and one row
        ``explained``, its persona null: the share of the spread that the plane holds.
        No rows where there is no model or nothing differs.

    Raises
    ------
    UserError
        Personas are not assigned yet.
    """
    model, ids, frame = drawn(study, end)
    ready = np.empty((0, 0)) if model is None or not len(frame) else model.prepared(frame)
    found = _plane(ready)
    if model is None or found is None:
        return estimates(pd.DataFrame(columns=[*DIMS, "metric"]), DIMS)
    points, explained = found
    size = int(np.clip(np.sqrt(len(points) / ROOM), FEWEST, FINEST))
    spots = pd.DataFrame(_squares(points, size), columns=["x", "y"])
    spots.insert(0, "persona", np.array(ids, dtype=object)[model.predict(frame)])
    count = spots.value_counts(sort=False).sort_index().rename("n").reset_index()
    cells = count[DIMS].assign(
        metric="customers", value=count["n"].astype(float), n=count["n"], customers=count["n"],
        unit="customers",
    )  # fmt: skip
    whole = {"metric": "explained", "value": explained, "n": len(points), "x": 0.0, "y": 0.0,
             "customers": len(points), "unit": "1", "of": "spread"}  # fmt: skip
    return estimates(pd.concat([cells, pd.DataFrame([whole])], ignore_index=True), DIMS)


def _plane(ready: Floats) -> tuple[Floats, float] | None:
    """Project on the first two principal components; which way is up does not depend on chance."""
    if not ready.size:
        return None
    middle = ready - ready.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(middle, rowvar=False).reshape(2 * (middle.shape[1],)))
    if not spread.sum() > 1e-12:
        return None
    two = axes[:, ::-1][:, :2]
    two = two * np.sign(two[np.abs(two).argmax(axis=0), range(two.shape[1])])
    points = np.zeros((len(middle), 2))
    points[:, : two.shape[1]] = np.einsum("ij,jk->ik", middle, two)
    return points, float(spread[::-1][:2].sum() / spread.sum())


def _squares(points: Floats, size: int) -> Floats:
    """Middle of the square that each point lies in; the farthest lie in the squares at the rim."""
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    side = max(float((high - low).max()) / size, 1e-9)
    at = np.floor((np.clip(points, low, high) - low) / side)
    return np.asarray(low + (at + 0.5) * side)
