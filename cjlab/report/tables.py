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
    table = pa.Table.from_pandas(frame.rename(columns=str), preserve_index=False)
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
    rows = frame.rename(columns=str).to_dict("records")
    plainly = [{name: plain(value) for name, value in row.items()} for row in rows]
    write_object({**about, "columns": list(map(str, frame.columns)), "rows": plainly}, path)


def write_object(value: Any, path: Path) -> None:
    """Write JSON with a fixed layout; keys keep the order in which they were put in."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False, default=str)
    path.write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: null for NaN, NaT, NA and infinities."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    value = getattr(value, "item", lambda: value)()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | float | int) else str(value)
