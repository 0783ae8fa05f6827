"""How well the data fit together: touchpoints that no rule covers, ids that do not meet."""

from __future__ import annotations

import pandas as pd

from cjlab.estimates import estimates
from cjlab.study import Study

_COUNTED = ("value", "n", "customers", "hits", "unit")


def coverage(study: Study) -> pd.DataFrame:
    """Return each touchpoint with its stage, and how many events and customers it has.

    Returns
    -------
    DataFrame
        ``touchpoint, stage, events, customers``, most events first; a null stage means
        that no rule maps the touchpoint.
    """
    j = study.journeys()
    event = j.con.table("event")
    sizes = (
        event.group_by(["touchpoint", "stage"])
        .aggregate(events=event.count(), customers=event.unit.nunique())
        .execute()
    )
    names, stages = j.labels("touchpoint"), j.labels("stage")
    frame = pd.DataFrame(
        {
            "touchpoint": [names[code] for code in sizes["touchpoint"]],
            "stage": [None if pd.isna(c) else stages[int(c)] for c in sizes["stage"]],
            "events": sizes["events"],
            "customers": sizes["customers"],
        }
    )
    return frame.sort_values(["events", "touchpoint"], ascending=[False, True], ignore_index=True)


def published(study: Study, minimum: int, rare: str, rare_unmapped: str) -> pd.DataFrame:
    """Return touchpoints as a report may show them: names of rare ones are pooled.

    A raw name that few customers have may be about one of them (a page's address, say).

    Parameters
    ----------
    study : Study
        The study.
    minimum : int
        Customers below which a touchpoint is not named.
    rare, rare_unmapped : str
        What the pooled rows are called, with a stage and without one.

    Returns
    -------
    DataFrame
        ``touchpoint, stage, events``; pooled rows come last and have no stage of their own.
        A pool that still stands for fewer customers than the minimum is left out.
    """
    found = coverage(study)
    few = found["customers"] < minimum
    pools = []
    for name, stage, part in (
        (rare, "", found["stage"].notna()),
        (rare_unmapped, None, found["stage"].isna()),
    ):
        pooled = found[few & part]
        if _customers(study, list(pooled["touchpoint"])) >= minimum:
            events = int(pooled["events"].sum())
            pools.append({"touchpoint": name, "stage": stage, "events": events})
    shown = found.loc[~few, ["touchpoint", "stage", "events"]]
    return pd.concat([shown, pd.DataFrame(pools)], ignore_index=True) if pools else shown


def _customers(study: Study, touchpoints: list[str]) -> int:
    """How many customers met any of these touchpoints."""
    j = study.journeys()
    codes = [code for code, label in j.labels("touchpoint").items() if label in set(touchpoints)]
    event = j.con.table("event")
    return int(event.filter(event.touchpoint.isin(codes)).unit.nunique().execute())


def links(study: Study) -> pd.DataFrame:
    """Return, per table, the share of its customers who also have events.

    Ids that do not meet are the first sign of two systems writing them differently.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    DataFrame
        Estimates by ``table``: ``with_events`` (0–1, all of the table's customers, so without
        an interval).
    """
    rows = []
    for table in ("orders", "customers", "responses", "tickets"):
        if table in study.config.sources:
            ids = study.table(table).select("customer_id").distinct()
            ids = ids.filter(ids.customer_id.notnull())
            total = int(ids.count().execute())
            met = int(ids.semi_join(study.opened.table("unit"), "customer_id").count().execute())
            value = met / total if total else None
            rows.append({"table": table, "metric": "with_events", "value": value, "n": total,
                         "customers": total, "hits": met, "unit": "1"})  # fmt: skip
    return estimates(pd.DataFrame(rows, columns=["table", "metric", *_COUNTED]), ["table"])
