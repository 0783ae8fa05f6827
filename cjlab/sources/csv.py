"""Read delimited text: every value as text, every record counted, nothing guessed away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from cjlab.config import Source
from cjlab.errors import UserError
from cjlab.sources import quotes
from cjlab.sources.base import RAGGED, Raw, check_names, literal
from cjlab.sources.encoding import as_utf8, detect
from cjlab.sources.grid import Grid, Layout

_DELIMITERS = ",;\t|"
_BLOCK = 8 << 20
_HEADER = 4 << 20  # questions are long


def read(source: Source, files: list[Path], scratch: Path) -> Raw:
    """Stage delimited files as Parquet text columns with their row numbers.

    Parameters
    ----------
    source : Source
        Declared delimiter and encoding win over detection.
    files : list of Path
        One or more files with the same header.
    scratch : Path
        Folder for the staged copies.

    Returns
    -------
    Raw
        All values as text; empty text stays empty text.

    Raises
    ------
    UserError
        For an empty file, a header without names, or a quote that is never closed.
    """
    staged, ragged, notes = [], [], []
    columns: dict[str, str] = {}
    for number, path in enumerate(files):
        encoding = detect(path, source.encoding)
        text = as_utf8(path, encoding, scratch)
        delimiter = source.delimiter or _delimiter(text, path)
        header = _header(text, path, delimiter)
        quotes.check(text, path.name, delimiter)
        target = scratch / f"{number}-{path.name}.parquet"
        bad = _stage(text, path, header, delimiter, target)
        staged.append(f"SELECT * FROM read_parquet({literal(target)})")
        ragged.append(bad)
        notes.append(f"{path.name}: {encoding}, delimiter {_spoken(delimiter)}")
        columns |= dict.fromkeys(header, "VARCHAR")
    relation = "(" + " UNION ALL BY NAME ".join(staged) + ")"
    return Raw(files[0].name, relation, columns, files, pa.concat_tables(ragged), notes)


def grids(
    source: Source, files: list[Path], scratch: Path, header_rows: int, layout: Layout
) -> list[Grid]:
    """Stage delimited files whose header takes several records; see :func:`read`.

    Raises
    ------
    UserError
        As in :func:`read`, and when the records of the header differ in length.
    """
    found = []
    for number, path in enumerate(files):
        encoding = detect(path, source.encoding)
        text = as_utf8(path, encoding, scratch)
        delimiter = source.delimiter or _delimiter(text, path)
        quotes.check(text, path.name, delimiter)
        header = list(islice(_records(_head(text, _HEADER), delimiter), header_rows))
        if len(header) < header_rows or len({len(row) for row in header}) > 1:
            raise UserError(
                f"{path.name}: its first {header_rows} lines are no header of {header_rows} rows: "
                "they need the same number of values."
            )
        target = scratch / f"{number}-{path.name}.parquet"
        places = [f"c{place}" for place in range(len(header[0]))]
        bad = _stage(text, path, places, delimiter, target, above=header_rows)
        rows = pq.read_metadata(target).num_rows - header_rows + bad.num_rows
        note = f"{path.name}: {encoding}, delimiter {_spoken(delimiter)}"
        own = layout.names(header, path.name)
        found.append(Grid(path, target, header, own, rows, header_rows, bad, note))
    return found


def _spoken(delimiter: str) -> str:
    return {"\t": "tab", ",": "comma", ";": "semicolon"}.get(delimiter, delimiter)


def _head(text: Path, size: int = 1 << 16) -> str:
    with pa.input_stream(str(text), compression="detect") as stream:
        data: bytes = stream.read(size)
    return data.decode("utf-8-sig", errors="ignore").replace("\0", "")


def _delimiter(text: Path, path: Path) -> str:
    """Choose the delimiter under which most lines have the header's number of values."""
    head = _head(text)
    if not head.strip():
        raise UserError(f"{path.name}: is empty; it needs at least a header line.")

    def fit(delimiter: str) -> tuple[float, int]:
        rows = list(islice(_records(head, delimiter), 60))
        width = len(rows[0])
        return (sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0), width

    return max(_DELIMITERS, key=fit)


