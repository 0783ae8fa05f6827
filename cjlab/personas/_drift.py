"""Whether the personas' picture has changed between two periods by more than noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cjlab.change import cells_of, shift
from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.periods import Period
from cjlab.personas._features import batches
from cjlab.personas._migration import active, two_periods
from cjlab.personas.assign import folder_of
from cjlab.personas.scoring import BATCH, sample
from cjlab.personas.stored import features_of, ids_of, load

if TYPE_CHECKING:
    from cjlab.personas.model import PersonaModel

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST = 20_000  # customers looked at in a period, chosen by a hash of their ids
LEAST = 20  # customers in a half below which nothing is said
AGEING = ("tenure_days",)  # grows with the calendar: shown, and no part of (all) or the centres
ALL = "(all)"
UNEVEN = 1.5  # times the customers of the other period: said, though the draws are of one size


class _Sample(NamedTuple):
    """The customers of both periods, the earlier ones first."""

    cells: list[tuple[Ints, int]]  # of each feature: cell of each customer, number of cells
    steady: NDArray[np.bool_]  # whether a feature can stay as it is
    labels: Ints
    ready: Floats  # prepared columns
    personas: int

    def distances(self, a: Ints, b: Ints) -> Floats:
        """PSI of each feature and their mean, then sizes, then centres, each with its total."""
        drawn = [[np.bincount(at[x], minlength=n) for x in (a, b)] for at, n in self.cells]
        features = np.array([shift(*pair) for pair in drawn])
        counts = [np.bincount(self.labels[part], minlength=self.personas) for part in (a, b)]
        first, second = (count / count.sum() for count in counts)
        means = [self._centres(part, count) for part, count in zip((a, b), counts, strict=True)]
        apart = np.sqrt(((means[0] - means[1]) ** 2).sum(axis=1))
        known = ~np.isnan(apart)
        parts = [
            (features, _mean(features[self.steady])),
            (np.abs(second - first), shift(counts[0], counts[1])),
            (apart, _mean(apart[known], first[known])),
        ]
        return np.concatenate([np.append(*part) for part in parts])

    def _centres(self, part: Ints, count: Ints) -> Floats:
        member = np.equal.outer(np.arange(self.personas), self.labels[part]).astype(float)
        total = member @ self.ready[part]
        lot = np.where(count > 0, count, np.nan)[:, None]
        return np.asarray(total / lot, dtype=float)


def drift(
    study: Any,
    before: Period | str,
    after: Period | str,
    *,
    draws: int = 200,
    random_state: int = 0,
) -> pd.DataFrame:
    """Set the change between two periods against the noise within the earlier one.

    The customers with an event in a period are measured at its end and placed by the stored
    model. How far the later ones are from the earlier ones is then compared with how far random
    halves of the earlier ones are from each other.

    Parameters
    ----------
    study : Study
        With a stored persona model.
    before, after : Period or str
        Such as ``"2026Q2"`` and ``"2026Q3"``; the first ends before the second begins.
    draws : int, default 200
        Random halves.
    random_state : int, default 0
        Their seed.

    Returns
    -------
    DataFrame
        Estimates: ``measure, name`` · ``drift`` (distance of the later from the earlier
        customers), ``noise`` (mean distance of two halves, with the limits that hold 95 % of
        them) and ``p`` (share of halves at least as far apart). Measures: ``feature`` (PSI),
        ``size`` (difference of a persona's share; in all the PSI of the sizes) and ``centre``
        (distance of a persona's mean customer in prepared units; in all their mean by size);
        `name` is a feature, a persona or ``(all)``. `n` is how many customers are drawn on each
        side, `customers` the smaller period's. Null where a persona has nobody, or a half has
        fewer than 20 customers.

    Raises
    ------
    UserError
        Personas are not assigned yet, the periods overlap, or `draws` is below 20.

    Notes
    -----
    Both sides of every distance have the same number of customers (half of the earlier ones, or
    all later ones if fewer; at most 20,000 customers a period are looked at), since small samples
    are further apart by chance; the drift is the mean over the draws. So a period with far fewer
    customers is judged fairly, and with less power: ``volumes_differ`` says where one period
    has over 1.5 times the customers of the other. That many customers are in both periods makes
    p too large rather than too small. p is of each row alone; ``(all)`` is the row to begin
    with. Tenure grows by itself: its row says so, and it is no part of ``(all)`` and the centres.
    All behaviour before a period's end counts, so what needs a long history (regularity) may
    move while that history is short.
    """
    if draws < 20:
        raise UserError(f"drift: draws is {draws}; 20 or more make a distribution.")
    old, new = two_periods(study, before, after)
    folder = folder_of(study)
    model, ids = load(folder), ids_of(folder)
    names = [] if model is None else [str(name) for name in model.feature_names_in_]
    keys = [("feature", name) for name in (*names, ALL)]
    keys += [(what, name) for what in ("size", "centre") for name in (*ids, ALL)]
    frames, volumes = _measured(study, folder, old, new)
    earlier, later = map(len, frames)
    side, smaller = min(earlier // 2, later), min(earlier, later)
    if model is None or side < LEAST:
        nothing = np.full((2, 1, len(keys)), np.nan)
        return _table(keys, nothing, side, np.zeros(len(keys), dtype=int), None)
    seen = _seen(model, frames, names)
    rng = np.random.default_rng(random_state)
    fresh = earlier + np.arange(later)
    found = np.empty((2, draws, len(keys)))
    for draw in range(draws):
        mixed = rng.permutation(earlier)
        half = mixed[:side]
        found[0, draw] = seen.distances(half, rng.permutation(fresh)[:side])
        found[1, draw] = seen.distances(half, mixed[side : 2 * side])
    counts = [np.bincount(part, minlength=len(ids)) for part in np.split(seen.labels, [earlier])]
    customers = np.array([smaller] * (len(names) + 1) + [*np.min(counts, axis=0), smaller] * 2)
    uneven = max(volumes) > UNEVEN * min(volumes)
    return _table(keys, found, side, customers, "volumes_differ" if uneven else None)


def _measured(
    study: Any, folder: Path, old: Period, new: Period
) -> tuple[list[pd.DataFrame], list[int]]:
    """The features of (a sample of) each period's customers, and how many there were in all."""
    there = active(study, old, new).execute().set_index("customer_id")
    frames, like = [], features_of(folder)
    for period, flag in ((old, there["old"]), (new, there["new"])):
        found = batches(study.journeys(end=period.end, view="customer"), like, BATCH)
        known = flag.index[flag]
        frames.append(sample((frame[frame.index.isin(known)] for frame in found), MOST))
    return frames, [int(there[name].sum()) for name in ("old", "new")]


def _seen(model: PersonaModel, frames: list[pd.DataFrame], names: list[str]) -> _Sample:
    both = pd.concat(frames)
    values, ready = model.levels_.transform(both).to_numpy(dtype=float), model.prepared(both)
    kept = [column.split(":")[0] not in AGEING for column in model.prepare_.columns_]
    return _Sample(
        [cells_of(column[: len(frames[0])], column) for column in values.T],
        np.array([name not in AGEING for name in names]),
        model.predict(both),
        ready[:, kept],
        model.n_personas_,
    )


def _mean(values: Floats, weights: Floats | None = None) -> float:
    return float(np.average(values, weights=weights)) if len(values) else float("nan")


def _table(
    keys: list[tuple[str, str]], found: Floats, side: int, customers: Ints, note: str | None
) -> pd.DataFrame:
    """Turn distances (drift and noise, draws, keys) into estimates."""
    drifted, noise = found[0].mean(axis=0), found[1]
    low, high = np.quantile(noise, [0.025, 0.975], axis=0)
    base = pd.DataFrame(keys, columns=["measure", "name"]).astype("str")
    # A persona's share is the only rate among the distances.
    rate = (base["measure"] == "size") & (base["name"] != ALL)
    kinds = base["measure"].map({"feature": "ratio", "size": "ratio", "centre": "sd"})
    base = base.assign(n=side, customers=customers, unit=kinds.mask(rate, "1"), note=note)
    base.loc[base["name"].isin(AGEING), "note"] = "grows_by_itself"
    exceed = (1 + (noise >= drifted).sum(axis=0)) / (1 + len(noise))
    parts = [
        base.assign(metric="drift", value=drifted),
        base.assign(metric="noise", value=noise.mean(axis=0), low=low, high=high),
        base.assign(metric="p", value=np.where(np.isnan(drifted), np.nan, exceed), unit="p"),
    ]
    return estimates(pd.concat(parts, ignore_index=True), ["measure", "name"])
