"""One reader per kind of export, each ending in the same :class:`~cjlab.sources.base.Raw`.

A new kind of source is one more reader and one more line in :func:`open_source`.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from cjlab.config import Source, expand
from cjlab.errors import UserError, did_you_mean
from cjlab.sources import csv, tabular
from cjlab.sources.base import Raw

_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}


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
        return tabular.read_query(con, source, folder, f"{table} query", f"query {scratch.name}")
    files = find_files(source, folder)
    kind = source.format or _format(files[0], table)
    if kind == "parquet":
        raw = tabular.read_parquet(con, files)
    else:
        raw = csv.read(source, files, scratch)
    raw.label = str(source.path)
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


def _format(path: Path, table: str) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = _SUFFIXES.get(suffixes[-1] if suffixes else "")
    if kind is None:
        raise UserError(
            f"{table}: cannot tell the format of {path.name}; say format: csv or format: parquet."
        )
    return kind
