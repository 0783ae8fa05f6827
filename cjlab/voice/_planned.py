"""What a set of rules would have come to: invitations, load on customers, answers to expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from cjlab._numbers import Interval, Ints
from cjlab.clusters import clustered_share
from cjlab.estimates import COLUMNS, estimates
from cjlab.stats import proportion
from cjlab.study import Study
from cjlab.voice import _hours
from cjlab.voice._answers import answers
from cjlab.voice._margin import needed, worst_variance
from cjlab.voice._quarantine import ASKED, FATES
from cjlab.voice_settings import Trigger

#: Days within which invitations add up to a load.
LOAD_DAYS = 90
Row = dict[str, Any]


def by_rule(
    frame: pd.DataFrame, rules: Sequence[Trigger], study: Study, days: float, margin: float
) -> pd.DataFrame:
    """Estimates by ``rule``: fates, invitations a week, expected answers, days to a margin."""
    rows: list[Row] = []
    for place, rule in enumerate(rules):
        own = frame[frame["rule"] == place]
        base = {"rule": rule.name, "n": len(own), "customers": own["unit"].nunique()}
        rows.append({**base, "metric": "candidates", "value": len(own), "unit": "events",
                     "hits": base["customers"]})  # fmt: skip
        for fate, name in enumerate(FATES):
            part = own[own["fate"] == fate]
            rows.append({**base, "metric": name, "value": len(part), "unit": "events",
                         "hits": part["unit"].nunique(), "of": "candidates"})  # fmt: skip
        asked = own[own["fate"] == ASKED]
        base |= {"n": len(asked), "customers": asked["unit"].nunique()}
        rows.append({**base, "metric": "per_week", "value": 7 * len(asked) / days,
                     "unit": "invitations", "of": "weeks"})  # fmt: skip
        rows += _expected(base, rule, observed_rate(study, rule), days, margin)
    return estimates(pd.DataFrame(rows, columns=["rule", *COLUMNS]), ["rule"])


def observed_rate(study: Study, rule: Trigger) -> tuple[Interval, Row]:
    """Share of past invitations of a rule's kind and channel that were answered, with its base.

    It can be estimated only where the export holds invitations without an answer.
    """
    none = Interval(np.nan, np.nan, np.nan)
    base: Row = {"n": 0, "customers": 0, "hits": 0}
    if "responses" not in study.opened.list_tables():
        return none, base
    table = answers(study, kinds=rule.kind)
    table = table.filter(table.invited_ts.notnull() & table.customer_id.notnull())
    if rule.channel is not None:
        table = table.filter(table.channel == rule.channel)
    answered = (table.score.notnull() | table.text.notnull()).cast("int64")
    each = table.mutate(answered=answered).group_by("customer_id")
    each = each.agg(x=_.answered.sum(), n=_.count())
    sums = each.agg(
        x=_.x.sum(), n=_.n.sum(), groups=_.count(), hits=(_.x > 0).cast("int64").sum(),
        xx=(_.x * _.x).sum(), xn=(_.x * _.n).sum(), nn=(_.n * _.n).sum(),
    ).execute().fillna(0).iloc[0]  # fmt: skip
    base = {"n": int(sums["n"]), "customers": int(sums["groups"]), "hits": int(sums["hits"])}
    if sums["x"] == sums["n"]:
        return none, base
    rate = clustered_share(*(sums[name] for name in ("x", "n", "groups", "xx", "xn", "nn")))
    return rate, base


def _expected(
    base: Row, rule: Trigger, seen: tuple[Interval, Row], days: float, margin: float
) -> list[Row]:
    """Response rate, answers to expect, and how long until they reach the margin."""
    rate, found = seen
    told: Row = {}
    if np.isnan(rate.value) and rule.response_rate is not None:
        # What the study states is nobody's answer, and has no interval.
        rate, found, told = (
            Interval(rule.response_rate, np.nan, np.nan),
            {},
            {"note": "rate_stated"},
        )
    if np.isnan(rate.value):
        told = {"note": "rate_unknown"}
    rate_row = {**base, **found, "metric": "assumed_rate", "unit": "1", "of": "invitations"}
    rate_row |= _limits(rate) | told
    asked, goal = base["n"], float(needed(margin, worst_variance(rule.kind)))
    expected = {**base, "metric": "expected_answers", "unit": "answers", "of": "invitations"}
    wait = {**base, "metric": "days_to_margin", "unit": "d", "of": f"{goal:.0f} answers"}
    if np.isnan(rate.value):
        return [rate_row, expected | told, wait | told]
    numbers = Interval(*(asked * part for part in rate))
    expected |= _limits(numbers) | told
    if numbers.value <= 0:
        return [rate_row, expected, wait | {"note": "nobody_asked"}]
    waits = Interval(*(goal * days / number if number > 0 else np.nan for number in
                       (numbers.value, numbers.high, numbers.low)))  # fmt: skip
    return [rate_row, expected, wait | _limits(waits) | told]


def _limits(interval: Interval) -> Row:
    parts = zip(("value", "low", "high"), interval, strict=True)
    return {name: None if np.isnan(part) else float(part) for name, part in parts}


def by_week(frame: pd.DataFrame, rules: Sequence[Trigger], weeks: Ints) -> pd.DataFrame:
    """Estimates by ``rule, report_period``: invitations of each week, the quiet ones too."""
    asked = frame[frame["fate"] == ASKED]
    counts = asked.groupby(["rule", "week"])["unit"].agg(["size", "nunique"])
    places = pd.MultiIndex.from_product([range(len(rules)), weeks], names=["rule", "week"])
    counts = counts.reindex(places, fill_value=0).reset_index()
    monday = (counts["week"].to_numpy() * 7 - 3) * _hours.DAY
    iso = pd.DatetimeIndex(monday.view("datetime64[us]")).strftime("%G-W%V")
    rows = pd.DataFrame(
        {
            "rule": [rules[place].name for place in counts["rule"]],
            "report_period": iso,
            "metric": "asked",
            "value": counts["size"],
            "n": counts["size"],
            "customers": counts["nunique"],
            "unit": "invitations",
        }
    )
    return estimates(rows, ["rule", "report_period"])


def load(frame: pd.DataFrame) -> pd.DataFrame:
    """Estimates by ``times``: how often customers are asked within their busiest 90 days.

    ``share`` is that of the asked customers with exactly so many invitations, ``more_than`` that
    of those with more: fatigue.
    """
    asked = frame[frame["fate"] == ASKED]
    most = busiest(asked["unit"].to_numpy(), asked["planned"].to_numpy())
    top = int(most.max(initial=0))
    times = np.arange(1, top + 1)
    exact = np.array([(most == k).sum() for k in times], dtype="int64")
    above = np.array([(most > k).sum() for k in times], dtype="int64")
    parts = []
    for metric, hits in (("share", exact), ("more_than", above)):
        share = proportion(hits, np.full(top, len(most)))
        parts.append(
            pd.DataFrame(
                {"times": times, "metric": metric, "value": share.value, "low": share.low,
                 "high": share.high, "n": len(most), "customers": len(most), "hits": hits,
                 "unit": "1", "of": "asked customers"}
            )
        )  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    return estimates(table.sort_values("times", kind="stable", ignore_index=True), ["times"])


def busiest(unit: Ints, planned: Ints) -> Ints:
    """Most invitations of each customer within any `LOAD_DAYS` days.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> busiest(np.array([1, 1, 1, 2]), np.array([0, 89, 91, 0]) * day).tolist()
    [2, 1]
    """
    order = np.lexsort([planned, unit])
    who = np.unique(unit[order], return_inverse=True)[1]
    when = planned[order]
    most = np.ones(int(who.max(initial=-1)) + 1, dtype="int64")
    for back in range(1, len(who)):
        near = (who[back:] == who[:-back]) & (when[back:] - when[:-back] < LOAD_DAYS * _hours.DAY)
        if not near.any():
            break
        most[who[back:][near]] = back + 1
    return most
