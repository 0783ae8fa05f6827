"""No small share follows from what is shown beside it, by trying all that could be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab.estimates import estimates
from cjlab.privacy import gate
from cjlab.stats import nps_interval
from cjlab.voice import csat, kano, nps, reasons
from cjlab.voice._inactivity import associations

PARTS = ("promoters", "passives", "detractors")


def answers(counts: tuple[int, ...], scores: tuple[int, ...]) -> pd.DataFrame:
    return pd.DataFrame({"score": np.repeat(scores, counts)})


def every_split(n: int, parts: int) -> np.ndarray:
    """Return all the ways in which n answers fall into parts, one row each."""
    first = np.indices((n + 1,) * (parts - 1)).reshape(parts - 1, -1).T
    first = first[first.sum(axis=1) <= n]
    return np.column_stack([first, n - first.sum(axis=1)])


def possible(gated: pd.DataFrame, parts: list[str], every: np.ndarray, minimum: int) -> np.ndarray:
    """Return the counts, one row each, that agree with what a reader sees of the parts."""
    shown = gated.set_index("metric")
    n = every.sum(axis=1)
    fits = np.ones(len(every), dtype=bool)
    rough = np.zeros(len(every), dtype=bool)
    for k, name in enumerate(parts):
        row = shown.loc[name]
        small = (every[:, k] > 0) & (every[:, k] < minimum)
        if row["status"] == "ok":
            fits &= np.abs(every[:, k] / n - row["value"]) < 1e-9
        elif row["note"] == "small_cell":
            fits &= small
        rough |= small
    if (shown["note"] == "complementary").any():
        fits &= rough
    return every[fits]


def hidden_small(table: pd.DataFrame, parts: list[str], minimum: int) -> list[int]:
    hits = table.set_index("metric")["hits"]
    return [k for k, name in enumerate(parts) if 0 < hits[name] < minimum]


@settings(max_examples=40)
@given(st.tuples(*[st.integers(0, 25)] * 3), st.sampled_from([5, 10]))
def test_no_share_of_nps_is_told(counts: tuple[int, int, int], minimum: int) -> None:
    n = sum(counts)
    if n < minimum:
        return
    table = nps(answers(counts, (10, 8, 3)))
    gated, withheld = gate(table, minimum)
    small = hidden_small(table, list(PARTS), minimum)
    row = gated.set_index("metric").loc["nps"]
    seen = possible(gated, list(PARTS), every_split(n, 3), minimum)
    if row["status"] == "ok":
        seen = seen[np.abs(100 * (seen[:, 0] - seen[:, 2]) / n - row["value"]) < 1e-9]
        # Limits of those who could be it, unless they are said to be the widest.
        if row["note"] != "widest_interval":
            exact = nps_interval(seen[:, 0], seen[:, 2], np.full(len(seen), n))
            seen = seen[np.abs(exact.low - row["low"]) < 1e-9]
    assert counts in set(map(tuple, seen))
    assert all(len(set(seen[:, k])) > 1 for k in small), (counts, gated)
    if not small:
        assert withheld == [] and gated["note"].isna().all()
    elif row["status"] == "ok":
        widest = table.set_index("metric").loc["nps"]
        assert row["low"] <= widest["low"] and row["high"] >= widest["high"]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 10), min_size=4, max_size=4), st.integers(1, 3))
def test_no_box_is_told(counts: list[int], top: int) -> None:
    n, minimum = sum(counts), 5
    if n < minimum:
        return
    table = csat(answers(tuple(counts), (1, 2, 3, 4)), 4, top=top, boxes=True)
    gated, _ = gate(table, minimum)
    parts = [f"box_{k}" for k in range(1, 5)]
    seen = possible(gated, parts, every_split(n, 4), minimum)
    row = gated.set_index("metric").loc["csat"]
    if row["status"] == "ok":
        seen = seen[np.abs(seen[:, 4 - top :].sum(axis=1) / n - row["value"]) < 1e-9]
    small = hidden_small(table, parts, minimum)
    assert tuple(counts) in set(map(tuple, seen))
    assert all(len(set(seen[:, k])) > 1 for k in small), (counts, gated)
    # The score may be small itself, and is no more to be told.
    score = hidden_small(table, ["csat"], minimum)
    assert not score or len(set(seen[:, 4 - top :].sum(axis=1))) > 1, (counts, gated)


def test_as_little_as_needs_be_is_withheld_and_counted() -> None:
    table = csat(answers((2, 12, 30, 40, 60), (1, 2, 3, 4, 5)), boxes=True)
    gated, withheld = gate(table)
    assert [w["metric"] for w in withheld] == ["box_1", "box_2"]
    assert {w["reason"] for w in withheld} == {"complementary"}
    assert gated.loc[gated["status"] == "suppressed", "note"].eq("complementary").all()
    assert gated.loc[gated["status"] == "suppressed", ["value", "n", "hits"]].isna().all(axis=None)
    # Without the score beside them only the sum of the shares tells.
    shares = nps(answers((40, 30, 4), (10, 8, 3)))
    shares = shares[shares["metric"].isin(PARTS)].reset_index(drop=True)
    assert [w["metric"] for w in gate(shares)[1]] == ["passives", "detractors"]
    again, more = gate(gated)
    assert more == [] and again.equals(gated)


@pytest.mark.parametrize("by", [["shop"], ["shop", "day"]])
def test_each_cell_is_a_whole_of_its_own(by: list[str]) -> None:
    few, many = answers((40, 30, 4), (10, 8, 3)), answers((40, 30, 20), (10, 8, 3))
    table = nps(pd.concat([few.assign(shop="A"), many.assign(shop=None)]).assign(day=1), by=by)
    gated, withheld = gate(table)
    assert {w["dims"]["shop"] for w in withheld} == {"A"} and len(withheld) == 3
    assert gated.loc[gated["shop"] != "A"].equals(table.loc[table["shop"] != "A"])
    wide = gated[(gated["shop"] == "A") & (gated["metric"] == "nps")].iloc[0]
    up = 74 * (1 + 36 / 74) / 2
    assert wide[["low", "high"]].tolist() == pytest.approx(list(nps_interval(up, 74 - up, 74))[1:])
    assert wide["note"] == "widest_interval" and wide["n"] == 74


def told(
    gated: pd.DataFrame, every: np.ndarray, sums: dict[str, tuple[list[int], list[int]]]
) -> np.ndarray:
    """Return the counts that agree with what is shown, each sum with the base that it is of."""
    fits = np.ones(len(every), dtype=bool)
    for row in gated[gated["status"] == "ok"].to_dict("records"):
        top, base = sums[row.get("reason", row["metric"])]
        up, down = every @ np.array(top), every @ np.array(base)
        fits &= (down == row["n"]) & (np.abs(np.abs(row["value"]) * down - up) < 1e-9)
    return every[fits]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 12), min_size=4, max_size=4), st.booleans())
def test_no_category_of_kano_is_told(counts: list[int], with_coefficients: bool) -> None:
    # Attractive, one-dimensional, must-be and reverse; nobody is indifferent or questions it.
    n, minimum = sum(counts), 5
    if n < minimum:
        return
    pairs = pd.DataFrame({"functional": [1, 1, 2, 5], "dysfunctional": [3, 5, 5, 1]})
    table = kano(pairs.loc[np.repeat(range(4), counts)])
    own = ["attractive", "one_dimensional", "must_be", "reverse"]
    units = {
        name: (list(one), [1] * 4) for name, one in zip(own, np.eye(4, dtype=int), strict=True)
    }
    clear = [1, 1, 1, 0]
    units |= {"better": ([1, 1, 0, 0], clear), "worse": ([0, 1, 1, 0], clear)}
    table = table[table["metric"].isin([*units, "indifferent", "questionable"])]
    if not with_coefficients:
        table = table[~table["metric"].isin(["better", "worse"])]
    table = table.reset_index(drop=True)
    gated, withheld = gate(table, minimum)
    shown = gated[gated["metric"].isin(units)]
    seen = told(shown, every_split(n, 4), units)
    assert tuple(counts) in set(map(tuple, seen))
    for name in hidden_small(table, own, minimum):
        # An empty category may be withheld with it: then what it could be is not looked at here.
        alone = not {"indifferent", "questionable"} & {w["metric"] for w in withheld}
        assert not alone or len(set(seen[:, name])) > 1, (counts, gated)
    again, more = gate(gated, minimum)
    assert more == [] and again.equals(gated)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 15), min_size=4, max_size=4), st.sampled_from([5, 10]))
def test_no_reason_is_told_by_the_others(counts: list[int], minimum: int) -> None:
    if sum(counts) < minimum:
        return
    frame = pd.DataFrame({"reason": np.repeat(list("abcd"), counts), "lost": 2.0, "shop": "A"})
    more = pd.DataFrame({"reason": np.repeat(list("abcd"), 40), "lost": 1.0, "shop": "B"})
    table = reasons(pd.concat([frame, more]), ["shop"], value="lost", currency="SEK")
    gated, withheld = gate(table, minimum)
    few = table.loc[
        (table["shop"] == "A") & (table["hits"] > 0) & (table["hits"] < minimum), "reason"
    ]
    assert {w["dims"]["shop"] for w in withheld} <= {"A"}
    own = gated[gated["shop"] == "A"]
    assert own.groupby("reason")["status"].nunique().eq(1).all()
    places = {name: k for k, name in enumerate("abcd")}
    units = {name: (list(np.eye(4, dtype=int)[k]), [1] * 4) for name, k in places.items()}
    seen = told(own[own["metric"] == "share"], every_split(sum(counts), 4), units)
    assert all(len(set(seen[:, places[name]])) > 1 for name in few), (counts, gated)
    assert len(few) != 1 or len(withheld) == 4


def test_shares_of_any_table_and_of_any_dimension() -> None:
    rows = pd.DataFrame({
        "mood": ["glad", "cross", "(other)", "(not read)"] * 2, "stage": ["a"] * 4 + ["b"] * 4,
        "metric": "share", "unit": "1", "value": [0.95, 0.05, 0.0, 0.2, 0.5, 0.5, 0.0, 0.2],
        "n": [80, 80, 80, 100] * 2, "hits": [76, 4, 0, 20, 40, 40, 0, 20],
    })  # fmt: skip
    for dims in (["stage", "mood"], ["mood", "stage"]):
        _, withheld = gate(estimates(rows, dims))
        assert [tuple(w["dims"][k] for k in ("stage", "mood")) for w in withheld] == [
            ("a", "glad"), ("a", "cross"),
        ]  # fmt: skip
    # Several themes a text: their shares add up to more, and none follows.
    many = rows.assign(value=rows["value"] + 0.1 * (rows["mood"] == "glad"))
    assert [w["reason"] for w in gate(estimates(many, ["stage", "mood"]))[1]] == ["small_count"]


def test_a_score_alone_has_no_interval_that_tells_its_shares() -> None:
    few, many = nps(answers((40, 30, 4), (10, 8, 3))), nps(answers((40, 30, 20), (10, 8, 3)))
    for table, wide in ((few, True), (many, False)):
        lone = table[table["metric"] == "nps"].reset_index(drop=True)
        gated, withheld = gate(lone)
        beside = gate(table)[0].iloc[0]
        assert withheld == [] and (gated["note"] == "widest_interval").any() == wide
        assert gated.loc[0, ["low", "high"]].tolist() == beside[["low", "high"]].tolist()


def test_a_rate_is_not_told_by_the_other_and_both() -> None:
    counts = pd.DataFrame({"cell": ["a", "b"], "n1": [4, 30], "x1": [1, 12], "n0": [60, 60],
                           "x0": [15, 15], "early": [0, 0]})  # fmt: skip
    gated, withheld = gate(estimates(associations(counts), ["cell"]))
    assert sorted(w["metric"] for w in withheld) == sorted(associations(counts)["metric"].unique())
    assert gated.loc[gated["cell"] == "b", "status"].eq("ok").all()
