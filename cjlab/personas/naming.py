"""Names made by rule from what a persona differs in most; a study may write its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cjlab.personas._features import Feature

LEAST = 0.3  # standard deviations below which a difference is not worth a name
PARTS = 2  # differences that a name tells

# language -> feature -> (high, low); {label} is the channel. Other languages only add here.
PHRASES: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "all": ("all customers", "all customers"),
        "average": ("close to average", "close to average"),
        "recency_days": ("not seen lately", "seen lately"),
        "tenure_days": ("long known", "newly known"),
        "frequency": ("frequent", "infrequent"),
        "median_gap_days": ("long pauses", "short pauses"),
        "regularity": ("regular", "irregular"),
        "evening_share": ("in the evening", "by day"),
        "weekend_share": ("on weekends", "on weekdays"),
        "events_per_session": ("long visits", "short visits"),
        "orders": ("orders often", "orders seldom"),
        "monetary": ("large orders", "small orders"),
        "channel": ("mostly {label}", "rarely {label}"),
        "feature": ("high {label}", "low {label}"),
        "missing": ("{label} unknown", "{label} known"),
    }
}


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
        English where a language has no phrases yet.

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
    phrases = PHRASES.get(language, PHRASES["en"])
    known = {feature.name: feature for feature in features}
    codes = sorted(profile["persona"].unique().tolist())
    if len(codes) == 1:
        return {codes[0]: phrases["all"][0]}
    told = {code: _phrases(profile[profile["persona"] == code], known, phrases) for code in codes}
    names: dict[int, str] = {}
    for code in codes:
        names[code] = _unique(told[code], set(names.values()))
    return names


def _phrases(
    rows: pd.DataFrame, known: Mapping[str, Feature], phrases: Mapping[str, tuple[str, str]]
) -> list[str]:
    """What to say of a persona, the largest difference first."""
    rows = rows[rows["difference"].abs() >= LEAST].copy()
    rows["low_share"] = [
        known[name].group == "channel" if name in known else False for name in rows["feature"]
    ]
    rows["low_share"] &= rows["difference"] < 0
    rows["size"] = -rows["difference"].abs().round(9)
    rows = rows.sort_values(["low_share", "size", "feature"])
    said = [
        _phrase(name, known.get(name), difference > 0, phrases)
        for name, difference in zip(rows["feature"], rows["difference"], strict=True)
    ]
    return said or [phrases["average"][0]]


def _phrase(
    name: str, feature: Feature | None, high: bool, phrases: Mapping[str, tuple[str, str]]
) -> str:
    label = name.replace("_", " ") if feature is None else feature.label
    key = name
    if feature is not None and feature.group == "channel":
        key, label = "channel", label.removeprefix("Share of ")
    elif name not in phrases:
        key, label = "feature", label.lower()
    return phrases[key][0 if high else 1].format(label=label)


def _unique(said: list[str], taken: set[str]) -> str:
    for parts in range(min(PARTS, len(said)), len(said) + 1):
        name = ", ".join(said[:parts])
        if name not in taken:
            return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
