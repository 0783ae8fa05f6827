"""Lifecycle: who is new, active, back, at risk or lost when observation ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._lives import births, data_begin, noun, segments, tally, whose
from cjlab.journey.base import Journeys, parse_duration
from cjlab.stats import proportion

STATES = ("new", "active", "returning", "at_risk", "lost")


def lifecycle(
    j: Journeys,
    *,
    inactive: str | timedelta = "90D",
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Count the customers by what they have done lately, when observation ends.

    The two latest windows of length `inactive` before ``observed_until`` say the state:
    ``new`` had the first event in the last one; ``active`` was there in both; ``returning`` in
    the last, not in the one before, but earlier; ``at_risk`` not in the last, but in the one
    before; ``lost`` in neither.

    Parameters
    ----------
    j : Journeys
        The journeys; everyone who came before ``observed_until`` is counted.
    inactive : str or timedelta, default "90D"
        Length of a window; its start is part of it.
    by : str or sequence of str, optional
        Attributes such as ``"persona"``; of channels and the like, that at the first event.

    Returns
    -------
    DataFrame
        Estimates by ``state``, each of the five in every segment: ``customers`` (how many) and
        ``share`` of all (0–1, Wilson interval), which add up. Null with ``no_customers`` is
        the share of a segment without anyone. Note ``short_history``: the data do not reach
        back two windows, so that some count as new who are not.

    Raises
    ------
    UserError
        For an unknown attribute or a bad duration.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "b"], "stage": "see",
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-06-01"])})
    >>> found = lifecycle(Journeys.from_frame(log, stages=["see"]))
    >>> found.query("metric == 'customers' and value > 0")[["state", "value"]].values.tolist()
    [['new', 1.0], ['at_risk', 1.0]]
    """
    names = j.attributes(by)
    columns = j.columns(names)
    length = timedelta(microseconds=parse_duration(inactive, "inactive") or 0)
    lives = _states(j, names, length)
    found, every = tally(j, lives, [*columns, "state"]), tally(j, lives, columns)
    begin = data_begin(j)
    note = "short_history" if begin and begin > j.observed_until - 2 * length else None
    rows: list[dict[str, Any]] = []
    for group in segments(j, names):
        size, people = every.get(group, (0, 0))
        for code, state in enumerate(STATES):
            count, hits = found.get((*group, code), (0, 0))
            base = {**dict(zip(columns, group, strict=True)), "state": state, "n": size}
            base |= {"customers": people, "hits": hits, "of": f"all {noun(j)}", "note": note}
            share = proportion(count, size)
            limits = {"value": share.value, "low": share.low, "high": share.high}
            rows.append({**base, "metric": "customers", "value": count, "unit": noun(j)})
            limits["note"] = note if size else "no_customers"
            rows.append({**base, "metric": "share", **limits, "unit": "1"})
    dims = [*columns, "state"]
    return estimates(pd.DataFrame(rows, columns=[*dims, *COLUMNS]), dims)


def _states(j: Journeys, names: list[str], length: timedelta) -> Table:
    """Give each life the code of its state."""
    recent, before = (j.literal(j.observed_until - k * length) for k in (1, 2))
    event = whose(j, j.events)
    lives = event.group_by("who").aggregate(last=_.ts.max(), earlier=_.ts.max(where=_.ts < recent))
    lives = j.grouped(births(j), names).join(lives, "who")
    here, there = lives["last"] >= recent, (lives.earlier >= before).fill_null(ibis.literal(False))
    state = ibis.cases((lives.ts >= recent, 0), (here & there, 1), (here, 2), (there, 3), else_=4)
    return lives.mutate(state=state.cast("int64"))
