"""The whole picture of each moment: who met it, what they said, asked and did after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from cjlab.disclosure import NOTE, WIDE
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey.base import parse_duration
from cjlab.privacy import gate
from cjlab.stats import proportion
from cjlab.study import Study
from cjlab.voice import _met
from cjlab.voice._answers import When
from cjlab.voice._of_study import KINDS, scores
from cjlab.voice._persons import UNKNOWN

#: The unit of each score, for what nobody was asked.
_UNITS = {"nps": "points", "csat": "1", "ces": "points"}


def moments(
    study: Study,
    start: When = None,
    end: When = None,
    *,
    level: str = "touchpoint",
    after: str | timedelta = "30D",
) -> pd.DataFrame:
    """Put beside each other what events, surveys and tickets say of each touchpoint or stage.

    Parameters
    ----------
    study : Study
        With events; responses and tickets where it has them.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, of meetings, answers and tickets.
    level : {"touchpoint", "stage"}
        What the rows are.
    after : str or timedelta, default "30D"
        How long after a meeting something must follow, edge included.

    Returns
    -------
    DataFrame
        Estimates by the level's column, the most met first: ``reach`` (share of the period's
        customers who met it), ``events`` (a count), ``nps``, ``csat`` and ``ces`` as in
        :func:`scores` (with NPS's widest interval, note ``widest_interval``, where the exact one
        would tell a share of too few customers), ``tickets_per_100`` customers
        who met it, and ``silent_after`` (share of its events that no event of the customer follows
        in time, among those observed for so long). Null with ``no_answers``,
        ``several_instruments`` (answers on several scales, or transactional beside relational: see
        :func:`scores`), ``not_met``, ``no_tickets``, or not yet observed.

    Raises
    ------
    UserError
        An option is unknown.

    Notes
    -----
    Rates of events and tickets take a customer's together (cluster-robust). A ticket belongs to
    the touchpoint that its topic names, else to what the customer met last within 7 days before.

    Examples
    --------
    >>> from cjlab import open_study
    >>> study = open_study("data/retail/study.yaml")  # doctest: +SKIP
    >>> moments(study, "2026-07-01", "2026-10-01")  # doctest: +SKIP
    """
    _met.check_level(level)
    span, near = parse_duration(after, "after"), parse_duration(_met.TICKET_WINDOW, "window")
    assert span is not None and near is not None
    j = study.journeys(start=start, end=end, view="customer")
    reached, everyone = _met.met(j, level)
    none = j.table("responses") is None
    said = {kind: None if none else said_of(study, kind, level, start, end) for kind in KINDS}
    silent = _met.silent_after(j, study.journeys(view="customer"), level, span)
    sums = _met.tickets(j, level, near)
    places = _places(reached, said, level)
    rows: list[dict[str, Any]] = []
    for place in places:
        known: Any = reached.loc[place] if place in reached.index else None
        own = _meetings(known, everyone)
        own += [_score(kind, said[kind], level, place) for kind in KINDS]
        count = 0 if known is None else int(known["customers"])
        ticket: dict[str, Any] = {"metric": "tickets_per_100", "unit": "tickets"}
        ticket |= {"of": "customers who met it"}
        ticket |= {"n": count, "customers": count, **_met.ticket_cells(sums, place, count)}
        rows += [{level: place, **row} for row in [*own, ticket, _silent(silent, place, known)]]
    return estimates(pd.DataFrame(rows, columns=[level, *COLUMNS]).astype({level: "str"}), [level])


def said_of(study: Study, kind: str, level: str, start: When, end: When) -> pd.DataFrame:
    """The scores of places, waves together; what is said of the whole is not about a place.

    Where the table of scores must not tell their shares, no other table may.
    """
    table = scores(study, kind, by=level, start=start, end=end, pool="wave")
    own = (table["metric"] == kind) & (table["n"] > 0)
    gated = gate(table, study.config.report.minimum_cell)[0]
    table = gated.where(gated["note"].isin([NOTE, WIDE]), table)[own]
    return table[table["relation"] != "relational"] if "relation" in table.columns else table


def _places(reached: pd.DataFrame, said: dict[str, pd.DataFrame | None], level: str) -> list[str]:
    """All that anybody met, in order of how many, then what was only asked about."""
    first = reached.sort_index().sort_values("customers", ascending=False, kind="stable").index
    asked = {place for table in said.values() if table is not None for place in table[level]}
    return [*first, *sorted(asked - set(first) - {UNKNOWN})]


def _meetings(known: pd.Series | None, everyone: int) -> list[dict[str, Any]]:
    met, events = (0, 0) if known is None else (int(known["customers"]), int(known["events"]))
    whole = {"n": everyone, "customers": everyone, "hits": met}
    reach = proportion(met, everyone)._asdict()
    of = "customers of the period"
    return [
        {"metric": "reach", "unit": "1", "of": of, **whole, **reach},
        {"metric": "events", "value": events, "n": events, "customers": met, "unit": "events"},
    ]


def _score(kind: str, said: pd.DataFrame | None, level: str, place: str) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": kind, "unit": _UNITS[kind], "n": 0, "customers": 0}
    own = None if said is None else said[said[level] == place]
    if own is None or not len(own):
        return row | {"note": "no_answers"}
    if len(own) > 1:
        # Customers may have answered several: who they are together is not known here.
        total = own["n"].sum(min_count=len(own))
        return row | {"n": total, "customers": None, "note": "several_instruments"}
    found = own.iloc[0]
    return {name: found[name] for name in COLUMNS}


def _silent(silent: pd.DataFrame, place: str, known: pd.Series | None) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": "silent_after", "unit": "1", "of": "events followed up"}
    if known is None:
        return row | {"n": 0, "customers": 0, "note": "not_met"}
    if place not in silent.index:
        return row | {"n": 0, "customers": 0, "status": "not_yet_observed"}
    found: Any = silent.loc[place].to_dict()
    return row | found