def _header(text: Path, path: Path, delimiter: str) -> list[str]:
    head = _head(text)
    if not head.strip():
        raise UserError(f"{path.name}: is empty; it needs at least a header line.")
    names = [name.strip() for name in next(_records(head, delimiter))]
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        # SQL cannot tell "ID" from "id".
        same = name.lower()
        if not name:
            names[position] = f"column {position + 1}"
        elif same in seen:
            raise UserError(
                f'{path.name}: the header names "{name}" twice '
                f"(columns {seen[same] + 1} and {position + 1}); rename one."
            )
        seen[names[position].lower()] = position
    check_names(path.name, names)
    return names


def _records(head: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the first records of a text, blank lines left out; line ends as they are."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    try:
        yield from (row for row in reader if row)
    except csv.Error:
        return


def _stage(
    text: Path, path: Path, header: list[str], delimiter: str, target: Path, above: int = 0
) -> pa.Table:
    """Stream one file to Parquet; return the lines that do not fit the header.

    With ``above`` the names are ours, that many records of the file's own header come first,
    and they are staged and numbered like data.
    """
    bad: list[tuple[int, int, str]] = []

    def skip(row: Any) -> str:
        # A header that is read as such is record 1, so the first row of data is record 2.
        bad.append((row.number - (0 if above else 1), row.actual_columns, row.text))
        return "skip"

    schema = pa.schema([(name, pa.string()) for name in header])
    body = schema.append(pa.field("_file", pa.string())).append(pa.field("_row", pa.int64()))
    batches: list[pa.RecordBatch] = []
    try:
        with pa.input_stream(str(text), compression="detect") as stream:
            reader = pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(
                    use_threads=False, block_size=_BLOCK, column_names=header if above else None
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
                ),
                convert_options=pacsv.ConvertOptions(
                    strings_can_be_null=False,
                    null_values=[],
                    column_types={name: pa.string() for name in header},
                ),
            )
            with pq.ParquetWriter(target, body, compression="lz4") as writer:
                done = 0
                for batch in reader:
                    batches.append(batch)
                    done = _write(writer, batches, body, path.name, bad, done)
    except pa.ArrowInvalid as error:
        if "cannot infer number of columns" in str(error) or "Empty CSV" in str(error):
            pq.write_table(body.empty_table(), target)
        else:
            raise UserError(f"{path.name}: {_arrow_problem(error, bad)}") from None
    return _ragged(path.name, len(header), [(row - above, found, text) for row, found, text in bad])


def _write(
    writer: pq.ParquetWriter,
    batches: list[pa.RecordBatch],
    body: pa.Schema,
    name: str,
    bad: list[tuple[int, int, str]],
    done: int,
) -> int:
    """Write what was read, numbering rows past the lines that were skipped before them."""
    batch = batches.pop()
    order = np.arange(done + 1, done + batch.num_rows + 1)
    # Reject j stands after (row of j) - j good rows; a good row is shifted by the rejects before.
    before = np.array([row - 1 - place for place, (row, _, _) in enumerate(bad)], dtype=np.int64)
    rows = order + np.searchsorted(np.sort(before), order, side="left")
    arrays = [*batch.columns, pa.array([name] * batch.num_rows, pa.string()), pa.array(rows)]
    writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=body))
    return done + batch.num_rows


def _ragged(name: str, width: int, bad: list[tuple[int, int, str]]) -> pa.Table:
    if not bad:
        return RAGGED.empty_table()
    return pa.table(
        {
            "file": [name] * len(bad),
            "row": [row for row, _, _ in bad],
            "rule": ["ragged_line"] * len(bad),
            "column": pa.nulls(len(bad), pa.string()),
            "value": [f"{found} values, the header has {width}" for _, found, _ in bad],
            "text": [text[:10_000] for _, _, text in bad],
        },
        schema=RAGGED,
    )


def _arrow_problem(error: Exception, bad: list[tuple[int, int, str]]) -> str:
    after = f" after row {bad[-1][0]}" if bad else ""
    if "straddl" in str(error) or "out of sync" in str(error):
        return f"a quoted value is never closed{after}; look for a lone quotation mark."
    return f"is not delimited text ({str(error).splitlines()[0]})."
