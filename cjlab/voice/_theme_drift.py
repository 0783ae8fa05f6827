"""Do frozen themes still fit what customers write?"""

from __future__ import annotations

import pandas as pd

from cjlab.estimates import COLUMNS, estimates
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._coded import Coded, coded
from cjlab.voice._theme_shares import shares
from cjlab.voice._themes import OTHER, Themes


def theme_drift(
    data: Study | pd.DataFrame | Coded, themes: Themes, *, start: When = None, end: When = None
) -> pd.DataFrame:
    """How many more texts than when the themes were found fit none of them, by language.

    Parameters
    ----------
    data : Study, DataFrame or Coded
        Texts; see `coded`. What is coded already must be coded by `themes`.
    themes : Themes
        Found by `themes`, which notes what share of the texts fitted none.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone.

    Returns
    -------
    DataFrame
        Estimates by ``language``: ``other_share`` (0–1, as in `theme_shares`) and
        ``other_change``, that share less the one at the fit, whose own error is not counted. A
        change above 0 with its whole interval says that something new is written about: find the
        themes anew and compare. Null with ``no_fit`` where the themes were not found in the
        language.

    Raises
    ------
    UserError
        As for `coded`.

    Examples
    --------
    >>> from cjlab.voice._themes import Theme
    >>> pay = Themes((Theme("pay", {}, {"en": {"card": 1.0}}),), fitted={"en": {"other": 0.25}})
    >>> frame = pd.DataFrame({"text": ["The card failed", "Too slow"], "language": "en"})
    >>> theme_drift(frame, pay)[["language", "metric", "value"]].values.tolist()
    [['en', 'other_share', 0.5], ['en', 'other_change', 0.25]]
    """
    found = data if isinstance(data, Coded) else coded(data, themes, start=start, end=end)
    table = shares(found, pd.DataFrame({"language": found.languages}), rows=found.base.any(axis=1))
    now = table[table["theme"] == OTHER].drop(columns=["theme", "order"])
    now = now.assign(metric="other_share", of="texts in languages with themes")
    fitted = {language: own.get("other") for language, own in themes.fitted.items()}
    then = now["language"].map(fitted).astype("float64")
    change = now.assign(metric="other_change")
    for name in ("value", "low", "high"):
        change[name] = now[name] - then
    change["note"] = now["note"].where(then.notna(), "no_fit")
    both = pd.concat([now, change]).sort_values("language", kind="stable")
    return estimates(both.reindex(columns=["language", *COLUMNS]), ["language"])
