"""Surveys with one row a respondent: each answer becomes one row of responses.

An empty cell is no answer, and neither is "Not applicable" where a score would stand: both are
counted, and are neither accepted nor refused. Rows in, accepted and refused are answers; each
keeps the number of its respondent's row.

What a file must look like:

* ``wide``: one to three rows of header (``header_rows``). With more than one, a heading that
  stands over several columns (merged, or blank after the first) holds for all of them, and a
  column's name is its headings with " / " between them.
* ``surveymonkey``: two rows, the question and below it the answer option, which is blank below
  the respondent's own columns. "Response" and "Open-Ended Response" are no part of a name. The
  vendor's page on this export could not be read; the layout is that of exports which others
  have published, and a file that does not begin so is refused.
* ``qualtrics``: three rows, as the vendor's "Understanding Your Dataset" says of CSV and TSV:
  the field's id, which is the column's name here, the question's text, and a JSON import id,
  which may state the time zone. For exports without the third say ``header_rows: 2``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from cjlab.config import Source
from cjlab.errors import UserError, did_you_mean
from cjlab.sources.base import BLANK, Raw, literal, quote
from cjlab.sources.grid import Grid, raw, tidy
from cjlab.sources.unanswered import unanswered
from cjlab.survey_config import SAID, WIDE, Answer

_UNSAID = ("", "response", "open-ended response")


def header_rows(source: Source) -> int:
    """Return how many rows of header the source's format has."""
    return source.header_rows or WIDE[str(source.format)]


def names(form: str, header: list[list[str]], file: str) -> list[str]:
    """Return a wide survey's column names; those that come again are all numbered.

    Raises
    ------
    UserError
        When the header is not what the format says.
    """
    rows = [[tidy(cell) for cell in row] for row in header]
    if form == "qualtrics":
        if len(rows) > 2 and not import_ids(header[2]):
            raise UserError(
                f"{file}: row 3 of the header holds no import ids of Qualtrics; if the file has "
                "two rows of header, say header_rows: 2."
            )
        found = rows[0]
    elif form == "surveymonkey" and (not rows[0][0] or (len(rows) > 1 and rows[1][0])):
        raise UserError(
            f"{file}: is no export of SurveyMonkey: the first column needs a name in row 1 and "
            "nothing in row 2; for another tool say format: wide and header_rows."
        )
    else:
        unsaid = _UNSAID if form == "surveymonkey" else ("",)
        columns = zip(*_filled(rows), strict=True)
        found = [" / ".join(p for p in parts if p.lower() not in unsaid) for parts in columns]
    return _numbered([name or f"column {place + 1}" for place, name in enumerate(found)])


def _filled(rows: list[list[str]]) -> list[list[str]]:
    """Let a heading hold for the blank cells to its right that have something below them."""
    rows = [list(row) for row in rows]
    for upper in range(len(rows) - 1):
        row = rows[upper]
        for place in range(1, len(row)):
            below = any(lower[place] for lower in rows[upper + 1 :])
            same = upper == 0 or rows[upper - 1][place] == rows[upper - 1][place - 1]
            if not row[place] and below and same:
                row[place] = row[place - 1]
    return rows


def _numbered(found: list[str]) -> list[str]:
    often = Counter(name.lower() for name in found)
    seen: Counter[str] = Counter()
    numbered = []
    for name in found:
        seen[name.lower()] += 1
        again = often[name.lower()] > 1
        numbered.append(f"{name} ({seen[name.lower()]})" if again else name)
    return numbered


def import_ids(row: Sequence[str]) -> list[dict[str, str]]:
    """Return the JSON of Qualtrics' third row of header; empty where it is none."""
    found = []
    for cell in filter(None, row):
        try:
            said = json.loads(cell)
        except ValueError:
            return []
        if not isinstance(said, dict) or "ImportId" not in said:
            return []
        found.append(said)
    return found


def zone_said(header: list[list[str]]) -> str | None:
    """Return the time zone that Qualtrics' third row of header states."""
    said = {item["timeZone"] for item in import_ids(header[2]) if "timeZone" in item}
    return {"Z": "UTC"}.get(zone := said.pop(), zone) if len(said) == 1 else None


def read(con: duckdb.DuckDBPyConnection, source: Source, grids: list[Grid], scratch: Path) -> Raw:
    """Turn respondents into answers.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Reads the staged grid and writes the answers.
    source : Source
        Its ``answers``, ``columns``, ``constants`` and ``skip``.
    grids : list of Grid
        The staged files.
    scratch : Path
        Folder for the answers.

    Returns
    -------
    Raw
        The columns that the source maps, and ``kind, score, text, scale, question, respondent``
        and what the answers say for themselves.

    Raises
    ------
    UserError
        When the study names a column that is not there, or the file states another time zone
        than the study knows of.
    """
    found = raw(grids, str(source.path))
    _check(source, grids, found)
    staged = "grid"
    con.execute(f"CREATE OR REPLACE TEMP VIEW {staged} AS SELECT * FROM {found.relation}")
    wanted = _wanted(source)
    parts = [
        _answers(source, answer, place, staged, found, wanted)
        for place, answer in enumerate(source.answers)
    ]
    target = scratch / "answers.parquet"
    con.execute(
        f"COPY (SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY _file, _row, _place) "
        f"TO {literal(target)} (FORMAT parquet, COMPRESSION lz4)"
    )
    _count(con, source, found, staged, target, wanted)
    con.execute(f"DROP VIEW {staged}")
    found.relation = f"(SELECT * EXCLUDE (_place) FROM read_parquet({literal(target)}))"
    columns = [name for name in pq.read_schema(target).names if not name.startswith("_")]
    found.columns = dict.fromkeys(columns, "VARCHAR")
    return found


