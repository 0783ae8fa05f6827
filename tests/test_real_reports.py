"""The whole report on real data, and its facts counted a second time with pandas."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import cjlab as cj

pytestmark = pytest.mark.needs("data")


@pytest.fixture(scope="module")
def report(
    repo: Path, real_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[cj.Study, Path]]:
    """Return a function that publishes the report of one of the real studies, once."""
    made: dict[str, tuple[cj.Study, Path]] = {}

    def make(name: str) -> tuple[cj.Study, Path]:
        if name not in made:
            folder = real_data(name)
            root = tmp_path_factory.mktemp(name)
            source = repo / "tests" / "studies" / name
            ignore = shutil.ignore_patterns(".cjlab")
            shutil.copytree(source, root / name, ignore=ignore)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("CJLAB_DATA", str(folder.parent))
                study = cj.open_study(root / name)
                run = cj.report.run(study, out=root / "reports", progress=False)
            made[name] = (study, run.path)
        return made[name]

    return make


def test_complete_journey(
    report: Callable[[str], tuple[cj.Study, Path]], real_data: Callable[[str], Path]
) -> None:
    study, path = report("complete_journey")
    folder = real_data("complete_journey")
    lines = pd.read_parquet(folder / "transactions_sample.parquet")
    summary = json.loads((path / "summary.json").read_text())
    assert summary["period"]["label"] == "2017Q4"
    orders = study.orders.execute()
    assert int(orders["lines"].sum()) == len(lines) == 75_000
    assert orders["customer_id"].nunique() == lines["household_id"].nunique() == 2_377
    assert len(orders) == lines["basket_id"].nunique() == 47_243
    assert float(orders["value"].sum()) == pytest.approx(lines["sales_value"].sum(), abs=1e-6)
    page = (path / "02_journey_stages.html").read_text()
    assert "Campaign received" in page and "Coupon redeemed" in page


def test_complete_journey_funnel_by_a_plain_loop(
    report: Callable[[str], tuple[cj.Study, Path]], real_data: Callable[[str], Path]
) -> None:
    """From the raw files: campaign, then coupon, then basket within 30 days, every start."""
    _, path = report("complete_journey")
    folder = real_data("complete_journey")
    sent = pd.read_parquet(folder / "campaigns.parquet").merge(
        pd.read_parquet(folder / "campaign_descriptions.parquet"), on="campaign_id"
    )
    redeemed = pd.read_parquet(folder / "coupon_redemptions.parquet")
    bought = pd.read_parquet(folder / "transactions_sample.parquet")
    start, end = pd.Timestamp("2017-10-01"), pd.Timestamp("2018-01-01")
    window = pd.Timedelta("30D")

    def times(frame: pd.DataFrame, column: str) -> dict[str, list[pd.Timestamp]]:
        kept = frame[frame[column] < end]
        return {
            who: sorted(rows)
            for who, rows in kept.groupby(kept["household_id"].astype(str))[column]
        }

    baskets = bought.groupby(["household_id", "basket_id"])["transaction_timestamp"].min()
    mail = times(sent, "start_date")
    coupon = times(redeemed, "redemption_date")
    basket = times(baskets.reset_index(), "transaction_timestamp")
    reached = [0, 0, 0]
    for who, begun in mail.items():
        starts = [ts for ts in begun if ts >= start]
        if not starts or starts[0] + window >= end:
            continue
        level = 0
        for first in starts:
            used = [ts for ts in coupon.get(who, []) if first <= ts <= first + window]
            if used:
                level = max(level, 1)
                if any(used[0] <= ts <= first + window for ts in basket.get(who, [])):
                    level = 2
        for place in range(level + 1):
            reached[place] += 1
    found = pd.read_parquet(path / "tables" / "funnel.parquet").query("metric == 'reached'")
    assert found["value"].astype(int).tolist() == reached


def test_online_retail(
    report: Callable[[str], tuple[cj.Study, Path]], real_data: Callable[[str], Path]
) -> None:
    study, path = report("online_retail")
    raw = pd.read_parquet(real_data("online_retail") / "onlineretail.parquet")
    summary = json.loads((path / "summary.json").read_text())
    rows = next(s for s in summary["quality"]["sources"] if s["table"] == "orders")
    assert rows["rows_in"] == len(raw) == 541_909
    assert rows["rejected"] == int(raw["CustomerID"].isna().sum()) == 135_080
    assert rows["rows_in"] == rows["accepted"] + rows["rejected"] + rows["dropped"]
    known = raw[raw["CustomerID"].notna()]
    orders = study.orders.execute()
    assert orders["customer_id"].nunique() == known["CustomerID"].nunique() == 4_372
    assert len(orders) == known["InvoiceNo"].nunique()
    total = (known["Quantity"] * known["UnitPrice"]).round(4).sum()
    assert float(orders["value"].sum()) == pytest.approx(total, abs=0.005)
    assert "135,080" in (path / "index.html").read_text()
