"""The weakest moment: where customers are let down, how surely, and how much it weighs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from ibis import _

from cjlab._numbers import Floats
from cjlab.clusters import clustered_mean
from cjlab.disclosure import NOTE
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, COUNTS, NUMBERS, estimates
from cjlab.journey.base import parse_duration
from cjlab.resample import percentiles
from cjlab.stats import proportion
from cjlab.study import Study
from cjlab.voice import _met
from cjlab.voice._answers import When
from cjlab.voice._asked import Asked, about_a_place, asked, given, instrument
from cjlab.voice._inactivity import associations, inactivity
from cjlab.voice._ratings import Ratings
from cjlab.voice._regression import Fit, draw, fitted


def weakest_moment(
    study: Study,
    start: When = None,
    end: When = None,
    *,
    level: str = "touchpoint",
    pooled: bool = False,
    minimum: int = 30,
    inactive: str | timedelta = "60D",
    ces_version: str = "2.0",
    draws: int = 2000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Rank touchpoints or stages by how sure we are that they are the weakest, and how bad it is.

    Scores stay on their own scale; the shortfall, what the mean lacks to the best answer in
    hundredths of the scale, sets them side by side. The probability of being the lowest is
    taken among places that were asked about with one instrument, unless they are pooled on
    request. That low scorers fall silent more often is an association, not an effect.

    Parameters
    ----------
    study : Study
        With responses, and events for reach and silence.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, of answers, meetings and tickets.
    level : {"touchpoint", "stage"}
        What may be weak.
    pooled : bool, default False
        Compare all instruments by shortfall, as if their scales meant the same.
    minimum : int, default 30
        Customers who must have answered for a place to be in the comparison.
    inactive : str or timedelta, default "60D"
        How long without an event after the answer makes a customer inactive; answers that
        were not followed for so long do not count.
    ces_version : {"2.0", "1.0"}
        Of effort scores: 2.0 has high for good (1–7), 1.0 low (1–5).
    draws : int, default 2000
        Resamples of customers.
    random_state : int, default 0
        Seed of the resamples, kept in ``attrs["seed"]``.

    Returns
    -------
    DataFrame
        Estimates by ``instrument`` and the level's column, the lowest first: ``score`` (mean on
        its own scale), ``shortfall`` (0–100), ``p_lowest`` (share of resamples in which its
        shortfall is the largest; ties are shared), ``reach`` (share of the period's customers
        who met it), ``importance`` (LMG of its score for relational NPS), ``severity`` = reach ×
        importance × shortfall (note ``without_importance`` where importance is not estimable
        for all compared, and is left out), ``tickets_per_100`` customers who met it,
        ``risk_ratio`` (inactive of low scorers over that of others; low is NPS ≤ 6, CSAT below the
        top two answers, CES below two thirds of its scale), ``low_rate``, ``other_rate`` and
        ``p_adjusted`` (Benjamini–Hochberg over the table). Null with ``few_answers``,
        ``nothing_to_compare``, ``not_met``, ``one_sided``, or not yet observed; the last four are
        suppressed where their bases would tell a share of NPS of too few customers. ``attrs``:
        ``weakest`` (by instrument), ``minimum``, ``seed``, ``m`` and ``sentence``.

    Raises
    ------
    UserError
        The study has no responses, or an option is unknown.

    Notes
    -----
    Percentile intervals by customer. Reach and mean shortfall of those who met a place are
    uncorrelated to first order, so reach is drawn from its own binomial. Tickets belong to the
    touchpoint that their topic names, else to what the customer met last within 7 days before.
    Risk ratio: Katz et al. (1978), over each customer's first answer.

    Examples
    --------
    >>> from cjlab import open_study
    >>> study = open_study("data/retail/study.yaml")  # doctest: +SKIP
    >>> weakest_moment(study, "2026-07-06", "2026-10-01").attrs["weakest"]  # doctest: +SKIP
    """
    _met.check_level(level)
    if minimum < 2:
        raise UserError(f"minimum is {minimum}; at least 2 customers must have answered.")
    span, near = parse_duration(inactive, "inactive"), parse_duration(_met.TICKET_WINDOW, "window")
    assert span is not None and near is not None
    table = given(study, level, start, end, ces_version)
    found = asked(table, level)
    j = study.journeys(start=start, end=end, view="customer")
    reached, everyone = _met.met(j, level)
    met = found.cells[level].map(reached["customers"]).fillna(0).to_numpy("float64")
    race = compared(found, pooled=pooled, minimum=minimum, draws=draws, seed=random_state)
    parts = [
        _scores(found, race),
        _lowest(found, race),
        _weights(race, met, everyone, random_state),
        _tickets(found, level, _met.tickets(j, level, near), met),
        _silence(study, table, found, level, span),
    ]
    names = ["instrument", level]
    rows = pd.concat(parts, ignore_index=True)
    rows["place"] = rows["cell"].map({cell: i for i, cell in enumerate(_order(found, race))})
    rows = rows.sort_values("place", kind="stable", ignore_index=True)
    rows[names] = found.cells[names].reindex(rows["cell"]).to_numpy()
    result = estimates(
        rows.reindex(columns=[*names, *COLUMNS]).astype(dict.fromkeys(names, "str")), names
    )
    result.attrs |= {
        "weakest": _weakest(found, race, level),
        "minimum": minimum,
        "seed": random_state,
        "draws": draws,
        "m": int(result.query("metric == 'p_adjusted'")["value"].notna().sum()),
        "sentence": "association_not_cause",
    }
    return result


