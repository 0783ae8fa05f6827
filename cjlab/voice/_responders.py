"""Whether those who answered are like those who did not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, estimates
from cjlab.personas import features
from cjlab.study import Study
from cjlab.voice._answers import When, given

_Z = float(special.ndtri(0.975))


def responders(
    study: Study,
    start: When = None,
    end: When = None,
    *,
    kinds: str | Sequence[str] | None = None,
    select: str | Sequence[str] = ("rhythm", "channel_mix", "value"),
) -> pd.DataFrame:
    """Compare the customers who answered with all others, feature by feature.

    Parameters
    ----------
    study : Study
        With responses that name their customers.
    start, end : str, date or datetime, optional
        Half-open period of the answers; behaviour is measured up to its end.
    kinds : str or sequence of str, optional
        As in :func:`answers`.
    select : str or sequence of str, default ("rhythm", "channel_mix", "value")
        What to compare, see :func:`cjlab.personas.features`. What surveys themselves bring is
        left out, for it tells the two apart by definition.

    Returns
    -------
    DataFrame
        Estimates by ``feature``: ``difference``, the mean of those who answered less that of the
        others in pooled standard deviations, with its interval; text features have one row a
        value, ``feature=value``. Below .1 is commonly taken as alike. ``n`` and ``customers`` are
        both groups, ``hits`` those who answered. Null with ``no_spread`` where all are equal or
        a group has fewer than two.

    Raises
    ------
    UserError
        The study has no responses, or none names a customer with events.

    Notes
    -----
    Standardised mean difference with the interval of Hedges & Olkin (1985):
    variance (n1 + n2) / (n1 n2) + d² / (2 (n1 + n2)).

    Examples
    --------
    >>> from cjlab import open_study
    >>> responders(open_study("data/retail/study.yaml"))  # doctest: +SKIP
    """
    j = study.journeys(start=start, end=end, view="customer")
    answered = given(study, j, kinds).select("customer_id").distinct().execute()["customer_id"]
    found = features(study, end=end, select=select if isinstance(select, str) else list(select))
    inside = found.index.isin(answered.dropna())
    if not inside.any():
        raise UserError("no response names a customer of the events: who answered is not known.")
    numbers = found.select_dtypes("number")
    texts = found.drop(columns=numbers.columns)
    if texts.shape[1]:
        dummies = pd.get_dummies(texts, prefix_sep="=", dtype="float64")
        numbers = numbers.join(dummies)
    rows = [_difference(str(name), column, inside) for name, column in numbers.items()]
    return estimates(pd.DataFrame(rows, columns=["feature", *COLUMNS]), ["feature"])


def _difference(name: str, column: pd.Series, inside: np.ndarray) -> dict[str, object]:
    values = column.to_numpy("float64")
    groups = [side[~np.isnan(side)] for side in (values[inside], values[~inside])]
    n1, n2 = map(len, groups)
    row: dict[str, object] = {"feature": name, "metric": "difference", "unit": "sd"}
    row |= {"n": n1 + n2, "customers": n1 + n2, "hits": n1, "of": "customers with the feature"}
    spread = np.nan
    if min(n1, n2) >= 2:
        parts = (n1 - 1) * groups[0].var(ddof=1) + (n2 - 1) * groups[1].var(ddof=1)
        spread = np.sqrt(parts / (n1 + n2 - 2))
    if not spread > 1e-12:
        return {**row, "note": "no_spread"}
    d = float((groups[0].mean() - groups[1].mean()) / spread)
    half = _Z * np.sqrt((n1 + n2) / (n1 * n2) + d**2 / (2 * (n1 + n2)))
    return {**row, "value": d, "low": d - half, "high": d + half}
