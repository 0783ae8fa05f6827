"""Intake: every row is accepted or refused with a reason, and the two always add up.

The rules themselves are in :mod:`cjlab.rules`; this module runs them over the sources of one
table, drops exact duplicates, keeps what was refused, and counts. Sources are read as often as
there is something to ask, and rows are written once, when it is known which ones are good:
that takes a fraction of the time and memory of keeping them in between.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from cjlab import rules
from cjlab.config import Source
from cjlab.engine import recurring
from cjlab.errors import CjlabError, UserError
from cjlab.reconciliation import Count, Intake, SourceSummary
from cjlab.schema import Table
from cjlab.sources.base import Raw, first_line, literal, quote

Progress = Callable[[str], None]

QUARANTINE = """CREATE TABLE IF NOT EXISTS quarantine (
    "table" VARCHAR, source VARCHAR, file VARCHAR, "row" BIGINT,
    rule VARCHAR, "column" VARCHAR, value VARCHAR, record VARCHAR)"""
# Dropping a repeated line loses nothing, so it does not count against a source's limit.
DROPPED = ("exact_duplicate",)
# Names a column as read, beside the source's own column of the same name.
AS = "_as "
# Dictionaries of what hardly repeats cost more time than they save room.
_FILE = (
    "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
    "DICTIONARY_SIZE_LIMIT 10000"
)
# Takes the intake's own columns out of a row's JSON.
OURS = '{"_part": null, "_file": null, "_row": null, "_whole": null}'


def check_table(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    parts: list[tuple[Source, Raw]],
    *,
    zone: str,
    now: datetime | None = None,
    currency: str | None = None,
    target: Path | None = None,
    progress: Progress = lambda _: None,
) -> Intake:
    """Run the rules over every source of one table.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Where the temporary ``accepted_<table>`` and the table ``quarantine`` are made.
    table : Table
        The canonical table.
    parts : list of (Source, Raw)
        The sources in the study's order.
    zone : str
        The study's time zone; times without an offset are local there.
    now : datetime, optional
        UTC instant after which a time lies in the future. None, the default, asks nothing of
        how plausible a time is.
    currency : str, optional
        The study's currency; order lines in another one are refused.
    target : Path, optional
        Parquet file to write the accepted rows to, which ``accepted_<table>`` is then a view of.
        By default it is a table.
    progress : callable
        Told what is being read.

    Returns
    -------
    Intake
        Rows in, accepted, rejected and dropped per source, and counts per rule.

    Raises
    ------
    UserError
        When columns are missing, or no row of a source can be used.
    CjlabError
        When rows in differ from accepted plus refused: a defect of ours, never published.
    """
    if now is not None:
        now = now.astimezone(UTC).replace(tzinfo=None)
    con.execute(QUARANTINE)
    found = Intake()
    total = {}
    for number, (source, raw) in enumerate(parts):
        progress(f"reading {table.name} from {raw.label}")
        try:
            total[number] = _check_source(
                con, table, source, raw, number, zone, now, currency, found
            )
        except duckdb.Error as error:
            raise UserError(f"{raw.label}: cannot be read: {first_line(error)}") from None
    con.execute("CREATE OR REPLACE TEMP TABLE gone (_part INTEGER, _file VARCHAR, _row BIGINT)")
    try:
        _unite(con, table, len(parts))
        _drop_copies(con, table, parts, found)
        _keep(con, table, target)
    except duckdb.Error as error:
        labels = ", ".join(raw.label for _, raw in parts)
        raise UserError(f"{labels}: cannot be read: {first_line(error)}") from None
    con.execute("DROP TABLE gone")
    for number, (source, raw) in enumerate(parts):
        found.sources.append(_reconcile(con, table, source, raw, number, total[number]))
    return found


def _keep(con: duckdb.DuckDBPyConnection, table: Table, target: Path | None) -> None:
    """Let ``accepted_<table>`` be the good rows, in a file or in a table."""
    good = f"SELECT * EXCLUDE (_whole) FROM good_{table.name}"
    made = f"CREATE OR REPLACE TEMP {{}} accepted_{table.name} AS {{}}"
    if target is None:
        con.execute(made.format("TABLE", good))
        return
    con.execute(f"COPY ({good}) TO {literal(target)} ({_FILE})")
    con.execute(made.format("VIEW", f"SELECT * FROM read_parquet({literal(target)})"))


def _check_source(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    source: Source,
    raw: Raw,
    number: int,
    zone: str,
    now: datetime | None,
    currency: str | None,
    found: Intake,
) -> int:
    """Make the view ``good_<table>_<number>``, quarantine what is refused, and return rows in."""
    years = rules.years(con, table, source, raw, now)
    columns = rules.readings(table, source, raw, zone, years, now)
    conditions = [(name, r) for r in columns for name, _ in r.rules]
    tests = [test for r in columns for _, test in r.rules]
    if table.name == "orders" and currency:
        money = next((r for r in columns if r.column.name == "currency"), None)
        if money:
            conditions.append(("foreign_currency", money))
            tests.append(f"upper(trim({money.value})) <> {literal(currency.strip().upper())}")
    notes = [(name, r.column.name, test) for r in columns for name, test in r.notes]
    code = " ".join(f"WHEN {test} THEN {place}" for place, test in enumerate(tests))
    value = " ".join(f"WHEN {place} THEN {r.raw}" for place, (_, r) in enumerate(conditions))
    fields = ", ".join(f"{r.value} AS {quote(AS + r.column.name)}" for r in columns)
    kept = ", ".join(f"{quote(AS + r.column.name)} AS {quote(r.column.name)}" for r in columns)
    flags = "".join(f", ({test}) AS _note{place}" for place, (_, _, test) in enumerate(notes))
    own = ", ".join(f"{quote(c)} := {quote(c)}" for c in raw.columns)
    # In name order, so that the same row in two exports is the same whatever their order.
    every = ", ".join(quote(c) for c in sorted(raw.columns))
    rows = f"SELECT *, {fields}, hash({every}) AS _whole FROM {raw.relation}"
    # The CASE over codes runs for refused rows only: they alone keep their text and record.
    con.execute(
        "CREATE OR REPLACE TEMP VIEW checked AS "
        f"SELECT *, CASE _code {value} END AS _value, "
        f"CASE WHEN _code IS NOT NULL THEN CAST(to_json(struct_pack({own})) AS VARCHAR) END "
        f"AS _record FROM (SELECT *{flags}, CASE {code} ELSE NULL END AS _code FROM ({rows}))"
    )
    rows_read, refused = _count(con, table, raw, notes, found)
    some = "WHERE _code IS NOT NULL" if refused else "LIMIT 0"
    con.execute(f"CREATE OR REPLACE TEMP TABLE refused AS SELECT * FROM checked {some}")
    _quarantine(con, table, raw, conditions, found)
    _note_due(con, conditions, found)
    # Rules that refused nothing are not asked again.
    fired = con.execute("SELECT DISTINCT _code FROM refused ORDER BY 1").fetchall()
    passed = " AND ".join(["TRUE", *(f"({tests[place]}) IS NOT TRUE" for (place,) in fired)])
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW good_{table.name}_{number} AS "
        f"SELECT {kept}, {number} AS _part, _file, _row, _whole FROM ({rows} WHERE {passed})"
    )
    con.execute("DROP VIEW checked")
    con.execute("DROP TABLE refused")
    for rule, column, noted in raw.counts:
        found.counts.append(Count(table.name, raw.label, rule, column, noted, "noted"))
    rows_in = rows_read + raw.ragged.num_rows
    if rows_in and refused == rows_read:
        raise UserError(rules.nothing_usable(con, table, raw, rows_in))
    return rows_in


def _count(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    raw: Raw,
    notes: list[tuple[str, str, str]],
    found: Intake,
) -> tuple[int, int]:
    """Run all the rules, count what is only noted, and return rows read and rows refused."""
    sums = [f"count(*) FILTER (_note{place} AND _code IS NULL)" for place in range(len(notes))]
    row = con.execute(f"SELECT {', '.join(['count(*)', 'count(_code)', *sums])} FROM checked")
    rows, refused, *numbers = row.fetchone() or (0, 0)
    for (name, column, _), number in zip(notes, numbers, strict=True):
        if number:
            found.counts.append(Count(table.name, raw.label, name, column, number, "noted"))
    return rows, refused


def _quarantine(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    raw: Raw,
    conditions: list[tuple[str, rules.Reading]],
    found: Intake,
) -> None:
    head = f"{literal(table.name)}, {literal(raw.label)}"
    if conditions:
        rule = " ".join(f"WHEN {i} THEN {literal(name)}" for i, (name, _) in enumerate(conditions))
        column = " ".join(
            f"WHEN {i} THEN {literal(r.column.name)}" for i, (_, r) in enumerate(conditions)
        )
        con.execute(
            f"INSERT INTO quarantine SELECT {head}, _file, _row, CASE _code {rule} END, "
            f"CASE _code {column} END, _value, _record FROM refused"
        )
        rows = con.execute("SELECT _code, count(*) FROM refused GROUP BY 1 ORDER BY 1").fetchall()
        for code, number in rows:
            name, reading = conditions[code]
            column_name = reading.column.name
            found.counts.append(Count(table.name, raw.label, name, column_name, number, "rejected"))
    if raw.ragged.num_rows:
        con.register("ragged_lines", raw.ragged)
        con.execute(
            f'INSERT INTO quarantine SELECT {head}, file, "row", rule, "column", value, text '
            "FROM ragged_lines"
        )
        rows = con.execute(
            'SELECT rule, "column", count(*) FROM ragged_lines GROUP BY 1, 2 ORDER BY 1, 2'
        ).fetchall()
        con.unregister("ragged_lines")
        for rule, column, number in rows:
            found.counts.append(Count(table.name, raw.label, rule, column, number, "rejected"))


def _note_due(
    con: duckdb.DuckDBPyConnection,
    conditions: list[tuple[str, rules.Reading]],
    found: Intake,
) -> None:
    """Note when the first row that lies in the future will have come to pass."""
    for place, (rule, reading) in enumerate(conditions):
        if rule == "future_time":
            first = f"min({quote(AS + reading.column.name)})"
            row = con.execute(f"SELECT {first} FROM refused WHERE _code = {place}").fetchone()
            if row and row[0] is not None:
                found.due = min(found.due or row[0], row[0])


def _unite(con: duckdb.DuckDBPyConnection, table: Table, parts: int, but: str = "") -> None:
    """Let the view ``good_<table>`` be the sources' good rows; what no source has is null."""
    union = " UNION ALL BY NAME ".join(
        f"SELECT * FROM good_{table.name}_{number}" for number in range(parts)
    )
    have = {row[0] for row in con.execute(f"DESCRIBE {union}").fetchall()}
    absent = "".join(f", {c.null}" for c in table.columns if c.name not in have)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW good_{table.name} AS SELECT *{absent} FROM ({union}) {but}"
    )


