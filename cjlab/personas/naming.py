"""Names made by rule from what a persona differs in most; a study may write its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cjlab.messages import has, text
from cjlab.personas._features import Feature

LEAST = 0.3  # standard deviations below which a difference is not worth a name
LEVEL = ": "  # parts an attribute and its level in the name of a feature
PARTS = 2  # differences that a name tells
STEADY = 0.75  # as in `stability`, whose scikit-learn takes seconds to import


def make(
    profile: pd.DataFrame,
    features: Sequence[Feature],
    language: str = "en",
    jaccard: Sequence[float | None] = (),
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
    jaccard : sequence of float or None, optional
        Mean bootstrap Jaccard of each persona, by code. A name is called provisional where it
        is below .75.

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
    shaky = {code for code, value in enumerate(jaccard) if is_provisional(value)}
    return {
        code: text("persona.provisional", language, name=name) if code in shaky else name
        for code, name in names.items()
    }


def is_provisional(jaccard: float | None) -> bool:
    """Tell whether a persona is found again too seldom for its name to be relied on.

    Examples
    --------
    >>> is_provisional(0.6), is_provisional(0.9), is_provisional(None)
    (True, False, False)
    """
    return jaccard is not None and jaccard < STEADY


def named(name: str, known: Mapping[str, Feature]) -> Feature:
    """Return what is known of a feature; one that is not known, such as a level, is its name.

    Examples
    --------
    >>> named("country: SE", {}).unit
    '1'
    """
    unit = "1" if LEVEL in name else ""
    return known.get(name) or Feature(name, name.replace("_", " "), unit, "")


def label(feature: Feature, language: str = "en") -> str:
    """Return a feature's human name as it stands inside a sentence.

    Examples
    --------
    >>> label(Feature("frequency", "Active days a month", "d/30 d", ""), "sv")
    'aktiva dagar per månad'
    """
    kind, part = _kind(feature)
    if has(f"persona.label.{kind}", language):
        values = {"label": part} if kind != feature.name else {}
        return text(f"persona.label.{kind}", language, **values)
    return feature.label[:1].lower() + feature.label[1:]


def _kind(feature: Feature) -> tuple[str, str]:
    """The key that a feature's phrases go by, and the study's own word in them."""
    if has(f"persona.high.{feature.name}"):
        return feature.name, feature.label.lower()
    if feature.group == "channel":
        return "channel", feature.label.removeprefix("Share of ")
    if feature.name.startswith("days_in_"):
        return "days_in", feature.label.removeprefix("Days in ")
    value = feature.label.partition(LEVEL)[2]
    if value in ("other", "missing"):  # say of what
        value = feature.label
    return ("value", value) if value else (feature.name, feature.label.lower())


def _phrases(rows: pd.DataFrame, known: Mapping[str, Feature], language: str) -> list[str]:
    """What to say of a persona, the largest difference first.

    One channel says enough at first: further ones come later, low shares of one last.
    """
    rows = rows[rows["difference"].abs() >= LEAST]
    features = {name: named(name, known) for name in rows["feature"]}
    shares = [name for name, one in features.items() if _kind(one)[0] in ("channel", "value")]
    rows = rows.assign(
        low_share=rows["feature"].isin(shares) & (rows["difference"] < 0),
        size=-rows["difference"].abs().round(9),
    ).sort_values(["low_share", "size", "feature"])
    channel = np.array([features[name].group == "channel" for name in rows["feature"]], dtype=bool)
    rows = rows.assign(more=channel & (channel.cumsum() > 1))
    rows = rows.sort_values(["low_share", "more"], kind="stable")
    said = [
        _phrase(features[name], high, language)
        for name, high in zip(rows["feature"], rows["difference"] > 0, strict=True)
    ]
    return said or [text("persona.average", language)]


def _phrase(feature: Feature, high: bool, language: str) -> str:
    kind, part = _kind(feature)
    side = "high" if high else "low"
    if kind == feature.name and has(f"persona.{side}.{kind}", language):
        return text(f"persona.{side}.{kind}", language)
    kind = "feature" if kind == feature.name else kind
    return text(f"persona.{side}.{kind}", language, label=part)


def _unique(said: list[str], taken: set[str]) -> str:
    for parts in range(min(PARTS, len(said)), len(said) + 1):
        name = ", ".join(said[:parts])
        if name not in taken:
            return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
