"""The intake's rules as SQL: what a value becomes, and why a row cannot be used.

Each canonical column has one expression that reads it and a list of rules that refuse it.
The first rule that fires names the reason; a row without a reason is accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import duckdb

from cjlab.config import Source
from cjlab.errors import UserError, did_you_mean
from cjlab.schema import MONEY, RESPONSE_KINDS, RESPONSES, Column, Table
from cjlab.sources.base import BLANK, Raw, literal, quote
from cjlab.sources.encoding import UNREADABLE
from cjlab.sources.unanswered import unanswered
from cjlab.zones import ZoneSQL

EARLIEST = datetime(1971, 1, 1)
_ISO = (
    r"^\s*\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?"
    r"\s*(Z|z|[+-](0\d|1[0-5])(:?[0-5]\d)?)?\s*$"
)
_OFFSET = r"\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|z|[+-]\d{2}(:?\d{2})?)\s*$"
_CLOCK = re.compile(r"%-?[HIMScT]")
_EPOCH = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
_FLOATS = ("DOUBLE", "FLOAT", "REAL")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
_SCORE = RESPONSES.column("score")
# Beyond it amounts and quantities are slips of the pen, and their sums leave DECIMAL(18,4).
LARGEST = 10**12


@dataclass(frozen=True)
class Reading:
    """How one canonical column is read from a source.

    ``value`` is its expression, ``raw`` the text it came from, ``rules`` pairs of a rule name
    and the condition under which it refuses the row, ``notes`` pairs that only count.
    """

    column: Column
    value: str
    raw: str
    rules: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def mapping(table: Table, source: Source, raw: Raw) -> dict[str, str]:
    """Map canonical columns to the source's own, declared ones first, else by the same name.

    Raises
    ------
    UserError
        When a declared column is not in the source, or a required one is nowhere.
    """
    found = dict(source.columns)
    for canonical, own in found.items():
        if own not in raw.columns:
            raise UserError(
                f'{raw.label}: no column "{own}" (for {table.name}.{canonical}).'
                f"{did_you_mean(own, raw.columns)}"
            )
    taken, named = set(found.values()), {name.lower() for name in found}
    for name in raw.columns:
        known = name in table.names or (table.open and name not in taken)
        if known and name.lower() not in named:  # SQL cannot tell "Age" from "age"
            found[name] = name
    for name in table.required:
        if name not in found:
            raise UserError(
                f'{raw.label}: no column "{name}", which {table.name} needs; name it under '
                f"columns: {{{name}: …}}.{did_you_mean(name, raw.columns)}"
            )
    return found


def years(
    con: duckdb.DuckDBPyConnection, table: Table, source: Source, raw: Raw, now: datetime | None
) -> tuple[int, int]:
    """Return the years in which clock changes matter, so that expressions stay short."""
    first, last = (EARLIEST.year, now.year + 1) if now else (1900, 2100)
    low, high = last, first
    for canonical, own in mapping(table, source, raw).items():
        column = table.column(canonical)
        if column is None or column.kind != "time":
            continue
        declared = time_format(source, canonical)
        kind, name = raw.columns[own], quote(own)
        if kind.startswith(("TIMESTAMP", "DATE")):
            year = f"year({name})"
        elif declared and declared.startswith("epoch"):
            continue
        elif declared:
            year = f"year(try_strptime(CAST({name} AS VARCHAR), {literal(declared)}))"
        else:
            year = f"TRY_CAST(left(trim(CAST({name} AS VARCHAR)), 4) AS INTEGER)"
        row = con.execute(
            f"SELECT min({year}), max({year}) FROM {raw.relation} "
            f"WHERE {year} BETWEEN {first} AND {last}"
        ).fetchone()
        if row and row[0] is not None:
            low, high = min(low, int(row[0])), max(high, int(row[1]))
    return (low, high) if low <= high else (2000, 2000)


def readings(
    table: Table, source: Source, raw: Raw, zone: str, years: tuple[int, int], now: datetime | None
) -> list[Reading]:
    """Return how each mapped column of one source is read and refused."""
    clock = ZoneSQL(source.timezone or zone, *years)
    found = []
    for name, own in mapping(table, source, raw).items():
        column = table.column(name) or Column(name, "text")
        found.append(_reading(column, quote(own), raw.columns[own], source, clock, now, raw.label))
    return found


def _reading(
    column: Column,
    own: str,
    kind: str,
    source: Source,
    clock: ZoneSQL,
    now: datetime | None,
    label: str,
) -> Reading:
    if kind.startswith(_NESTED) or kind.endswith("]"):
        raise UserError(
            f"{label}: column {own} (for {column.name}) holds nested values; take one part of "
            "them out with a query."
        )
    text = f"CAST({own} AS VARCHAR)"
    absent = _absent(own, kind)
    rules: list[tuple[str, str]] = []
    if column.required:
        rules.append(("missing", absent))
    if kind == "VARCHAR":
        unread = f"contains({own}, {literal(UNREADABLE)}) OR contains({own}, chr(0))"
        rules.append(("unreadable_bytes", unread))
    if column.kind == "time":
        value, more, notes = _time(column.name, own, kind, source, clock, now, label)
    elif column.kind in ("money", "number", "integer"):
        value, notes = _number(column.kind, own, kind, source.decimal), ()
        more = [
            ("not_a_number", f"{value} IS NULL AND NOT {absent}"),
            ("out_of_range", f"abs({value}) >= {LARGEST}"),
        ]
    elif column.kind == "id":
        value, more, notes = id_text(own, kind), [], _decimal_ids(own, kind)
    else:
        value, more, notes = f"nullif({text}, '')", [], _letters(column, own, kind)
    if column == _SCORE and kind == "VARCHAR":
        declined = unanswered(own)
        value, notes = (
            f"CASE WHEN NOT {declined} THEN {value} END",
            (*notes, ("not_applicable", declined)),
        )
    if column.name == "kind":
        value = f"lower(trim({text}))"
        listed = ", ".join(literal(kind) for kind in RESPONSE_KINDS)
        more = [("unknown_kind", f"{value} NOT IN ({listed})")]
    return Reading(column, value, text, (*rules, *more), notes)


def _absent(own: str, kind: str) -> str:
    """Whether a cell says nothing: null, blank, or a float that is no number."""
    if kind == "VARCHAR":
        return f"({own} IS NULL OR regexp_full_match({own}, {literal(f'[{BLANK}]*')}))"
    return f"({own} IS NULL OR isnan({own}))" if kind in _FLOATS else f"({own} IS NULL)"


def id_text(own: str, kind: str) -> str:
    """Text as it is; a whole number stored as a float loses its ``.0`` and only then is text."""
    text = f"CAST({own} AS VARCHAR)"
    if kind in _FLOATS or kind.startswith("DECIMAL"):
        whole = f"CASE WHEN {own} = floor({own}) THEN TRY_CAST({own} AS HUGEINT) END"
        text = f"coalesce(CAST({whole} AS VARCHAR), {text})"
    return f"CASE WHEN NOT {_absent(own, kind)} THEN {text} END"


def _decimal_ids(own: str, kind: str) -> tuple[tuple[str, str], ...]:
    """Count text such as "17850.0": another export may well write "17850" for the same one."""
    shape = _where(f"suffix({own}, '.0')", f"regexp_full_match({own}, '\\d+\\.0')")
    return (("decimal_id", shape),) if kind == "VARCHAR" else ()


def _where(cheap: str, dear: str) -> str:
    """Both conditions, the second asked only where the first holds; AND would ask both."""
    return f"CASE WHEN {cheap} THEN {dear} ELSE FALSE END"


def _number(kind: str, own: str, stored: str, decimal: str) -> str:
    target = {"money": MONEY, "number": "DOUBLE", "integer": "BIGINT"}[kind]
    if stored != "VARCHAR":
        whole = f"{own} = floor({own})" if kind == "integer" and _fractional(stored) else "TRUE"
        return (
            f"CASE WHEN {whole} AND NOT {_absent(own, stored)} THEN TRY_CAST({own} AS {target}) END"
        )
    # Groups of three may stand apart; anything else between digits is no number.
    point, gap = (
        ("\\.", "[\\s\\x{00A0}\\x{202F}]") if decimal == "." else (",", "[\\s.\\x{00A0}\\x{202F}]")
    )
    grouped = f"\\d{{1,3}}({gap}\\d{{3}})+({point}\\d*)?"
    plain = f"(\\d+({point}\\d*)?|{point}\\d+)([eE][+-]?\\d+)?"
    clean = f"regexp_replace(trim({own}, {literal(BLANK)}), {literal(gap)}, '', 'g')"
    if decimal == ",":
        clean = f"replace({clean}, ',', '.')"
    form = f"regexp_full_match(trim({own}, {literal(BLANK)}), '[+-]?({grouped}|{plain})')"
    if kind == "integer":
        form += f" AND TRY_CAST({clean} AS DOUBLE) = floor(TRY_CAST({clean} AS DOUBLE))"
    return f"TRY_CAST(CASE WHEN {form} THEN {clean} END AS {target})"


def _fractional(stored: str) -> bool:
    return stored in _FLOATS or stored.startswith("DECIMAL")


def _letters(column: Column, own: str, kind: str) -> tuple[tuple[str, str], ...]:
    """Count signs of text that was read with the wrong encoding; nothing is repaired silently."""
    if kind != "VARCHAR":
        return ()
    garbled = (
        f"regexp_matches({own}, '[ÃÂ][\\x{{0080}}-\\x{{00BF}}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|�')"
    )
    beyond_ascii = f"strlen({own}) <> length({own})"
    notes = [("mojibake", _where(beyond_ascii, garbled))]
    if column.name != "text":
        lost = _where(f"contains({own}, '?')", f"regexp_matches({own}, '\\pL\\?\\pL')")
        notes.append(("lost_letter", lost))
    return tuple(notes)


def time_format(source: Source, name: str) -> str | None:
    """Return the declared format of one time column."""
    declared = source.time_format
    return declared.get(name) if isinstance(declared, dict) else declared


Parts = tuple[str, list[tuple[str, str]], tuple[tuple[str, str], ...]]


def _time(
    name: str, own: str, kind: str, source: Source, clock: ZoneSQL, now: datetime | None, label: str
) -> Parts:
    declared = time_format(source, name)
    present = f"NOT {_absent(own, kind)}"
    numeric = kind.endswith(_INTEGERS) or _fractional(kind)
    if kind != "VARCHAR" and not numeric and not kind.startswith(("TIMESTAMP", "DATE")):
        raise UserError(f"{label}: column {own} (for {name}) holds {kind} values, not times.")
    local: str | None
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        utc, local = f"({own} AT TIME ZONE 'UTC')", None
    elif kind.startswith(("TIMESTAMP", "DATE")):
        local = f"CAST({own} AS TIMESTAMP)"
        utc = clock.to_utc(local)
    elif declared in _EPOCH:
        micro = f"TRY_CAST({own} AS DECIMAL(28,6)) * {_EPOCH[str(declared)]}"
        utc, local = f"make_timestamp(TRY_CAST(floor({micro}) AS BIGINT))", None
    elif declared:
        return _declared(id_text(own, kind), declared, present, clock, now)
    elif numeric:
        raise UserError(
            f"{label}: column {own} holds numbers; say time_format: epoch_s, epoch_ms or epoch_us."
        )
    else:
        return _iso(own, present, clock, now)
    rules = [("not_a_time", f"({present}) AND {utc} IS NULL")]
    notes: tuple[tuple[str, str], ...] = ()
    if local is not None:
        midnight = " AND FALSE" if kind == "DATE" else ""
        rules.append(("no_such_local_time", f"{clock.never(local)}{midnight}"))
        notes = (("time_occurs_twice", clock.twice(local)),)
    return utc, rules + _plausible(utc, now), notes


def _declared(own: str, declared: str, present: str, clock: ZoneSQL, now: datetime | None) -> Parts:
    parsed = f"try_strptime({own}, {literal(declared)})"
    if "%z" in declared:
        utc = f"({parsed} AT TIME ZONE 'UTC')"
        rules = [("not_a_time", f"({present}) AND {parsed} IS NULL")]
        return utc, rules + _plausible(utc, now), ()
    utc = clock.to_utc(parsed)
    whole_day = not _CLOCK.search(declared)
    rules = [
        ("not_a_time", f"({present}) AND {parsed} IS NULL"),
        ("no_such_local_time", "FALSE" if whole_day else clock.never(parsed)),
    ]
    if whole_day:
        return utc, rules + _plausible(utc, now), ()
    return utc, rules + _plausible(utc, now), (("time_occurs_twice", clock.twice(parsed)),)


def _iso(own: str, present: str, clock: ZoneSQL, now: datetime | None) -> Parts:
    """ISO times, each row with an offset of its own or none; none means the zone's local time."""
    form = f"regexp_matches({own}, {literal(_ISO)})"
    zoned = f"regexp_matches({own}, {literal(_OFFSET)})"
    clean = f"replace(trim({own}), ',', '.')"
    tight = f"regexp_replace(upper({clean}), '\\s+(Z|[+-]\\d{{2}}(:?\\d{{2}})?)$', '\\1')"
    # The engine wants seconds before an offset.
    full = f"regexp_replace({tight}, '^(.{{16}})(Z|[+-]\\d)', '\\1:00\\2')"
    offset = f"(TRY_CAST({full} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    local = f"(CASE WHEN {form} AND NOT {zoned} THEN TRY_CAST(upper({clean}) AS TIMESTAMP) END)"
    either = f"CASE WHEN {zoned} THEN {offset} ELSE {clock.to_utc(local)} END"
    utc = f"(CASE WHEN {form} THEN {either} END)"
    whole_day = f"length(trim({own})) = 10"
    rules = [
        ("not_a_time", f"({present}) AND {utc} IS NULL"),
        ("no_such_local_time", f"{clock.never(local)} AND NOT {whole_day}"),
    ]
    notes = (("time_occurs_twice", f"{clock.twice(local)} AND NOT {whole_day}"),)
    return utc, rules + _plausible(utc, now), notes


