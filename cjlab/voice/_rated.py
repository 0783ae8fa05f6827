"""What customers of a study rated before they judged the whole: drivers beside an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table
from numpy.typing import ArrayLike

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._asked import about_a_place, given, instrument
from cjlab.voice._breakdown import no_period
from cjlab.voice._persons import listed
from cjlab.voice._ratings import Ratings, read_ratings
from cjlab.voice._regression import PER_NUMBER
from cjlab.voice._scales import SCALES

_INSTRUMENT = ["kind", "first", "last", "better", "relation"]


def ratings_of(
    X: Any,
    y: ArrayLike | None,
    customers: ArrayLike | None,
    start: When,
    end: When,
    outcome: str,
    pool: str | Sequence[str],
    only: Sequence[str] | None,
    minimum: int,
    version: str,
    *,
    metric: str,
) -> Ratings:
    """Read the ratings of a frame or of a study; see :func:`cjlab.voice.drivers`."""
    if not isinstance(X, Study):
        no_period(metric, start, end)
        if y is None:
            raise UserError(f"{metric}: y is missing; give the overall score of each row.")
        return read_ratings(X, y, customers)
    if y is not None or customers is not None:
        raise UserError(f"{metric}: y and customers belong to a frame; a study has its own.")
    if outcome not in SCALES:
        raise UserError(f'outcome is "{outcome}".{did_you_mean(outcome, SCALES)}')
    for name in listed(pool):
        if name != "relation":
            raise UserError(f'pool: "{name}" cannot be pooled.{did_you_mean(name, ["relation"])}')
    x, overall = _beside(X, start, end, outcome, bool(listed(pool)), version, metric)
    if only is not None:
        for name in (names := listed(only)):
            if name not in x.columns:
                raise UserError(f'only: no driver "{name}".{did_you_mean(name, x.columns)}')
        x = x[names]
    data = read_ratings(x, overall, None)
    return data if only is not None else replace(data, out=_left_out(data.x, data.y, minimum))


def _beside(
    study: Study, start: When, end: When, outcome: str, pooled: bool, version: str, metric: str
) -> tuple[pd.DataFrame, pd.Series]:
    """One row a customer: the last rating of each driver, and the overall score after them."""
    table = given(study, "touchpoint", None, end, version)
    person = table.customer_id.fill_null("(respondent) " + table.respondent)
    table = table.mutate(person=person).filter(_.person.notnull(), _.ts.notnull())
    good = (table.better > 0).ifelse(table.score - table["first"], table.last - table.score)
    table = table.mutate(points=100 * good / (table.last - table["first"]))
    whole = table.kind == outcome
    if outcome != "nps":  # satisfaction with a touchpoint is a rating of it
        whole &= table.touchpoint.isnull()
    if not pooled:
        whole &= table.relation == "relational"
    judged = table.filter(
        whole, study.journeys(start=start, end=end, view="customer").within(table.ts)
    )
    judged = judged.group_by("person").mutate(at=_.ts.max()).filter(_.ts == _.at)
    judged = judged.group_by("person", "at").agg(overall=_.points.mean())
    said = judged.execute().set_index("person")["overall"].sort_index()
    if said.empty:
        kind = "" if pooled else "relational "
        raise UserError(
            f"{metric}: nobody gave a dated {kind}answer of kind {outcome} in the period; say "
            'relation: relational in its source, or pool="relation".'
        )
    rated = _last(about_a_place(table.filter(~whole)).join(judged, "person")).execute()
    if rated.empty:
        raise UserError(f"{metric}: nobody rated a touchpoint before giving an overall score.")
    rated = rated.assign(driver=_named(rated))
    wide = rated.pivot(index="person", columns="driver", values="points").sort_index(axis=1)
    return wide.reindex(said.index), said


def _last(table: Table) -> Table:
    """The last rating of each touchpoint and instrument at or before the overall score."""
    key = ["person", "place", *_INSTRUMENT]
    last = table.filter(_.ts <= _.at).group_by(key).mutate(seen=_.ts.max())
    return last.filter(_.ts == _.seen).group_by(key).agg(points=_.points.mean())


def _named(rated: pd.DataFrame) -> pd.Series:
    """Name drivers by touchpoint and kind, and by all of the instrument where there are several."""
    short = rated["place"] + " (" + rated["kind"].str.upper() + ")"
    full = rated["place"] + " (" + instrument(rated) + ")"
    one = full.groupby(short).transform("nunique") == 1
    return short.where(one, full)


def _left_out(x: Floats, y: Floats, minimum: int) -> Any:
    """Which drivers too few customers rated together with those that are in already."""
    have, rows = ~np.isnan(x), ~np.isnan(y)
    inside = np.zeros(x.shape[1], dtype=bool)
    for size in range(1, x.shape[1] + 1):
        together = (have & rows[:, None]).sum(axis=0)
        best = int(np.argmax(np.where(inside, -1, together)))
        # The most rated one is in whatever: where it is too few, nothing can be told at all.
        if size > 1 and together[best] < max(minimum, PER_NUMBER * (size + 1)):
            break
        inside[best], rows = True, rows & have[:, best]
    return ~inside
