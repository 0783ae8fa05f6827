"""One reader per kind of export, each ending in the same :class:`~cjlab.sources.base.Raw`.

A new kind of source is one more reader and one more line in :func:`open_source`.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from cjlab.config import Source, expand
from cjlab.errors import UserError, did_you_mean
from cjlab.schema import TABLES, Table
from cjlab.sources import csv, grid, layout, sav, tabular, wide, xlsx
from cjlab.sources.base import Raw, literal, quote
from cjlab.survey_config import WIDE

READERS = {"csv": csv.grids, "xlsx": xlsx.grids, "sav": sav.grids}

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".sav": "sav",
    ".zsav": "sav",
}


def open_source(
    con: duckdb.DuckDBPyConnection, table: str, source: Source, folder: Path, scratch: Path
) -> Raw:
    """Open one source of one table with the reader for its format.

    Raises
    ------
    UserError
        When the file does not exist or cannot be read at all.
    """
    if source.query is not None:
        raw = tabular.read_query(con, source, folder, f"{table} query", f"query {scratch.name}")
        return _with_constants(raw, source)
    files = find_files(source, folder)
    kind = file_kind(files[0], table, source.format)
    if kind != "xlsx" and (source.sheet or source.header_row):
        key = "sheet" if source.sheet else "header_row"
        raise UserError(f"{table}: {key} is for workbooks; {files[0].name} is none.")
    if source.format in WIDE:
        raw = _wide(con, kind, source, files, scratch)
    elif kind == "parquet":
        raw = tabular.read_parquet(con, files)
    elif kind == "csv":
        raw = csv.read(source, files, scratch)
    else:
        raw = _grid(con, kind, TABLES.get(table), source, files, scratch)
    raw.label = str(source.path)
    return raw if source.format in WIDE else _with_constants(raw, source)


def _grid(
    con: duckdb.DuckDBPyConnection,
    kind: str,
    table: Table | None,
    source: Source,
    files: list[Path],
    scratch: Path,
) -> Raw:
    """Read workbooks or data files with one row of header."""
    grids = READERS[kind](source, files, scratch, 1, layout.plain(table, source))
    raw = grid.raw(grids, files[0].name)
    if any(part.faults for part in grids):
        raw = grid.refuse_faults(con, raw, grid.mapped(table, source, raw.columns))
    return raw


def _wide(
    con: duckdb.DuckDBPyConnection, kind: str, source: Source, files: list[Path], scratch: Path
) -> Raw:
    """Read a survey with one row a respondent."""
    if kind == "parquet":
        raise UserError(f"{files[0].name}: format: {source.format} is for CSV, .xlsx and .sav.")
    rows = 1 if kind == "sav" else wide.header_rows(source)
    grids = READERS[kind](source, files, scratch, rows, layout.wide(source))
    raw = wide.read(con, source, grids, scratch)
    if any(part.faults for part in grids):
        own = {column: canonical for canonical, column in source.columns.items()}
        raw = grid.refuse_faults(con, raw, own | {"score": "score", "text": "text"})
    return raw


def _with_constants(raw: Raw, source: Source) -> Raw:
    """Add the columns whose one value the study states."""
    if not source.constants:
        return raw
    own = {name.lower() for name in raw.columns}
    for name in source.constants:
        if name.lower() in own:
            raise UserError(
                f'{raw.label}: has a column "{name}" already; take it out of constants, or map '
                "another column."
            )
    fields = "".join(f", {literal(v)} AS {quote(n)}" for n, v in source.constants.items())
    raw.relation = f"(SELECT *{fields} FROM {raw.relation})"
    raw.columns = raw.columns | dict.fromkeys(source.constants, "VARCHAR")
    return raw


def find_files(source: Source, folder: Path) -> list[Path]:
    """Return the files a path or glob names, in name order.

    Raises
    ------
    UserError
        When there are none; the message names the nearest file.
    """
    if source.query is not None:
        return tabular.query_files(expand(source.query), folder)
    assert source.path is not None
    named = Path(expand(source.path))
    path = named if named.is_absolute() else folder / named
    if any(char in named.name for char in "*?["):
        files = sorted(p for p in path.parent.glob(named.name) if p.is_file())
    else:
        files = [path] if path.is_file() else []
    if not files:
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        shown = source.path
        raise UserError(f"no file at {shown}.{did_you_mean(named.name, near) if near else ''}")
    for file in files:
        if file.stat().st_size == 0:
            raise UserError(f"{file.name}: is empty (0 bytes); it needs at least a header line.")
    return files


def file_kind(path: Path, table: str, said: str | None = None) -> str:
    """Return the kind of file: what the study says, else what the name ends in."""
    if said is not None and said not in WIDE:
        return said
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = _SUFFIXES.get(suffixes[-1] if suffixes else "")
    if kind is None:
        raise UserError(
            f"{table}: cannot tell the format of {path.name}; say format: csv, parquet, xlsx or "
            "sav, or let its name say so."
        )
    return kind
