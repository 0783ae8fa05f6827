"""What if: a scenario against today, every number with the uncertainty of both.

Two things are unsure, and each draw takes both: today's numbers (customers are drawn with
replacement, whole journeys at a time) and the effect (drawn from its range). The gap is the
difference within each draw, so that what both sides share falls out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cjlab import periods, privacy
from cjlab._numbers import Floats
from cjlab.disclosure import WIDE
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.maps.asking import PERSONA, Call, Tables, Told, each
from cjlab.maps.assumed import assumed
from cjlab.maps.line import WITHHELD, Line
from cjlab.maps.lines import Lines
from cjlab.maps.model import Number
from cjlab.maps.scenario import Said, Scenario, read
from cjlab.resample import percentiles

TODAY, THEN, GAP = "today", "scenario", "gap"
DIMS = ["stage", "touchpoint", "scenario"]
LEAST_DRAWS = 200
# In more draws than a limit leaves out, the number must not be unknown.
_UNKNOWN = 0.025


@dataclass(frozen=True)
class WhatIf:
    """A scenario beside today.

    Parameters
    ----------
    scenario : Scenario
        What is changed.
    table : DataFrame
        Estimates by ``stage, touchpoint, scenario``: today, after the change (``scenario``) and
        the ``gap`` between them; ``(all)`` is the whole journey, and any touchpoint.
    assumptions : tuple of str
        What is changed, what is taken to stay, and how the intervals come about, in words.
    told : Told
        The table with its call.
    lines : tuple of Line
        Where every number of today comes from.
    tables : Tables
        What has been asked of the study.

    Examples
    --------
    >>> found = whatif(study, "payment.yaml")  # doctest: +SKIP
    >>> found.table.query("metric == 'conversion' and scenario == 'gap'")  # doctest: +SKIP
    """

    scenario: Scenario
    table: pd.DataFrame
    assumptions: tuple[str, ...]
    told: Told
    lines: tuple[Line, ...]
    tables: Tables

    def __str__(self) -> str:
        return "\n".join([self.scenario.name, *(f"- {said}" for said in self.assumptions)])


@dataclass(frozen=True)
class _Asked(Call):
    """The call of a what-if, whose table is one part of its answer."""

    def __str__(self) -> str:
        said = dict(self.options)
        first = repr(said.pop("scenario")) if said["scenario"] else "scenario"
        said.pop("scenario", None)
        more = "".join(f", {name}={value!r}" for name, value in said.items())
        return f"cj.{self.name}(study, {first}{more}).table"


def whatif(
    study: Any,
    scenario: Said,
    *,
    persona: str | None = None,
    period: str | None = None,
    draws: int = 2000,
    seed: int = 0,
    language: str | None = None,
) -> WhatIf:
    """Work out what a scenario would change: funnel, reach, value, times and scores.

    Parameters
    ----------
    study : Study
        The study.
    scenario : str, Path or Scenario
        The scenario, or its file in the study's folder.
    persona : str, optional
        Id or name of the persona; the scenario's own by default, else everybody.
    period : str, optional
        As in ``study.period``; the scenario's own by default, else the study's last complete one.
    draws : int, default 2000
        How many times customers and effects are drawn, at least 200.
    seed : int, default 0
        Same seed, same limits.
    language : str, optional
        Of the assumptions; the study's by default.

    Returns
    -------
    WhatIf
        Its table has the metrics ``conversion`` (of a step to the next; of the whole journey
        from the first step to the last), ``from_first`` (share of the starters at a step),
        ``reach`` (share of the period's customers in a stage), ``value`` and ``value_mean`` (of
        the journeys that begin in the period), ``value_per_100`` (what 100 starters buy in it),
        ``median`` (days in a stage whose time is changed, and from the first step to the
        purchase) and ``nps``, ``csat`` or ``ces`` of touchpoints that are changed, of their
        stages and of all moments. Today's rows are those of the metrics themselves. Where
        today is withheld, or the customers are too few, scenario and gap are not estimable.

    Raises
    ------
    UserError
        A fault in the scenario, an unknown persona or period, or a change to what there cannot
        be, such as a conversion above 1.

    Notes
    -----
    A customer who is won is taken to be like those who get as far today: in the later steps, the
    stages and the value. A score is the mean of answers: the company's changes by the
    touchpoint's share of them. Limits are percentiles of the draws; an effect without a range is
    taken to be known, and its own gap has then no limits. None of it says that a change works:
    that is what the scenario assumes.

    Examples
    --------
    >>> from cjlab import open_study
    >>> study = open_study("data/retail/study.yaml")  # doctest: +SKIP
    >>> print(whatif(study, "payment.yaml"))  # doctest: +SKIP
    """
    if draws < LEAST_DRAWS:
        raise UserError(f"draws is {draws}; limits of 95% need {LEAST_DRAWS} or more.")
    found, name = read(study, scenario)
    span = periods.named(study.period(period or found.period), study.zone)
    who = _persona(study, persona or found.persona)
    tables = Tables(study, span, who is not None)
    lines = Lines(found, name or found.name, tables, who, draws, seed)
    told = tuple(lines.all())
    rows = [row for line in told for row in _rows(line)]
    table = estimates(pd.DataFrame(rows, columns=[*DIMS, *COLUMNS]), DIMS)
    gated, _ = privacy.gate(table, tables.j.minimum)
    own: dict[str, Any] = {"scenario": name, "period": span.label, "persona": who}
    own |= {"draws": draws if draws != 2000 else None, "seed": seed or None}
    options = tuple((key, value) for key, value in own.items() if value or key == "scenario")
    call = _Asked("maps.whatif", "study", options, span)
    words = assumed(lines, language or study.language)
    return WhatIf(found, gated, words, Told(call, "events", gated), told, tables)


def _persona(study: Any, said: str | None) -> str | None:
    """The id of a persona that is given by id or name."""
    if said is None:
        return None
    table = study.journeys().table(PERSONA)
    if table is None:
        raise UserError("personas are not assigned yet; run cj.personas.assign(study) first.")
    ids = sorted(table.select(PERSONA).distinct().execute()[PERSONA].dropna())
    if said in ids:
        return said
    from cjlab.personas.assign import names

    by_name = {name: key for key, name in names(study, study.language).items()}
    if said not in by_name:
        raise UserError(f'no persona "{said}".{did_you_mean(said, [*ids, *by_name])}')
    return by_name[said]


def _rows(line: Line) -> list[dict[str, Any]]:
    """Today, the scenario and the gap of one number."""
    today = {name: line.today.get(name) for name in COLUMNS}
    base = {**today, "metric": line.metric, "stage": line.stage, "touchpoint": line.touchpoint}
    # What is withheld today would follow from the others.
    why = line.why or (None if not np.isnan(line.gap[0]) else "few_at_level")
    if today["status"] != "ok":
        why = WITHHELD if today["status"] == "suppressed" else today["note"]
    rows = [{**base, "scenario": TODAY}]
    for name, drawn in ((THEN, line.then), (GAP, line.gap)):
        row = {**base, "scenario": name, "hits": None, "low": None, "high": None, "note": why}
        if why is not None or today["status"] != "ok":
            rows.append({**row, "value": None, "status": "not_estimable"})
            continue
        start = 0.0 if name == GAP else float(line.today["value"])
        rows.append({**row, "value": start + float(line.gap[0]), **_limits(drawn[1:], line, name)})
    return rows


def _limits(drawn: Floats, line: Line, name: str) -> dict[str, Any]:
    """The limits of one number, and why it has none."""
    # Exact limits of such a score would tell the shares that are withheld.
    told = name == THEN and line.today["note"] == WIDE
    if told or np.isnan(drawn).mean() > _UNKNOWN:
        return {"note": "no_interval" if line.moves else "unchanged"}
    (low,), (high,) = percentiles(drawn[:, None])
    if low < high:
        return {"low": low, "high": high, "note": None if line.moves else "unchanged"}
    return {"note": "as_assumed" if line.gap[0] != 0 else "unchanged"}


def number_of(found: WhatIf, line: Line, scenario: str) -> Number:
    """Return one number of a line, as a map has it."""
    where = {"stage": line.stage, "touchpoint": line.touchpoint, "scenario": scenario}
    row = next(each(found.told.rows(line.metric, **where)))
    number = found.told.number(row)
    bought = "orders" if found.tables.has("orders") else "events"
    source = line.told.source if line.told else bought
    return number.model_copy(update={"source": source})
