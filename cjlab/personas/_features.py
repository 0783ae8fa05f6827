"""What a customer does, one row a customer: the features that personas are made of.

Everything is computed in the engine from the events before `end`; only one row a customer
comes back. What a customer never did is missing, not zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.zones import changes

DAY = 86_400_000_000  # microseconds
MONTH = 30.0  # days
EVENING = 18  # first hour of the evening, local time
FEW = 0.03  # channels used by fewer of the customers are pooled as "other"
MOST_CHANNELS = 8
OTHER = "other channels"
GAPS = 3  # least number of gaps that regularity is computed from

Instant = str | date | datetime | None


@dataclass(frozen=True)
class Feature:
    """One thing measured of a customer, and how to say it.

    Parameters
    ----------
    name : str
        Column name.
    label : str
        Human name.
    unit : str
        Unit of the value: ``d`` days, ``1`` a share, and so on.
    sentence : str
        What the value means, and when it is missing.
    group : {"rhythm", "channel", "value"}
        What kind of behaviour it describes.
    outcome : bool
        Whether it is what a journey metric measures too: off unless asked for, since personas
        made from outcomes would differ in outcomes by construction.
    """

    name: str
    label: str
    unit: str
    sentence: str
    group: str = "rhythm"  # rhythm | channel | value
    outcome: bool = False


_CATALOGUE = pd.read_csv(Path(__file__).with_name("features.csv"))
RHYTHM, VALUE = (
    [Feature(*row) for row in _CATALOGUE.itertuples(index=False, name=None) if row[4] == group]
    for group in ("rhythm", "value")
)


def features(
    study: Any, start: Instant = None, end: Instant = None, select: str | Sequence[str] = "auto"
) -> pd.DataFrame:
    """Measure every customer's behaviour before `end`.

    Parameters
    ----------
    study : Study
        The study.
    start : str, date or datetime, optional
        Earlier events are left out; all history counts by default.
    end : str, date or datetime, optional
        Events from here on are left out; by default the end of observation.
    select : "auto" or list of str, default "auto"
        Feature names, or ``channel_mix`` for all channel shares; "auto" is everything that is
        no outcome.

    Returns
    -------
    DataFrame
        Index ``customer_id`` (sorted), float columns. NaN: the customer never did what the
        feature is about. ``attrs["features"]`` is the list of `Feature`. Customers without an
        event in the span have no row.

    Raises
    ------
    UserError
        For a feature that the study does not have, with the nearest name.
    """
    j = study.journeys(end=end, view="customer")
    first = None
    if start is not None:
        from cjlab.journey.base import to_utc

        first = to_utc(start, j.zone)
    return measure(j, first=first, select=select)


def measure(
    j: Any,
    *,
    first: datetime | None = None,
    select: str | Sequence[str] = "auto",
    like: Sequence[Feature] | None = None,
) -> pd.DataFrame:
    """Measure the customers of `j`; see `features` and `raw`."""
    table, finish = raw(j, first=first, select=select, like=like)
    return finish(table.execute())


def raw(
    j: Any,
    *,
    first: datetime | None = None,
    select: str | Sequence[str] = "auto",
    like: Sequence[Feature] | None = None,
) -> tuple[Table, partial[pd.DataFrame]]:
    """Return one row of counts a customer of `j`, and what makes features of any such rows.

    `first` is a naive UTC instant. `like` gives exactly these features, those of a stored
    model, whatever channels are in use now. Rows of a batch become what they become in the
    whole table.
    """
    events = j.events
    if first is not None:
        events = events.filter(events.ts >= _instant(first))
    channels = _channels(j, events) if like is None else _like_channels(j, like)
    sessions = _sessions(events, j)
    table = _per_customer(events, channels, j.observed_until)
    for part in (_per_session(sessions), _per_gap(sessions)):
        table = table.left_join(part, "unit").drop("unit_right")
    table = table.join(j.con.table("unit").select("unit", "customer_id"), "unit")
    known = [*RHYTHM, *(feature for feature, _ in channels)]
    if "orders" in j.con.list_tables() and j.con.table("orders").count().execute():
        orders = _per_order(j, first)
        table = table.left_join(orders, "customer_id").drop("customer_id_right")
        known += VALUE
    wanted = _selected(known, select) if like is None else list(like)
    return table, partial(_finish, known=known, wanted=wanted)


def _instant(ts: datetime) -> Any:
    return ibis.literal(ts).cast("timestamp(6)")


def _channels(j: Any, events: Table) -> list[tuple[Feature, list[int]]]:
    """One share for each channel that enough customers use; the rest are pooled."""
    used = events.filter(events.channel.notnull()).group_by("channel")
    counts = used.agg(users=events.unit.nunique()).execute()
    if len(counts) < 2:
        return []
    labels = j.labels("channel")
    counts["label"] = [labels.get(code, str(code)) for code in counts["channel"]]
    counts = counts.sort_values(["users", "label"], ascending=[False, True])
    # A share of a channel that few use would tell how few they are, by its name.
    least = max(FEW * int(events.unit.nunique().execute()), j.minimum)
    common = counts[counts["users"] >= least].head(MOST_CHANNELS)
    rare = counts.drop(common.index)
    if len(rare) and rare["users"].max() < j.minimum:
        common = common.iloc[:-1]  # so that the pool stands for enough customers too
        rare = counts.drop(common.index)
    pairs = [(label, [code]) for label, code in zip(common.label, common.channel, strict=True)]
    if len(rare):
        pairs.append((OTHER, rare["channel"].to_list()))
    shares: dict[str, tuple[Feature, list[int]]] = {}
    for label, codes in pairs:
        name = _share_name(label)
        while name in shares:
            name += "_2"
        sentence = f"Share of the events with a known channel that were in: {label}."
        shares[name] = (Feature(name, f"Share of {label}", "1", sentence, "channel"), codes)
    return list(shares.values())


def _share_name(label: str) -> str:
    return "share_" + (re.sub(r"\W+", "_", label.lower()).strip("_") or "channel")


def _like_channels(j: Any, like: Sequence[Feature]) -> list[tuple[Feature, list[int]]]:
    """The codes that a stored model's channel shares have now."""
    codes = {f"Share of {label}": [code] for code, label in j.labels("channel").items()}
    shares = [feature for feature in like if feature.group == "channel"]
    rest = set(codes) - {feature.label for feature in shares}
    codes[f"Share of {OTHER}"] = [code for label in sorted(rest) for code in codes[label]]
    return [(feature, codes.get(feature.label, [])) for feature in shares]


