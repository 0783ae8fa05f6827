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
from cjlab.personas._catalogue import CATALOGUE, GROUPS, Feature
from cjlab.personas._span import Span

NO_BEHAVIOUR = {*HIDDEN, "consent", "persona"}
NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?"  # with a zero in front it is a code, not a number
FEW = 20  # different texts that are no free text, whatever the number of customers
SENTENCE = "As declared in the table of customers; missing where it says nothing."


def offered(j: Any, known: Sequence[Feature]) -> list[Feature]:
    """Return the attributes of a study, as texts; whether one is a number the values tell.

    One that is called like a feature or a group goes by ``declared_`` and its name.
    """
    customers = j.table("customers")
    taken = {"auto", *GROUPS, *CATALOGUE, *(feature.name for feature in known)}
    names = [] if customers is None else [c for c in customers.columns if not _is_id(c)]
    return [
        Feature(
            f"declared_{name}" if name in taken else name,
            name.replace("_", " ").capitalize(),
            "category",
            SENTENCE,
            "declared",
            kind="category",
        )
        for name in names
    ]


def refuse(j: Any, select: Sequence[str]) -> None:
    """Refuse ids and consent by name."""
    customers = j.table("customers")
    for name in sorted(set(select) & set(() if customers is None else customers.columns)):
        if _is_id(name):
            raise UserError(
                f'personas.features: "{name}" says who a customer is or what one agreed to, '
                "which is no ground for a persona; leave it out."
            )


def _is_id(name: str) -> bool:
    return name.lower() in NO_BEHAVIOUR or re.search(r"(^|[_\s-])id$", name.lower()) is not None


def measured(
    span: Span, wanted: Sequence[Feature], select: Sequence[str], *, stored: bool
) -> dict[Feature, Any]:
    """Read the wanted attributes of each customer.

    Free text is refused where it was asked for by name, and left out of ``declared``. The
    attributes of a `stored` model keep their kind.
    """
    customers = span.j.table("customers")
    if customers is None or not wanted:
        return {}
    columns = {}
    for feature in wanted:
        own = feature.name.removeprefix("declared_")
        source = feature.name if feature.name in customers.columns else own
        if source in customers.columns:
            columns[feature] = source
    unit = span.j.con.table("unit").select("unit", "customer_id")
    table = customers.select("customer_id", *dict.fromkeys(columns.values()))
    rows = table.join(unit, "customer_id").execute().set_index("unit")
    rows = rows.reindex(range(len(span.ids)))
    found: dict[Feature, Any] = {}
    for feature, source in columns.items():
        own_values = _plain(rows[source])
        kind = feature.kind if stored else _kind(own_values)
        if kind is None and feature.name in select:
            raise UserError(
                f'personas.features: "{source}" has nearly as many values as customers, as free '
                "text or an id has; leave it out, or group its values."
            )
        if kind == "number":
            numbers = pd.to_numeric(own_values, errors="coerce").to_numpy("float64")
            said = feature if stored else replace(feature, unit="number", kind="number")
            found[said] = np.where(np.isfinite(numbers), numbers, np.nan)
        elif kind == "category":
            found[feature] = own_values.to_numpy()
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
