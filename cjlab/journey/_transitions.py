"""Transitions: what comes next, from stage to stage, touchpoint or channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import estimates
from cjlab.journey.base import Journeys, microseconds
from cjlab.journey.timing import DAY
from cjlab.stats import proportion

LEVELS = ("stage", "touchpoint", "channel")
START, END = "(start)", "(end)"


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
        Customer attributes, such as ``"persona"``.

    Returns
    -------
    DataFrame
        Estimates by ``from, to``: ``count`` (transitions), ``probability`` (0–1; sums to 1
        over each ``from``) and ``median_time`` (days, of the observed ones). ``customers``
        were in ``from``, ``hits`` made the transition. Pairs that never occur have no row.

    Raises
    ------
    UserError
        For an unknown level or attribute.

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
    if level not in LEVELS:
        raise UserError(f'level is "{level}".{did_you_mean(level, LEVELS)}')
    names = j.attributes(by)
    moves = j.grouped(_moves(j, level, ends), names)
    origin = [*names, "from"]
    pair = [*origin, "to"]
    per_unit = moves.group_by([*pair, "unit"]).aggregate(x=_.count())
    base = moves.group_by([*origin, "unit"]).aggregate(n=_.count())
    sums = (
        per_unit.join(base, [*origin, "unit"])
        .group_by(pair)
        .aggregate(x=_.x.sum(), hits=_.unit.nunique(), xx=(_.x * _.x).sum(), xn=(_.x * _.n).sum())
    )
    totals = base.group_by(origin).aggregate(
        n=_.n.sum(), customers=_.unit.nunique(), nn=(_.n * _.n).sum()
    )
    times = moves.group_by(pair).aggregate(waited=_.waited.cast("float64").quantile(0.5))
    table = sums.join(totals, origin).join(times, pair)
    frame = _named(j, level, table.execute(), names)
    return estimates(_rows(frame, names), [*names, "from", "to"])


def _moves(j: Journeys, level: str, ends: bool) -> Table:
    """One row per transition: unit, codes from and to (-1 start, -2 end), time in between."""
    event = j.events
    if level == "stage":
        event = event.filter(event.stage.notnull())
        following, following_ts = event.next_stage, event.next_stage_ts
    elif level == "touchpoint":
        following, following_ts = event.next_touchpoint, event.next_ts
    else:
        event = event.filter(event.channel.notnull())
        journey = ibis.window(group_by="unit", order_by="step")
        event = event.mutate(
            after=event.channel.lead().over(journey), after_ts=event.ts.lead().over(journey)
        )
        following, following_ts = event.after, event.after_ts
    own = event[level].cast("int32")
    table = event.select(
        "unit",
        "ts",
        "step",
        **{"from": own, "to": following.cast("int32")},
        waited=microseconds(following_ts, event.ts),
    )
    inside = table.filter(j.within(table.ts))
    if not ends:
        return inside.filter(inside.to.notnull()).select("unit", "from", "to", "waited")
    onward = inside.mutate(to=inside.to.fill_null(-2)).select("unit", "from", "to", "waited")
    first = table.group_by("unit").aggregate(to=table["from"].argmin(table.step), ts=table.ts.min())
    first = first.filter(j.within(first.ts))
    begun = first.select(
        "unit",
        **{"from": ibis.literal(-1, "int32"), "to": first.to},
        waited=ibis.null("int64"),
    )
    return onward.union(begun)


def _named(j: Journeys, level: str, frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Put names for codes, in the order of stages (or of names), start first and end last."""
    labels = j.labels(level) | {-1: START, -2: END}
    rank = {code: (code == -2, code) for code in labels}
    for column in ("from", "to"):
        frame[f"_{column}"] = [rank[int(code)] for code in frame[column]]
    frame = frame.sort_values([*names, "_from", "_to"], ignore_index=True)
    for column in ("from", "to"):
        frame[column] = [labels[int(code)] for code in frame[column]]
    return frame.drop(columns=["_from", "_to"])


def _rows(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    keys = [*names, "from", "to"]
    if frame.empty:
        return pd.DataFrame(columns=[*keys, "metric", "value", "n"])
    known = frame[[*keys, "customers", "hits"]]
    low, high = _limits(frame)
    of = "transitions from " + frame["from"].astype(str)
    count = known.assign(metric="count", value=frame["x"], n=frame["n"], unit="transitions", of=of)
    share = known.assign(
        metric="probability",
        value=frame["x"] / frame["n"],
        low=low,
        high=high,
        n=frame["n"],
        unit="1",
        of=of,
        note=pd.Series("one_customer", frame.index).where(np.isnan(low)),
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


def _limits(frame: pd.DataFrame) -> tuple[Any, Any]:
    """Wilson limits with the effective sample size; nan where one customer gives no spread."""
    x, n, groups = (frame[c].to_numpy(dtype=float) for c in ("x", "n", "customers"))
    share = x / n
    xx, xn, nn = (frame[c].to_numpy(dtype=float) for c in ("xx", "xn", "nn"))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = xx - 2 * share * xn + share**2 * nn
        # What is left of equal sums is rounding, not spread.
        spread = np.where(spread > 1e-12 * (xx + share**2 * nn), spread, 0.0)
        spread = spread / n**2 * groups / (groups - 1)
        effective = share * (1 - share) / spread
    # Where every customer agrees there is no spread to measure: each counts as one answer.
    effective = np.where(spread > 0, effective, groups)
    effective = np.where(groups > 1, np.minimum(effective, n), np.nan)
    known = ~np.isnan(effective)
    base = np.where(known, effective, 0.0)
    limits = proportion(share * base, base)
    return np.asarray(limits.low), np.asarray(limits.high)
