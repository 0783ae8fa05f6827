"""A day in the life as estimates: where in the day the brand is met, and how people feel then.

Rows of a diary repeat its people: every interval counts people, not entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from cjlab._numbers import Interval
from cjlab.clusters import clustered_mean, clustered_share
from cjlab.disclosure import RARE
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.maps.templates import DAY
from cjlab.stats import clustered_ratio, proportion

if TYPE_CHECKING:
    from cjlab.diaries import Diary

NAMED = ("activity", "place", "touchpoint", "channel")
VIEWS = ("contact", "feeling", "coverage", *NAMED)
#: What a table can be split by, with the values that are always there.
SPLITS: dict[str, tuple[Any, ...]] = {"part": DAY, "hour": tuple(range(24)), "persona": ()}
Row = dict[str, Any]


def diary(study: Any) -> Diary:
    """Read the diary that a study names as ``map: {diary: diary.csv}``.

    Parameters
    ----------
    study : Study
        The study; ``timezone`` in its file says whose hours the diary's are.

    Returns
    -------
    Diary
        ``entries``, ``prompts`` without an answer and ``rejections``: every row is in one of
        them.

    Raises
    ------
    UserError
        The study names no diary, a column is missing, or no row can be used.

    Examples
    --------
    >>> from cjlab import open_study
    >>> diary(open_study("data/retail/study.yaml")).rejections  # doctest: +SKIP
    """
    from cjlab import diaries  # readers and engine, which a map without a diary does not need

    return diaries.read(study)


def day(
    source: Any,
    view: str = "contact",
    by: str | Sequence[str] | None = "part",
    start: str | None = None,
    end: str | None = None,
) -> pd.DataFrame:
    """Estimate a day in the life from a diary.

    Parameters
    ----------
    source : Study or Diary
        A study that names a diary, or the diary.
    view : {"contact", "feeling", "coverage", "activity", "place", "touchpoint", "channel"}
        What is told, "contact" by default.
    by : {"part", "hour", "persona"} or sequence of them, default "part"
        What the table is split by; null for the whole day.
    start, end : str, optional
        Half-open span of local time; the whole diary by default.

    Returns
    -------
    DataFrame
        Estimates by `by`. *contact*: ``day.entries``; ``day.contact``, the share of the entries
        with contact, of those that say yes or no; ``day.people_contact``, the share of the
        people with any, which grows with the days a diary lasts; ``day.contact_time``, the
        share of the minutes. *feeling*, from −1 (worst) to 1 (best): the mean ``day.feeling``,
        ``day.feeling_with`` and ``day.feeling_without`` contact, and their
        ``day.feeling_difference``, no proof of a cause; ``hits`` is the smaller side's people.
        *coverage*: ``day.people``, ``day.entries``, ``day.prompts`` and ``day.answered``, null
        where no unanswered prompt is in the file. Other views name things, those of few people
        together as ``(other)``: the share of the people with one (``day.activity`` …); of
        touchpoints and channels only where there is contact.

    Raises
    ------
    UserError
        The study names no diary, a view or a split is unknown, or nobody has a persona.

    Examples
    --------
    >>> from cjlab import open_study
    >>> day(open_study("data/retail/study.yaml"), by="hour")  # doctest: +SKIP
    """
    from cjlab.diaries import Diary

    if view not in VIEWS:
        raise UserError(f'day: no view "{view}".{did_you_mean(view, VIEWS)}')
    names = [by] if isinstance(by, str) else list(by or ())
    for name in names:
        if name not in SPLITS:
            raise UserError(f'day: cannot be split by "{name}".{did_you_mean(name, SPLITS)}')
    own = source if isinstance(source, Diary) else diary(source)
    own = own if start is None and end is None else own.within(start, end)
    if "persona" in names and own.entries["persona"].isna().all():
        raise UserError(f"day: nobody in {own.name} has a persona in the study.")
    dims = [*names, view] if view in NAMED else names
    rows = [
        {**key, **row}
        for key, entries, prompts in _cells(own, names)
        for row in _rows(view, entries, prompts, own)
    ]
    return estimates(pd.DataFrame(rows, columns=[*dims, *COLUMNS]), dims)


def _cells(own: Diary, names: list[str]) -> Iterator[tuple[Row, pd.DataFrame, pd.DataFrame]]:
    """Yield the entries and the unanswered prompts of each cell, empty ones included."""
    values = [SPLITS[name] or sorted(own.entries[name].dropna().unique()) for name in names]
    for key in product(*values):
        cell = dict(zip(names, key, strict=True))
        parts = []
        for frame in (own.entries, own.prompts):
            for name, value in cell.items():
                frame = frame[frame[name] == value]
            parts.append(frame)
        yield cell, parts[0], parts[1]


def _rows(view: str, entries: pd.DataFrame, prompts: pd.DataFrame, own: Diary) -> list[Row]:
    if view == "coverage":
        return _coverage(entries, prompts, own.unanswered > 0)
    if view in NAMED:
        return _named(view, entries, own)
    return {"contact": _contact, "feeling": _feeling}[view](entries)


def _contact(entries: pd.DataFrame) -> list[Row]:
    told = entries[entries["brand"].notna()]
    met = told["brand"].astype("float64")
    x, n = _sums(met, told)
    timed = told["minutes"].notna()
    minutes, who = told.loc[timed, "minutes"], told.loc[timed, "person_id"]
    spent = clustered_ratio(minutes * met[timed], minutes, who)
    time = Interval(spent.value, *np.clip([spent.low, spent.high], 0, 1))
    people: Row = {"customers": len(n), "hits": int((x > 0).sum())}
    during = who[(met[timed] > 0)].nunique()
    return [
        _count("day.entries", len(entries), entries["person_id"].nunique()),
        _row("day.contact", _share(x, n), len(told), "entries", **people),
        _row("day.people_contact", proportion(people["hits"], len(n)), len(n), "people", **people),
        _row("day.contact_time", time, len(minutes), "minutes",
             customers=who.nunique(), hits=during),
    ]  # fmt: skip


def _feeling(entries: pd.DataFrame) -> list[Row]:
    known = entries[entries["level"].notna()]
    y, n = _sums(known["level"], known)
    rows = [_row("day.feeling", _mean(y, n), len(known), "entries", "scale", customers=len(n))]
    told = known[known["brand"].notna()]
    sides = [told[told["brand"]], told[~told["brand"].astype(bool)]]
    # One side follows from the other and all: who is few on either hides both.
    shared: Row = {"hits": min(side["person_id"].nunique() for side in sides)}
    for side, name in zip(sides, ("with", "without"), strict=True):
        y, n = _sums(side["level"], side)
        people = {"customers": len(n), **shared}
        rows.append(
            _row(f"day.feeling_{name}", _mean(y, n), len(side), "entries", "scale", **people)
        )
    people = {"customers": told["person_id"].nunique(), **shared}
    apart = _apart(sides[0], sides[1])
    rows.append(_row("day.feeling_difference", apart, len(told), "entries", "scale", **people))
    return rows


def _apart(one: pd.DataFrame, two: pd.DataFrame) -> Interval:
    """Difference of two means of the same people, linearised, with Student's t over people."""
    if one.empty or two.empty:
        return Interval(np.nan, np.nan, np.nan)
    means = one["level"].mean(), two["level"].mean()
    apart = means[0] - means[1]
    parts = [
        (side["level"] - mean) / len(side) * sign
        for side, mean, sign in zip((one, two), means, (1, -1), strict=True)
    ]
    owners = pd.concat([one["person_id"], two["person_id"]])
    within = pd.concat(parts).groupby(owners).sum()
    people = len(within)
    error = float(np.sqrt(people / (people - 1) * (within**2).sum())) if people > 1 else 0.0
    if error < 1e-9:  # no spread was seen, and a width of zero would be false certainty
        return Interval(apart, np.nan, np.nan)
    half = float(special.stdtrit(people - 1, 0.975)) * error
    return Interval(apart, max(-2.0, apart - half), min(2.0, apart + half))


