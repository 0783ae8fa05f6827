"""Kano answers of a study in pairs: how somebody feels with a feature beside without it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cjlab.errors import UserError
from cjlab.voice._persons import whose

#: What both answers of a pair have in common, beside the person and the feature.
SAME = ("relation", "wave")
# What may stand between the beginning of a question and its feature, or after it.
_BETWEEN = " \t\u00a0_-–—:;,./|?\"'“”()[]{}"


def paired(frame: pd.DataFrame, functional: str, dysfunctional: str) -> pd.DataFrame:
    """Put the answers of each respondent and feature side by side.

    Parameters
    ----------
    frame : DataFrame
        One row an answer: ``question``, ``said``, ``respondent``, ``customer_id``, ``ts`` and
        what it is broken down by.
    functional, dysfunctional : str
        How the two questions about a feature begin.

    Returns
    -------
    DataFrame
        One row a pair, with the columns `functional` and `dysfunctional` and, where the questions
        name one, ``feature``. An answer without the other is a pair with a null; answers to other
        questions are counted in ``attrs["other_questions"]``.

    Raises
    ------
    UserError
        One of the two is not there.
    """
    side, feature = _read(frame["question"], functional, dysfunctional)
    rows = frame.assign(_side=side, feature=feature)[side.notna()]
    for name, is_side in ((functional, True), (dysfunctional, False)):
        if len(frame) and not (side == is_side).any():
            names = ", ".join(sorted(frame["question"].dropna().unique())[:5]) or "not said"
            raise UserError(
                f'kano: no question begins with "{name}" (questions: {names}). Say how they begin, '
                "functional=… and dysfunctional=…, or call them so: question: under answers."
            )
    rows = rows.sort_values(["ts", "said"], kind="stable", ignore_index=True)
    # One filled-in survey; else whatever the customer said next of the feature in the same wave.
    person = rows["respondent"].where(rows["respondent"].notna(), rows["customer_id"])
    rows["_person"] = whose(pd.DataFrame({"customer_id": person}))
    rows["customer_id"] = rows["customer_id"].where(rows["customer_id"].notna(), person)
    key = ["_person", "feature", *SAME]
    rows["_turn"] = rows.groupby([*key, "_side"], dropna=False).cumcount()
    groups = rows.groupby([*key, "_turn"], sort=False, dropna=False)
    pairs = groups.first().reset_index().drop(columns=["_side", "said"])
    place = groups.ngroup().to_numpy()
    for name, is_side in ((functional, True), (dysfunctional, False)):
        own = (rows["_side"] == is_side).to_numpy()
        values = np.full(len(pairs), None, dtype=object)
        values[place[own]] = rows.loc[own, "said"]
        pairs[name] = values
    if not (pairs["feature"] != "").any():
        pairs = pairs.drop(columns="feature")
    pairs.attrs["other_questions"] = int(side.isna().sum())
    return pairs


def _read(questions: pd.Series, functional: str, dysfunctional: str) -> tuple[pd.Series, pd.Series]:
    """Tell the two sides apart, and what follows their beginning: the feature."""
    text = questions.astype(object).fillna("").astype("str").str.strip()
    side = pd.Series(None, text.index, dtype=object)
    feature = pd.Series("", text.index, dtype="str")
    # The longer beginning first: "with" is one of "without" too.
    for name in sorted((functional, dysfunctional), key=len, reverse=True):
        rest = text.str[len(name) :]
        own = (text.str.lower().str[: len(name)] == name.lower()) & side.isna()
        own &= ~rest.str[:1].str.isalpha()
        side[own], feature[own] = name == functional, rest[own].str.strip(_BETWEEN)
    return side, feature
