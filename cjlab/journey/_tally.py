"""What each customer adds to each channel's credit, and what all of them come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csc_array, hstack

from cjlab._numbers import Floats, Ints
from cjlab.journey import _markov
from cjlab.journey._conversions import Block
from cjlab.journey._credit import Paths, credits

MARKOV = "markov"
# The rule whose credit is above zero wherever a channel was touched.
TOUCHED = "linear"


@dataclass(frozen=True)
class Plan:
    """How credit is shared; channel codes lie below ``channels``, which is "(unattributed)".

    Parameters
    ----------
    models : list of str
        Names of rules, and `MARKOV`.
    channels : int
        Number of channel codes.
    lookback, half_life : int
        Microseconds.
    order : int
        Channels that a Markov state remembers.
    owners : bool
        Whether sums are kept by customer, for resampling.
    """

    models: list[str]
    channels: int
    lookback: int
    half_life: int
    order: int
    owners: bool

    @property
    def rules(self) -> list[str]:
        """The rules to work out: those asked for, and what Markov rests on."""
        needed = [TOUCHED] if MARKOV in self.models else []
        return list(dict.fromkeys([*(m for m in self.models if m != MARKOV), *needed]))


@dataclass(frozen=True)
class Tally:
    """Sums over conversions; columns ``c0, v0, c1 …`` are conversions and value by rule.

    Parameters
    ----------
    credit : DataFrame
        ``segment, owner, code`` (rows may repeat) and the credit by rule.
    hits : DataFrame
        Index ``segment, code``: how many customers have credit by rule, for ``v`` of those
        conversions that have a value.
    base : DataFrame
        Index ``segment``: ``n`` conversions of so many ``customers``, ``valued`` of them with a
        value of so many ``buyers``.
    moves : DataFrame
        ``segment, owner, origin, target, count`` of the Markov chain; rows may repeat.
    """

    credit: pd.DataFrame
    hits: pd.DataFrame
    base: pd.DataFrame
    moves: pd.DataFrame


def tally(blocks: Iterable[Block], plan: Plan, segment: Callable[[pd.DataFrame], Ints]) -> Tally:
    """Add up the credits of all conversions, block by block.

    Parameters
    ----------
    blocks : iterable of Block
        No customer may be in two of them.
    plan : Plan
        How credit is shared.
    segment : callable
        Numbers the segments that rows of conversions or touches are in.
    """
    credit, hits, base, moves = [], [], [], []
    for block in blocks:
        table = block.conversions.assign(segment=segment(block.conversions))
        low, high = block.window(plan.lookback)
        for chosen in block.pieces(high - low + 1):
            rows, size = table.iloc[chosen], (high - low)[chosen]
            some = size > 0
            paths = block.paths(low[chosen][some], high[chosen][some], rows["at"][some])
            given, got = _credit(paths, rows, size, plan)
            credit.append(given)
            hits.append(got)
            base.append(_base(rows))
            if MARKOV in plan.models:
                moves.append(_moves(paths, rows[some], True, plan))
        if MARKOV in plan.models:
            begin, end = block.unconverted()
            first = block.touches.iloc[begin].assign(n=1)
            first["segment"] = segment(first)
            moves.append(_moves(block.paths(begin, end, first["at"]), first, False, plan))
    return Tally(
        pd.concat(credit, ignore_index=True),
        pd.concat(hits).groupby(["segment", "code"]).sum(),
        pd.concat(base).groupby("segment").sum(),
        pd.concat([_NO_MOVES, *moves], ignore_index=True),
    )


_NO_MOVES = pd.DataFrame(
    0, range(0), ["segment", "owner", "origin", "target", "count"], dtype="int64"
)


def _numbered(*columns: Any) -> tuple[Ints, list[Ints]]:
    """Number the distinct rows of some columns, and return those rows column by column."""
    ids, distinct = pd.factorize(np.asarray(columns[0]))
    kept = [distinct]
    for column in columns[1:]:
        codes, values = pd.factorize(np.asarray(column))
        ids, pairs = pd.factorize(ids * len(values) + codes)
        before, own = np.divmod(pairs, max(len(values), 1))
        kept = [*(k[before] for k in kept), values[own]]
    return ids, kept


def _credit(
    paths: Paths, rows: pd.DataFrame, size: Ints, plan: Plan
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum weights by segment, customer and channel, and count who has any."""
    untouched = np.flatnonzero(size == 0)
    row = np.r_[np.repeat(np.arange(len(size)), size), untouched]
    channel = np.r_[paths.channel, np.full(len(untouched), plan.channels)]
    person, who = _numbered(rows["segment"], rows["owner"], rows["customer"])
    cell, (people, code) = _numbered(person[row], channel)
    segment, owner, customer = (column[people] for column in who)
    group, (group_segment, group_code) = _numbered(segment, code)
    # Someone who decides in two accounts is one customer.
    one, (one_group, _) = _numbered(group, customer)
    credit, hits = {}, {}
    for number, rule in enumerate(plan.rules):
        weight = np.r_[credits(rule, paths, plan.half_life), np.ones(len(untouched))]
        for letter, column, counted in (("c", "n", "n"), ("v", "value", "valued")):
            name = f"{letter}{number}"
            credit[name] = np.bincount(cell, weight * rows[column].to_numpy()[row], len(people))
            some = weight * rows[counted].to_numpy()[row] > 0
            hits[name] = np.bincount(one_group, _any(one[cell[some]], len(one_group)))
    if plan.owners:
        given = pd.DataFrame({"segment": segment, "owner": owner, "code": code, **credit})
    else:
        sums = {name: np.bincount(group, column) for name, column in credit.items()}
        given = pd.DataFrame({"segment": group_segment, "owner": 0, "code": group_code, **sums})
    return given, pd.DataFrame({"segment": group_segment, "code": group_code, **hits})


