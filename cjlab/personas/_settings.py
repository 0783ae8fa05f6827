"""What `PersonaModel` may be asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from cjlab.personas import grouping


def check(model: Any) -> None:
    """Raise one clear line where a parameter of `PersonaModel` is out of range."""
    least = {"n_personas": 1, "max_personas": 2, "minimum": 1, "n_draws": 1, "n_splits": 1}
    instead = {"n_personas": "auto", "minimum": None}
    for name, first in least.items():
        value = getattr(model, name)
        if _whole(value, first) or (name in instead and value == instead[name]):
            continue
        other = f" or {instead[name]!r}" if name in instead else ""
        raise ValueError(f"{name} is {value!r}; it must be a whole number from {first}{other}.")
    if model.algorithm not in grouping.ALGORITHMS:
        valid = ", ".join(grouping.ALGORITHMS)
        raise ValueError(f"algorithm is {model.algorithm!r}; it must be one of {valid}.")
    if model.algorithm == "hdbscan" and model.n_personas != "auto":
        raise ValueError("hdbscan finds its own number of personas; n_personas must be 'auto'.")


def _whole(value: Any, least: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and bool(value >= least)
