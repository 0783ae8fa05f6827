"""Every customer placed by a stored model, in batches: the features are never in memory whole.

On DuckDB the batches are streamed past a few threads; on Spark each partition is placed where
it lies. The function that places is the same, so the labels are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from os import cpu_count
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.types import Table
from threadpoolctl import threadpool_limits

from cjlab.engine import connect
from cjlab.errors import UserError
from cjlab.sources.base import literal

BATCH = 100_000  # customers
SCHEMA = pa.schema(
    {"customer_id": "string", "persona": "string", "confidence": "float64", "model_hash": "string"}
)
Finish = Callable[[pd.DataFrame], pd.DataFrame]
Place = Callable[[pa.RecordBatch], pa.RecordBatch]


def score(
    con: Any, raw: Table, finish: Finish, model: Any, ids: list[str], name: str, path: Path
) -> None:
    """Place the customers of a table and write one Parquet file, in the order of their ids.

    Parameters
    ----------
    con : ibis.BaseBackend
        Where the table is: DuckDB, or a `SparkStore`, whose workers need our packages.
    raw : ibis.Table
        One row a customer, as `cjlab.personas._features.raw` gives it.
    finish : callable
        Turns rows of it into features; row by row, so that a batch is as good as the whole.
    model : PersonaModel or None
        The fitted model; with None nobody has a persona.
    ids : list of str
        Id of each persona code.
    name : str
        The model's hash.
    path : Path
        The file; overwritten. ``customer_id, persona, confidence, model_hash``.
    """
    place = partial(placed, finish=finish, model=model, ids=ids, name=name)
    loose = path.with_name(path.name + ".loose")
    try:
        with pq.ParquetWriter(loose, SCHEMA, compression="zstd") as out:
            for batch in _over_spark(con, raw, place) if _is_spark(con) else _over(con, raw, place):
                out.write_batch(batch)
        # Ordering at the end moves four narrow columns instead of all features.
        with closing(connect(spill=path.parent)) as sorter:
            sorter.execute(
                f"COPY (SELECT * FROM read_parquet({literal(loose)}) ORDER BY customer_id) "
                f"TO {literal(path)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
            )
    finally:
        loose.unlink(missing_ok=True)


def placed(
    batch: pa.RecordBatch, *, finish: Finish, model: Any, ids: list[str], name: str
) -> pa.RecordBatch:
    """Place the customers of one batch."""
    frame = finish(batch.to_pandas())
    n = len(frame)
    persona, confidence = pa.nulls(n, "string"), pa.nulls(n, "float64")
    if model is not None and n:
        persona = pa.array(ids).take(pa.array(model.predict(frame)))
        confidence = pa.array(model.confidence(frame).round(6))
    who = pa.array(frame.index, "string", from_pandas=True)
    return pa.record_batch([who, persona, confidence, pa.repeat(name, n)], schema=SCHEMA)


def sample(con: Any, raw: Table, finish: Finish, most: int) -> pd.DataFrame:
    """Return the features of at most so many customers, chosen by a hash of their ids.

    The same customers are chosen whatever the order of rows, and of the same customers the
    same at another time. The frame is in the order of the ids.
    """
    nobody = finish(raw.limit(0).execute())
    parts: list[pd.DataFrame] = []
    for batch in batches(con, raw):
        parts.append(finish(batch.to_pandas()))
        if sum(map(len, parts)) > 1.5 * most:
            parts = [_drawn(pd.concat(parts), most)]
    kept = _drawn(pd.concat(parts or [nobody]), most).sort_index()
    kept.attrs = nobody.attrs
    return kept


def _drawn(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    if len(frame) <= most:
        return frame
    drawn = pd.util.hash_array(frame.index.to_numpy(dtype=object), categorize=False)
    return frame.iloc[drawn.argsort(kind="stable")[:most]]


def _is_spark(con: Any) -> bool:
    return hasattr(con, "frame")


def batches(con: Any, rows: Table) -> Iterator[pa.RecordBatch]:
    """Return the rows of a table a batch at a time."""
    if _is_spark(con):
        yield from con.frame(rows).toArrow().to_batches(BATCH)
    else:
        yield from con.raw_sql(con.compile(rows)).to_arrow_reader(BATCH)


def _over(con: Any, raw: Table, place: Place) -> Iterator[pa.RecordBatch]:
    """Keep every core busy, with no more batches in memory than that."""
    cores = cpu_count() or 1
    waiting: deque[Any] = deque()
    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        for batch in batches(con, raw):
            waiting.append(pool.submit(place, batch))
            if len(waiting) > cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _over_spark(con: Any, raw: Table, place: Place) -> Iterator[pa.RecordBatch]:
    """Send the model to the partitions; only who is in which persona comes back.

    Raises
    ------
    UserError
        Where the workers lack cjlab or what it needs.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    rows = con.frame(raw)
    sent = rows.sparkSession.sparkContext.broadcast(place)

    def partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with threadpool_limits(1):
            yield from map(sent.value, batches)

    try:
        found = rows.mapInArrow(partition, from_arrow_schema(SCHEMA)).toArrow()
    except Exception as error:
        if "ModuleNotFoundError" not in str(error):
            raise
        raise UserError(
            "personas: the workers of Spark need the driver's Python packages, cjlab among them; "
            "install them there, or name a Python that has them in PYSPARK_PYTHON."
        ) from None
    finally:
        sent.unpersist()
    yield from found.cast(SCHEMA).to_batches()
