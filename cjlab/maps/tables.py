"""A map as tables that hold everything: the sheets of a workbook, the records of a CSV file.

The table of cards is there to be edited. A row of the table of numbers belongs to the card whose
place it names; cards that a person adds need no place.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from cjlab.errors import UserError, did_you_mean
from cjlab.maps.files import checked
from cjlab.maps.model import Card, JourneyMap, Number

Row = dict[str, Any]
Tables = dict[str, list[Row]]

_CARD = tuple(name for name in Card.model_fields if name != "numbers")
#: By table, its columns.
COLUMNS: dict[str, tuple[str, ...]] = {
    "cards": ("card", "lane", "stage", *_CARD),
    "numbers": ("card", *Number.model_fields),
    "stages": ("stage", "label"),
    "lanes": ("lane", "label", "kind", "line", "owner"),
    "about": ("key", "value"),
}
# By record of the CSV file, the table it is a row of.
_RECORDS = {name.removesuffix("s"): name for name in COLUMNS}
_ABOUT = [name for name in JourneyMap.model_fields if name not in ("columns", "lanes", "cards")]
_FORMULA = "=+-@\t\r"


def to_tables(journey_map: JourneyMap) -> Tables:
    """Return a map as tables, one row a card, a number, a stage, a lane and a thing said of it."""
    tables: Tables = {name: [] for name in COLUMNS}
    for place, (lane, stage, card) in enumerate(journey_map.walk(), 1):
        said = card.model_dump(exclude_defaults=True, exclude={"numbers"})
        tables["cards"].append({"card": place, "lane": lane, "stage": stage, **said})
        for number in card.numbers:
            row = number.model_dump(exclude_defaults=True)
            if number.where:
                row["where"] = json.dumps(number.where, ensure_ascii=False)
            tables["numbers"].append({"card": place, **row, "status": number.status})
    tables["stages"] = [{"stage": one.id, "label": one.label} for one in journey_map.columns]
    for lane_row in journey_map.lanes:
        said = lane_row.model_dump(exclude_none=True)
        tables["lanes"].append({"lane": said.pop("id"), **said})
    about = journey_map.model_dump(include=set(_ABOUT), exclude_defaults=True)
    for key, value in {**_said_always(journey_map), **about}.items():
        values = value if isinstance(value, tuple) else (value,)
        tables["about"] += [{"key": key, "value": one} for one in values]
    return tables


def from_tables(file: str, tables: Mapping[str, Iterable[Mapping[str, str]]]) -> JourneyMap:
    """Return the map that tables of texts hold; an empty text is not in the row."""
    numbers: dict[str, list[Row]] = {}
    for row in tables["numbers"]:
        said: Row = dict(row)
        if "where" in said:
            said["where"] = _where(file, said["where"])
        numbers.setdefault(said.pop("card", ""), []).append(said)
    cells: dict[str, dict[str, list[Row]]] = {}
    for row in tables["cards"]:
        said = dict(row)
        lane, stage = (_place(file, said, key) for key in ("lane", "stage"))
        said["numbers"] = numbers.pop(said.pop("card", ""), [])
        cells.setdefault(lane, {}).setdefault(stage, []).append(said)
    if numbers:
        raise UserError(f'{file}: numbers: no card "{min(numbers)}" that they belong to.')
    about: Row = {"notes": []}
    for row in tables["about"]:
        key, value = row.get("key", ""), row.get("value", "")
        if key not in _ABOUT:
            raise UserError(f'{file}: about: unknown key "{key}".{did_you_mean(key, _ABOUT)}')
        if key == "notes":
            about[key].append(value)
        else:
            about[key] = int(value) if key == "format" and value.isdecimal() else value
    stages = [{"id": _place(file, row, "stage"), **_rest(row, "stage")} for row in tables["stages"]]
    lanes = [{"id": _place(file, row, "lane"), **_rest(row, "lane")} for row in tables["lanes"]]
    return checked(file, {**about, "columns": stages, "lanes": lanes, "cards": cells})


def named(file: str, table: str, head: list[str], rows: Iterable[list[str]]) -> list[Row]:
    """Give the cells of each row the names in the table's head; empty rows and cells fall away."""
    valid = COLUMNS[table]
    for name in filter(None, head):
        if name not in valid:
            raise UserError(f'{file}: {table}: unknown column "{name}".{did_you_mean(name, valid)}')
    found = []
    for row in rows:
        beyond = [text for name, text in _pairs(head, row) if text and not name]
        if beyond:
            raise UserError(f'{file}: {table}: "{beyond[0][:80]}" stands in a column without name.')
        said = {name: shown(text) for name, text in _pairs(head, row) if name and text}
        found += [said] if said else []
    return found


