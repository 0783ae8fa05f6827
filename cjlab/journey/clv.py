"""Customer lifetime value: what buyers are expected to order and to spend from now on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from cjlab._numbers import Floats, normal_quantile
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey import _lives
from cjlab.journey._btyd import (
    Fit,
    alive,
    expected_purchases,
    expected_value,
    fit_bg_nbd,
    fit_gamma_gamma,
)
from cjlab.journey._lives import births, noun, number, number_of, segments
from cjlab.journey.base import Journeys, parse_duration

__all__ = [
    "Fit",
    "alive",
    "clv",
    "clv_customers",
    "expected_purchases",
    "expected_value",
    "fit_bg_nbd",
    "fit_gamma_gamma",
]

# With fewer who bought again there is too little to tell dropping out from buying rarely.
ENOUGH = 100
WEEK = 7 * _lives.DAY
_STEP = 1e-3


def clv(
    j: Journeys,
    *,
    horizon: str | timedelta = "364D",
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Expect how many orders buyers will place, and what they are worth, within a horizon.

    One pair of models is fitted to all buyers; a segment's numbers are means over its buyers.

    Parameters
    ----------
    j : Journeys
        The journeys; every purchase before ``observed_until`` counts, whatever their period.
    horizon : str or timedelta, default "364D"
        How far to look ahead from ``observed_until``, 52 weeks. Nothing is discounted.
    by : str or sequence of str, optional
        Attributes such as ``"persona"``; of channels and the like, that at the first event.

    Returns
    -------
    DataFrame
        Estimates by segment, means per buyer: ``expected_orders`` (days with a purchase),
        ``expected_value`` (what they bring, in the study's currency) and ``alive`` (probability
        that the buyer has not left for good). Null with ``no_buyers``; with
        ``few_repeat_buyers`` when fewer than 100 bought again, with ``no_maximum`` when the
        likelihood has no inner maximum, with ``no_value`` when purchases have no positive
        value. ``attrs["fit"]`` holds the parameters with standard errors and the
        log-likelihood, ``attrs["correlation"]`` that of frequency and mean value, which
        Gamma–Gamma takes to be 0.

    Raises
    ------
    UserError
        For an unknown attribute or a bad horizon, or where there can be no purchases.

    Notes
    -----
    BG/NBD (Fader, Hardie & Lee 2005) with Gamma–Gamma (Fader & Hardie 2013), by maximum
    likelihood; time in weeks, purchases of one local day merged, the first one not counted,
    returns left out. Intervals are normal: the variance of the fitted parameters by the delta
    method, plus that of the mean over the segment's buyers; limits are kept within what is
    possible. The models see a first purchase where the data begin, so a study should reach
    back to it for most buyers.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "buy",
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-11", "2026-01-02"])})
    >>> found = clv(Journeys.from_frame(log, stages=[{"id": "buy", "purchase": True}]))
    >>> found[["metric", "n", "note"]].values.tolist()[0]
    ['expected_orders', 2, 'few_repeat_buyers']
    """
    names = j.attributes(by)
    columns = j.columns(names)
    weeks = (parse_duration(horizon, "horizon") or 0) / WEEK
    buyers = _buyers(j, names)
    model = _fit(buyers, weeks)
    groups = segments(j, names)
    place = {group: number for number, group in enumerate(groups)}
    code = np.array([place[key] for key in zip(*(buyers[c] for c in columns), strict=True)], int)
    code = code if columns else np.zeros(len(buyers), int)
    size = np.bincount(code, minlength=len(groups))
    people = _people(j, buyers, code, size)
    cells = model.means(code, len(groups))
    rows: list[dict[str, Any]] = []
    for number_, group in enumerate(groups):
        base = dict(zip(columns, group, strict=True))
        base |= {"n": size[number_], "customers": people[number_], "of": f"{noun(j)} who bought"}
        for metric, (unit, top) in METRICS.items():
            note = model.notes[metric] if size[number_] else "no_buyers"
            row: dict[str, Any] = {
                **base,
                "metric": metric,
                "unit": j.currency if metric == "expected_value" else unit,
                "value": None,
                "note": note,
            }
            if note is None:
                mean, error = (float(part[number_]) for part in cells[metric])
                half = normal_quantile(0.95) * error
                row |= {"value": mean, "low": max(0.0, mean - half), "high": min(top, mean + half)}
            rows.append(row)
    found = estimates(pd.DataFrame(rows, columns=[*columns, *COLUMNS]), columns)
    found.attrs |= {"fit": model.summary(), "correlation": _correlation(buyers)}
    return found


