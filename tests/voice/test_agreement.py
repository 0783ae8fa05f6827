"""Krippendorff's alpha: published examples, a plain second computation, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab.errors import UserError
from cjlab.voice import agreement

# Krippendorff (2011), section C: four observers, twelve units.
FOUR = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def coders(text: str) -> list[pd.Series]:
    rows = [line.split() for line in text.strip().splitlines()]
    return [pd.Series([None if c == "." else int(c) for c in row]) for row in rows]


def alpha(*codes: pd.Series, level: str = "nominal") -> float:
    found = agreement(*codes, level=level, draws=2)
    return float(found.set_index("metric").loc["alpha", "value"])


def plainly(codes: list[pd.Series], level: str) -> float:
    """Alpha by its definition: every pair of values within units, and every pair of all values."""
    units = [[c[u] for c in codes if pd.notna(c[u])] for u in codes[0].index]
    units = [unit for unit in units if len(unit) > 1]
    values = [v for unit in units for v in unit]

    def apart(a: float, b: float) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return float((a - b) ** 2)
        low, high = min(a, b), max(a, b)
        between = sum(low <= v <= high for v in values)
        return (between - (values.count(a) + values.count(b)) / 2) ** 2

    n = len(values)
    observed = 0.0
    for unit in units:
        m = len(unit)
        pairs = [(i, k) for i in range(m) for k in range(m) if i != k]
        observed += sum(apart(unit[i], unit[k]) for i, k in pairs) / (m - 1)
    expected = sum(apart(values[i], values[k]) for i in range(n) for k in range(n) if i != k)
    return 1 - (observed / n) / (expected / (n * (n - 1)))


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_the_published_example(level: str, published: float) -> None:
    assert alpha(*coders(FOUR), level=level) == pytest.approx(published, abs=5e-4)
    assert agreement(*coders(FOUR), draws=2)["n"].to_list() == [11, 11]


def test_a_second_published_example() -> None:
    """Three coders, fifteen units (Krippendorff's alpha in an encyclopaedia): .691 and .811."""
    three = """
    . . . . . 3 4 1 2 1 1 3 3 . 3
    1 . 2 1 3 3 4 3 . . . . . . .
    . . 2 1 3 4 4 . 2 1 1 3 3 . 4
    """
    assert alpha(*coders(three)) == pytest.approx(0.691, abs=5e-4)
    assert alpha(*coders(three), level="interval") == pytest.approx(0.811, abs=5e-4)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(*[st.none() | st.integers(1, 4)] * 3), min_size=4, max_size=9),
    st.sampled_from(["nominal", "ordinal", "interval"]),
)
def test_it_is_the_definition(units: list[tuple], level: str) -> None:
    codes = [pd.Series(list(column), dtype=object) for column in zip(*units, strict=True)]
    paired = [[v for v in unit if v is not None] for unit in units]
    values = {v for unit in paired if len(unit) > 1 for v in unit}
    found = alpha(*codes, level=level)
    if len(values) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(plainly(codes, level), abs=1e-9)


def test_neither_the_texts_order_nor_the_codes_names_matter() -> None:
    first, second = coders(FOUR)[:2]
    shuffled = second.sample(frac=1, random_state=1)
    names = {1: "price", 2: "staff", 3: "app", 4: "wait", 5: "shop"}
    assert alpha(first, shuffled) == alpha(first, second)
    assert alpha(first.map(names), second.map(names)) == pytest.approx(alpha(first, second))


def test_several_codes_a_text_are_judged_one_by_one() -> None:
    a = pd.DataFrame({"pay": [1, 0, 1, 0], "wait": [0, 0, 0, 0]}).astype(bool)
    b = pd.DataFrame({"wait": [0, 0, 0, 0], "pay": [1, 0, 1, 1]}).astype(bool)
    found = agreement(a, b).set_index(["code", "metric"])
    pay = [pd.Series(frame["pay"].astype(int)) for frame in (a, b)]
    assert found.loc[("pay", "alpha"), "value"] == pytest.approx(plainly(pay, "nominal"))
    assert found.loc[("wait", "alpha"), "note"] == "no_variation"
    assert found.loc[("wait", "agreed"), "value"] == 1.0


def test_the_interval_holds_the_truth_it_was_drawn_from() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 400)
    both = [
        pd.Series(np.where(rng.random(400) < 0.8, truth, rng.integers(0, 3, 400))) for _ in "ab"
    ]
    found = agreement(*both).set_index("metric").loc["alpha"]
    assert found["low"] < 0.64 < found["high"]  # .8 × .8 of the pairs agree beyond chance
    assert found["high"] - found["low"] < 0.2


def test_what_cannot_be_told() -> None:
    nobody = agreement(pd.Series([1, None]), pd.Series([None, 2]))
    assert nobody["note"].to_list() == ["not_coded_twice"] * 2 and nobody["n"].eq(0).all()
    with pytest.raises(UserError, match="two people or more, got 1"):
        agreement(pd.Series([1]))
    with pytest.raises(UserError, match='Did you mean "nominal"'):
        agreement(pd.Series([1]), pd.Series([1]), level="nominall")
    with pytest.raises(UserError, match="needs numbers"):
        agreement(pd.Series(["a"]), pd.Series(["b"]), level="interval")
    with pytest.raises(UserError, match='coder 2 has text "0" twice'):
        agreement(pd.Series([1]), pd.Series([1, 2], index=[0, 0]))
