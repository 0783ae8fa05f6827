"""Effects drawn at random: a point, or a range around it, and never beyond what is possible.

A range is drawn from two half normal curves that meet at the point: half of the draws lie on
either side of it, and 95% of them between the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cjlab._numbers import Floats, normal_quantile
from cjlab.errors import UserError
from cjlab.maps.scenario import Change, Effect

#: By what is changed: the least and the largest number that there can be.
RANGES = {
    "conversion": (0.0, 1.0),
    "time": (0.0, np.inf),
    "nps": (-100.0, 100.0),
    "csat": (0.0, 1.0),
    "ces": (1.0, 7.0),
}


@dataclass(frozen=True)
class Drawn:
    """A number after its change.

    Parameters
    ----------
    point : float
        With the effect at its most likely.
    draws : numpy.ndarray
        One for each draw of today's number.
    cut : float
        In which share of the draws the change went beyond what is possible and was cut off.
    """

    point: float
    draws: Floats
    cut: float


def draw(effect: Effect, draws: int, seed: int, place: int) -> Floats:
    """Draw an effect; a known one is the same each time.

    Parameters
    ----------
    effect : Effect
        What is drawn.
    draws, seed : int
        How many, and from which seed.
    place : int
        Of the change in its scenario: every change has draws of its own.
    """
    if effect.limits is None:
        return np.full(draws, effect.point)
    low, high = effect.limits
    z = np.random.default_rng([seed, place]).standard_normal(draws) / normal_quantile(0.95)
    return effect.point + z * np.where(z < 0, effect.point - low, high - effect.point)


def apply(change: Change, today: float, now: Floats, seed: int, place: int, where: str) -> Drawn:
    """Change a number, today's and each draw of it.

    Parameters
    ----------
    change : Change
        What changes.
    today : float
        The number as it is.
    now : numpy.ndarray
        Draws of it.
    seed, place : int
        As in `draw`.
    where : str
        Names the change, for messages.

    Raises
    ------
    UserError
        The number would be one that there cannot be.
    """
    kind = change.score.kind if change.score else change.kind
    least, most = RANGES[kind]
    point = float(_changed(change, np.array([today]), np.array([change.effect.point]))[0])
    if point < least or point > most:
        side, edge = ("below", least) if point < least else ("above", most)
        raise UserError(
            f"{where}: {kind} of {change.place} is {today:.4g} today and would be {point:.4g}, "
            f"{side} {edge:g}; choose a smaller change."
        )
    found = _changed(change, now, draw(change.effect, len(now), seed, place))
    beyond = (found < least) | (found > most)
    return Drawn(point, np.clip(found, least, most), float(beyond.mean()))


def _changed(change: Change, today: Floats, effect: Floats) -> Floats:
    """A number after an effect on some share of the customers."""
    full = {"to": effect, "by": today + effect, "times": today * effect}[change.effect.form]
    # Written so that no effect leaves the number as it is, to the last digit.
    return today + change.share * (full - today)
