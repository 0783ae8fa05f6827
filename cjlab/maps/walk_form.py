"""The walk-through checklist: a form with which people do the planned journey themselves."""

from __future__ import annotations

import io
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from cjlab import messages
from cjlab.errors import UserError, did_you_mean
from cjlab.maps import wording
from cjlab.maps.model import JourneyMap
from cjlab.maps.outline import escaped
from cjlab.maps.plan import plan_of
from cjlab.maps.tables import hidden
from cjlab.maps.workbook import put

#: The columns of the form, in order; those before ``done`` are filled in already.
COLUMNS = (
    "step", "touchpoint", "todo", "when", "done", "channel", "wait", "ease", "feeling", "missing",
    "note", "picture",
)  # fmt: skip
_FILLED = 3
SUFFIXES = (".xlsx", ".md")
_WIDTHS = {"touchpoint": 22, "todo": 40, "when": 20, "missing": 30, "note": 30, "picture": 20}
_HEAD = PatternFill("solid", fgColor="1F3A5F")
_WRAP = Alignment(wrap_text=True, vertical="top")
#: By column, the least and the largest number that it takes.
RANGES = {"wait": (0, 1_000_000), "ease": (1, 5), "feeling": (-2, 2)}


def checklist(journey_map: JourneyMap, path: str | Path, *, language: str | None = None) -> Path:
    """Write the form with which people walk the planned journey: one row a planned touchpoint.

    Parameters
    ----------
    journey_map : JourneyMap
        The map; its plan as in :func:`cjlab.maps.conformance.conformance`.
    path : str or Path
        Where to, ``.xlsx`` to fill in and read back with :func:`cjlab.maps.walked`, or
        ``.md`` to print.
    language : str, optional
        Of the form; the map's by default.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    UserError
        The map has no plan, the suffix or language is unknown, or the file cannot be written.

    Examples
    --------
    >>> from cjlab.maps import JourneyMap
    >>> checklist(JourneyMap.read("map.yaml"), "walk.xlsx")  # doctest: +SKIP
    """
    path, language = Path(path), language or journey_map.language
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise UserError(
            f'{path.name}: a checklist is not written as "{kind}".{did_you_mean(kind, SUFFIXES)}'
        )
    make = _workbook if kind == ".xlsx" else _markdown
    try:
        path.write_bytes(make(journey_map, language))
    except OSError as error:
        raise UserError(f"{path.name}: cannot be written ({error.strerror}).") from None
    return path


def head(column: str, language: str) -> str:
    """Return the head of a column."""
    return messages.text(f"map.walk.column.{column}", language)


def _rows(journey_map: JourneyMap, language: str) -> list[tuple[int, str, str]]:
    rows = []
    for step in plan_of(journey_map).steps:
        text = wording.plain(step.text)
        if step.optional:
            text = messages.text("map.walk.optional", language, text=text)
        rows.append((step.number, wording.plain(step.touchpoint), text))
    return rows


def _title(journey_map: JourneyMap, language: str) -> str:
    return messages.text("map.walk.title", language, title=wording.plain(journey_map.title))


def _workbook(journey_map: JourneyMap, language: str) -> bytes:
    rows = _rows(journey_map, language)
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "walk"
    put(sheet, 1, 1, _title(journey_map, language)).font = Font(bold=True, size=14)
    put(sheet, 2, 1, messages.text("map.walk.how", language))
    put(sheet, 3, 1, messages.text("map.walk.walker", language)).font = Font(bold=True)
    for at, column in enumerate(COLUMNS, 1):
        cell = put(sheet, 4, at, head(column, language))
        cell.font, cell.fill, cell.alignment = Font(bold=True, color="FFFFFF"), _HEAD, _WRAP
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS.get(column, 12)
    for place, row in enumerate(rows, 5):
        for at, value in enumerate(row, 1):
            put(sheet, place, at, hidden(value, formulas=True)).alignment = _WRAP
    for column, (low, high) in RANGES.items():
        letter = get_column_letter(COLUMNS.index(column) + 1)
        rule = DataValidation("decimal", formula1=str(low), formula2=str(high), allow_blank=True)
        rule.add(f"{letter}5:{letter}{4 + len(rows)}")
        sheet.add_data_validation(rule)
    sheet.freeze_panes = "D5"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _markdown(journey_map: JourneyMap, language: str) -> bytes:
    walker = messages.text("map.walk.walker", language)
    lines = [f"# {escaped(_title(journey_map, language))}", ""]
    lines += [escaped(messages.text("map.walk.how", language)), "", f"{escaped(walker)}: ______"]
    heads = [escaped(head(column, language)) for column in COLUMNS]
    lines += ["", f"| {' | '.join(heads)} |", "|" + " --- |" * len(COLUMNS)]
    blank = [""] * (len(COLUMNS) - _FILLED)
    for number, *texts in _rows(journey_map, language):
        cells = [str(number), *(escaped(hidden(text, formulas=True)) for text in texts), *blank]
        lines.append(f"| {' | '.join(cells)} |")
    return ("\n".join(lines) + "\n").encode("utf-8")