class Race(NamedTuple):
    """Who is compared with whom, and what each resample found, by cell."""

    #: Number of the group each cell is compared in; −1 where too few answered.
    group: Any
    shortfall: Floats
    #: Shortfall of each draw, shape (draws, cells).
    drawn: Floats
    p_lowest: Floats
    #: LMG of the cells, and of each draw; None where it cannot be told for all compared.
    importance: Floats | None
    again: Floats | None
    #: Customers who gave relational NPS and all compared scores.
    complete: int


def compared(found: Asked, *, pooled: bool, minimum: int, draws: int, seed: int) -> Race:
    """Draw customers again, and count how often each cell is the lowest of its group."""
    customers = (found.n > 0).sum(axis=0)
    group = np.zeros(len(found.cells), dtype=int)
    if not pooled:
        group = pd.factorize(found.cells["instrument"])[0]
    group = np.where(customers >= minimum, group, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = found.total.sum(axis=0) / found.n.sum(axis=0)
    size, inside = len(found.cells), group >= 0
    fit, parts = _importance(found, inside, seed)
    complete = 0 if fit is None else len(fit.data.y)
    sums = (
        draw(np.c_[found.n, found.total, parts], draws, seed)
        if len(found.n)
        else np.zeros((1, 2 * size))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = found.shortfall(sums[:, size : 2 * size] / sums[:, :size])
    drawn = np.where(inside, drawn, np.nan)
    p_lowest = _shares(drawn, group)
    if fit is None or fit.drawn is None or not parts.shape[1]:
        return Race(group, found.shortfall(score), drawn, p_lowest, None, None, complete)
    own, again = np.full(size, np.nan), np.full((draws, size), np.nan)
    own[inside] = fit.drawn.measures["lmg"][0]
    again[:, inside] = fit.again(sums[:, 2 * size :], seed).measures["lmg"]
    return Race(group, found.shortfall(score), drawn, p_lowest, own, again, complete)


def _importance(found: Asked, inside: Any, seed: int) -> tuple[Fit | None, Floats]:
    """Regress relational NPS on all compared scores, over customers who gave all of them."""
    nothing = np.zeros((len(found.n), 0))
    if not inside.any():
        return None, nothing
    with np.errstate(invalid="ignore", divide="ignore"):
        x = found.total[:, inside] / found.n[:, inside]
    names = [str(number) for number in np.flatnonzero(inside)]
    data = Ratings(names, x, found.overall, np.arange(len(x)))
    fit = fitted(data, seed)
    if fit.drawn is None or any(fit.why(k) for k in range(len(names))):
        return fit, nothing
    parts = np.zeros((len(x), fit.parts.shape[1]))
    parts[data.complete] = fit.parts
    return fit, parts


def _shares(drawn: Floats, group: Any) -> Floats:
    """Share of the draws in which each cell is the lowest; null where it has no rival."""
    found = np.full(drawn.shape[1], np.nan)
    for number in set(group[group >= 0]):
        own = np.flatnonzero(group == number)
        if len(own) < 2:
            continue
        values = np.nan_to_num(drawn[:, own], nan=-1.0)
        first = values >= values.max(axis=1, keepdims=True) - 1e-9
        found[own] = np.mean(first / first.sum(axis=1, keepdims=True), axis=0)
    return found


def _order(found: Asked, race: Race) -> list[int]:
    """Instruments in order; in each what is compared before what is not, the lowest first."""
    keys = found.cells.assign(out=race.group < 0, short=-np.round(race.shortfall, 9))
    return [int(i) for i in keys.sort_values(["instrument", "out", "short"], kind="stable").index]


def _weakest(found: Asked, race: Race, level: str) -> dict[str, str]:
    """Name the likeliest lowest of each group: by instrument, or of all."""
    table = found.cells.assign(p=race.p_lowest, group=race.group).dropna(subset=["p"])
    best = table.sort_values("p", ascending=False, kind="stable").drop_duplicates("group")
    return dict(zip(best["instrument"], best[level], strict=True))


def _base(found: Asked) -> dict[str, Any]:
    """What is said of every number that stands on answers."""
    return {
        "cell": np.arange(len(found.cells)),
        "n": found.n.sum(axis=0).astype(int),
        "customers": (found.n > 0).sum(axis=0),
        "of": "answers",
    }


def _scores(found: Asked, race: Race) -> pd.DataFrame:
    n, total = found.n, found.total
    sums = [(a * b).sum(axis=0) for a, b in ((total, total), (total, n), (n, n))]
    mean = clustered_mean(total.sum(axis=0), n.sum(axis=0), (n > 0).sum(axis=0), *sums)
    ends = np.sort([found.shortfall(limit) for limit in (mean.low, mean.high)], axis=0)
    base = pd.DataFrame(_base(found))
    score = base.assign(
        metric="score", value=mean.value, low=mean.low, high=mean.high, unit="score"
    )
    short = base.assign(
        metric="shortfall", value=race.shortfall, low=ends[0], high=ends[1], unit="points"
    )
    return pd.concat([score, short], ignore_index=True)


def _lowest(found: Asked, race: Race) -> pd.DataFrame:
    table = pd.DataFrame(
        {**_base(found), "metric": "p_lowest", "value": race.p_lowest, "unit": "1"}
    )
    lone = np.where(race.group < 0, "few_answers", "nothing_to_compare")
    return table.assign(note=np.where(table["value"].isna(), lone, np.array(None, dtype=object)))


def _weights(race: Race, met: Floats, everyone: int, seed: int) -> pd.DataFrame:
    """Reach, importance and severity."""
    rng = np.random.default_rng([seed, 1])
    base = {"cell": np.arange(len(met)), "of": "customers of the period"}
    base |= {"n": everyone, "customers": everyone}
    reach = proportion(met, np.full(len(met), float(everyone)))
    rows = [
        {**base, "metric": "reach", "unit": "1", "hits": met, **reach._asdict()},
        {
            "cell": base["cell"],
            "n": race.complete,
            "customers": race.complete,
            "metric": "importance",
            "unit": "1",
            "note": "few_answers",
        },
        {**base, "metric": "severity", "unit": "points"},
    ]
    ever = rng.binomial(everyone, met / max(everyone, 1), race.drawn.shape) / max(everyone, 1)
    value, drawn = reach.value * race.shortfall, ever * race.drawn
    note: Any = "without_importance"
    if race.importance is not None and race.again is not None:
        low, high = percentiles(race.again)
        rows[1] |= {"value": race.importance, "low": low, "high": high, "note": None}
        value, drawn, note = value * race.importance, drawn * race.again, None
    low, high = percentiles(drawn)
    out, unmet = race.group < 0, met == 0
    value = np.where(out | unmet, np.nan, value)
    none = np.isnan(value)
    low, high = np.where(none, np.nan, low), np.where(none, np.nan, high)
    why = np.where(out, "few_answers", np.where(unmet, "not_met", note))
    rows[2] |= {"value": value, "low": low, "high": high, "note": why}
    return pd.concat([pd.DataFrame(row) for row in rows], ignore_index=True)


def _tickets(found: Asked, level: str, sums: pd.DataFrame | None, met: Floats) -> pd.DataFrame:
    rows = []
    for cell, place in enumerate(found.cells[level]):
        row: dict[str, Any] = {"cell": cell, "metric": "tickets_per_100", "unit": "tickets"}
        row |= {"n": int(met[cell]), "customers": int(met[cell]), "of": "customers who met it"}
        rows.append(row | _met.ticket_cells(sums, place, int(met[cell])))
    return pd.DataFrame(rows)


def _silence(study: Study, table: Any, found: Asked, level: str, span: int) -> pd.DataFrame:
    """The association of low scores with silence, by cell."""
    keys = ["kind", "first", "last", "relation", "place"]
    about = about_a_place(table)
    counts = inactivity(study.journeys(view="customer"), about, keys, span)
    counts = counts.assign(instrument=instrument(counts)).rename(columns={"place": level})
    names = ["instrument", level]
    cells = found.cells[names].reset_index(names="cell")
    zero = ["n1", "x1", "n0", "x0", "early"]
    counts = cells.merge(counts[[*names, *zero]], on=names, how="left").fillna(
        dict.fromkeys(zero, 0)
    )
    rows = associations(counts[["cell", *zero]])
    told = _rare(about, keys, study.config.report.minimum_cell)
    if told.empty:
        return rows
    told = told.assign(instrument=instrument(told)).rename(columns={"place": level})
    hidden = rows["cell"].isin(cells.merge(told[names])["cell"]) & (rows["n"] > 0)
    rows[list(COUNTS)] = rows[list(COUNTS)].astype("Int64")
    rows.loc[hidden, list(NUMBERS)], rows.loc[hidden, list(COUNTS)] = np.nan, pd.NA
    rows.loc[hidden, "status"], rows.loc[hidden, "note"] = "suppressed", NOTE
    return rows


def _rare(about: Any, keys: list[str], minimum: int) -> pd.DataFrame:
    """Where promoters, passives or detractors are few: how many score low must not tell them."""
    asked = about.filter(about.kind == "nps")
    who = asked.customer_id.fill_null("\n" + asked.row.cast("string"))
    part = (asked.score >= 9).cast("int64") - (asked.score <= 6).cast("int64")
    found = asked.mutate(who=who, part=part).group_by([*keys, "part"]).agg(few=_.who.nunique())
    return found.filter(found.few < minimum).select(keys).distinct().execute()
