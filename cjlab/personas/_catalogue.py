"""The catalogue of features: what each is called, what it means, and which are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from cjlab.errors import UserError, did_you_mean

#: What a study may write for all features of a group, and the group.
GROUPS = {
    "rhythm": "rhythm",
    "channel_mix": "channel",
    "journey": "journey",
    "value": "value",
    "survey": "survey",
    "support": "support",
    "declared": "declared",
}


@dataclass(frozen=True)
class Feature:
    """One thing known of a customer, and how to say it.

    Parameters
    ----------
    name : str
        Column name.
    label : str
        Human name.
    unit : str
        Unit of the value: ``d`` days, ``1`` a share, and so on.
    sentence : str
        What the value means, and when it is missing.
    group : {"rhythm", "channel", "journey", "value", "survey", "support", "declared"}
        What kind of behaviour it describes, or that it is declared.
    outcome : bool
        Whether it is what a journey metric measures too: off unless asked for, since personas
        made from outcomes would differ in outcomes by construction.
    touches : tuple of str
        The metrics that it is part of, by their names in ``cjlab.journey.METRICS``, and
        scores such as ``nps``; not empty exactly for outcomes.
    kind : {"number", "category"}
        Whether values are numbers, or text that names a group.
    """

    name: str
    label: str
    unit: str
    sentence: str
    group: str = "rhythm"
    outcome: bool = False
    touches: tuple[str, ...] = ()
    kind: str = "number"

    def __post_init__(self) -> None:
        # A stored model's come from JSON, which has lists only.
        object.__setattr__(self, "touches", tuple(self.touches))

    def of(self, name: str, label: str) -> Feature:
        """Fill in what a feature that there are several of is about."""
        said = {field: getattr(self, field) for field in ("name", "label", "sentence")}
        return replace(self, **{k: text.format(name=name, label=label) for k, text in said.items()})


def _read() -> dict[str, Feature]:
    rows = pd.read_csv(Path(__file__).with_name("features.csv"), keep_default_na=False)
    rows["touches"] = rows["touches"].str.split().map(tuple)
    known = (Feature(*row) for row in rows.itertuples(index=False, name=None))
    return {feature.name: feature for feature in known}


CATALOGUE = _read()


def chosen(known: Sequence[Feature], select: Sequence[str]) -> list[Feature]:
    """Return the features that a selection means; see `cjlab.personas.features`."""
    if not select:
        raise UserError("personas.features is empty; write auto or at least one name.")
    meant = {"auto": [f for f in known if not f.outcome and f.group != "declared"]}
    for name, of in GROUPS.items():
        meant[name] = [feature for feature in known if feature.group == of]
    by_name = {feature.name: [feature] for feature in known}
    wanted: dict[Feature, None] = {}
    for name in select:
        found = meant.get(name, by_name.get(name, []))
        if not found and (name in meant or name in CATALOGUE) and name != "auto":
            raise UserError(f'personas.features: the study has no data for "{name}"; leave it out.')
        if not found and name != "auto":
            near = did_you_mean(name, [*by_name, *meant])
            raise UserError(f'personas.features: no feature "{name}".{near}')
        wanted |= dict.fromkeys(found)
    return list(wanted)
