"""What every reader hands to the intake: a relation, and the lines it could not read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from cjlab.errors import UserError

# Lines that a reader itself refuses, and why.
RAGGED = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("rule", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("text", pa.string()),
    ]
)
# What the eye takes for nothing: spaces of any width, line breaks, marks without width.
BLANK = " \t\r\n\v\f\u00a0\u2007\u2009\u200b\u202f\u3000\ufeff"
# The intake's own columns stand beside the source's.
_RESERVED = re.compile(r"_(file|row|part|whole|code|value|record|copy|kind|note\d+|as .*)", re.I)


@dataclass
class Raw:
    """One source as found, before any rule.

    ``relation`` is SQL that yields the source's own columns plus ``_file`` and ``_row``, the
    number of the data row in that file, counted from 1. ``ragged`` holds the lines that the
    reader refuses, such as those whose number of values differs from the header's; they are rows
    in, and rejected. ``counts`` are what the reader noted: rule, column and rows.
    """

    label: str
    relation: str
    columns: dict[str, str]
    files: list[Path]
    ragged: pa.Table = field(default_factory=RAGGED.empty_table)
    notes: list[str] = field(default_factory=list)
    counts: list[tuple[str, str | None, int]] = field(default_factory=list)


def check_names(label: str, names: Iterable[str]) -> None:
    """Refuse the few column names that the intake needs for itself."""
    for name in names:
        if _RESERVED.fullmatch(name):
            raise UserError(
                f'{label}: the column name "{name}" is kept for the intake itself; rename it.'
            )


def quote(name: str) -> str:
    """Quote a column name for SQL.

    Examples
    --------
    >>> print(quote('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """Quote a text value for SQL.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + str(text).replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """Return what an engine's error says before it quotes the query."""
    return str(error).strip().splitlines()[0]
