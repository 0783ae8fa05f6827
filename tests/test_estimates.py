"""The one result shape keeps its promises, and refuses rows that break them."""

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, STATUSES, concat, dims, estimates

DTYPES = {
    "metric": "str",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "n": "Int64",
    "customers": "Int64",
    "hits": "Int64",
    "unit": "str",
    "of": "str",
    "status": "str",
    "note": "str",
}


def one(**cells):
    return pd.DataFrame({"step": ["intent"], "metric": ["from_first"], **cells})


def test_columns_order_dtypes_and_fill():
    rows = pd.DataFrame(
        {"n": [4, 5], "metric": "m", "value": [0.5, None], "step": ["b", "a"], "persona": "P1"},
        index=[7, 3],
    )
    table = estimates(rows, ["persona", "step"])
    assert list(table.columns) == ["persona", "step", *COLUMNS]
    assert {name: str(table[name].dtype) for name in COLUMNS} == DTYPES
    assert table["step"].tolist() == ["b", "a"]
    assert table.index.tolist() == [0, 1]
    assert table["status"].tolist() == ["ok", "not_estimable"]
    assert table[["low", "high", "customers", "hits", "unit", "of", "note"]].isna().all(axis=None)
    assert table.attrs["dims"] == dims(table) == ["persona", "step"]


def test_the_given_frame_is_not_changed():
    rows = one(value=[0.5], n=[3])
    before = rows.copy(deep=True)
    estimates(rows, ["step"])
    pd.testing.assert_frame_equal(rows, before)


def test_estimates_of_estimates_is_the_same_table():
    table = estimates(one(value=[0.5], n=[3], note=[None]), ["step"])
    pd.testing.assert_frame_equal(estimates(table, ["step"]), table)


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA])
def test_every_kind_of_null_is_null(empty):
    table = estimates(
        one(**{name: pd.Series([empty], dtype=object) for name in COLUMNS[1:]}), ["step"]
    )
    assert table.loc[0, "status"] == "not_estimable"
    rest = [name for name in COLUMNS[1:] if name != "status"]
    assert table[rest].isna().all(axis=None)
    assert {name: str(table[name].dtype) for name in COLUMNS} == DTYPES


def test_an_empty_table_and_no_dimensions():
    table = estimates(pd.DataFrame({"metric": []}), [])
    assert (len(table), dims(table)) == (0, [])
    assert {name: str(table[name].dtype) for name in COLUMNS} == DTYPES


def test_numbers_from_the_engine_are_taken():
    table = estimates(
        one(value=[Decimal("12.50")], n=pd.array([3], dtype="int32"), hits=[3.0]), ["step"]
    )
    assert (table.at[0, "value"], table.at[0, "n"], table.at[0, "hits"]) == (12.5, 3, 3)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"value": [0.5]}, ["without its base n", "step=intent", "value=0.5"]),
        ({"value": [0.5], "n": [9], "status": ["suppressed"]}, ["other than", "suppressed"]),
        ({"value": [None], "status": ["ok"]}, ["null value", "row 0"]),
        ({"status": ["okay"]}, ["not one of", *STATUSES, "status=okay"]),
        ({"value": [0.5], "n": [9], "low": [0.6], "high": [0.4]}, ["low is above high"]),
        ({"high": [0.4]}, ["limits stand without a value"]),
        ({"value": [np.inf], "n": [9]}, ["infinite"]),
        ({"value": [0.5], "n": [-9]}, ["negative"]),
        ({"value": [0.5], "n": [2.5]}, ['"n"', "whole numbers", "2.5"]),
        ({"value": ["half"]}, ['"value"', "numbers", "half"]),
        ({"persona": ["P1"]}, ['unknown column "persona"']),
        ({"notes": ["x"]}, ['unknown column "notes"', 'Did you mean "note"?']),
    ],
)
def test_broken_rows_are_refused_in_one_line(cells, words):
    with pytest.raises(UserError) as caught:
        estimates(one(**cells), ["step"])
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("frame", "names", "words"),
    [
        (pd.DataFrame({"step": ["a"]}), ["step"], '"metric" is missing'),
        (pd.DataFrame({"metric": [None]}), [], "metric is null"),
        (pd.DataFrame({"stepp": ["a"], "metric": ["m"]}), ["step"], 'Did you mean "stepp"?'),
        (pd.DataFrame({"metric": ["m"]}), ["metric"], "cannot be a dimension"),
        (one(), ["step", "step"], '"step" is there twice'),
        (pd.DataFrame([["m", "k"]], columns=["metric", "metric"]), [], "there twice"),
    ],
)
def test_broken_columns_are_refused(frame, names, words):
    with pytest.raises(UserError, match=words.replace("?", r"\?")):
        estimates(frame, names)


def test_dims_refuses_other_frames():
    with pytest.raises(UserError, match="not a table of estimates"):
        dims(pd.DataFrame({"step": ["a"], "metric": ["m"]}))


def test_concat_keeps_dims_in_order_of_appearance():
    a = estimates(one(value=[0.5], n=[3]), ["step"])
    b = estimates(
        pd.DataFrame({"persona": ["P1"], "step": ["cart"], "metric": "m"}), ["persona", "step"]
    )
    joined = concat([a, b])
    assert dims(joined) == joined.attrs["dims"] == ["step", "persona"]
    assert joined["step"].tolist() == ["intent", "cart"]
    assert joined["persona"].isna().tolist() == [True, False]
    assert {name: str(joined[name].dtype) for name in COLUMNS} == DTYPES


def test_concat_with_an_empty_table_keeps_dtypes():
    empty = estimates(pd.DataFrame({"day": [], "metric": []}), ["day"])
    full = estimates(pd.DataFrame({"day": [1, 2], "metric": "m"}), ["day"])
    joined = concat([empty, full])
    pd.testing.assert_frame_equal(joined, full)
    assert len(concat([empty, empty])) == 0
    with pytest.raises(UserError, match="at least one"):
        concat([])


@given(st.lists(st.tuples(st.floats(0, 1) | st.none(), st.integers(0, 10**9)), max_size=20))
def test_rows_are_never_dropped_or_reordered(cells):
    values, bases = [cell[0] for cell in cells], [cell[1] for cell in cells]
    table = estimates(
        pd.DataFrame({"i": range(len(cells)), "metric": "m", "value": values, "n": bases}), ["i"]
    )
    assert table["i"].tolist() == list(range(len(cells)))
    assert table["n"].tolist() == bases
    for shown, value, status in zip(table["value"], values, table["status"], strict=True):
        assert (math.isnan(shown), status) == (value is None, "not_estimable") or (
            (shown, status) == (value, "ok")
        )
