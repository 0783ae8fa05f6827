"""Names become small integers: the accepted tables as the store keeps them, and dictionaries.

Codes are numbered in the order of their labels, so that the same rows give the same codes
whatever their order. Each distinct combination of what events say is looked up once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import duckdb
import pandas as pd

from cjlab.schema import EVENTS, MONEY
from cjlab.sources.base import literal, quote
from cjlab.stages import ATOM, StageModel, crosswalk
from cjlab.windows import SAID, part_of, parts_of


class Resolver(Protocol):
    """Anything that says which touchpoint and stage a raw name stands for."""

    def resolve(self, names: list[str]) -> pd.DataFrame:
        """Return one row a name: name, touchpoint, stage, channel, phase, line, owner."""


_CODED = SAID[2:]
CODED_FROM = ("met", "meaning")
_PARTS_IN_MEMORY = 8
_ROWS_A_WRITE = 50_000


def has(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a table or view exists on this connection."""
    return con.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = ?", [table]
    ).fetchone() != (0,)


def code(
    con: duckdb.DuckDBPyConnection,
    model: StageModel,
    catalogue: Resolver,
    *,
    ties: str = "stage",
    derive: bool = True,
    extra: tuple[str, ...] = (),
) -> None:
    """Make every table of the store but ``event`` and ``unit``; see :func:`cjlab.store.build`.

    In their place stand what :mod:`cjlab.windows` makes them from: the temporary view ``coded``
    (unit, customer, ts, touchpoint, stage, channel, device, role, source, account, value, cost,
    seq, tie and the extra columns; in no order) over the temporary tables of
    :data:`CODED_FROM`, and the temporary table ``named`` (unit, customer_id).
    """
    _orders(con)
    _plain(con, "customers", "customer_id")
    _plain(con, "tickets", "customer_id, opened, _part, _file, _row")
    # One row of a wide survey holds several answers.
    _plain(con, "responses", "ts, customer_id, _part, _file, _row, kind, score, text, touchpoint")
    _every(con, ties, derive, extra)
    _said(con)
    _touchpoints(con, catalogue)
    _stages(con, model)
    _labels(con)
    _coded(con, ties, extra)
    con.execute("DROP VIEW every")
    for table in ("said", "resolved", "stage_name"):
        con.execute(f"DROP TABLE {table}")


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what :func:`code` left for the windows."""
    con.execute("DROP VIEW coded")
    rows = con.execute("SELECT view_name FROM duckdb_views() WHERE temporary").fetchall()
    views = {row[0] for row in rows}
    for name in (*CODED_FROM, "named"):
        con.execute(f"DROP {'VIEW' if name in views else 'TABLE'} {name}")


def _orders(con: duckdb.DuckDBPyConnection) -> None:
    """One row an order: lines that share customer and order_id, first time, summed value."""
    if not has(con, "accepted_orders"):
        con.execute(
            f"CREATE TABLE orders (customer_id VARCHAR, order_id VARCHAR, ts TIMESTAMP, "
            f"value {MONEY}, currency VARCHAR, quantity DOUBLE, margin {MONEY}, "
            f"discount {MONEY}, lines BIGINT)"
        )
        return
    con.execute(
        f"CREATE TABLE orders AS SELECT customer_id, any_value(order_id) AS order_id, "
        f"min(ts) AS ts, CAST(sum(value) AS {MONEY}) AS value, min(currency) AS currency, "
        f"CAST(sum(CAST(quantity AS DECIMAL(18,6))) AS DOUBLE) AS quantity, "
        f"CAST(sum(margin) AS {MONEY}) AS margin, CAST(sum(discount) AS {MONEY}) AS discount, "
        "count(*) AS lines FROM accepted_orders "
        "GROUP BY customer_id, coalesce('#' || order_id, _part || ' ' || _file || ' ' || _row) "
        "ORDER BY customer_id, ts, order_id, value"
    )


def _plain(con: duckdb.DuckDBPyConnection, table: str, order: str) -> None:
    if has(con, f"accepted_{table}"):
        con.execute(
            f"CREATE TABLE {table} AS SELECT * EXCLUDE (_part, _file, _row) "
            f"FROM accepted_{table} ORDER BY {order}"
        )


def _every(con: duckdb.DuckDBPyConnection, ties: str, derive: bool, extra: tuple[str, ...]) -> None:
    """Unite the events with those that orders stand for; nothing is copied."""
    fields = ", ".join(column.null for column in EVENTS.columns)
    parts = [f"SELECT {fields} WHERE FALSE"]
    place = ", CAST({} AS BIGINT) AS arrival" if ties == "row" else ""
    if has(con, "accepted_events"):
        names = ", ".join([*EVENTS.names, *map(quote, extra)])
        # The place of a row: first its file, in order, then its line.
        files = (
            " JOIN (SELECT _part, _file, row_number() OVER (ORDER BY _part, _file) AS file "
            "FROM (SELECT DISTINCT _part, _file FROM accepted_events)) USING (_part, _file)"
        )
        number = place.format(f"file * {2**40} + _row")
        parts.append(f"SELECT {names}{number} FROM accepted_events{files if place else ''}")
    if derive:
        number = place.format(f"{2**62} + row_number() OVER (ORDER BY order_id, value)")
        parts.append(
            "SELECT customer_id, ts, CASE WHEN value < 0 THEN 'return' ELSE 'order' END "
            f"AS touchpoint, value, 'orders' AS source{number} FROM orders"
        )
    con.execute(f"CREATE TEMP VIEW every AS {' UNION ALL BY NAME '.join(parts)}")


def _said(con: duckdb.DuckDBPyConnection) -> None:
    """Collect what events say, each distinct combination once; there are few."""
    names = ", ".join(SAID)
    con.execute(
        f"CREATE TEMP TABLE said AS SELECT {names}, count(*) AS events FROM every GROUP BY ALL"
    )


def _touchpoints(con: duckdb.DuckDBPyConnection, catalogue: Resolver) -> None:
    """Resolve each distinct name once, then rename it wherever it stands."""
    asked = [
        t for t in ("responses", "tickets") if has(con, t) and "touchpoint" in _columns(con, t)
    ]
    named = " UNION ALL ".join(f"SELECT touchpoint FROM {table}" for table in ("said", *asked))
    names = con.execute(
        f"SELECT DISTINCT touchpoint FROM ({named}) WHERE touchpoint IS NOT NULL ORDER BY 1"
    ).fetchall()
    resolved = catalogue.resolve([row[0] for row in names]).astype(object)
    con.register("resolved_frame", resolved.where(resolved.notna(), None))
    fields = ("name", "touchpoint", "stage", "channel", "phase", "line", "owner")
    casts = ", ".join(f"CAST({field} AS VARCHAR) AS {field}" for field in fields)
    con.execute(f"CREATE TEMP TABLE resolved AS SELECT {casts} FROM resolved_frame")
    con.unregister("resolved_frame")
    con.execute(
        "CREATE TABLE touchpoint AS SELECT CAST(row_number() OVER (ORDER BY touchpoint) - 1 "
        "AS INTEGER) AS code, * FROM (SELECT touchpoint, arg_min(stage, name) AS stage, "
        "arg_min(channel, name) AS channel, arg_min(phase, name) AS phase, "
        "arg_min(line, name) AS line, arg_min(owner, name) AS owner FROM resolved "
        "GROUP BY touchpoint)"
    )
    for table in asked:
        con.execute(
            f"UPDATE {table} SET touchpoint = resolved.touchpoint FROM resolved "
            f"WHERE {table}.touchpoint = resolved.name"
        )


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()}


def _stages(con: duckdb.DuckDBPyConnection, model: StageModel) -> None:
    """Number the stages; a source may say a stage by id, by label or as an sm9 atom."""
    codes: dict[str, int | None] = {**model.codes}
    for stage_id, label in model.labels(model.language).items():
        codes.setdefault(label, model.codes[stage_id])
    if model.built_in:
        for atom, own in crosswalk(ATOM, model.id).items():
            codes.setdefault(atom, None if own is None else model.codes[own])
    frame = pd.DataFrame({"name": list(codes), "code": pd.array(list(codes.values()), "Int16")})
    con.register("stage_frame", frame)
    con.execute(
        "CREATE TEMP TABLE stage_name AS SELECT CAST(name AS VARCHAR) AS name, "
        "CAST(code AS SMALLINT) AS code FROM stage_frame"
    )
    con.unregister("stage_frame")
    con.execute(
        "CREATE TABLE stage_note AS SELECT stage, CAST(sum(events) AS BIGINT) AS events FROM said "
        "WHERE stage IS NOT NULL AND stage NOT IN (SELECT name FROM stage_name) "
        "GROUP BY stage ORDER BY events DESC, stage"
    )


def _labels(con: duckdb.DuckDBPyConnection) -> None:
    """Dictionaries of the coded columns, numbered in label order."""
    number = "CAST(row_number() OVER (ORDER BY label) - 1 AS INTEGER)"
    parts = ["SELECT 'touchpoint' AS kind, code, touchpoint AS label FROM touchpoint"]
    for column in (*_CODED, "account_id"):
        source = "every" if column == "account_id" else "said"
        values = f"SELECT DISTINCT {column} AS label FROM {source}"
        if column == "channel":
            values += " UNION SELECT channel FROM resolved"
        parts.append(
            f"SELECT {literal(column)}, {number}, label FROM ({values}) WHERE label IS NOT NULL"
        )
    con.execute(
        f"CREATE TABLE label AS SELECT kind, CAST(code AS INTEGER) AS code, label "
        f"FROM ({' UNION ALL '.join(parts)}) ORDER BY kind, code"
    )
    con.execute(
        f"CREATE TEMP TABLE named AS SELECT {number} AS unit, label AS customer_id "
        "FROM (SELECT DISTINCT customer_id AS label FROM every)"
    )


def _coded(con: duckdb.DuckDBPyConnection, ties: str, extra: tuple[str, ...]) -> None:
    """Look up what each combination means, then write each event as the number of its own."""
    codes = "".join(f", l_{c}.code AS {c}" for c in _CODED)
    own = {c: f"said.{c}" for c in _CODED} | {"channel": "coalesce(said.channel, resolved.channel)"}
    joins = "".join(
        f" LEFT JOIN label AS l_{c} ON l_{c}.kind = {literal(c)} AND l_{c}.label = {own[c]}"
        for c in _CODED
    )
    spoken = ", ".join(f"said.{c} AS said_{c}" for c in SAID)
    rank = ", ".join(f"{c} NULLS LAST" for c in SAID)
    con.execute(
        f"""CREATE TEMP TABLE meaning AS SELECT *,
            CAST(row_number() OVER () AS INTEGER) AS meaning,
            CAST(dense_rank() OVER (ORDER BY {rank}) AS BIGINT) AS tie
        FROM (SELECT {spoken}, tp.code AS touchpoint, coalesce(own.code, named.code) AS stage{codes}
            FROM said JOIN resolved ON resolved.name = said.touchpoint
            JOIN touchpoint AS tp ON tp.touchpoint = resolved.touchpoint
            LEFT JOIN stage_name AS own ON own.name = said.stage
            LEFT JOIN stage_name AS named ON named.name = resolved.stage{joins})"""
    )
    sums = ", ".join(f"sum(CASE WHEN {c} IS NOT NULL THEN events END)" for c in SAID)
    found = con.execute(f"SELECT {sums} FROM said").fetchone() or ()
    # A column that says nothing is not compared.
    same = " AND ".join(
        f"every.{c} IS NOT DISTINCT FROM said_{c}" for c, n in zip(SAID, found, strict=True) if n
    )
    account = con.execute("SELECT count(*) FROM label WHERE kind = 'account_id'").fetchone()
    accounts = (
        "LEFT JOIN (SELECT code, label FROM label WHERE kind = 'account_id') AS a "
        "ON a.label = every.account_id"
    )
    more = "".join(f", every.{quote(column)}" for column in extra)
    _met(
        con,
        f"""SELECT named.unit, every.ts, meaning.meaning,
            {"a.code AS account," if account != (0,) else ""}
            every.value, every.cost, every.seq{", arrival" if ties == "row" else ""}{more}
        FROM every JOIN meaning ON {same or "TRUE"} JOIN named USING (customer_id)
        {accounts if account != (0,) else ""}""",
    )
    more = "".join(f", met.{quote(column)}" for column in extra)
    con.execute(
        f"""CREATE TEMP VIEW coded AS SELECT unit, unit AS customer, ts,
            touchpoint, stage, {", ".join(_CODED)},
            {"account" if account != (0,) else "CAST(NULL AS INTEGER) AS account"},
            value, cost, seq, {"arrival" if ties == "row" else "meaning.tie"} AS tie{more}
        FROM met JOIN meaning USING (meaning)"""
    )


def _met(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Keep the coded events; many of them in a file for each range of units, beside what spills.

    The ranges are read one after another, each twice: of one table for all, each time would
    be a scan of all.
    """
    row = con.execute(
        "SELECT (SELECT sum(events) FROM said), (SELECT count(*) FROM named), "
        "(SELECT path FROM duckdb_databases() WHERE database_name = current_database()), "
        "current_setting('temp_directory')"
    ).fetchone()
    assert row is not None
    events, units, path, spill = row
    parts = parts_of(events or 0)
    if path is None or parts <= _PARTS_IN_MEMORY:
        con.execute(f"CREATE TEMP TABLE met AS {query}")
        return
    place = Path(spill) / "met"
    place.mkdir(parents=True)
    con.execute(f"SET partitioned_write_flush_threshold = {_ROWS_A_WRITE}")
    con.execute(
        f"COPY (SELECT *, {part_of(units, parts)} AS part FROM ({query})) TO {literal(place)} "
        "(FORMAT parquet, PARTITION_BY (part), COMPRESSION snappy)"
    )
    con.execute(
        "CREATE TEMP VIEW met AS SELECT * EXCLUDE (part) "
        f"FROM read_parquet({literal(place / '*' / '*.parquet')}, hive_partitioning = true)"
    )
