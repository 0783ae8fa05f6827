"""Open a prepared store for reading, on whichever engine it was built for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pyarrow.parquet as pq

from cjlab.config import Engine
from cjlab.engine import connect, spark_session
from cjlab.sources.base import literal

_ASSIGNED = ["customer_id", "persona"]


def open_store(store: Path, engine: Engine, assignment: Path | None) -> Any:
    """Return the Ibis backend over a store and a frozen assignment of personas.

    Parameters
    ----------
    store : Path
        What :func:`cjlab.prepare.build_store` returned: opened read-only.
    engine : Engine
        The engine it was built for.
    assignment : Path or None
        Parquet file of customers and personas.

    Returns
    -------
    ibis.BaseBackend
        Its tables are the store's, and ``persona``.
    """
    if engine.kind == "spark":
        from cjlab import spark_store

        found = spark_store.read(store, spark_session(engine))
        if assignment is not None:
            found.add("persona", pq.read_table(assignment, columns=_ASSIGNED))
        return found
    con = connect(memory=engine.memory)
    con.execute(f"ATTACH {literal(store)} AS store (READ_ONLY)")
    tables = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'"
    ).fetchall()
    for (table,) in tables:
        con.execute(f"CREATE VIEW {table} AS SELECT * FROM store.{table}")
    if assignment is not None:
        con.execute(
            f"CREATE TABLE persona AS SELECT {', '.join(_ASSIGNED)} "
            f"FROM read_parquet({literal(assignment)})"
        )
    return ibis.duckdb.from_connection(con)
