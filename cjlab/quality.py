"""How well the data fit together: touchpoints that no rule covers, ids that do not meet."""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd

from cjlab.estimates import estimates
from cjlab.study import Study

_DETAILS = ("touchpoint", "stage", "channel", "phase", "line", "owner")
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


def touchpoints(
    study: Study,
    start: str | date | datetime | None = None,
    end: str | date | datetime | None = None,
) -> pd.DataFrame:
    """Compare the touchpoints of the data with those of the catalogue.

    Parameters
    ----------
    study : Study
        The study.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone; all events by default.

    Returns
    -------
    DataFrame
        ``touchpoint, stage, channel, phase, line, owner, events, customers, reach`` (share of
        the customers with events in the period, 0–1), ``first_ts, last_ts`` (UTC) and
        ``status``, most events first: ``missing`` (in the data, not in the catalogue),
        ``unmapped`` (in both, without a stage), ``unused`` (in the study's own catalogue, no
        event in the period) or ``ok``. The stage is the catalogue's, else the one that most
        of the touchpoint's events have.

    Raises
    ------
    UserError
        For a date that is none.
    """
    j = study.journeys(start=start, end=end)
    event = j.events.filter(j.within(j.events.ts))
    met = event.group_by("touchpoint").aggregate(
        events=event.count(),
        customers=event.customer.nunique(),
        first_ts=event.ts.min(),
        last_ts=event.ts.max(),
    )
    catalogued = j.con.table("touchpoint").rename(name="touchpoint")
    found = met.join(catalogued, met.touchpoint == catalogued.code).execute()
    found = found.drop(columns=["touchpoint", "code"]).rename(columns={"name": "touchpoint"})
    usual = coverage(study).dropna(subset="stage").drop_duplicates("touchpoint")
    stages = found["touchpoint"].map(usual.set_index("touchpoint")["stage"])
    found["stage"] = found["stage"].fillna(stages)
    found["reach"] = found["customers"] / max(1, int(event.customer.nunique().execute()))
    rules = study.catalogue().resolve(found["touchpoint"]).set_index("name")["rule"]
    own = rules.fillna("stages.").str.startswith("stages.")
    found["status"] = "ok"
    found.loc[found["stage"].isna(), "status"] = "unmapped"
    found.loc[found["touchpoint"].map(own), "status"] = "missing"
    found = pd.concat([found, _unused(study, set(found["touchpoint"]))], ignore_index=True)
    found = found[[*_DETAILS, "events", "customers", "reach", "first_ts", "last_ts", "status"]]
    return found.sort_values(["events", "touchpoint"], ascending=[False, True], ignore_index=True)


def _unused(study: Study, met: set[str]) -> pd.DataFrame:
    """Touchpoints of the study's own catalogue that were not met."""
    rules = study.catalogue().rules
    # A rule without a touchpoint keeps the raw name, which only an exact one says.
    exact = rules["pattern"].where(rules["match"] == "exact")
    rules["touchpoint"] = rules["touchpoint"].fillna(exact)
    rules = rules.dropna(subset="touchpoint").drop_duplicates("touchpoint")
    # Nobody expects all of the package's own catalogue.
    unused = ~rules["touchpoint"].isin(met) & (study.config.touchpoints is not None)
    return rules.loc[unused, list(_DETAILS)].assign(
        events=0, customers=0, reach=0.0, status="unused"
    )


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
