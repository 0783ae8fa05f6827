"""Sessions, accounts and segments on frames where customers share accounts, against loops."""

from __future__ import annotations

import pandas as pd
import pytest

from cjlab.journey import (
    Journeys,
    churn,
    clv,
    funnel,
    lifecycle,
    repurchase,
    retention,
    rfm_segments,
    value,
    variants,
)
from cjlab.stages import StageModel

MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in "abc"])
#: customer, account, day of 2026, stage, channel, value
ROWS = [
    ("007", "Ünï", "01-20", "a", "web", None),
    ("7", "Ünï", "01-22", "c", "app", 10.0),
    ("Åsa", "Acme", "02-03", "a", None, None),
    ("Åsa", "Acme", "02-05", "c", "web", 30.0),
    ("Åsa", None, "02-06", "b", "web", None),
    ("7", "Ünï", "02-07", "c", "web", -4.0),
    ("late", "Acme", "02-20", "b", "app", None),
    ("late", "Ünï", "02-21", "a", "app", None),
]
LAND = {"007": "SE", "7": "SE", "Åsa": "NO", "late": "IS"}
LIVES = {
    "lifecycle": lambda j, by: lifecycle(j, inactive="9D", by=by).query("metric == 'customers'"),
    "rfm": lambda j, by: rfm_segments(j, by=by).query("metric == 'customers'"),
}


def journeys(unit: str, **options) -> Journeys:
    names = ["customer_id", "account_id", "day", "stage", "channel", "value"]
    frame = pd.DataFrame(ROWS, columns=names)
    frame["ts"] = pd.to_datetime("2026-" + frame.pop("day"))
    frame["land"] = frame["customer_id"].map(LAND)
    return Journeys.from_frame(frame, stages=MODEL, channel="channel", unit=unit, **options)


@pytest.mark.parametrize("metric", [funnel, variants, value, lifecycle, retention, churn])
def test_who_joins_an_account_later_is_not_counted_yet(metric) -> None:
    j = journeys("account", observed_until="2026-02-10")
    seen = len({who for who, firm, day, *_ in ROWS if firm and day < "02-10"})
    assert metric(j)["customers"].max() <= seen == 3
    assert set(j.groups(["land"])) == {("SE",), ("NO",)}
    everyone = journeys("account", observed_until="2026-03-01")
    assert value(everyone)["customers"].max() == 4
    assert set(everyone.groups(["land"])) == {("(several)",)}


def test_floats_have_one_spelling_whatever_the_engine() -> None:
    levels = [1e7, 0.1, float("nan"), 2.5e16, -0.0]
    frame = pd.DataFrame({"customer_id": list("vwxyz"), "level": levels, "stage": "a"})
    frame["ts"] = pd.Timestamp("2026-01-20")
    frame["account_id"] = ["one", "one", "two", "three", "four"]
    frame["narrow"] = frame["level"].astype("float32")
    j = Journeys.from_frame(frame, stages=MODEL)
    assert j.groups(["narrow"]) == j.groups(["level"])
    assert j.groups(["level"]) == [
        (name,) for name in ("(unknown)", "0.0", "0.1", "10000000.0", "2.5e+16")
    ]
    by_account = Journeys.from_frame(frame, stages=MODEL, unit="account")
    assert by_account.groups(["level"]) == [
        (name,) for name in ("(several)", "(unknown)", "0.0", "2.5e+16")
    ]


def test_the_buying_view_knows_the_members_up_to_the_purchase() -> None:
    j = journeys("account", view="buying", observed_until="2026-03-01")
    assert value(j)["customers"].max() == 3
    assert set(j.groups(["land"])) == {("SE",), ("NO",)}


@pytest.mark.parametrize("unit", ["customer", "session", "account"])
@pytest.mark.parametrize("by", ["month", "channel", ["land", "month"]])
@pytest.mark.parametrize("name", LIVES)
def test_lives_that_began_before_the_period_have_a_segment(unit, by, name) -> None:
    j = journeys(unit, start="2026-02-01", end="2026-03-01")
    whole = LIVES[name](j, None)["value"].sum()
    assert LIVES[name](j, by)["value"].sum() == whole > 0


@pytest.mark.parametrize("unit", ["customer", "session", "account"])
def test_models_and_churn_of_lives_from_before_the_period(unit) -> None:
    j = journeys(unit, start="2026-02-01", end="2026-03-01")
    alive = clv(j, by="month").query("metric == 'alive'")
    assert alive.set_index("report_period")["n"].to_dict() == {"2026-01": 1, "2026-02": 1}
    lost = churn(j, inactive="14D", by="month").query("report_period == '2026-01'")
    assert lost["n"].tolist() == churn(j, inactive="14D")["n"].tolist()


@pytest.mark.parametrize("unit", ["customer", "session", "account"])
def test_a_negative_purchase_is_a_return_without_orders_too(unit) -> None:
    j = journeys(unit)
    assert sorted(j.purchases.execute()["value"]) == [10, 30]
    second = repurchase(j, orders=2).query("metric == 'repurchase'")
    assert second["hits"].fillna(0).tolist() == [0]
    shares = rfm_segments(j).query("metric == 'value_share'")["value"]
    assert shares.between(0, 1).all() and shares.sum() == pytest.approx(1)