def _any(places: Ints, size: int) -> Floats:
    """1 at the places, 0 elsewhere."""
    found = np.zeros(size)
    found[places] = 1
    return found


def _base(rows: pd.DataFrame) -> pd.DataFrame:
    """Conversions and the customers who made them, by segment."""
    valued = rows[rows["valued"] > 0].groupby("segment")["customer"].nunique()
    own = rows.groupby("segment")
    base = own.agg(n=("n", "sum"), customers=("customer", "nunique"), valued=("valued", "sum"))
    return base.assign(buyers=valued.reindex(base.index, fill_value=0)).reset_index()


def _moves(paths: Paths, rows: pd.DataFrame, converted: bool, plan: Plan) -> pd.DataFrame:
    """Count the moves of paths by segment and customer."""
    path, origin, target = _markov.moves(paths, converted, plan.order, plan.channels)
    owner = rows["owner"] if plan.owners else np.zeros(len(rows), dtype="int64")
    person, who = _numbered(rows["segment"], owner)
    cell, (people, origin, target) = _numbered(person[path], origin, target)
    segment, owner = (column[people] for column in who)
    count = np.bincount(cell, rows["n"].to_numpy()[path], len(people))
    return pd.DataFrame(
        {"segment": segment, "owner": owner, "origin": origin, "target": target, "count": count}
    )


class Outcome:
    """Conversions, value and share of every model and channel, for any weights of customers.

    Parameters
    ----------
    found : Tally
        Cut to one segment.
    plan : Plan
        As the tally was made.
    """

    def __init__(self, found: Tally, plan: Plan) -> None:
        self.plan = plan
        self.shape = (len(plan.rules), plan.channels + 1)
        converting, others = (part["owner"].unique() for part in (found.credit, found.moves))
        owners = np.unique(np.r_[converting, others])
        self.owners = len(owners)
        row = np.searchsorted(owners, found.credit["owner"])
        code, parts = found.credit["code"].to_numpy(), []
        for letter in "cv":
            credit = [found.credit[f"{letter}{k}"].to_numpy() for k in range(self.shape[0])]
            column = [code + k * self.shape[1] for k in range(self.shape[0])]
            places = (np.tile(row, len(credit)), np.concatenate(column))
            parts.append(
                self._matrix(np.concatenate(credit), places, self.shape[0] * self.shape[1])
            )
        self.chain = None
        if len(found.moves):
            move, (origin, target) = _numbered(found.moves["origin"], found.moves["target"])
            self.chain = _markov.chain(origin, target, plan.channels)
            row = np.searchsorted(owners, found.moves["owner"])
            parts.append(self._matrix(found.moves["count"].to_numpy(), (row, move), len(origin)))
        # Column by column, so that the transpose multiplies row by row.
        self.features = hstack(parts, format="csc")

    def _matrix(self, data: Floats, places: tuple[Ints, Ints], width: int) -> csc_array:
        some = data != 0
        at = (places[0][some], places[1][some])
        return csc_array((data[some].astype(float), at), shape=(self.owners, width))

    def __call__(self, weights: Floats) -> Floats:
        """Return numbers of shape (draws, 3 · models · (channels + 1))."""
        sums = np.asarray((self.features.T @ weights.T).T)
        width = self.shape[0] * self.shape[1]
        amount = sums[:, : 2 * width].reshape(len(sums), 2, *self.shape)
        index = {rule: place for place, rule in enumerate(self.plan.rules)}
        models = [
            self._markov(amount[:, :, index[TOUCHED]], sums[:, 2 * width :])
            if model == MARKOV
            else amount[:, :, index[model]]
            for model in self.plan.models
        ]
        both = np.stack(models, axis=2)
        total = both[:, :1].sum(axis=3, keepdims=True)
        share = np.divide(
            both[:, :1], total, out=np.full_like(both[:, :1], np.nan), where=total > 0
        )
        return np.concatenate([both, share], axis=1).reshape(len(sums), -1)

    def _markov(self, touched: Floats, counts: Floats) -> Floats:
        """Share out conversions and value that have touches by removal effect."""
        found = touched.copy()
        if self.chain is not None:
            effect = _markov.removal_effects(self.chain, counts, self.plan.channels)
            total = effect.sum(axis=1, keepdims=True)
            share = np.divide(effect, total, out=np.zeros_like(effect), where=total > 0)
            found[:, :, :-1] = touched[:, :, :-1].sum(axis=2, keepdims=True) * share[:, None]
        return found
