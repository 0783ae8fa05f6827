"""Every customer placed by a stored model, range by range: no frame ever holds them all.

The engine, DuckDB or Spark in its partitions, turns events into counts by customer; frames of
features come from there in the order of the ids, and are placed on every core of this machine.
A range is as good as the whole, so the labels are the same on both engines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from os import cpu_count
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 250_000  # customers
SCHEMA = pa.schema(
    {"customer_id": "string", "persona": "string", "confidence": "float64", "model_hash": "string"}
)


def score(
    frames: Iterable[pd.DataFrame], model: Any, ids: list[str], name: str, path: Path
) -> None:
    """Place the customers of all frames and write one Parquet file, in their order.

    Parameters
    ----------
    frames : iterable of DataFrame
        Features by ``customer_id``, as `cjlab.personas._features.batches` gives them.
    model : PersonaModel or None
        The fitted model; with None nobody has a persona.
    ids : list of str
        Id of each persona code.
    name : str
        The model's hash.
    path : Path
        The file; overwritten. ``customer_id, persona, confidence, model_hash``.
    """
    place = partial(placed, model=model, ids=ids, name=name)
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as out:
        for batch in _on_every_core(frames, place):
            out.write_batch(batch)


def placed(frame: pd.DataFrame, *, model: Any, ids: list[str], name: str) -> pa.RecordBatch:
    """Place the customers of one frame."""
    n = len(frame)
    persona, confidence = pa.nulls(n, "string"), pa.nulls(n, "float64")
    if model is not None and n:
        codes, sure = model.place(frame)
        persona, confidence = pa.array(ids).take(pa.array(codes)), pa.array(sure.round(6))
    who = pa.array(frame.index.to_numpy(dtype=object), "string")
    return pa.record_batch([who, persona, confidence, pa.repeat(name, n)], schema=SCHEMA)


def sample(frames: Iterable[pd.DataFrame], most: int) -> pd.DataFrame:
    """Return the features of at most so many customers, chosen by a hash of their ids.

    The same customers are chosen whatever the order of rows, and of the same customers the
    same at another time. The frame is in the order of the ids.
    """
    parts: list[pd.DataFrame] = []
    about: dict[Any, Any] = {}
    for frame in frames:
        about = about or frame.attrs
        parts.append(frame)
        if sum(map(len, parts)) > 2 * most:  # cut seldom: each cut hashes all that is kept
            parts = [_drawn(pd.concat(parts), most)]
    kept = _drawn(pd.concat(parts), most).sort_index() if parts else pd.DataFrame()
    kept.attrs = about
    return kept


def _drawn(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    if len(frame) <= most:
        return frame
    order = pd.util.hash_array(frame.index.to_numpy(dtype=object), categorize=False)
    return frame.iloc[order.argsort(kind="stable")[:most]]


def _on_every_core(frames: Iterable[pd.DataFrame], place: Any) -> Iterator[pa.RecordBatch]:
    """Keep every core busy, with no more frames in memory than that."""
    from threadpoolctl import threadpool_limits

    cores = cpu_count() or 1
    waiting: deque[Any] = deque()
    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        for frame in frames:
            waiting.append(pool.submit(place, frame))
            if len(waiting) > cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
