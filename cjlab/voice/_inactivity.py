"""Who falls silent after an answer: low scorers beside the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.journey import Journeys
from cjlab.journey._dropoff import score_test
from cjlab.journey.base import microseconds
from cjlab.journey.conversion_drivers import risk_ratio
from cjlab.stats import adjust, proportion


def inactivity(j: Journeys, answers: Table, keys: list[str], span: int) -> pd.DataFrame:
    """Count low and other scorers by `keys`, and those of them without an event within a span.

    Parameters
    ----------
    j : Journeys
        Their events, all that were observed.
    answers : Table
        ``unit, ts, low`` (whether the score is low) and `keys`; the first of each customer
        counts, and the lowest of those at the same instant.
    keys : list of str
        What the counts are by.
    span : int
        Microseconds after the answer that must have been observed, edge included.

    Returns
    -------
    DataFrame
        One row for each of `keys`: ``n1, x1`` (low scorers, and the silent of them), ``n0, x0``
        (others), ``early`` (answers not followed for so long).
    """
    own = [*keys, "unit"]
    dated = answers.filter(_.unit.notnull(), _.ts.notnull())
    dated = dated.mutate(low=dated.low.cast("int64"))
    begun = dated.group_by(own).aggregate(at=_.ts.min())
    first = dated.join(begun, own).filter(_.ts == _["at"])
    first = first.group_by([*own, "at"]).aggregate(low=_.low.max())
    event = j.events.select("unit", "ts")
    later = first.select(*own, "at").join(event, "unit")
    waited = microseconds(later.ts, later["at"])
    active = later.filter((waited > 0) & (waited <= span)).select(*own).distinct()
    active = active.mutate(active=1)
    table = first.left_join(active, own)
    table = table.mutate(
        silent=table.active.isnull().cast("int64"),
        seen=(microseconds(j.literal(j.observed_until), table["at"]) > span).cast("int64"),
    )
    counts = table.group_by(keys).aggregate(
        n1=(_.seen * _.low).sum(),
        x1=(_.seen * _.low * _.silent).sum(),
        n0=(_.seen * (1 - _.low)).sum(),
        x0=(_.seen * (1 - _.low) * _.silent).sum(),
        early=(1 - _.seen).sum(),
    )
    return counts.execute().sort_values(keys, ignore_index=True)


def associations(counts: pd.DataFrame) -> pd.DataFrame:
    """Turn such counts into rows: risk ratio, both rates and p, adjusted over all of them.

    Returns
    -------
    DataFrame
        The keys, then ``metric, value, low, high, n, customers, hits, unit, of, note``.
    """
    names = ("n1", "x1", "n0", "x0")
    n1, x1, n0, x0 = (counts[name].to_numpy("float64") for name in names)
    ratio, low, high = risk_ratio(x1, n1, x0, n0)
    p = np.where(np.isnan(ratio), np.nan, score_test(x1, n1, x0, n0))
    poor, other = proportion(x1, n1), proportion(x0, n0)
    whole: dict[str, Any] = {"n": n1 + n0, "hits": x1 + x0, "of": "customers who answered"}
    metrics: dict[str, dict[str, Any]] = {
        "risk_ratio": {"value": ratio, "low": low, "high": high, "unit": "ratio", **whole},
        "low_rate": {**_limits(poor), "n": n1, "hits": x1, "unit": "1", "of": "low scorers"},
        "other_rate": {**_limits(other), "n": n0, "hits": x0, "unit": "1", "of": "other scorers"},
        "p_adjusted": {"value": adjust(p), "unit": "p", **whole},
    }
    followed = n1 + n0 > 0
    parts = []
    for metric, fields in metrics.items():
        part = counts.drop(columns=[*names, "early"]).assign(metric=metric, **fields)
        part["customers"] = part["n"]
        empty = part["value"].isna().to_numpy()
        part["status"] = np.where(
            ~empty, "ok", np.where(followed, "not_estimable", "not_yet_observed")
        )
        part["note"] = np.where(empty & followed, "one_sided", np.array(None, dtype=object))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _limits(share: Any) -> dict[str, Any]:
    return {"value": share.value, "low": share.low, "high": share.high}
