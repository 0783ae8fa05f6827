"""Look at a survey's export and propose how the study could read it; a person confirms.

A study that runs guesses nothing: what is proposed here counts only once it stands in its file.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from cjlab._looks import Look, look
from cjlab.config import Source
from cjlab.errors import UserError, did_you_mean
from cjlab.privacy import redact
from cjlab.sources import READERS, file_kind, wide
from cjlab.sources.base import BLANK, literal, quote
from cjlab.sources.grid import Grid, Layout
from cjlab.survey_config import WIDE, Answer

_DISTINCT = 5_000
_SHOWN, _FEW = 3, 8
_LONGEST = 40
# Where each tool keeps who answered, when, in which language and through which channel.
_OWN = {
    "surveymonkey": {"customer_id": ("Custom Data 1", "Custom Data", "Email Address"),
                     "ts": ("End Date", "Date Modified")},
    "qualtrics": {"customer_id": ("ExternalReference", "ExternalDataReference", "RecipientEmail"),
                  "ts": ("RecordedDate", "EndDate"), "language": ("UserLanguage",),
                  "channel": ("DistributionChannel",)},
    "wide": {},
}  # fmt: skip
# Columns of the export itself, which are no answers.
_META = {
    "Respondent ID", "Collector ID", "Start Date", "End Date", "Date Created", "Date Modified",
    "StartDate", "EndDate", "RecordedDate", "Status", "Progress", "Duration (in seconds)",
    "Finished", "UserLanguage", "DistributionChannel",
}  # fmt: skip
_TESTS = ("Survey Preview", "Survey Test", "Spam")


@dataclass(frozen=True)
class Column:
    """One column of an export: its name, its question, what it looks like, and safe examples."""

    name: str
    question: str
    look: Look
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """What was seen in an export, and the source a study could name it by.

    ``doubts`` are what a person has to decide: they stand as comments in :meth:`yaml`.
    """

    file: str
    rows: int
    columns: tuple[Column, ...]
    source: dict[str, Any]
    doubts: tuple[str, ...]

    def yaml(self) -> str:
        """Return the lines to put into the study file."""
        said = yaml.safe_dump(
            {"sources": {"responses": self.source}}, sort_keys=False, allow_unicode=True, width=1000
        )
        return "".join(f"# {doubt}\n" for doubt in self.doubts) + said


def propose(path: str | Path, *, format: str | None = None, sheet: str | None = None) -> Proposal:
    """Look at a survey's export, one row a respondent, and propose how to read it.

    Parameters
    ----------
    path : str or Path
        A CSV, .xlsx or .sav file.
    format : {"wide", "surveymonkey", "qualtrics"}, optional
        Found by the header's own words by default.
    sheet : str, optional
        Which sheet of a workbook that has several.

    Returns
    -------
    Proposal
        The columns with counts and examples (none of ids, texts redacted), and a source for
        the study file. Scales are those of the values seen: 1 to 5 may be part of 1 to 7.

    Raises
    ------
    UserError
        When the file cannot be read.

    Examples
    --------
    >>> propose("survey.xlsx").yaml()  # doctest: +SKIP
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no file at {path}.")
    if format is not None and format not in WIDE:
        raise UserError(f'format is "{format}".{did_you_mean(format, WIDE)}')
    with tempfile.TemporaryDirectory() as folder:
        grid, form = _read(path, format, sheet, Path(folder))
        con = duckdb.connect()
        try:
            columns = _columns(con, grid, form)
        finally:
            con.close()
    source: dict[str, Any] = {"path": path.name, "format": form}
    if form == "wide" and len(grid.header) > 1:
        source["header_rows"] = len(grid.header)
    if form == "qualtrics" and len(grid.header) != WIDE[form]:
        source["header_rows"] = len(grid.header)
    if sheet:
        source["sheet"] = sheet
    doubts: list[str] = []
    _who_and_when(source, columns, form, grid, doubts)
    _questions(source, columns, doubts)
    return Proposal(path.name, grid.rows, tuple(columns), source, tuple(doubts))


def _read(path: Path, form: str | None, sheet: str | None, folder: Path) -> tuple[Grid, str]:
    """Read the file with as many rows of header as its format has."""
    kind = file_kind(path, path.name)
    if kind not in READERS:
        raise UserError(f"{path.name}: a CSV, .xlsx or .sav file is needed to propose from.")
    stand_in = [Answer(column="-", kind="open")]

    def grid(form: str, rows: int, layout: Layout) -> Grid:
        source = Source(
            path=path.name, format=form, header_rows=rows, sheet=sheet, answers=stand_in
        )
        return READERS[kind](source, [path], folder, rows, layout)[0]

    nameless = Layout(lambda header, _: [f"c{place}" for place in range(len(header[0]))])
    head: list[list[str]] = []
    for rows in (3, 2, 1) if kind != "sav" else (1,):
        try:
            head = grid("wide", rows, nameless).header
            break
        except UserError:
            if rows == 1:
                raise
    found, rows = _form(head) if form is None else (form, min(WIDE[form], len(head)))
    named = Layout(lambda header, file: wide.names(found, header, file))
    return grid(found, rows, named), found


