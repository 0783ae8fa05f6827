"""The prepared store: events sorted by customer and time, with every window computed once.

A metric over it is a filter and a group-by. Names become small integers with dictionary
tables beside them, numbered in the order of their labels, so that the same rows give the
same codes whatever their order.
"""

from __future__ import annotations

from typing import Protocol

import duckdb
import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.schema import MONEY
from cjlab.sources.base import literal, quote
from cjlab.stages import ATOM, StageModel, crosswalk


class Resolver(Protocol):
    """Anything that says which touchpoint and stage a raw name stands for."""

    def resolve(self, names: list[str]) -> pd.DataFrame:
        """Return one row a name: name, touchpoint, stage, channel, phase, line, owner."""


SESSION_GAP = "30 minutes"
TIES = ("stage", "row")
_CODED = ("channel", "device", "role", "source", "account_id")


def build(
    con: duckdb.DuckDBPyConnection,
    model: StageModel,
    catalogue: Resolver,
    *,
    ties: str = "stage",
    derive: bool = True,
    extra: tuple[str, ...] = (),
) -> None:
    """Build the store's tables from the accepted ones on the same connection.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Holds ``accepted_events``, ``accepted_orders`` and so on, as far as the study has them.
    model : StageModel
        Stage codes are its positions.
    catalogue : Catalogue or alike
        Maps raw touchpoint names to catalogue ids, stages and channels.
    ties : {"stage", "row"}
        What orders events at one instant after ``seq``: the declared stage order, or the
        order of the rows as they came in.
    derive : bool
        Whether orders become ``order`` and ``return`` events.
    extra : tuple of str
        Further columns of the events to carry along, for breakdowns.

    Notes
    -----
    Tables made: ``event, unit, label, touchpoint, orders, customers, responses, tickets`` and
    ``stage_note`` (stage names in the source that the model does not know, with counts).
    """
    if ties not in TIES:
        raise UserError(f'ties is "{ties}".{did_you_mean(ties, TIES)}')
    _orders(con)
    _plain(con, "customers", "customer_id")
    _plain(con, "tickets", "customer_id, opened")
    _plain(con, "responses", "ts, customer_id")
    _all_events(con, derive, extra)
    _touchpoints(con, catalogue)
    _stages(con, model)
    _labels(con)
    _events(con, ties, extra)
    _units(con, model)


