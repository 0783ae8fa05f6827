"""Names made by rule from what a persona differs in most; a study may write its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cjlab.messages import has, text
from cjlab.personas._features import Feature

LEAST = 0.3  # standard deviations below which a difference is not worth a name
PARTS = 2  # differences that a name tells


def make(
    profile: pd.DataFrame, features: Sequence[Feature], language: str = "en"
) -> dict[int, str]:
    """Name every persona after its largest differences.

    Parameters
    ----------
    profile : DataFrame
        ``PersonaModel.profile_``.
    features : sequence of Feature
        What is known of the features.
    language : str, default "en"
        English where a language has no phrase yet.

    Returns
    -------
    dict of int to str
        Persona code to name. Names are unique: where two largest differences do not tell two
        personas apart the next one is added, and a number as the last resort. Low shares of a
        channel are told only where nothing else is.

    Examples
    --------
    >>> rows = pd.DataFrame({"persona": [0, 0, 1, 1], "feature": ["frequency", "share_app"] * 2,
    ...                      "difference": [0.9, 1.2, -0.9, -0.4]})
    >>> make(rows, [Feature("share_app", "Share of app", "1", "", "channel")])
    {0: 'mostly app, frequent', 1: 'infrequent, rarely app'}
    """
    known = {feature.name: feature for feature in features}
    codes = sorted(profile["persona"].unique().tolist())
    if len(codes) == 1:
        return {codes[0]: text("persona.all", language)}
    names: dict[int, str] = {}
    for code in codes:
        told = _phrases(profile[profile["persona"] == code], known, language)
        names[code] = _unique(told, set(names.values()))
    return names


def _phrases(rows: pd.DataFrame, known: Mapping[str, Feature], language: str) -> list[str]:
    """What to say of a persona, the largest difference first, low shares of a channel last."""
    rows = rows[rows["difference"].abs() >= LEAST]
    channels = [name for name, feature in known.items() if feature.group == "channel"]
    rows = rows.assign(
        low_share=rows["feature"].isin(channels) & (rows["difference"] < 0),
        size=-rows["difference"].abs().round(9),
    ).sort_values(["low_share", "size", "feature"])
    said = [
        _phrase(name, known.get(name), "high" if difference > 0 else "low", language)
        for name, difference in zip(rows["feature"], rows["difference"], strict=True)
    ]
    return said or [text("persona.average", language)]


def _phrase(name: str, feature: Feature | None, side: str, language: str) -> str:
    label = name.replace("_", " ") if feature is None else feature.label
    if feature is not None and feature.group == "channel":
        channel = label.removeprefix("Share of ")
        return text(f"persona.{side}.channel", language, label=channel)
    if has(f"persona.{side}.{name}", language):
        return text(f"persona.{side}.{name}", language)
    return text(f"persona.{side}.feature", language, label=label.lower())


def _unique(said: list[str], taken: set[str]) -> str:
    for parts in range(min(PARTS, len(said)), len(said) + 1):
        name = ", ".join(said[:parts])
        if name not in taken:
            return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
