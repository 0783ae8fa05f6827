"""Events as arrays, whole units at a time, where the store lies in their order.

DuckDB reads one table in the order it was written in, and the store was written by unit and
step: what is a window or a hash over all events elsewhere is a look at the row before. On other
engines rows have no order, and events do not come here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeAlias, TypeVar

import numpy as np
from ibis.expr.types import Table

from cjlab.journey.base import Journeys

Rows: TypeAlias = dict[str, np.ndarray[Any, Any]]
Found = TypeVar("Found")
# Few enough for the processor's cache, and for any memory.
_AT_ONCE = 250_000


class _OutOfOrderError(Exception):
    """Rows that do not come by unit and step."""


def in_order(j: Journeys) -> bool:
    """Whether the engine reads the events in the order of the journeys."""
    return bool(j.con.name == "duckdb")


def over_units(j: Journeys, table: Table, act: Callable[[Rows], Found]) -> list[Found]:
    """Let a function see a table of events block by block, no unit in two of them.

    Parameters
    ----------
    j : Journeys
        The journeys, on an engine that is :func:`in_order`.
    table : Table
        What was chosen from ``j.events``, with ``unit`` and ``step``; nothing may be null.
    act : callable
        Takes the columns of a block, in order.
    """
    if j.where is None and j.view == "customer":
        # A join keeps no order, and DuckDB may make one of a filter: the rows are looked at.
        try:
            return [act(rows) for rows in _blocks(table)]
        except _OutOfOrderError:
            pass
    return [act(rows) for rows in _blocks(table.order_by("unit", "step"))]


def _blocks(table: Table) -> Iterator[Rows]:
    left: Rows = {}
    for batch in _batches(table):
        arrays = (column.to_numpy(zero_copy_only=False) for column in batch.columns)
        rows = dict(zip(table.columns, arrays, strict=True))
        if left:
            rows = {name: np.concatenate([left[name], own]) for name, own in rows.items()}
        place = (rows["unit"].astype("int64") << 32) + rows["step"]
        if (place[1:] < place[:-1]).any():
            raise _OutOfOrderError
        # The last unit may go on in the next batch.
        cut = int(np.searchsorted(rows["unit"], rows["unit"][-1]))
        if cut:
            yield {name: own[:cut] for name, own in rows.items()}
        left = {name: own[cut:] for name, own in rows.items()}
    if left:
        yield left


def _batches(table: Table) -> Iterator[Any]:
    """Read a table batch by batch, without empty ones."""
    with warnings.catch_warnings():
        # ibis 12 asks DuckDB for batches by a name that is about to go.
        warnings.filterwarnings("ignore", "fetch_record_batch", DeprecationWarning)
        found = iter(table.to_pyarrow_batches(chunk_size=_AT_ONCE))
        first = [batch for batch in [next(found, None)] if batch is not None]
    return (batch for batch in chain(first, found) if len(batch))


def begins(*columns: Any) -> Any:
    """Mark the rows that differ from the row before in any of the columns; the first one does."""
    differs = columns[0][1:] != columns[0][:-1]
    for column in columns[1:]:
        differs |= column[1:] != column[:-1]
    return np.concatenate([np.ones(min(len(columns[0]), 1), dtype=bool), differs])
