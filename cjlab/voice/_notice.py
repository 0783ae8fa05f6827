"""The trademark notice that goes with every net promoter score."""

from __future__ import annotations

import pandas as pd

from cjlab import messages

KEY = "card.trademark"


def notice(table: pd.DataFrame, language: str = "en") -> str:
    """Return the trademark notice that a table must be shown with.

    Parameters
    ----------
    table : DataFrame
        Any table of estimates.
    language : str, default "en"
        Language of the notice.

    Returns
    -------
    str
        Plain text where the table holds the metric ``nps`` or a function marked it
        (``attrs["notice"]``); empty for others.

    Examples
    --------
    >>> notice(pd.DataFrame({"metric": ["nps"]}))[:34]
    'Net Promoter Score and NPS are reg'
    >>> notice(pd.DataFrame({"metric": ["csat"]}))
    ''
    """
    holds = "metric" in table.columns and bool((table["metric"] == "nps").any())
    shown = holds or table.attrs.get("notice") == KEY
    return messages.text(KEY, language) if shown else ""
