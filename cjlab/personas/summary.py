"""Personas as tables: how many, what they differ in, and how k was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.personas.assign import folder_of
from cjlab.personas.stored import facts_of, features_of, ids_of
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
    base = pd.DataFrame({"persona": counts["persona"].astype("str")})
    number = base.assign(
        metric="customers", value=count.astype(float), n=count, customers=count, unit="customers"
    )
    rate = base.assign(
        metric="share",
        **share._asdict(),
        n=total,
        customers=total,
        hits=count,
        unit="1",
        of="customers",
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
    units = {feature.name: feature.unit for feature in features_of(folder)}
    found["persona"] = found["persona"].map(dict(enumerate(ids_of(folder)))).astype("str")
    return described(found, units)


def described(found: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    """Turn `contrasts.profile`, its codes replaced by ids, into estimates; see `profile`."""
    parts = []
    for metric, low, high in (("mean", "mean_low", "mean_high"), ("difference", "low", "high")):
        rows = found.reindex(columns=["persona", "feature", metric, low, high, "n"])
        rows.columns = pd.Index(["persona", "feature", "value", "low", "high", "n"])
        rows["unit"] = rows["feature"].map(units) if metric == "mean" else "sd"
        shares = rows["unit"] == "1"
        rows.loc[shares, ["low", "high"]] = rows.loc[shares, ["low", "high"]].clip(0, 1)
        if metric == "difference" and found["persona"].nunique() < 2:
            # One persona differs from everybody by nothing, which is no finding.
            rows[["value", "low", "high"]] = float("nan")
            rows["note"] = "one_persona"
        parts.append(rows.assign(metric=metric, customers=rows["n"], of="customers_with_value"))
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


def steadiness(study: Any) -> pd.DataFrame:
    """Show how far the personas hold still (for ``show(..., kind="quality")``).

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    DataFrame
        ``measure, persona, value, n, label``: ``p_value`` of the test for groups and what it
        ``sees`` (the distance of two equal groups, in their own standard deviations, that it
        finds four times in five; where that was simulated), the bootstrap Jaccard of each
        persona, ``prediction_strength``, and the agreement (adjusted Rand index) between halves
        and with other algorithms; see `cjlab.personas.stability.measures`.
    """
    folder = folder_of(study)
    facts, columns = facts_of(folder), ["measure", "persona", "value", "n", "label"]
    known = [(key, facts.get(key)) for key in ("p_value", "sees")]
    rows = [(key, None, value, facts["tested"], None) for key, value in known if value is not None]
    found = pd.read_parquet(folder / "stability.parquet")
    if "measure" in found:
        named = found["persona"].map(dict(enumerate(ids_of(folder)))).astype(object)
        rows += found.assign(persona=named)[columns].itertuples(index=False, name=None)
    return pd.DataFrame(rows, columns=columns).astype({"measure": "str", "persona": "str"})


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
    columns = ["feature", "label", "unit", "sentence", "outcome"]
    listed = pd.DataFrame(facts_of(folder)["features"]).rename(columns={"name": "feature"})
    notes = pd.DataFrame(facts_of(folder)["notes"], columns=["feature", "reason", "of"])
    notes = notes.rename(columns={"reason": "left_out"}).drop_duplicates("feature", keep="last")
    notes["of"] = notes["of"].where(notes["of"] != "")
    frame = listed[columns].merge(notes, on="feature", how="left")
    return frame.astype(dict.fromkeys(frame.columns.drop("outcome"), "str"))


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
    return {feature.name: feature.label for feature in features_of(folder_of(study))}


def verdict(study: Any) -> dict[str, Any]:
    """Return the verdict, what the test for groups rests on, and each persona's Jaccard.

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    dict
        ``verdict`` (see `PersonaModel`), ``customers``, ``p_value`` of the test for groups and
        how many customers were ``tested`` (None where there were too few), and ``jaccard`` by
        persona (0–1).
    """
    facts = facts_of(folder_of(study))
    jaccard = dict(zip(facts["ids"], facts["jaccard"], strict=True))
    found = {key: facts.get(key) for key in ("verdict", "customers", "p_value", "tested")}
    return found | {"jaccard": jaccard}


def matched(study: Any) -> pd.DataFrame:
    """Show which personas of the last refit are which of the model before it.

    Parameters
    ----------
    study : Study
        With a frozen assignment.

    Returns
    -------
    DataFrame
        Estimates: ``before, after`` · ``customers`` (whom the old and the new model both place
        there, on the same behaviour) and ``jaccard`` (their share of the customers whom either
        does). From .5 the id and the name are carried over, so that ``before`` equals
        ``after``. A persona that vanished or is new has null for its partner and its numbers.
        No rows where the personas were never refitted.
    """
    path = folder_of(study) / "matched.parquet"
    if not path.exists():
        return estimates(pd.DataFrame(columns=["before", "after", "metric"]), ["before", "after"])
    found = pd.read_parquet(path)
    base = found[["a", "b"]].set_axis(["before", "after"], axis=1)
    base["note"] = pd.Series("unmatched", found.index).where(found["overlap"].isna())
    both = found["overlap"]
    either = (both.astype("Float64") / found["jaccard"]).round().astype("Int64")
    number = base.assign(metric="customers", value=both, n=both, customers=both, unit="customers")
    share = base.assign(
        metric="jaccard",
        value=found["jaccard"],
        n=either,
        customers=either,
        hits=both,
        unit="1",
        of="customers",
    )
    return estimates(pd.concat([number, share], ignore_index=True), ["before", "after"])


def _by_number(personas: pd.Series) -> np.ndarray:
    """P2 before P10, customers without a persona last."""
    number = pd.to_numeric(personas.str.removeprefix("P"), errors="coerce")
    return np.argsort(number.fillna(np.inf).to_numpy(), kind="stable")
