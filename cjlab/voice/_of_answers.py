"""Scores of answers at hand: NPS, CSAT and CES of a list, a series or a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cjlab.voice._moments import scored
from cjlab.voice._persons import framed, persons, read, split
from cjlab.voice._scales import Instrument, effort, net_promoter, satisfaction

By = str | Sequence[str] | None


def nps(scores: Any, by: By = None, *, pool: str | Sequence[str] = ()) -> pd.DataFrame:
    """Net promoter score: the share of promoters (9–10) less that of detractors (0–6), in points.

    Parameters
    ----------
    scores : array_like, Series or DataFrame
        Answers to "how likely are you to recommend us", 0 to 10. A frame needs ``score``, and may
        have ``customer_id`` and further columns; with a column ``kind`` only its ``nps`` counts.
    by : str or sequence of str, optional
        Columns of the frame to break down by. A null there is ``(unknown)``.
    pool : str or sequence of str, optional
        Among ``relation``, ``wave``: what of the frame to put together. Where such a column has
        several values it is a dimension otherwise: these are never pooled without a word.

    Returns
    -------
    DataFrame
        Estimates: ``nps`` (−100 to 100), the fractions ``promoters``, ``passives`` and
        ``detractors``, and the count ``invalid``: answers that are no whole number from 0 to 10
        after trimming, the empty ones included. Null with ``no_valid_answers`` where there is
        nothing else. ``attrs["notice"]`` is the key of the trademark notice to be shown with it.

    Raises
    ------
    UserError
        The frame lacks a column.

    Notes
    -----
    Variance p + d − (p − d)², interval by adjusted Wald (n + 3, + ¾, + ¾; Rocks 2016), fractions
    by Wilson. Where customers answer more than once, with the effective sample size of the
    cluster-robust variance (Korn & Graubard 1998). Rows without a customer are customers each.

    Examples
    --------
    >>> table = nps([10, 9, " 8 ", 3, "x"])
    >>> table[["metric", "value", "n"]].values.tolist()[:2]
    [['nps', 25.0, 4], ['promoters', 0.5, 4]]
    """
    return _table(scores, by, pool, net_promoter())


def csat(
    scores: Any,
    scale: int = 5,
    *,
    top: int = 2,
    boxes: bool = False,
    by: By = None,
    pool: str | Sequence[str] = (),
) -> pd.DataFrame:
    """Customer satisfaction: the share of valid answers in the top two boxes.

    Parameters
    ----------
    scores : array_like, Series or DataFrame
        Answers, 1 (worst) to `scale`. A frame needs ``score``; its own column ``scale`` goes
        before the argument, row by row.
    scale : int, default 5
        The highest answer, 2 to 11.
    top : int, default 2
        How many of the highest answers are satisfied.
    boxes : bool, default False
        Give the share of each answer too: ``box_1``, ``box_2`` …
    by, pool : optional
        As in :func:`nps`; ``scale`` can be pooled too.

    Returns
    -------
    DataFrame
        Estimates: ``csat`` (0–1, Wilson; where customers repeat with the effective sample size)
        and the count ``invalid``. Null with ``no_valid_answers`` where there is no valid answer.

    Raises
    ------
    UserError
        The frame lacks a column, or `scale` or `top` is out of range.

    Examples
    --------
    >>> csat([5, 4, 3, 1])[["metric", "value"]].values.tolist()
    [['csat', 0.5], ['invalid', 0.0]]
    """
    frame = _only(framed(scores), "csat")
    said = read(frame["scale"]).max() if "scale" in frame.columns else float("nan")
    longest = scale if pd.isna(said) else max(scale, int(said))
    return _table(frame, by, pool, satisfaction(scale, top, boxes, longest=longest))


def ces(
    scores: Any, version: str = "2.0", *, by: By = None, pool: str | Sequence[str] = ()
) -> pd.DataFrame:
    """Customer effort score: the mean answer, and the share who found it easy.

    Parameters
    ----------
    scores : array_like, Series or DataFrame
        Answers. A frame needs ``score``.
    version : {"2.0", "1.0"}, default "2.0"
        2.0 asks for agreement that it was easy: 1 to 7, high is good, easy is 5 or more. 1.0 asks
        for the effort: 1 to 5, low is good, easy is 2 or less. It is never guessed.
    by, pool : optional
        As in :func:`nps`.

    Returns
    -------
    DataFrame
        Estimates: ``ces`` (the mean in the scale's own unit, Student's t over customers; no
        limits where all answers are equal), ``easy`` (0–1, as in :func:`csat`) and the count
        ``invalid``. ``attrs["direction"]`` is ``higher_is_better`` or ``lower_is_better``.

    Raises
    ------
    UserError
        The frame lacks a column, or the version is unknown.

    Examples
    --------
    >>> ces([7, 6, 2])[["metric", "value"]].round(2).values.tolist()
    [['ces', 5.0], ['easy', 0.67], ['invalid', 0.0]]
    """
    return _table(scores, by, pool, effort(version))


def _table(scores: Any, by: By, pool: str | Sequence[str], instrument: Instrument) -> pd.DataFrame:
    frame = _only(framed(scores), instrument.kind)
    keys = split(frame, by, pool, instrument.fixed)
    return scored(persons(frame, keys, instrument), keys, instrument)


def _only(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Leave out the answers to other questions."""
    if "kind" not in frame.columns:
        return frame
    return frame[frame["kind"] == kind].reset_index(drop=True)
