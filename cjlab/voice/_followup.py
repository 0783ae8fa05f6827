"""The list of customers to follow up: it leaves as one private file, and in no other way."""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.messages import LANGUAGES
from cjlab.privacy import escape_formula
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._cases import cases
from cjlab.voice._replies import reply

SUFFIXES = (".csv", ".xlsx")
_COLUMNS = (
    "case", "customer_id", "opened", "due", "overdue", "owner", "touchpoint", "stage", "persona",
    "kind", "score", "scale", "text", "channel", "language", "consent", "contacted", "outcome",
    "draft",
)  # fmt: skip
_TIMES = ("opened", "due", "contacted")
# What a cell of a spreadsheet holds at most.
_LONGEST = 32_000


def follow_up(study: Study, start: When = None, end: When = None) -> pd.DataFrame:
    """List the customers to follow up: open cases, the first due first, each with a draft.

    Parameters
    ----------
    study : Study
        As for `cases`.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, by the time of the answer.

    Returns
    -------
    DataFrame
        A unit table, never for publication: cases that name a customer and are not resolved.
        Times are local to the study's zone. ``draft`` is a first reply in the language of the
        answer.

    Raises
    ------
    UserError
        As for `cases`.

    Examples
    --------
    >>> from cjlab import open_study
    >>> follow_up(open_study("data/retail/study.yaml"))  # doctest: +SKIP
    """
    table = cases(study, start, end)
    table = table[table["customer_id"].notna() & table["resolved"].isna()]
    table = table.sort_values(["due", "case"], ignore_index=True)
    until = pd.Timestamp(study.observed_until)
    late = table["contacted"].isna() & (table["due"] < until)
    table["overdue"] = late.map({True: "yes", False: "no"})
    zone = ZoneInfo(study.zone)
    for name in _TIMES:
        table[name] = table[name].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    known = set(study.catalogue().rules["touchpoint"].dropna())
    named = table["touchpoint"].where(table["touchpoint"].isin(known))
    rows = zip(named, table["opened"], table["language"], strict=True)
    table["draft"] = [
        reply(
            touchpoint if isinstance(touchpoint, str) else None,
            on=None if pd.isna(opened) else opened.date(),
            language=language if language in LANGUAGES else study.language,
        )
        for touchpoint, opened, language in rows
    ]
    return table[list(_COLUMNS)]


def check_path(path: Path) -> None:
    """Refuse a file that cannot be written, before the work."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f'--out ends with "{suffix}".{did_you_mean(suffix, SUFFIXES)}')
    if not path.parent.is_dir():
        raise UserError(f"--out: there is no folder {path.parent}.")


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a list of customers, readable by its owner only and safe to open in a spreadsheet.

    Parameters
    ----------
    table : DataFrame
        What `follow_up` gives.
    path : Path
        A ``.csv`` or ``.xlsx`` file; one that is there is replaced.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    check_path(path)
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False, name=None)]
    heads = [str(name) for name in table.columns]
    data = (_csv if path.suffix.lower() == ".csv" else _xlsx)(heads, rows)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UserError(f"--out: cannot write {path} ({error.strerror}).") from None


def _cell(value: Any) -> Any:
    """Texts that no spreadsheet runs or refuses; numbers and times as they are."""
    if isinstance(value, str):
        kept = "".join(c for c in value if c.isprintable() or c in "\n\t")
        return escape_formula(kept[:_LONGEST])
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime().replace(microsecond=0)
    return float(value)


def _csv(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow([f"{c:g}" if isinstance(c, float) else _iso(c) for c in row])
    # Spreadsheets read UTF-8 only where this mark says so.
    return out.getvalue().encode("utf-8-sig", "replace")


def _iso(cell: Any) -> Any:
    return cell.isoformat(" ", "minutes") if isinstance(cell, datetime) else cell


def _xlsx(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("cases")
    sheet.freeze_panes = "A2"
    for row in [heads, *rows]:
        cells = [WriteOnlyCell(sheet, value) for value in row]
        for cell, value in zip(cells, row, strict=True):
            if isinstance(value, str):
                cell.data_type = "s"  # whatever it begins with
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