METRICS = {
    "expected_orders": ("orders", np.inf),
    "expected_value": ("currency", np.inf),
    "alive": ("1", 1.0),
}


def clv_customers(j: Journeys, *, horizon: str | timedelta = "364D") -> pd.DataFrame:
    """Return what each buyer is expected to do; for analysis, not for publication.

    Parameters
    ----------
    j : Journeys
        As in :func:`clv`.
    horizon : str or timedelta, default "364D"
        As in :func:`clv`.

    Returns
    -------
    DataFrame
        One row a buyer, by ``customer_id``: ``x`` (repeat purchase days), ``t_x`` and ``T``
        (weeks from the first purchase to the last, and to the end of observation),
        ``mean_value`` of a repeat purchase day (null without one), ``alive``,
        ``expected_orders`` and ``expected_value``; these are null where :func:`clv` says why.

    Raises
    ------
    UserError
        As in :func:`clv`.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "buy",
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-15", "2026-01-02"])})
    >>> table = clv_customers(Journeys.from_frame(log, stages=[{"id": "buy", "purchase": True}]))
    >>> table[["customer_id", "x", "t_x", "T"]].values.tolist()[0]
    ['a', 1, 2.0, 2.0]
    """
    weeks = (parse_duration(horizon, "horizon") or 0) / WEEK
    buyers = _buyers(j, [])
    model = _fit(buyers, weeks)
    found = buyers[["customer_id", "x", "t_x", "T", "mean_value"]].copy()
    values = model.values()
    for metric in ("alive", "expected_orders", "expected_value"):
        found[metric] = np.nan if model.notes[metric] else values[metric]
    return found.sort_values("customer_id", ignore_index=True)


def _buyers(j: Journeys, names: list[str]) -> pd.DataFrame:
    """One row a buyer: repeat purchase days, weeks, and the mean value of a repeat day."""
    bought = _lives.whose(j, j.purchases)
    bought = bought.mutate(day=number(j, bought.ts, "day"))
    days = bought.group_by("who", "day").aggregate(value=_.value.cast("decimal(38,4)").sum())
    days = days.mutate(first=_.day.min().over(ibis.window(group_by="who")))
    again = days.day > days["first"]
    own = days.group_by("who", "first").aggregate(
        last=days.day.max(),
        x=days.count() - 1,
        valued=days.value.count(where=again),
        total=days.value.sum(where=again).cast("float64"),
    )
    life = j.grouped(births(j), names).select("who", "unit", *j.columns(names))
    own = own.join(life, "who").join(j.units.select("unit", "customer_id"), "unit")
    frame = own.execute().sort_values("who", ignore_index=True)
    until = number_of(j.observed_until - timedelta(microseconds=1), "day", j.zone)
    frame["t_x"] = (frame["last"] - frame["first"]) / 7
    frame["T"] = (until - frame["first"]) / 7
    frame["mean_value"] = frame["total"] / frame["valued"].where(frame["valued"] > 0)
    return frame