def _check(source: Source, grids: list[Grid], found: Raw) -> None:
    asked = [*source.columns.values(), *source.skip]
    for answer in source.answers:
        asked += [answer.column, *filter(None, [answer.text])]
    for own in asked:
        if own not in found.columns:
            raise UserError(f'{found.label}: no column "{own}".{did_you_mean(own, found.columns)}')
    ours = {"kind", "score", "text", "question", "respondent", *SAID, *source.constants}
    for canonical, own in source.columns.items():
        if own.lower() in ours - {canonical}:
            raise UserError(
                f'{found.label}: the column "{own}" (for {canonical}) has a name that answers '
                "need; rename it in the file."
            )
    for grid in grids if source.format == "qualtrics" else ():
        zone = zone_said(grid.header) if len(grid.header) > 2 else None
        if zone and source.timezone is None and "ts" in source.columns:
            raise UserError(
                f"{grid.path.name}: its header says that times are those of {zone}; say "
                f"timezone: {zone} under the source."
            )


def _wanted(source: Source) -> str:
    skipped = [
        f"trim(coalesce({quote(column)}, '')) NOT IN ({', '.join(map(literal, values))})"
        for column, values in source.skip.items()
        if values
    ]
    return " AND ".join(skipped) or "TRUE"


def _cell(own: str) -> str:
    """Return a cell's text, null where the eye sees nothing."""
    return f"CASE WHEN trim({quote(own)}, {literal(BLANK)}) <> '' THEN {quote(own)} END"


def _answers(
    source: Source, answer: Answer, place: int, staged: str, found: Raw, wanted: str
) -> str:
    cell = _cell(answer.column)
    text = cell if answer.kind == "open" else (_cell(answer.text) if answer.text else "NULL")
    score = "NULL"
    if answer.kind != "open":
        score = f"CASE WHEN {_declined(answer)} THEN NULL ELSE {cell} END"
    if answer.scores:
        arms = " ".join(f"WHEN {literal(k)} THEN {literal(v)}" for k, v in answer.scores.items())
        score = f"CASE trim({cell}, {literal(BLANK)}) {arms} ELSE {score} END"
    own = [name for name in source.columns.values() if name in found.columns]
    said: dict[str, object] = {"kind": answer.kind, "question": answer.question or answer.column}
    for name in (*SAID, *source.constants):
        if name not in source.columns and name not in said:
            said[name] = getattr(answer, name, None) or source.constants.get(name)
    fields = [
        *map(quote, dict.fromkeys(own)),
        *(f"{_value(value)} AS {quote(name)}" for name, value in said.items()),
        f"CAST({score} AS VARCHAR) AS score",
        f"CAST({text} AS VARCHAR) AS text",
        f"CAST(hash({', '.join(map(quote, found.columns))}) AS VARCHAR) AS respondent",
        f"_file, _row, {place} AS _place",
    ]
    either = f"(({score}) IS NOT NULL OR ({text}) IS NOT NULL)"
    return f"SELECT {', '.join(fields)} FROM {staged} WHERE {wanted} AND {either}"


def _declined(answer: Answer) -> str:
    """Tell of which respondents a question has words that are no score, nor stand for one."""
    if answer.kind == "open":
        return "FALSE"
    cell = _cell(answer.column)
    labels = ", ".join(map(literal, ["", *answer.scores]))
    return f"{unanswered(cell)} AND trim({cell}, {literal(BLANK)}) NOT IN ({labels})"


def _value(value: object) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else literal(value)


def _count(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    found: Raw,
    staged: str,
    target: Path,
    wanted: str,
) -> None:
    """State how many respondents gave how many answers, and count what was no answer."""
    asked = [f"count({_cell(a.column)})" for a in source.answers]
    asked += [f"count_if({_declined(a)})" for a in source.answers]
    row = con.execute(f"SELECT count(*), {', '.join(asked)} FROM {staged} WHERE {wanted}")
    people, *numbers = row.fetchone() or (0,)
    filled, declined = numbers[: len(source.answers)], numbers[len(source.answers) :]
    every = (con.execute(f"SELECT count(*) FROM {staged}").fetchone() or (0,))[0]
    answers, answering = con.execute(
        f"SELECT count(*), count(DISTINCT (_file, _row)) FROM read_parquet({literal(target)})"
    ).fetchone() or (0, 0)
    found.notes.append(
        f"{people} respondents, {answers} answers to {len(source.answers)} questions"
    )
    found.counts += [
        ("not_answered", answer.column, people - number)
        for answer, number in zip(source.answers, filled, strict=True)
        if number < people
    ]
    found.counts += [
        ("not_applicable", answer.column, number)
        for answer, number in zip(source.answers, declined, strict=True)
        if number
    ]
    for rule, number in (("no_answer_at_all", people - answering), ("skipped", every - people)):
        found.counts += [(rule, None, number)] if number else []
