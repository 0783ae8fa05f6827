"""Features computed in the engine equal a plain second computation on a small log."""

from datetime import datetime
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from cjlab.errors import UserError
from cjlab.journey.base import Journeys
from cjlab.personas._features import Feature, measure

ZONE = "Europe/Stockholm"
UNTIL = datetime(2026, 6, 1, tzinfo=ZoneInfo(ZONE))


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(4)
    rows = []
    for customer in range(60):
        for _ in range(1 + int(rng.integers(8))):
            # Across both changes of the clock, with sessions of one to three events.
            start = pd.Timestamp("2025-10-01", tz="UTC") + pd.Timedelta(
                minutes=int(rng.integers(240 * 1440))
            )
            channel = rng.choice(["web", "app", "fax", ""], p=[0.5, 0.4, 0.02, 0.08])
            for event in range(1 + int(rng.integers(3))):
                ts = start + pd.Timedelta(minutes=11 * event)
                rows.append((f"c{customer:02d}", ts, "see", channel or None))
    return pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "channel"])


@pytest.fixture(scope="module")
def j(log):
    made = Journeys.from_frame(
        log, stages=["see", "buy"], channel="channel", timezone=ZONE, observed_until="2026-06-01"
    )
    made.minimum = 1  # this small log is about values; who may be named has a test of its own
    return made


def plainly(rows):
    """One customer's features, event by event."""
    times = sorted(rows["ts"])
    starts = [t for i, t in enumerate(times) if i == 0 or (t - times[i - 1]).seconds > 1800
              or (t - times[i - 1]).days > 0]  # fmt: skip
    local = [t.tz_convert(ZONE) for t in starts]
    days = sorted({t.date() for t in local})
    gaps = [(b - a).days for a, b in pairwise(days)]
    tenure = (UNTIL - times[0]).total_seconds() / 86400
    known = rows["channel"].dropna()
    spread = np.std(gaps) / np.mean(gaps) if len(gaps) >= 3 else np.nan
    return {
        "recency_days": (UNTIL - times[-1]).total_seconds() / 86400,
        "tenure_days": tenure,
        "frequency": len(days) / max(tenure / 30, 1),
        "median_gap_days": median(gaps) if gaps else np.nan,
        "regularity": 1 / (1 + spread),
        "evening_share": np.mean([t.hour >= 18 for t in local]),
        "weekend_share": np.mean([t.weekday() >= 5 for t in local]),
        "events_per_session": len(times) / len(starts),
        "share_web": (known == "web").mean() if len(known) else np.nan,
        "share_app": (known == "app").mean() if len(known) else np.nan,
    }


def test_features_equal_a_plain_second_computation(log, j):
    found = measure(j)
    log = log.drop_duplicates()
    seen = log[log["ts"] < UNTIL]
    expected = pd.DataFrame({who: plainly(rows) for who, rows in seen.groupby("customer_id")}).T
    assert found.index.to_list() == expected.index.to_list()
    names = [name for name in found if name in expected]
    assert set(expected) == set(names)
    pd.testing.assert_frame_equal(
        found[names],
        expected[names].astype(float),
        check_names=False,
        check_index_type=False,
        rtol=1e-9,
    )
    assert found["median_gap_days"].isna().any(), "the log needs a customer of one day"


def test_a_channel_of_few_is_never_named_nor_pooled_alone():
    rows = [
        (f"c{who:03d}", f"2026-01-{day:02d} 10:00", "see", channel)
        for who in range(120)
        for day in (3, 9, 20)
        for channel in ["Advisor Anna" if who < 4 else "app" if who % 3 else "web"]
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "channel"])
    found = measure(Journeys.from_frame(log, stages=["see", "buy"], channel="channel"))
    shares = [name for name in found if name.startswith("share_")]
    assert shares == ["share_app", "share_other_channels"]
    assert (found["share_other_channels"] > 0).sum() == 4 + 38  # Anna's four and the web's
    np.testing.assert_allclose(found[shares].sum(axis=1), 1)


def test_channel_shares_add_up_to_one(j):
    found = measure(j)
    shares = found[[f.name for f in found.attrs["features"] if f.group == "channel"]]
    np.testing.assert_allclose(shares.dropna().sum(axis=1), 1)


def test_only_what_lies_before_the_end_counts(log):
    cut = datetime(2026, 2, 1, tzinfo=ZoneInfo(ZONE))
    whole = Journeys.from_frame(
        log, stages=["see", "buy"], channel="channel", timezone=ZONE, end="2026-02-01"
    )
    short = Journeys.from_frame(
        log[log["ts"] < cut],
        stages=["see", "buy"],
        channel="channel",
        timezone=ZONE,
        observed_until="2026-02-01",
    )
    pd.testing.assert_frame_equal(measure(whole), measure(short))


def test_a_selection_keeps_its_order_and_names_what_is_wrong(j):
    assert list(measure(j, select=["weekend_share", "recency_days"])) == [
        "weekend_share",
        "recency_days",
    ]
    assert "share_app" in measure(j, select=["channel_mix"])
    with pytest.raises(UserError, match=r'no feature "recency_day"\. Did you mean "recency_days"'):
        measure(j, select=["recency_day"])
    with pytest.raises(UserError, match="empty"):
        measure(j, select=[])


def test_features_of_a_stored_model_keep_their_columns(log, j):
    like = measure(j).attrs["features"] + [
        Feature("share_tv", "Share of tv", "1", "", "channel"),
        Feature("monetary", "Mean order value", "money", "", "value"),
    ]
    later = measure(j, like=like)
    assert list(later) == [feature.name for feature in like]
    assert (later["share_tv"].dropna() == 0).all()
    assert later["monetary"].isna().all()
    pd.testing.assert_frame_equal(later.iloc[:, :-2], measure(j))


def test_orders_become_value_features(log):
    j = Journeys.from_frame(log, stages=["see", "buy"], timezone=ZONE, observed_until="2026-06-01")
    orders = pd.DataFrame(
        [("c00", "2026-03-01", 100.0), ("c00", "2026-04-01", 50.0), ("c00", "2026-04-02", -50.0),
         ("c01", "2026-07-01", 999.0)],
        columns=["customer_id", "ts", "value"],
    )  # fmt: skip
    j.con.raw_sql("DROP TABLE orders")
    orders["ts"] = pd.to_datetime(orders["ts"])
    j.con.create_table("orders", orders)
    assert "orders" not in measure(j).columns  # an outcome: only when asked for
    found = measure(j, select=["orders", "monetary", "tenure_days"])
    assert found.loc["c00", "monetary"] == 75
    assert found.loc["c00", "orders"] == pytest.approx(
        2 / max(found.loc["c00", "tenure_days"] / 30, 1)
    )
    # An order after the end is not known, and not having bought is no amount.
    assert found.loc["c01", "orders"] == 0
    assert np.isnan(found.loc["c01", "monetary"])


def test_features_say_what_they_are_and_none_is_an_outcome(j):
    for feature in measure(j).attrs["features"]:
        assert feature.label and feature.unit and feature.sentence.endswith(".")
        assert not feature.outcome


def test_no_customers_no_rows():
    empty = pd.DataFrame({"customer_id": [], "ts": [], "stage": []}, dtype="str")
    assert measure(Journeys.from_frame(empty, stages=["see"])).empty
