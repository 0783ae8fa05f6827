"""How far the scores of groups lie apart, also where the same customers stand in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from cjlab.comparison import mover
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._segments import CALENDARS
from cjlab.stats import adjust
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._moments import UNIT, Moments, score_of
from cjlab.voice._notice import KEY
from cjlab.voice._of_study import Cells, instrument_of
from cjlab.voice._persons import framed, listed, persons, split
from cjlab.voice._scales import Instrument


def score_difference(
    scores: Any,
    by: str,
    *,
    kind: str = "nps",
    within: str | Sequence[str] | None = None,
    base: str | None = None,
    family: str | None = None,
    start: When = None,
    end: When = None,
    pool: str | Sequence[str] = (),
    top: int = 2,
    version: str = "2.0",
) -> pd.DataFrame:
    """Compare the scores of every two groups: difference, interval and corrected p.

    Parameters
    ----------
    scores : Study or DataFrame
        A study, or a frame of answers as :func:`nps` takes.
    by : str
        What makes the groups, such as ``touchpoint`` or ``persona``; no calendar.
    kind : {"nps", "csat", "ces"}, default "nps"
        The instrument.
    within : str or sequence of str, optional
        Compare inside each cell of these; as ``by`` of :func:`scores` or :func:`nps`.
    base : str, optional
        The one group to compare all others with; by default every pair is compared.
    family : str, optional
        Name of the family of tests within which p is corrected; by default kind and `by`.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone; of a study only.
    pool, top, version : optional
        As in :func:`scores`.

    Returns
    -------
    DataFrame
        Estimates by `within`, ``segment`` and ``other``: ``difference`` (segment less other, in
        the score's own unit), ``p`` and ``p_adjusted``. ``n`` are the answers of both,
        ``customers`` those of the smaller group. ``attrs`` name the ``family`` and ``m``, the
        number of tests. Null where a group has no interval.

    Raises
    ------
    UserError
        An unknown column, group or kind.

    Notes
    -----
    Limits by MOVER (Zou 2007) from those of both scores, with the correlation that customers who
    answered in both groups bring: cross products of their cluster-robust residuals. Without such
    customers it is Newcombe's interval for satisfaction. Benjamini–Hochberg within the family.

    Examples
    --------
    >>> rows = pd.DataFrame({"score": [10] * 8 + [3] * 2 + [10] * 2 + [3] * 8,
    ...                      "shop": ["A"] * 10 + ["B"] * 10})
    >>> found = score_difference(rows, "shop")
    >>> found[["segment", "other", "metric", "value"]].round(3).values.tolist()[0]
    ['A', 'B', 'difference', 120.0]
    """
    if by in CALENDARS or by == "report_period":
        raise UserError("by: calendar periods are compared by cj.compare; by names groups here.")
    rest = [name for name in listed(within) if name != by]
    how: dict[str, Any] = {"top": top, "version": version}
    if isinstance(scores, Study):
        cells = Cells(scores, kind, [*rest, by], start, end, pool, **how)
        keys, instrument = cells.keys, cells.instrument
        found, pairs = cells.persons(), _shared_in_engine(cells, by)
    else:
        instrument = instrument_of(kind, **how)
        frame = framed(scores)
        keys = split(frame, [*rest, by], pool, instrument.fixed)
        found = persons(frame, keys, instrument)
        pairs = _shared(found, keys, by)
    outer = [name for name in keys if name != by]
    table = _compared(Moments(found, keys), pairs, outer, by, instrument, base)
    table.attrs |= {"family": family or f"{kind} by {by}"}
    return table


def _variable(rows: pd.DataFrame, instrument: Instrument, side: str = "") -> Any:
    """What is averaged: a customer's sum of it."""
    if instrument.kind == "nps":
        return rows[f"promoters{side}"] - rows[f"detractors{side}"]
    return rows[f"{'total' if instrument.kind == 'ces' else 'csat'}{side}"]


def _shared(found: pd.DataFrame, keys: list[str], by: str) -> pd.DataFrame:
    """Customers who stand in two groups, a row for each such pair."""
    on = [*(name for name in keys if name != by), "_who"]
    pairs = found.merge(found, on=on, suffixes=("_a", "_b"))
    place = {name: at for at, name in enumerate(_ordered(found[by]))}
    first = pairs[f"{by}_a"].map(place) < pairs[f"{by}_b"].map(place)
    return pairs[first].assign(times=1)


def _shared_in_engine(cells: Cells, by: str) -> pd.DataFrame:
    one = cells.each()
    two = one.view()
    on = [name for name in one.columns if name not in (by, *cells.sums)]
    both = [one[name] == two[name] for name in on]
    joined = one.join(two, [*both, one[by] < two[by]], lname="{name}_a", rname="{name}_b")
    # Equal columns of the two sides may come once or twice, by the engine.
    outer = {n: joined[n if n in joined.columns else f"{n}_a"] for n in on if n != "who"}
    sides = {f"{n}_{s}": joined[f"{n}_{s}"] for n in (by, *cells.sums) for s in "ab"}
    pairs = joined.select(**outer, **sides)
    return cells.named_periods(pairs.group_by(list(pairs.columns)).agg(times=_.count()).execute())


def _compared(
    sums: Moments,
    pairs: pd.DataFrame,
    outer: list[str],
    by: str,
    instrument: Instrument,
    base: str | None,
) -> pd.DataFrame:
    score = score_of(sums, instrument)
    mean = score.value / (100 if instrument.kind == "nps" else 1)
    residual = _variable(sums.persons, instrument).to_numpy("float64") - mean[sums.code] * sums.n
    cells = sums.cells.assign(
        value=score.value,
        low=score.low,
        high=score.high,
        mean=mean,
        own=sums.sum(residual**2),
        answers=sums.answers,
        customers=sums.customers,
    )
    groups = _ordered(cells[by])
    if base is not None and base not in groups:
        raise UserError(
            f'base: no group "{base}" in {by}; there are {", ".join(map(str, groups))}.'
        )
    both = _pairs(cells, outer, by, groups, base)
    rho = _correlation(both, pairs, outer, by, instrument)
    one, low_a, high_a, two, low_b, high_b = (
        both[f"{name}_{s}"].to_numpy("float64") for s in "ab" for name in _SCORE
    )
    change, low, high, p = mover(one, low_a, high_a, two, low_b, high_b, rho)
    return _table(both, outer, instrument, change, low, high, p)


_SCORE = ("value", "low", "high")


def _ordered(groups: pd.Series) -> list[Any]:
    return sorted(groups.unique(), key=lambda name: (str(type(name)), name))


def _pairs(
    cells: pd.DataFrame, outer: list[str], by: str, groups: list[Any], base: str | None
) -> pd.DataFrame:
    place = {name: at for at, name in enumerate(groups)}
    how: dict[str, Any] = {"on": outer} if outer else {"how": "cross"}
    both = cells.merge(cells, suffixes=("_a", "_b"), **how)
    a, b = both[f"{by}_a"].map(place), both[f"{by}_b"].map(place)
    chosen = (a < b) if base is None else (both[f"{by}_b"] == base) & (a != b)
    both = both[chosen].reset_index(drop=True)
    return both.rename(columns={f"{by}_a": "segment", f"{by}_b": "other"})


def _correlation(
    both: pd.DataFrame, pairs: pd.DataFrame, outer: list[str], by: str, instrument: Instrument
) -> Any:
    """Correlation of the two scores through the customers who stand behind both."""
    shared = pairs.rename(columns={f"{by}_a": "segment", f"{by}_b": "other"})
    # Pairs are told once, whichever side a comparison takes from the other.
    sums = ("n", "bad", "total", *instrument.parts)
    swap = {f"{c}_{s}": f"{c}_{o}" for c in sums for s, o in ("ab", "ba")}
    turned = shared.rename(columns={**swap, "segment": "other", "other": "segment"})
    shared = pd.concat([shared, turned], ignore_index=True)
    keys = [*outer, "segment", "other"]
    means = both[[*keys, "mean_a", "mean_b"]].assign(pair=np.arange(len(both)))
    rows = shared.merge(means, on=keys)
    products = rows["times"].to_numpy("float64")
    for side in ("_a", "_b"):
        own = _variable(rows, instrument, side) - rows[f"mean{side}"] * rows[f"n{side}"]
        products = products * own.to_numpy("float64")
    cross = np.bincount(rows["pair"].to_numpy("int64"), products, minlength=len(both))
    size = np.sqrt(both["own_a"].to_numpy("float64") * both["own_b"].to_numpy("float64"))
    return np.clip(np.divide(cross, size, out=np.zeros(len(both)), where=size > 0), -1, 1)


def _table(
    both: pd.DataFrame,
    outer: list[str],
    instrument: Instrument,
    change: Any,
    low: Any,
    high: Any,
    p: Any,
) -> pd.DataFrame:
    known = ~np.isnan(low)
    rows = both[[*outer, "segment", "other"]].assign(
        n=both["answers_a"] + both["answers_b"],
        customers=both[["customers_a", "customers_b"]].min(axis=1),
        of="answers of both groups",
        note=np.where(known, np.array(None, dtype=object), "no_interval"),
    )
    p = np.where(known, p, np.nan)
    values: dict[str, dict[str, Any]] = {
        "difference": {"value": np.where(known, change, np.nan), "low": low, "high": high},
        "p": {"value": p, "unit": "p"},
        "p_adjusted": {"value": adjust(p), "unit": "p"},
    }
    values["difference"]["unit"] = UNIT[instrument.kind]
    parts = [rows.assign(metric=name, **columns) for name, columns in values.items()]
    dims = [*outer, "segment", "other"]
    table = pd.concat(parts).sort_index(kind="stable").reindex(columns=[*dims, *COLUMNS])
    found = estimates(table, dims)
    found.attrs["m"] = int((~np.isnan(p)).sum())
    if instrument.kind == "nps":
        found.attrs["notice"] = KEY
    return found
