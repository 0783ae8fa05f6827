"""Read Parquet files and DuckDB queries: typed columns, as they are."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from cjlab.config import Source, expand
from cjlab.errors import UserError
from cjlab.sources.base import Raw, check_names, first_line, literal, quote


def read_parquet(con: duckdb.DuckDBPyConnection, files: list[Path]) -> Raw:
    """Read Parquet files with the same columns; row numbers count within each file.

    Raises
    ------
    UserError
        When a file is not Parquet.
    """
    listed = ", ".join(literal(path) for path in files)
    relation = (
        "(SELECT * EXCLUDE (_from, file_row_number), parse_filename(_from) AS _file, "
        "file_row_number + 1 AS _row "
        f"FROM read_parquet([{listed}], filename = '_from', file_row_number = true, "
        "union_by_name = true))"
    )
    try:
        named = con.execute(
            f"SELECT name, bool_and(coalesce(logical_type, '') = 'NullType()') FROM "
            f"parquet_schema([{listed}]) WHERE num_children IS NULL GROUP BY name ORDER BY name"
        ).fetchall()
        check_names(files[0].name, (row[0] for row in named))
        columns = _columns(con, relation)
        # A column without a single value has no type; the engine would call it a number.
        if empty := [row[0] for row in named if row[1] and row[0] in columns]:
            casts = ", ".join(f"CAST({quote(n)} AS VARCHAR) AS {quote(n)}" for n in empty)
            relation = f"(SELECT * REPLACE ({casts}) FROM {relation})"
            columns |= dict.fromkeys(empty, "VARCHAR")
    except duckdb.Error as error:
        raise UserError(f"{files[0].name}: {first_line(error)}") from None
    return Raw(files[0].name, relation, columns, files)


def read_query(
    con: duckdb.DuckDBPyConnection, source: Source, folder: Path, name: str, table: str
) -> Raw:
    """Run one SELECT over the study's files, once, into ``table``.

    Rows are numbered in the order it returns them.

    Raises
    ------
    UserError
        When the query is not exactly one SELECT, or does not run.
    """
    assert source.query is not None
    query = expand(source.query).strip().rstrip(";")
    try:
        statements = con.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UserError(f"{name}.query: must be one SELECT.")
        con.execute(f"SET file_search_path = {literal(folder)}")
        # The line break ends a comment that the query may end with.
        own = con.execute(f"DESCRIBE SELECT * FROM ({query}\n)").fetchall()
        check_names(f"{name}.query", (row[0] for row in own))
        con.execute(
            f"CREATE TABLE {quote(table)} AS SELECT *, {literal(name)} AS _file, "
            f"row_number() OVER () AS _row FROM ({query}\n)"
        )
        columns = _columns(con, quote(table))
    except duckdb.Error as error:
        raise UserError(f"{name}.query: {first_line(error)}") from None
    return Raw(name, quote(table), columns, query_files(query, folder))


def query_files(query: str, folder: Path) -> list[Path]:
    """Return the files that the query's text literals name, for the inputs' hash."""
    found: set[Path] = set()
    for quoted in re.findall(r"'((?:[^']|'')+)'", query):
        named = Path(quoted.replace("''", "'"))
        base, pattern = (folder, quoted) if not named.is_absolute() else (Path(named.anchor), "")
        try:
            if named.is_absolute():
                pattern = str(named.relative_to(named.anchor))
            found |= {path for path in base.glob(pattern) if path.is_file()}
        except (ValueError, NotImplementedError, OSError):
            continue
    return sorted(found)


def _columns(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    rows = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {row[0]: row[1] for row in rows if row[0] not in ("_file", "_row")}
