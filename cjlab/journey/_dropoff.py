"""Drop-off: who gets to a step of the funnel and no further, and how segments differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from cjlab._numbers import Floats
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._sizes import Counted, count
from cjlab.journey._steps import Steps, read_plan
from cjlab.journey.base import Journeys
from cjlab.stats import adjust, difference


def dropoff(
    j: Journeys,
    *,
    steps: Steps = None,
    window: str | timedelta | None = None,
    order: str = "ordered",
    exclude: str | Sequence[str] | None = None,
    increasing: bool = False,
    mature_only: bool = True,
    by: str | Sequence[str] | None = None,
    breakdown: str = "first",
) -> pd.DataFrame:
    """Share of the customers at each step who never reach the next one.

    Parameters
    ----------
    j : Journeys
        The journeys.
    steps, window, order, exclude, increasing, mature_only, by, breakdown : optional
        As in :func:`funnel`.

    Returns
    -------
    DataFrame
        Estimates by ``step``, the last step left out since nothing follows it: ``dropoff`` =
        1 − n(k+1) / n(k), 0–1 with the interval of the funnel's ``from_previous``. Null where
        nobody reached the step. ``attrs`` as in :func:`funnel`.

    Raises
    ------
    UserError
        As in :func:`funnel`.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = dropoff(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found[["step", "value", "n"]].values.tolist()
    [['see', 0.5, 2]]
    """
    plan = read_plan(j, steps, window, order, exclude, increasing)
    found = count(j, plan, j.attributes(by), mature_only, breakdown)
    table = _dropoffs(j, found)
    table.attrs |= found.facts()
    return table


def _dropoffs(j: Journeys, found: Counted) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for key in j.groups(found.names):
        segment = dict(zip(found.columns, key, strict=True))
        for k, label in enumerate(found.plan.labels[:-1]):
            own = found.at(key, k)
            rate = {"low": None, "high": None, **own.rate(k + 1, k), "hits": own[f"l{k}"]}
            if rate["value"] is not None:
                rate["value"] = 1 - rate["value"]
                if rate["low"] is not None:
                    rate["low"], rate["high"] = 1 - rate["high"], 1 - rate["low"]
            rows.append({**segment, "step": label, **rate})
    frame = pd.DataFrame(rows, columns=[*found.columns, "step", *COLUMNS])
    frame = frame.assign(metric="dropoff", unit="1", of=f"{j.unit}s at this step")
    return estimates(frame, [*found.columns, "step"])


def dropoff_difference(
    j: Journeys,
    *,
    by: str | Sequence[str],
    steps: Steps = None,
    window: str | timedelta | None = None,
    order: str = "ordered",
    exclude: str | Sequence[str] | None = None,
    increasing: bool = False,
    mature_only: bool = True,
    breakdown: str = "first",
) -> pd.DataFrame:
    """Drop-off of each segment minus that of all other customers, step by step.

    Parameters
    ----------
    j : Journeys
        The journeys.
    by : str or sequence of str
        What makes the segments; as in :func:`funnel`.
    steps, window, order, exclude, increasing, mature_only, breakdown : optional
        As in :func:`funnel`.

    Returns
    -------
    DataFrame
        Estimates by segment and ``step``: ``difference`` of the shares (−1 to 1, Newcombe's
        interval), ``p`` of the two-proportion score test and ``p_adjusted``, corrected by
        Benjamini–Hochberg over all segments and steps (``attrs["m"]`` tests). Null where the
        segment or the others have nobody at the step; p is null too where all or none drop
        off. Sessions repeat customers: their difference has no limits and no p.

    Raises
    ------
    UserError
        As in :func:`funnel`, or without ``by``.

    Notes
    -----
    The score test is Pearson's chi-squared of the two rates without correction (one degree of
    freedom); the interval Newcombe (1998), method 10.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"]),
    ...                     "land": ["SE", "SE", "NO"]})
    >>> j = Journeys.from_frame(log, stages=["see", "buy"])
    >>> found = dropoff_difference(j, by="land")
    >>> found.query("metric == 'difference'")[["land", "step", "value"]].values.tolist()
    [['NO', 'see', 1.0], ['SE', 'see', -1.0]]
    """
    plan = read_plan(j, steps, window, order, exclude, increasing)
    names = j.attributes(by)
    if not names:
        raise UserError('by is empty; name what makes the segments, such as by="persona".')
    found = count(j, plan, names, mature_only, breakdown)
    rows = pd.DataFrame(
        [
            (*key, label, own[f"u{k}"] - own[f"u{k + 1}"], own[f"u{k}"], own[f"c{k}"], own[f"l{k}"])
            for key in j.groups(names)
            for k, label in enumerate(plan.labels[:-1])
            for own in [found.at(key, k)]
        ],
        columns=[*found.columns, "step", "x", "n", "customers", "hits"],
    )
    total = rows.groupby("step")[["x", "n"]].transform("sum")
    x, n = rows["x"].to_numpy(), rows["n"].to_numpy()
    rest, base = total["x"].to_numpy() - x, total["n"].to_numpy() - n
    change = difference(x, n, rest, base)
    repeats = j.unit == "session"
    p = np.full(len(rows), np.nan) if repeats else score_test(x, n, rest, base)
    note = np.where(n == 0, "nobody_at_step_before", np.where(base == 0, "no_other_customers", ""))
    rows = rows.assign(of=f"{j.unit}s at this step, against all others", note=note)
    values = {
        "difference": {"value": change.value, "low": change.low, "high": change.high},
        "p": {"value": p},
        "p_adjusted": {"value": adjust(p)},
    }
    if repeats:
        values["difference"] = {"value": change.value}
        rows["note"] = np.where(note == "", "customers_repeat", note)
    rows["note"] = rows["note"].replace("", None)
    order_of = rows.index
    units = {"difference": "1", "p": "p", "p_adjusted": "p"}
    table = pd.concat(
        [rows.drop(columns="x").assign(metric=m, unit=units[m], **v) for m, v in values.items()]
    )
    table = table.loc[order_of] if len(table) else table
    table = estimates(table, [*found.columns, "step"])
    table.attrs |= {**found.facts(), "m": int(np.sum(~np.isnan(p)))}
    return table


def score_test(x1: Any, n1: Any, x2: Any, n2: Any) -> Floats:
    """Two-sided p of two independent shares being one; null where all are alike or none are.

    Examples
    --------
    >>> score_test([56], [70], [48], [80]).round(4).tolist()
    [0.008]
    """
    x1, n1, x2, n2 = (np.asarray(part, dtype="float64") for part in (x1, n1, x2, n2))
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (x1 + x2) / (n1 + n2)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        z = (x1 / n1 - x2 / n2) / error
    return np.asarray(np.where(np.isfinite(z), 2 * special.ndtr(-np.abs(z)), np.nan))
