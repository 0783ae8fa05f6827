"""What a cell of a workbook or data file says, as the text that an export would hold."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

from cjlab.sources.encoding import UNREADABLE

# A Unicode noncharacter before the name of a formula's error, such as #REF!.
FAULT = "\ufdd1"
_EXACT = 2**53


def cell_text(value: Any, decimal: str = ".", time_format: str | None = None) -> str:
    """Return a cell's value as text; empty text for an empty cell.

    Parameters
    ----------
    value : object
        What the reader found: text, number, truth, date, time, duration or None.
    decimal : {".", ","}
        The sign that the source's numbers are declared to have.
    time_format : str, optional
        The declared form of the column's times. A date that has this form without loss is
        written so; any other as ISO.

    Examples
    --------
    >>> [cell_text(value) for value in ("007", 7.0, 0.1, True, None)]
    ['007', '7', '0.1', 'true', '']
    >>> cell_text(dt.datetime(2026, 3, 1)), cell_text(dt.datetime(2026, 3, 1, 9, 30))
    ('2026-03-01', '2026-03-01 09:30:00')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value, decimal)
    if isinstance(value, dt.datetime | dt.date):
        return _date(value, time_format)
    return str(value)


def _number(value: float, decimal: str) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        if value.is_integer() and abs(value) < _EXACT:
            value = int(value)
    return str(value).replace(".", decimal)


def _date(value: dt.datetime | dt.date, time_format: str | None) -> str:
    if not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if time_format and "%" in time_format:
        said = value.strftime(time_format)
        try:
            if dt.datetime.strptime(said, time_format) == value:
                return said
        except ValueError:
            pass
    midnight = value.time() == dt.time()
    return value.date().isoformat() if midnight else value.isoformat(sep=" ")


def _whole(text: str) -> str:
    """Undo the escapes of spreadsheets (``_x000D_``); halves of letters are marked unreadable."""
    if "_x" in text:
        # Imported here: most runs read no workbook, and every kernel would wait for it.
        from openpyxl.utils.escape import unescape

        text = unescape(text)
    if re.search("[\ud800-\udfff]", text):
        # Two escaped halves make one letter; a lone one is no letter at all.
        wide = text.encode("utf-16-le", "surrogatepass")
        text = wide.decode("utf-16-le", "replace").replace("\ufffd", UNREADABLE)
    return text
