"""The prepared store on Spark.

Intake, coding and the dictionaries stay with DuckDB on the driver, out of core; Spark takes the
coded events from there, computes the windows and runs the metrics. A study's store is Parquet
under its private folder, so on a cluster this folder must lie on a file system that the workers
see under the same path (NFS, a mounted volume). A pandas frame travels through the driver.
"""

from __future__ import annotations

import re
import weakref
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb.converter import DuckDBPandasData
from ibis.backends.pyspark import Backend
from ibis.common.exceptions import TableNotFound
from ibis.expr.datatypes import Timestamp
from ibis.expr.schema import Schema
from ibis.expr.types import Table
from pyspark.sql.pandas.types import from_arrow_schema

from cjlab import store_windows, windows
from cjlab.coding import CODED_FROM
from cjlab.errors import UserError
from cjlab.sources.base import literal, quote
from cjlab.stages import StageModel
from cjlab.store import purchase_code

# What the windows are made from; Spark's store has event and unit in their place.
_MADE_FROM = ("coded", "named")
# Types that both engines read alike from Parquet; others are taken as the nearest such one.
_KEPT = re.compile(
    r"VARCHAR|BOOLEAN|TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE|DATE|TIMESTAMP|DECIMAL\(.+\)"
)
_NEAREST = {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(38,0)",
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}