def _drop_copies(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    parts: list[tuple[Source, Raw]],
    found: Intake,
) -> None:
    """Drop exact copies of events, tickets, dated responses and customers; count order lines.

    A copy is alike in every column of its source, mapped or not: two products on one order, or
    two pages in one second, are no copies.
    """
    columns = [
        row[0]
        for row in con.execute(f"DESCRIBE good_{table.name}").fetchall()
        if row[0] not in ("_part", "_file", "_row", "_whole")
    ]
    known = "customer_id IS NOT NULL AND ts IS NOT NULL" if table.name == "responses" else "TRUE"
    if _find_copies(con, table, "_whole", ["_whole", *columns], known):
        if table.name == "orders":
            _report(con, table, parts, found, "duplicate_order_line", "noted")
        else:
            _move(con, table, parts, found, "exact_duplicate", "dropped")
    if table.name == "customers" and _find_copies(con, table, "hash(customer_id)", ["customer_id"]):
        _move(con, table, parts, found, "conflicting_customer", "rejected")


def _find_copies(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    mark: str,
    same: list[str],
    known: str = "TRUE",
) -> bool:
    """Make ``copies`` of the rows that repeat an earlier one, unless there are none.

    Rows alike in the columns ``same`` are alike in ``mark``, a hash; only rows whose hash comes
    again are compared.
    """
    good = f"good_{table.name}"
    hashes = recurring(con, f"SELECT {mark} FROM {good} WHERE {known}")
    if not len(hashes):
        return False
    con.register("again", pa.table({"mark": hashes}))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE copies AS SELECT _part, _file, _row FROM (SELECT _part, "
        f"_file, _row, row_number() OVER (PARTITION BY {', '.join(map(quote, same))} "
        f"ORDER BY _part, _file, _row) AS _copy FROM {good} "
        f"WHERE {known} AND {mark} IN (SELECT mark FROM again)) WHERE _copy > 1"
    )
    con.unregister("again")
    return _one(con, "SELECT count(*) FROM copies") > 0


