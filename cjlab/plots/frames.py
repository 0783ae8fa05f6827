"""Read what a figure needs out of a table of estimates, and word what it does not hold."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.plots.words import phrase

NAN = float("nan")


class Cell(NamedTuple):
    """One estimate: its number and interval (nan where null), base, and state."""

    value: float = NAN
    low: float = NAN
    high: float = NAN
    n: float = NAN
    status: str = "not_estimable"
    note: str = ""

    @property
    def known(self) -> bool:
        """True where there is a number to draw."""
        return self.value == self.value and self.status == "ok"

    @property
    def suppressed(self) -> bool:
        """True where the number is withheld for privacy."""
        return self.status == "suppressed"


@dataclass(frozen=True)
class Table:
    """Estimates by (metric, keys): the first keys are the figure's own, the last the group."""

    cells: dict[tuple[Hashable, ...], Cell]
    keys: dict[str, list[Any]]
    group: str | None = None
    groups: list[Any] = field(default_factory=list)

    def cell(self, metric: str, *key: Hashable) -> Cell:
        """Return the estimate at a place; an absent row is a null estimate."""
        return self.cells.get((metric, *key), Cell())

    def has(self, metric: str, *key: Hashable) -> bool:
        """Tell whether the table has such a row at all."""
        return (metric, *key) in self.cells

    def metric(self, metric: str) -> list[Cell]:
        """Return all estimates of a metric."""
        return [cell for key, cell in self.cells.items() if key[0] == metric]


def need(frame: pd.DataFrame, columns: Iterable[str], *, figure: str) -> None:
    """Raise one clear line where a table lacks a column."""
    for column in columns:
        if column not in frame.columns:
            raise UserError(
                f'{figure} needs a column "{column}", which the table has not.'
                + did_you_mean(column, map(str, frame.columns))
            )


def read(frame: pd.DataFrame, *, dims: Sequence[str], figure: str, groups: int = 1) -> Table:
    """Index a table of estimates by metric and place.

    Parameters
    ----------
    frame : DataFrame
        Estimates: dimension columns, then `metric, value, low, high, n, …, status, note`.
    dims : sequence of str
        The figure's own dimension columns.
    figure : str
        Name for error messages.
    groups : int, default 1
        How many further dimensions (such as persona) the figure can draw: 0 or 1.

    Raises
    ------
    UserError
        A column is missing, there are more breakdowns than can be drawn, or a place occurs
        twice.
    """
    need(frame, [*dims, "metric", "value"], figure=figure)
    left = list(frame.columns[: list(frame.columns).index("metric")])
    extra = [str(column) for column in left if column not in dims]
    extra = [c for c in extra if frame[c].nunique(dropna=False) > 1 or (groups and c == "persona")]
    if len(extra) > groups:
        raise UserError(
            f"{figure} draws {groups or 'no'} breakdown; the table has {', '.join(extra)}. "
            "Filter the table to one value of the others first."
        )
    order = [*dims, *extra]
    cells: dict[tuple[Hashable, ...], Cell] = {}
    for row in frame.to_dict("records"):
        key = (str(row["metric"]), *(_key(row[column]) for column in order))
        if key in cells:
            raise UserError(f"{figure}: the table has two rows for {_named(key, order)}.")
        cells[key] = _cell(row)
    keys = {column: _distinct(frame[column]) for column in order}
    group = extra[0] if extra else None
    return Table(cells, keys, group, keys[group] if group else [])


def _named(key: tuple[Hashable, ...], order: Sequence[str]) -> str:
    pairs = zip(["metric", *order], key, strict=True)
    return ", ".join(f"{name} {value!r}" for name, value in pairs)


def _key(value: Any) -> Any:
    return None if pd.isna(value) else value


def _distinct(column: pd.Series[Any]) -> list[Any]:
    return list(dict.fromkeys(_key(value) for value in column))


def _number(row: dict[Hashable, Any], name: str) -> float:
    value = row.get(name)
    return NAN if value is None or pd.isna(value) else float(value)


def _cell(row: dict[Hashable, Any]) -> Cell:
    status, note = row.get("status", "ok"), row.get("note")
    return Cell(
        value=_number(row, "value"),
        low=_number(row, "low"),
        high=_number(row, "high"),
        n=_number(row, "n"),
        status="ok" if status is None or pd.isna(status) else str(status),
        note="" if note is None or pd.isna(note) else str(note),
    )


def state(cell: Cell, *, language: str, minimum: int) -> str:
    """Word why a place has no number."""
    if cell.suppressed:
        small = cell.note in ("small_cell", "")
        return phrase("small" if small else "withheld", language, minimum=minimum)
    return phrase(
        "not_yet_observed" if cell.status == "not_yet_observed" else "not_estimable", language
    )
