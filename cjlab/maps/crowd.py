"""The customers of a period with what a scenario needs of each, and sums over resamples of them.

Customers are drawn whole: how far they got, the stages they were in and what they bought stay
together, so that every number of one draw is of the same customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from cjlab import resample
from cjlab._numbers import Floats, Ints
from cjlab.errors import UserError
from cjlab.journey._entrants import entrants
from cjlab.journey._steps import read_plan
from cjlab.journey.base import Journeys


@dataclass(frozen=True)
class Quantity:
    """A sum over some of the customers.

    Parameters
    ----------
    among : numpy.ndarray of bool
        Who counts.
    amount : numpy.ndarray
        What each of all customers brings.
    """

    among: Any
    amount: Floats


@dataclass(frozen=True)
class Sums:
    """A quantity in each draw: its base, its sum, and both by level of the funnel.

    Parameters
    ----------
    base, total : numpy.ndarray, shape (draws,)
        How many customers count, and what they bring.
    levels, sums : numpy.ndarray, shape (draws, steps)
        The same for those who start the funnel, by the step they got to.
    """

    base: Floats
    total: Floats
    levels: Floats
    sums: Floats


@dataclass(frozen=True)
class Crowd:
    """The customers of a period, in the order of their ids.

    Parameters
    ----------
    steps : list of str
        Of the funnel.
    level : numpy.ndarray of int
        How many steps each got through; 0 for who does not start.
    mature : numpy.ndarray of bool
        Who starts and was followed for the whole window: those whom the funnel counts.
    begun : numpy.ndarray of bool
        Whose journey begins in the period.
    stages : dict of str to numpy.ndarray
        By stage, 1 for who was in it.
    value, bought : numpy.ndarray or None
        The value of all events, and of the purchases of the period; null where nothing has one.
    """

    steps: list[str]
    level: Ints
    mature: Any
    begun: Any
    stages: dict[str, Floats]
    value: Floats | None
    bought: Floats | None

    @property
    def size(self) -> int:
        """How many customers there are."""
        return len(self.level)

    def draw(self, asked: dict[str, Quantity], draws: int, seed: int) -> dict[str, Sums]:
        """Sum every quantity over customers drawn with replacement; the first row is today's."""
        width = len(self.steps)
        parts = [self._columns(one) for one in asked.values()]
        table = hstack(parts, format="csc")

        def summed(weights: Floats) -> Floats:
            return np.asarray((table.T @ weights.T).T)

        found = np.concatenate(
            [
                summed(np.ones((1, self.size))),
                resample.resample(summed, self.size, draws=draws, seed=seed),
            ]
        )
        pieces = np.split(found, len(asked), axis=1)
        return {
            name: Sums(own[:, 0], own[:, 1], own[:, 2 : 2 + width], own[:, 2 + width :])
            for name, own in zip(asked, pieces, strict=True)
        }

    def _columns(self, one: Quantity) -> Any:
        """A quantity's columns, a row each customer."""
        some = np.asarray(one.among, dtype="float64")
        amount = some * one.amount
        at = (self.level[:, None] == np.arange(1, len(self.steps) + 1)).astype("float64")
        levels = at * some[:, None]
        return csr_array(np.column_stack([some, amount, levels, levels * amount[:, None]]))


def read(j: Journeys, window: str | None) -> Crowd:
    """Fetch the customers of a period; one row each, never their events."""
    plan = read_plan(j, None, window, "ordered", None, False)
    event = j.events
    inside = event.filter(j.within(event.ts)).select("unit", "stage").distinct().execute()
    units = j.units.mutate(begun=j.within(j.units.first_ts)).select("unit", "customer_id", "begun")
    who = units.execute()
    who = who[who["unit"].isin(inside["unit"])].sort_values("customer_id", ignore_index=True)
    table = entrants(j, plan, [], True, "first")
    reached = table.select("unit", "counted", *(f"t{k}" for k in range(plan.size))).execute()
    level = reached[[f"t{k}" for k in range(plan.size)]].notna().sum(axis=1)
    levels = _by(who, reached["unit"], level).astype("int64")
    met = inside.dropna(subset=["stage"])
    return Crowd(
        steps=plan.labels,
        level=levels,
        mature=_by(who, reached["unit"], reached["counted"]) > 0,
        begun=who["begun"].to_numpy(dtype=bool),
        stages={
            stage: _by(who, met.loc[met["stage"] == code, "unit"], 1)
            for stage, code in j.model.codes.items()
        },
        value=_money(who, event),
        bought=_bought(who, j),
    )


def _by(who: pd.DataFrame, unit: pd.Series, amount: Any) -> Floats:
    """Amounts of units in the order of the customers, 0 for those without."""
    own = pd.Series(np.broadcast_to(np.asarray(amount, dtype="float64"), len(unit)), index=unit)
    return own.reindex(who["unit"], fill_value=0.0).fillna(0.0).to_numpy()


def _money(who: pd.DataFrame, table: Any) -> Floats | None:
    """What each customer brings, null where no row has a value."""
    found = table.group_by("unit").aggregate(amount=table["value"].sum()).execute()
    return None if found["amount"].isna().all() else _by(who, found["unit"], found["amount"])


def _bought(who: pd.DataFrame, j: Journeys) -> Floats | None:
    try:
        bought = j.purchases
    except UserError:  # neither orders nor a stage of the purchase
        return None
    return _money(who, bought.filter(j.within(bought.ts)))
