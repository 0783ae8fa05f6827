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

from cjlab.engine import recurring
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
# What is sorted at once fits in little memory.
_EVENTS_AT_ONCE = 2_000_000


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


def parts_of(events: int) -> int:
    """Say how many ranges of units so many events are written in."""
    return -(-max(events, 1) // _EVENTS_AT_ONCE)


def part_of(units: int, parts: int) -> str:
    """Compose the number of the range that a unit lies in; see :func:`parts_of`."""
    return f"CAST(unit AS BIGINT) * {parts} // {units}"


def make(
    con: duckdb.DuckDBPyConnection,
    by: list[str],
    purchase: int,
    extra: tuple[str, ...] = (),
) -> None:
    """Make ``event`` and ``unit`` from ``coded`` and ``named``.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Holds these two.
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


def _events(con: duckdb.DuckDBPyConnection, by: list[str], extra: tuple[str, ...]) -> None:
    """Write the events, one range of units after another: what is sorted fits in memory."""
    counts = ", ".join(f"count({column})" for column in _OFTEN_EMPTY)
    row = con.execute(f"SELECT count(*), coalesce(max(unit), 0), {counts} FROM coded").fetchone()
    assert row is not None
    events, last, *found = row
    kinds = {row[0]: row[1] for row in con.execute("DESCRIBE coded").fetchall()}
    filled = dict(zip(_OFTEN_EMPTY, found, strict=True))
    null = {c: f"CAST(NULL AS {kinds[c]})" for c, n in filled.items() if not n}
    gaps = any(0 < filled[column] < events for column in ("stage", "channel"))
    by = [column for column in by if column not in null]
    parts = parts_of(events)
    if not gaps:
        # What streams keeps one thread busy; a second one would burn as much time in waiting.
        con.execute("SET threads = 1")
    for part in range(parts):
        # Where the ranges of :func:`part_of` begin: rounded up.
        low, high = (-(-(last + 1) * place // parts) for place in (part, part + 1))
        rows = f"coded WHERE unit >= {low} AND unit < {high}"
        target = "INSERT INTO event" if part else "CREATE TABLE event AS"
        con.execute(f"{target} {_query(_enough(con, by, rows), extra, null, rows, gaps)}")
    con.execute("RESET threads")


def _enough(con: duckdb.DuckDBPyConnection, by: list[str], rows: str) -> list[str]:
    """Return the first few of the columns where no two rows of a unit are alike in them.

    Sorting by the others, which seldom decide anything, would take twice as long.
    """
    for few in (by[:1], by[: by.index("tie") + 1]) if "tie" in by else (by[:1],):
        fields = ", ".join(map(quote, ["unit", *few]))
        if not len(recurring(con, f"SELECT hash({fields}) FROM {rows}")):
            return few
    return by


def _query(
    by: list[str], extra: tuple[str, ...], null: dict[str, str], rows: str, gaps: bool
) -> str:
    """Compose one sort, then windows over neighbours and running counts, which stream.

    Past the sort a unit's rows stand together, so that sessions and spells are differences of
    counts that run over the whole table. Only where some events lack a stage or channel and
    others do not (``gaps``), neighbours are looked for within each unit, at greater cost. What
    a study lacks is not carried through the sort.
    """
    carried = ", ".join([*(c for c in KEPT if c not in null), *extra])
    kept = ", ".join(f"{null[c]} AS {c}" if c in null else c for c in KEPT[2:])
    keys = ", ".join(f"{quote(column)} NULLS LAST" for column in by)
    stage, channel = (null.get(column, column) for column in ("stage", "channel"))
    more = "".join(f", {column}" for column in extra)
    journey, source, sort = "()", f"(SELECT {carried} FROM {rows} ORDER BY unit, {keys})", ""
    if gaps:
        journey, source = f"(PARTITION BY unit ORDER BY {keys})", rows
        sort = "ORDER BY unit, place"
    past = "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    skip = "IGNORE NULLS" if gaps else ""
    return f"""
        WITH beside AS (
            SELECT {carried}, row_number() OVER journey AS place,
                lag(unit) OVER journey IS DISTINCT FROM unit AS first,
                lead(unit) OVER journey IS NOT DISTINCT FROM unit AS more,
                lag(ts) OVER journey AS prev_ts, lead(ts) OVER journey AS next_ts,
                lead(touchpoint) OVER journey AS next_touchpoint,
                lag({stage} {skip}) OVER journey AS before,
                lead({stage} {skip}) OVER journey AS after,
                lead(CASE WHEN {stage} IS NOT NULL THEN ts END {skip}) OVER journey AS after_ts,
                lead({channel} {skip}) OVER journey AS next_channel,
                lead(CASE WHEN {channel} IS NOT NULL THEN ts END {skip}) OVER journey
                    AS next_channel_ts
            FROM {source} WINDOW journey AS {journey}),
        counted AS (
            SELECT *, count(*) FILTER (first OR ts > prev_ts + INTERVAL {SESSION_MINUTES} MINUTE)
                    {past} AS sessions,
                count(*) FILTER ({stage} IS NOT NULL AND (first OR {stage} IS DISTINCT FROM before))
                    {past} AS spells
            FROM (SELECT * FROM beside {sort}))
        SELECT unit, customer, CAST(place - max(place) FILTER (first) {past} AS INTEGER) AS step,
            {kept}, CAST(sessions - max(sessions) FILTER (first) {past} AS INTEGER) AS session,
            CASE WHEN {stage} IS NOT NULL THEN CAST(spells - max(spells - CAST({stage} IS NOT NULL
                AS INTEGER)) FILTER (first) {past} - 1 AS INTEGER) END AS spell,
            CASE WHEN {stage} IS NOT NULL AND NOT first THEN before END AS prev_stage,
            CASE WHEN {stage} IS NOT NULL AND more THEN after END AS next_stage,
            CASE WHEN {stage} IS NOT NULL AND more THEN after_ts END AS next_stage_ts,
            CASE WHEN more THEN next_touchpoint END AS next_touchpoint,
            CASE WHEN more THEN next_ts END AS next_ts,
            CASE WHEN more THEN next_channel END AS next_channel,
            CASE WHEN more THEN next_channel_ts END AS next_channel_ts{more}
        FROM counted"""
