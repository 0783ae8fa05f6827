"""How many units, and customers, reached each step of a funnel, segment by segment."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ibis.expr.types import Table

from cjlab.clusters import clustered_share
from cjlab.errors import ChangingAttribute
from cjlab.journey._entrants import entrants
from cjlab.journey._segments import MOVING
from cjlab.journey._steps import Plan
from cjlab.journey._stream import in_order
from cjlab.journey.base import Journeys
from cjlab.stats import proportion

Key: TypeAlias = tuple[str, ...]
_RULES = {
    "first": "the value at the first start",
    "last": "the value at the furthest step reached",
    "step": "the value at each denominator's own step",
}


@dataclass(frozen=True)
class Sizes:
    """Counts of one segment.

    Parameters
    ----------
    row : dict
        ``total`` and ``entrants`` (those of them kept), ``who`` (customers among these),
        ``immature``, ``changing``; by step ``u<k>`` units and ``c<k>`` customers that count,
        ``l<k>`` customers lost after it, ``a<k>`` those there, counted or not; ``s<i>_<k>``
        sums over customers of ``u<i>`` times ``u<k>``.
    clustered : bool
        Whether units repeat customers.
    """

    row: dict[str, int]
    clustered: bool = False

    def __getitem__(self, name: str) -> int:
        return self.row.get(name, 0)

    def early(self, k: int) -> dict[str, Any]:
        """Fields for "not yet known": entrants there are, but none whose window is over."""
        known = self[f"u{k}"] or not self["entrants"]
        return {} if known else {"value": None, "status": "not_yet_observed", "note": None}

    def rate(self, hit: int, base: int) -> dict[str, Any]:
        """Share of the units at one step that reach another, with its interval and counts."""
        fields = {"n": self[f"u{base}"], "customers": self[f"c{base}"], "hits": self[f"c{hit}"]}
        if not fields["n"]:
            nobody = {"value": None, "note": "nobody_at_step_before"}
            return {**fields, **nobody, **(self.early(base) if not self["u0"] else {})}
        return {**fields, **(self.share(hit, base) if hit != base else {"value": 1.0})}

    def share(self, hit: int, base: int) -> dict[str, Any]:
        """The share itself with its limits."""
        x, n, groups = self[f"u{hit}"], self[f"u{base}"], self[f"c{base}"]
        if not self.clustered:
            return dict(zip(("value", "low", "high"), proportion(x, n), strict=True))
        sums = (self[f"s{hit}_{hit}"], self[f"s{base}_{hit}"], self[f"s{base}_{base}"])
        found = dict(
            zip(("value", "low", "high"), clustered_share(x, n, groups, *sums), strict=True)
        )
        return {**found, "note": "one_customer" if groups == 1 else None}


@dataclass(frozen=True)
class Counted:
    """A funnel counted: its entrants, and the sizes of every segment.

    Parameters
    ----------
    plan : Plan
        The funnel.
    names, columns : list of str
        What it is broken down by, and the dimension columns of that.
    breakdown : {"first", "last", "step", "only"}
        Which value of a changing attribute counts.
    table : Table
        One row per entrant; see :func:`entrants`.
    sizes : dict
        By step whose value counts, and segment.
    """

    plan: Plan
    names: list[str]
    columns: list[str]
    breakdown: str
    table: Table
    sizes: dict[tuple[int, Key], Sizes]

    @property
    def by_step(self) -> bool:
        """Whether a unit's segment may differ from step to step."""
        return self.breakdown == "step" and any(name in MOVING for name in self.names)

    def at(self, key: Key, k: int) -> Sizes:
        """Sizes of a segment, by the value at step k where that is what counts."""
        return self.sizes.get((k if self.by_step else 0, key), Sizes({}))

    def facts(self) -> dict[str, Any]:
        """Return what was left out, and warn of attributes that change within a journey."""
        first = [own for (at, _key), own in self.sizes.items() if at == 0]
        found = {"steps": self.plan.labels, "immature": sum(own["immature"] for own in first)}
        moving = [name for name in self.names if name in MOVING]
        if not moving:
            return found
        total, changing = (sum(own[name] for own in first) for name in ("total", "changing"))
        if changing and self.breakdown != "only":
            message = (
                f"{changing} of {total} entrants take more than one value of "
                f'{" or ".join(moving)}; breakdown="{self.breakdown}" counts '
                f"{_RULES[self.breakdown]}."
            )
            warnings.warn(message, ChangingAttribute, stacklevel=3)
        return {**found, "changing": changing}


