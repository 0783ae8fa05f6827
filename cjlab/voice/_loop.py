"""The closed loop in numbers: who was reached in time, who came back, who was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from cjlab._numbers import Ints
from cjlab._waits import Waits
from cjlab.clusters import clustered_share
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._waiting import Row, Rows, quantile_row
from cjlab.journey.base import parse_duration
from cjlab.study import Study
from cjlab.voice._answers import When, answers
from cjlab.voice._cases import cases, is_low
from cjlab.voice._persons import UNKNOWN

BREAKDOWNS = ("owner", "touchpoint", "stage", "persona", "kind", "channel", "language")
_QUANTILES = (("median", 0.5), ("p90", 0.9))


def loop(
    study: Study, start: When = None, end: When = None, *, by: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Measure how the cases that low answers open are followed up.

    Parameters
    ----------
    study : Study
        With responses; its section ``loop`` holds thresholds, time to contact, owners and the
        team's log of cases.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, by the time of the answer.
    by : str or sequence of str, optional
        Among ``owner, touchpoint, stage, persona, kind, channel, language``.

    Returns
    -------
    DataFrame
        Estimates: ``cases``; ``anonymous`` (cases that name nobody to contact: in no other
        number); ``contacted_in_time`` (share of the cases whose time is up; ``not_due`` counts
        the others); ``contact_median``, ``contact_p90``, ``resolve_median`` and ``resolve_p90``
        (days of the clock); ``rescued_score`` (share of those who answered the same question
        again within ``loop.rescue`` whose first such answer is not low); ``rescued_purchase``
        (share with a purchase in that time); ``told`` (share of the resolved cases, with a word
        on it in the log, whose customer was told). ``hits`` are customers. Null with
        ``no_case_log`` where the study has no log, with ``not_reached`` where fewer than that
        share were through while observed, with ``no_cases`` where there are none; not yet
        observed where no case has been followed long enough.

    Raises
    ------
    UserError
        The study has no responses, the log cannot be read, or `by` is unknown.

    Notes
    -----
    Times by Kaplan–Meier: open cases are "at least so long"; a case resolved without a contact
    stops waiting for one. Shares: Wilson's interval, with the effective sample size where
    customers have several cases. Only cases followed for all of ``loop.rescue`` enter the
    rescue rates; coming back after a contact is not coming back because of it.

    Examples
    --------
    >>> from cjlab import open_study
    >>> loop(open_study("data/retail/study.yaml"), by="owner")  # doctest: +SKIP
    """
    names = [by] if isinstance(by, str) else list(dict.fromkeys(by or ()))
    for name in names:
        if name not in BREAKDOWNS:
            raise UserError(f'by: a case has no "{name}".{did_you_mean(name, BREAKDOWNS)}')
    table = cases(study, start, end)
    unmatched = table.attrs["unmatched"]
    table = _followed(study, table)
    table[names] = table[names].fillna(UNKNOWN)
    logged = study.config.loop.cases is not None
    until = int(np.datetime64(study.observed_until, "us").astype("int64"))
    rows: list[Row] = []
    for key, part in table.groupby(names) if names else [((), table)]:
        base = dict(zip(names, key, strict=True))
        rows += _counts(base, part)
        known = part[part["customer_id"].notna() & part["opened"].notna()]
        rows += _handled(base, known, until, logged) + _rescued(base, known)
    found = estimates(pd.DataFrame(rows, columns=[*names, *COLUMNS]), names)
    found.attrs["unmatched"] = unmatched
    return found


def _counts(base: Row, part: pd.DataFrame) -> list[Row]:
    people = part["customer_id"].nunique()
    nobody = int(part["customer_id"].isna().sum())
    counted = {**base, "n": len(part), "unit": "cases", "of": "cases"}
    # Each answer without a name is somebody of their own.
    whole = {**counted, "customers": people + nobody}
    return [
        {**whole, "metric": "cases", "value": len(part), "hits": people + nobody},
        {**whole, "metric": "anonymous", "value": nobody, "hits": nobody},
    ]


def _handled(base: Row, part: pd.DataFrame, until: int, logged: bool) -> list[Row]:
    """What the log tells: contact in time, times to contact and solution, told."""
    opened, due, contacted, resolved = (
        _micros(part[name]) for name in ("opened", "due", "contacted", "resolved")
    )
    up = due < until
    base = {**base, "of": "cases"}
    rows = [_share({**base, "metric": "contacted_in_time", "of": "cases whose time is up"}, part,
                   up, (contacted >= 0) & (contacted <= due))]  # fmt: skip
    waiting = part[~up]["customer_id"].nunique()
    rows.append({**base, "metric": "not_due", "value": int((~up).sum()), "n": len(part),
                 "customers": part["customer_id"].nunique(), "hits": waiting,
                 "unit": "cases"})  # fmt: skip
    replied = np.where(contacted >= 0, contacted, resolved)
    for metric, ended, stop in (("contact", contacted, replied), ("resolve", resolved, resolved)):
        rows += _times(base, metric, part, opened, ended >= 0, np.where(stop >= 0, stop, until - 1))
    spoken = (resolved >= 0) & part["told"].notna().to_numpy()
    told = part["told"].fillna(False).to_numpy(dtype=bool)
    rows.append(_share({**base, "metric": "told", "of": "resolved cases"}, part, spoken, told))
    if not logged:
        absent = {"value": None, "low": None, "high": None, "status": None, "note": "no_case_log"}
        return [row if row["metric"] == "not_due" else row | absent for row in rows]
    return rows


