"""Differences between tables, a second time by statsmodels and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from cjlab.comparison import ADDED, compare
from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.stats import proportion

Counts = dict[tuple[str, str], tuple[int, int]]


def rates(counts: Counts, side: str, month: str = "2026-07") -> pd.DataFrame:
    """A table of rates by country and step on one side, and its counts."""
    rows = []
    for (country, step), (x, n) in counts.items():
        share = proportion(x, n)
        key = {"side": side, "country": country, "step": step, "report_period": month}
        base = {**key, "n": n, "customers": n, "hits": x, "of": "customers"}
        value = None if n == 0 else share.value
        limits = {} if n == 0 else {"low": share.low, "high": share.high}
        rows.append({**base, "metric": "rate", "value": value, "unit": "1", **limits})
        rows.append({**base, "metric": "count", "value": x, "unit": "customers"})
    return estimates(pd.DataFrame(rows), ["side", "country", "step", "report_period"])


A: Counts = {("SE", "buy"): (56, 70), ("NO", "buy"): (30, 90), ("FI", "buy"): (5, 40)}
B: Counts = {("SE", "buy"): (48, 80), ("NO", "buy"): (28, 100), ("DK", "buy"): (9, 30)}


def test_rates_differ_by_newcombes_interval() -> None:
    found = compare(rates(A, "x"), rates(B, "y")).query("metric == 'rate'").set_index("country")
    for country in ("SE", "NO"):
        (x1, n1), (x2, n2) = A[country, "buy"], B[country, "buy"]
        low, high = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb")
        row = found.loc[country]
        assert row["difference"] == pytest.approx(x1 / n1 - x2 / n2)
        assert (row["diff_low"], row["diff_high"]) == (pytest.approx(low), pytest.approx(high))
        assert (row["p"] < 0.05) == (low > 0 or high < 0)


def test_p_is_corrected_within_the_family() -> None:
    found = compare(rates(A, "x"), rates(B, "y"), family="country")
    p = found["p"].dropna()
    assert len(p) == 2
    assert found["p_adjusted"].dropna().tolist() == pytest.approx(
        multipletests(p, method="fdr_bh")[1].tolist()
    )
    assert set(found["family"]) == {"country"}
    assert set(found["m"]) == {2}


def test_what_one_side_lacks_is_a_row_without_a_difference() -> None:
    found = compare(rates(A, "x"), rates(B, "y"), metrics=["rate"]).set_index("country")
    assert found["note"].fillna("").to_dict() == {
        "SE": "",
        "NO": "",
        "FI": "only_in_a",
        "DK": "only_in_b",
    }
    for country in ("FI", "DK"):
        row = found.loc[country]
        assert row["status"] == "not_estimable"
        assert row[["difference", "diff_low", "diff_high", "p", "p_adjusted"]].isna().all()
    assert found.loc["DK", "base_value"] == pytest.approx(0.3)
    assert list(found.index) == ["SE", "NO", "FI", "DK"]


def test_counts_have_a_difference_and_no_interval() -> None:
    found = compare(rates(A, "x"), rates(B, "y"), metrics=["count"]).set_index("country")
    assert found.loc["SE", "difference"] == 8
    assert found[["diff_low", "diff_high", "p"]].isna().all(axis=None)


def test_a_dimension_with_one_value_each_names_the_sides() -> None:
    found = compare(rates(A, "x", "2026-08"), rates(B, "y", "2026-07"))
    assert found.attrs["sides"] == {"side": ("x", "y"), "report_period": ("2026-08", "2026-07")}
    assert "report_period" not in found.columns
    assert set(ADDED) <= set(found.columns)


def test_a_withheld_side_withholds_the_difference() -> None:
    hidden = rates(B, "y")
    hidden.loc[hidden["country"] == "SE", ["value", "low", "high"]] = np.nan
    hidden.loc[hidden["country"] == "SE", "status"] = "suppressed"
    row = compare(rates(A, "x"), hidden).set_index(["country", "metric"]).loc[("SE", "rate")]
    assert row["status"] == "suppressed"
    assert pd.isna(row["difference"])


def test_the_change_over_all_segments_splits_into_mix_and_rate() -> None:
    a = {("SE", "buy"): (60, 80), ("NO", "buy"): (10, 20)}
    b = {("SE", "buy"): (20, 40), ("NO", "buy"): (15, 60)}
    found = compare(rates(a, "x"), rates(b, "y"), mix_by="country").attrs["mix_rate"].iloc[0]
    # By hand: shares .8/.2 against .4/.6, rates .75/.5 against .5/.25.
    assert found["mix"] == pytest.approx(0.4 * (0.75 + 0.5) / 2 - 0.4 * (0.5 + 0.25) / 2)
    assert found["rate"] == pytest.approx(0.25 * 0.6 + 0.25 * 0.4)
    assert found["total"] == pytest.approx(70 / 100 - 35 / 100)
    assert (found["n"], found["base_n"]) == (100, 100)


@settings(max_examples=50, deadline=None)
@given(st.tuples(*[st.integers(1, 60)] * 2), st.tuples(*[st.integers(1, 60)] * 2))
def test_the_other_way_round_only_the_sign_changes(one: tuple, two: tuple) -> None:
    a, b = ({("SE", "buy"): (min(pair), max(pair))} for pair in (one, two))
    there = compare(rates(a, "x"), rates(b, "y"), metrics=["rate"]).iloc[0]
    back = compare(rates(b, "y"), rates(a, "x"), metrics=["rate"]).iloc[0]
    assert there["difference"] == pytest.approx(-back["difference"])
    assert there["diff_low"] == pytest.approx(-back["diff_high"])
    assert there["p"] == pytest.approx(back["p"], nan_ok=True)


def test_a_wrong_use_is_one_line() -> None:
    a, b = rates(A, "x"), rates(B, "y")
    with pytest.raises(UserError, match="different dimensions"):
        compare(a, estimates(b.drop(columns="country"), ["side", "step", "report_period"]))
    with pytest.raises(UserError, match='Did you mean "rate"'):
        compare(a, b, metrics=["rates"])
    with pytest.raises(UserError, match="first table has two rows for country=SE"):
        compare(pd.concat([a, a]), b)
    with pytest.raises(UserError, match='no dimension "land"'):
        compare(a, b, mix_by="land")
