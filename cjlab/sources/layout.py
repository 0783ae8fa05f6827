"""What the study says of a grid's columns: their names, and how times and numbers are written."""

from __future__ import annotations

from functools import partial

from cjlab.config import Source
from cjlab.schema import Table
from cjlab.sources import wide as surveys
from cjlab.sources.grid import Layout, single

_NUMBERS = ("money", "number", "integer")
# Kinds of answers whose words count, not the codes that a data file keeps for them.
_WORDS = ("kano", "churn", "open")


def plain(table: Table | None, source: Source) -> Layout:
    """Return the layout of a table with one row of header."""
    columns = table.columns if table else ()
    own = {column.name: source.columns.get(column.name, column.name) for column in columns}
    numbers = {own[c.name] for c in columns if c.kind in _NUMBERS}
    words: frozenset[str] | None = frozenset(
        own[c.name] for c in columns if c.kind == "text" and c.name != "score"
    )
    if table is None or table.open:
        words = None
    return Layout(single, _formats(source, own), frozenset(numbers), words, source.decimal)


def wide(source: Source) -> Layout:
    """Return the layout of a survey with one row a respondent."""
    words = {own for name, own in source.columns.items() if name not in ("customer_id", "ts")}
    words |= {a.column for a in source.answers if a.kind in _WORDS and not a.scores}
    words |= {a.text for a in source.answers if a.text}
    named = partial(surveys.names, str(source.format))
    return Layout(named, _formats(source, source.columns), frozenset(), frozenset(words))


def _formats(source: Source, own: dict[str, str]) -> dict[str, str]:
    said = source.time_format
    if said is None:
        return {}
    times = said if isinstance(said, dict) else dict.fromkeys(own, said)
    return {own[name]: form for name, form in times.items() if name in own}
