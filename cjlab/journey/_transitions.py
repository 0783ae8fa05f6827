"""Transitions: what comes next, from stage to stage, touchpoint or channel."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.estimates import estimates
from cjlab.journey._pairs import pairs
from cjlab.journey._segments import carried, coded, decoded
from cjlab.journey._states import check_level, shares, states
from cjlab.journey.base import Journeys, microseconds
from cjlab.journey.timing import DAY

START, END = "(start)", "(end)"
_AXES = ("from", "to")


def transitions(
    j: Journeys,
    *,
    level: str = "stage",
    ends: bool = False,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Count what follows what, with the probability of each next step.

    Parameters
    ----------
    j : Journeys
        The journeys; a transition belongs to the period in which its first event lies.
    level : {"stage", "touchpoint", "channel"}
        What counts as a state. Events without one are passed over. Staying in a state is a
        transition too.
    ends : bool, default False
        Whether to add ``(start)`` before each journey and ``(end)`` after its last observed
        event, so that those who stop are part of the base. Without, the base is observed next
        events.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        event from which the transition goes out.

    Returns
    -------
    DataFrame
        Estimates by ``from, to``: ``count`` (transitions), ``probability`` (0–1; sums to 1
        over each ``from``) and ``median_time`` (days, of the observed ones, without limits).
        ``customers`` were in ``from``, ``hits`` made the transition. Pairs that never occur
        have no row.

    Raises
    ------
    UserError
        For an unknown level or segment.

    Notes
    -----
    Customers repeat, so the interval is Wilson's with the effective sample size of the
    cluster-robust variance (Korn & Graubard 1998), never larger than n. With one customer
    there is no interval.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = transitions(Journeys.from_frame(log, stages=["see", "buy"]), ends=True)
    >>> found.query("metric == 'probability'")[["from", "to", "value"]].values.tolist()
    [['(start)', 'see', 1.0], ['see', 'buy', 0.5], ['see', '(end)', 0.5], ['buy', '(end)', 1.0]]
    """
    check_level(level)
    names = j.attributes(by)
    keys = [*j.columns(names), "from", "to"]
    found = None if names else pairs(j, level, ends)
    if found is None:
        moves = coded(j, _moves(j, level, ends, names), names)
        found = shares(j, moves, keys[:-1], "to")
        times = moves.group_by(keys).aggregate(waited=_.waited.quantile(0.5)).execute()
        found = found.merge(times, on=keys)
    frame = _named(j, level, decoded(j, found, names), keys)
    return estimates(_rows(frame, keys), keys)


def transition_matrix(j: Journeys, *, level: str = "stage", ends: bool = False) -> pd.DataFrame:
    """Count transitions only: the quick form of :func:`transitions`, for analysis.

    It has no intervals and does not say how many customers a count stands for, so it is never
    for publication.

    Parameters
    ----------
    j : Journeys
        As in :func:`transitions`.
    level : {"stage", "touchpoint", "channel"}
        As in :func:`transitions`.
    ends : bool, default False
        As in :func:`transitions`.

    Returns
    -------
    DataFrame
        Transitions from each row's state to each column's; 0 where there is none.

    Raises
    ------
    UserError
        For an unknown level.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a"], "stage": ["see", "buy"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    >>> int(transition_matrix(Journeys.from_frame(log, stages=["see", "buy"])).loc["see", "buy"])
    1
    """
    check_level(level)
    moves = _moves(j, level, ends)
    found = moves.group_by(["from", "to"]).aggregate(x=_.count()).execute()
    named = _named(j, level, found, ["from", "to"])
    order = {axis: list(dict.fromkeys(named.sort_values(f"_{axis}")[axis])) for axis in _AXES}
    table = named.pivot(index="from", columns="to", values="x")
    return table.reindex(index=order["from"], columns=order["to"]).fillna(0).astype("int64")


def _moves(j: Journeys, level: str, ends: bool, names: Sequence[str] = ()) -> Table:
    """One row per transition: who, when, codes from and to (-1 start, -2 end), time between."""
    table = states(j, level, names=names)
    who = ("unit", "customer", "step", "ts", *carried(j.events, names))
    table = table.select(
        *who,
        **{"from": table.state, "to": table.following},
        waited=microseconds(table.following_ts, table.ts),
    )
    inside = table.filter(j.within(table.ts))
    if not ends:
        return inside.filter(inside.to.notnull())
    onward = inside.mutate(to=inside.to.fill_null(-2))
    first = _first(j, level, table, names)
    begun = first.filter(j.within(first.ts)).select(
        *who, **{"from": ibis.literal(-1, "int32"), "to": _.to}, waited=ibis.null("int64")
    )
    return onward.union(begun)


def _first(j: Journeys, level: str, table: Table, names: Sequence[str]) -> Table:
    """The first event with a state of each journey; columns as in the table of moves."""
    if level == "channel":
        lowest = table.group_by("unit").aggregate(step=_.step.min())
        return table.semi_join(lowest, ["unit", "step"]).mutate(to=table["from"])
    event = j.events
    begins = event.step == 0 if level == "touchpoint" else event.prev_stage.isnull()
    event = event.filter(event[level].notnull() & begins)
    return event.select(
        "unit", "customer", "step", "ts", to=event[level].cast("int32"), **carried(event, names)
    )


def _named(j: Journeys, level: str, frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Put names for codes, in the order of stages (or of names), start first and end last."""
    labels = j.labels(level) | {-1: START, -2: END}
    for axis in _AXES:
        frame[f"_{axis}"] = frame[axis].where(frame[axis] != -2, len(labels)).astype("int64")
        frame[axis] = frame[axis].map(labels)
    return frame.sort_values([*keys[:-2], "_from", "_to"], ignore_index=True)


def _rows(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if frame.empty:
        return pd.DataFrame(columns=[*keys, "metric", "value", "n"])
    known = frame[[*keys, "customers", "hits", "n"]].assign(
        of="transitions from " + frame["from"].astype(str)
    )
    count = known.assign(metric="count", value=frame["x"], unit="transitions")
    share = known.assign(
        metric="probability",
        value=frame["x"] / frame["n"],
        low=frame["low"],
        high=frame["high"],
        unit="1",
        note=pd.Series("one_customer", frame.index).where(frame["low"].isna()),
    )
    median = known.assign(
        metric="median_time",
        value=frame["waited"] / DAY,
        n=frame["x"],
        unit="d",
        customers=frame["hits"],
        of="observed transitions",
        note=pd.Series("no_time_at_the_ends", frame.index).where(frame["waited"].isna()),
    )
    parts = pd.concat([count, share, median], keys=range(3), names=["metric_no", "row"])
    return parts.sort_index(level=["row", "metric_no"], sort_remaining=False).reset_index(drop=True)