def _per_customer(
    events: Table, channels: list[tuple[Feature, list[int]]], until: datetime
) -> Table:
    """First and last event, and events in each channel."""
    sums = {
        feature.name: events.channel.isin(codes or [-1]).fill_null(False).cast("int64").sum()
        for feature, codes in channels
    }
    table = events.group_by("unit").agg(
        first=events.ts.min(),
        last=events.ts.max(),
        events=events.count(),
        in_channels=events.channel.count(),
        **sums,
    )
    end = _instant(until)
    return table.mutate(
        since_first=end.delta(table["first"], unit="microsecond"),
        since_last=end.delta(table["last"], unit="microsecond"),
    ).drop("first", "last")


def _sessions(events: Table, j: Any) -> Table:
    """One row a session: when it starts in the study's own time."""
    table = events.group_by("unit", "session").agg(start=events.ts.min())
    return table.mutate(start=_local(table.start, j))


def _local(ts: Any, j: Any) -> Any:
    """Local wall time: UTC plus the offset that was in force."""
    span = j.events.aggregate(first=j.events.ts.min(), last=j.events.ts.max()).execute()
    if pd.isna(span["first"][0]):
        return ts
    offset, steps = changes(j.zone, span["first"][0].year, span["last"][0].year)
    local = ts + ibis.interval(seconds=offset)
    for step in steps:
        after = ts + ibis.interval(seconds=step.after)
        local = (ts >= _instant(step.instant.replace(tzinfo=None))).ifelse(after, local)
    return local


