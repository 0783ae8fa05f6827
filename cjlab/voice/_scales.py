"""How the answers of each instrument are read: its scale, its boxes and its direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cjlab.errors import UserError, did_you_mean

# A number as people and exports write it; anything longer is no answer on a scale.
NUMBER = "^[\\s\u00a0]*(-?[0-9]{1,9}([.][0-9]{1,9})?)[\\s\u00a0]*$"
#: First and last answer, where a response does not say its scale.
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
#: Last answer of each version of the effort score; only the second has high for good.
VERSIONS = {"2.0": 7, "1.0": 5}
HIGHER, LOWER = "higher_is_better", "lower_is_better"

# Says of scores and their scales, whole columns at a time, which answers are counted.
Part = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Instrument:
    """A kind of question with its scale, and what its answers are counted as.

    Parameters
    ----------
    kind : str
        ``nps``, ``csat`` or ``ces``.
    last : int
        Highest answer where a response does not say.
    parts : dict
        By metric, which answers it counts.
    fixed : bool
        Whether the instrument has this scale only.
    direction : str
        Whether a high answer is a good one.
    """

    kind: str
    last: int
    parts: dict[str, Part]
    fixed: bool
    direction: str = HIGHER

    @property
    def first(self) -> int:
        """The lowest answer."""
        return SCALES[self.kind][0]

    @property
    def metric(self) -> str:
        """The metric that is the score itself."""
        return self.kind


def net_promoter() -> Instrument:
    """Return the likelihood to recommend, 0 to 10."""
    parts: dict[str, Part] = {
        "promoters": lambda score, scale: score >= 9,
        "passives": lambda score, scale: (score >= 7) & (score <= 8),
        "detractors": lambda score, scale: score <= 6,
    }
    return Instrument("nps", 10, parts, fixed=True)


def satisfaction(
    scale: int = 5, top: int = 2, boxes: bool = False, *, longest: int | None = None
) -> Instrument:
    """Return satisfaction on 1 to `scale`, of which the highest `top` answers are satisfied.

    With `boxes` each answer is a part too, up to the highest of the `longest` scale met.
    """
    if not isinstance(scale, int) or not 2 <= scale <= 11:
        raise UserError(f"csat: scale is {scale}; it must be a whole number from 2 to 11.")
    if not isinstance(top, int) or not 1 <= top < scale:
        raise UserError(f"csat: top is {top}; it must be a whole number from 1 to {scale - 1}.")
    parts: dict[str, Part] = {"csat": lambda score, scale: score > scale - top}
    if boxes:
        parts |= {f"box_{box}": _box(box) for box in range(1, min(longest or scale, 11) + 1)}
    return Instrument("csat", scale, parts, fixed=False)


def effort(version: str = "2.0") -> Instrument:
    """Return the effort score: 2.0 is agreement that it was easy, 1 to 7; 1.0 the effort itself."""
    if version not in VERSIONS:
        raise UserError(f'ces: version is "{version}".{did_you_mean(str(version), VERSIONS)}')
    if version == "2.0":
        return Instrument("ces", 7, {"easy": lambda score, scale: score >= 5}, fixed=True)
    parts: dict[str, Part] = {"easy": lambda score, scale: score <= 2}
    return Instrument("ces", 5, parts, fixed=True, direction=LOWER)


def _box(box: int) -> Part:
    return lambda score, scale: score == box