def to_csv(journey_map: JourneyMap) -> bytes:
    """Return a map as CSV: one row a card, then what the cards stand on and belong to.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    heads = ["record", *dict.fromkeys(name for names in COLUMNS.values() for name in names)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, heads)
    writer.writeheader()
    tables = to_tables(journey_map)
    for record, table in _RECORDS.items():
        for row in tables[table]:
            kept = {key: hidden(value, formulas=True) for key, value in row.items()}
            writer.writerow({"record": record, **kept})
    # Spreadsheets read UTF-8 only where this mark says so.
    return out.getvalue().encode("utf-8-sig")


def from_csv(file: str, rows: list[list[str]]) -> JourneyMap:
    """Return the map of the rows of a CSV file that `to_csv` made; a row without record is a card.

    Parameters
    ----------
    file : str
        Its name.
    rows : list of list of str
        With the head.
    """
    head, *rest = rows
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    for row in rest:
        if not any(row):
            continue
        record = row[0] or "card"
        if record not in _RECORDS:
            raise UserError(f'{file}: unknown record "{record}".{did_you_mean(record, _RECORDS)}')
        table = _RECORDS[record]
        cells = [(n, text) for n, text in _pairs(head[1:], row[1:]) if text or n in COLUMNS[table]]
        tables[table] += named(file, table, [n for n, _ in cells], [[text for _, text in cells]])
    return from_tables(file, tables)


def hidden(value: Any, formulas: bool = False) -> Any:
    """Return a text with an apostrophe where it is empty or would be taken to have one.

    Parameters
    ----------
    value : object
        What a cell holds; only texts change.
    formulas : bool, default False
        Whether a text that begins as a formula gets one too.

    Examples
    --------
    >>> hidden("=1+1", formulas=True), hidden("=1+1"), hidden("'=1+1"), hidden("")
    ("'=1+1", '=1+1', "''=1+1", "'")
    """
    if not isinstance(value, str):
        return value
    rest = value.lstrip("'")
    taken = not rest or (rest[0] in _FORMULA and (formulas or rest != value))
    return f"'{value}" if taken else value


def shown(text: str) -> str:
    """Take off again the apostrophe of :func:`hidden`.

    Examples
    --------
    >>> shown("'=1+1"), shown("'tis"), shown("'")
    ('=1+1', "'tis", '')
    """
    rest = text.lstrip("'")
    return text[1:] if text[:1] == "'" and (not rest or rest[0] in _FORMULA) else text


def _said_always(journey_map: JourneyMap) -> Row:
    return {key: getattr(journey_map, key) for key in ("format", "template", "language")}


def _pairs(head: list[str], row: list[str]) -> Iterable[tuple[str, str]]:
    return zip([*head, *[""] * (len(row) - len(head))], row, strict=False)


def _place(file: str, row: Mapping[str, str], key: str) -> str:
    if key not in row:
        raise UserError(f'{file}: "{" ".join(map(str, row.values()))[:80]}" has no {key}.')
    return row.pop(key) if isinstance(row, dict) else row[key]


def _rest(row: Mapping[str, str], key: str) -> Row:
    return {name: value for name, value in row.items() if name != key}


def _where(file: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise UserError(f'{file}: numbers: where is "{text[:80]}", which is not JSON.') from None
