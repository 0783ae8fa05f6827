"""Which themes are mentioned together more often than chance would have it."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from cjlab._numbers import Floats
from cjlab.estimates import COLUMNS, estimates
from cjlab.resample import bootstrap
from cjlab.stats import adjust
from cjlab.voice._answers import When
from cjlab.voice._coded import Scheme, as_coded
from cjlab.voice._theme_shares import Data


def co_occurrence(
    data: Data,
    themes: Scheme | None = None,
    *,
    start: When = None,
    end: When = None,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Count which themes stand in the same texts, and whether more often than by chance.

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
        Estimates by ``theme`` and ``other``, each pair once: ``texts`` (count that have both),
        ``lift`` (texts with both over those expected if the themes had nothing to do with each
        other; 1 is chance), ``phi`` (correlation, −1 to 1) and ``p_adjusted``
        (Benjamini–Hochberg over all pairs, ``attrs["m"]`` tests). ``n`` is the texts in languages
        that both themes have terms in; pairs without such have no rows. Limits by resampling
        customers. Null with ``no_variation`` where none or all of the texts have a theme.

    Raises
    ------
    UserError
        As for `coded`.

    Notes
    -----
    The test of no correlation takes the sums over customers of the product of both deviations,
    so that customers who write often count once.

    Examples
    --------
    >>> from cjlab.voice._themes import Theme, Themes
    >>> two = Themes((Theme("pay", {}, {"en": {"card": 1.0}}),
    ...               Theme("wait", {}, {"en": {"slow": 1.0}})))
    >>> texts = ["slow card", "card", "slow", "fast"]
    >>> found = co_occurrence(pd.DataFrame({"text": texts, "language": "en"}), two)
    >>> found[["metric", "value", "n"]].head(3).values.tolist()
    [['texts', 1.0, 4], ['lift', 1.0, 4], ['phi', 0.0, 4]]
    """
    found = as_coded(data, themes, start, end)
    rows = []
    for first, second in combinations(range(len(found.ids)), 2):
        both = found.base[:, first] & found.base[:, second]
        if both.any():
            x, y = found.has[both, first].astype(float), found.has[both, second].astype(float)
            pair = {"theme": found.ids[first], "other": found.ids[second]}
            rows += [pair | row for row in _pair(x, y, found.who[both], draws, seed)]
    names = ["theme", "other"]
    table = pd.DataFrame(rows, columns=[*names, *COLUMNS])
    tested = (table["metric"] == "p_adjusted").to_numpy()
    p = table.loc[tested, "value"].astype(float).to_numpy()
    table.loc[tested, "value"] = adjust(p)
    result = estimates(table, names)
    result.attrs["m"] = int((~np.isnan(p)).sum())
    return result


def _pair(x: Floats, y: Floats, who: Any, draws: int, seed: int) -> list[dict[str, Any]]:
    """Four numbers for a pair of themes; p is not yet adjusted."""
    people, person = np.unique(who, return_inverse=True)
    columns = np.column_stack([np.ones(len(x)), x, y, x * y])
    sums = np.column_stack([np.bincount(person, part, minlength=len(people)) for part in columns.T])

    def both(weights: Floats) -> Floats:
        return _lift_and_phi(weights @ sums)

    value = both(np.ones((1, len(people))))[0]
    low, high = (
        bootstrap(both, len(people), draws=draws, seed=seed)
        if len(people) > 1
        else (value * np.nan,) * 2
    )
    known = not np.isnan(value).any()
    base: dict[str, Any]
    base = {"n": len(x), "customers": len(people), "hits": int((sums[:, 3] > 0).sum())}
    base |= {"of": "texts in both themes' languages"}
    together = {"metric": "texts", "value": float((x * y).sum()), "unit": "texts", **base}
    rows: list[dict[str, Any]] = [together]
    for at, metric in enumerate(("lift", "phi")):
        limits = {"low": low[at], "high": high[at]} if known else {}
        number = value[at] if known else np.nan
        rows.append({"metric": metric, "value": number, **limits, "unit": "ratio", **base})
    p = _p(x, y, person, len(people)) if known else np.nan
    rows.append({"metric": "p_adjusted", "value": p, "unit": "p", **base})
    note = None if known else "no_variation"
    return [row | {"note": note if row["metric"] != "texts" else None} for row in rows]


def _lift_and_phi(totals: Floats) -> Floats:
    n, x, y, xy = totals.T
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = n * xy / (x * y)
        spread = np.sqrt(x * (n - x) * y * (n - y))
        phi = np.where(spread > 0, (n * xy - x * y) / spread, np.nan)
    return np.column_stack([np.where(x * y > 0, lift, np.nan), phi])


def _p(x: Floats, y: Floats, person: Any, people: int) -> float:
    """Two-sided p of no covariance, robust to customers who write more than once."""
    product = (x - x.mean()) * (y - y.mean())
    own = np.bincount(person, product, minlength=people)
    spread = (own @ own) * people / (people - 1) if people > 1 else 0.0
    if spread <= 0:
        return float("nan")
    return float(2 * special.ndtr(-abs(own.sum()) / np.sqrt(spread)))
