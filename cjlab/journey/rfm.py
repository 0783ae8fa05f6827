"""RFM: how recently, how often and for how much customers bought, each as a score of 1 to 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from cjlab.clusters import clustered_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._lives import DAY, births, members, noun, segments, whose
from cjlab.journey.base import Journeys, microseconds
from cjlab.stats import proportion

# First match wins: least r, f and m of each segment.
RULES = (
    ("champions", 4, 4, 4),
    ("loyal", 3, 4, 0),
    ("recent", 4, 0, 0),
    ("needs_attention", 3, 0, 0),
    ("at_risk", 0, 4, 0),
    ("dormant", 0, 0, 0),
)


def rfm(j: Journeys) -> pd.DataFrame:
    """Score every buyer by recency, frequency and value; for analysis, not for publication.

    Parameters
    ----------
    j : Journeys
        The journeys; every purchase before ``observed_until`` counts, whatever their period.

    Returns
    -------
    DataFrame
        One row a buyer, by ``customer_id`` (the account's with ``unit="account"``):
        ``recency`` (days from the last purchase to ``observed_until``), ``frequency``
        (purchases; several at one instant are one), ``monetary`` (sum of their value, in the
        study's currency; null where no purchase has one), the scores ``r, f, m`` (1–5, 5 is
        best; m is null without value) and ``segment``:

        ================  =======================
        champions         r ≥ 4, f ≥ 4 and m ≥ 4
        loyal             r ≥ 3, f ≥ 4
        recent            r ≥ 4
        needs_attention   r = 3
        at_risk           f ≥ 4
        dormant           all others
        ================  =======================

        The first line that fits holds.

    Raises
    ------
    UserError
        The study has no orders and its stage model no purchase.

    Notes
    -----
    Score = ceil(5 · midrank / n): equal values have equal scores, so classes may differ in
    size, and the order of rows cannot matter.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "buy",
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-11", "2026-01-02"])})
    >>> table = rfm(Journeys.from_frame(log, stages=[{"id": "buy", "purchase": True}]))
    >>> table[["customer_id", "frequency", "r", "f", "segment"]].values.tolist()
    [['a', 2, 5, 5, 'loyal'], ['b', 1, 3, 3, 'needs_attention']]
    """
    return _scored(j, [])[_COLUMNS].sort_values("customer_id", ignore_index=True)


_COLUMNS = ["customer_id", "recency", "frequency", "monetary", "r", "f", "m", "segment"]


def rfm_segments(j: Journeys, *, by: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Count the buyers in each RFM segment, and what they bought for.

    Parameters
    ----------
    j : Journeys
        The journeys; scores compare all their buyers, also where `by` splits them.
    by : str or sequence of str, optional
        Attributes such as ``"persona"``; of channels and the like, that at the first event.

    Returns
    -------
    DataFrame
        Estimates by ``segment``, each of those of :func:`rfm`: ``customers`` (how many),
        ``share`` of all buyers (0–1, Wilson interval) and ``value_share``, the segment's part
        of the value of all (0–1, limits as for a ratio of totals, clipped; ``n`` are the
        buyers with a value). Null with ``no_buyers`` where nobody bought, with ``no_value``
        where nothing has a value.

    Raises
    ------
    UserError
        For an unknown attribute, or where there can be no purchases.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "buy",
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-11", "2026-01-02"])})
    >>> table = rfm_segments(Journeys.from_frame(log, stages=[{"id": "buy", "purchase": True}]))
    >>> table.query("metric == 'share' and value > 0")[["segment", "value"]].values.tolist()
    [['loyal', 0.5], ['needs_attention', 0.5]]
    """
    names = j.attributes(by)
    columns = j.columns(names)
    buyers = _scored(j, names)
    found = {key if columns else (): part for key, part in _split(buyers, columns)}
    rows: list[dict[str, Any]] = []
    people = _counter(j)
    for group in segments(j, names):
        part = found.get(group, buyers.iloc[:0])
        for segment, *_least in RULES:
            base = {**dict(zip(columns, group, strict=True)), "segment": segment}
            rows += _segment_rows(base, part, part["segment"] == segment, noun(j), people)
    dims = [*columns, "segment"]
    return estimates(pd.DataFrame(rows, columns=[*dims, *COLUMNS]), dims)


def _scored(j: Journeys, names: list[str]) -> pd.DataFrame:
    """Every buyer's numbers and scores, with the columns to break them down by."""
    bought = whose(j, j.purchases)
    bought = bought.group_by("who", "ts").aggregate(value=_.value.cast("decimal(38,4)").sum())
    own = bought.group_by("who").aggregate(
        waited=microseconds(j.literal(j.observed_until), bought.ts.max()),
        frequency=_.count(),
        monetary=_.value.sum().cast("float64"),
    )
    life = j.grouped(births(j), names).select("who", "unit", *j.columns(names))
    own = own.join(life, "who").join(j.units.select("unit", "customer_id"), "unit")
    frame = own.execute().sort_values("who", ignore_index=True)
    frame["recency"] = frame["waited"] / DAY
    frame["r"] = scores(-frame["waited"])
    frame["f"] = scores(frame["frequency"])
    frame["m"] = scores(frame["monetary"])
    ranks = (frame["r"], frame["f"], frame["m"].fillna(0))
    frame["segment"] = pd.Series(RULES[-1][0], frame.index, dtype="str")
    for name, *least in reversed(RULES):
        fits = [score >= low for score, low in zip(ranks, least, strict=True)]
        frame.loc[fits[0] & fits[1] & fits[2], "segment"] = name
    return frame


def scores(values: pd.Series) -> pd.Series:
    """Score 1–5 by rank: ceil(5 · midrank / n), null where the value is.

    Examples
    --------
    >>> scores(pd.Series([10, 20, 20, 30])).tolist()
    [2, 4, 4, 5]
    """
    twice = values.rank(method="average") * 2  # a whole number: no rounding before the ceiling
    return pd.Series(np.ceil(twice * 5 / (2 * values.count())), values.index).astype("Int64")


def _counter(j: Journeys) -> Callable[[pd.Series], int]:
    """How to count the distinct customers of some buyers."""
    if j.unit != "account":
        return len
    member = members(j, births(j)).select("who", "customer").execute()
    return lambda who: int(member.loc[member["who"].isin(who), "customer"].nunique())


def _split(buyers: pd.DataFrame, columns: list[str]) -> Any:
    return buyers.groupby(columns) if columns else [((), buyers)]


def _segment_rows(
    base: dict[str, Any],
    part: pd.DataFrame,
    inside: pd.Series,
    kind: str,
    people: Callable[[pd.Series], int],
) -> list[dict[str, Any]]:
    size, count = len(part), int(inside.sum())
    base |= {"n": size, "customers": people(part["who"]), "hits": people(part["who"][inside])}
    base["of"] = f"{kind} who bought"
    share = proportion(count, size)
    limits = {"value": share.value, "low": share.low, "high": share.high}
    if not size:
        limits["note"] = "no_buyers"
    valued = part["monetary"].notna()
    worth, who = part.loc[valued, "monetary"], part.loc[valued, "who"]
    base_value = {**base, "n": len(worth), "customers": people(who)}
    base_value["hits"] = people(who[inside[valued]])
    money: dict[str, Any] = {"value": None, "note": "no_value" if size else "no_buyers"}
    if worth.sum() > 0:
        own, square = worth[inside[valued]], float((worth**2).sum())
        part_of = clustered_mean(
            own.sum(), worth.sum(), len(worth), (own**2).sum(), (own**2).sum(), square
        )
        money = {"value": part_of.value}
        if part_of.low < part_of.high:  # without any spread no interval is known
            money |= {"low": max(0.0, part_of.low), "high": min(1.0, part_of.high)}
    return [
        {**base, "metric": "customers", "value": count, "unit": kind},
        {**base, "metric": "share", "unit": "1", **limits},
        {**base_value, "metric": "value_share", "unit": "1", "of": "value of all", **money},
    ]
