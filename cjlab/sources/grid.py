"""Rows of cells below rows of header: what workbooks, data files and wide surveys have in common.

A reader stages the cells as text; this module names the columns and hands them to the intake.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cjlab.config import Source
from cjlab.errors import UserError
from cjlab.schema import Table
from cjlab.sources.base import RAGGED, Raw, check_names, literal, quote
from cjlab.sources.cells import FAULT

_BATCH = 200_000  # cells

Writer = Callable[[int, Sequence[str]], None]


@dataclass
class Grid:
    """One staged file: ``header`` rows as found, and data rows in columns ``c0, c1, …``.

    ``staged`` also holds ``_row``, the number of the data row, counted from 1 below the header.
    ``faults`` says whether a cell holds a formula's error, marked by
    :data:`~cjlab.sources.cells.FAULT`.
    """

    path: Path
    staged: Path
    header: list[list[str]]
    names: list[str]
    rows: int = 0
    skipped: int = 0
    ragged: pa.Table = field(default_factory=RAGGED.empty_table)
    note: str = ""
    counts: list[tuple[str, str | None, int]] = field(default_factory=list)
    faults: bool = False

    @property
    def relation(self) -> str:
        """SQL of the data rows under their names."""
        fields = ", ".join(f"c{place} AS {quote(name)}" for place, name in enumerate(self.names))
        start = f"WHERE _row > {self.skipped}" if self.skipped else ""
        return (
            f"SELECT {fields}, {literal(self.path.name)} AS _file, "
            f"_row - {self.skipped} AS _row FROM read_parquet({literal(self.staged)}) {start}"
        )


@dataclass(frozen=True)
class Layout:
    """How the columns of a grid are named, and how the intake expects what stands in them.

    ``formats`` are declared forms of times and ``numbers`` the columns of numbers, by the
    source's own names; ``labels`` are the columns in which words count, not their codes.
    """

    names: Callable[[list[list[str]], str], list[str]]
    formats: dict[str, str] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    labels: frozenset[str] | None = frozenset()
    decimal: str = "."


@contextlib.contextmanager
def staging(target: Path, width: int) -> Iterator[Writer]:
    """Yield a function that takes the next row's number and cells, and write them as Parquet."""
    names = [f"c{place}" for place in range(width)]
    schema = pa.schema([*((name, pa.string()) for name in names), ("_row", pa.int64())])
    size = max(1, _BATCH // (width + 1))
    numbers: list[int] = []
    rows: list[Sequence[str]] = []
    with pq.ParquetWriter(target, schema, compression="lz4") as writer:

        def flush() -> None:
            columns = [[row[place] for row in rows] for place in range(width)]
            arrays = [pa.array(column, pa.string()) for column in columns]
            arrays.append(pa.array(numbers, pa.int64()))
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            rows.clear()
            numbers.clear()

        def write(number: int, cells: Sequence[str]) -> None:
            numbers.append(number)
            rows.append(cells)
            if len(rows) >= size:
                flush()

        yield write
        flush()


def tidy(name: str) -> str:
    """Return a heading on one line, without the spaces around and within that nobody sees."""
    return " ".join(name.split())


def single(header: list[list[str]], file: str) -> list[str]:
    """Return column names from one row of header.

    Raises
    ------
    UserError
        When a name stands twice; SQL cannot tell "ID" from "id".
    """
    names = [tidy(name) for name in header[0]]
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        if not name:
            names[place] = f"column {place + 1}"
        elif name.lower() in seen:
            raise UserError(
                f'{file}: the header names "{name}" twice '
                f"(columns {seen[name.lower()] + 1} and {place + 1}); rename one."
            )
        seen[names[place].lower()] = place
    return names


def raw(grids: list[Grid], label: str) -> Raw:
    """Return the files' rows under their names, for the intake."""
    for grid in grids:
        check_names(grid.path.name, grid.names)
    return Raw(
        label,
        "(" + " UNION ALL BY NAME ".join(grid.relation for grid in grids) + ")",
        {name: "VARCHAR" for grid in grids for name in grid.names},
        [grid.path for grid in grids],
        pa.concat_tables([grid.ragged for grid in grids]),
        [grid.note for grid in grids if grid.note],
        [count for grid in grids for count in grid.counts],
    )


def mapped(table: Table | None, source: Source, names: Iterable[str]) -> dict[str, str]:
    """Return which of the source's columns the intake reads, and as what."""
    own = {column: canonical for canonical, column in source.columns.items()}
    if table is None:
        return {name: own.get(name, name) for name in names}
    free = {n for n in names if table.open or n in table.names} - set(source.columns)
    return {name: own.get(name, name) for name in names if name in own or name in free}


def refuse_faults(con: duckdb.DuckDBPyConnection, found: Raw, used: dict[str, str]) -> Raw:
    """Take out the rows in which a column that is used holds a formula's error such as #REF!."""

    def marked(name: str) -> str:
        return f"starts_with({quote(name)}, {literal(FAULT)})"

    def bare(name: str) -> str:
        return f"replace({quote(name)}, {literal(FAULT)}, '')"

    bad = " OR ".join(map(marked, used)) or "FALSE"
    column = " ".join(f"WHEN {marked(own)} THEN {literal(name)}" for own, name in used.items())
    value = " ".join(f"WHEN {marked(own)} THEN {bare(own)}" for own in used)
    record = ", ".join(f"{quote(name)} := {bare(name)}" for name in found.columns)
    if used:
        refused = con.execute(
            f"SELECT _file, _row, 'cell_error', CASE {column} END, CASE {value} END, "
            f"CAST(to_json(struct_pack({record})) AS VARCHAR) FROM {found.relation} "
            f"WHERE {bad} ORDER BY _file, _row"
        ).to_arrow_table()
        lines = pa.Table.from_arrays(refused.columns, names=RAGGED.names).cast(RAGGED)
        found.ragged = pa.concat_tables([found.ragged, lines])
    texts = ", ".join(
        f"{bare(name)} AS {quote(name)}"
        for name, kind in found.columns.items()
        if kind == "VARCHAR"
    )
    kept = f"SELECT * REPLACE ({texts}) FROM {found.relation} WHERE NOT coalesce({bad}, FALSE)"
    found.relation = f"({kept})"
    return found
