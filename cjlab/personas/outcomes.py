"""Outcomes among the features: what must not be tested between personas made from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from cjlab.estimates import dims, estimates
from cjlab.personas._catalogue import Feature
from cjlab.personas.assign import folder_of
from cjlab.personas.stored import features_of

_TESTS = ("p", "p_adjusted")


def touched(made_from: Any) -> set[str]:
    """Return the metrics in which personas differ by construction.

    Parameters
    ----------
    made_from : Study or iterable of Feature
        A study with a frozen assignment, or the features of a model, such as
        ``features(study).attrs["features"]``.

    Returns
    -------
    set of str
        Names in ``cjlab.journey.METRICS`` and scores such as ``nps``: what one of the
        features is part of. Empty where no feature is an outcome.

    Raises
    ------
    UserError
        When the study's personas are not assigned yet.

    Examples
    --------
    >>> from cjlab.personas import Feature
    >>> sorted(touched([Feature("orders", "Orders", "1", "", "value", True, ("rfm", "clv"))]))
    ['clv', 'rfm']
    """
    known: Iterable[Feature] = (
        features_of(folder_of(made_from)) if hasattr(made_from, "assignment") else made_from
    )
    return {metric for feature in known for metric in feature.touches}


def untested(table: pd.DataFrame) -> pd.DataFrame:
    """Take the p-values out of a metric broken down by personas that were made from it.

    Parameters
    ----------
    table : DataFrame
        Estimates of a metric that is among the `touched`.

    Returns
    -------
    DataFrame
        The same estimates; p-values are null, with the note ``made_from_it``. Differences
        and their limits stay: they describe.

    Examples
    --------
    >>> rows = pd.DataFrame({"persona": ["P1"], "metric": ["p"], "value": [0.01], "n": [40]})
    >>> untested(estimates(rows, ["persona"]))["note"].tolist()
    ['made_from_it']
    """
    tests = table["metric"].isin(_TESTS)
    blank = {"value": None, "low": None, "high": None, "status": None, "note": "made_from_it"}
    rows = table.astype(dict.fromkeys(blank, "object"))
    rows.loc[tests, list(blank)] = list(blank.values())
    found = estimates(rows, dims(table))
    found.attrs |= table.attrs
    return found
