"""How often the sentiment is right on text it was not fitted on, as a table to print."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import estimates
from cjlab.voice._tokens import LANGUAGES

_FILE: Final = Path(__file__).with_name("coefficients") / "accuracy.csv"
_DIMS: Final = ["model", "language", "corpus", "answers"]


def accuracy(language: str | None = None) -> pd.DataFrame:
    """Return how often `sentiment` is right on held-out labelled text.

    Parameters
    ----------
    language : str, optional
        ``en``, ``sv``, ``nb``, ``da`` or ``fi``; all five without it.

    Returns
    -------
    pandas.DataFrame
        Estimates of ``balanced_accuracy`` (the mean of the share found right among positive
        texts and among negative ones; .5 is guessing) with a bootstrap interval, and of
        ``coverage`` (the share of texts that got an answer), by ``model`` (``embedding``,
        ``light``), ``language``, ``corpus`` (``nhs``: patients' comments; ``xed``: subtitle
        lines; ``reviews``: short reviews written for cjlab) and ``answers`` (``forced``,
        ``abstaining``). ``n`` counts texts. These are figures of the model, not of customers:
        show them with ``kind="quality"``.

    Raises
    ------
    UserError
        Another language.

    Notes
    -----
    Measured by ``tests/fitting/fit_sentiment.py`` and shipped; SENTIMENT.md explains.

    Examples
    --------
    >>> sorted(accuracy("sv")["metric"].unique())
    ['balanced_accuracy', 'coverage']
    """
    if language is not None and language not in LANGUAGES:
        raise UserError(f'accuracy: no language "{language}".{did_you_mean(language, LANGUAGES)}')
    rows = pd.read_csv(_FILE, keep_default_na=False)
    if language is not None:
        rows = rows[rows["language"] == language]
    right = rows.assign(
        metric="balanced_accuracy", value=rows["balanced_accuracy"], n=rows["answered"]
    )
    covered = rows.assign(
        metric="coverage", value=rows["coverage"], low=None, high=None, hits=rows["answered"]
    )
    both = pd.concat([right, covered]).sort_index(kind="stable").assign(unit="1", of="texts")
    kept = [*_DIMS, "metric", "value", "low", "high", "n", "hits", "unit", "of"]
    return estimates(both[kept].reset_index(drop=True), _DIMS)
