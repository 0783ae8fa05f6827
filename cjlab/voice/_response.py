"""Who was asked, who answered, and who answered to the end."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from ibis import _

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._moments import Moments, metric_row
from cjlab.voice._persons import UNKNOWN, listed, whose

BY = ("kind", "channel", "wave", "relation", "language", "touchpoint")
SCORED = ("nps", "csat", "ces", "kano")


def response_rates(
    study: Study,
    by: str | Sequence[str] = ("channel", "wave"),
    *,
    start: When = None,
    end: When = None,
    invitations: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Of those invited, how many responded, and how many of these answered to the end.

    Parameters
    ----------
    study : Study
        Its responses say ``invited_ts``; a row with that and nothing else (no time, score or
        text) is an invitation that nobody answered.
    by : str or sequence of str, default ("channel", "wave")
        Among ``kind, channel, wave, relation, language, touchpoint``.
    start, end : str, date or datetime, optional
        Half-open period of the invitations, in the study's zone.
    invitations : DataFrame, optional
        The invitations sent, where responses hold the answers only: ``customer_id`` and columns of
        `by`. An invitation is responded to where that customer has a response alike in these.

    Returns
    -------
    DataFrame
        Estimates by `by`: the count ``invited``, the fractions ``response_rate`` (of invitations)
        and ``completion_rate`` (of those responded to: the score that was asked for is there, or
        a text of an open question). Wilson, widened where customers were invited repeatedly. Null
        with ``needs_invitations`` where no unanswered invitation is known at all: the data then
        hold the answers only, and a rate of 100 % would be false.

    Raises
    ------
    UserError
        The study has no responses, `by` is unknown, or the frame lacks a column.

    Examples
    --------
    >>> from cjlab import open_study
    >>> response_rates(open_study("data/retail/study.yaml"))  # doctest: +SKIP
    """
    names = listed(by)
    for name in names:
        if name not in BY:
            raise UserError(f'by: invitations have no "{name}".{did_you_mean(name, BY)}')
    table = _responses(study, names, start, end, dated=invitations is None)
    if invitations is not None:
        table = _matched(invitations, table, names)
    else:
        table = table[table["invited"]]
    known = invitations is not None or bool((~table["responded"]).any())
    return _rates(table, names, known)


def _responses(
    study: Study, names: list[str], start: When, end: When, *, dated: bool
) -> pd.DataFrame:
    """One row a response or unanswered invitation."""
    j = study.journeys(start=start, end=end, view="customer")
    table = study.table("responses")
    if dated and (j.start is not None or j.end is not None):
        table = table.filter(j.within(table.invited_ts))
    completed = table.kind.isin(SCORED).ifelse(
        table.score.notnull(), table.score.notnull() | table.text.notnull()
    )
    table = table.select(
        *names,
        "customer_id",
        invited=_.invited_ts.notnull(),
        responded=_.ts.notnull() | _.score.notnull() | _.text.notnull(),
        completed=completed,
    )
    return _named(table.execute(), names)


def _named(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return table.assign(**{name: table[name].astype(object).fillna(UNKNOWN) for name in names})


def _matched(invitations: pd.DataFrame, found: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Say of each invitation whether its customer responded, and to the end."""
    keys = ["customer_id", *names]
    for name in keys:
        if name not in invitations.columns:
            near = did_you_mean(name, map(str, invitations.columns))
            raise UserError(f'invitations: the frame has no column "{name}".{near}')
    sent = _named(invitations[keys].reset_index(drop=True), names)
    sent["customer_id"] = sent["customer_id"].astype("str")
    found = found.assign(customer_id=found["customer_id"].astype("str"))
    best = found.groupby(keys, as_index=False)[["responded", "completed"]].max()
    joined = sent.merge(best, on=keys, how="left")
    ends = {name: joined[name].eq(True).to_numpy() for name in ("responded", "completed")}
    return joined.assign(**ends)


def _rates(table: pd.DataFrame, names: list[str], known: bool) -> pd.DataFrame:
    table = table.reset_index(drop=True)
    responded = table["responded"].astype(bool)
    rows = table[names].assign(
        _who=whose(table),
        invited=1,
        responded=responded.astype("int64"),
        completed=(responded & table["completed"].astype(bool)).astype("int64"),
    )
    people = rows.groupby([*names, "_who"], sort=False, dropna=False).sum().reset_index()
    people = people.assign(times=1)
    asked = Moments(people.assign(n=people["invited"]), names)
    told = Moments(people.assign(n=people["responded"]), names)
    parts = [
        asked.cells.assign(
            metric="invited",
            value=asked.answers,
            n=asked.answers,
            customers=asked.customers,
            unit="invitations",
            of="invitations",
        )
    ]
    for metric, sums, hits, of in (
        ("response_rate", asked, "responded", "invitations"),
        ("completion_rate", told, "completed", "invitations responded to"),
    ):
        x = sums.column(hits)
        row = metric_row(sums, metric, sums.share(x), "1", sums.sum(x > 0)).assign(of=of)
        if not known and metric == "response_rate":
            row = row.assign(value=None, low=None, high=None, hits=None, note="needs_invitations")
        parts.append(row)
    found = pd.concat([part.reindex(columns=[*names, *COLUMNS]) for part in parts])
    return estimates(found.sort_index(kind="stable"), names)
