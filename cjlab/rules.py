"""The intake's rules as SQL: what a value becomes, and why a row cannot be used.

Each canonical column has one expression that reads it and a list of rules that refuse it.
The first rule that fires names the reason; a row without a reason is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cjlab.config import Source
from cjlab.errors import UserError, did_you_mean
from cjlab.schema import MONEY, RESPONSE_KINDS, Column, Table
from cjlab.sources.base import Raw, literal, quote
from cjlab.sources.encoding import UNREADABLE
from cjlab.zones import ZoneSQL

EARLIEST = datetime(1971, 1, 1)
_ISO = (
    r"^\s*\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?"
    r"\s*(Z|z|[+-]\d{2}(:?\d{2})?)?\s*$"
)
_OFFSET = r"\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|z|[+-]\d{2}(:?\d{2})?)\s*$"
_EPOCH = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
_NUMERIC = ("INT", "DECIMAL", "DOUBLE", "FLOAT", "REAL")


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
    taken = set(found.values())
    for name in raw.columns:
        known = name in table.names or (table.open and name not in taken)
        if known and name not in found:
            found[name] = name
    for name in table.required:
        if name not in found:
            raise UserError(
                f'{raw.label}: no column "{name}", which {table.name} needs; name it under '
                f"columns: {{{name}: …}}.{did_you_mean(name, raw.columns)}"
            )
    return found


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
    text = f"CAST({own} AS VARCHAR)"
    absent = f"({own} IS NULL OR trim({text}) = '')"
    rules: list[tuple[str, str]] = []
    if column.required:
        rules.append(("missing", absent))
    if kind == "VARCHAR":
        rules.append(("unreadable_bytes", f"contains({own}, {literal(UNREADABLE)})"))
    if column.kind == "time":
        value, more, notes = _time(column.name, own, kind, source, clock, now, label)
    elif column.kind in ("money", "number", "integer"):
        value, notes = _number(column.kind, own, kind, source.decimal), ()
        more = [("not_a_number", f"{value} IS NULL AND NOT {absent}")]
    elif column.kind == "id":
        value, more, notes = _id(own, kind), [], ()
    else:
        value, more, notes = f"nullif({text}, '')", [], _letters(column, own, kind)
    if column.name == "kind":
        value = f"lower(trim({text}))"
        listed = ", ".join(literal(kind) for kind in RESPONSE_KINDS)
        more = [("unknown_kind", f"{value} NOT IN ({listed})")]
    return Reading(column, value, text, (*rules, *more), notes)


def _id(own: str, kind: str) -> str:
    """Text as it is; a whole number stored as a float loses its ``.0`` and only then is text."""
    if kind in ("DOUBLE", "FLOAT", "REAL") or kind.startswith("DECIMAL"):
        whole = f"CAST(CAST({own} AS HUGEINT) AS VARCHAR)"
        return (
            f"CASE WHEN isfinite(CAST({own} AS DOUBLE)) AND {own} = floor({own}) "
            f"THEN {whole} ELSE nullif(CAST({own} AS VARCHAR), 'nan') END"
        )
    return f"nullif(CAST({own} AS VARCHAR), '')"


def _number(kind: str, own: str, stored: str, decimal: str) -> str:
    target = {"money": MONEY, "number": "DOUBLE", "integer": "BIGINT"}[kind]
    if stored != "VARCHAR":
        return f"TRY_CAST({own} AS {target})"
    text = f"regexp_replace(trim({own}), '[\\s\\x{{00A0}}\\x{{202F}}]', '', 'g')"
    if decimal == ",":
        text = f"replace(replace({text}, '.', ''), ',', '.')"
    plain = f"CASE WHEN regexp_full_match({text}, '[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?')"
    return f"TRY_CAST({plain} THEN {text} END AS {target})"


def _letters(column: Column, own: str, kind: str) -> tuple[tuple[str, str], ...]:
    """Count signs of text that was read with the wrong encoding; nothing is repaired silently."""
    if kind != "VARCHAR":
        return ()
    garbled = (
        f"regexp_matches({own}, '[ÃÂ][\\x{{0080}}-\\x{{00BF}}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|�')"
    )
    notes = [("mojibake", garbled)]
    if column.name != "text":
        notes.append(("lost_letter", f"regexp_matches({own}, '\\pL\\?\\pL')"))
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
    text = f"CAST({own} AS VARCHAR)"
    present = f"{own} IS NOT NULL AND trim({text}) <> ''"
    local: str | None
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        utc, local = f"({own} AT TIME ZONE 'UTC')", None
    elif kind.startswith(("TIMESTAMP", "DATE")):
        local = f"CAST({own} AS TIMESTAMP)"
        utc = clock.to_utc(local)
    elif declared in _EPOCH:
        micro = f"TRY_CAST({own} AS DECIMAL(28,6)) * {_EPOCH[str(declared)]}"
        utc, local = f"make_timestamp(TRY_CAST(floor({micro}) AS BIGINT))", None
    elif any(kind.startswith(number) for number in _NUMERIC) or "INT" in kind:
        raise UserError(
            f"{label}: column {own} holds numbers; say time_format: epoch_s, epoch_ms or epoch_us."
        )
    elif declared:
        return _declared(own, declared, present, clock, now)
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
    rules = [
        ("not_a_time", f"({present}) AND {parsed} IS NULL"),
        ("no_such_local_time", clock.never(parsed)),
    ]
    return utc, rules + _plausible(utc, now), (("time_occurs_twice", clock.twice(parsed)),)


def _iso(own: str, present: str, clock: ZoneSQL, now: datetime | None) -> Parts:
    """ISO times, each row with an offset of its own or none; none means the zone's local time."""
    form = f"regexp_matches({own}, {literal(_ISO)})"
    zoned = f"regexp_matches({own}, {literal(_OFFSET)})"
    clean = f"replace(trim({own}), ',', '.')"
    tight = f"regexp_replace(upper({clean}), '\\s+(Z|[+-]\\d{{2}}(:?\\d{{2}})?)$', '\\1')"
    offset = f"(TRY_CAST({tight} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    local = f"(CASE WHEN {form} AND NOT {zoned} THEN TRY_CAST({clean} AS TIMESTAMP) END)"
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