def count(
    j: Journeys, plan: Plan, names: Sequence[str], mature_only: bool, breakdown: str
) -> Counted:
    """Find a funnel's entrants and count them."""
    table = entrants(j, plan, list(names), mature_only, breakdown)
    if (plan.span is not None or j.unit == "account") and (names or not in_order(j)):
        table = table.cache()  # read more than once
    columns = j.columns(names)
    return Counted(
        plan, list(names), columns, breakdown, table, _sizes(j, table, columns, plan.size)
    )


def _sizes(
    j: Journeys, table: Table, columns: list[str], count: int
) -> dict[tuple[int, Key], Sizes]:
    """Sum up the entrants of each segment; see Sizes for the names."""
    keys = ["at", *columns]
    if j.unit == "customer":
        found = _read(table.group_by(keys).aggregate(**_sums(table, count)), len(keys))
        for row in found.values():
            row |= {"who": row["entrants"], **{f"c{k}": row[f"u{k}"] for k in range(count)}}
            row |= {f"l{k}": row[f"u{k}"] - row[f"u{k + 1}"] for k in range(count - 1)}
    else:
        found = _read(_by_customer(j.with_customer(table), keys, count), len(keys))
    if j.unit == "account":  # which several customers share
        for key, row in _read(
            table.group_by(keys).aggregate(**_sums(table, count)), len(keys)
        ).items():
            found[key] |= {name: n for name, n in row.items() if not name.startswith("a")}
    repeats = j.unit == "session"
    return {(key[0], key[1:]): Sizes(row, repeats) for key, row in found.items()}


def _sums(table: Table, count: int) -> dict[str, Any]:
    sums = {
        "total": table.count(),
        "entrants": table.kept.sum(),
        "immature": (table.kept & ~table.counted).sum(),
        "changing": table.changing.sum(),
    }
    for k in range(count):
        done = table[f"t{k}"].notnull()
        sums |= {f"u{k}": (done & table.counted).sum(), f"a{k}": (done & table.kept).sum()}
    return sums


def _by_customer(table: Table, keys: list[str], count: int) -> Table:
    """Sum up customer by customer first."""
    own = table.group_by([*keys, "customer"]).aggregate(**_sums(table, count))
    fields = {name: own[name].sum() for name in ("total", "entrants", "immature", "changing")}
    fields["who"] = (own.entrants > 0).sum()
    for k in range(count):
        here = own[f"u{k}"]
        fields |= {
            f"u{k}": here.sum(),
            f"c{k}": (here > 0).sum(),
            f"a{k}": (own[f"a{k}"] > 0).sum(),
        }
        fields |= {f"s{i}_{k}": (own[f"u{i}"] * here).sum() for i in {0, max(k - 1, 0), k}}
        if k + 1 < count:
            fields[f"l{k}"] = (here > own[f"u{k + 1}"]).sum()
    return own.group_by(keys).aggregate(**fields)


def _read(table: Table, width: int) -> dict[tuple[Any, ...], dict[str, int]]:
    frame = table.execute()
    names = frame.columns[width:]
    return {
        tuple(row[:width]): dict(zip(names, (int(n) for n in row[width:]), strict=True))
        for row in frame.itertuples(index=False, name=None)
    }