def _form(head: list[list[str]]) -> tuple[str, int]:
    """Return the format and the rows of header that the first rows speak for."""
    if len(head) > 2 and wide.import_ids(head[2]):
        return "qualtrics", 3
    first = [cell.strip() for cell in head[0]]
    if first[0] == "Respondent ID" and "Collector ID" in first and len(head) > 1:
        return "surveymonkey", 2
    # A second row of header names options, and says nothing where a column needs none.
    second = head[1] if len(head) > 1 else []
    blank = [not cell.strip() for cell in first]
    below = any(gap and cell.strip() for gap, cell in zip(blank, second, strict=False))
    return "wide", 2 if below and second and not second[0].strip() else 1


def _columns(con: duckdb.DuckDBPyConnection, grid: Grid, form: str) -> list[Column]:
    found = []
    for place, name in enumerate(grid.names):
        cell = f"trim({quote(name)}, {literal(BLANK)})"
        values = con.execute(
            f"SELECT {cell}, count(*) FROM ({grid.relation}) WHERE {cell} <> '' "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_DISTINCT}"
        ).fetchall()
        seen = look(name, values)
        question = grid.header[1][place] if form == "qualtrics" else ""
        shown = _examples(seen, values)
        if form == "qualtrics" and name == "Status":  # the tool's own few words
            shown = tuple(text for text, _ in values[:_FEW])
        found.append(Column(name, " ".join(question.split()), seen, shown))
    return found


def _examples(seen: Look, values: list[tuple[str, int]]) -> tuple[str, ...]:
    if seen.kind in ("id", "empty"):
        return ()
    if seen.kind == "time":
        texts = [text for text, _ in values]
        return tuple(dict.fromkeys((min(texts), max(texts))))
    shown = [redact(text) for text, _ in values[: 1 if seen.kind == "text" else _SHOWN]]
    return tuple(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…" for text in shown)


def _who_and_when(
    source: dict[str, Any], columns: list[Column], form: str, grid: Grid, doubts: list[str]
) -> None:
    known = {column.name: column for column in columns if column.look.kind != "empty"}
    mapped = {
        canonical: name
        for canonical, names in _OWN[form].items()
        if (name := next((n for n in names if n in known), None))
    }
    for canonical, kind in (("customer_id", "id"), ("ts", "time")):
        fits = [name for name, column in known.items() if column.look.kind == kind]
        if canonical not in mapped and fits and form == "wide":
            mapped[canonical] = fits[0]
        if canonical not in mapped:
            doubts.append(f"no column for {canonical}: without it answers are nobody's or undated")
        elif len(fits) > 1:
            doubts.append(f"{canonical} could be: {', '.join(fits)}")
    source["columns"] = mapped
    when = known.get(mapped.get("ts", ""))
    if when and when.look.forms:
        source["time_format"] = {"ts": when.look.forms[0]}
        if len(when.look.forms) > 1:
            doubts.append(f"times fit several forms: {', '.join(when.look.forms)}")
    if form == "qualtrics" and len(grid.header) > 2 and (zone := wide.zone_said(grid.header)):
        source["timezone"] = zone
    status = known.get("Status")
    if form == "qualtrics" and status and (tests := _tests(status)):
        source["skip"] = {"Status": tests}


def _tests(status: Column) -> list[str]:
    return [value for value in status.examples if value in _TESTS]


def _questions(source: dict[str, Any], columns: list[Column], doubts: list[str]) -> None:
    """Propose the answers; a text right after a scale is taken for its comment."""
    answers: list[dict[str, Any]] = []
    rated: dict[str, Any] | None = None
    taken = set(source["columns"].values()) | _META
    for column in columns:
        kind, before, rated = column.look.kind, rated, None
        if column.name in taken or kind in ("id", "empty", "time"):
            continue
        if kind == "scale":
            rated = _scale(column, doubts)
            answers.append(rated)
        elif kind == "text" and before is not None:
            before["text"] = column.name
        elif kind == "text":
            answers.append({"column": column.name, "kind": "open"})
        else:
            doubts.append(
                f'"{column.name}" looks like a {kind}: an answer of kind churn or kano, one with '
                "scores: {its words: numbers}, or none"
            )
    source["answers"] = answers


def _scale(column: Column, doubts: list[str]) -> dict[str, Any]:
    seen = column.look
    assert seen.low is not None and seen.high is not None
    kind, scale = ("nps", 10) if seen.low == 0 or seen.high > 7 else ("csat", 5)
    if kind == "csat" and seen.high > 5:
        kind, scale = "ces", 7
    doubts.append(f'"{column.name}": seen {seen.low} to {seen.high}; confirm kind and scale')
    found: dict[str, Any] = {"column": column.name, "kind": kind, "scale": scale}
    if seen.scores:
        found["scores"] = dict(seen.scores)
    return found
