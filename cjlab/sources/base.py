"""What every reader hands to the intake: a relation, and the lines it could not read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

RAGGED = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("value", pa.string()), ("text", pa.string())]
)


@dataclass
class Raw:
    """One source as found, before any rule.

    ``relation`` is SQL that yields the source's own columns plus ``_file`` and ``_row``, the
    number of the data row in that file, counted from 1. ``ragged`` holds the lines whose
    number of values differs from the header's; they are rows in, and rejected.
    """

    label: str
    relation: str
    columns: dict[str, str]
    files: list[Path]
    ragged: pa.Table = field(default_factory=RAGGED.empty_table)
    notes: list[str] = field(default_factory=list)


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
