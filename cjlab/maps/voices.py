"""What the customers' words add to a map: tone, themes, what matters, what falls short."""

from __future__ import annotations

from typing import Any

from cjlab.maps import moments
from cjlab.maps.asking import PERSONA, Tables, Told, each
from cjlab.maps.model import Number

THEMES, SHORTFALLS = 2, 3


def _by(tables: Tables) -> str | list[str]:
    return ["stage", PERSONA] if tables.by_persona else "stage"


def tone(tables: Tables) -> Told:
    """The tone of the texts of each stage."""
    return tables.ask("voice.tone", "responses", first="study", split=False, by=_by(tables))


def themes(tables: Tables, language: str, **own: str) -> dict[str, list[tuple[str, Number]]]:
    """Return the most frequent themes of each stage, by their label and share."""
    from cjlab import voice

    told = tables.ask("voice.theme_shares", "responses", first="study", split=False, by=_by(tables))
    labels = voice.study_themes(tables.study).labels(language)
    rows = told.rows("share", **own)
    rows = rows[(rows["status"] == "ok") & (rows["hits"] > 0) & rows["theme"].isin(labels.keys())]
    rows = rows.sort_values(["hits", "theme"], ascending=[False, True])
    return {
        str(stage): [(labels[row["theme"]], told.number(row)) for row in each(found.head(THEMES))]
        for stage, found in rows.groupby("stage", sort=False)
    }


def importance(tables: Tables) -> dict[str, Number]:
    """Return how much each touchpoint's rating goes with the overall score, where it is told."""
    told = tables.ask("voice.importance_performance", "responses", first="study", split=False)
    rows = told.rows("importance")
    rows = rows[rows["status"] == "ok"]
    return {str(row["driver"]).rpartition(" (")[0]: told.number(row) for row in each(rows)}


def shortfalls(tables: Tables) -> list[tuple[str, list[Number]]]:
    """Return the touchpoints of the highest severity: reach times importance times shortfall."""
    told = tables.ask("voice.weakest_moment", "responses", first="study", split=False)
    rows = told.rows("severity")
    rows = rows[(rows["status"] == "ok") & (rows["low"] > 0)]
    rows = rows.sort_values(["value", "touchpoint"], ascending=[False, True])
    found: dict[str, list[Number]] = {}
    for row in each(rows):
        where: dict[str, Any] = {"touchpoint": row["touchpoint"], "instrument": row["instrument"]}
        if row["touchpoint"] not in found and row["touchpoint"] in moments.homes(tables.j):
            parts = told.numbers("reach", "shortfall", "importance", **where)
            known = [number for number in parts if number.status == "ok"]
            found[row["touchpoint"]] = [told.number(row), *known]
    return list(found.items())[:SHORTFALLS]
