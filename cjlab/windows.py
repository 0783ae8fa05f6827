"""The windows of the store in SQL: what stands before and after each event of a unit.

They turn ``coded`` (one row an event, names in codes) and ``named`` (one row a unit, and who it
is) into ``event`` and ``unit``. A unit's events are ordered by :func:`order`, nulls last
everywhere. For customers and ``ties="stage"`` that is ``ts, seq, tie, account, value, cost`` and
the extra columns, where ``tie`` is the rank of what an event says in the order stage, touchpoint,
channel, device, role, source; rows alike in all of it are interchangeable, so that the order of
the rows cannot matter. For ``ties="row"`` it is ``ts, seq, tie``, where ``tie`` is the place at
which the row came in, events before orders. For sessions it is ``step``, the customer's own
order. For accounts it is ``ts, seq``, then with ``ties="stage"`` stage, touchpoint, channel,
device, role, source, then ``customer, step``: one customer's events keep their order.
"""

from __future__ import annotations

import duckdb

from cjlab.errors import UserError, did_you_mean
from cjlab.sources.base import quote

SESSION_MINUTES = 30
TIES = ("stage", "row")
UNITS = ("customer", "session", "account")
# What an event says, in the order that breaks ties.
SAID = ("stage", "touchpoint", "channel", "device", "role", "source")
# Columns of ``coded`` that pass through, and those among them that a source may lack.
KEPT = (
    "unit", "customer", "ts", "touchpoint", "stage", "channel", "device", "role", "source",
    "account", "value", "cost", "seq",
)  # fmt: skip
_OFTEN_EMPTY = KEPT[4:]
# Each range of units is found by a scan of all, so there are not many.
_EVENTS_AT_ONCE = 2_000_000
_MOST_PARTS = 16


def order(unit: str, ties: str, extra: tuple[str, ...] = ()) -> list[str]:
    """Return the columns of ``coded`` that order a unit's events, nulls last.

    Examples
    --------
    >>> order("account", "row")
    ['ts', 'seq', 'customer', 'step']
    """
    if ties not in TIES:
        raise UserError(f'ties is "{ties}".{did_you_mean(ties, TIES)}')
    if unit == "session":
        return ["step"]
    if unit == "account":
        return ["ts", "seq", *(SAID if ties == "stage" else []), "customer", "step"]
    content = ["account", "value", "cost", *extra] if ties == "stage" else []
    return ["ts", "seq", "tie", *content]


def make(
    con: duckdb.DuckDBPyConnection,
    by: list[str],
    purchase: int,
    extra: tuple[str, ...] = (),
) -> None:
    """Make ``event`` and ``unit`` from ``coded`` and ``named``, and drop these two.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Holds the two tables.
    by : list of str
        Columns that order a unit's events; see :func:`order`.
    purchase : int
        Code of the stage that is the purchase, -1 where there is none.
    extra : tuple of str
        Further columns of ``coded`` to carry along.
    """
    _events(con, by, tuple(map(quote, extra)))
    con.execute(
        f"""CREATE TABLE unit AS SELECT named.*, first_ts, last_ts, events, purchase_step
        FROM named JOIN (SELECT unit, min(ts) AS first_ts, max(ts) AS last_ts, count(*) AS events,
            min(CASE WHEN stage = {purchase} THEN step END) AS purchase_step
            FROM event GROUP BY unit) USING (unit) ORDER BY unit"""
    )
    con.execute("DROP TABLE coded")
    con.execute("DROP TABLE named")


def _events(con: duckdb.DuckDBPyConnection, by: list[str], extra: tuple[str, ...]) -> None:
    """Write the events, one range of units after another: what is sorted fits in memory."""
    counts = ", ".join(f"count({column})" for column in _OFTEN_EMPTY)
    row = con.execute(f"SELECT count(*), coalesce(max(unit), 0), {counts} FROM coded").fetchone()
    assert row is not None
    events, last, *found = row
    kinds = {row[0]: row[1] for row in con.execute("DESCRIBE coded").fetchall()}
    null = {
        c: f"CAST(NULL AS {kinds[c]})" for c, n in zip(_OFTEN_EMPTY, found, strict=True) if not n
    }
    parts = min(-(-max(events, 1) // _EVENTS_AT_ONCE), _MOST_PARTS)
    for part in range(parts):
        low, high = (last + 1) * part // parts, (last + 1) * (part + 1) // parts
        target = "INSERT INTO event" if part else "CREATE TABLE event AS"
        con.execute(f"{target} {_query(by, extra, null, f'unit >= {low} AND unit < {high}')}")


def _query(by: list[str], extra: tuple[str, ...], null: dict[str, str], where: str) -> str:
    """Compose one pass of windows, one sort and one running count.

    Past the sort a unit's rows stand together, so that sessions and spells are differences of
    counts that run over the whole table: those windows have neither parts nor order, and
    stream. What a study lacks is not carried through the sorts.
    """
    carried = ", ".join([*(c for c in KEPT if c not in null), *extra])
    kept = ", ".join(f"{null[c]} AS {c}" if c in null else c for c in KEPT[2:])
    keys = ", ".join(f"{quote(column)} NULLS LAST" for column in by if column not in null)
    stage, channel = (null.get(column, column) for column in ("stage", "channel"))
    more = "".join(f", {column}" for column in extra)
    past = "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    moved = f"{stage} IS NOT NULL AND {stage} IS DISTINCT FROM before"
    return f"""
        WITH around AS (
            SELECT {carried}, CAST(row_number() OVER journey - 1 AS INTEGER) AS step,
                ts > lag(ts) OVER journey + INTERVAL {SESSION_MINUTES} MINUTE IS NOT FALSE AS fresh,
                lead(touchpoint) OVER journey AS next_touchpoint, lead(ts) OVER journey AS next_ts,
                lag({stage} IGNORE NULLS) OVER journey AS before,
                lead({stage} IGNORE NULLS) OVER journey AS after,
                lead(CASE WHEN {stage} IS NOT NULL THEN ts END IGNORE NULLS) OVER journey
                    AS after_ts,
                lead({channel} IGNORE NULLS) OVER journey AS next_channel,
                lead(CASE WHEN {channel} IS NOT NULL THEN ts END IGNORE NULLS) OVER journey
                    AS next_channel_ts
            FROM coded WHERE {where} WINDOW journey AS (PARTITION BY unit ORDER BY {keys})),
        counted AS (
            SELECT *, count(CASE WHEN fresh THEN 1 END) {past} AS sessions,
                count(CASE WHEN {moved} THEN 1 END) {past} AS spells
            FROM (SELECT * FROM around ORDER BY unit, step))
        SELECT unit, customer, step, {kept},
            CAST(sessions - max(CASE WHEN step = 0 THEN sessions END) {past} AS INTEGER) AS session,
            CASE WHEN {stage} IS NOT NULL THEN CAST(spells - max(CASE WHEN step = 0 THEN spells
                - CAST({stage} IS NOT NULL AS INTEGER) END) {past} - 1 AS INTEGER) END AS spell,
            CASE WHEN {stage} IS NOT NULL THEN before END AS prev_stage,
            CASE WHEN {stage} IS NOT NULL THEN after END AS next_stage,
            CASE WHEN {stage} IS NOT NULL THEN after_ts END AS next_stage_ts,
            next_touchpoint, next_ts, next_channel, next_channel_ts{more}
        FROM counted"""
