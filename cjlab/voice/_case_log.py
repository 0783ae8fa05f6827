"""The log a team keeps of its cases: whom it reached, what came of it, whether they were told."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cjlab import config
from cjlab.errors import UserError, did_you_mean
from cjlab.journey.base import to_utc
from cjlab.patterns import show
from cjlab.study import Study
from cjlab.voice import _hours

LOGGED = ("contacted", "resolved", "outcome", "told")
_VALID = ("case", "customer_id", "opened", *LOGGED)
_YES = {"yes", "y", "true", "1", "x", "ja", "kyllä"}
_NO = {"no", "n", "false", "0", "nej", "nei", "ei"}
Line = dict[str, Any]


def add_log(study: Study, cases: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Add what the log says to the cases; return them and how many of its lines fit none.

    A line names a ``case``, or a ``customer_id`` and when the case was ``opened`` (its day, or its
    minute), or a customer who has one case only.
    """
    logged: dict[str, list[Any]] = {name: [None] * len(cases) for name in LOGGED}
    unmatched = 0
    said = study.config.loop.cases
    if said is not None:
        path = study.folder / config.expand(said)
        find = _finder(study, cases)
        taken: dict[int, int] = {}
        for number, line in _lines(study, path):
            place = find(line)
            if place is None:
                unmatched += 1
                continue
            if place in taken:
                raise UserError(
                    f"{path.name}: lines {taken[place]} and {number} are about the same case; "
                    "keep one line a case."
                )
            taken[place] = number
            for name in LOGGED:
                logged[name][place] = line[name]
    for name in ("contacted", "resolved"):
        cases[name] = pd.to_datetime(pd.Series(logged[name], index=cases.index)).astype(
            "datetime64[us]"
        )
    cases["outcome"] = pd.Series(logged["outcome"], index=cases.index, dtype="str")
    cases["told"] = pd.Series(logged["told"], index=cases.index, dtype="boolean")
    return cases, unmatched


def _finder(study: Study, cases: pd.DataFrame) -> Any:
    """Return what finds the one case that a line is about, or None."""
    names = {name: place for place, name in enumerate(cases["case"])}
    known = cases["opened"].notna() & cases["customer_id"].notna()
    own: dict[str, list[tuple[int, int]]] = {}
    opened = cases["opened"].where(known, pd.Timestamp(0)).to_numpy().astype("datetime64[us]")
    walls = _hours.local(opened.astype("int64"), study.zone)
    for place in np.flatnonzero(known):
        own.setdefault(str(cases["customer_id"].iloc[place]), []).append(
            (int(place), int(walls[place]))
        )

    def find(line: Line) -> int | None:
        if line["case"]:
            return names.get(line["case"])
        places = own.get(line["customer_id"], [])
        if line["opened"] is not None:
            wall, unit = line["opened"]
            places = [(place, at) for place, at in places if at // unit == wall // unit]
        return int(places[0][0]) if len(places) == 1 else None

    return find


def _lines(study: Study, path: Path) -> Iterator[tuple[int, Line]]:
    """Read the log, each line with the number that an editor shows."""
    until = study.observed_until
    for number, raw in _rows(path, study.path.name):
        where = f"{path.name} line {number}"
        if not raw["case"] and not raw["customer_id"]:
            raise UserError(f"{where}: names neither a case nor a customer_id.")
        line: Line = {"case": raw["case"], "customer_id": raw["customer_id"], "opened": None}
        if raw["opened"]:
            instant = _instant(raw["opened"], study.zone, f"{where}, column opened")
            micros = np.array([np.datetime64(instant, "us").astype("int64")])
            unit = _hours.DAY if len(raw["opened"]) == 10 else _hours.MINUTE
            line["opened"] = int(_hours.local(micros, study.zone)[0]), unit
        for name in ("contacted", "resolved"):
            line[name] = _by_then(raw[name], study.zone, until, f"{where}, column {name}")
        line["outcome"] = raw["outcome"] or None
        line["told"] = _flag(raw["told"], f"{where}, column told")
        yield number, line


def _by_then(text: str, zone: str, until: datetime, where: str) -> datetime | None:
    """An instant that lies before the end of observation; a day alone is its last moment."""
    if not text:
        return None
    found = _instant(text, zone, where)
    if found >= until:
        return None
    if len(text) == 10:
        found += timedelta(days=1, microseconds=-1)
    return min(found, until - timedelta(microseconds=1))


def _instant(text: str, zone: str, where: str) -> datetime:
    try:
        found = to_utc(text, zone)
    except (UserError, OverflowError):
        raise UserError(
            f"{where}: {show(text)} is no time; write 2026-07-01 or 2026-07-01 14:30."
        ) from None
    assert found is not None
    return found


def _flag(text: str, where: str) -> bool | None:
    word = text.casefold()
    if word and word not in _YES | _NO:
        raise UserError(f"{where}: {show(text)} is neither yes nor no.")
    return word in _YES if word else None


def _rows(path: Path, study_file: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path.name}: is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise UserError(f"{study_file}: loop.cases: {show(path.name)}: {reason}.") from None
    head = text.split("\n", 1)[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header, path.name)
        start = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                yield start, {name: row.get(name, "") for name in _VALID}
            start = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path.name} line {reader.line_num}: not readable as CSV ({error})."
        ) from None


def _check_header(header: list[str], file: str) -> None:
    """Ask for who it is about; columns that are not the log's are left alone, slips are not."""
    if "case" not in header and "customer_id" not in header:
        raise UserError(f"{file}: the header names neither case nor customer_id.")
    for name in header:
        near = did_you_mean(name, [v for v in _VALID if v not in header])
        if name not in _VALID and near.startswith(" Did"):
            raise UserError(f'{file}: column "{name}" is unknown.{near}')
