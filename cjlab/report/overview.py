"""The first page: what the study asks, the headline numbers, the data, and what is withheld."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import cjlab
from cjlab import messages
from cjlab.periods import Period
from cjlab.report import pages, summary

_STATED = ("goal", "scope", "question", "owner", "review_date")


def facing(config: Any, span: Period, language: str) -> dict[str, Any]:
    """Return what opens a report: the study in its own words, and the period."""
    stated = {name: getattr(config, name, None) for name in _STATED}
    return {
        "study": str(config.name),
        **{name: None if value is None else str(value) for name, value in stated.items()},
        "language": language,
        "period": {
            "label": span.label,
            "start": span.start.isoformat(),
            "end": span.end.isoformat(),
            "timezone": str(config.timezone),
        },
    }


def quality(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the rows of each source and rule, and the limits broken."""
    return {name: facts.get(name, []) for name in ("sources", "counts", "limits_broken")}


def write(
    stage: Path,
    frame: pages.Frame,
    study: Any,
    span: Period,
    facts: dict[str, Any],
    found: summary.Gathered,
    about: dict[str, Any],
    minimum: int,
) -> None:
    """Write index.html."""
    language = frame.language
    made = datetime.fromisoformat(about["finished"]).replace(tzinfo=None)
    frame.write(
        stage,
        "index.html",
        "index.html.j2",
        study=_stated(study.config, span, language),
        headlines=found.headlines,
        sources=_sources(facts, language),
        rules=_rules(facts, language),
        broken=facts.get("limits_broken", []),
        tables=found.tables,
        hidden=found.hidden,
        minimum=minimum,
        made=made,
        run=about["run"],
        version=cjlab.__version__,
    )


def _stated(config: Any, span: Period, language: str) -> list[tuple[str, str]]:
    lines = []
    for name in _STATED:
        value = getattr(config, name, None)
        if value:
            shown = messages.format_value(value, language)
            lines.append((messages.text(f"page.{name}", language), shown))
        elif name == "goal":
            missing = messages.text("page.no_goal", language)
            lines.append((messages.text("page.goal", language), missing))
    period = messages.text(
        "page.period_value",
        language,
        label=span.label,
        start=messages.day(span.start),
        end=messages.day(span.end),
        zone=str(config.timezone),
    )
    return [*lines, (messages.text("page.period", language), period)]


def _sources(facts: dict[str, Any], language: str) -> Any:
    heads = ("table", "source", "rows_in", "accepted", "rejected", "dropped")
    return _counts(facts.get("sources", []), heads, language)


def _rules(facts: dict[str, Any], language: str) -> Any:
    heads = ("table", "source", "rule", "column", "rows", "effect")
    return _counts(facts.get("counts", []), heads, language)


def _counts(rows: list[dict[str, Any]], heads: tuple[str, ...], language: str) -> Any:
    """Lay out the columns that are there; rules and effects have names in words."""
    there = [head for head in heads if any(head in row for row in rows)] or list(heads)
    laid = [[_word(head, row.get(head), language) for head in there] for row in rows]
    return pages.table(there, laid, language)


def _word(head: str, value: Any, language: str) -> Any:
    if head in ("rule", "effect") and value is not None:
        return messages.label(head, str(value), language)
    return value
