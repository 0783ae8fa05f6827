"""Who moved from persona to persona between two periods, who entered and who left."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ibis.expr.types import Table

from cjlab.engine import connect
from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.periods import Period
from cjlab.personas.assign import folder_of, in_order, placed_at
from cjlab.personas.stored import ids_of
from cjlab.sources.base import literal
from cjlab.stats import proportion

ENTERED, RETURNED, LEFT = "(entered)", "(returned)", "(left)"

_MOVES = """
    SELECT CASE WHEN a.old THEN b.persona WHEN a.seen THEN '(returned)' ELSE '(entered)' END,
           CASE WHEN a.new THEN c.persona ELSE '(left)' END, count(*)
    FROM active a LEFT JOIN read_parquet({}) b USING (customer_id)
    LEFT JOIN read_parquet({}) c USING (customer_id)
    WHERE a.old OR a.new GROUP BY ALL
"""


def migration(study: Any, before: Period | str, after: Period | str) -> pd.DataFrame:
    """Count the customers who went from one persona to another between two periods.

    Both periods are placed by the same stored model. A customer is in a period with at least one
    event in it, and is then in the persona that all behaviour before the period's end gives.

    Parameters
    ----------
    study : Study
        With a stored persona model.
    before, after : Period or str
        Such as ``"2026Q2"`` and ``"2026Q3"``; the first ends before the second begins.

    Returns
    -------
    DataFrame
        Estimates: ``from, to`` · ``customers`` (count) and ``share`` (of those in `from`;
        Wilson 95 %). Beside the personas' ids `from` is ``(entered)`` for customers without any
        event before the end of the earlier period, and ``(returned)`` for those who had some
        and none in the earlier period; `to` is ``(left)`` for customers with no event in the
        later one. So the rows from a persona sum to its customers in the earlier period, the
        rows to a persona to those in the later one. A share of nobody is null.

    Raises
    ------
    UserError
        Personas are not assigned yet, or the periods overlap or come in the wrong order.

    Notes
    -----
    ``(left)`` only says that a customer was silent; where the data end before the later period
    does, these rows say ``period_not_over``.
    """
    old, new = two_periods(study, before, after)
    folder = folder_of(study)
    ids = in_order(ids_of(folder))
    if not ids:
        return estimates(pd.DataFrame(columns=["from", "to", "metric"]), ["from", "to"])
    rows = active(study, old, new).execute()
    first, second = (placed_at(study, folder, period) for period in (old, new))
    table = counted(rows, first, second, ids)
    if study.observed_until < _instant(study, new.end):
        table.loc[table["to"] == LEFT, "note"] = "period_not_over"
    return table


def two_periods(study: Any, before: Period | str, after: Period | str) -> tuple[Period, Period]:
    """Return both periods, or say that they are not one after the other."""
    old, new = (study.period(p) if isinstance(p, str) else p for p in (before, after))
    if old.end > new.start:
        raise UserError(f"period {old.label} must end before {new.label} begins; swap or cut them.")
    return old, new


def active(study: Any, old: Period, new: Period) -> Table:
    """Return who of all customers was there when.

    Columns ``customer_id``, ``seen`` (before the earlier period's end), ``old`` and ``new``
    (in the period).
    """
    j = study.journeys(end=new.end, view="customer")
    since, end, start = (_instant(study, at) for at in (old.start, old.end, new.start))
    ts = j.events.ts
    seen = ts < j.literal(end)
    when = {"seen": seen, "old": seen & (ts >= j.literal(since)), "new": ts >= j.literal(start)}
    flags = {name: part.cast("int8").max().cast("boolean") for name, part in when.items()}
    found = j.events.group_by("unit").agg(**flags)
    named = j.con.table("unit").select("unit", "customer_id")
    return found.join(named, "unit").select("customer_id", *when)


def _instant(study: Any, at: datetime) -> datetime:
    from cjlab.journey.base import to_utc  # with it all journeys are imported

    found = to_utc(at, study.zone)
    assert found is not None
    return found


def counted(there: pd.DataFrame, before: Path, after: Path, ids: list[str]) -> pd.DataFrame:
    """Count every move that can be, the ones that nobody made too; see `migration`.

    `there` is what `active` gives, `before` and `after` are assignments.
    """
    with closing(connect()) as con:
        con.register("active", there)
        found = con.execute(_MOVES.format(literal(before), literal(after))).fetchall()
    moves = {(start, end): count for start, end, count in found}
    pairs = [(a, b) for a in (*ids, RETURNED, ENTERED) for b in (*ids, LEFT)]
    pairs = [(a, b) for a, b in pairs if a in ids or b != LEFT]
    base = pd.DataFrame(pairs, columns=["from", "to"]).astype("str")
    count = np.array([moves.get(pair, 0) for pair in pairs])
    total = pd.Series(count).groupby(base["from"]).transform("sum").to_numpy()
    number = base.assign(
        metric="customers", value=count.astype(float), n=count, customers=count, unit="customers"
    )
    share = base.assign(
        metric="share",
        **proportion(count, total)._asdict(),
        n=total,
        customers=total,
        hits=count,
        unit="1",
        of="customers from " + base["from"],
    )
    share["note"] = pd.Series("no_customers", base.index).where(total == 0)
    return estimates(pd.concat([number, share], ignore_index=True), ["from", "to"])
