"""Drivers: how much of what customers think overall goes with each thing they rated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cjlab._numbers import Floats
from cjlab.estimates import COLUMNS, estimates
from cjlab.resample import percentiles
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._rated import ratings_of
from cjlab.voice._ratings import Ratings, by_customer
from cjlab.voice._regression import Fit, draw, fitted

MEASURES = {"lmg": "1", "std_beta": "sd", "vif": "ratio"}


def drivers(
    X: Study | pd.DataFrame,
    y: ArrayLike | None = None,
    *,
    customers: ArrayLike | None = None,
    start: When = None,
    end: When = None,
    outcome: str = "nps",
    pool: str | Sequence[str] = (),
    only: Sequence[str] | None = None,
    minimum: int = 30,
    ces_version: str = "2.0",
    draws: int = 2000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Share out what ratings explain of an overall score among them: LMG, beta and VIF.

    LMG is the share of the variance of `y` that goes with a driver: what it adds to R², averaged
    over every order in which the drivers may come in. The shares add up to R². Importance is not
    effect: that a driver goes with the score does not say that lifting it would lift the score.

    Parameters
    ----------
    X : Study or DataFrame
        A study with responses, see Notes; or ratings, one column a driver, one row an answer:
        numbers in any unit, or missing.
    y : array_like, optional
        The overall score of the same rows, such as NPS 0–10; a study has its own.
    customers : array_like, optional
        Who answered; rows of one customer are drawn together. Without it, and where it is null,
        each row is a customer of its own. Of a frame only, as all below are of a study only.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, of the overall scores. Ratings before are history.
    outcome : {"nps", "csat", "ces"}, default "nps"
        What is asked about the company as a whole.
    pool : str or sequence of str, optional
        ``relation``: take transactional answers of the outcome's kind as overall scores too.
    only : sequence of str, optional
        The drivers to compare, such as ``["payment (CSAT)"]``, however few rated them all.
    minimum : int, default 30
        Customers who must have rated all drivers in the comparison for another one to come in.
    ces_version : {"2.0", "1.0"}
        As in :func:`weakest_moment`.
    draws : int, default 2000
        Resamples behind the intervals.
    random_state : int, default 0
        Seed of the resamples, kept in ``attrs["seed"]``.

    Returns
    -------
    DataFrame
        Estimates by ``driver``: ``lmg`` (0–1, of the variance of `y`), ``std_beta``
        (deviations of `y` for one of the driver, the others held), ``vif`` (1 is unrelated to
        the others; from 5 or 10 on beta is shaky), ``missing`` (rows without this rating, of
        those with an outcome) and ``missing_only`` (rows lost to this driver alone); and ``r2``
        of all together, with a null driver. ``n`` counts complete rows. Null with the note
        ``constant``, ``collinear`` (a combination of other drivers, such as a copy: leave one
        out), ``constant_outcome`` or ``few_answers`` (fewer than 5 customers for each driver
        and the intercept); of a study also ``few_together``: too few rated it and the others.
        ``attrs``: ``rows``, ``no_outcome``, ``complete``, ``seed``, ``draws``, and ``sentence``,
        which must go with it.

    Raises
    ------
    UserError
        X and y do not fit each other, a cell is no number, or the study has no overall score
        or no rating before one.

    Notes
    -----
    LMG (Lindeman, Merenda & Gold 1980) is the Shapley value of R². Up to 16 drivers it is
    exact, over all subsets; beyond, 2,000 orders are sampled, the metric ``lmg_error`` gives
    their Monte-Carlo error, and each resample takes 100 of them. Rows with a missing rating are
    left out and counted, never filled in: pairwise correlations need not be those of any data,
    and indicators for missing ratings bias the others (Jones 1996). Percentile intervals by
    customer; a share cannot be negative, so the interval of a driver without any importance
    lies a little above 0, and R² itself grows with the number of drivers.

    Of a study, each customer is one row: the latest overall score of the period (relational;
    satisfaction and effort without a touchpoint), and the last rating at or before it of each
    touchpoint by each instrument, from 0 (worst answer) to 100 (best). Drivers come in as long
    as enough customers rated them all, the one that leaves most of them first: who rated what
    decides, never how. The others are listed with the reason. Undated answers do not count.

    Examples
    --------
    >>> price = [1, 1, 2, 2, 3] * 2 + [2] * 10
    >>> rated = pd.DataFrame({"staff": [1, 2, 3, 4, 5] * 4, "price": price})
    >>> found = drivers(rated, 2 * rated["staff"] + rated["price"], draws=50)
    >>> found.query("metric == 'lmg'")[["driver", "value"]].round(3).values.tolist()
    [['staff', 0.713], ['price', 0.287]]
    """
    data = ratings_of(
        X, y, customers, start, end, outcome, pool, only, minimum, ces_version, metric="drivers"
    )
    fit = fitted(data, random_state)
    spans = _intervals(fit, draws, random_state)
    base = {"n": len(fit.data.y), "customers": fit.data.customers, "of": "complete answers"}
    answered = data.take(~np.isnan(data.y))
    rows: list[dict[str, Any]] = []
    for k, name in enumerate(data.names):
        own = [*_measures(fit, spans, k, base), *_missing(answered, k)]
        rows += [{"driver": name, **row} for row in own]
    rows.append({"metric": "r2", "unit": "1", "note": fit.note, **base, **_number(fit, spans)})
    table = pd.DataFrame(rows, columns=["driver", *COLUMNS]).astype({"driver": "str"})
    table = estimates(table, ["driver"])
    # Of a frame, rows that say nothing at all are counted too.
    total = len(data.y) if isinstance(X, Study) else len(X)
    table.attrs |= {
        "rows": total,
        "no_outcome": total - len(answered.y),
        "complete": len(fit.data.y),
        "seed": random_state,
        "draws": draws,
        "sentence": "importance_not_effect",
    }
    return table


Spans = dict[str, tuple[Floats, Floats]]


def _intervals(fit: Fit, draws: int, seed: int) -> Spans:
    if fit.drawn is None:
        return {}
    again = fit.again(draw(by_customer(fit.parts, fit.data.who), draws, seed), seed)
    return {name: percentiles(part) for name, part in [*again.measures.items(), ("r2", again.r2)]}


def _number(fit: Fit, spans: Spans, name: str = "r2", k: int = 0) -> dict[str, Any]:
    """One number of the fit with its limits; empty where there is no fit."""
    if fit.drawn is None:
        return {}
    value = fit.drawn.r2 if name == "r2" else fit.drawn.measures[name]
    low, high = spans[name]
    return {"value": value[0, k], "low": low[k], "high": high[k]}


def _measures(fit: Fit, spans: Spans, k: int, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
    note = fit.why(k)
    for metric, unit in MEASURES.items():
        row = {"metric": metric, "unit": unit, "note": note, **base}
        yield row if note else row | _number(fit, spans, metric, k)
    if fit.error is not None and not note:
        yield {"metric": "lmg_error", "unit": "1", "value": fit.error[k], **base}


def _missing(answered: Ratings, k: int) -> Iterator[dict[str, Any]]:
    """How many rows lack a rating, and how many lack no other."""
    none = np.isnan(answered.x)
    lost = none & answered.kept
    gaps = {"missing": none[:, k], "missing_only": lost[:, k] & (lost.sum(axis=1) == 1)}
    for metric, rows in gaps.items():
        yield {
            "metric": metric,
            "value": int(rows.sum()),
            "n": len(rows),
            "customers": answered.customers,
            "hits": len(np.unique(answered.who[rows])),
            "unit": "answers",
            "of": "answers with an outcome",
        }
