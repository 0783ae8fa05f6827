"""What a table says to a reader: rows of text from a frame, before any markup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pandas as pd

from cjlab import messages
from cjlab.estimates import dims

LONGEST = 30


@dataclass(frozen=True)
class Cell:
    """One cell of a shown table; `kind` is head, text, number, count or a status."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class View:
    """A shown table: heads, rows of cells, and how many rows there are in all."""

    heads: list[str]
    rows: list[list[Cell]]
    total: int
    row_heads: int = 1

    def kind(self, column: int) -> str:
        """Return the kind of a column for its head: counts line up to the right."""
        kinds = {row[column].kind for row in self.rows}
        return "count" if kinds == {"count"} else "text"


@dataclass(frozen=True)
class Wording:
    """How to write ids, columns and small cells: language, minimum and the study's labels."""

    language: str = "en"
    minimum: int = 10
    labels: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    def head(self, name: str) -> str:
        """Return a column's head."""
        return self.columns.get(name) or messages.label("column", name, self.language)

    def metric(self, name: Any) -> str:
        """Return a metric's name in words."""
        return messages.label("metric", str(name), self.language)

    def name(self, value: Any) -> Cell:
        """Return a dimension's value, by its label where it has one."""
        shown = messages.format_value(value, self.language)
        return Cell(self.labels.get(str(value), shown), "head")

    def cell(self, value: Any, column: Any = "") -> Cell:
        """Return any other value; numbers are marked, and a column called share holds shares."""
        text = self.name(value).text
        is_number = pd.api.types.is_number(value) and not isinstance(value, bool)
        if not is_number or pd.isna(value):
            return Cell(text)
        if column == "share":
            text = messages.percent(value, 2)(self.language)
        return Cell(text, "count")


def estimate_text(row: Mapping[Any, Any], wording: Wording) -> Cell:
    """Return one number with its interval and its base, or in words why there is none."""
    parts = _parts(row)
    if not parts:
        status = str(row["status"])
        return Cell(_why(row, wording), "not_estimable" if status == "ok" else status)
    text = messages.text("cell." + "_".join(parts), wording.language, **parts)
    return Cell(text, "number")


def basis_text(row: Mapping[Any, Any], wording: Wording) -> tuple[str, str]:
    """Return a number alone, and its interval and base apart, for where it stands large."""
    parts = _parts(row)
    if not parts:
        return _why(row, wording), ""
    value = messages.format_value(parts.pop("value"), wording.language)
    key = "basis." + "_".join(parts)
    return value, messages.text(key, wording.language, **parts) if parts else ""


def _parts(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return value, interval and n as far as they are there."""
    if row["status"] != "ok" or pd.isna(row["value"]):
        return {}
    unit = None if pd.isna(row["unit"]) else str(row["unit"])
    form = messages.quantity(unit)
    has_interval = not (pd.isna(row["low"]) and pd.isna(row["high"]))
    whole = float(row["value"]).is_integer() and not has_interval and form is messages.number
    parts: dict[str, Any] = {"value": form(int(row["value"]) if whole else row["value"])}
    if has_interval:
        parts["interval"] = messages.limits(row["value"], row["low"], row["high"], unit)
    if not pd.isna(row["n"]) and not (whole and int(row["n"]) == row["value"]):
        parts["n"] = int(row["n"])
    return parts


def _why(row: Mapping[Any, Any], wording: Wording) -> str:
    status, note, language = row["status"], f"note.{row['note']}", wording.language
    if status == "suppressed" and row["note"] == "complementary":
        return messages.text("cell.withheld", language)
    if status == "suppressed":
        return messages.text("cell.small", language, minimum=wording.minimum)
    if status == "not_yet_observed":
        return messages.text("cell.not_yet_observed", language)
    if messages.has(note, language):
        reason = messages.text(note, language)
        return messages.text("cell.not_estimable_why", language, reason=reason)
    return messages.text("cell.not_estimable", language)


def view_estimates(frame: pd.DataFrame, wording: Wording, longest: int = LONGEST) -> View:
    """Lay out estimates: a row for each combination of dimensions, a column for each metric."""
    names = dims(frame)
    if not names or frame.duplicated([*names, "metric"]).any():
        return view_long(frame, wording, longest)
    groups = frame.groupby(names, sort=False, dropna=False)
    metrics = frame["metric"].unique()
    rows = []
    for key, group in islice(groups, longest):
        cells = {row["metric"]: estimate_text(row, wording) for row in group.to_dict("records")}
        rows.append([*map(wording.name, key), *(cells.get(name, Cell("")) for name in metrics)])
    heads = [*map(wording.head, names), *map(wording.metric, metrics)]
    return View(heads, rows, groups.ngroups, len(names))


def view_long(frame: pd.DataFrame, wording: Wording, longest: int = LONGEST) -> View:
    """Lay out estimates with a row for each number: its dimensions, its metric, its text."""
    names = dims(frame)
    rows = []
    for row in frame.head(longest).to_dict("records"):
        ids = [wording.name(row[name]) for name in names]
        rows.append([*ids, Cell(wording.metric(row["metric"])), estimate_text(row, wording)])
    heads = [wording.head(name) for name in (*names, "metric", "value")]
    return View(heads, rows, len(frame), len(names) + 1)


def view_quality(frame: pd.DataFrame, wording: Wording, longest: int = LONGEST) -> View:
    """Lay out row counts or diagnostics as they are; the first column heads its row."""
    rows = []
    for first, *rest in frame.head(longest).itertuples(index=False, name=None):
        rows.append([wording.name(first), *map(wording.cell, rest, frame.columns[1:])])
    return View([wording.head(str(name)) for name in frame.columns], rows, len(frame))