def _rescued(base: Row, part: pd.DataFrame) -> list[Row]:
    mature = part["mature"].to_numpy(dtype=bool)
    again = part["again"].notna().to_numpy()
    good = (part["again"] == 0).to_numpy()
    bought = part["bought"].to_numpy(dtype=bool)
    score = {**base, "metric": "rescued_score", "of": "cases answered again"}
    purchase = {**base, "metric": "rescued_purchase", "of": "cases followed"}
    rows = [
        _share(score, part, mature & again, good),
        _share(purchase, part, mature, bought),
    ]
    if len(part) and not mature.any():
        late = {"status": "not_yet_observed", "note": "period_not_over"}
        return [row | late for row in rows]
    if part["purchases"].eq(0).any():
        rows[1] |= {"value": None, "low": None, "high": None, "note": "no_purchases"}
    return rows


def _share(base: Row, part: pd.DataFrame, asked: Any, hit: Any) -> Row:
    """Share of the cases asked about that are hits; customers may have several."""
    own = part["customer_id"][asked]
    who = pd.factorize(own)[0]
    size = np.bincount(who).astype("float64")
    hits = np.bincount(who, (hit & asked)[asked].astype("float64"))
    found: Row = {**base, "unit": "1", "n": len(own), "customers": len(size)}
    found["hits"] = int((hits > 0).sum())
    if not len(own):
        late = len(part) > 0 and base["metric"] == "contacted_in_time"
        return found | ({"status": "not_yet_observed"} if late else {"note": "no_cases"})
    sums = (hits.sum(), size.sum(), len(size), hits @ hits, hits @ size, size @ size)
    parts = zip(("value", "low", "high"), clustered_share(*sums), strict=True)
    return found | {name: None if np.isnan(x) else float(x) for name, x in parts}


def _times(
    base: Row, metric: str, part: pd.DataFrame, opened: Ints, ended: Any, stop: Ints
) -> list[Row]:
    """Median and ninth decile of the days until something is done."""
    waited = stop - opened
    fits = waited >= 0  # what the log dates before the answer is no wait
    who = pd.factorize(part["customer_id"][fits])[0]
    if not len(who):
        none = {**base, "unit": "d", "n": 0, "customers": 0, "hits": 0, "note": "no_cases"}
        return [{**none, "metric": f"{metric}_{name}"} for name, _ in _QUANTILES]
    order = np.lexsort([who, ended[fits], waited[fits]])
    own = who[order]
    waits = Waits(waited[fits][order], ended[fits][order].astype("int16"), groups=own)
    rows = Rows(waits, own[waits.order], own[waits.order], own[waits.order])
    base = {**base, "unit": "d"} | rows.counts
    return [quantile_row(base, rows, f"{metric}_{name}", q) for name, q in _QUANTILES]


def _followed(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Add what came after each case: ``again`` (1 low, 0 not), ``bought``, ``mature``."""
    rescue = parse_duration(study.config.loop.rescue, "loop.rescue")
    assert rescue is not None
    span = pd.Timedelta(rescue, "us")
    table["mature"] = table["opened"] + span <= pd.Timestamp(study.observed_until)
    table["again"], table["bought"], table["purchases"] = np.nan, False, 1
    known = table[table["customer_id"].notna() & table["opened"].notna()]
    if known.empty:
        return table
    later = _next(known, _answered(study), ["customer_id", "kind"], span)
    table.loc[known.index, "again"] = later["low"].to_numpy()
    bought = _bought(study)
    if bought is None:
        table["purchases"] = 0
        return table
    table.loc[known.index, "bought"] = (
        _next(known, bought, ["customer_id"], span)["ts"].notna().to_numpy()
    )
    return table


def _answered(study: Study) -> pd.DataFrame:
    """Every valid answer of those who once gave a low one, with whether it is low."""
    table = answers(study, kinds=list(study.config.loop.scores))
    table = table.mutate(low=is_low(study, table).cast("int64"))
    table = table.filter(table.valid & table.ts.notnull() & table.customer_id.notnull())
    table = table.select("customer_id", "kind", "ts", "low")
    return table.semi_join(table.filter(_.low == 1), "customer_id").execute()


def _bought(study: Study) -> pd.DataFrame | None:
    """When customers bought; None where the study cannot say."""
    j = study.journeys(view="customer")
    try:
        found = j.purchases
    except UserError:
        return None
    who = j.con.table("unit").select("unit", "customer_id")
    return found.select("unit", "ts").join(who, "unit").select("customer_id", "ts").execute()


def _next(known: pd.DataFrame, later: pd.DataFrame, by: list[str], span: Any) -> pd.DataFrame:
    """The first thing of the same customer after each case, within a span; in the cases' order."""
    left = known[[*by, "opened"]].assign(place=range(len(known))).sort_values("opened")
    right = later.assign(ts=later["ts"].astype("datetime64[us]")).sort_values("ts", kind="stable")
    options: Any = {"direction": "forward", "allow_exact_matches": False, "tolerance": span}
    found = pd.merge_asof(left, right, left_on="opened", right_on="ts", by=by, **options)
    return found.sort_values("place")


def _micros(column: pd.Series) -> Ints:
    """Microseconds since 1970; negative where there is none."""
    return column.to_numpy().astype("datetime64[us]").astype("int64")
