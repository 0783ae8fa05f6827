"""Time in stage: how long customers stay, with those still there counted as still there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.expr.types import Table

from cjlab.estimates import COLUMNS, estimates
from cjlab.journey import _stream
from cjlab.journey._stream import begins, in_order, over_units
from cjlab.journey._waiting import DAY, Row, Rows, cells_of, collect, summary
from cjlab.journey.base import Journeys, microseconds, parse_duration

_STAYS = pa.schema(
    [
        *((name, pa.int32()) for name in ("unit", "customer", "step")),
        ("stage", pa.int16()),
        *((name, pa.timestamp("us")) for name in ("start", "exit")),
        ("next_stage", pa.int16()),
    ]
)

__all__ = ["DAY", "spells", "stays", "time_in_stage"]


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
        ``unit, customer`` (who began it), ``step`` (of its first event), ``stage`` (code),
        ``start``, ``exit`` (null when open), ``next_stage``, ``waited`` (microseconds until exit
        or the end of observation) and ``left`` (whether the exit was seen).
    """
    stays = _walked(j) if in_order(j) else _grouped(j)
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


def _grouped(j: Journeys) -> Table:
    event = j.events
    event = event.filter(event.stage.notnull())
    moves = event.next_stage.notnull() & (event.next_stage != event.stage)
    # Only an account is several customers: the one who began is looked for there alone.
    several = j.unit == "account"
    return event.group_by("unit", "spell").aggregate(
        customer=event.customer.argmin(event.step) if several else event.customer.max(),
        step=event.step.min(),
        stage=event.stage.max(),
        start=event.ts.min(),
        exit=event.next_stage_ts.max(where=moves),
        next_stage=event.next_stage.max(where=moves),
    )


def _walked(j: Journeys) -> Table:
    """As :func:`_grouped`: where rows lie in order a stay ends where the unit's next one begins."""
    event = j.events
    begun = event.stage.notnull() & (event.prev_stage.isnull() | (event.prev_stage != event.stage))
    table = event.filter(begun).select("unit", "customer", "step", "stage", "ts")
    return ibis.memtable(pa.concat_tables([_STAYS.empty_table(), *over_units(j, table, _stays)]))


def _stays(rows: _stream.Rows) -> pa.Table:
    last = np.append(begins(rows["unit"])[1:], True)
    onward = (pa.array(np.roll(rows[name], -1), mask=last) for name in ("ts", "stage"))
    return pa.table([*map(pa.array, rows.values()), *onward], schema=_STAYS)


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
        Attributes such as ``"persona"``; of channels and the like, that at the first event of
        the stay.

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
    1 − q (Klein & Moeschberger 2003, 4.5). Restricted mean with Greenwood-type error. Where
    customers repeat a stage the variance at the quartile, or of the mean, is multiplied by its
    design effect: influences summed within customers (Williams 1995), times g / (g − 1), with
    Student's t of g − 1 degrees of freedom; never less than independent stays would have. With
    one customer only there are no limits (note ``one_customer``).

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
    rows: list[Row] = []
    for group, stage, waits in cells_of(j, names, stays(j, names)):
        rows += summary({**group, "stage": stage, "of": "stays"}, waits, limit, "no_spells")
    keys = [*j.columns(names), "stage"]
    return estimates(pd.DataFrame(rows, columns=[*keys, *COLUMNS]), keys)


def stays(j: Journeys, names: list[str]) -> dict[tuple[Any, ...], Rows]:
    """Fetch the stays by segment and stage code; they end by the next stage's code + 1.

    Several metrics ask for the same stays one after the other: the last ones are kept.
    """
    found: dict[tuple[Any, ...], Rows] = j.kept(("stays", *names), lambda: _fetched(j, names))
    return found


def _fetched(j: Journeys, names: list[str]) -> dict[tuple[Any, ...], Rows]:
    table = spells(j)
    table = table.mutate(ts=table.start, end=(table.next_stage + 1).fill_null(0).cast("int16"))
    return collect(j.grouped(table, names), [*j.columns(names), "stage"], j.cluster)
