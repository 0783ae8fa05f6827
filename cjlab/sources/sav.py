"""Read SPSS data files (.sav, .zsav) with pyreadstat, the extra ``sav``.

Codes stay codes where a number or a score is wanted, and become their labels where words are.
What the file declares as missing by its user is an empty cell, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cjlab.config import Source
from cjlab.errors import UserError
from cjlab.sources.cells import cell_text
from cjlab.sources.grid import Grid, Layout, staging

_ROWS = 20_000


def grids(
    source: Source, files: list[Path], scratch: Path, header_rows: int, layout: Layout
) -> list[Grid]:
    """Stage each file's rows as text; a file's variables are its one row of header.

    Raises
    ------
    UserError
        Without the extra, or for a file that is no SPSS data file.
    """
    try:
        import pyreadstat
    except ImportError:
        raise UserError(
            f'{files[0].name}: SPSS files need pyreadstat: pip install "cjlab[sav]".'
        ) from None
    found = []
    for number, path in enumerate(files):
        target = scratch / f"{number}-{path.name}.parquet"
        try:
            found.append(_read(pyreadstat, path, target, layout))
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError) as error:
            text = str(error).splitlines()[0]
            raise UserError(f"{path.name}: is no SPSS data file, or damaged ({text}).") from None
    return found


def _read(pyreadstat: Any, path: Path, target: Path, layout: Layout) -> Grid:
    _, meta = pyreadstat.read_sav(path, metadataonly=True, user_missing=True)
    own = list(meta.column_names)
    names = layout.names([own], path.name)
    missing = 0
    labels = [
        meta.variable_value_labels.get(name, {})
        if layout.labels is None or shown in layout.labels
        else {}
        for name, shown in zip(own, names, strict=True)
    ]
    ranges = [meta.missing_ranges.get(name, []) for name in own]
    forms = [layout.formats.get(name) for name in names]
    signs = [layout.decimal if name in layout.numbers else "." for name in names]
    rows = 0
    with staging(target, len(own)) as write:
        while True:
            columns, _ = pyreadstat.read_sav(
                path, row_offset=rows, row_limit=_ROWS, user_missing=True, output_format="dict"
            )
            block = list(zip(*(columns[name] for name in own), strict=True))
            for row in block:
                rows += 1
                known = [
                    None if _is_missing(value, gaps) else value
                    for value, gaps in zip(row, ranges, strict=True)
                ]
                missing += sum(a is None and b is not None for a, b in zip(known, row, strict=True))
                cells = zip(known, labels, signs, forms, strict=True)
                write(rows, [_text(*cell) for cell in cells])
            if len(block) < _ROWS:
                break
    note = f"{path.name}: SPSS, {len(own)} variables"
    counts: list[tuple[str, str | None, int]]
    counts = [("user_missing", None, missing)] if missing else []
    return Grid(path, target, [own], names, rows, note=note, counts=counts)


def _is_missing(value: Any, gaps: Sequence[dict[str, Any]]) -> bool:
    return value is not None and any(
        isinstance(value, str) == isinstance(gap["lo"], str) and gap["lo"] <= value <= gap["hi"]
        for gap in gaps
    )


def _text(value: Any, labels: dict[Any, str], decimal: str, form: str | None) -> str:
    if value in labels:
        return labels[value]
    return cell_text(value, decimal, form)
