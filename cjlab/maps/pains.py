"""Pains: cells of the map that are worse than before or worse than for the other personas."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cjlab.comparison import mover
from cjlab.stats import adjust

#: The least difference that is worth a card, by unit; a study may set its own.
EFFECTS = {"1": 0.05, "points": 10.0, "effort": 0.5}
#: By metric: its unit in `EFFECTS`, which way is worse, and the width of its scale.
JUDGED = {
    "dropoff": ("1", 1, 1.0),
    "csat": ("1", -1, 1.0),
    "nps": ("points", -1, 200.0),
    "ces": ("effort", -1, 6.0),
}
CELL = ["metric", "stage", "touchpoint", "persona"]
_LIMITS = ["value", "low", "high", "n"]


def judge(
    now: pd.DataFrame,
    before: pd.DataFrame | None = None,
    *,
    effects: Mapping[str, float] | None = None,
    level: float = 0.05,
) -> pd.DataFrame:
    """Test every cell against its earlier period and against the other personas.

    Parameters
    ----------
    now, before : DataFrame
        Estimates with ``metric`` (one of `JUDGED`), ``stage``, ``touchpoint`` (empty for what
        is about the whole stage) and ``persona``. Without `before` only personas are compared.
    effects : mapping of str to float, optional
        The least difference by unit: ``1`` (shares), ``points``, ``effort``; see `EFFECTS`.
    level : float, default 0.05
        Largest adjusted p.

    Returns
    -------
    DataFrame
        One row a test: the cell, ``against`` (``earlier`` or ``others``), ``value, low, high,
        n, base_value, difference, diff_low, diff_high, p, p_adjusted, m``, ``severity`` (how
        much worse, as a share of the scale; negative where it is better) and ``pain``: worse,
        by at least the effect, with p adjusted by Benjamini–Hochberg over all tests of both
        kinds.

    Notes
    -----
    Limits by MOVER from both sides' limits (Zou & Donner 2008). Personas stand on different
    customers; periods may share some, whose answers agree more than those of strangers, so that
    the limits of a change over time are too wide rather than too narrow. The others are the
    other personas' estimates, weighted by their bases.

    Examples
    --------
    >>> cells = {"metric": "csat", "stage": "intent", "touchpoint": "payment", "persona": "P1"}
    >>> row = lambda low, value, high: pd.DataFrame(
    ...     [{**cells, "value": value, "low": low, "high": high, "n": 150}])
    >>> found = judge(row(0.14, 0.2, 0.27), row(0.6, 0.7, 0.78))
    >>> found[["against", "difference", "pain"]].round(2).values.tolist()
    [['earlier', -0.5, True]]
    """
    parts = [_others(now)]
    if before is not None:
        parts.insert(0, now.merge(before[[*CELL, *_LIMITS]], on=CELL, suffixes=("", "_base")))
        parts[0]["against"] = "earlier"
    found = pd.concat(parts, ignore_index=True)
    sides = ("value", "low", "high", "value_base", "low_base", "high_base")
    change = mover(*(found[name].to_numpy(dtype=float) for name in sides))
    names = ("difference", "diff_low", "diff_high", "p")
    found = found.assign(**dict(zip(names, change, strict=True)))
    found = found[found["p"].notna()].reset_index(drop=True)
    found["p_adjusted"] = adjust(found["p"].to_numpy())
    found["m"] = len(found)
    least = {**EFFECTS, **(effects or {})}
    unit, worse, width = (found["metric"].map({m: said[k] for m, said in JUDGED.items()})
                          for k in range(3))  # fmt: skip
    found["severity"] = found["difference"] * worse.astype(float) / width.astype(float)
    large = found["difference"].abs() >= unit.map(least).astype(float)
    found["pain"] = (found["severity"] > 0) & large & (found["p_adjusted"] <= level)
    found = found.rename(columns={"value_base": "base_value"})
    kept = [*CELL, "against", *_LIMITS, "base_value", *names, "p_adjusted", "m", "severity", "pain"]
    return found[kept]


def _others(now: pd.DataFrame) -> pd.DataFrame:
    """Set each persona's cell beside the pooled cell of the other personas."""
    rows = []
    for _cell, cells in now.groupby(CELL[:3], sort=False):
        known = cells[cells[["value", "low", "high"]].notna().all(axis=1) & (cells["n"] > 0)]
        for place, own in known.iterrows():
            rest = known.drop(index=place)
            if rest.empty:
                continue
            n = rest["n"].to_numpy(dtype=float)
            weight = n / n.sum()
            value = float(weight @ rest["value"])
            below, above = (
                float(np.sqrt(np.sum((weight * (rest[name] - rest["value"])) ** 2)))
                for name in ("low", "high")
            )
            pooled = {"value_base": value, "low_base": value - below, "high_base": value + above}
            rows.append({**dict(own), **pooled, "n_base": n.sum(), "against": "others"})
    columns = [*now.columns, *(f"{name}_base" for name in _LIMITS), "against"]
    return pd.DataFrame(rows, columns=columns)


def ranked(tests: pd.DataFrame, reach: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """Rank the moments, a persona in a stage, that hold a pain.

    Parameters
    ----------
    tests : DataFrame
        What `judge` gives.
    reach : mapping of (persona, stage) to float
        The share of all customers that the moment concerns.

    Returns
    -------
    DataFrame
        The worst first: ``persona, stage, touchpoint`` (the one with the largest shortfall,
        empty where only the whole stage is worse), ``against`` (``earlier`` where any of its
        pains is new, else ``others``), ``reach``, ``severity`` (the largest of its pains),
        ``priority`` = reach × severity, and ``pains`` (how many tests say so).
    """
    pains = tests[tests["pain"]]
    rows = []
    for (persona, stage), own in pains.groupby(["persona", "stage"], sort=False):
        # What is new goes before what has always been so: personas differ by nature.
        new = own[own["against"] == "earlier"]
        own = new if len(new) else own
        own = own.sort_values(["severity", "touchpoint"], ascending=[False, True])
        named = own.loc[own["touchpoint"] != "", "touchpoint"]
        share, worst = reach.get((str(persona), str(stage)), np.nan), float(own["severity"].iloc[0])
        rows.append({
            "persona": persona, "stage": stage, "touchpoint": named.iloc[0] if len(named) else "",
            "against": own["against"].iloc[0], "reach": share, "severity": worst,
            "priority": share * worst, "pains": len(own),
        })  # fmt: skip
    columns = ["persona", "stage", "touchpoint", "against", "reach", "severity", "priority"]
    found = pd.DataFrame(rows, columns=[*columns, "pains"])
    order = found.assign(_new=found["against"] != "earlier")
    order = order.sort_values(["_new", "priority", "persona", "stage"],
                              ascending=[True, False, True, True])  # fmt: skip
    return order.drop(columns="_new").reset_index(drop=True)