def _per_session(sessions: Table) -> Table:
    return sessions.group_by("unit").agg(
        sessions=sessions.count(),
        evenings=(sessions.start.hour() >= EVENING).cast("int64").sum(),
        weekends=(sessions.start.day_of_week.index() >= 5).cast("int64").sum(),
    )


def _per_gap(sessions: Table) -> Table:
    """Whole days between active days: their count, sum, sum of squares and median."""
    days = sessions.select("unit", day=sessions.start.date()).distinct()
    window = ibis.window(group_by="unit", order_by="day")
    days = days.mutate(before=days.day.lag().over(window))
    days = days.mutate(gap=days.day.delta(days.before, unit="day").cast("int64"))
    return days.group_by("unit").agg(
        active_days=days.count(),
        gaps=days.gap.count(),
        gap_sum=days.gap.sum(),
        gap_squares=(days.gap * days.gap).sum(),
        median_gap_days=days.gap.quantile(0.5),
    )


def _per_order(j: Any, first: datetime | None) -> Table:
    orders = j.con.table("orders")
    orders = orders.filter((orders.value > 0) & (orders.ts < _instant(j.observed_until)))
    if first is not None:
        orders = orders.filter(orders.ts >= _instant(first))
    # Money is added exactly; only the sums become floats.
    return orders.group_by("customer_id").agg(
        order_count=orders.count(), order_value=orders.value.sum().cast("float64")
    )


def _finish(
    rows: pd.DataFrame, *, known: Sequence[Feature], wanted: Sequence[Feature]
) -> pd.DataFrame:
    """Turn the counts into features; a ratio over nothing is missing."""
    rows = rows.set_index("customer_id").sort_index()
    rows.index = rows.index.astype("str")
    counts = rows.astype("float64")
    months = np.maximum(counts["since_first"] / DAY, MONTH) / MONTH
    out = pd.DataFrame(index=rows.index)
    out["recency_days"] = counts["since_last"] / DAY
    out["tenure_days"] = counts["since_first"] / DAY
    out["frequency"] = counts["active_days"] / months
    out["median_gap_days"] = counts["median_gap_days"]
    mean = counts["gap_sum"] / counts["gaps"].where(counts["gaps"] >= GAPS)
    variance = (counts["gap_squares"] / counts["gaps"].where(counts["gaps"] > 0)) - mean**2
    out["regularity"] = 1 / (1 + np.sqrt(variance.clip(lower=0)) / mean)
    for part, whole in (("evening", "evenings"), ("weekend", "weekends")):
        out[f"{part}_share"] = counts[whole] / counts["sessions"]
    out["events_per_session"] = counts["events"] / counts["sessions"]
    with_channel = counts["in_channels"].where(counts["in_channels"] > 0)
    for feature in known:
        if feature.group == "channel":
            out[feature.name] = counts[feature.name] / with_channel
    if "order_count" in counts:
        bought = counts["order_count"].fillna(0)
        out["orders"] = bought / months
        out["monetary"] = counts["order_value"] / bought.where(bought > 0)
    # A stored model may know features that these data have no table for: missing.
    out = out.reindex(columns=[feature.name for feature in wanted])
    out.attrs["features"] = wanted
    return out


def _selected(known: Sequence[Feature], select: str | Sequence[str]) -> list[Feature]:
    if isinstance(select, str):
        if select != "auto":
            raise UserError(f'personas.features is "{select}"; write auto or a list of names.')
        return [feature for feature in known if not feature.outcome]
    by_name = {feature.name: [feature] for feature in known}
    if mix := [feature for feature in known if feature.group == "channel"]:
        by_name["channel_mix"] = mix
    if unknown := [name for name in select if name not in by_name]:
        near = did_you_mean(unknown[0], by_name)
        raise UserError(f'personas.features: no feature "{unknown[0]}".{near}')
    wanted = list(dict.fromkeys(feature for name in select for feature in by_name[name]))
    if not wanted:
        raise UserError("personas.features is empty; write auto or at least one name.")
    return wanted
