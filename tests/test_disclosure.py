"""No small share of a score follows from what is shown beside it, by trying all that could be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab.privacy import gate
from cjlab.stats import nps_interval
from cjlab.voice import csat, nps

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
