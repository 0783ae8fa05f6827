"""One number of the journey, today and after a scenario, with every draw of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cjlab._numbers import Floats
from cjlab.maps.asking import Told

# Why a number cannot be given after the change.
WITHHELD, FEW = "today_withheld", "few_at_level"


@dataclass(frozen=True)
class Line:
    """One number of the journey, today and moved.

    Parameters
    ----------
    metric, stage, touchpoint : str
        What and where; ``(all)`` for the whole journey, and for any touchpoint.
    today : dict
        The gated row of its metric.
    told : Told or None
        The table that the row is of; null where the what-if itself works it out.
    now, then : numpy.ndarray, shape (1 + draws,)
        Today's number and the one after the change, the first without any drawing.
    gap : numpy.ndarray, shape (1 + draws,)
        The difference, exactly 0 where nothing changes.
    why : str, optional
        Note that says why nothing can be known after the change.
    """

    metric: str
    stage: str
    touchpoint: str
    today: dict[str, Any]
    told: Told | None
    now: Floats
    gap: Floats
    why: str | None = None

    @property
    def then(self) -> Floats:
        """The number after the change."""
        return self.now + self.gap

    @property
    def moves(self) -> bool:
        """Whether the scenario changes it in any draw."""
        return bool(self.gap[0] != 0 or (np.nan_to_num(self.gap) != 0).any())

    @property
    def shown(self) -> bool:
        """Whether it is more than a rare draw that changes it."""
        return bool(self.gap[0] != 0 or (np.nan_to_num(self.gap[1:]) != 0).mean() > 0.5)
