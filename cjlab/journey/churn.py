"""Churn: of those who were active when a period began, who no longer is when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._lives import (
    active,
    births,
    data_begin,
    members,
    noun,
    number,
    number_of,
    observed_periods,
    segments,
    span,
    with_shares,
)
from cjlab.journey._segments import coded, decoded
from cjlab.journey.base import Journeys, parse_duration


def churn(
    j: Journeys,
    *,
    inactive: str | timedelta = "90D",
    period: str = "month",
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Share of the customers active at a period's start who are not active at its end.

    Active at an instant is who has an event in the span `inactive` before it, the instant
    itself excluded. New customers never enter the denominator.

    Parameters
    ----------
    j : Journeys
        The journeys. Calendar periods that lie wholly in theirs are taken; without one, all
        from the first event on.
    inactive : str or timedelta, default "90D"
        How long without an event makes a customer inactive.
    period : {"day", "week", "month", "quarter", "year", "period"}, default "month"
        Length of the calendar periods, in the study's zone.
    by : str or sequence of str, optional
        Attributes such as ``"persona"``; of channels and the like, that at the first event.

    Returns
    -------
    DataFrame
        Estimates by ``period`` (label such as ``2026-07``): ``churn``, 0–1 with the Wilson
        interval; ``n`` were active at the start. Null with status ``not_yet_observed`` where
        the period's end was not observed, with ``nobody_active`` where nobody was active. Note
        ``short_history``: the data begin less than `inactive` before the period, so some who
        were active are not known to have been.

    Raises
    ------
    UserError
        For an unknown attribute or period, or a bad duration.

    Notes
    -----
    In each calendar period only the last event of a customer counts: it keeps the customer
    active at the following starts of periods until `inactive` is over. A run of such starts
    that breaks off is one lost customer.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "b", "b"], "stage": "see",
    ...                     "ts": pd.to_datetime(["2026-01-30", "2026-01-30", "2026-02-20"])})
    >>> j = Journeys.from_frame(log, stages=["see"], observed_until="2026-03-01")
    >>> churn(j, inactive="14D").query("period == '2026-02'")[["value", "n"]].values.tolist()
    [[0.5, 2]]
    """
    names, period = j.attributes(by), j.calendar(period)
    columns = j.columns(names)
    quiet = parse_duration(inactive, "inactive") or 0
    bounds = _periods(j, period, quiet)
    runs = _runs(j, period, quiet)
    born = coded(j, births(j, names), names).select("who", "unit", *columns)
    found = _counts(j, runs.join(born, "who"), columns, bounds["index"].tolist())
    found = decoded(j, found, names)
    groups = pd.DataFrame(segments(j, names), columns=columns, index=None)
    cells = groups.merge(bounds, how="cross") if columns else bounds
    cells = cells.merge(found, on=[*columns, "index"], how="left")
    counts = ["n", "lost", "customers", "hits"]
    cells[counts] = cells[counts].fillna(0).astype("int64")
    seen = (cells["end"] <= j.observed_until).to_numpy()
    cells = with_shares(cells, cells["lost"].to_numpy("float64"), seen)
    cells["hits"] = cells["hits"].astype("Int64").where(seen)
    someone = (cells["n"] > 0).to_numpy()
    cells["status"] = np.where(~seen, "not_yet_observed", np.where(someone, "ok", "not_estimable"))
    cells["note"] = cells["short"].map({True: "short_history"})
    cells.loc[seen & ~someone, "note"] = "nobody_active"
    cells = cells.assign(metric="churn", unit="1", of=f"{noun(j)} active at the start")
    dims = [*columns, "period"]
    cells = cells.rename(columns={"label": "period"}).reindex(columns=[*dims, *COLUMNS])
    return estimates(cells, dims)


def _periods(j: Journeys, period: str, quiet: int) -> pd.DataFrame:
    """The periods to report, with whether the data begin too late for them."""
    current, _full = observed_periods(j, period)
    begin = data_begin(j)
    first = current + 1 if begin is None else number_of(begin, period, j.zone)
    if j.start is not None:
        first = max(first, number_of(j.start, period, j.zone))
    bounds = j.period_bounds(period, first, current)
    inside = pd.Series(True, index=bounds.index)
    if j.start is not None:
        inside &= bounds["start"] >= j.start
    if j.end is not None:
        inside &= bounds["end"] <= j.end
    bounds = bounds[inside]
    history = pd.Timestamp(begin or j.observed_until) + pd.Timedelta(quiet, "us")
    return bounds.assign(short=bounds["start"] < history)


def _runs(j: Journeys, period: str, quiet: int) -> Table:
    """Unbroken runs of starts of periods at which a life is active by one event.

    ``first`` to ``last`` are numbers of periods; ``ends`` says that the next start finds it
    inactive.
    """
    at = active(j, period).rename(period="at")
    until = ibis.least(at.ts + span(quiet), j.literal(j.observed_until))
    at = at.mutate(reach=number(j, until, period))
    order = ibis.window(group_by="who", order_by="period")
    at = at.mutate(after=at.period.lead().over(order), next_reach=at.reach.lead().over(order))
    last = ibis.least(at.reach, at.after.fill_null(at.reach))
    goes_on = (last == at.after) & (at.next_reach > at.after)
    runs = at.select(
        "who", first=at.period + 1, last=last, ends=~goes_on.fill_null(ibis.literal(False))
    )
    return runs.filter(runs["last"] >= runs["first"])


def _counts(j: Journeys, runs: Table, columns: list[str], numbers: list[int]) -> pd.DataFrame:
    """Count the active at each start, and those of them who are lost, in every segment."""
    keys = [*columns, "index"]
    if not numbers:
        return pd.DataFrame(columns=[*keys, "n", "lost", "customers", "hits"])
    if j.unit != "account":
        # Equal runs are counted before they are laid out over the periods.
        parts = [*columns, "first", "last", "ends"]
        some = _laid_out(runs.group_by(parts).aggregate(size=_.count()), numbers)
        found = some.group_by(keys).aggregate(n=_["size"].sum(), lost=_["size"].sum(where=_.lost))
        frame = found.execute()
        return frame.assign(customers=frame["n"], hits=frame["lost"])
    each = members(j, _laid_out(runs, numbers))
    return (
        each.group_by(keys)
        .aggregate(
            n=_.who.nunique(),
            lost=_.who.nunique(where=_.lost),
            customers=_.customer.nunique(),
            hits=_.customer.nunique(where=_.lost),
        )
        .execute()
    )


def _laid_out(runs: Table, numbers: list[int]) -> Table:
    """One row for each start of a period in a run, and whether it is the lost one."""
    starts: Any = ibis.memtable(pd.DataFrame({"index": numbers}, dtype="int64"))
    found = runs.join(starts, [runs["first"] <= starts["index"], starts["index"] <= runs["last"]])
    return found.mutate(lost=found.ends & (found["index"] == found["last"]))