class SparkStore(Backend):
    """The tables of one store in a Spark session of its own: what metrics call ``con``.

    Only the store's own tables are seen, never one of the cluster's catalogue that happens to
    have the same name. Rows travel as Arrow both ways, which keeps types and nulls as DuckDB
    gives them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._names: set[str] = set()

    @classmethod
    def over(cls, session: Any) -> SparkStore:
        """Return an empty store in a session from :func:`cjlab.engine.spark_session`."""
        cls.register_options()
        found: SparkStore = cls().connect(session)
        return found

    def add(self, name: str, rows: Any, *, keep: bool = False) -> None:
        """Let a Spark frame, an Arrow table or an Ibis expression be the table of this name.

        With ``keep`` the cluster holds it in memory, or on its disks, as long as it is in use.
        """
        if isinstance(rows, pa.Table):
            schema = from_arrow_schema(rows.schema, prefer_timestamp_ntz=True)
            rows = self._session.createDataFrame(rows, schema)
        elif isinstance(rows, Table):
            rows = self.frame(rows)
        if keep:
            rows = rows.persist()
            weakref.finalize(self, rows.unpersist).atexit = False
        rows.createOrReplaceTempView(name)
        self._names.add(name)

    def frame(self, rows: Table) -> Any:
        """Return an Ibis expression as a Spark frame."""
        return self._session.sql(self.compile(rows))

    def table(self, name: str, /, *, database: Any = None) -> Table:
        """Return a table of the store, or one that Ibis itself has cached."""
        if name not in self._names and not name.startswith("ibis_"):
            raise TableNotFound(name)
        return super().table(name)

    def get_schema(self, table_name: str, **where: Any) -> Schema:
        """Return a table's columns; instants are known to the microsecond, as in DuckDB."""
        found = super().get_schema(table_name, **where)
        exact = Timestamp(scale=6)
        return Schema({n: exact if kind.is_timestamp() else kind for n, kind in found.items()})

    def list_tables(self, *, like: str | None = None, database: Any = None) -> list[str]:
        """Return the names of the store's tables."""
        return self._filter_with_like(self._names, like)

    def execute(self, expr: Any, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        """Run an expression, and return what it is in pandas."""
        self._run_pre_execute_hooks(expr)
        table = expr.as_table()
        rows = self._session.sql(self.compile(table, params=params, limit=limit)).toArrow()
        frame = pd.DataFrame({name: _values(rows[name]) for name in rows.column_names})
        return expr.__pandas_result__(DuckDBPandasData.convert_table(frame, table.schema()))

    def _register_in_memory_table(self, op: Any) -> None:
        rows = op.data.to_pyarrow(op.schema)
        schema = from_arrow_schema(rows.schema, prefer_timestamp_ntz=True)
        self._session.createDataFrame(rows, schema).createOrReplaceTempView(op.name)


def _values(column: pa.ChunkedArray) -> Any:
    """Columns with nulls become lists, as in Ibis's own conversion for DuckDB."""
    nested = pa.types.is_nested(column.type)
    return column.to_pylist() if nested or column.null_count else column.to_pandas()


def take(
    con: duckdb.DuckDBPyConnection, session: Any, model: StageModel, unit: str, ties: str
) -> SparkStore:
    """Take a coded store over from DuckDB, through the driver, and compute the windows.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Holds what :func:`cjlab.store.code` or :func:`cjlab.store.recode` made.
    session : pyspark.sql.SparkSession
        From :func:`cjlab.engine.spark_session`.
    model : StageModel
        The store's stages.
    unit, ties : str
        What a journey belongs to, and what orders events at one instant.
    """
    store = SparkStore.over(session)
    for name in _tables(con):
        store.add(name, con.execute(_portable(con, name)).to_arrow_table())
    store.add("event", _events(store, unit, ties), keep=True)
    store.add("unit", _units(store, model), keep=True)
    return store


def export(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write a coded store as Parquet, for :func:`build` to go on with."""
    for name in _tables(con):
        target = literal(folder / f"{name}.parquet")
        rows = _portable(con, name)
        con.execute(f"COPY ({rows}) TO {target} (FORMAT parquet, COMPRESSION zstd)")


def build(folder: Path, session: Any, model: StageModel, unit: str = "customer") -> None:
    """Compute the windows of an exported store where its Parquet files are.

    Raises
    ------
    UserError
        Where the workers do not see the folder.
    """
    store = read(folder, session)
    try:
        _write(store, "event", _events(store, unit, "stage"), folder, ["unit", "step"])
        store = read(folder, session)
        _write(store, "unit", _units(store, model), folder, ["unit"])
        written = read(folder, session).table("event").count().execute()
    except Exception as error:
        if "FileNotFound" not in str(error):
            raise
        written = -1
    # A worker that does not see the folder fails to read, or writes on a disk of its own.
    if written != store.table("coded").count().execute():
        raise UserError(
            f"the workers of Spark do not share {folder.parent} with this machine; put the "
            "study on a file system that they see under the same path."
        )
    for name in _MADE_FROM:
        (folder / f"{name}.parquet").unlink()


def _write(store: SparkStore, name: str, rows: Table, folder: Path, order: list[str]) -> None:
    frame = store.frame(rows).sortWithinPartitions(*order)
    frame.write.parquet(f"file://{folder}/{name}.parquet")


def read(folder: Path, session: Any) -> SparkStore:
    """Open a store that was written before."""
    store = SparkStore.over(session)
    for path in sorted(folder.glob("*.parquet")):
        store.add(path.stem, session.read.parquet(_pattern(path)))
    return store


def attach(con: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    """Let DuckDB read a written store as a database of this name."""
    con.execute(f"ATTACH ':memory:' AS {name}")
    for path in sorted(folder.glob("*.parquet")):
        files = literal(path / "*.parquet" if path.is_dir() else path)
        kind = "VIEW" if path.stem in ("event", "unit") else "TABLE"
        con.execute(f"CREATE {kind} {name}.{path.stem} AS SELECT * FROM read_parquet({files})")


def _tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "SELECT table_name FROM (FROM duckdb_tables() UNION ALL BY NAME SELECT database_name, "
        "view_name AS table_name FROM duckdb_views() WHERE view_name = 'coded') "
        "WHERE database_name IN (current_database(), 'temp') AND NOT starts_with(table_name, "
        "'accepted_') AND NOT list_contains(?, table_name) ORDER BY 1",
        [["quarantine", *CODED_FROM]],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _events(store: SparkStore, unit: str, ties: str) -> Table:
    coded = store.table("coded")
    extra = tuple(name for name in coded.columns if name not in (*windows.KEPT, "step", "tie"))
    return store_windows.events(coded, windows.order(unit, ties, extra))


def _units(store: SparkStore, model: StageModel) -> Table:
    return store_windows.units(store.table("event"), store.table("named"), purchase_code(model))


def _portable(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Return the SELECT that gives a table in types that both engines have."""
    fields = []
    for name, kind, *_ in con.execute(f"DESCRIBE {table}").fetchall():
        cast = kind if _KEPT.fullmatch(kind) else _NEAREST.get(kind, "VARCHAR")
        fields.append(f"CAST({quote(name)} AS {cast}) AS {quote(name)}")
    return f"SELECT {', '.join(fields)} FROM {table}"


def _pattern(path: Path) -> str:
    """Name a local file to Spark, which reads brackets and the like as patterns."""
    return "file://" + re.sub(r"([\\\[\]{}*?,])", r"\\\1", str(path))
