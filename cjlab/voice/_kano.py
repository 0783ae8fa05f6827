"""Kano: what a feature's presence and its absence do to satisfaction, from paired questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._breakdown import Breakdown, need, no_period
from cjlab.voice._kano_pairs import SAME, paired
from cjlab.voice._moments import Moments, invalid_row, metric_row
from cjlab.voice._persons import dimension, listed, read, split, whose

CATEGORIES = (
    "attractive",
    "one_dimensional",
    "must_be",
    "indifferent",
    "reverse",
    "questionable",
)
# Rows: with the feature; columns: without it. 1 like, 2 expect, 3 neutral, 4 live with, 5 dislike.
_TABLE = ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ")
_LETTER = dict(zip("AOMIRQ", CATEGORIES, strict=True))
_WORDS = {"like": 1, "expect": 2, "neutral": 3, "live with": 4, "dislike": 5}


def kano(
    answers: Study | pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    functional: str = "functional",
    dysfunctional: str = "dysfunctional",
    pool: str | Sequence[str] = (),
    start: When = None,
    end: When = None,
) -> pd.DataFrame:
    """Classify features by the Kano method, and say what they win and what their lack costs.

    Parameters
    ----------
    answers : Study or DataFrame
        A study with responses of kind ``kano``; or a frame, one row a person and feature: how
        they would feel with the feature (`functional`) and without it (`dysfunctional`), each
        1 like, 2 expect, 3 neutral, 4 live with, 5 dislike, or these words. ``customer_id`` makes
        intervals count customers.
    by : str or sequence of str, optional
        Columns to break down by; of a study as in :func:`scores`.
    functional, dysfunctional : str
        Names of the two columns; of a study how the two questions (``question``) begin, what
        follows is the feature: ``functional_1``, or ``functional: dark mode``.
    pool : str or sequence of str, optional
        Among ``feature``, ``relation``, ``wave``: what to put together. Features are told apart
        otherwise, and so are the others where answers have several.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone; of a study only.

    Returns
    -------
    DataFrame
        Estimates: the shares of valid pairs that are ``attractive, one_dimensional, must_be,
        indifferent, reverse, questionable``; ``better`` (0 to 1) and ``worse`` (−1 to 0), the
        coefficients, over the first four; and the count ``invalid``: pairs with an answer that
        is none of the five, or of a study without its other half. Null with
        ``no_valid_answers`` without a pair. Calendar periods as in :func:`scores`.

    Raises
    ------
    UserError
        A column is missing, or the study has no such responses or questions.

    Notes
    -----
    Evaluation table and coefficients of Berger et al. (1993): better = (A + O) / (A + O + M + I),
    worse = −(O + M) / (A + O + M + I). Wilson intervals, widened where customers repeat.

    Examples
    --------
    >>> rows = pd.DataFrame({"functional": [1, 1, 2, 3], "dysfunctional": [3, 5, 5, 3]})
    >>> found = kano(rows).set_index("metric")["value"]
    >>> found[["attractive", "better", "worse"]].tolist()
    [0.25, 0.5, -0.5]
    """
    names, pooled = listed(by), [name for name in listed(pool) if name != "feature"]
    if isinstance(answers, Study):
        need(answers, "kano", "kano")
        told = [name for name in names if name != "feature"]
        asked = Breakdown(answers, "kano", told, start, end, pooled)
        rows = asked.rows("question", "said", "respondent", "ts", *SAME)
        frame = paired(rows, functional, dysfunctional)
        table = _of_frame(frame, _apart(frame, asked.keys, pool), functional, dysfunctional)
        return asked.not_yet(table)
    no_period("kano", start, end)
    for name in (functional, dysfunctional):
        if name not in answers.columns:
            near = did_you_mean(name, map(str, answers.columns))
            raise UserError(f'kano: the answers have no column "{name}".{near}')
    frame = answers.reset_index(drop=True)
    keys = _apart(frame, split(frame, names, pooled, True), pool)
    return _of_frame(frame, keys, functional, dysfunctional)


def _apart(frame: pd.DataFrame, keys: list[str], pool: str | Sequence[str]) -> list[str]:
    """Put the feature first, unless it is among the keys already, or pooled."""
    free = "feature" in frame.columns and "feature" not in (*keys, *listed(pool))
    return ["feature", *keys] if free else keys


def _of_frame(
    frame: pd.DataFrame, names: list[str], functional: str, dysfunctional: str
) -> pd.DataFrame:
    found = _persons(frame, names, _choice(frame[functional]), _choice(frame[dysfunctional]))
    pairs = Moments(found, names)
    rows = [
        metric_row(pairs, name, pairs.share(hits := pairs.column(name)), "1", pairs.sum(hits > 0))
        for name in CATEGORIES
    ]
    rows = [part.assign(of="valid pairs") for part in rows]
    telling = Moments(found.assign(n=found[list(CATEGORIES[:4])].sum(axis=1)), names)
    rows += [_coefficient(telling, "better", ("attractive", "one_dimensional"))]
    rows += [_coefficient(telling, "worse", ("one_dimensional", "must_be"), -1.0)]
    rows.append(invalid_row(pairs).assign(unit="pairs", of="pairs"))
    table = pd.concat(rows).sort_index(kind="stable").reset_index(drop=True)
    return estimates(table[[*names, *COLUMNS]], names)


def _choice(column: pd.Series) -> pd.Series:
    """Read an answer as 1 to 5; anything else is null."""
    text = column.astype("str").str.strip().str.lower().map(_WORDS)
    number = read(column).fillna(text.astype("float64"))
    return number.where(number.isin(range(1, 6)))


def _persons(
    frame: pd.DataFrame, names: list[str], present: pd.Series, absent: pd.Series
) -> pd.DataFrame:
    valid = (present.notna() & absent.notna()).to_numpy()
    table = np.array([list(row) for row in _TABLE])
    at = [side.fillna(1).to_numpy("int64") - 1 for side in (present, absent)]
    letter = table[at[0], at[1]]
    rows = pd.DataFrame({name: dimension(frame[name]) for name in names}, index=frame.index)
    rows["_who"] = whose(frame)
    rows["n"], rows["bad"] = valid.astype("int64"), (~valid).astype("int64")
    for short, name in _LETTER.items():
        rows[name] = (valid & (letter == short)).astype("int64")
    return (
        rows.groupby([*names, "_who"], sort=False, dropna=False).sum().reset_index().assign(times=1)
    )


def _coefficient(
    sums: Moments, metric: str, parts: tuple[str, str], sign: float = 1.0
) -> pd.DataFrame:
    hits = sums.column(parts[0]) + sums.column(parts[1])
    share = sums.share(hits)
    ends = (share.low, share.high) if sign > 0 else (share.high, share.low)
    number = type(share)(sign * share.value + 0.0, sign * ends[0] + 0.0, sign * ends[1] + 0.0)
    row = metric_row(sums, metric, number, "1", sums.sum(hits > 0))
    return row.assign(of="pairs that are neither reverse nor questionable")
