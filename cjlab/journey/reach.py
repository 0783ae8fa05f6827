"""Reach: how far each single customer got, for analysis and never for publication."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import ibis
import pandas as pd

from cjlab.journey._runs import people
from cjlab.journey._steps import Steps, read_plan
from cjlab.journey.base import Journeys


def reach(
    j: Journeys,
    *,
    steps: Steps = None,
    window: str | timedelta | None = None,
    order: str = "ordered",
    exclude: str | Sequence[str] | None = None,
    increasing: bool = False,
) -> pd.DataFrame:
    """Return how far each unit got through a funnel's steps, and when.

    Parameters
    ----------
    j : Journeys
        The journeys.
    steps, window, order, exclude, increasing : optional
        As in :func:`funnel`; immature entrants are there like all others.

    Returns
    -------
    DataFrame
        One row per chosen unit, ordered by id: ``customer_id`` (for accounts ``account_id``; for
        sessions also ``session``), ``level`` (steps reached, 0 for none), ``first_ts`` and
        ``last_ts`` (UTC): start and end of the run that reached this level first, null at
        level 0; of several that end at one event it is the one that began last.

    Raises
    ------
    UserError
        As in :func:`funnel`.

    Notes
    -----
    The rows are customers: nothing to publish. Levels as in :func:`funnel`.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "buy"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = reach(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found[["customer_id", "level"]].values.tolist()
    [['a', 2], ['b', 0]]
    """
    plan = read_plan(j, steps, window, order, exclude, increasing)
    found = people(j, plan, places=False)
    ranks = range(plan.size - 1, -1, -1)
    done = [(k, found[f"t{k}"].notnull()) for k in ranks]
    found = found.select(
        "unit",
        level=ibis.cases(*((reached, k + 1) for k, reached in done)),
        run_start=ibis.cases(*((reached, found[f"b{k}"]) for k, reached in done)),
        run_end=ibis.cases(*((reached, found[f"t{k}"]) for k, reached in done)),
    )
    keys = {"account": ["account_id"], "session": ["customer_id", "session"]}
    ids = keys.get(j.unit, ["customer_id"])
    table = j.units.select("unit", *ids).left_join(found, "unit")
    frame = table.select(
        *ids,
        level=table.level.fill_null(0).cast("int64"),
        first_ts=table.run_start,
        last_ts=table.run_end,
    ).execute()
    return frame.sort_values(ids, ignore_index=True)
