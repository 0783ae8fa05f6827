"""How well the data fit together: touchpoints that no rule covers, ids that do not meet."""

from __future__ import annotations

import pandas as pd

from cjlab.study import Study


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


def links(study: Study) -> pd.DataFrame:
    """Return, per table, how many of its customers also have events.

    Returns
    -------
    DataFrame
        ``table, customers, with_events, share``: ids that do not meet are the first sign
        of two systems writing them differently.
    """
    rows = []
    for table in ("orders", "customers", "responses", "tickets"):
        if table in study.config.sources:
            ids = study.table(table).select("customer_id").distinct()
            ids = ids.filter(ids.customer_id.notnull())
            met = ids.semi_join(study.opened.table("unit"), "customer_id").count().execute()
            total = int(ids.count().execute())
            rows.append((table, total, int(met), met / total if total else float("nan")))
    return pd.DataFrame(rows, columns=["table", "customers", "with_events", "share"])
