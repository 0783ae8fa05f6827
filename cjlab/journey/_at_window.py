"""Conversion at a funnel's window by Kaplan–Meier, over entrants mature or not."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from cjlab.journey._sizes import Counted, Key
from cjlab.journey.base import Journeys, microseconds
from cjlab.stats import km


def conversions(j: Journeys, found: Counted, span: int) -> dict[tuple[Key, int], dict[str, Any]]:
    """Return by segment and step the estimate's value, limits and base."""
    table = found.table.filter((found.table.at == 0) & found.table.kept)
    # The end of observation itself is not observed.
    followed = microseconds(ibis.literal(j.observed_until), table.entry) - 1
    parts = []
    for k in range(1, found.plan.size):
        done = table[f"t{k}"].notnull()
        waited = done.ifelse(microseconds(table[f"t{k}"], table[f"b{k}"]), followed)
        waited = ibis.least(waited, ibis.literal(span + 1))
        parts.append(table.select(*found.columns, k=ibis.literal(k), done=done, waited=waited))
    spells = ibis.union(*parts) if len(parts) > 1 else parts[0]
    keys = [*found.columns, "k"]
    every = spells.group_by([*keys, "waited", "done"]).aggregate(n=spells.count()).execute()
    curves = {}
    for key, part in every.groupby(keys):
        segment, k = tuple(key[:-1]), int(key[-1])
        fields = _at(part, span)
        own = found.sizes[0, segment]
        if j.unit != "customer":
            fields |= {"customers": own["who"], "hits": own[f"a{k}"]}
        if own.clustered and own["who"] < own["entrants"] and not pd.isna(fields["value"]):
            fields |= {"low": None, "high": None, "note": "customers_repeat"}
        curves[segment, k] = fields
    return curves


def _at(part: pd.DataFrame, span: int) -> dict[str, Any]:
    """Conversion at the window with its limits; null where nobody was followed that far."""
    sizes, done = part["n"].to_numpy(), part["done"].to_numpy(dtype=bool)
    curve = km(part["waited"].to_numpy(), done, weights=sizes)
    base = {"n": sizes.sum(), "customers": sizes.sum(), "hits": sizes[done].sum()}
    if curve.time[-1] < span and curve.survival[-1] > 0:
        return {**base, "value": None, "note": "beyond_observation", "status": "not_yet_observed"}
    at = int(np.searchsorted(curve.time, span, side="right")) - 1
    if at < 0:
        return {**base, "value": 0.0}
    low, high = 1 - curve.high[at], 1 - curve.low[at]
    return {**base, "value": 1 - curve.survival[at], "low": low, "high": high}
