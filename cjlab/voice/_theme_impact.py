"""How recommending goes with what people write about: a theme's weight in the NPS."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlab._numbers import Floats
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.resample import bootstrap
from cjlab.voice._answers import When
from cjlab.voice._coded import Coded, Scheme, as_coded
from cjlab.voice._theme_shares import Data


def theme_impact(
    data: Data,
    themes: Scheme | None = None,
    *,
    start: When = None,
    end: When = None,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """What each theme goes with in the net promoter score: association, not cause.

    Parameters
    ----------
    data : Study, DataFrame or Coded
        As in `theme_shares`.
    themes : Themes, Codebook or Feelings, optional
        As in `theme_shares`.
    start, end : str, date or datetime, optional
        As in `theme_shares`.
    draws : int, default 2000
        Resamples of customers.
    seed : int, default 0
        Same seed, same limits.

    Returns
    -------
    DataFrame
        Estimates by ``theme``, in points: ``nps_impact``, the NPS of all less that of those who
        do not mention the theme (what the score would be higher or lower by, were they not
        there); ``nps_difference``, the NPS of those who mention it less that of the others; and
        ``nps_with``. Limits by resampling customers. Null with ``no_others`` where nobody, or
        everybody, mentions it. ``hits`` is the smaller side's customers. ``attrs["notice"]`` is
        the key of the trademark notice, ``attrs["sentence"]`` says that this is no effect.

    Raises
    ------
    UserError
        As for `coded`, or the frame has no scores.

    Examples
    --------
    >>> from cjlab.voice._themes import Theme, Themes
    >>> pay = Themes((Theme("pay", {}, {"en": {"card": 1.0}}),))
    >>> frame = pd.DataFrame({"text": ["card", "card", "fast", "fast"], "language": "en",
    ...                       "score": [2, 9, 10, 9]})
    >>> theme_impact(frame, pay).query("theme == 'pay'")[["metric", "value"]].values.tolist()
    [['nps_impact', -50.0], ['nps_difference', -100.0], ['nps_with', 0.0]]
    """
    found = as_coded(data, themes, start, end)
    score = _scores(found)
    kept = ~np.isnan(score)
    up = np.where(score >= 9, 1.0, np.where(score <= 6, -1.0, 0.0))[kept]
    ids, has, base = found.rows()
    ids, has, base = ids[:-1], has[kept][:, :-1], base[kept][:, :-1]
    people, person = np.unique(found.who[kept], return_inverse=True)
    sums = _sums(person, len(people), up, has & base, base)

    def points(weights: Floats) -> Floats:
        return _points(weights @ sums, len(ids))

    size = len(people)
    value = points(np.ones((1, size)))[0] if size else np.full(3 * len(ids), np.nan)
    low, high = (
        bootstrap(points, size, draws=draws, seed=seed) if size > 1 else (value * np.nan,) * 2
    )
    rows = []
    for at, theme in enumerate(ids):
        could, does = base[:, at], (has & base)[:, at]
        whole = {"n": could.sum(), "customers": len(np.unique(person[could]))}
        part = {"n": does.sum(), "customers": len(np.unique(person[does]))}
        # Whichever side is of few people, the number shows what they answered.
        sides = (part["customers"], len(np.unique(person[could & ~does])))
        own = {"hits": min(sides), **whole, "of": "answers with a text and a score"}
        for place, metric in enumerate(("nps_impact", "nps_difference", "nps_with")):
            number = value[at + place * len(ids)]
            known = not np.isnan(number)
            limits = (low, high) if known else (value * np.nan,) * 2
            row = {"theme": theme, "metric": metric, "value": number}
            row |= {
                "low": limits[0][at + place * len(ids)],
                "high": limits[1][at + place * len(ids)],
            }
            row |= own if metric != "nps_with" else {**part, "of": "answers that mention the theme"}
            rows.append({**row, "unit": "points", "note": None if known else "no_others"})
    table = estimates(pd.DataFrame(rows).reindex(columns=["theme", *COLUMNS]), ["theme"])
    table.attrs |= {"notice": "card.trademark", "sentence": "association_not_cause"}
    return table


def _scores(found: Coded) -> Floats:
    """Valid NPS scores, nan for all else."""
    frame = found.frame
    if "score" not in frame.columns:
        raise UserError('theme_impact: the frame has no column "score", the NPS answer.')
    score = pd.to_numeric(frame["score"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    fits = (score % 1 == 0) & (score >= 0) & (score <= 10)
    if "kind" in frame.columns:
        fits &= (frame["kind"] == "nps").to_numpy()
    if "valid" in frame.columns:
        fits &= frame["valid"].fillna(False).to_numpy(dtype=bool)
    return np.where(fits, score, np.nan)


def _sums(person: Any, size: int, up: Floats, does: Any, could: Any) -> Floats:
    """By customer: answers and net promoters among those who could, and who do, by theme."""
    columns = [could, could * up[:, None], does, does * up[:, None]]
    whole = np.hstack(columns).astype(float)
    sums = np.zeros((size, whole.shape[1]))
    np.add.at(sums, person, whole)
    return sums


def _points(totals: Floats, themes: int) -> Floats:
    n, y, n1, y1 = (totals[:, at * themes : (at + 1) * themes] for at in range(4))
    with np.errstate(divide="ignore", invalid="ignore"):
        everyone, others, those = y / n, (y - y1) / (n - n1), y1 / n1
    impact = np.where(n1 > 0, everyone - others, np.nan)
    return 100 * np.hstack([impact, those - others, those])