def _plausible(utc: str, now: datetime | None) -> list[tuple[str, str]]:
    if now is None:
        return []
    return [
        ("implausible_time", f"{utc} < TIMESTAMP '{EARLIEST}'"),
        ("future_time", f"{utc} > TIMESTAMP '{now}'"),
    ]


def nothing_usable(con: duckdb.DuckDBPyConnection, table: Table, raw: Raw, rows: int) -> str:
    """Say why no row could be used, with the first value where it is no personal one."""
    top = con.execute(
        'SELECT rule, "column", count(*), min_by(value, "row") FROM quarantine '
        'WHERE "table" = ? AND source = ? GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 1',
        [table.name, raw.label],
    ).fetchone()
    rule, column, number, value = top or ("", None, rows, None)
    kind = table.column(column or "")
    shown = f' such as "{value}"' if kind and kind.kind not in ("id", "text") and value else ""
    where = f" in {column}" if column else ""
    return (
        f"{raw.label}: none of the {rows} rows can be used: {number} × {rule}{where}{shown}."
        f"{hint(rule, value)}"
    )


def hint(rule: str, value: object) -> str:
    """Return what to write in the study when a rule refuses every row."""
    if rule == "not_a_time":
        if str(value or "").strip().replace(".", "", 1).isdigit():
            return " Say time_format: epoch_s, epoch_ms or epoch_us."
        return ' Declare the form, for example time_format: "%d.%m.%Y %H:%M".'
    return ' Numbers with a decimal comma need decimal: ",".' if rule == "not_a_number" else ""
