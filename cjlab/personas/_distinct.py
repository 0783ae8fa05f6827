"""Counts of different codes by customer, as sets of bits: a fraction of a distinct count's time."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np

from cjlab.personas._span import Array

BITS = 62  # in one number, with its sign left alone
SETS = 8  # numbers a customer at most


@ibis.udf.agg.builtin
def bit_or(bits: int) -> int:  # type: ignore[empty-body]
    """Unite sets of bits; the engines' own."""


def distinct(code: Any, size: int, name: str) -> dict[str, Any]:
    """Return aggregates that tell how many different codes below `size` a customer has."""
    sets = -(-size // BITS)
    if sets > SETS:
        return {name: code.nunique()}
    one = ibis.literal(1).cast("int64")
    own = {
        f"{name}_{k}": bit_or((code // BITS == k).ifelse(one << (code % BITS).cast("int32"), 0))
        for k in range(sets)
    }
    return own if sets > 1 else {name + "_0": bit_or(one << code.cast("int32"))}


def counted(columns: dict[str, Array], name: str) -> Array:
    """Read what `distinct` gave."""
    sets = [columns[f"{name}_{k}"] for k in range(SETS) if f"{name}_{k}" in columns]
    found = sum(np.bitwise_count(bits).astype("int64") for bits in sets) if sets else columns[name]
    return np.asarray(found, dtype="float64")
