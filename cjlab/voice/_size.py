"""How many answers are needed for a margin: the interval itself, turned round."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from cjlab.errors import UserError, did_you_mean
from cjlab.stats import nps_interval, proportion

METRICS = ("nps", "csat", "share", "ces")
_MOST = 10**10


def sample_size(
    margin: float,
    metric: str = "nps",
    *,
    promoters: float | None = None,
    detractors: float | None = None,
    share: float | None = None,
    sd: float | None = None,
    level: float = 0.95,
    population: int | None = None,
    design_effect: float = 1.0,
    response_rate: float = 1.0,
) -> int:
    """Return how many answers a score needs so that its interval reaches no further than a margin.

    Parameters
    ----------
    margin : float
        Half the interval's width: points for ``nps``, a fraction for ``csat`` and ``share``, the
        scale's own unit for ``ces``.
    metric : {"nps", "csat", "share", "ces"}, default "nps"
        What is measured.
    promoters, detractors : float, optional
        Fractions seen so far; by default one half each, the worst case.
    share : float, optional
        Fraction seen so far; by default one half, the worst case.
    sd : float, optional
        Standard deviation of the answers; by default 3, the largest that 1 to 7 allows.
    level : float, default 0.95
        Confidence level.
    population : int, optional
        How many customers there are: few of them need fewer answers (finite population).
    design_effect : float, default 1.0
        What repeating customers cost, 1 or more.
    response_rate : float, default 1.0
        Above 0, to 1: with it the number is of invitations, not answers.

    Returns
    -------
    int
        The smallest whole number; with a finite population no more than the population where the
        design effect is 1 and everybody answers.

    Raises
    ------
    UserError
        A number is out of its range, or the metric is unknown.

    Notes
    -----
    The smallest n at which half the width of the interval of :func:`nps` (adjusted Wald),
    :func:`csat` (Wilson) or :func:`ces` (Student's t) is at most the margin. Finite population:
    n / (1 + (n − 1) / N) (Cochran 1977, 4.8).

    Examples
    --------
    >>> sample_size(0.05, "share"), sample_size(10), sample_size(5, promoters=0.5, detractors=0.2)
    (381, 380, 935)
    """
    _check(margin, metric, level, population, design_effect, response_rate)
    half = _half(metric, level, promoters, detractors, share, sd)
    high = 2
    while half(high) > margin:
        high *= 2
        if high > _MOST:
            raise UserError(f"sample_size: no number of answers gives a margin of {margin:g}.")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if half(middle) <= margin else (middle, high)
    needed = float(low if half(low) <= margin else high)
    if population is not None:
        needed = needed / (1 + (needed - 1) / population)
    return math.ceil(needed * design_effect / response_rate - 1e-9)


def _half(
    metric: str,
    level: float,
    promoters: float | None,
    detractors: float | None,
    share: float | None,
    sd: float | None,
) -> Callable[[int], float]:
    """Return half the width of the metric's interval as a function of n."""
    if metric == "nps":
        up, down = _fractions(promoters, detractors)

        def width(n: int) -> float:
            found = nps_interval(up * n, down * n, n, level=level)
            return float(found.high - found.low)

    elif metric == "ces":
        spread = 3.0 if sd is None else sd
        if not 0 < spread < math.inf:
            raise UserError(f"sample_size: sd is {spread}; it must be above 0.")
        tail = 0.5 + level / 2

        def width(n: int) -> float:
            steps = special.stdtrit(n - 1, tail) if n > 1 else math.inf
            return float(2 * steps * spread / math.sqrt(n))

    else:
        part = 0.5 if share is None else share
        if not 0 <= part <= 1:
            raise UserError(f"sample_size: share is {part}; it must lie in 0 to 1.")

        def width(n: int) -> float:
            found = proportion(part * n, n, level=level)
            return float(found.high - found.low)

    return lambda n: width(n) / 2


def _fractions(promoters: float | None, detractors: float | None) -> tuple[float, float]:
    if promoters is None and detractors is None:
        return 0.5, 0.5
    if promoters is None or detractors is None:
        raise UserError("sample_size: give both promoters and detractors, or neither.")
    if min(promoters, detractors) < 0 or promoters + detractors > 1:
        raise UserError(
            f"sample_size: promoters {promoters:g} and detractors {detractors:g} must be "
            "fractions, together no more than 1."
        )
    return promoters, detractors


def _check(
    margin: float,
    metric: str,
    level: float,
    population: int | None,
    design_effect: float,
    response_rate: float,
) -> None:
    if metric not in METRICS:
        raise UserError(f'sample_size: no metric "{metric}".{did_you_mean(metric, METRICS)}')
    for name, value, fine in (
        ("margin", margin, np.isfinite(margin) and margin > 0),
        ("level", level, 0 < level < 1),
        ("population", population, population is None or population >= 1),
        ("design_effect", design_effect, 1 <= design_effect < math.inf),
        ("response_rate", response_rate, 0 < response_rate <= 1),
    ):
        if not fine:
            raise UserError(f"sample_size: {name} is {value}, which is out of its range.")
