"""The lines of scores that a scenario changes: of touchpoints, of their stages, of all moments."""

from __future__ import annotations

from typing import Any

import numpy as np

from cjlab._numbers import Floats
from cjlab.maps import moments, raising
from cjlab.maps.asking import PERSONA, Told, each
from cjlab.maps.line import WITHHELD, Line
from cjlab.maps.moments import ALL
from cjlab.maps.scenario import Change


def raised(lines: Any, kind: str, changes: list[tuple[int, Change]]) -> list[Line]:
    """Return the lines of one instrument.

    Parameters
    ----------
    lines : cjlab.maps.lines.Lines
        Of the scenario.
    kind : str
        The instrument.
    changes : list of (int, Change)
        Its changes, with their places in the scenario.
    """
    told = moments.scores(lines.tables, kind, "touchpoint")
    if told is None:
        place, change = changes[0]
        raise lines.wrong(place, "the study has no responses about", change.place, ())
    rows = [_about(lines, told, kind, *one) for one in changes]
    answers = raising.read(lines.tables, kind, lines.persona).only(rows[0])
    homes = {change.place: _home(lines, answers, change.place) for _, change in changes}
    stages = sorted(set(homes.values()) - {ALL})
    places = [("touchpoint", name) for name in homes]
    places += [*(("stage", stage) for stage in stages), ("whole", ALL)]
    n, now = answers.draw(places, lines.draws, lines.seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        now = now / n
    after = [lines.applied(place, one, now[:, k]) for k, (place, one) in enumerate(changes)]
    gaps = _gaps(n, np.column_stack(after) - now[:, : len(changes)], list(homes.values()), places)
    why = _why(rows)
    found = []
    for k, (level, name) in enumerate(places):
        if level == "touchpoint":
            table, row, stage, about = told, rows[k], homes[name], name
        else:
            table, stage, about = _table(lines, kind, level), name, ALL
            where = {} if level == "whole" else {level: name}
            row = lines.row(table, kind, **_cell(rows[0]), **where)
        if row is not None:
            found.append(Line(kind, stage, about, row, table, now[:, k], gaps[:, k], why))
    return found


def _gaps(n: Floats, own: Floats, homes: list[str], places: list[tuple[str, str]]) -> Floats:
    """How much every score moves, from how much those of the touchpoints do.

    Parameters
    ----------
    n : numpy.ndarray, shape (1 + draws, places)
        Answers.
    own : numpy.ndarray, shape (1 + draws, touchpoints)
        How much the touchpoints' own scores move.
    homes : list of str
        The stages of the touchpoints.
    places : list of (str, str)
        What the scores are of, the touchpoints first.
    """
    weight = n[:, : own.shape[1]] * own
    found = [own]
    for k, (level, name) in enumerate(places[own.shape[1] :], own.shape[1]):
        inside = [level == "whole" or home == name for home in homes]
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(weight[:, inside].sum(axis=1, keepdims=True) / n[:, k : k + 1])
    return np.hstack(found)


def _why(rows: list[dict[str, Any]]) -> str | None:
    """Why nothing follows from the touchpoints' scores."""
    if len({tuple(_cell(row).items()) for row in rows}) > 1:
        return "several_instruments"  # which are not added up
    # How few answers a touchpoint has would follow from what it does to the whole.
    return None if all(row["status"] == "ok" for row in rows) else WITHHELD


def _about(lines: Any, told: Told, kind: str, place: int, change: Change) -> dict[str, Any]:
    """The row of a touchpoint's score."""
    rows = told.rows(kind)
    if lines.persona:
        rows = rows[rows[PERSONA] == lines.persona]
    if "relation" in rows:
        rows = rows[rows["relation"] != "relational"]
    own = list(each(rows[rows["touchpoint"] == change.place]))
    if not own:
        raise lines.wrong(place, f"no answers ({kind}) about", change.place, rows["touchpoint"])
    if len(own) == 1:
        return own[0]
    unknown = {"value": None, "low": None, "high": None, "status": "not_estimable"}
    return {**own[0], **unknown, "note": "several_instruments"}


def _home(lines: Any, answers: raising.Answers, touchpoint: str) -> str:
    """The stage of a touchpoint, (all) where it has none of the model."""
    stage = answers.stage_of(touchpoint)
    return stage if stage is not None and stage in lines.j.model.codes else ALL


def _table(lines: Any, kind: str, level: str) -> Told:
    """The scores of the stages, or of all moments."""
    if level == "stage":
        found = moments.scores(lines.tables, kind, "stage")
        assert found is not None  # the touchpoints have answers
        return found
    whole: Told = lines.tables.ask(
        "voice.scores", "responses", first="study", kind=kind, pool="wave"
    )
    return whole


def _cell(row: dict[str, Any]) -> dict[str, str]:
    """What tells the instrument of a row from others."""
    return {name: str(row[name]) for name in ("relation", "wave", "scale") if name in row}
