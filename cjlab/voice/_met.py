"""What customers met, and what they did after: counts by touchpoint or stage from the store."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.clusters import clustered_mean, clustered_share
from cjlab.errors import UserError, did_you_mean
from cjlab.journey import Journeys
from cjlab.journey.base import microseconds

LEVELS = ("touchpoint", "stage")
#: A ticket that names no touchpoint belongs to what its customer met last, so long before.
TICKET_WINDOW = "7D"


def check_level(level: str) -> str:
    """Refuse what is neither touchpoint nor stage."""
    if level not in LEVELS:
        raise UserError(f'level is "{level}".{did_you_mean(level, LEVELS)}')
    return level


def met(j: Journeys, level: str) -> tuple[pd.DataFrame, int]:
    """Return customers and events by what was met in the period, and all who met anything."""
    event = j.events.filter(j.within(j.events.ts))
    table = event.filter(event[level].notnull()).rename(code=level)
    found = table.group_by("code").aggregate(customers=_.unit.nunique(), events=_.count())
    frame = found.execute()
    frame[level] = frame["code"].map(j.labels(level))
    everyone = int(event.unit.nunique().execute())
    return frame.drop(columns="code").set_index(level), everyone


def tickets(j: Journeys, level: str, window: int) -> pd.DataFrame | None:
    """Return tickets by what they belong to, with the sums that their rate needs.

    Of the period; a ticket belongs to the touchpoint that its topic names, else to what its
    customer met last, at most `window` microseconds before. None where the study has no tickets.
    """
    table = j.table("tickets")
    if table is None:
        return None
    until = j.literal(j.observed_until)
    table = table.filter(j.within(table.opened) & (table.opened < until))
    table = table.select("customer_id", "opened", "topic").mutate(ticket=ibis.row_number())
    named = j.con.table("touchpoint").filter(_.touchpoint.notnull())
    named = named.select(topic=_.touchpoint, named=named[level]).distinct(on="topic", keep="first")
    table = table.left_join(named, "topic").drop("topic_right")
    who = j.con.table("unit").select("unit", "customer_id")
    table = table.left_join(who, "customer_id").drop("customer_id_right")
    after = _after(j, level)
    # A customer is at one place at a time, so no ticket is doubled.
    at = (table.opened >= after.begun) & (table.opened < after.ended)
    table = table.left_join(after, [table.unit == after.customer, at])
    near = microseconds(table.opened, table.begun) <= window
    place = table.named.fill_null(near.ifelse(table.place, ibis.null("string")))
    counts = table.mutate(place=place).filter(_.place.notnull())
    counts = counts.group_by("place", "customer_id").aggregate(n=_.count())
    sums = counts.group_by("place").aggregate(
        tickets=_.n.sum(), customers=_.count(), squares=(_.n * _.n).sum()
    )
    return sums.execute().set_index("place")


def _after(j: Journeys, level: str) -> Table:
    """From each event to the next one at another instant: customer, place, begun, ended."""
    event = j.con.table("event")
    event = event.filter(event[level].notnull())
    names = j.labels(level)
    label = ibis.memtable(
        pd.DataFrame({"code": list(names), "place": list(names.values())}).astype({"place": "str"})
    )
    event = event.join(label, event[level].cast("int64") == label.code)
    following = event.next_stage_ts if level == "stage" else event.next_ts
    far = ibis.timestamp("9999-01-01 00:00:00")
    return event.select(
        "place", customer=event.unit, begun=event.ts, ended=following.fill_null(far)
    )


def ticket_cells(sums: pd.DataFrame | None, place: str, reached: int) -> dict[str, Any]:
    """Tickets for every 100 customers who met a place, each customer's tickets taken together."""
    if sums is None:
        return {"value": None, "note": "no_tickets"}
    if not reached:
        return {"value": None, "note": "not_met"}
    own: Any = sums.loc[place] if place in sums.index else dict.fromkeys(sums.columns, 0)
    n, square = float(own["tickets"]), float(own["squares"])
    rate = clustered_mean(n, reached, reached, square, n, reached)
    found = {"value": 100 * rate.value, "hits": int(own["customers"])}
    return found | {"low": 100 * max(rate.low, 0.0), "high": 100 * rate.high}


def silent_after(j: Journeys, whole: Journeys, level: str, span: int) -> pd.DataFrame:
    """Return, by what was met, the share of meetings that nothing follows within a span.

    Meetings in the period of `j` that were observed for all of the span count, and what
    follows among the events of `whole`, which go on after it: ``value, low, high, n, customers,
    hits``. Customers are taken together.
    """
    event = whole.events
    event = event.filter(j.within(event.ts), event[level].notnull()).rename(code=level)
    event = event.filter(microseconds(j.literal(whole.observed_until), event.ts) > span)
    follows = (microseconds(event.next_ts, event.ts) <= span).fill_null(False)
    each = event.mutate(x=(~follows).cast("int64"))
    each = each.group_by("code", "unit").aggregate(n=_.count(), x=_.x.sum())
    sums = each.group_by("code").aggregate(
        n=_.n.sum(),
        x=_.x.sum(),
        customers=_.count(),
        hits=(_.x > 0).sum(),
        xx=(_.x * _.x).sum(),
        xn=(_.x * _.n).sum(),
        nn=(_.n * _.n).sum(),
    )
    frame = sums.execute()
    columns: list[Any] = [frame[c].to_numpy("float64") for c in ("x", "n", "customers")]
    columns += [frame[c].to_numpy("float64") for c in ("xx", "xn", "nn")]
    share = clustered_share(*columns)
    frame = frame.assign(value=share.value, low=share.low, high=share.high)
    frame.index = pd.Index(frame["code"].map(j.labels(level)), name=level)
    return frame[["value", "low", "high", "n", "customers", "hits"]]
