"""One row a response, with its score read and the touchpoint or stage it belongs to.

Every question of this room starts here; nothing is pulled out of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import estimates
from cjlab.journey import Journeys
from cjlab.schema import RESPONSE_KINDS, RESPONSES
from cjlab.study import Study
from cjlab.voice._scales import NUMBER, SCALES

When = str | date | datetime | None


def answers(
    study: Study, start: When = None, end: When = None, *, kinds: str | Sequence[str] | None = None
) -> Table:
    """Return the study's responses, scored and attached, one row each.

    Parameters
    ----------
    study : Study
        With a source of responses; rows without score, text and time are unanswered invitations,
        and left out.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone. With either, undated responses are left out.
    kinds : str or sequence of str, optional
        Among ``nps, csat, ces, kano, churn, open``; all by default.

    Returns
    -------
    ibis.expr.types.Table
        ``row`` (unique, the same for the same rows in any order), ``customer_id``, ``unit`` (the
        store's code; null for who has no events), ``persona``, ``kind``, ``score`` (null where
        there is no number), ``scale`` (as given), ``valid`` (a score of NPS, CSAT or CES that is
        on its scale), ``text``, ``ts``, ``invited_ts``, ``touchpoint``, ``stage``, ``attached``
        (``touchpoint``, ``stage`` or null), ``channel``, ``wave``, ``relation``, ``language``,
        ``consent`` (the answer's own, else the customer's) and ``respondent`` (the filled-in
        survey, where the source has one row for each).

    Raises
    ------
    UserError
        The study has no responses, or a kind is unknown.

    Notes
    -----
    A response belongs to the touchpoint it names, whose stage the catalogue gives. Where it names
    none, or one without a stage, its stage is the customer's at that time: that of the last event
    with a stage at or before the answer. Where the study states ``observed_until``, what comes at
    or after it is not data.

    Examples
    --------
    >>> from cjlab import open_study
    >>> study = open_study("data/retail/study.yaml")  # doctest: +SKIP
    >>> answers(study, kinds="nps").count().execute()  # doctest: +SKIP
    """
    j = study.journeys(start=start, end=end, view="customer")
    table = given(study, j, kinds)
    # By what they say: rows alike in everything are interchangeable.
    order = ibis.window(order_by=[table[name] for name in RESPONSES.names])
    table = attach(j, table.mutate(row=ibis.row_number().over(order)))
    table = of_customer(j, table, "persona", "persona")
    # What an answer says of itself goes before what its customer said once.
    table = of_customer(j, table.rename(own="consent"), "customers", "consent")
    table = table.mutate(consent=table.own.fill_null(table.consent))
    return table.select(
        "row", "customer_id", "unit", "persona", "kind", "score", "scale", "valid", "text", "ts",
        "invited_ts", "touchpoint", "stage", "attached", "channel", "wave", "relation",
        "language", "consent", "respondent",
    )  # fmt: skip


def attachment(study: Study, start: When = None, end: When = None) -> pd.DataFrame:
    """Count where the responses belong: to a touchpoint, to a stage, or nowhere.

    Parameters
    ----------
    study : Study
        With a source of responses.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone.

    Returns
    -------
    DataFrame
        Estimates by ``kind, attached`` (``touchpoint``, ``stage``, ``unattached``): ``responses``,
        a count without interval out of ``n`` of the kind. ``hits`` are customers who are known;
        responses without a customer are in the number only.

    Raises
    ------
    UserError
        The study has no responses.

    Examples
    --------
    >>> from cjlab import open_study
    >>> attachment(open_study("data/retail/study.yaml"))  # doctest: +SKIP
    """
    found = answers(study, start, end)
    found = found.mutate(attached=found.attached.fill_null("unattached"))
    counts = found.group_by("kind", "attached").agg(value=_.count(), hits=_.customer_id.nunique())
    whole = found.group_by("kind").agg(n=_.count(), customers=_.customer_id.nunique())
    table = counts.join(whole, "kind").execute()
    order = {name: place for place, name in enumerate(RESPONSE_KINDS)}
    table = table.sort_values(
        ["kind", "attached"], key=lambda c: c.map(order).fillna(c.map(_PLACE))
    )
    table = table.assign(metric="responses", unit="responses", of="responses")
    return estimates(table, ["kind", "attached"])


_PLACE = {"touchpoint": 0, "stage": 1, "unattached": 2}


def given(study: Study, j: Journeys, kinds: str | Sequence[str] | None) -> Table:
    """Return the responses in question as they were given (``said``), with their scores read."""
    table = study.table("responses")
    # An invitation that nobody answered is no answer.
    table = table.filter(table.score.notnull() | table.text.notnull() | table.ts.notnull())
    if kinds is not None:
        names = [kinds] if isinstance(kinds, str) else list(kinds)
        for name in names:
            if name not in RESPONSE_KINDS:
                raise UserError(
                    f'no kind of response "{name}".{did_you_mean(name, RESPONSE_KINDS)}'
                )
        table = table.filter(table.kind.isin(names))
    if j.start is not None or j.end is not None:
        table = table.filter(j.within(table.ts))
    if study.config.observed_until is not None:
        table = table.filter(table.ts.isnull() | (table.ts < j.literal(study.observed_until)))
    scored = (table.score.strip() != "").fill_null(False)
    table = table.mutate(said=table.score, **_scored(table), scored=scored)
    return table.mutate(valid=_on_scale(table))


def _scored(table: Table) -> dict[str, Any]:
    number = table.score.re_search(NUMBER).ifelse(table.score.re_extract(NUMBER, 1), ibis.null(str))
    return {"score": number.cast("float64"), "scale": table.scale.cast("float64")}


def _on_scale(table: Table) -> Any:
    """Whole numbers from the scale's first to its last; NPS has one scale only."""
    score, said = table.score, table.scale
    arms = []
    for kind, (first, last) in SCALES.items():
        end = said.fill_null(last)
        fits = (score == score.floor()) & (score >= first) & (score <= end)
        if kind == "nps":
            fits &= end == last
        arms.append((table.kind == kind, fits))
    return ibis.cases(*arms, else_=False).fill_null(False)


