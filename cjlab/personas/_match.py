"""Which personas of one labelling are which of another, by the customers they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cjlab.errors import UserError

SAME = 0.5  # least Jaccard at which a refitted persona is still the old one


def match(labels_a: Any, labels_b: Any) -> pd.DataFrame:
    """Pair the personas of two labellings one to one, by the customers that both know.

    Parameters
    ----------
    labels_a, labels_b : Series or array-like
        A label for each customer; null is none. Two Series are aligned on their index
        (``customer_id``), customers in only one of them being no evidence; arrays are taken
        row by row.

    Returns
    -------
    DataFrame
        ``a, b, overlap, jaccard``: the customers that both call so, and their share (0–1) of
        the common customers that either calls so. A persona without a partner is a row with
        null in the other columns, after the pairs and in the same order.

    Raises
    ------
    UserError
        Arrays differ in length, or a customer has two labels.

    Notes
    -----
    Kuhn (1955), Naval Research Logistics 2, 83–97: the pairs with the largest overlap in all;
    among equal ones those with the largest Jaccard in all, so never the order of rows.
    Personas that share nobody are no pair.

    Examples
    --------
    >>> old = pd.Series(["P1", "P1", "P2", "P3"], index=list("abcd"))
    >>> new = pd.Series([1, 1, 0, 0], index=list("bacz"))
    >>> print(match(old, new).to_string(index=False))
      a    b  overlap  jaccard
     P1    1        2      1.0
     P2    0        1      1.0
     P3 <NA>     <NA>      NaN
    """
    a, b = _series(labels_a), _series(labels_b)
    if not (isinstance(labels_a, pd.Series) and isinstance(labels_b, pd.Series)):
        if len(a) != len(b):
            raise UserError(f"match: labels_a has {len(a)} rows and labels_b {len(b)}; pair them.")
        a, b = a.reset_index(drop=True), b.reset_index(drop=True)
    for name, labels in (("labels_a", a), ("labels_b", b)):
        if not labels.index.is_unique:
            raise UserError(f"match: {name} has two labels for one customer; keep one.")
    a, b = a.dropna(), b.dropna()
    names_a, names_b = _sorted(a.unique()), _sorted(b.unique())
    common = a.index.intersection(b.index)
    codes_a = pd.Index(names_a).get_indexer(a.loc[common])
    codes_b = pd.Index(names_b).get_indexer(b.loc[common])
    size = len(names_a) * len(names_b)
    both = np.bincount(codes_a * len(names_b) + codes_b, minlength=size)
    return _paired(names_a, names_b, both.reshape(len(names_a), len(names_b)))


def _series(labels: Any) -> pd.Series:
    return labels if isinstance(labels, pd.Series) else pd.Series(np.asarray(labels))


def _sorted(labels: Iterable[Any]) -> list[Any]:
    """P2 before P10."""
    return sorted(labels, key=lambda label: (len(str(label)), str(label)))


def _paired(names_a: list[Any], names_b: list[Any], both: np.ndarray) -> pd.DataFrame:
    from scipy.optimize import linear_sum_assignment  # only those who match pay for it

    union = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
    jaccard = np.divide(both, union, out=np.zeros(both.shape), where=union > 0)
    # Jaccards sum to less than one customer: they only decide between equal overlaps.
    rows, columns = linear_sum_assignment(-(both + jaccard / (min(both.shape) + 1)))
    pairs = [(i, j) for i, j in zip(rows, columns, strict=True) if both[i, j]]
    found: list[tuple[Any, ...]] = [
        (names_a[i], names_b[j], both[i, j], jaccard[i, j]) for i, j in pairs
    ]
    left = set(range(len(names_a))) - {i for i, _ in pairs}
    right = set(range(len(names_b))) - {j for _, j in pairs}
    found += [(names_a[i], None, None, np.nan) for i in sorted(left)]
    found += [(None, names_b[j], None, np.nan) for j in sorted(right)]
    frame = pd.DataFrame(found, columns=["a", "b", "overlap", "jaccard"])
    kinds = {"a": _kind(names_a), "b": _kind(names_b), "overlap": "Int64", "jaccard": "float64"}
    return frame.astype(kinds)


def _kind(names: list[Any]) -> str:
    """Whole numbers stay numbers beside a null."""
    return "Int64" if names and all(isinstance(name, int | np.integer) for name in names) else "str"


class Carried(NamedTuple):
    """Ids of refitted personas, in the order of their codes."""

    ids: list[str]
    kept: list[str]  # the ids among them that were there before


def carry(pairs: pd.DataFrame, used: Sequence[str]) -> Carried:
    """Give refitted personas the ids of the old ones that they still are, others new ids.

    Parameters
    ----------
    pairs : DataFrame
        `match` of the old ids with the new codes.
    used : sequence of str
        Every id that was ever given; none is given again.

    Examples
    --------
    >>> old = ["P1"] * 9 + ["P2"] * 9
    >>> carry(match(old, [1] * 9 + [0] * 4 + [2] * 5), ["P1", "P2"])
    Carried(ids=['P3', 'P1', 'P2'], kept=['P1', 'P2'])
    """
    same = pairs[pairs["jaccard"] >= SAME]
    old = dict(zip(same["b"], same["a"], strict=True))
    last = max((int(name.removeprefix("P")) for name in used), default=0)
    ids = []
    for code in sorted(pairs["b"].dropna()):
        if code not in old:
            last += 1
        ids.append(old.get(code, f"P{last}"))
    return Carried(ids, [name for name in ids if name in set(old.values())])
