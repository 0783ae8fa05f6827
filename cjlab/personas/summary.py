"""Personas as tables: how many, what they differ in, and how k was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.personas.assign import _facts, _features, folder_of, persona_id
from cjlab.stats import proportion


def sizes(j: Any) -> pd.DataFrame:
    """Count the customers of each persona.

    Parameters
    ----------
    j : Journeys
        Joined with a frozen assignment. Customers with an observed event count.

    Returns
    -------
    DataFrame
        Estimates: ``persona`` · ``customers`` (count) and ``share`` (of all customers with an
        event; Wilson 95 %). Persona null: customers whom the assignment does not know.

    Raises
    ------
    UserError
        When personas are not assigned yet.
    """
    if "persona" not in j.units.columns:
        raise UserError("personas are not assigned yet; run cj.personas.assign(study) first.")
    units = j.units.semi_join(j.events, "unit")
    counts = units.group_by("persona").agg(customers=units.count()).execute()
    counts = counts.iloc[_by_number(counts["persona"])]
    count = counts["customers"].to_numpy()
    total = int(count.sum())
    share = proportion(count, np.full(len(count), total))
    base = {"persona": counts["persona"].astype("str").to_numpy(), "n": total}
    number = pd.DataFrame(
        base
        | {"metric": "customers", "value": count.astype(float), "unit": "customers"}
        | {"n": count, "customers": count}
    )
    rate = pd.DataFrame(
        base
        | {"metric": "share", "value": share.value, "low": share.low, "high": share.high}
        | {"customers": total, "hits": count, "unit": "1", "of": "customers"}
    )
    return estimates(pd.concat([number, rate], ignore_index=True), ["persona"])


def profile(study: Any) -> pd.DataFrame:
    """Show what each persona differs in, as it was when the model was fitted.

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    DataFrame
        Estimates: ``persona, feature`` · ``mean`` (in the feature's unit, of those whose value
        is known) and ``difference`` (persona's mean minus everybody's, in standard deviations
        of the straightened feature), each with a 95% interval. The personas were made from
        these features: the intervals say how precisely they are described, no more.
    """
    folder = folder_of(study)
    found = pd.read_parquet(folder / "profile.parquet")
    units = {feature.name: feature.unit for feature in _features(folder)}
    parts = []
    for metric, low, high in (("mean", "mean_low", "mean_high"), ("difference", "low", "high")):
        rows = pd.DataFrame(
            {
                "persona": [persona_id(code) for code in found.get("persona", [])],
                "feature": found.get("feature", pd.Series(dtype="str")),
                "metric": metric,
                "value": found.get(metric, pd.Series(dtype="float64")),
                "low": found.get(low, pd.Series(dtype="float64")),
                "high": found.get(high, pd.Series(dtype="float64")),
                "n": found.get("n", pd.Series(dtype="int64")),
                "customers": found.get("n", pd.Series(dtype="int64")),
            }
        )
        rows["unit"] = rows["feature"].map(units) if metric == "mean" else "sd"
        rows["of"] = "customers_with_value"
        shares = rows["unit"] == "1"
        rows.loc[shares, ["low", "high"]] = rows.loc[shares, ["low", "high"]].clip(0, 1)
        parts.append(rows)
    return estimates(pd.concat(parts, ignore_index=True), ["persona", "feature"])


def curve(study: Any) -> pd.DataFrame:
    """Show every number of personas that was tried (for ``show(..., kind="quality")``).

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    DataFrame
        ``PersonaModel.curve_``; no rows where there were too few customers to try.
    """
    return pd.read_parquet(folder_of(study) / "curve.parquet")


def features_used(study: Any) -> pd.DataFrame:
    """List the features: label, unit, sentence, and why one was left out of the distances.

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    DataFrame
        ``feature, label, unit, sentence, outcome, left_out, of``; ``left_out`` is a note's
        reason (see `Prepare`) or null.
    """
    folder = folder_of(study)
    notes = {note["feature"]: note for note in _facts(folder)["notes"]}
    rows = [
        (*(f.name, f.label, f.unit, f.sentence, f.outcome), *_left_out(notes.get(f.name)))
        for f in _features(folder)
    ]
    columns = ["feature", "label", "unit", "sentence", "outcome", "left_out", "of"]
    texts = {name: "str" for name in columns if name != "outcome"}
    return pd.DataFrame(rows, columns=columns).astype(texts | {"outcome": "bool"})


def feature_labels(study: Any) -> dict[str, str]:
    """Return the human name of each feature.

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    dict of str to str
        ``{"share_app": "share of events in app"}``.
    """
    return {feature.name: feature.label for feature in _features(folder_of(study))}


def verdict(study: Any) -> dict[str, Any]:
    """Return the verdict key, how many customers it rests on, and each persona's Jaccard.

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    dict
        ``verdict`` (see `PersonaModel`), ``customers`` and ``jaccard`` by persona (0–1).
    """
    facts = _facts(folder_of(study))
    jaccard = {persona_id(code): value for code, value in enumerate(facts["jaccard"])}
    return {"verdict": facts["verdict"], "customers": facts["customers"], "jaccard": jaccard}


def _left_out(note: dict[str, str] | None) -> tuple[str | None, str | None]:
    return (None, None) if note is None else (note["reason"], note["of"] or None)


def _by_number(personas: pd.Series) -> np.ndarray:
    """P2 before P10, customers without a persona last."""
    number = pd.to_numeric(personas.str.removeprefix("P"), errors="coerce")
    return np.argsort(number.fillna(np.inf).to_numpy(), kind="stable")
