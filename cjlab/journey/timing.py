"""Time in stage: how long customers stay, with those still there counted as still there."""

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
from cjlab.journey.base import Journeys, microseconds, parse_duration
from cjlab.stats import Interval, km, km_quantile, rmst

DAY = 86_400_000_000
_QUARTILES = (("q25", 0.25), ("median", 0.5), ("q75", 0.75))


def spells(j: Journeys) -> Table:
    """Return one row per stay in a stage that starts in the period.

    A spell is a run of consecutive events in one stage; it ends with the first event of a
    different stage. The last spell of a journey is open: ``exit`` is null and the customer was
    followed until ``observed_until``. In the buying view the purchase ends the journey and is
    no stay.

    Parameters
    ----------
    j : Journeys
        The journeys.

    Returns
    -------
    ibis Table
        ``unit, stage`` (code), ``start``, ``exit`` (null when open), ``next_stage``,
        ``waited`` (microseconds until exit or the end of observation) and ``left`` (whether
        the exit was seen).
    """
    event = j.events
    event = event.filter(event.stage.notnull())
    moves = event.next_stage.notnull() & (event.next_stage != event.stage)
    stays = event.group_by("unit", "spell").aggregate(
        stage=event.stage.max(),
        start=event.ts.min(),
        exit=event.next_stage_ts.max(where=moves),
        next_stage=event.next_stage.max(where=moves),
    )
    stays = stays.filter(j.within(stays.start))
    if j.view == "buying":
        stays = stays.filter(stays.stage != j.model.codes[str(j.model.purchase)])
    until = ibis.literal(j.observed_until)
    left = stays.exit.notnull()
    return stays.mutate(
        left=left,
        # The end of observation itself is not observed: the last seen microsecond is before it.
        waited=left.ifelse(
            microseconds(stays.exit, stays.start), microseconds(until, stays.start) - 1
        ),
    )


def time_in_stage(
    j: Journeys,
    *,
    horizon: str | timedelta | None = None,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Estimate how many days customers stay in each stage before they move on.

    Open stays count as "at least so long" (censored), never as finished and never left out.

    Parameters
    ----------
    j : Journeys
        The journeys; stays are taken by their start.
    horizon : str or timedelta, optional
        Limit of the restricted mean, such as ``"30D"``; the longest time observed in each
        stage by default.
    by : str or sequence of str, optional
        Customer attributes, such as ``"persona"``.

    Returns
    -------
    DataFrame
        Estimates by ``stage`` (every stage of the model): ``q25``, ``median`` and ``q75``, the
        days after which a quarter, half and three quarters have moved on, and ``rmst``, the
        mean days within the horizon. ``n`` counts stays, ``customers`` who made them, ``hits``
        those seen to move on. Null with note ``not_reached`` means that fewer than that share
        moved on while observed; null with ``no_spells`` that nobody was there.

    Raises
    ------
    UserError
        For an unknown attribute or a bad horizon.

    Notes
    -----
    Kaplan–Meier with log-log limits; a quantile is the first time at which survival is at most
    1 − q (Klein & Moeschberger 2003, 4.5). Restricted mean with Greenwood-type error. Stays of
    one customer are taken as independent: where customers repeat a stage, limits are too narrow.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a"], "stage": ["see", "buy"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-03"])})
    >>> found = time_in_stage(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found.query("metric == 'median'")[["stage", "value", "note"]].values.tolist()
    [['see', 2.0, nan], ['buy', nan, 'not_reached']]
    """
    names = j.attributes(by)
    limit = parse_duration(horizon, "horizon")
    stays = j.grouped(spells(j), names)
    keys = [*names, "stage"]
    durations = stays.group_by([*keys, "waited", "left"]).aggregate(n=_.count()).execute()
    who = (
        stays.group_by(keys)
        .aggregate(customers=_.unit.nunique(), hits=_.unit.nunique(where=_.left))
        .execute()
    )
    people = {tuple(row[:-2]): (int(row[-2]), int(row[-1])) for row in who.itertuples(index=False)}
    parts = {tuple(key): part for key, part in durations.groupby(keys)}
    rows: list[dict[str, Any]] = []
    for group in j.groups(names):
        for code, stage in enumerate(j.model.ids):
            base = {**dict(zip(names, group, strict=True)), "stage": stage, "unit": "d"}
            part = parts.get((*group, code))
            customers, hits = people.get((*group, code), (0, 0))
            known = {**base, "customers": customers, "hits": hits}
            rows += _stage_rows(known, part, limit)
    return estimates(pd.DataFrame(rows, columns=[*keys, *COLUMNS]), keys)


def _stage_rows(
    base: dict[str, Any], part: pd.DataFrame | None, limit: int | None
) -> list[dict[str, Any]]:
    metrics = [*(name for name, _ in _QUARTILES), "rmst"]
    if part is None or part.empty:
        return [
            {**base, "metric": m, "value": None, "n": 0, "of": "stays", "note": "no_spells"}
            for m in metrics
        ]
    curve = km(part["waited"].to_numpy(), part["left"].to_numpy(), weights=part["n"].to_numpy())
    base = {**base, "n": int(part["n"].sum()), "of": "stays"}
    rows = [
        {**base, "metric": name, **_days(km_quantile(curve, q), "not_reached")}
        for name, q in _QUARTILES
    ]
    top = limit if limit is not None else int(part["waited"].max())
    # Where all stays are of no length there is no horizon, and no time to take a mean of.
    mean = rmst(curve, top) if top else Interval(np.nan, np.nan, np.nan)
    rows.append(
        {
            **base,
            "metric": "rmst",
            **_days(mean, "beyond_observation"),
            "of": f"stays, within {top / DAY:.4g} days",
        }
    )
    return rows


def _days(interval: Any, unknown: str) -> dict[str, Any]:
    """Days with limits; an upper limit that was not reached stays open, as null."""
    if np.isnan(interval.value):
        return {"value": None, "note": unknown}
    found = {"value": interval.value / DAY}
    if not np.isnan(interval.low):
        found["low"] = interval.low / DAY
    if not np.isnan(interval.high):
        found["high"] = interval.high / DAY
    return found
