"""What is planted in the retail sample: personas, stage process, one pain.

Nothing here is an input of a study; tests and the sample's README read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

FILES: Final = Path(__file__).parent / "files"
CHANNELS: Final = ("web", "app", "store", "email", "call")
FIRST_DAY: Final = np.datetime64("2025-10-01", "D")
DAYS: Final = 365
PAIN_DATE: Final = np.datetime64("2026-07-06", "D")
PAIN_PERSONA: Final = "app_evening"
PAIN_CSAT_MEAN: Final = (4.2, 2.7)
DEFAULT_SEED: Final = 20251001
DEFAULT_CUSTOMERS: Final = 3000
LEAST_EVENTS: Final = 12


@dataclass(frozen=True)
class Persona:
    """A kind of customer: habits that tell it apart, and what differs from the process."""

    name: str
    habits: str
    share: float
    channels: list[float]
    hour: float
    weekend: float
    pace: float
    basket: float
    ages: list[float]
    changes: dict[str, dict[str, float]]


def read(name: str) -> dict[str, Any]:
    """Return what a YAML file of the sample holds."""
    found: dict[str, Any] = yaml.safe_load((FILES / name).read_text(encoding="utf-8"))
    return found


_PLANTED = read("planted.yaml")
BASE: Final[dict[str, dict[str, float]]] = _PLANTED["process"]
STAGES: Final = tuple(BASE)
PAIN_ROW: Final[dict[str, float]] = _PLANTED["pain"]
PERSONAS: Final = tuple(Persona(**entry) for entry in _PLANTED["personas"])


def transition_matrix(persona: str, *, after: bool = False) -> NDArray[np.float64]:
    """Return the planted probabilities of the next stage, rows and columns in stage order.

    Parameters
    ----------
    persona : str
        Name of a planted persona.
    after : bool, default False
        Whether the payment page fails already (changes `PAIN_PERSONA` only).

    Returns
    -------
    ndarray of shape (9, 9)
        Row: stage of an event; column: stage of the customer's next one. Rows sum to 1.

    Examples
    --------
    >>> float(transition_matrix("app_evening", after=True)[3, 4])
    0.2
    """
    changes = next(p for p in PERSONAS if p.name == persona).changes
    rows = {stage: row | changes.get(stage, {}) for stage, row in BASE.items()}
    if after and persona == PAIN_PERSONA:
        rows["intent"] = PAIN_ROW
    return np.array([[rows[a].get(b, 0.0) for b in STAGES] for a in STAGES])


def conversion(persona: str, step: str, *, after: bool = False) -> float:
    """Return the planted chance that a run in one stage ends in the next stage.

    A run is an unbroken sequence of events in the stage; null cannot occur.

    Parameters
    ----------
    persona : str
        Name of a planted persona.
    step : str
        The stage that is left.
    after : bool, default False
        Whether the payment page fails already.

    Returns
    -------
    float
        A probability, p / (1 - probability of staying).

    Examples
    --------
    >>> round(conversion("web_planner", "intent"), 3)
    0.568
    """
    matrix, at = transition_matrix(persona, after=after), STAGES.index(step)
    return float(matrix[at, at + 1] / (1 - matrix[at, at]))
