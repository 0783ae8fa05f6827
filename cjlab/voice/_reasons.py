"""Why customers left, or did not buy: shares of the reasons they gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cjlab.disclosure import RARE
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._breakdown import Breakdown, need, no_period
from cjlab.voice._moments import Moments, metric_row
from cjlab.voice._persons import dimension, split, whose


def reasons(
    answers: Study | pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    reason: str = "reason",
    value: str | None = None,
    currency: str | None = None,
    separator: str | None = None,
    pool: str | Sequence[str] = (),
    minimum: int | None = None,
    start: When = None,
    end: When = None,
) -> pd.DataFrame:
    """Share of churn or lost-sale answers that give each reason, and the value lost for it.

    Parameters
    ----------
    answers : Study or DataFrame
        A study with responses of kind ``churn``, whose score is the reason; or a frame, one row
        an answer with the column `reason`, in which ``customer_id`` makes intervals count
        customers.
    by : str or sequence of str, optional
        Columns to break down by, such as ``stage`` or ``competitor``; of a study as in
        :func:`scores`.
    reason : str, default "reason"
        Column of the reasons in a frame; blanks around them do not count.
    value : str, optional
        Column of the value lost with each answer, 0 or more; of a frame only.
    currency : str, optional
        Its unit, such as ``SEK``.
    separator : str, optional
        What stands between several reasons of one answer, such as ``;``.
    pool : str or sequence of str, optional
        Among ``relation``, ``wave``: what to put together. Where answers have several of one they
        are told apart by it otherwise: a customer who left is no sale that was lost.
    minimum : int, optional
        What fewer customers gave has no row by its own words: it is ``(other)``. By default the
        study's minimum cell, and 1 for a frame; what is published never names them.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone; of a study only.

    Returns
    -------
    DataFrame
        Estimates by `by` and ``reason``, the most frequent first, ``(other)`` last: ``share`` of
        the answers that give any reason (0–1, Wilson, widened where customers repeat; with
        several reasons an answer they add up to more than 1) and, with `value`, ``value`` lost, a
        sum without interval: an answer with several reasons counts in full for each.
        ``attrs["unanswered"]`` counts the answers without a reason. Calendar periods as in
        :func:`scores`.

    Raises
    ------
    UserError
        A column is missing, a value is negative, or the study has no such responses.

    Examples
    --------
    >>> rows = pd.DataFrame({"reason": ["price", "price ", "delivery", None]})
    >>> reasons(rows)[["reason", "value", "n"]].round(2).values.tolist()
    [['price', 0.67, 3], ['delivery', 0.33, 3]]
    """
    if isinstance(answers, Study):
        need(answers, "churn", "reasons")
        if value is not None:
            raise UserError("reasons: a study's answers hold no value lost; give a frame for it.")
        found = Breakdown(answers, "churn", by, start, end, pool)
        rows = found.rows("said").rename(columns={"said": reason})
        least = answers.config.report.minimum_cell if minimum is None else minimum
        return found.not_yet(_of_frame(rows, found.keys, reason, None, None, separator, least))
    no_period("reasons", start, end)
    for name in (reason, *([value] if value else [])):
        if name not in answers.columns:
            near = did_you_mean(name, map(str, answers.columns))
            raise UserError(f'reasons: the answers have no column "{name}".{near}')
    frame = answers.reset_index(drop=True)
    keys = split(frame, by, pool, True)
    return _of_frame(frame, keys, reason, value, currency, separator, minimum or 1)


def _of_frame(
    frame: pd.DataFrame,
    names: list[str],
    reason: str,
    value: str | None,
    currency: str | None,
    separator: str | None,
    minimum: int,
) -> pd.DataFrame:
    said = frame[reason].astype("str").str.strip()
    given = said.notna() & (said != "") & frame[reason].notna()
    rows = frame[given].reset_index(drop=True)
    cells = pd.DataFrame({name: dimension(rows[name]) for name in names}, index=rows.index)
    cells["_who"], cells["reason"] = whose(rows), said[given].to_numpy()
    cells["_lost"] = _lost(rows, value)
    table = _shares(_pooled(_split(cells, separator), minimum), cells, names, value, currency)
    table.attrs["unanswered"] = int((~given).sum())
    return table


def _lost(rows: pd.DataFrame, value: str | None) -> pd.Series:
    if value is None:
        return pd.Series(0.0, rows.index)
    lost = pd.to_numeric(rows[value], errors="coerce")
    if (lost < 0).any():
        raise UserError(
            f"reasons: {value} is {lost[lost < 0].iloc[0]:g} in a row; write losses as 0 or more."
        )
    return lost.fillna(0.0)


def _split(cells: pd.DataFrame, separator: str | None) -> pd.DataFrame:
    """One row for each reason of an answer; what is said twice counts once."""
    rows = cells.assign(_row=np.arange(len(cells)))
    if separator:
        rows["reason"] = rows["reason"].str.split(separator, regex=False)
        rows = rows.explode("reason")
        rows["reason"] = rows["reason"].str.strip()
        rows = rows[rows["reason"] != ""]
    return rows.drop_duplicates(["_row", "reason"])


def _pooled(rows: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Put together what few customers gave: free text may name whoever wrote it."""
    rare = rows.groupby("reason")["_who"].transform("nunique") < minimum
    return rows.assign(reason=rows["reason"].mask(rare, RARE)).drop_duplicates(["_row", "reason"])


def _shares(
    rows: pd.DataFrame,
    answers: pd.DataFrame,
    names: list[str],
    value: str | None,
    currency: str | None,
) -> pd.DataFrame:
    """Every reason met anywhere has a row in every cell: nobody's reason is a zero, not a gap."""
    dims = [*names, "reason"]
    people = answers.groupby([*names, "_who"], sort=False).size().rename("n").reset_index()
    totals = rows["reason"].value_counts(sort=False).rename("total").reset_index()
    totals["last"] = totals["reason"] == RARE
    order = totals.sort_values(["last", "total", "reason"], ascending=[True, False, True])["reason"]
    grid = people.merge(order.to_frame(), how="cross")
    hits = rows.groupby([*dims, "_who"], sort=False).agg(x=("_row", "size"), lost=("_lost", "sum"))
    grid = grid.merge(hits.reset_index(), on=[*dims, "_who"], how="left").fillna(
        {"x": 0, "lost": 0}
    )
    grid["_order"] = grid["reason"].map({name: at for at, name in enumerate(order)})
    sums = Moments(grid.assign(times=1), [*names, "_order", "reason"])
    x = sums.column("x")
    parts = [metric_row(sums, "share", sums.share(x), "1", sums.sum(x > 0))]
    if value is not None:
        lost = parts[0].assign(metric="value", value=sums.sum(sums.column("lost")), unit=currency)
        parts.append(lost.assign(low=np.nan, high=np.nan))
    found = pd.concat(parts).assign(of="answers with a reason").sort_index(kind="stable")
    return estimates(found.reindex(columns=[*dims, *COLUMNS]), dims)
