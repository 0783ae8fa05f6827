"""What a table says to a reader: rows of text from a frame, before any markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

    def name(self, value: Any) -> Cell:
        """Return a dimension's value, by its label where it has one."""
        shown = messages.format_value(value, self.language)
        return Cell(self.labels.get(str(value), shown), "head")

    def cell(self, value: Any) -> Cell:
        """Return any other value; numbers are marked, so that they line up."""
        is_number = not isinstance(value, str | bool) and pd.api.types.is_number(value)
        is_number = is_number and not pd.isna(value)
        return Cell(self.name(value).text, "count" if is_number else "text")


def estimate_text(row: Mapping[Any, Any], wording: Wording) -> Cell:
    """Return one number with its interval and its base, or in words why there is none."""
    found = estimate_parts(row, wording)
    if isinstance(found, Cell):
        return found
    key = "cell." + "_".join(found)
    return Cell(messages.text(key, wording.language, **found), "number")


def estimate_parts(
    row: Mapping[Any, Any], wording: Wording
) -> Cell | dict[str, messages.Formatted | int]:
    """Return value, interval and n as far as they are there, or the cell that says why not."""
    status = row["status"]
    if status != "ok" or pd.isna(row["value"]):
        return Cell(_why(row, wording), str(status) if status != "ok" else "not_estimable")
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


def basis_text(row: Mapping[Any, Any], wording: Wording) -> tuple[str, str]:
    """Return a number alone, and its interval and base apart, for where it stands large."""
    found = estimate_parts(row, wording)
    if isinstance(found, Cell):
        return found.text, ""
    value = messages.format_value(found.pop("value"), wording.language)
    if not found:
        return value, ""
    return value, messages.text("basis." + "_".join(found), wording.language, **found)


def _why(row: Mapping[Any, Any], wording: Wording) -> str:
    status, note, language = row["status"], row["note"], wording.language
    if status == "suppressed":
        return messages.text("cell.small", language, minimum=wording.minimum)
    if status == "not_yet_observed":
        return messages.text("cell.not_yet_observed", language)
    if not pd.isna(note) and messages.has(f"note.{note}", language):
        reason = messages.text(f"note.{note}", language)
        return messages.text("cell.not_estimable_why", language, reason=reason)
    return messages.text("cell.not_estimable", language)


def view_estimates(frame: pd.DataFrame, wording: Wording, longest: int = LONGEST) -> View:
    """Lay out estimates: a row for each combination of dimensions, a column for each metric."""
    names = dims(frame)
    metrics = list(dict.fromkeys(frame["metric"]))
    if not names or frame.duplicated([*names, "metric"]).any():
        return _long(frame, names, wording, longest)
    groups: dict[tuple[Any, ...], dict[str, Cell]] = {}
    keys = frame[names].astype(object).itertuples(index=False, name=None)
    records = frame.to_dict("records")
    for raw, row in zip(keys, records, strict=True):
        key = tuple(None if pd.isna(part) else part for part in raw)
        if key in groups or len(groups) < longest:
            groups.setdefault(key, {})[row["metric"]] = estimate_text(row, wording)
    rows = [
        [*map(wording.name, key), *(cells.get(metric, Cell("", "text")) for metric in metrics)]
        for key, cells in groups.items()
    ]
    heads = [wording.head(name) for name in names]
    heads += [messages.label("metric", str(metric), wording.language) for metric in metrics]
    return View(heads, rows, len(frame[names].drop_duplicates()), len(names))


def _long(frame: pd.DataFrame, names: Sequence[str], wording: Wording, longest: int) -> View:
    rows = []
    for row in frame.head(longest).to_dict("records"):
        metric = messages.label("metric", str(row["metric"]), wording.language)
        ids = [wording.name(row[name]) for name in names]
        rows.append([*ids, Cell(metric, "head"), estimate_text(row, wording)])
    heads = [wording.head(name) for name in (*names, "metric", "value")]
    return View(heads, rows, len(frame), len(names) + 1)


def view_quality(frame: pd.DataFrame, wording: Wording, longest: int = LONGEST) -> View:
    """Lay out row counts or diagnostics as they are; the first column heads its row."""
    rows = []
    for row in frame.head(longest).itertuples(index=False, name=None):
        named = zip(frame.columns[1:], row[1:], strict=True)
        rows.append([wording.name(row[0]), *(_quality(wording, *part) for part in named)])
    return View([wording.head(str(name)) for name in frame.columns], rows, len(frame), 1)


def _quality(wording: Wording, column: Any, value: Any) -> Cell:
    """Write one value of a quality table; a column called share is one."""
    if column == "share" and wording.cell(value).kind == "count":
        return Cell(messages.percent(float(value), 2)(wording.language), "count")
    return wording.cell(value)
