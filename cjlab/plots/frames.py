"""Read what a figure needs out of a table of estimates, and word what it does not hold."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.messages import has, text
from cjlab.plots.theme import Look

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

    @property
    def small(self) -> bool:
        """True where it is withheld because it tells of too few."""
        return self.suppressed and self.note in ("small_cell", "")


#: What stands where a table has no row.
ABSENT = Cell()


@dataclass(frozen=True)
class Table:
    """Estimates by (metric, keys): the first keys are the figure's own, the last the group."""

    cells: dict[tuple[Hashable, ...], Cell]
    keys: dict[str, list[Any]]
    group: str | None = None

    def cell(self, metric: str, *key: Hashable) -> Cell:
        """Return the estimate at a place; an absent row is a null estimate."""
        return self.cells.get((metric, *key), ABSENT)

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
    # Null is null, whatever a column's kind of it.
    places = frame[["metric", *order]].astype(object).where(frame[["metric", *order]].notna(), None)
    cells: dict[tuple[Hashable, ...], Cell] = {}
    for key, row in zip(places.itertuples(index=False, name=None), _cells(frame), strict=True):
        if key in cells:
            named = zip(places.columns, key, strict=True)
            place = ", ".join(f"{name} {value!r}" for name, value in named)
            raise UserError(f"{figure}: the table has two rows for {place}.")
        cells[key] = row
    keys = {column: list(dict.fromkeys(places[column])) for column in order}
    return Table(cells, keys, extra[0] if extra else None)


def _cells(frame: pd.DataFrame) -> Iterator[Cell]:
    whole = frame.reindex(columns=list(Cell._fields)).astype(object)
    whole = whole.fillna({"status": "ok", "note": ""})
    for *numbers, status, note in whole.itertuples(index=False, name=None):
        value, low, high, n = (NAN if pd.isna(number) else float(number) for number in numbers)
        yield Cell(value, low, high, n, str(status), str(note))


def state(cell: Cell, look: Look) -> str:
    """Word why a place has no number."""
    if cell.small:
        return look.say("small", minimum=look.minimum)
    if cell.suppressed:
        return look.say("withheld")
    return look.say(cell.status if cell.status == "not_yet_observed" else "not_estimable")


def reason(cell: Cell, look: Look) -> str:
    """Word why a place has no number by its note, where the note has words."""
    told = cell.status == "not_estimable" and has(f"note.{cell.note}", look.language)
    return text(f"note.{cell.note}", look.language) if told else state(cell, look)
