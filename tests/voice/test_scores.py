"""NPS, CSAT and CES against plain computations."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab.clusters import clustered_nps
from cjlab.errors import UserError
from cjlab.messages import LANGUAGES
from cjlab.stats import clustered_ratio
from cjlab.voice import ces, csat, notice, nps


def by_metric(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    for name, value in where.items():
        table = table[table[name] == value]
    return table.set_index("metric")


def test_nps_is_what_a_hand_computes() -> None:
    given = [10, 9, "9 ", " 10.0", 8, "7", 6, 0, "11", "x", None, 7.5, -1, True, ""]
    found = by_metric(nps(given))
    n, up, down = 8, 4, 2
    assert found.loc["nps", "value"] == pytest.approx(100 * (up - down) / n, abs=1e-12)
    assert found.loc["nps", "n"] == n and found.loc["nps", "customers"] == n
    assert found.loc["invalid", "value"] == len(given) - n
    p, d, size = (up + 0.75) / (n + 3), (down + 0.75) / (n + 3), n + 3
    half = 1.959963984540054 * math.sqrt((p + d - (p - d) ** 2) / size)
    assert found.loc["nps", "low"] == pytest.approx(100 * (p - d - half), abs=1e-9)
    assert found.loc["nps", "high"] == pytest.approx(100 * (p - d + half), abs=1e-9)
    shares = found.loc[["promoters", "passives", "detractors"], "value"]
    assert shares.tolist() == [0.5, 0.25, 0.25] and shares.sum() == 1


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, tuple])
def test_any_list_will_do(kind: object) -> None:
    assert by_metric(nps(kind([10, 0, 0])))["value"]["nps"] == pytest.approx(-100 / 3)


def test_nothing_is_not_zero() -> None:
    for empty in ([], [None, "x"], pd.DataFrame({"score": []})):
        found = by_metric(nps(empty))
        assert found.loc["nps", "status"] == "not_estimable" and pd.isna(found.loc["nps", "value"])
        assert found.loc["nps", "note"] == "no_valid_answers"
        assert found.loc["invalid", "value"] == len(empty)


def test_repeating_customers_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    once = pd.DataFrame({"score": rng.integers(0, 11, 400), "customer_id": range(400)})
    thrice = pd.concat([once] * 3, ignore_index=True)
    narrow, wide = by_metric(nps(once)), by_metric(nps(thrice))
    careless = by_metric(nps(thrice.drop(columns="customer_id")))
    for metric in ("nps", "promoters"):
        width = [(t.loc[metric, "high"] - t.loc[metric, "low"]) for t in (narrow, wide, careless)]
        assert wide.loc[metric, "value"] == narrow.loc[metric, "value"]
        assert width[1] == pytest.approx(width[0], rel=0.01)
        assert width[2] < 0.6 * width[0]
    assert (wide.loc["nps", "n"], wide.loc["nps", "customers"]) == (1200, 400)


def test_one_customer_shows_no_spread() -> None:
    found = by_metric(nps(pd.DataFrame({"score": [9, 2, 10], "customer_id": ["a"] * 3})))
    assert found.loc["nps", "value"] == pytest.approx(100 / 3)
    assert pd.isna(found.loc["nps", "low"]) and pd.isna(found.loc["promoters", "high"])


def test_clustered_nps_stands_on_the_linearised_variance() -> None:
    rng = np.random.default_rng(1)
    who = rng.integers(0, 60, 300)
    y = np.clip(np.round(rng.normal(0, 0.7, 60)[who] + rng.normal(0, 0.4, 300)), -1, 1)
    sums = np.bincount(who, y, minlength=60)
    n = np.bincount(who, minlength=60)
    keep = n > 0
    ratio = clustered_ratio(y, np.ones(300), who, interval="normal")
    p, d = (y > 0).mean(), (y < 0).mean()
    effective = (p + d - (p - d) ** 2) / ratio.standard_error**2
    size = effective + 3
    p1, d1 = (p * effective + 0.75) / size, (d * effective + 0.75) / size
    half = 1.959963984540054 * math.sqrt((p1 + d1 - (p1 - d1) ** 2) / size)
    found = clustered_nps(
        (y > 0).sum(),
        (y < 0).sum(),
        300,
        keep.sum(),
        (sums**2).sum(),
        (sums * n).sum(),
        (n**2).sum(),
    )
    assert found.value == pytest.approx(100 * y.mean(), abs=1e-9)
    assert found.low == pytest.approx(100 * (p1 - d1 - half), abs=1e-9)
    assert found.high == pytest.approx(100 * (p1 - d1 + half), abs=1e-9)


def test_a_break_down_adds_up_and_keeps_the_nameless() -> None:
    frame = pd.DataFrame({"score": [10, 1, 9, 9, None], "shop": ["A", None, "B", "A", None]})
    found = nps(frame, by="shop")
    assert found["shop"].unique().tolist() == ["(unknown)", "A", "B"]
    sizes = found[found["metric"] == "nps"].set_index("shop")["n"]
    assert sizes.to_dict() == {"(unknown)": 1, "A": 2, "B": 1}
    assert found.loc[found["metric"] == "invalid", "value"].sum() == 1


def test_what_differs_is_never_pooled_without_a_word() -> None:
    frame = pd.DataFrame(
        {"score": [10, 10, 0, 0], "relation": ["transactional", "relational"] * 2, "wave": "w1"}
    )
    found = nps(frame)
    assert found.columns[0] == "relation" and "wave" not in found.columns
    assert by_metric(nps(frame, pool="relation")).loc["nps", "n"] == 4
    with pytest.raises(UserError, match='pool: "shop" cannot be pooled'):
        nps(frame, pool="shop")
    with pytest.raises(UserError, match="take one of them away"):
        nps(frame, by="wave", pool="wave")


def test_only_the_kind_asked_for_counts() -> None:
    frame = pd.DataFrame({"score": [10, 5, 7], "kind": ["nps", "csat", "ces"], "scale": [10, 5, 7]})
    assert by_metric(nps(frame)).loc["nps", ["value", "n"]].tolist() == [100.0, 1]
    assert by_metric(csat(frame)).loc["csat", ["value", "n"]].tolist() == [1.0, 1]
    assert by_metric(ces(frame)).loc["ces", ["value", "n"]].tolist() == [7.0, 1]
    # Nor do the others' scales give satisfaction more boxes.
    assert "box_6" not in csat(frame, boxes=True)["metric"].tolist()


def test_csat_knows_its_scale() -> None:
    frame = pd.DataFrame({"score": [5, 4, 3, 10, 9, 8], "scale": [5, 5, 5, 10, 10, 10]})
    found = csat(frame, boxes=True)
    assert found[found["metric"] == "csat"]["value"].tolist() == pytest.approx([2 / 3, 2 / 3])
    pooled = by_metric(csat(frame, pool="scale"))
    assert pooled.loc["csat", ["value", "n"]].tolist() == pytest.approx([2 / 3, 6])
    boxes = by_metric(csat([1, 2, 2, 5, 6], boxes=True))["value"]
    assert boxes[[f"box_{k}" for k in range(1, 6)]].tolist() == [0.25, 0.5, 0, 0, 0.25]
    assert boxes["invalid"] == 1
    assert by_metric(csat([5, 4, 4], top=1)).loc["csat", "value"] == pytest.approx(1 / 3)
    with pytest.raises(UserError, match="scale is 1"):
        csat([1], scale=1)


def test_ces_has_a_direction_and_it_is_said() -> None:
    new, old = ces([7, 5, 3, 8]), ces([5, 2, 1, 6], version="1.0")
    assert new.attrs["direction"] == "higher_is_better"
    assert old.attrs["direction"] == "lower_is_better"
    assert by_metric(new)["value"].round(9).to_dict() == {
        "ces": 5.0, "easy": round(2 / 3, 9), "invalid": 1.0,
    }  # fmt: skip
    assert by_metric(old)["value"].round(9).to_dict() == {
        "ces": round(8 / 3, 9), "easy": round(2 / 3, 9), "invalid": 1.0,
    }  # fmt: skip
    half = 4.302652729911275 * 2 / math.sqrt(3)
    assert by_metric(new).loc["ces", "high"] == pytest.approx(5 + half, abs=1e-9)
    with pytest.raises(UserError, match="version"):
        ces([1], version="3")
    # Another scale is another question.
    other = by_metric(ces(pd.DataFrame({"score": [5, 5], "scale": [5, 7]})))
    assert other.loc["ces", "n"] == 1 and other.loc["invalid", "value"] == 1


@settings(max_examples=30)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([*range(-1, 12), None]), st.sampled_from("abcd")),
        min_size=1,
        max_size=30,
    ),
    seed=st.integers(0, 99),
)
def test_order_and_names_do_not_matter(rows: list, seed: int) -> None:
    frame = pd.DataFrame(rows, columns=["score", "customer_id"], dtype=object)
    other = frame.sample(frac=1, random_state=seed)
    other = other.assign(
        customer_id=other["customer_id"].map(dict(zip("abcd", "wxyz", strict=True)))
    )
    one, two = nps(frame), nps(other)
    pd.testing.assert_frame_equal(one, two)
    found = by_metric(one)
    total = found.loc["nps", "n"] + found.loc["invalid", "value"]
    assert total == len(frame)
    if found.loc["nps", "n"]:
        parts = found["value"]
        assert parts["nps"] == pytest.approx(100 * (parts["promoters"] - parts["detractors"]))


def test_hostile_text_is_an_invalid_answer() -> None:
    nasty = ["=1+1", "<script>9</script>", "9" * 400, "9\x00", "\u202e9", "1e1", "９", "NaN", "inf"]
    found = by_metric(nps(nasty))
    assert found.loc["invalid", "value"] == len(nasty) and found.loc["nps", "n"] == 0
    assert by_metric(nps(["\u00a09\u00a0", "\t10\n"])).loc["nps", "n"] == 2


def test_the_notice_goes_with_nps_in_every_language() -> None:
    said = {notice(nps([10]), language) for language in LANGUAGES}
    assert len(said) == len(LANGUAGES) and all("NPS" in text for text in said)
    assert notice(csat([5])) == ""


def test_a_french_garden_chain(real_data: object) -> None:
    frame = pd.read_csv(real_data("nps_garden") / "nps.csv")
    found = by_metric(nps(frame["nps"]))
    known = frame["nps"].dropna()
    plain = 100 * ((known >= 9).mean() - (known <= 6).mean())
    assert found.loc["nps", "value"] == pytest.approx(plain, abs=1e-9)
    assert round(plain, 1) == 53.4 and found.loc["nps", "n"] == 13612
    assert found.loc["invalid", "value"] == 13954 - 13612