def _report(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    parts: list[tuple[Source, Raw]],
    found: Intake,
    rule: str,
    effect: str,
) -> None:
    for part, number in con.execute(
        "SELECT _part, count(*) FROM copies GROUP BY 1 ORDER BY 1"
    ).fetchall():
        found.counts.append(Count(table.name, parts[part][1].label, rule, None, number, effect))


def _move(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    parts: list[tuple[Source, Raw]],
    found: Intake,
    rule: str,
    effect: str,
) -> None:
    """Move the rows named in ``copies`` from the good ones to the quarantine."""
    _report(con, table, parts, found, rule, effect)
    label = " ".join(f"WHEN {i} THEN {literal(raw.label)}" for i, (_, raw) in enumerate(parts))
    place = "_part, _file, _row"
    con.execute(
        "INSERT INTO quarantine "
        f"SELECT {literal(table.name)}, CASE _part {label} END, _file, _row, {literal(rule)}, "
        f"NULL, customer_id, CAST(json_merge_patch(to_json(kept), {literal(OURS)}) AS VARCHAR) "
        f"FROM good_{table.name} AS kept SEMI JOIN copies USING ({place}) ORDER BY {place}"
    )
    con.execute("INSERT INTO gone FROM copies")
    _unite(con, table, len(parts), f"ANTI JOIN gone USING ({place})")


def _reconcile(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    source: Source,
    raw: Raw,
    number: int,
    rows_in: int,
) -> SourceSummary:
    accepted = _one(con, f"SELECT count(*) FROM accepted_{table.name} WHERE _part = {number}")
    refused = con.execute(
        "SELECT count(*) FILTER (WHERE rule NOT IN ?), count(*) FROM quarantine "
        'WHERE "table" = ? AND source = ?',
        [list(DROPPED), table.name, raw.label],
    ).fetchone() or (0, 0)
    rejected, dropped = refused[0], refused[1] - refused[0]
    if rows_in != accepted + rejected + dropped:
        raise CjlabError(
            f"{raw.label}: {rows_in} rows in, but {accepted} accepted + {rejected} rejected + "
            f"{dropped} dropped; nothing is published from rows that do not add up."
        )
    return SourceSummary(
        table.name,
        raw.label,
        len(raw.files),
        rows_in,
        accepted,
        rejected,
        dropped,
        source.reject_limit,
        "; ".join(raw.notes),
    )


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
