"""The cells of a workbook or CSV file as texts, whoever made it."""

from __future__ import annotations

import csv
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from cjlab.errors import UserError
from cjlab.sources.cells import FAULT, cell_text
from cjlab.sources.encoding import detect

_MOST = 2_000_000  # cells of a sheet; a map has hundreds


@dataclass(frozen=True)
class Book:
    """By sheet its rows, all of one width; and what was not read as it stands."""

    sheets: dict[str, list[list[str]]]
    problems: tuple[str, ...] = ()


def read(path: Path) -> Book:
    """Return the sheets of a file; a CSV file has one, named as the file.

    Parameters
    ----------
    path : Path
        XLSX or CSV. A merged cell stands in each of its places.

    Raises
    ------
    UserError
        The file cannot be read.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror}).") from None
    return _csv(path) if path.suffix.lower() == ".csv" else _xlsx(path)


def _csv(path: Path) -> Book:
    encoding = detect(path)
    text = path.read_bytes().decode(encoding, errors="replace").removeprefix("\ufeff")
    problems = [] if encoding.startswith("utf") else [f"the text is read as {encoding}."]

    def records(delimiter: str, text: str = text) -> list[list[str]]:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))

    def regular(delimiter: str) -> int:
        """How many cells stand in rows of the usual width."""
        widths = [len(row) for row in records(delimiter) if len(row) > 1]
        return max((widths.count(width) * width for width in set(widths)), default=0)

    try:
        rows = records(max(",;\t|", key=regular))
    except csv.Error as error:
        raise UserError(f"{path.name}: is not valid CSV ({error}).") from None
    return Book({path.stem: _even(rows)}, tuple(problems))


def _xlsx(path: Path) -> Book:
    import openpyxl

    try:
        with warnings.catch_warnings(action="ignore"):
            book = openpyxl.load_workbook(path, data_only=True, keep_links=False)
    except Exception as error:  # a damaged workbook fails in as many ways as there are bytes
        raise UserError(
            f"{path.name}: is damaged or no workbook ({type(error).__name__}); open it in a "
            "spreadsheet and save it anew as .xlsx."
        ) from None
    sheets, problems = {}, []
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            problems.append(f'sheet "{sheet.title}" is hidden and not read.')
            continue
        if (sheet.max_row or 0) * (sheet.max_column or 0) > _MOST:
            raise UserError(f'{path.name}: sheet "{sheet.title}" is too large for a map.')
        rows = [[cell_text(value).replace(FAULT, "") for value in row]
                for row in sheet.iter_rows(values_only=True)]  # fmt: skip
        for merged in sheet.merged_cells.ranges:
            said = rows[merged.min_row - 1][merged.min_col - 1]
            if said and merged.max_col > merged.min_col > 1:
                problems.append(f"{merged.coord}: is one cell; its text stands in each stage.")
            for row in range(merged.min_row - 1, min(merged.max_row, len(rows))):
                for column in range(merged.min_col - 1, min(merged.max_col, len(rows[row]))):
                    rows[row][column] = said
        sheets[sheet.title] = _even(rows)
    return Book(sheets, tuple(problems))


def _even(rows: list[list[str]]) -> list[list[str]]:
    """Rows of one width, without the empty ones and columns at the end."""
    width = max((at for row in rows for at, text in enumerate(row, 1) if text), default=0)
    return [(row + [""] * width)[:width] for row in rows if any(row)]
