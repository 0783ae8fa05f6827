"""Tables on disk: Parquet and JSON, the same bytes for the same rows, with no time in them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cjlab.estimates import COLUMNS, estimates


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write rows and column types, and nothing of the library that held them."""
    plain = pd.DataFrame({str(name): frame[name] for name in frame.columns})
    table = pa.Table.from_pandas(plain, preserve_index=False)
    # pandas' own metadata carry its version and the frame's attrs.
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")


def read(path: Path) -> pd.DataFrame:
    """Read a table back; estimates get their own column types again."""
    frame = pq.read_table(path).to_pandas()
    if tuple(frame.columns[-len(COLUMNS) :]) != COLUMNS:
        return frame
    return estimates(frame, list(frame.columns[: -len(COLUMNS)]))


def write_json(frame: pd.DataFrame, path: Path, **about: Any) -> None:
    """Write the same rows as a list of objects, with null for what is not known."""
    columns = [str(name) for name in frame.columns]
    rows = [
        dict(zip(columns, map(plain, row), strict=True))
        for row in frame.itertuples(index=False, name=None)
    ]
    write_object({**about, "columns": columns, "rows": rows}, path)


def write_object(value: Any, path: Path) -> None:
    """Write JSON with a fixed layout; keys keep the order in which they were put in."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False, default=str)
    path.write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: null for NaN, NaT, NA and infinities."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool):
        return value
    return str(value)


def plain_tree(value: Any) -> Any:
    """Return a mapping, list or value as JSON knows it."""
    if isinstance(value, dict):
        return {str(key): plain_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_tree(item) for item in value]
    return plain(value)
