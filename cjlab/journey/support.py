"""Support times: how long customers wait for a first reply and for a solution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.clusters import clustered_share
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey import _units
from cjlab.journey._segments import CALENDARS, UNKNOWN
from cjlab.journey._waiting import Row, Rows, collect, limits, quantile_row
from cjlab.journey.base import Journeys, microseconds

MEASURES = {"first_reply": "first_reply", "resolution": "solved"}
_OWN = ("topic", "channel")
_METRICS = (("median", 0.5), ("p90", 0.9))


def support_times(j: Journeys, *, by: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Estimate how many days tickets wait for the first reply and for their solution.

    Open tickets count as "at least so long" (censored), never as finished and never left out.
    Days are those of the clock, nights and weekends included.

    Parameters
    ----------
    j : Journeys
        The journeys; tickets of the chosen customers that were opened in the period.
    by : str or sequence of str, optional
        ``"topic"`` and ``"channel"`` of the ticket, a calendar such as ``"month"``, or
        attributes of customers.

    Returns
    -------
    DataFrame
        Estimates by ``measure`` (``first_reply``, ``resolution``): ``median`` and ``p90``, the
        days after which half and nine tenths are through, and ``share_open``, the share still
        waiting at the end of observation. ``n`` counts tickets, ``hits`` customers with one
        that is through (for ``share_open``: still waiting). Null with ``not_reached`` where
        fewer than that share were through while observed, with ``no_tickets`` where there are
        none. ``attrs["bad_times"]`` counts, for each measure, the tickets left out because
        they were replied to or solved before they were opened.

    Raises
    ------
    UserError
        The study has no tickets, or an attribute is unknown.

    Notes
    -----
    Kaplan–Meier with log-log limits; a ticket that was solved without a reply stops waiting for
    one then. Where customers repeat, limits are widened as in :func:`time_in_stage`, and those
    of the share are Wilson's with the effective sample size.

    Examples
    --------
    >>> from cjlab import open_study
    >>> j = open_study("data/retail/study.yaml").journeys()  # doctest: +SKIP
    >>> support_times(j, by="topic")  # doctest: +SKIP
    """
    names, tickets = _opened(j, by)
    segments = [()] if not names else _segments(tickets, names)
    bad: dict[str, int] = {}
    rows: dict[str, list[Row]] = {}
    for measure, column in MEASURES.items():
        waits = _waits(j, tickets, column)
        bad[measure] = int(waits.filter(_.waited < 0).count().execute())
        found = collect(waits.filter(_.waited >= 0), names, "customer")
        for key in segments:
            base = {**dict(zip(names, key, strict=True)), "measure": measure, "of": "tickets"}
            rows.setdefault(str(key), []).extend(_rows(base, found.get(key)))
    keys = [*names, "measure"]
    flat = [row for part in rows.values() for row in part]
    table = estimates(pd.DataFrame(flat, columns=[*keys, *COLUMNS]), keys)
    table.attrs["bad_times"] = bad
    return table


def _opened(j: Journeys, by: str | Sequence[str] | None) -> tuple[list[str], Table]:
    """The tickets in question with their segments, and the segments' column names."""
    table = j.table("tickets")
    if table is None:
        raise UserError("the study has no tickets; add them under sources.tickets.")
    given = [] if by is None else [by] if isinstance(by, str) else list(dict.fromkeys(by))
    own = [name for name in given if name in _OWN]
    for name in own:
        if name not in table.columns:
            raise UserError(f'by: the tickets have no column "{name}".')
    others = j.attributes([name for name in given if name not in own])
    valid = [*_OWN, *CALENDARS, *j.units.columns]
    if strange := [name for name in others if name not in valid]:
        near = did_you_mean(strange[0], [name for name in valid if name != "unit"])
        raise UserError(f'by: a ticket has no "{strange[0]}".{near}')
    until = j.literal(j.observed_until)
    table = table.filter(j.within(table.opened) & (table.opened < until))
    seen = {
        column: (table[column] < until).ifelse(table[column], ibis.null("timestamp(6)"))
        if column in table.columns
        else ibis.null("timestamp(6)")
        for column in MEASURES.values()
    }
    segments = {name: table[name].cast("string").fill_null(UNKNOWN) for name in own}
    table = table.select("customer_id", ts=table.opened, **seen, **segments)
    who = _customers(j)
    table = table.join(who, "customer_id")
    return j.columns(given), j.grouped(table, others)


def _customers(j: Journeys) -> Table:
    """One row a chosen customer: customer_id, customer (code) and one unit of theirs."""
    if j.unit == "customer":
        return j.units.select("customer_id", "unit", customer=_.unit)
    chosen = _units.members(j).join(j.units.select("unit"), "unit")
    first = chosen.group_by("customer").aggregate(unit=_.unit.min())
    return first.join(j.con.table("customer"), "customer").select("customer_id", "unit", "customer")


def _segments(tickets: Table, names: list[str]) -> list[tuple[Any, ...]]:
    found = tickets.select(*names).distinct().execute()
    return sorted(tuple(row) for row in found.itertuples(index=False))


def _waits(j: Journeys, tickets: Table, column: str) -> Table:
    ended = tickets[column].notnull()
    stop = tickets[column]
    if column != "solved":  # solved without a reply: none will come
        stop = ibis.coalesce(stop, tickets.solved)
    # The end of observation itself is not observed: the last seen microsecond is before it.
    followed = microseconds(j.literal(j.observed_until), tickets.ts) - 1
    waited = stop.notnull().ifelse(microseconds(stop, tickets.ts), followed)
    return tickets.mutate(waited=waited, end=ended.cast("int16"))


def _rows(base: Row, rows: Rows | None) -> list[Row]:
    units = {"median": "d", "p90": "d", "share_open": "1"}
    if rows is None:
        none = {"value": None, "n": 0, "customers": 0, "hits": 0, "note": "no_tickets"}
        return [{**base, "metric": m, "unit": unit, **none} for m, unit in units.items()]
    base |= rows.counts
    times = [quantile_row({**base, "unit": "d"}, rows, name, q) for name, q in _METRICS]
    waiting = rows.waits.end == 0
    size = np.bincount(rows.customer).astype("float64")
    hits = np.bincount(rows.customer, waiting).astype("float64")
    share = clustered_share(
        hits.sum(), size.sum(), len(size), hits @ hits, hits @ size, size @ size
    )
    known = {**base, "hits": len(np.flatnonzero(hits)), "metric": "share_open", "unit": "1"}
    return [*times, {**known, **limits(rows, *share)}]
