"""The cells that may be pains, from a study's tables: losses and scores by persona."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cjlab.maps import pains
from cjlab.maps.asking import PERSONA, Tables, Told, each
from cjlab.maps.model import Number

ALL = "(all)"
KINDS = ("csat", "nps", "ces")


def dropoffs(tables: Tables) -> Told:
    """Losses after each step, within the study's window."""
    window = tables.study.config.report.window
    return tables.ask("journey.dropoff", "events", window=window)


def scores(tables: Tables, kind: str, level: str) -> Told | None:
    """A score by touchpoint or stage, waves together; None where the study has no responses."""
    if not tables.has("responses"):
        return None
    return tables.ask("voice.scores", "responses", first="study", kind=kind, by=level, pool="wave")


def of_moments(told: Told, kind: str) -> pd.DataFrame:
    """Rows that are about a moment: an opinion of the company as a whole is about none."""
    rows = told.rows(kind)
    if "relation" in rows:
        rows = rows[rows["relation"] != "relational"]
    return rows[rows["status"] == "ok"]


def homes(j: Any) -> dict[str, str]:
    """Return the stage of each touchpoint that has one."""
    table = j.con.table("touchpoint").select("touchpoint", "stage").execute().dropna()
    found: dict[str, str] = dict(zip(table["touchpoint"], table["stage"], strict=True))
    return {name: stage for name, stage in found.items() if stage in j.model.ids}


def cells(tables: Tables) -> pd.DataFrame:
    """Return every cell that may be a pain: `cjlab.maps.pains.CELL`, the numbers, ``number``."""
    home = homes(tables.j)
    told = dropoffs(tables)
    parts = [(told, told.rows("dropoff").rename(columns={"step": "stage"}).assign(touchpoint=""))]
    for kind in KINDS:
        asked = scores(tables, kind, "touchpoint")
        if asked is not None:
            rows = of_moments(asked, kind)
            rows = rows[rows["touchpoint"].isin(home.keys())]
            parts.append((asked, rows.assign(stage=rows["touchpoint"].map(home))))
    found: list[dict[str, Any]] = []
    for source, frame in parts:
        frame = frame[frame["status"] == "ok"]
        frame = frame if PERSONA in frame else frame.assign(persona=ALL)
        # Answers on several scales are several instruments: none speaks for the cell.
        frame = frame[~frame.duplicated(pains.CELL, keep=False)]
        found += [{**row, "number": source.number(_back(row, source))} for row in each(frame)]
    columns = [*pains.CELL, "value", "low", "high", "n", "number"]
    return pd.DataFrame(found, columns=columns)


def _back(row: dict[str, Any], told: Told) -> dict[str, Any]:
    """A row under the names of its own table."""
    return {**row, "step": row["stage"]} if "step" in told.frame else row


def shares(tables: Tables) -> dict[tuple[str, str], float]:
    """Return the share of all customers that each persona's stage concerns."""
    told = tables.ask("journey.contacts", "events", level="stage").rows("reach")
    told = told[told["status"] == "ok"]
    told = told if PERSONA in told else told.assign(persona=ALL)
    total = float(told.groupby(PERSONA)["n"].max().sum())
    return {(row[PERSONA], row["stage"]): float(row["hits"]) / total for row in each(told)}


def found(
    now: Tables, before: Tables, effects: dict[str, float] | None = None
) -> tuple[pd.DataFrame, dict[tuple[str, ...], tuple[Number, ...]]]:
    """Rank the moments with a pain, and give the numbers behind each test.

    Parameters
    ----------
    now, before : Tables
        Of the period and the one before it, by persona where there are personas.
    effects : dict of str to float, optional
        As in `cjlab.maps.pains.judge`.

    Returns
    -------
    tuple of DataFrame and dict
        As `cjlab.maps.pains.ranked`; and by (persona, stage) the numbers of its pains, each
        followed by the number of the period before where it is new.
    """
    cell, base = cells(now), cells(before)
    tests = pains.judge(cell, base, effects=effects)
    current = cell.set_index(pains.CELL)["number"].to_dict()
    earlier = base.set_index(pains.CELL)["number"].to_dict()
    ranked = pains.ranked(tests, shares(now))
    numbers: dict[tuple[str, ...], tuple[Number, ...]] = {}
    for moment in each(ranked):
        own = tests[tests["pain"] & (tests["against"] == moment["against"])]
        own = own[(own["persona"] == moment["persona"]) & (own["stage"] == moment["stage"])]
        told: list[Number] = []
        for row in each(own.sort_values("severity", ascending=False)):
            key = tuple(row[name] for name in pains.CELL)
            told.append(current[key])
            if moment["against"] == "earlier":
                told.append(earlier[key])
        numbers[moment["persona"], moment["stage"]] = tuple(told)
    return ranked, numbers
