"""How many of the texts have each theme, by anything that is known of an answer, and by month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from cjlab.clusters import clustered_share
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.stats import proportion
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._coded import Coded, Scheme, as_coded, instants

Data = Study | pd.DataFrame | Coded
#: Calendar periods, as pandas calls them.
PERIODS: Final = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


def theme_shares(
    data: Data,
    themes: Scheme | None = None,
    *,
    by: str | Sequence[str] | None = None,
    start: When = None,
    end: When = None,
) -> pd.DataFrame:
    """Share of the texts that have each theme.

    Parameters
    ----------
    data : Study, DataFrame or Coded
        Texts; see `coded`.
    themes : Themes, Codebook or Feelings, optional
        See `coded`.
    by : str or sequence of str, optional
        Columns of the answers, such as ``"stage"``; a null there is ``(unknown)``.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone.

    Returns
    -------
    DataFrame
        Estimates by `by` and ``theme``: ``share``, 0–1. ``n`` is the texts in languages that
        the theme has terms in; a text may have several themes. ``(other)`` is what fits none,
        ``(not read)`` what is in a language without themes. Wilson 95 %, cluster-robust where
        customers wrote more than once. Null with ``no_texts`` where there are none.

    Raises
    ------
    UserError
        As for `coded`, or for an unknown breakdown.

    Examples
    --------
    >>> from cjlab.voice._themes import Theme, Themes
    >>> pay = Themes((Theme("pay", {}, {"en": {"card": 1.0}}),))
    >>> frame = pd.DataFrame({"text": ["The card failed", "Too slow"], "language": "en"})
    >>> theme_shares(frame, pay)[["theme", "value", "n"]].values.tolist()
    [['pay', 0.5, 2], ['(other)', 0.5, 2], ['(not read)', 0.0, 2]]
    """
    found = as_coded(data, themes, start, end)
    groups = found.groups(by)
    names = [str(name) for name in groups.columns]
    table = shares(found, groups)
    return estimates(table.reindex(columns=[*names, "theme", *COLUMNS]), [*names, "theme"])


def theme_trend(
    data: Data,
    themes: Scheme | None = None,
    *,
    period: Literal["week", "month", "quarter", "year"] = "month",
    start: When = None,
    end: When = None,
) -> pd.DataFrame:
    """Share of the texts that have each theme, by calendar period.

    Parameters
    ----------
    data : Study, DataFrame or Coded
        As in `theme_shares`.
    themes : Themes, Codebook or Feelings, optional
        As in `theme_shares`.
    period : {"week", "month", "quarter", "year"}, default "month"
        In the study's zone.
    start, end : str, date or datetime, optional
        As in `theme_shares`.

    Returns
    -------
    DataFrame
        Estimates by ``period`` (``2026-07``, ``2026Q3``, ``2026W30``, ``2026``) and ``theme``:
        ``share``, as in `theme_shares`. Periods without texts have rows too, null with
        ``no_texts``; one whose end was not observed is null with ``not_yet_observed``.

    Raises
    ------
    UserError
        As for `coded`, for an unknown period, or for a frame without ``ts``.

    Examples
    --------
    >>> from cjlab.voice._themes import Theme, Themes
    >>> pay = Themes((Theme("pay", {}, {"en": {"card": 1.0}}),))
    >>> frame = pd.DataFrame({"text": ["card", "slow"], "language": "en",
    ...                       "ts": ["2026-01-05", "2026-02-01"]})
    >>> found = theme_trend(frame, pay).query("theme == 'pay'")
    >>> found[["period", "value", "status"]].values.tolist()
    [['2026-01', 1.0, 'ok'], ['2026-02', nan, 'not_yet_observed']]
    """
    if period not in PERIODS:
        raise UserError(f'theme_trend: no period "{period}".{did_you_mean(period, PERIODS)}')
    found = as_coded(data, themes, start, end)
    if "ts" not in found.frame.columns:
        raise UserError('theme_trend: the frame has no column "ts", the time of the answer.')
    ts = instants(found.frame["ts"])
    local = ts.dt.tz_convert(found.timezone).dt.tz_localize(None).dt.to_period(PERIODS[period])
    dated = local.notna().to_numpy()
    whole: Iterable[pd.Period] = (
        pd.period_range(local[dated].min(), local[dated].max(), freq=PERIODS[period])
        if dated.any()
        else []
    )
    groups = pd.DataFrame({"period": local.astype(object)})
    table = shares(found, groups, cells=[(one,) for one in whole], rows=dated)
    open_ = table["period"].map(lambda one: _open(one, found)).to_numpy(dtype=bool)
    table.loc[open_, ["value", "low", "high"]] = np.nan
    table.loc[open_, "hits"] = pd.NA
    table["status"] = np.where(open_, "not_yet_observed", np.array(None, dtype=object))
    table.loc[open_, "note"] = "period_not_over"
    table["period"] = table["period"].map(_label).astype("str")
    names = ["period", "theme"]
    return estimates(table.reindex(columns=[*names, *COLUMNS]), names)


def _open(period: pd.Period, found: Coded) -> bool:
    ended = (period + 1).start_time.tz_localize(
        found.timezone, ambiguous=True, nonexistent="shift_forward"
    )
    return found.observed_until is None or ended > found.observed_until


def _label(period: pd.Period) -> str:
    if period.freqstr.startswith("W"):
        year, week, _ = period.start_time.isocalendar()
        return f"{year}W{week:02d}"
    return str(period)


def shares(
    found: Coded, groups: pd.DataFrame, *, cells: list[Any] | None = None, rows: Any = None
) -> pd.DataFrame:
    """Count texts and customers by cell and theme, and give the shares their limits.

    `cells` names the cells that there are, by default those that texts are in; `rows` says which
    texts count.
    """
    ids, has, base = found.rows()
    kept = np.ones(len(found.who), dtype=bool) if rows is None else rows
    keys = list(groups[kept].itertuples(index=False, name=None))
    if cells is None:
        cells = (
            sorted(set(keys), key=lambda key: tuple(map(str, key))) if len(groups.columns) else [()]
        )
    place = {cell: at for at, cell in enumerate(cells)}
    cell = np.array([place[key] for key in keys], dtype=np.int64)
    if not len(groups.columns):
        cell = np.zeros(int(kept.sum()), dtype=np.int64)
    # A customer in two cells is one in each.
    pairs, person = np.unique(np.column_stack([cell, found.who[kept]]), axis=0, return_inverse=True)
    person = person.ravel()
    parts = []
    for at, theme in enumerate(ids):
        n = np.bincount(person, base[kept, at], minlength=len(pairs))
        x = np.bincount(person, (has & base)[kept, at], minlength=len(pairs))
        part = _limits(pairs[:, 0], n, x, len(cells))
        columns = zip(*cells, strict=True) if cells else [()] * len(groups.columns)
        named = pd.DataFrame(dict(zip(groups.columns, columns, strict=True)), range(len(cells)))
        parts.append(named.assign(theme=theme, order=range(len(cells)), **part))
    table = pd.concat(parts).sort_values("order", kind="stable").reset_index(drop=True)
    return table.assign(metric="share", unit="1", of="texts in the theme's languages")


def _limits(cell: Any, n: Any, x: Any, size: int) -> dict[str, Any]:
    """Shares of one theme in all cells, from each customer's texts and hits."""

    def total(values: Any) -> Any:
        return np.bincount(cell, values, minlength=size).astype(float)

    texts, hits, people = total(n), total(x), total(n > 0)
    plain = proportion(hits, texts)
    wide = clustered_share(hits, texts, people, total(x * x), total(x * n), total(n * n))
    once = people == texts
    value, low, high = (np.where(once, a, b) for a, b in zip(plain, wide, strict=True))
    return {
        "value": value,
        "low": low,
        "high": high,
        "n": texts,
        "customers": people,
        "hits": total(x > 0),
        "note": np.where(texts == 0, "no_texts", np.array(None, dtype=object)),
    }