def attach(j: Journeys, table: Table) -> Table:
    """Add unit, stage, and what says the stage."""
    who = j.con.table("unit").select("unit", "customer_id")
    table = table.left_join(who, "customer_id").drop("customer_id_right")
    catalogue = j.con.table("touchpoint").select("touchpoint", named=_.stage)
    table = table.left_join(catalogue, "touchpoint").drop("touchpoint_right")
    # Only who is not placed yet is looked for among the events.
    table = table.mutate(sought=table.named.isnull().ifelse(table.unit, ibis.null("int32")))
    stay = _stays(j)
    # A customer is in one stay at a time, so no answer is doubled.
    inside = (table.ts >= stay.begun) & (table.ts < stay.ended)
    table = table.left_join(stay, [table.sought == stay.customer, inside])
    stage = table.named.fill_null(table.in_stage)
    attached = ibis.cases((table.touchpoint.notnull(), "touchpoint"), (stage.notnull(), "stage"))
    return table.mutate(stage=stage, attached=attached)


def _stays(j: Journeys) -> Table:
    """From each event with a stage to the next one: customer, in_stage, begun, ended."""
    event = j.con.table("event").filter(_.stage.notnull())
    names = ibis.cases(*((event.stage == code, name) for code, name in j.labels("stage").items()))
    ended = event.next_stage_ts.fill_null(j.literal(datetime(9999, 1, 1)))
    return event.select(customer=event.unit, in_stage=names, begun=event.ts, ended=ended)


def of_customer(j: Journeys, table: Table, source: str, name: str) -> Table:
    """Join what is known of the customer; a column of nulls where the study does not have it."""
    known = j.table(source)
    if known is None or name not in known.columns:
        return table.mutate(**{name: ibis.null("string")})
    known = known.select("customer_id", **{name: known[name].cast("string")})
    return table.left_join(known, "customer_id").drop("customer_id_right")
