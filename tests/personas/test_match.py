"""Personas of two labellings are paired by the customers they share."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab.errors import UserError
from cjlab.personas import match
from cjlab.personas._match import carry

LABELS = st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from("wxyz")), max_size=40)


def pairs(found: pd.DataFrame) -> list[tuple[object, ...]]:
    rows = found.astype(object).where(found.notna(), None)
    return list(rows.itertuples(index=False, name=None))


def plainly(labels: list[tuple[str, str]]) -> int:
    """The largest number of customers that one-to-one pairs can hold, by trying all."""
    best = 0
    for order in permutations("wxyz"):
        partner = dict(zip("ABCD", order, strict=True))
        best = max(best, sum(partner[a] == b for a, b in labels))
    return best


@given(LABELS)
def test_no_other_pairs_hold_more_customers(labels) -> None:
    a, b = (list(part) for part in zip(*labels, strict=True)) if labels else ([], [])
    found = match(a, b)
    assert found["overlap"].sum() == plainly(labels)
    for row in found.dropna().itertuples():
        left = {i for i, label in enumerate(a) if label == row.a}
        right = {i for i, label in enumerate(b) if label == row.b}
        assert row.overlap == len(left & right) > 0
        assert row.jaccard == pytest.approx(len(left & right) / len(left | right))
    assert sorted(found["a"].dropna()) == sorted(set(a))
    assert sorted(found["b"].dropna()) == sorted(set(b))
    alone = found["a"].isna() | found["b"].isna()
    assert found["overlap"].isna().eq(alone).all() and found["jaccard"].isna().eq(alone).all()


@given(LABELS, st.randoms())
def test_ties_do_not_follow_the_order_of_rows(labels, random) -> None:
    named = [(f"c{i}", *pair) for i, pair in enumerate(labels)]
    mixed = random.sample(named, len(named))
    first, second = (
        match(
            *(pd.Series([row[k] for row in rows], [row[0] for row in rows], "str") for k in (1, 2))
        )
        for rows in (named, mixed)
    )
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(("near", "far"), ["xy", "yx"])
def test_of_equal_overlaps_the_nearer_pair_wins(near, far) -> None:
    a = ["A"] * 4 + ["C"] * 10
    b = [near, far] * 2 + [far] + ["v"] * 9
    assert pairs(match(a, b))[0] == ("A", near, 2, 0.5)


def test_only_common_customers_count_and_nobodys_partner_is_shown() -> None:
    old = pd.Series(["P1", "P1", "P2", "P3"], index=["a", "b", "c", "gone"])
    new = pd.Series([1, 0, None, 2, 2], index=["b", "a", "c", "new", "newer"], dtype="Int64")
    found = match(old, new)
    assert pairs(found) == [
        ("P1", 0, 1, 0.5),
        ("P2", None, None, None),
        ("P3", None, None, None),
        (None, 1, None, None),
        (None, 2, None, None),
    ]
    assert found.dtypes.astype(str).to_list() == ["str", "Int64", "Int64", "float64"]


def test_ten_follows_two() -> None:
    labels = [f"P{i}" for i in range(12, 0, -1)]
    assert match(labels, labels)["a"].to_list() == labels[::-1]


def test_nobody_and_nonsense() -> None:
    assert match([], []).empty
    assert pairs(match(["A"], [None])) == [("A", None, None, None)]
    with pytest.raises(UserError, match="labels_a has 1 rows and labels_b 2"):
        match(["A"], np.array(["x", "y"]))
    twice = pd.Series(["A", "B"], index=["c", "c"])
    with pytest.raises(UserError, match="labels_b has two labels for one customer"):
        match(twice[:1], twice)


def test_half_is_enough_to_keep_an_id_and_none_is_given_twice() -> None:
    old = ["P1"] * 10 + ["P2"] * 10
    assert carry(match(old, [0] * 5 + [2] * 5 + [1] * 10), ["P1", "P2"]).ids == ["P1", "P2", "P3"]
    found = carry(match(old, [0] * 4 + [2] * 3 + [3] * 3 + [1] * 10), ["P1", "P2", "P7"])
    assert found.ids == ["P8", "P2", "P9", "P10"] and found.kept == ["P2"]
