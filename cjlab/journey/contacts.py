"""Contacts: whom a stage's customers meet there, touchpoint by touchpoint or channel by channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from ibis import _

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import estimates
from cjlab.journey._segments import carried, coded, decoded
from cjlab.journey.base import Journeys
from cjlab.stats import proportion

LEVELS = ("touchpoint", "channel", "device", "stage")

_OF = ("customers in the stage", "customers of the period")


def contacts(
    j: Journeys, *, level: str = "touchpoint", by: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Say which share of a stage's customers meet each touchpoint there.

    Parameters
    ----------
    j : Journeys
        The journeys; events of the period are counted.
    level : {"touchpoint", "channel", "device", "stage"}, default "touchpoint"
        What is met; ``stage`` asks which share of the period's customers were in each stage.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        event.

    Returns
    -------
    DataFrame
        Estimates by ``stage`` (in the model's order) and `level`, the most met first: ``reach``
        (of the customers with an event in the stage, the share with one at the touchpoint,
        0–1) and ``events`` (their number). What nobody met has no row; events without a stage,
        or without what `level` asks for, are in no numerator. With ``level="stage"`` by
        ``stage`` alone: of the customers with any event, the share with one in the stage.

    Raises
    ------
    UserError
        The level or a segment is unknown.

    Notes
    -----
    Customers are counted, each once, whatever the unit of the journeys; limits are Wilson's.
    The shares of a stage do not add up to 1: a customer may meet several.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "see",
    ...                     "touchpoint": ["ad", "shop", "ad"],
    ...                     "ts": pd.date_range("2026-01-01", periods=3)})
    >>> found = contacts(Journeys.from_frame(log, stages=["see"], touchpoint="touchpoint"))
    >>> found.query("metric == 'reach'")[["touchpoint", "value", "n"]].values.tolist()
    [['ad', 1.0, 2], ['shop', 0.5, 2]]
    """
    if level not in LEVELS:
        raise UserError(f'level is "{level}".{did_you_mean(level, LEVELS)}')
    names = j.attributes(by)
    if level in names:
        raise UserError(f'contacts: "{level}" is the level already; leave it out of by.')
    event = j.events
    inside = j.within(event.ts)
    place = j.columns(names)
    if level != "stage":
        inside, place = inside & event.stage.notnull(), [*place, "stage"]
    rows = event.filter(inside).select(
        "unit", "customer", "step", "ts", "stage", item=event[level], **carried(event, names)
    )
    rows = coded(j, rows, names)
    if not place:
        rows, place = rows.mutate(_all=0), ["_all"]
    base = rows.group_by(place).aggregate(n=_.customer.nunique()).execute()
    met = rows.filter(rows.item.notnull()).group_by([*place, "item"])
    found = met.aggregate(hits=_.customer.nunique(), events=_.count()).execute()
    found = decoded(j, found.merge(base, on=place), names)
    found["_rank"] = found["item"] if level == "stage" else -found["hits"]
    found = found.sort_values([*place, "_rank", "item"], ignore_index=True)
    heads = {"stage": "item"} if level == "stage" else {"stage": "stage", level: "item"}
    for name, codes in heads.items():
        found[name] = found[codes].map(j.labels(name))
    share = proportion(found["hits"], found["n"])
    shares = found.assign(metric="reach", **share._asdict(), customers=found["n"], unit="1",
                          of=_OF[level == "stage"])  # fmt: skip
    counts = found.assign(metric="events", value=found["events"].astype("float64"),
                          n=found["events"], customers=found["hits"], unit="events")  # fmt: skip
    counts["hits"] = None
    table = pd.concat([shares, counts.assign(low=np.nan, high=np.nan)])
    keys = list(dict.fromkeys([*j.columns(names), "stage", level]))
    table = table.drop(columns=["item", "events", "_rank", "_all"], errors="ignore")
    table = table.sort_index(kind="stable")
    return estimates(table, keys)
