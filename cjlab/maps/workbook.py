"""A map as a workbook: a grid to look at, and sheets that hold everything and may be edited."""

from __future__ import annotations

import io
import re
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from cjlab import messages
from cjlab.errors import UserError
from cjlab.maps import said, wording
from cjlab.maps.model import WHOLE, JourneyMap
from cjlab.maps.tables import COLUMNS, hidden, to_tables

GRID = "map"
_LONGEST = 32_767
# What XML cannot hold or would change, and texts that look like its escape.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_HEAD = PatternFill("solid", fgColor="1F3A5F")
_LANE = PatternFill("solid", fgColor="E8EEF5")
_LINE = Side(style="thin", color="B8C2CC")
_WRAP = Alignment(wrap_text=True, vertical="top")
_WIDTHS = {"text": 60, "label": 30, "value": 40, "call": 40, "alt": 30}


def workbook(journey_map: JourneyMap) -> bytes:
    """Return a map as the bytes of an XLSX file.

    The sheet ``map`` is a view. What is read back are the sheets ``cards``, ``numbers``,
    ``stages``, ``lanes`` and ``about``; the view's head says so.
    """
    book = Workbook()
    grid = book.active
    assert isinstance(grid, Worksheet)
    grid.title = GRID
    _grid(grid, journey_map)
    for name, rows in to_tables(journey_map).items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for at, column in enumerate(COLUMNS[name], 1):
            _head(sheet, 1, at, column)
            sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS.get(column, 14)
            for place, row in enumerate(rows, 2):
                put(sheet, place, at, hidden(row.get(column))).alignment = _WRAP
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def put(sheet: Worksheet, row: int, column: int, value: Any) -> Cell:
    """Write one value; a text stays text whatever it begins with, a number loses no digit."""
    cell: Cell = sheet.cell(row, column)  # type: ignore[assignment]
    if isinstance(value, str):
        value = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", value)
        if len(value) > _LONGEST:
            raise UserError(
                f'"{value[:40]}…" is too long for a cell of a workbook ({len(value):,} letters); '
                "write JSON or YAML."
            )
        cell.value, cell.data_type = value, "s"
    elif isinstance(value, float):
        # As text of a number: openpyxl would round it to 16 digits.
        cell.value, cell.data_type = repr(value), "n"
    else:
        cell.value = value
    return cell


def _head(sheet: Worksheet, row: int, column: int, text: str) -> None:
    cell = put(sheet, row, column, text)
    cell.font, cell.fill, cell.alignment = Font(bold=True, color="FFFFFF"), _HEAD, _WRAP


def _grid(sheet: Worksheet, journey_map: JourneyMap) -> None:
    language = journey_map.language
    put(sheet, 1, 1, wording.plain(journey_map.title)).font = Font(bold=True, size=14)
    about = "; ".join(
        messages.text("map.field", language, label=label, value=value)
        for label, value in wording.head_of(journey_map)
    )
    put(sheet, 2, 1, wording.plain(about))
    put(sheet, 3, 1, messages.text("map.file.view", language)).font = Font(italic=True)
    _head(sheet, 4, 1, "")
    for at, column in enumerate(journey_map.columns, 2):
        _head(sheet, 4, at, wording.plain(column.label))
        sheet.column_dimensions[get_column_letter(at)].width = 28
    sheet.column_dimensions["A"].width = 24
    last = 4
    for last, lane in enumerate(journey_map.shown_lanes(), 5):
        label = put(sheet, last, 1, wording.plain(lane.label))
        label.font, label.fill, label.alignment = Font(bold=True), _LANE, _WRAP
        whole = lane.kind == "whole"
        stages = [WHOLE] if whole else [column.id for column in journey_map.columns]
        tallest = 1
        for at, stage in enumerate(stages, 2):
            told = said.cell(journey_map, lane.id, stage)
            cell = put(sheet, last, at, _short("\n".join(told)))
            cell.alignment, cell.border = _WRAP, Border(_LINE, _LINE, _LINE, _LINE)
            letters = 28 * len(journey_map.columns) if whole else 28
            tallest = max(tallest, sum(1 + len(line) // letters for line in told))
        if whole and len(journey_map.columns) > 1:
            end = len(journey_map.columns) + 1
            sheet.merge_cells(start_row=last, start_column=2, end_row=last, end_column=end)
        sheet.row_dimensions[last].height = min(15 * tallest + 4, 409)  # what Excel can show
    for at, note in enumerate(wording.notes_of(journey_map), last + 2):
        put(sheet, at, 1, _short(wording.plain(note)))
    sheet.freeze_panes = "B5"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _short(text: str) -> str:
    """A text of the view that fits a cell; the whole stands in the sheet of cards."""
    return text if len(text) <= 30_000 else text[:30_000] + " …"