def has(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a table or view exists on this connection."""
    return con.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = ?", [table]
    ).fetchone() != (0,)


def _orders(con: duckdb.DuckDBPyConnection) -> None:
    """One row an order: lines that share customer and order_id, first time, summed value."""
    if not has(con, "accepted_orders"):
        con.execute(
            f"CREATE TABLE orders (customer_id VARCHAR, order_id VARCHAR, ts TIMESTAMP, "
            f"value {MONEY}, currency VARCHAR, quantity DOUBLE, margin {MONEY}, lines BIGINT)"
        )
        return
    con.execute(
        f"CREATE TABLE orders AS SELECT customer_id, any_value(order_id) AS order_id, "
        f"min(ts) AS ts, CAST(sum(value) AS {MONEY}) AS value, min(currency) AS currency, "
        f"CAST(sum(CAST(quantity AS DECIMAL(18,6))) AS DOUBLE) AS quantity, "
        f"CAST(sum(margin) AS {MONEY}) AS margin, count(*) AS lines FROM accepted_orders "
        "GROUP BY customer_id, coalesce('#' || order_id, _part || ' ' || _file || ' ' || _row) "
        "ORDER BY customer_id, ts, order_id, value"
    )


def _plain(con: duckdb.DuckDBPyConnection, table: str, order: str) -> None:
    if has(con, f"accepted_{table}"):
        con.execute(
            f"CREATE TABLE {table} AS SELECT * EXCLUDE (_part, _file, _row) "
            f"FROM accepted_{table} ORDER BY {order}, _part, _file, _row"
        )


def _all_events(con: duckdb.DuckDBPyConnection, derive: bool, extra: tuple[str, ...]) -> None:
    """Unite the events with those that orders stand for."""
    more = "".join(f", {quote(column)}" for column in extra)
    columns = "customer_id, ts, touchpoint, channel, account_id, value, device, role, source, stage"
    parts = []
    if has(con, "accepted_events"):
        parts.append(
            f"SELECT {columns}, seq, _part, _file, _row, 0 AS _kind{more} FROM accepted_events"
        )
    if derive and has(con, "accepted_orders"):
        parts.append(
            "SELECT customer_id, ts, CASE WHEN value < 0 THEN 'return' ELSE 'order' END "
            "AS touchpoint, value, 'orders' AS source, 0 AS _part, order_id AS _file, "
            "0 AS _row, 1 AS _kind FROM orders"
        )
    if not parts:
        nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {c.strip()}" for c in columns.split(","))
        parts.append(
            f"SELECT * REPLACE (CAST(NULL AS TIMESTAMP) AS ts, CAST(NULL AS {MONEY}) "
            f"AS value) FROM (SELECT {nothing}, CAST(NULL AS BIGINT) AS seq, 0 AS _part, "
            "'' AS _file, 0 AS _row, 0 AS _kind) WHERE FALSE"
        )
    union = " UNION ALL BY NAME ".join(parts)
    con.execute(f"CREATE TEMP TABLE every AS SELECT * FROM ({union})")
    have = {row[0] for row in con.execute("DESCRIBE every").fetchall()}
    for column, kind in (
        ("stage", "VARCHAR"),
        ("seq", "BIGINT"),
        ("channel", "VARCHAR"),
        ("device", "VARCHAR"),
        ("role", "VARCHAR"),
        ("account_id", "VARCHAR"),
    ):
        if column not in have:
            con.execute(f"ALTER TABLE every ADD COLUMN {column} {kind}")


def _touchpoints(con: duckdb.DuckDBPyConnection, catalogue: Resolver) -> None:
    """Resolve each distinct name once, then rename it wherever it stands."""
    named = ["SELECT touchpoint FROM every"]
    for table in ("responses", "tickets"):
        if has(con, table) and "touchpoint" in _columns(con, table):
            named.append(f"SELECT touchpoint FROM {table}")
    names = con.execute(
        f"SELECT DISTINCT touchpoint FROM ({' UNION ALL '.join(named)}) "
        "WHERE touchpoint IS NOT NULL ORDER BY 1"
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
    for table in ("responses", "tickets"):
        if has(con, table) and "touchpoint" in _columns(con, table):
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
        "CREATE TABLE stage_note AS SELECT stage, count(*) AS events FROM every "
        "WHERE stage IS NOT NULL AND stage NOT IN (SELECT name FROM stage_name) "
        "GROUP BY stage ORDER BY events DESC, stage"
    )


def _labels(con: duckdb.DuckDBPyConnection) -> None:
    """Dictionaries of the coded columns, numbered in label order."""
    parts = ["SELECT 'touchpoint' AS kind, code, touchpoint AS label FROM touchpoint"]
    for column in _CODED:
        values = f"SELECT DISTINCT {column} AS label FROM every"
        if column == "channel":
            values += " UNION SELECT channel FROM resolved"
        parts.append(
            f"SELECT {literal(column)}, CAST(row_number() OVER (ORDER BY label) - 1 AS INTEGER), "
            f"label FROM ({values}) WHERE label IS NOT NULL"
        )
    con.execute(
        f"CREATE TABLE label AS SELECT kind, CAST(code AS INTEGER) AS code, label "
        f"FROM ({' UNION ALL '.join(parts)}) ORDER BY kind, code"
    )
    con.execute(
        "CREATE TEMP TABLE customer AS SELECT customer_id, "
        "CAST(row_number() OVER (ORDER BY customer_id) - 1 AS INTEGER) AS unit "
        "FROM (SELECT DISTINCT customer_id FROM every)"
    )


def _events(con: duckdb.DuckDBPyConnection, ties: str, extra: tuple[str, ...]) -> None:
    coded = "".join(
        f"LEFT JOIN label AS l_{column} ON l_{column}.kind = {literal(column)} AND "
        f"l_{column}.label = "
        + (
            "coalesce(every.channel, resolved.channel) "
            if column == "channel"
            else f"every.{column} "
        )
        for column in _CODED
    )
    fields = ", ".join(
        f"CAST(l_{column}.code AS INTEGER) AS {'account' if column == 'account_id' else column}"
        for column in _CODED
    )
    more = "".join(f", every.{quote(column)}" for column in extra)
    keep = "".join(f", {quote(column)}" for column in extra)
    # After seq and the declared rule the remaining ties are broken by content, so that the
    # order of the rows cannot matter; rows alike in all of it are interchangeable.
    content = (
        "stage NULLS LAST, touchpoint, channel NULLS LAST, device NULLS LAST, value NULLS LAST, "
        "role NULLS LAST, source NULLS LAST, account NULLS LAST"
    )
    rank = {"stage": f"{content}, _kind, _part, _file, _row", "row": "_kind, _part, _file, _row"}[
        ties
    ]
    con.execute(
        f"""CREATE TABLE event AS
        WITH coded AS (
            SELECT customer.unit, every.ts, tp.code AS touchpoint,
                coalesce(own.code, named.code) AS stage, {fields}, every.value,
                seq, _kind, _part, _file, _row{more}
            FROM every JOIN customer USING (customer_id)
            JOIN resolved ON resolved.name = every.touchpoint
            JOIN touchpoint AS tp ON tp.touchpoint = resolved.touchpoint
            LEFT JOIN stage_name AS own ON own.name = every.stage
            LEFT JOIN stage_name AS named ON named.name = resolved.stage
            {coded}),
        ordered AS (
            SELECT *, CAST(row_number() OVER journey - 1 AS INTEGER) AS step,
                lag(ts) OVER journey AS prev_ts, lead(ts) OVER journey AS next_ts,
                lead(touchpoint) OVER journey AS next_touchpoint,
                lag(CASE WHEN stage IS NOT NULL THEN stage END IGNORE NULLS) OVER journey AS before,
                lead(CASE WHEN stage IS NOT NULL THEN stage END IGNORE NULLS) OVER journey AS after,
                lead(CASE WHEN stage IS NOT NULL THEN ts END IGNORE NULLS) OVER journey AS after_ts
            FROM coded
            WINDOW journey AS (PARTITION BY unit ORDER BY ts, seq NULLS LAST, {rank}))
        SELECT unit, step, ts, touchpoint, stage, channel, device, role, source, account, value,
            CAST(sum(CASE WHEN prev_ts IS NULL OR ts > prev_ts + INTERVAL '{SESSION_GAP}'
                THEN 1 ELSE 0 END) OVER past - 1 AS INTEGER) AS session,
            CAST(CASE WHEN stage IS NOT NULL THEN sum(CASE WHEN stage IS NOT NULL
                AND stage IS DISTINCT FROM before THEN 1 ELSE 0 END) OVER past - 1 END
                AS INTEGER) AS spell,
            CASE WHEN stage IS NOT NULL THEN before END AS prev_stage,
            CASE WHEN stage IS NOT NULL THEN after END AS next_stage,
            CASE WHEN stage IS NOT NULL THEN after_ts END AS next_stage_ts,
            next_touchpoint, next_ts{keep}
        FROM ordered WINDOW past AS (PARTITION BY unit ORDER BY step
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        ORDER BY unit, step"""
    )


def _units(con: duckdb.DuckDBPyConnection, model: StageModel) -> None:
    """One row a customer, with the step of the first purchase for the buying view."""
    purchase = model.codes.get(model.purchase or "", -1)
    con.execute(
        f"""CREATE TABLE unit AS SELECT unit, any_value(customer_id) AS customer_id,
            min(ts) AS first_ts, max(ts) AS last_ts, count(*) AS events,
            min(CASE WHEN stage = {purchase} THEN step END) AS purchase_step
        FROM event JOIN customer USING (unit) GROUP BY unit ORDER BY unit"""
    )
    for table in ("every", "resolved", "stage_name", "customer"):
        con.execute(f"DROP TABLE {table}")
