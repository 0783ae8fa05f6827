"""Declared attributes: what a study says of its customers, beside what they do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cjlab.errors import UserError
from cjlab.journey._segments import HIDDEN
from cjlab.personas import _journey
from cjlab.personas._catalogue import CATALOGUE, GROUPS, Feature
from cjlab.personas._span import Span

NO_BEHAVIOUR = {*HIDDEN, "consent", "persona"}
ID = re.compile(r"(^|[_\s-])id$", re.IGNORECASE)
NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?"  # with a zero in front it is a code, not a number
FEW = 20  # different texts that are no free text, whatever the number of customers
DECLARED = CATALOGUE["{name}"]


def offered(j: Any, select: Sequence[str]) -> list[Feature]:
    """Return the attributes of a study, as texts; whether one is a number the values tell.

    One that is called like a feature or a group goes by ``declared_`` and its name. Ids and
    consent are none, and refused where they are selected by name.
    """
    names = _columns(j)
    own = {name for name in names if name.lower() in NO_BEHAVIOUR or ID.search(name)}
    if said := sorted(own & set(select)):
        raise UserError(
            f'personas.features: "{said[0]}" says who a customer is or what one agreed to, '
            "which is no ground for a persona; leave it out."
        )
    taken = {"auto", *GROUPS, *CATALOGUE, *(feature.name for feature in _journey.offered(j))}
    called = {name: f"declared_{name}" if name in taken else name for name in names}
    return [DECLARED.of(called[n], n.replace("_", " ").capitalize()) for n in names if n not in own]


def _columns(j: Any) -> Sequence[str]:
    customers = j.table("customers")
    return () if customers is None else customers.columns


def measured(
    span: Span, wanted: Sequence[Feature], select: Sequence[str], *, stored: bool
) -> dict[Feature, Any]:
    """Read the wanted attributes of each customer.

    Free text is refused where it was asked for by name, and left out of ``declared``. The
    attributes of a `stored` model keep their kind.
    """
    names = _columns(span.j)
    columns = {f: f.name if f.name in names else f.name.removeprefix("declared_") for f in wanted}
    columns = {feature: name for feature, name in columns.items() if name in names}
    if not columns:
        return {}
    rows = span.named(span.j.con.table("customers").select("customer_id", *columns.values()))
    rows = rows.execute().set_index("unit").reindex(span.codes)
    found: dict[Feature, Any] = {}
    for feature, name in columns.items():
        values = _plain(rows[name])
        kind = feature.kind if stored else _kind(values)
        if kind is None and feature.name in select:
            raise UserError(
                f'personas.features: "{name}" has nearly as many values as customers, as free '
                "text or an id has; leave it out, or group its values."
            )
        if kind == "number":
            numbers = pd.to_numeric(values, errors="coerce").to_numpy("float64")
            feature = feature if stored else replace(feature, unit="number", kind="number")
            found[feature] = np.where(np.isfinite(numbers), numbers, np.nan)
        elif kind == "category":
            found[feature] = values.to_numpy()
    return found


def _plain(values: pd.Series) -> pd.Series:
    """Numbers as they are, all else as text."""
    types = pd.api.types
    if types.is_numeric_dtype(values) and not types.is_bool_dtype(values):
        return values
    text = values.astype("str").str.strip()
    return text.mask(text == "")


def _kind(values: pd.Series) -> str | None:
    """Tell what an attribute is; None for free text."""
    known = values.dropna()
    if pd.api.types.is_numeric_dtype(values) or (len(known) and known.str.fullmatch(NUMBER).all()):
        return "number"
    return None if known.nunique() > max(FEW, len(known) / 2) else "category"
