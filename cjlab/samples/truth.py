"""What is planted in the retail sample: personas, stage process, one pain.

Nothing here is an input of a study; tests and the sample's README read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

STAGES: Final = (
    "awareness",
    "consideration",
    "interest",
    "intent",
    "purchase",
    "post_purchase",
    "retention",
    "advocacy",
    "loyalty",
)
CHANNELS: Final = ("web", "app", "store", "email", "call")
FIRST_DAY: Final = np.datetime64("2025-10-01", "D")
DAYS: Final = 365
PAIN_DATE: Final = np.datetime64("2026-07-06", "D")
PAIN_PERSONA: Final = "app_evening"
PAIN_CSAT_MEAN: Final = (4.2, 2.7)
DEFAULT_SEED: Final = 20251001
DEFAULT_CUSTOMERS: Final = 3000
LEAST_EVENTS: Final = 12

# Probability of the next stage, event by event (a stage may follow itself). Rows sum to 1.
BASE: Final[dict[str, dict[str, float]]] = {
    "awareness": {
        "awareness": 0.12, "consideration": 0.62, "interest": 0.16, "intent": 0.06,
        "retention": 0.04,
    },
    "consideration": {
        "awareness": 0.06, "consideration": 0.20, "interest": 0.54, "intent": 0.12,
        "retention": 0.08,
    },
    "interest": {
        "awareness": 0.03, "consideration": 0.17, "interest": 0.22, "intent": 0.50,
        "retention": 0.08,
    },
    "intent": {
        "consideration": 0.11, "interest": 0.13, "intent": 0.26, "purchase": 0.42,
        "retention": 0.08,
    },
    "purchase": {
        "post_purchase": 0.78, "retention": 0.14, "advocacy": 0.05, "loyalty": 0.03,
    },
    "post_purchase": {
        "awareness": 0.15, "consideration": 0.10, "post_purchase": 0.22, "retention": 0.38,
        "advocacy": 0.10, "loyalty": 0.05,
    },
    "retention": {
        "awareness": 0.36, "consideration": 0.20, "interest": 0.08, "retention": 0.18,
        "advocacy": 0.08, "loyalty": 0.10,
    },
    "advocacy": {
        "awareness": 0.30, "consideration": 0.15, "retention": 0.30, "advocacy": 0.10,
        "loyalty": 0.15,
    },
    "loyalty": {
        "awareness": 0.30, "consideration": 0.20, "retention": 0.25, "advocacy": 0.10,
        "loyalty": 0.15,
    },
}  # fmt: skip
PAIN_ROW: Final[dict[str, float]] = {
    "consideration": 0.19, "interest": 0.20, "intent": 0.33, "purchase": 0.20, "retention": 0.08,
}  # fmt: skip


@dataclass(frozen=True)
class Persona:
    """A kind of customer: habits that tell it apart, and rows of the process that differ."""

    name: str
    share: float
    channels: tuple[float, ...]  # in the order of CHANNELS, drawn once a session
    hour: float
    weekend: float
    pace: float  # multiplies the days between sessions
    basket: float  # median order, SEK
    ages: tuple[float, ...]  # 18-29, 30-44, 45-59, 60+: a weak hint, no more
    rows: dict[str, dict[str, float]] = field(default_factory=dict)


PERSONAS: Final = (
    Persona(
        "app_evening", 0.34, (0.12, 0.88, 0.0, 0.0, 0.0), 20.4, 0.25, 0.85, 480.0,
        (0.32, 0.34, 0.21, 0.13),
        {"intent": BASE["intent"] | {"purchase": 0.44, "consideration": 0.09}},
    ),
    Persona(
        "web_planner", 0.28, (1.0, 0.0, 0.0, 0.0, 0.0), 13.0, 0.12, 1.1, 1450.0,
        (0.22, 0.34, 0.27, 0.17),
        {"interest": BASE["interest"] | {"consideration": 0.21, "interest": 0.20,
                                         "intent": 0.48}},
    ),
    Persona(
        "store_weekend", 0.22, (0.12, 0.0, 0.88, 0.0, 0.0), 14.0, 0.90, 1.2, 900.0,
        (0.20, 0.28, 0.28, 0.24),
        {"awareness": BASE["awareness"] | {"consideration": 0.58, "interest": 0.20}},
    ),
    Persona(
        "mail_and_phone", 0.16, (0.12, 0.0, 0.0, 0.64, 0.24), 9.2, 0.03, 1.25, 2600.0,
        (0.14, 0.26, 0.30, 0.30),
        {"retention": BASE["retention"] | {"retention": 0.24, "awareness": 0.30}},
    ),
)  # fmt: skip


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
    rows = BASE | next(p for p in PERSONAS if p.name == persona).rows
    if after and persona == PAIN_PERSONA:
        rows = rows | {"intent": PAIN_ROW}
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
