"""Stays as curves, and whether groups stay differently long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations

import numpy as np
import pandas as pd

from cjlab._numbers import Floats, normal_quantile
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._waiting import DAY, Row, Rows, cells_of, day_grid, limits
from cjlab.journey.base import Journeys, parse_duration
from cjlab.journey.timing import stays
from cjlab.logrank import Teams
from cjlab.repeats import areas, influence
from cjlab.stats import adjust
from cjlab.survival import rmst

ALL = "(all)"


def stay_curve(
    j: Journeys,
    *,
    by: str | Sequence[str] | None = None,
    horizon: str | timedelta | None = None,
    points: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Share of stays in each stage that last longer than so many days.

    Parameters
    ----------
    j : Journeys
        The journeys; stays are taken by their start.
    by : str or sequence of str, optional
        As in :func:`time_in_stage`.
    horizon : str or timedelta, optional
        Last day of the curves; by default the last one at which enough are still there.
    points : sequence of float, optional
        Days to read the curves at; 1, 2, 3, 5, 7, 10, 14, 21, 30 … by default.

    Returns
    -------
    DataFrame
        Estimates by ``stage`` and ``day``: ``survival``, 0–1 with log-log limits. ``n`` counts
        the stays at risk that day, ``customers`` who they are of. Null with ``few_at_risk``
        where these are fewer than ``j.minimum``, with ``no_spells`` where nobody ever was there.

    Raises
    ------
    UserError
        For an unknown attribute, a bad horizon or bad points.

    Notes
    -----
    Kaplan–Meier; where customers repeat a stage, the variance is cluster-robust (see
    `cjlab.incidence`).

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-03", "2026-01-01"])})
    >>> j = Journeys.from_frame(log, stages=["see", "buy"], observed_until="2026-01-05")
    >>> j.minimum = 1
    >>> stay_curve(j, points=[1, 2])[["stage", "day", "value", "n"]].values.tolist()[:2]
    [['see', 1.0, 1.0, 2], ['see', 2.0, 0.5, 2]]
    """
    names = j.attributes(by)
    found = stays(j, names)
    days = day_grid(j, list(found.values()), parse_duration(horizon, "horizon"), points)
    rows: list[Row] = []
    for group, stage, cell in cells_of(j, names, found):
        base = {**group, "stage": stage, "metric": "survival", "unit": "1", "of": "stays"}
        rows += _curve(j, base, cell, days)
    keys = [*j.columns(names), "stage", "day"]
    return estimates(pd.DataFrame(rows, columns=[*keys, *COLUMNS]), keys)


def _curve(j: Journeys, base: Row, cell: Rows | None, days: list[float]) -> list[Row]:
    if cell is None:
        none = {"value": None, "n": 0, "customers": 0, "note": "no_spells"}
        return [{**base, "day": day, **none} for day in days]
    curve, people = cell.incidence(days, by_cause=False), cell.at_risk(days)
    found = []
    for k, day in enumerate(days):
        row = {**base, "day": day, "n": int(curve.at_risk[k]), "customers": int(people[k])}
        if people[k] < j.minimum:
            found.append({**row, "value": None, "note": "few_at_risk"})
            continue
        parts = (curve.survival[k], curve.survival_low[k], curve.survival_high[k])
        found.append({**row, **limits(cell, *parts)})
    return found


