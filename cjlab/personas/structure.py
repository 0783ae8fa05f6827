"""Are there groups at all? The best cut of the customers against the best cuts of one cloud.

Any cloud can be cut, and a long one even repeatably. So the silhouettes are held against those
of clouds with the same margins and rank correlation (`cloud`), after Hennig and Lin (2015),
Statistics and Computing 25, 821–833.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from cjlab.personas.cloud import Cloud
from cjlab.personas.pipeline import Prepare, canonical_columns, canonical_rows, pick

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

LEVEL = 0.05  # at most this p says that there are groups
PILOT = 40  # draws that only give each k its mean and spread: the p-value's own come after
ENOUGH = 10  # draws at least as clear as the data after which no more are taken
STARTS = 40  # k-means runs times k ** 1.5: few starts miss two groups more often than eight
KEPT = 64  # results remembered

#: Distance of two equal groups, shared by all columns, in the groups' own standard deviations,
#: that is found in at least 80 % of data sets, by (rows, columns): the smallest of a grid of
#: halves, simulated in tests/prove/test_structure_calibration.py.
POWER = {(100, 5): 3.0, (300, 5): 3.0, (1000, 5): 2.5}
POWER |= {(100, 20): 3.5, (300, 20): 2.5, (1000, 20): 2.0}

_known: dict[str, Structure] = {}


@dataclass(frozen=True)
class Structure:
    """What the search for groups found, and what it could have found.

    Parameters
    ----------
    p_value : float
        How often one cloud would be cut at least as clearly, 0–1; at most .05 says groups.
    statistic : float
        Largest standardised silhouette over k; infinite where there are just two kinds of rows.
    k : int
        The number of groups where it is largest; 1 where nothing differs.
    draws : int
        Clouds drawn for the p-value, after the pilot draws.
    exceedances : int
        Clouds cut at least as clearly as the data.
    rows, columns : int
        Size of the (sampled, prepared) data that were tested.
    ks : tuple of int
        The numbers of groups tried, with their ``silhouettes`` and the null's mean
        (``null_mean``) and standard deviation (``null_sd``).
    silhouettes, null_mean, null_sd : tuple of float
        One value for each of ``ks``.
    """

    p_value: float
    statistic: float
    k: int
    draws: int
    exceedances: int
    rows: int
    columns: int
    ks: tuple[int, ...] = ()
    silhouettes: tuple[float, ...] = ()
    null_mean: tuple[float, ...] = ()
    null_sd: tuple[float, ...] = ()

    @property
    def sees(self) -> float:
        """Distance of two equal groups that is found four times in five, in their own sd.

        Simulated for a few sizes; the nearest with no more rows and no fewer columns counts.
        NaN beyond them.
        """
        rows = max((n for n, _ in POWER if n <= self.rows), default=0)
        columns = min((d for _, d in POWER if d >= self.columns), default=0)
        return POWER.get((rows, columns), float("nan"))


def structure_test(
    X: Any,
    *,
    random_state: int | np.random.RandomState | None = 0,
    draws: int = 199,
    rows: int = 1000,
    max_clusters: int = 8,
    n_jobs: int = 2,
    progress: Callable[[int, int], object] | None = None,
) -> Structure:
    """Test whether customers fall into groups, or make one cloud.

    Parameters
    ----------
    X : array-like or DataFrame of shape (customers, features)
        Raw features as `PersonaModel` takes them; NaN is missing.
    random_state : int, RandomState or None, default 0
        Seed of the sample, the draws and the starts.
    draws : int, default 199
        Most clouds drawn; the smallest p is 1 / (draws + 1).
    rows : int, default 1000
        Customers sampled at most.
    max_clusters : int, default 8
        Largest number of groups tried.
    n_jobs : int, default 2
        Threads; the result does not depend on them.
    progress : callable, optional
        Called with the draws done and the most there may be.

    Returns
    -------
    Structure
        ``p_value`` and what led to it.

    Notes
    -----
    The statistic is the largest, over k, silhouette of k-means groups in the space that their
    centres span, standardised by mean and sd of forty pilot clouds. Clouds after these give
    p = (1 + exceedances) / (1 + draws), or exceedances / draws where ten exceedances end the
    draws early: Besag and Clifford (1991), Biometrika 78, 301–304.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat([[0.0, 0.0], [6.0, 6.0]], 60, axis=0) + rng.normal(size=(120, 2))
    >>> structure_test(X, draws=39).p_value, structure_test(X[:60], draws=39).p_value > 0.05
    (0.025, True)
    """
    from cjlab.personas.levels import Levels

    levels = Levels().fit(X)
    values = np.asarray(levels.transform(X), dtype=np.float64)
    order = canonical_columns(values, levels.names_)
    values = values[:, order]
    names = levels.names_ and [levels.names_[i] for i in order]
    prepare = Prepare().fit(values, names=names, levels=levels.groups(order))
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    return compare(prepare, values, seed=seed, draws=draws, rows=rows,
                max_clusters=max_clusters, n_jobs=n_jobs, progress=progress)  # fmt: skip


def compare(
    prepare: Prepare,
    values: Array,
    *,
    seed: int,
    draws: int = 199,
    rows: int = 1000,
    max_clusters: int = 8,
    n_jobs: int = 2,
    progress: Callable[[int, int], object] | None = None,
) -> Structure:
    """Test raw values in canonical column order; see `structure_test`."""
    sample = pick(canonical_rows(values), rows, np.random.default_rng(seed))
    scaled = prepare.scaled(values[sample])
    ready = prepare.finish(scaled)
    key = hashlib.blake2b(ready.tobytes(), digest_size=16)
    key.update(repr((ready.shape, scaled.shape, seed, draws, max_clusters)).encode())
    if key.hexdigest() in _known:
        return _known[key.hexdigest()]
    size, width = ready.shape
    distinct = len(np.unique(ready.round(9), axis=0)) if ready.shape[1] else 1
    if distinct < 3:
        # No cloud has two points, and none is needed to see that one point is no two.
        p, statistic = (1 / (1 + draws), np.inf) if distinct == 2 else (1.0, 0.0)
        return Structure(p, statistic, distinct, 0, 0, size, width)
    cloud = Cloud(scaled, prepare.groups_)
    ks = tuple(range(2, min(max_clusters, distinct - 1) + 1))

    def score(number: int) -> Array:
        if number < 0:
            return silhouettes(ready, ks, seed)
        drawn = prepare.finish(cloud.draw(np.random.default_rng([seed, number])))
        return silhouettes(drawn, ks, seed + number + 1)

    with warnings.catch_warnings(), threadpool_limits(1):
        # Fewer distinct rows than groups is an answer here: the group stays empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = _sequence(score, draws, n_jobs, progress)
    own, mean, spread, exceedances, done = found
    p = ENOUGH / done if exceedances == ENOUGH else (1 + exceedances) / (1 + done)
    standard = (own - mean) / spread
    best = int(np.argmax(standard))
    told = [tuple(part.round(6).tolist()) for part in (own, mean, spread)]
    if len(_known) >= KEPT:
        _known.clear()
    _known[key.hexdigest()] = Structure(
        p, float(standard[best]), ks[best], done, exceedances, size, width, ks, *told
    )
    return _known[key.hexdigest()]


def _sequence(
    score: Callable[[int], Array], draws: int, n_jobs: int, progress: Callable[..., object] | None
) -> tuple[Array, Array, Array, int, int]:
    """Draw clouds in turn until enough are as clear as the data, or all are drawn."""
    scores = _in_turn(score, PILOT + draws, max(n_jobs, 1))
    own = next(scores)
    pilot = np.array([next(scores) for _ in range(PILOT)])
    mean, spread = pilot.mean(axis=0), np.maximum(pilot.std(axis=0, ddof=1), 1e-9)
    bar = ((own - mean) / spread).max()
    exceedances = done = 0
    for drawn in scores:
        done += 1
        exceedances += bool(((drawn - mean) / spread).max() >= bar)
        if progress is not None:
            progress(PILOT + done, PILOT + draws)
        if exceedances == ENOUGH:
            break
    scores.close()
    return own, mean, spread, exceedances, done


def _in_turn(score: Callable[[int], Array], most: int, n_jobs: int) -> Generator[Array]:
    """Yield the score of the data (-1), then of every draw, a few computed ahead."""

    def quick(number: int) -> Array:
        # scikit-learn's settings belong to a thread.
        with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
            return score(number)

    with ThreadPoolExecutor(n_jobs) as pool:
        ahead = [pool.submit(quick, number) for number in range(-1, min(2 * n_jobs, most))]
        try:
            for number in range(most + 1):
                yield ahead.pop(0).result()
                if number + 2 * n_jobs < most:
                    ahead.append(pool.submit(quick, number + 2 * n_jobs))
        finally:
            for waiting in ahead:
                waiting.cancel()


def silhouettes(X: Array, ks: tuple[int, ...], seed: int) -> Array:
    """Mean silhouette of k-means groups for each k, in the space that their centres span.

    Columns in which the groups do not differ hold only noise: distances taken over them all
    would hide two groups apart in one of twenty columns.
    """
    scores = []
    for k in ks:
        found = KMeans(k, n_init=round(STARTS / k**1.5), random_state=seed % 2**31).fit(X)
        centers = found.cluster_centers_ - found.cluster_centers_.mean(axis=0)
        span = np.linalg.svd(centers, full_matrices=False)[2][: k - 1]
        scores.append(silhouette(X @ span.T, found.labels_.astype(np.int64), k))
    return np.array(scores)


def silhouette(X: Array, labels: Labels, k: int) -> float:
    """Mean silhouette from one matrix of distances; that of a lone row is 0.

    Rousseeuw (1987), Journal of Computational and Applied Mathematics 20, 53–65. Distances are
    in single precision.
    """
    rows = np.arange(len(X))
    points = X.astype(np.float32)
    square = (points**2).sum(axis=1)
    apart = square[:, None] + square - 2 * (points @ points.T)
    np.fill_diagonal(apart, 0)
    apart = np.sqrt(np.maximum(apart, 0, out=apart), out=apart)
    total = (apart @ np.eye(k, dtype=np.float32)[labels]).astype(float)
    size = np.bincount(labels, minlength=k)
    own = size[labels]
    mean = np.divide(total, size, out=np.full(total.shape, np.inf), where=size > 0)
    mean[rows, labels] = np.inf
    inside, outside = total[rows, labels] / np.maximum(own - 1, 1), mean.min(axis=1)
    widest = np.maximum(np.maximum(inside, outside), 1e-12)
    value = np.where(own > 1, (outside - inside) / widest, 0.0)
    return float(np.where(np.isfinite(outside), value, 0.0).mean())
