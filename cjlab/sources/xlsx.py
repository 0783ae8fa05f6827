"""Read workbooks (.xlsx, .xlsm) as they were saved: values of formulas, dates as dates.

Rows are streamed. Text stays text ("007", "=1+1"), numbers lose no digit, and what a person sees
but a table cannot hold, such as merged cells, is counted.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from cjlab.config import Source
from cjlab.errors import CjlabError, UserError, did_you_mean
from cjlab.sources.cells import FAULT, cell_text
from cjlab.sources.grid import Grid, Layout, staging

_LAST_ROW = 1 << 20
# Text packs 5 to 60 times into a zip; what packs more, at this size, holds nothing to read.
_LARGEST, _PACKED = 4 << 30, 300
_SMALL = 64 << 20
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_TAG = re.compile(
    rb"<(?:\w+:)?(?:(?P<formula>f)[ >/]|(?P<merged>mergeCell) |"
    rb"row [^>]*?hidden=\"(?P<hidden>1|true)\")"
)


def grids(
    source: Source, files: list[Path], scratch: Path, header_rows: int, layout: Layout
) -> list[Grid]:
    """Stage the chosen sheet of each workbook.

    Parameters
    ----------
    source : Source
        ``sheet`` and ``header_row`` (the sheet's row that the header begins on) where declared;
        else the only visible sheet, and its first row that is not empty.
    files : list of Path
        One or more workbooks.
    scratch : Path
        Folder for the staged copies.
    header_rows : int
        How many rows of header there are.
    layout : Layout
        How columns are named, and in which form the intake expects their times and numbers.

    Returns
    -------
    list of Grid
        Empty rows are left out, and do not shift the numbers of the others.

    Raises
    ------
    UserError
        For a file that is no workbook, is protected, damaged or a bomb, an unknown sheet, or a
        sheet without header.
    """
    found = []
    for number, path in enumerate(files):
        target = scratch / f"{number}-{path.name}.parquet"
        try:
            with warnings.catch_warnings(action="ignore"):
                found.append(_read(source, path, target, header_rows, layout))
        except CjlabError:
            raise
        except Exception as error:  # a damaged workbook fails in as many ways as there are bytes
            text = f"{type(error).__name__}: {error}".splitlines()[0].replace(str(path), path.name)
            raise UserError(
                f"{path.name}: is damaged or no workbook ({text}); open it in a spreadsheet and "
                "save it anew as .xlsx."
            ) from None
    return found


def _read(source: Source, path: Path, target: Path, header_rows: int, layout: Layout) -> Grid:
    _check_package(path)
    import openpyxl

    # Opened here: the library leaves a workbook that it cannot read, or not to its end, open.
    with open(path, "rb") as values, open(path, "rb") as formulas:
        book = openpyxl.load_workbook(values, read_only=True, data_only=True, keep_links=False)
        sheet = _sheet(book, source.sheet, path.name)
        marks = _marks(path, sheet)
        rows, asked = _rows(sheet, path.name), None
        if marks["formula"]:
            unread = openpyxl.load_workbook(formulas, read_only=True, keep_links=False)
            asked = _rows(unread[sheet.title], path.name)
        return _stage(rows, asked, marks, source, path, sheet.title, target, header_rows, layout)


def _check_package(path: Path) -> None:
    """Refuse what is no workbook, or unpacks to more than anyone can read."""
    with open(path, "rb") as file:
        head = file.read(1 << 16)
    if head.startswith(_OLE):
        if _ENCRYPTED in path.read_bytes():
            raise UserError(f"{path.name}: is protected by a password; save it without one.")
        raise UserError(f"{path.name}: is an old Excel file; save it as .xlsx or CSV.")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path.name}: is no workbook; an .xlsx file is needed.")
    with zipfile.ZipFile(path) as package:
        parts = package.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.bin" in names or "content.xml" in names:
        raise UserError(f"{path.name}: is a workbook of another kind; save it as .xlsx or CSV.")
    size, packed = sum(p.file_size for p in parts), sum(p.compress_size for p in parts)
    if size > _LARGEST or (size > _SMALL and size > _PACKED * max(packed, 1)):
        raise UserError(
            f"{path.name}: unpacks from {packed:,} to {size:,} bytes, which no survey does; "
            "save it anew, or as CSV."
        )


def _sheet(book: Any, wanted: str | None, file: str) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if wanted is not None:
        if wanted not in sheets:
            raise UserError(f'{file}: no sheet "{wanted}".{did_you_mean(wanted, sheets)}')
        return sheets[wanted]
    seen = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
    if len(seen) != 1:
        listed = ", ".join(f'"{title}"' for title in (seen or sheets))
        raise UserError(f"{file}: has {len(seen)} visible sheets ({listed}); say sheet: NAME.")
    return sheets[seen[0]]


def _marks(path: Path, sheet: Any) -> dict[str, int]:
    """Count formulas, merged ranges and hidden rows in the sheet's own text."""
    found = {"formula": 0, "merged": 0, "hidden": 0}
    with zipfile.ZipFile(path) as package, package.open(sheet._worksheet_path) as file:
        rest = b""
        while block := file.read(1 << 20):
            data = rest + block
            # A tag that the block cuts in two waits for the next one.
            cut = data.rfind(b"<")
            cut = cut if b">" not in data[cut:] else len(data)
            for tag in _TAG.finditer(data, 0, cut):
                found[str(tag.lastgroup)] += 1
            rest = data[cut:]
    return found


def _rows(sheet: Any, file: str) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield the sheet's rows with their numbers; what the file says of its size may be wrong."""
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), 1):
        if number > _LAST_ROW:
            raise UserError(f"{file}: has more rows than a sheet can have; it is damaged.")
        yield number, row