def stay_difference(
    j: Journeys,
    *,
    by: str | Sequence[str],
    horizon: str | timedelta | None = None,
) -> pd.DataFrame:
    """Compare how long groups stay in each stage.

    Parameters
    ----------
    j : Journeys
        The journeys; stays are taken by their start.
    by : str or sequence of str
        What makes the groups, such as ``"persona"``.
    horizon : str or timedelta, optional
        Limit of the restricted mean; by default the longest time that all groups of the stage
        were observed for.

    Returns
    -------
    DataFrame
        Estimates by ``stage, a, b``, every pair of groups: ``rmst_difference`` (days, mean of a
        less mean of b), ``p`` (log-rank) and ``p_adjusted`` (Holm over all pairs of the table);
        and a row pair ``(all), (all)`` with the test of all groups of the stage, Holm over
        stages. ``n`` and ``customers`` count both groups, ``hits`` those who moved on. Null
        with ``no_spells`` where a group was never there, ``beyond_observation`` where one was
        not followed to the horizon, ``no_spread`` where there is nothing to test.
        ``attrs["m"]`` is the number of pairs tested.

    Raises
    ------
    UserError
        For an unknown attribute, none, or a bad horizon.

    Notes
    -----
    Log-rank (Mantel 1966), cluster-robust where customers repeat (Lin & Wei 1989). The interval
    of the difference is normal, from influences summed within customers.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": list("aabb"), "stage": ["see", "buy"] * 2,
    ...                     "who": list("xxyy"), "ts": pd.to_datetime(
    ...                     ["2026-01-01", "2026-01-03", "2026-01-01", "2026-01-02"])})
    >>> found = stay_difference(Journeys.from_frame(log, stages=["see", "buy"]), by="who")
    >>> found.query("metric == 'rmst_difference'")[["stage", "a", "b", "value"]].values.tolist()[0]
    ['see', 'x', 'y', 1.0]
    """
    names = j.attributes(by)
    if not names:
        raise UserError('by: name what makes the groups, such as "persona".')
    limit = parse_duration(horizon, "horizon")
    found, groups = stays(j, names), j.groups(names)
    label = {group: ", ".join(group) for group in groups}
    rows: list[Row] = []
    for code, stage in enumerate(j.model.ids):
        cells = {group: found[*group, code] for group in groups if (*group, code) in found}
        top = limit if limit is not None else _reached(list(cells.values()))
        means = {group: _mean(cell, top) for group, cell in cells.items()}
        every = _base(stage, ALL, ALL, list(cells.values()))
        place, teams = {group: k for k, group in enumerate(cells)}, _teams(list(cells.values()))
        rows.append({**every, **_test(teams, complete=len(cells) > 1)})
        for a, b in combinations(groups, 2):
            there = [group for group in (a, b) if group in cells]
            pair = [cells[group] for group in there]
            base = _base(stage, label[a], label[b], pair)
            rows.append({**base, **_difference(pair, [means[group] for group in there], top)})
            codes = [place[group] for group in there]
            rows.append({**base, **_test(teams, codes, complete=len(pair) == 2)})
    return _adjusted(pd.DataFrame(rows, columns=["stage", "a", "b", *COLUMNS]))


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Add Holm's p-values behind the plain ones: pairs are one family, whole stages another."""
    tests = table[table["metric"] == "p"].copy()
    whole = (tests["a"] == ALL) & (tests["b"] == ALL)
    for family in (whole, ~whole):
        p = tests.loc[family, "value"].to_numpy("float64")
        tests.loc[family, "value"] = adjust(p, "holm")
        tests.loc[family, "of"] = f"stays, {np.isfinite(p).sum()} tests"
    both = pd.concat([table, tests.assign(metric="p_adjusted")]).sort_index(kind="stable")
    found = estimates(both, ["stage", "a", "b"])
    found.attrs["m"] = int(tests.loc[~whole, "value"].notna().sum())
    return found


def _base(stage: str, a: str, b: str, cells: list[Rows]) -> Row:
    none = np.zeros(0, "int64")
    people = np.concatenate([none, *(cell.people for cell in cells)])
    ended = np.concatenate([none, *(cell.people[cell.waits.end != 0] for cell in cells)])
    return {
        "stage": stage,
        "a": a,
        "b": b,
        "n": len(people),
        "customers": np.count_nonzero(np.bincount(people)),
        "hits": np.count_nonzero(np.bincount(ended)),
        "of": "stays",
    }


def _reached(cells: list[Rows]) -> int:
    """The longest time that every group was observed for; who has left altogether is known."""
    open_ended = [cell.curve.time[-1] for cell in cells if cell.curve.survival[-1] > 0]
    longest = [cell.curve.time[-1] for cell in cells]
    return int(min(open_ended) if open_ended else max(longest, default=0))


def _teams(cells: list[Rows]) -> Teams:
    none = np.zeros(0)
    return Teams(
        np.concatenate([none, *(cell.length for cell in cells)]),
        np.concatenate([none != 0, *(cell.waits.end != 0 for cell in cells)]),
        np.repeat(range(len(cells)), [cell.n for cell in cells]),
        clusters=np.concatenate([none, *(cell.clusters for cell in cells)]).astype("int64"),
    )


def _test(teams: Teams, chosen: list[int] | None = None, *, complete: bool) -> Row:
    row: Row = {"metric": "p", "unit": "p"}
    if not complete:
        return {**row, "value": None, "note": "no_spells"}
    p = teams.test(chosen).p
    return {**row, "value": None, "note": "no_spread"} if np.isnan(p) else {**row, "value": p}


def _mean(cell: Rows, top: int) -> tuple[float, Floats]:
    """Restricted mean, and the influence of each stay on it."""
    value = rmst(cell.curve, top).value if top else np.nan
    return value, influence(cell.curve, cell.waits, areas(cell.curve, top))


def _difference(cells: list[Rows], found: list[tuple[float, Floats]], top: int) -> Row:
    row: Row = {
        "metric": "rmst_difference",
        "unit": "d",
        "of": f"stays, within {top / DAY:.4g} days",
    }
    if len(cells) < 2:
        return {**row, "value": None, "note": "no_spells"}
    means, moved = zip(*found, strict=True)
    if np.isnan(means).any():
        return {**row, "value": None, "note": "beyond_observation"}
    value = (means[0] - means[1]) / DAY
    error = _error(cells, moved) / DAY
    if not error > 0:
        return {**row, "value": value, "note": "no_spread"}
    half = normal_quantile(0.95) * error
    return {**row, "value": value, "low": value - half, "high": value + half}


def _error(cells: list[Rows], moved: Sequence[Floats]) -> float:
    """Standard error of a difference of means: influences of a, less those of b, by customer."""
    owner = np.concatenate([cell.clusters for cell in cells])
    sums = np.bincount(owner, np.concatenate([moved[0], -moved[1]]))
    groups, rows = np.count_nonzero(np.bincount(owner)), len(owner)
    if groups < 2:
        return np.nan
    scale = groups / (groups - 1) if groups < rows else 1.0
    return float(np.sqrt((sums**2).sum() * scale))
