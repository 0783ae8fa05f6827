"""Stage models: the built-in ones in five languages, custom ones, and the crosswalk.

``sm9`` is the atom: every other built-in model is a many-to-one relabelling of it, so the same
events give the same totals under each. Labels that a founding article gives stand in the
catalogue letter by letter; every label says where it comes from (S0 to S4, or ``cjlab`` where
this package wrote it).
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from cjlab.errors import UserError, did_you_mean
from cjlab.stage_model import BUILT_IN, LANGUAGES, Stage, StageModel, StageRule, language_code

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ATOM", "BUILT_IN", "CATALOGUE", "LANGUAGES", "Stage", "StageModel", "StageRule",
           "crosswalk", "language_code", "load", "relabel"]  # fmt: skip

ATOM = "sm9"
CATALOGUE = Path(__file__).parent / "catalogue"


def load(id: str, language: str = "en") -> StageModel:
    """Return a built-in stage model.

    Milestones are the stages up to and with the purchase.

    Parameters
    ----------
    id : {"sm9", "sv5", "no5", "no3phase", "no3buy", "da5", "da3"}
        The model.
    language : {"en", "sv", "nb", "da", "fi"}, default "en"
        Language of its labels; ``no`` is taken as ``nb``.

    Returns
    -------
    StageModel
        The model.

    Raises
    ------
    UserError
        The model or the language is unknown.

    Examples
    --------
    >>> list(load("no3phase", "nb").labels().values())
    ['Før kjøpet', 'Under kjøpet', 'Etter kjøpet']
    """
    if id not in BUILT_IN:
        raise UserError(f'"{id}" is not a built-in stage model.{did_you_mean(id, BUILT_IN)}')
    return StageModel(id, _built_in_stages()[id], language_code(language))


def crosswalk(
    source_model: str | StageModel, target_model: str | StageModel
) -> dict[str, str | None]:
    """Return the stage of the target model that each stage of the source becomes.

    Where a stage could go to two (Intent in most models), the first one holds.

    Parameters
    ----------
    source_model : str or StageModel
        ``sm9``, or the target itself: only ``sm9`` is fine enough to become another model.
    target_model : str or StageModel
        A built-in model.

    Returns
    -------
    dict of str to str or None
        In the source's order; None where the target has no such stage (after the purchase in
        ``no3buy``): such events stay and count as unmapped.

    Raises
    ------
    UserError
        The source is not ``sm9``, or the target is a custom model.

    Examples
    --------
    >>> crosswalk("sm9", "sv5")["intent"]
    'consideration'
    """
    source = load(source_model) if isinstance(source_model, str) else source_model
    target = load(target_model) if isinstance(target_model, str) else target_model
    if source == target or (source.id == target.id and source.built_in):
        return {stage: stage for stage in source.ids}
    if source.id != ATOM or not target.built_in:
        raise UserError(
            f"no crosswalk from {source.id} to {target.id}: only {ATOM} becomes another built-in "
            f"model ({', '.join(BUILT_IN[1:])})."
        )
    return {row[ATOM]: row[target.id] or None for row in _read("crosswalk.csv")}


def relabel(frame: pd.DataFrame, model: str | StageModel, column: str = "stage") -> pd.DataFrame:
    """Return the events with their ``sm9`` stages told in another model.

    Totals of events, customers and value stay the same, the unmapped included; paths may differ.

    Parameters
    ----------
    frame : DataFrame
        One row an event; left as it is.
    model : str or StageModel
        The built-in model to tell the stages in.
    column : str, default "stage"
        Column of ``sm9`` stage ids. Null is an unmapped event and stays null.

    Returns
    -------
    DataFrame
        A copy with the same rows in the same order.

    Raises
    ------
    UserError
        The column is absent or holds something that is no ``sm9`` stage.

    Examples
    --------
    >>> import pandas as pd
    >>> relabel(pd.DataFrame({"stage": ["interest", None]}), "da3")["stage"].tolist()[0]
    'initial_awareness'
    """
    mapping = crosswalk(ATOM, model)
    if column not in frame.columns:
        near = did_you_mean(column, frame.columns)
        raise UserError(f'the frame has no column "{column}".{near}')
    for value in frame[column].dropna().unique():
        if value not in mapping:
            near = did_you_mean(value, mapping)
            raise UserError(f'column {column}: "{value}" is not a stage of {ATOM}.{near}')
    told = frame[column].astype("object").map(mapping).astype("str")
    return frame.assign(**{column: told})


@functools.cache
def _read(name: str) -> tuple[dict[str, str], ...]:
    with (CATALOGUE / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@functools.cache
def _built_in_stages() -> dict[str, tuple[Stage, ...]]:
    walk = _read("crosswalk.csv")
    models: dict[str, list[Stage]] = {}
    for row in _read("stages.csv"):
        atoms = tuple(atom[ATOM] for atom in walk if atom[row["model"]] == row["stage"])
        stage = Stage(
            id=row["stage"],
            labels={code: row[f"label_{code}"] for code in LANGUAGES},
            milestone=row["milestone"] == "yes",
            purchase="purchase" in atoms,
            atoms=atoms,
            definition=row["definition_en"] or None,
            sources={code: row[f"source_{code}"] for code in LANGUAGES},
        )
        models.setdefault(row["model"], []).append(stage)
    return {model: tuple(stages) for model, stages in models.items()}
