"""Runs through a funnel's steps where the store lies in order: one walk over arrays.

They are the runs of :mod:`cjlab.journey._ordered` and :mod:`cjlab.journey._anyorder`; a test
holds them equal. An instant of a unit is its place in the walk: a later one is a greater
number, and one before the unit's first belongs to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from cjlab._numbers import Ints
from cjlab.journey._ordered import enough, serving_names
from cjlab.journey._steps import Codes, Mask, Plan, crowds
from cjlab.journey._stream import Rows, begins, over_units
from cjlab.journey.base import Journeys


def walk(j: Journeys, plan: Plan, masks: set[Mask], places: bool) -> Table:
    """Return the entrants with their first completions; see :func:`cjlab.journey._runs.people`."""
    event, steps = j.events, range(plan.size)
    wanted = sorted(plan.excluded.union(*plan.conditions))
    codes = {kind: event[kind].fill_null(-1) for kind, _code in wanted}
    # DuckDB takes a longer IN for a join.
    table = event.filter(ibis.or_(*(event[kind] == code for kind, code in wanted)))
    table = table.select("unit", "ts", "step", inside=j.within(event.ts), **codes)
    columns = [("unit", pa.int32())]
    for k in steps:
        columns += [(f"t{k}", pa.timestamp("us")), (f"b{k}", pa.timestamp("us"))]
        columns += [(f"e{k}", pa.int32())] if places else []
    schema = pa.schema(columns)
    tied = crowds(steps, masks)
    found = over_units(j, table, lambda rows: _Walk(rows, plan, tied).entrants(schema))
    table = ibis.memtable(pa.concat_tables([schema.empty_table(), *found]))
    return table.mutate(entry=table.t0)


class _Walk:
    """The instants of some units, and the runs that end there."""

    def __init__(self, rows: Rows, plan: Plan, tied: dict[Mask, frozenset[Mask]]) -> None:
        self.rows, self.plan, self.tied = rows, plan, tied
        self.flags = [self._stands(codes) for codes in plan.conditions]
        self.head = np.flatnonzero(begins(rows["unit"], rows["ts"])).astype("int32")
        self.unit, self.ts = rows["unit"][self.head], rows["ts"][self.head]
        self.inside = rows["inside"][self.head]
        self.place = np.arange(len(self.head), dtype="int32")
        self.first = np.maximum.accumulate(np.where(begins(self.unit), self.place, 0))
        self.barrier = None
        if plan.excluded:  # the last excluded event at an earlier instant
            self.barrier = self._before(self._count([self._stands(plan.excluded)]) > 0)

    def _stands(self, codes: Codes) -> Any:
        return reduce(or_, (self.rows[kind] == code for kind, code in codes))

    def _count(self, flags: Iterable[Any]) -> Any:
        """How many events of each instant have any of the flags."""
        flag = reduce(or_, flags)
        if len(flag) == len(self.head):
            return flag.view("int8")
        return np.add.reduceat(flag, self.head, dtype="int32")

    def _none(self) -> Ints:
        return np.full(len(self.head), -1, dtype="int32")

    def _before(self, marked: Any) -> Ints:
        """The last marked instant before each, −1 where there is none."""
        last = self._none()
        np.copyto(last[1:], self.place[:-1], where=marked[:-1])
        return np.maximum.accumulate(last)

    def _kept(self, now: Ints, begun: Ints, since: Ints) -> Any:
        """Whether runs are the unit's own, in time, and have met nothing excluded since."""
        kept = since >= self.first[now]
        if self.plan.span is not None:
            kept &= (self.ts[now] - self.ts[begun]).astype("int64") <= self.plan.span
        if self.barrier is not None:
            kept &= since >= self.barrier[now]
        return kept

    def ordered(self) -> list[Ints]:
        """By step where the latest run began that ends there at each instant, −1 without one."""
        names = serving_names(self.tied)
        sizes = {
            names[serving]: self._count(self.flags[k] for k in crowd)
            for crowd, serving in self.tied.items()
        }
        runs: list[Ints] = []
        past: list[Ints] = []
        for k in range(self.plan.size):
            start = self._none()
            # With increasing instants none serves two steps.
            for i in range(k - 1 if self.plan.increasing else -1, k):
                now = np.flatnonzero(enough(sizes, range(i + 1, k + 1), self.tied, names))
                if i < 0:
                    now = begun = now[self.inside[now]]
                else:
                    # A run that ends later never began earlier: the last one leaves most time.
                    since = past[i][now]
                    kept = self._kept(now, begun := runs[i][since], since)
                    now, begun = now[kept], begun[kept]
                start[now] = np.maximum(start[now], begun)
            runs.append(start)
            past.append(self._before(start >= 0))
        return runs

    def any_order(self) -> list[Ints]:
        """As :meth:`ordered`, of the shortest runs with all of the steps so far."""
        self.flags = [flag & self.rows["inside"] for flag in self.flags]
        since = {}
        for crowd in self.tied:
            size = self._count(self.flags[k] for k in crowd)
            nth = np.maximum(np.cumsum(size) - len(crowd), -1)
            since[crowd] = np.append(np.repeat(self.place, size), -1)[nth]
        runs = []
        for k in range(self.plan.size):
            steps = frozenset(range(k + 1))
            now = np.flatnonzero(self._count(self.flags[: k + 1]))
            begun = reduce(np.minimum, (at for crowd, at in since.items() if crowd <= steps))[now]
            start = self._none()
            kept = self._kept(now, begun, begun)
            start[now[kept]] = begun[kept]
            runs.append(start)
        return runs

    def entrants(self, schema: pa.Schema) -> pa.Table:
        """One row per unit that enters: the first completion of each step."""
        in_any = self.plan.order == "any"
        columns: dict[str, Any] = {}
        for k, start in enumerate(self.any_order() if in_any else self.ordered()):
            at = np.flatnonzero(start >= 0)
            at = at[begins(self.unit[at])]
            if k == 0:
                columns["unit"] = entered = self.unit[at]
            place = np.searchsorted(entered, self.unit[at])
            for name, found in (("t", at), ("b", start[at])):
                columns[f"{name}{k}"] = whole = np.full(len(entered), "NaT", dtype="M8[us]")
                whole[place] = self.ts[found]
            if f"e{k}" in schema.names:
                serving = np.flatnonzero(reduce(or_, self.flags[0 if in_any else k : k + 1]))
                row = serving[np.searchsorted(serving, self.head[at])]
                step = np.full(len(entered), -1, dtype="int32")
                step[place] = self.rows["step"][row]
                columns[f"e{k}"] = pa.array(step, mask=step < 0)
        return pa.table(columns, schema=schema)