def _stage(
    rows: Iterator[tuple[int, Sequence[Any]]],
    asked: Iterator[tuple[int, Sequence[Any]]] | None,
    marks: dict[str, int],
    source: Source,
    path: Path,
    title: str,
    target: Path,
    header_rows: int,
    layout: Layout,
) -> Grid:
    both: Iterator[tuple[Any, Any]] = (
        zip(rows, asked, strict=True) if asked else ((r, r) for r in rows)
    )
    first, header = _header(both, source.header_row, header_rows, path.name, title)
    width = len(header[0])
    names = layout.names(header, path.name)
    formats = [layout.formats.get(name) for name in names]
    decimals = [layout.decimal if name in layout.numbers else "." for name in names]
    counts = {"formula_without_value": 0, "cell_beyond_header": 0, "empty_row": 0}
    read = below = faults = 0
    with staging(target, width) as write:
        for (number, cells), (_, formulas) in both:
            if all(cell.value is None or cell.value == "" for cell in cells):
                # Known only when more follows: rows that end a sheet are no rows.
                below += 1
                if asked:
                    counts["formula_without_value"] += _uncached(cells, formulas)
                continue
            counts["empty_row"] += below
            below = 0
            if asked:
                counts["formula_without_value"] += _uncached(cells, formulas)
            counts["cell_beyond_header"] += any(c.value is not None for c in cells[width:])
            texts = [
                _text(cell, decimal, form)
                for cell, decimal, form in zip(cells, decimals, formats, strict=False)
            ]
            faults += any(text.startswith(FAULT) for text in texts)
            write(number - first - header_rows + 1, texts + [""] * (width - len(texts)))
            read += 1
    counts |= {"merged_cells": marks["merged"], "hidden_row": marks["hidden"]}
    return Grid(
        path,
        target,
        header,
        names,
        read,
        note=f'{path.name}: sheet "{title}", header in row {first}',
        counts=[(rule, None, number) for rule, number in counts.items() if number],
        faults=faults > 0,
    )


def _header(
    both: Iterator[tuple[Any, Any]], said: int | None, count: int, file: str, title: str
) -> tuple[int, list[list[str]]]:
    """Return the row the header begins on, and its rows as text, all as long as the longest."""
    for (number, cells), _ in both:
        filled = any(cell_text(cell.value).strip() for cell in cells)
        if number == said or (said is None and filled):
            more = [row for (_, row), _ in islice(both, count - 1)]
            found = [[cell_text(cell.value) for cell in row] for row in chain([cells], more)]
            columns = list(zip_longest(*found, fillvalue=""))
            while columns and not any(text.strip() for text in columns[-1]):
                columns.pop()
            if columns and len(found) == count:
                return number, [list(row) for row in zip(*columns, strict=True)]
            break
    raise UserError(f'{file}: the sheet "{title}" has no header of {count} rows to read.')


def _uncached(cells: Sequence[Any], formulas: Sequence[Any]) -> int:
    return sum(
        cell.value is None and asked.data_type == "f"
        for cell, asked in zip_longest(cells, formulas, fillvalue=_NOTHING)
    )


class _Nothing:
    value = None
    data_type = "n"


_NOTHING = _Nothing()


def _text(cell: Any, decimal: str, form: str | None) -> str:
    text = cell_text(cell.value, decimal, form)
    return FAULT + text if cell.data_type == "e" else text