def _coverage(entries: pd.DataFrame, prompts: pd.DataFrame, prompted: bool) -> list[Row]:
    asked = pd.concat([entries[["person_id"]].assign(y=1.0), prompts[["person_id"]].assign(y=0.0)])
    x, n = _sums(asked["y"], asked)
    people: Row = {"customers": len(n), "hits": int((x > 0).sum())}
    # Where the file has no unanswered prompt, nobody knows whether there were any.
    answered = _share(x, n) if prompted else Interval(np.nan, np.nan, np.nan)
    row = _row("day.answered", answered, len(asked), "prompts", **people)
    return [
        {**_count("day.people", len(n), len(n)), "unit": "customers"},
        _count("day.entries", len(entries), entries["person_id"].nunique()),
        _count("day.prompts", len(asked), len(n)),
        row if prompted else {**row, "note": "day_no_prompts"},
    ]


def _named(view: str, entries: pd.DataFrame, own: Diary) -> list[Row]:
    """Share of the people with each thing, the most common first."""
    of_contact = view in ("touchpoint", "channel")
    base = entries[entries["brand"].notna() if of_contact else entries[view].notna()]
    met = base[base["brand"].astype(bool)] if of_contact else base
    common = own.entries.groupby(view)["person_id"].nunique()
    known = set(common.index[common >= own.minimum])
    names = met[view].where(met[view].isin(known) | met[view].isna(), RARE)
    hits = met["person_id"].groupby(names).nunique()
    order = sorted(hits.index, key=lambda name: (name == RARE, -hits[name], name))
    people = base["person_id"].nunique()
    return [
        {view: name} | _row(f"day.{view}", proportion(hits[name], people), people, "people",
                            customers=people, hits=int(hits[name]))
        for name in order
    ]  # fmt: skip


def _sums(values: pd.Series, rows: pd.DataFrame) -> tuple[Any, Any]:
    """Return each person's sum and number of rows."""
    found = values.groupby(rows["person_id"]).agg(["sum", "count"])
    return found["sum"].to_numpy("float64"), found["count"].to_numpy("float64")


def _clustered(of: Callable[..., Interval], y: Any, n: Any) -> Interval:
    parts = (y.sum(), n.sum(), float(len(n)), (y * y).sum(), (y * n).sum(), (n * n).sum())
    return Interval(*map(float, of(*parts)))


def _share(x: Any, n: Any) -> Interval:
    """Share of rows: Wilson, widened where people repeat."""
    if (n == 1).all():
        return proportion(x.sum(), n.sum())
    return _clustered(clustered_share, x, n)


def _mean(y: Any, n: Any) -> Interval:
    mean = _clustered(clustered_mean, y, n)
    return Interval(mean.value, *np.clip([mean.low, mean.high], -1, 1))


def _count(metric: str, value: int, people: int) -> Row:
    return {"metric": metric, "value": value, "n": value, "customers": people, "unit": "entries"}


def _row(metric: str, found: Interval, n: int, of: str, unit: str = "1", **people: Any) -> Row:
    note = "day_no_entries" if np.isnan(found.value) else None
    limits = zip(("value", "low", "high"), found, strict=True)
    return {"metric": metric, **dict(limits), "n": n, "unit": unit, "of": of, "note": note} | people