@dataclass
class _Model:
    """Both fits over some buyers, and why a metric cannot be had."""

    buyers: pd.DataFrame
    weeks: float
    orders: Fit | None
    money: Fit | None
    notes: dict[str, str | None]

    def __post_init__(self) -> None:
        # Equal histories are worked out once.
        times = [self.buyers[name].to_numpy("float64") for name in ("x", "t_x", "T")]
        self.rows, self.place = np.unique(np.column_stack(times), axis=0, return_inverse=True)
        self.paid = _paid(self.buyers)

    def count(self, params: Sequence[float]) -> dict[str, Floats]:
        """Expected orders and chance to be alive under some parameters of BG/NBD."""
        x, t_x, length = self.rows.T
        return {
            "expected_orders": expected_purchases(params, self.weeks, x, t_x, length)[self.place],
            "alive": alive(params, x, t_x, length)[self.place],
        }

    def worth(self, params: Sequence[float]) -> Floats:
        """Expected value of an order under some parameters of Gamma–Gamma."""
        x = np.where(self.paid, self.buyers["valued"], 0)
        return expected_value(params, x, np.where(self.paid, self.buyers["mean_value"], 0.0))

    def values(self) -> dict[str, Floats]:
        """Every buyer's numbers at the fitted parameters."""
        if self.orders is None:
            return {}
        found = self.count(tuple(self.orders.params.values()))
        if self.money is not None:
            worth = self.worth(tuple(self.money.params.values()))
            found["expected_value"] = found["expected_orders"] * worth
        return found

    def means(self, code: Any, groups: int) -> dict[str, tuple[Floats, Floats]]:
        """Means of the segments with their standard errors."""
        size = np.maximum(np.bincount(code, minlength=groups), 1)

        def mean(values: Floats) -> Floats:
            return np.asarray(np.bincount(code, values, groups) / size)

        found = {}
        values = self.values()
        slopes = self._slopes(values, mean)
        for metric, value in values.items():
            middle = mean(value)
            # One buyer shows no spread: the variance between buyers is then not known.
            spread = mean((value - middle[code]) ** 2) / np.where(size > 1, size - 1, np.nan)
            found[metric] = (middle, np.sqrt(slopes[metric] + spread))
        return found

    def _slopes(
        self, values: dict[str, Floats], mean: Callable[[Floats], Floats]
    ) -> dict[str, Floats]:
        """Variance of the segments' means that comes from the parameters (delta method)."""
        found: dict[str, Floats] = {}
        if self.orders is None:
            return found
        worth = None if self.money is None else self.worth(tuple(self.money.params.values()))

        def count(params: Sequence[float]) -> Floats:
            both = self.count(params)
            parts = [both["expected_orders"], both["alive"]]
            parts += [] if worth is None else [both["expected_orders"] * worth]
            return np.array([mean(part) for part in parts])

        moved = _delta(self.orders, count)
        found = dict(zip(("expected_orders", "alive", "expected_value"), moved, strict=False))
        if self.money is not None:
            often = values["expected_orders"]
            found["expected_value"] = found["expected_value"] + _delta(
                self.money, lambda params: mean(often * self.worth(params))
            )
        return found

    def summary(self) -> dict[str, Any]:
        """Parameters, standard errors and log-likelihood of the fits there are."""
        fits = {"bg_nbd": self.orders, "gamma_gamma": self.money}
        return {
            name: {
                "params": fit.params,
                "standard_errors": fit.standard_errors,
                "log_likelihood": fit.log_likelihood,
                "converged": fit.converged,
            }
            for name, fit in fits.items()
            if fit is not None
        }


def _delta(fit: Fit, statistic: Callable[[Sequence[float]], Floats]) -> Floats:
    """Variance of statistics of the parameters, from that of their logarithms."""
    logs = np.log(list(fit.params.values()))
    steps = _STEP * np.eye(len(logs))
    sides = [statistic(np.exp(logs + s)) - statistic(np.exp(logs - s)) for s in steps]
    slope = np.array(sides) / (2 * _STEP)
    return np.asarray(np.einsum("i...,ik,k...->...", slope, fit.covariance, slope))


def _paid(buyers: pd.DataFrame) -> Any:
    """Who bought again for a positive value: those whom Gamma–Gamma is fitted to."""
    return ((buyers["valued"] > 0) & (buyers["mean_value"] > 0)).to_numpy()


def _fit(buyers: pd.DataFrame, weeks: float) -> _Model:
    notes: dict[str, str | None] = dict.fromkeys(METRICS, "few_repeat_buyers")
    if (buyers["x"] > 0).sum() < ENOUGH:
        return _Model(buyers, weeks, None, None, notes)
    times = buyers.groupby(["x", "t_x", "T"]).size().reset_index(name="n")
    orders = fit_bg_nbd(times["x"], times["t_x"], times["T"], times["n"])
    notes = dict.fromkeys(METRICS, None if orders.converged else "no_maximum")
    paid = buyers[_paid(buyers)]
    money = None
    if paid.empty:
        notes["expected_value"] = "no_value"
    elif len(paid) < ENOUGH:
        notes["expected_value"] = "few_repeat_buyers"
    else:
        money = fit_gamma_gamma(paid["valued"], paid["mean_value"])
        # Where q ≤ 1 the mean value of a customer to come is infinite.
        if not money.converged or money.params["q"] <= 1:
            notes["expected_value"] = "no_maximum"
    return _Model(buyers, weeks, orders, money, notes)


def _correlation(buyers: pd.DataFrame) -> float | None:
    """Correlation of how often and for how much those buy who bought again."""
    paid = buyers[_paid(buyers)]
    if paid["valued"].nunique() < 2 or paid["mean_value"].nunique() < 2:
        return None
    return float(np.corrcoef(paid["valued"], paid["mean_value"])[0, 1])


def _people(j: Journeys, buyers: pd.DataFrame, code: Any, size: Any) -> Any:
    """Distinct customers of each segment."""
    if j.unit != "account":
        return size
    member = _lives.members(j, births(j)).select("who", "customer").execute()
    whose = pd.DataFrame({"who": buyers["who"], "code": code}).merge(member, on="who")
    return whose.groupby("code")["customer"].nunique().reindex(range(len(size)), fill_value=0)
