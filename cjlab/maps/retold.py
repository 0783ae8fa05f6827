"""The same study told in another stage model, and what people wrote moved with it."""

from __future__ import annotations

from typing import Any

from cjlab.maps.model import WHOLE, Card
from cjlab.stages import crosswalk, load

Cells = dict[str, dict[str, tuple[Card, ...]]]


def retold(study: Any, stages: str | None) -> Any:
    """Return a study as it would be opened with another stage model, personas and all.

    Parameters
    ----------
    study : Study
        Any; to be told otherwise it must be in ``sm9``.
    stages : str or None
        Id of a built-in stage model, such as ``da3``; None, or the study's own, changes nothing.

    Raises
    ------
    UserError
        There is no such model, or no way to it from the study's own.
    """
    if stages is None or stages == study.model.id:
        return study
    crosswalk(study.model, load(stages))  # a model that cannot be is told at once
    other = type(study)(study.path, study.engine.kind)
    other.config = other.config.model_copy(update={"stages": stages})
    other.assignment, other.progress = study.assignment, study.progress
    return other


def moved(cells: Cells, study: Any, told: Any) -> Cells:
    """Return authored cards in the stages that theirs became; what has none is left out."""
    if told is study:
        return cells
    place = {WHOLE: WHOLE, **crosswalk(study.model, told.model)}
    found: Cells = {}
    for lane, by_stage in cells.items():
        for stage, cards in by_stage.items():
            if to := place[stage]:
                own = found.setdefault(lane, {})
                own[to] = (*own.get(to, ()), *cards)
    return found
