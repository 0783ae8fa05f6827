"""Ask a study one question from the command line: a metric by its name, its options as text."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from cjlab import journey, personas, privacy, voice
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS
from cjlab.report.cells import View, Wording, view_estimates, view_long, view_quality
from cjlab.report.tables import plain
from cjlab.study import Study

FORMATS = ("table", "csv", "json")
# Said by other options of the command, or by the metric's name, or no text at all.
_ELSEWHERE = (
    "by", "kind", "start", "end", "invitations", "reason", "value", "currency", "y", "customers",
)  # fmt: skip
_OF_JOURNEYS = ("stages", "unit", "view")
# Metrics of the answers, not of journeys: the function, and what it is told beside the options.
_VOICE: dict[str, tuple[Callable[..., pd.DataFrame], dict[str, str]]] = {
    "nps": (voice.scores, {"kind": "nps"}),
    "csat": (voice.scores, {"kind": "csat"}),
    "ces": (voice.scores, {"kind": "ces"}),
    "attachment": (voice.attachment, {}),
    "response_rates": (voice.response_rates, {}),
    "reasons": (voice.reasons, {}),
    "kano": (voice.kano, {}),
    "drivers": (voice.drivers, {}),
    "importance_performance": (voice.importance_performance, {}),
}


def answer(
    study: Study,
    name: str,
    *,
    by: Sequence[str] = (),
    settings: Sequence[str] = (),
    period: str | None = None,
    private: bool = False,
) -> pd.DataFrame:
    """Compute one metric of a study, as it may be shown to others.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        A metric's name, such as ``funnel``; see ``cjlab.journey.METRICS``. Of the answers:
        ``nps, csat, ces, attachment, response_rates, reasons, kano, drivers,
        importance_performance``.
    by : sequence of str
        What to break it down by.
    settings : sequence of str
        Options as ``name=value``: the metric's own, and ``stages``, ``unit`` and ``view`` of the
        journeys. Lists are written with commas, alternatives of a step with ``|``.
    period : str, optional
        As for a report; the study's own by default, ``all`` for everything observed.
    private : bool, default False
        Show small cells too, and tables with one row a customer.

    Returns
    -------
    DataFrame
        Estimates, with small cells withheld unless `private`.

    Raises
    ------
    UserError
        For an unknown metric, option or value, or a table of customers without `private`.
    """
    known = {**journey.METRICS, **{name: metric for name, (metric, _) in _VOICE.items()}}
    if name not in known:
        raise UserError(f'no metric "{name}".{did_you_mean(name, known)}')
    metric, of_answers = known[name], name in _VOICE
    options, scope = _options(metric, name, settings, () if of_answers else _OF_JOURNEYS)
    if by:
        if "by" not in inspect.signature(metric).parameters:
            why = "" if of_answers else ": it is one row a customer"
            raise UserError(f"{name} has no by{why}.")
        options["by"] = list(by)
    if name in journey.UNIT_TABLES and not private:
        raise UserError(
            f"{name} has one row a customer, which may not be published; add --private to see it."
        )
    study = _with_personas(study, by, period)
    if of_answers:
        found = metric(study, **_VOICE[name][1], **edges(study, period), **options)
    else:
        found = metric(study.journeys(**edges(study, period), **scope), **options)
    if "persona" in by and name in personas.touched(study):
        found = personas.untested(found)
    return found if private else privacy.gate(found, study.config.report.minimum_cell)[0]


def closed_loop(study: Study, *, by: Sequence[str] = (), period: str | None = None) -> pd.DataFrame:
    """Measure how low answers are followed up, with small cells withheld; see `answer`."""
    study = _with_personas(study, by, period)
    found = voice.loop(study, **edges(study, period), by=list(by))
    return privacy.gate(found, study.config.report.minimum_cell)[0]


def edges(study: Study, period: str | None) -> dict[str, Any]:
    """Start and end of a period that is asked for; nothing for ``all``."""
    if period == "all":
        return {}
    span = study.period(period)
    return {"start": span.start, "end": span.end}


def _with_personas(study: Study, by: Sequence[str], period: str | None) -> Study:
    if "persona" not in by or study.assignment is not None:
        return study
    return personas.frozen(study, None if period == "all" else study.period(period))


def _options(
    metric: Callable[..., Any], name: str, settings: Sequence[str], of_scope: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split ``name=value`` texts into options of the metric and of the journeys."""
    parameters = dict(list(inspect.signature(metric).parameters.items())[1:])
    hidden = ("by",) if of_scope else _ELSEWHERE
    valid = [*(key for key in parameters if key not in hidden), *of_scope]
    options: dict[str, Any] = {}
    scope: dict[str, Any] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or key not in valid:
            hint = did_you_mean(key, valid) if equals else " Write --set name=value."
            raise UserError(f'{name}: no option "{key}".{hint}')
        if key in parameters:
            options[key] = _value(value, parameters[key], f"{name}: {key}")
        else:
            scope[key] = value
    return options, scope


def _value(text: str, parameter: inspect.Parameter, where: str) -> Any:
    """Read a value by what the parameter says it takes."""
    kinds = str(parameter.annotation)
    if text.lower() in ("none", "null"):
        return None
    if "bool" in kinds and text.lower() in ("true", "false", "yes", "no"):
        return text.lower() in ("true", "yes")
    if "Steps" in kinds or "Sequence" in kinds or "list" in kinds:
        parts = [part.strip() for part in text.split(",")]
        several = len(parts) > 1 or "str |" not in kinds
        shown = [part.split("|") if "|" in part else part for part in parts]
        return shown if several else parts[0]
    for kind, name in ((int, "int"), (float, "float")):
        if name in kinds:
            try:
                return kind(text)
            except ValueError:
                if "str" not in kinds:
                    raise UserError(f'{where} is "{text}", and must be a number.') from None
    if "bool" in kinds and "str" not in kinds:
        raise UserError(f'{where} is "{text}", and must be true or false.')
    return text


def shown(found: pd.DataFrame, study: Study, rows: int = 60, *, long: bool = False) -> View:
    """Lay a table out for people; ``long`` has a line for each number."""
    wording = Wording(
        study.language, study.config.report.minimum_cell, study.model.display(study.language)
    )
    is_estimates = tuple(found.columns[-len(COLUMNS) :]) == COLUMNS
    if long and is_estimates:
        return view_long(found, wording, rows)
    return (view_estimates if is_estimates else view_quality)(found, wording, rows)


def written(found: pd.DataFrame, form: str) -> str:
    """Write a table as CSV (safe to open in a spreadsheet) or as JSON records."""
    if form == "csv":
        safe = found.copy()
        for column in safe.select_dtypes(["str", "object"]):
            safe[column] = safe[column].map(
                lambda cell: privacy.escape_formula(cell) if isinstance(cell, str) else cell
            )
        return safe.to_csv(index=False, lineterminator="\n").rstrip("\n")
    rows = [
        {str(name): plain(value) for name, value in row.items()} for row in found.to_dict("records")
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False)
