"""The prepared store: events sorted by unit and time, with every window computed once.

A metric over it is a filter and a group-by. It is built in two steps: :mod:`cjlab.coding` turns
names into codes, :mod:`cjlab.windows` looks before and after each event.
"""

from __future__ import annotations

import duckdb

from cjlab import windows
from cjlab.coding import Resolver, code, forget, has
from cjlab.errors import UserError, did_you_mean
from cjlab.stages import StageModel
from cjlab.windows import KEPT, UNITS

__all__ = ["Resolver", "build", "code", "has", "purchase_code", "recode", "regroup"]

# Tables that are the same for every unit.
_PASSED = ("label", "touchpoint", "orders", "customers", "responses", "tickets", "stage_note")


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
    by = windows.order("customer", ties, extra)
    code(con, model, catalogue, ties=ties, derive=derive, extra=extra)
    windows.make(con, by, purchase_code(model), extra)
    forget(con)


def purchase_code(model: StageModel) -> int:
    """Return the code of the stage that is the purchase, -1 where there is none."""
    return model.codes.get(model.purchase or "", -1)


def regroup(
    con: duckdb.DuckDBPyConnection,
    unit: str,
    model: StageModel,
    *,
    ties: str = "stage",
    source: str = "store",
) -> None:
    """Make the store of another unit from a finished customers' store.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        The tables are made in its current schema.
    unit : {"session", "account"}
        One journey per customer and session, or per account over all of its customers.
    model : StageModel
        The model the store was built with.
    ties : {"stage", "row"}
        As the store was built.
    source : str
        Database on the connection that holds the customers' store.

    Notes
    -----
    Beside the tables of the customers' store: ``member`` (unit, customer), ``customer``
    (customer, customer_id) and ``unit_note`` (reason, events, customers): what belongs to no
    unit. ``unit`` has also customer and session, or account_id, which is the customer_id too.
    """
    by = windows.order(unit, ties)
    recode(con, unit, source=source)
    columns = [row[0] for row in con.execute("DESCRIBE coded").fetchall()]
    extra = tuple(column for column in columns if column not in (*KEPT, "step"))
    windows.make(con, by, purchase_code(model), extra)
    for table in ("coded", "named"):
        con.execute(f"DROP TABLE {table}")


def recode(con: duckdb.DuckDBPyConnection, unit: str, *, source: str = "store") -> None:
    """Make ``coded`` and ``named`` of another unit, and every table but ``event`` and ``unit``.

    Parameters are those of :func:`regroup`.
    """
    others = UNITS[1:]
    if unit not in others:
        raise UserError(f'unit is "{unit}".{did_you_mean(unit, others)}')
    passed = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND list_contains(?, "
        "table_name) ORDER BY 1",
        [source, list(_PASSED)],
    )
    for (table,) in passed.fetchall():
        con.execute(f"CREATE TABLE {table} AS SELECT * FROM {source}.{table}")
    con.execute(
        f"CREATE TABLE customer AS SELECT unit AS customer, customer_id FROM {source}.unit "
        "ORDER BY customer"
    )
    con.execute("CREATE TABLE unit_note (reason VARCHAR, events BIGINT, customers BIGINT)")
    (_sessions if unit == "session" else _accounts)(con, source)
    con.execute(
        "CREATE TABLE member AS SELECT DISTINCT unit, customer FROM coded ORDER BY unit, customer"
    )


# Columns of a finished store that its windows make anew.
_ANEW = (
    "unit, session, spell, prev_stage, next_stage, next_stage_ts, next_touchpoint, next_ts, "
    "next_channel, next_channel_ts"
)


def _sessions(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Number the sessions through, customer after customer."""
    con.execute(
        f"CREATE TEMP TABLE numbered AS SELECT unit AS customer, sessions, CAST(sum(sessions) "
        "OVER (ORDER BY unit) - sessions AS INTEGER) AS base FROM (SELECT unit, "
        f"max(session) + 1 AS sessions FROM {source}.event GROUP BY unit)"
    )
    con.execute(
        f"CREATE TEMP TABLE coded AS SELECT base + session AS unit, event.* EXCLUDE ({_ANEW}) "
        f"FROM {source}.event AS event JOIN numbered USING (customer)"
    )
    con.execute(
        "CREATE TEMP TABLE named AS SELECT base + session AS unit, customer_id, session, customer "
        "FROM (SELECT *, CAST(unnest(range(sessions)) AS INTEGER) AS session FROM numbered) "
        "JOIN customer USING (customer)"
    )
    con.execute("DROP TABLE numbered")


def _accounts(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Leave out events without an account, and count them."""
    con.execute(
        f"CREATE TEMP TABLE coded AS SELECT account AS unit, * EXCLUDE ({_ANEW}) "
        f"FROM {source}.event WHERE account IS NOT NULL"
    )
    con.execute(
        "CREATE TEMP TABLE named AS SELECT code AS unit, label AS customer_id, "
        "label AS account_id FROM label WHERE kind = 'account_id'"
    )
    con.execute(
        "INSERT INTO unit_note SELECT 'no_account', count(*), count(DISTINCT customer) "
        f"FROM {source}.event WHERE account IS NULL HAVING count(*) > 0"
    )
