"""Real exports add up to the row and to the cent; each fact is counted anew by pandas or SQL."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from cjlab.study import Study, open_study

pytestmark = pytest.mark.needs("data")
REPO = Path(__file__).parents[1]
Find = Callable[[str], Path]


@pytest.fixture(scope="module")
def opened(real_data: Find, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Study]:
    """Return a function that opens a copy of a study, so that nothing is written beside it."""
    kept: dict[str, Study] = {}

    def open_copy(name: str) -> Study:
        if name not in kept:
            os.environ["CJLAB_DATA"] = str(real_data(name).parent)
            kept[name] = open_study(copy_study(name, tmp_path_factory.mktemp(name)))
        return kept[name]

    return open_copy


def copy_study(name: str, target: Path) -> Path:
    for file in (REPO / "tests" / "studies" / name).glob("*.*"):
        if file.is_file():
            shutil.copy(file, target)
    return target


@pytest.fixture(scope="module")
def retail(opened: Callable[[str], Study], real_data: Find) -> tuple[Study, Path]:
    return opened("online_retail"), real_data("online_retail") / "onlineretail.parquet"


def everything(study: Study) -> str:
    """Return SQL over all order lines, accepted and refused: who, order_id, quantity, value."""
    accepted = study.quarantine.parent / "accepted_orders.parquet"
    field = "record ->> '$.{0}'".format
    assert study.intake is not None
    return f"""(
        SELECT customer_id, order_id, quantity, value FROM '{accepted}' UNION ALL
        SELECT {field("customer_id")}, {field("order_id")}, CAST({field("quantity")} AS DOUBLE),
            CAST({field("value")} AS DECIMAL(18,4))
        FROM '{study.quarantine}' WHERE "table" = 'orders')"""


def test_online_retail_reconciles(retail: tuple[Study, Path]) -> None:
    study, _ = retail
    orders = next(s for s in study.intake.sources if s.table == "orders")
    assert (orders.rows_in, orders.accepted, orders.rejected, orders.dropped) == (
        541_909,
        406_829,
        135_080,
        0,
    )
    assert not orders.over_limit
    found = {(c.rule, c.column): c.rows for c in study.intake.counts if c.table == "orders"}
    assert found[("missing", "customer_id")] == 135_080
    assert found[("duplicate_order_line", None)] == 5_225


def test_online_retail_keeps_every_fact(retail: tuple[Study, Path]) -> None:
    study, _ = retail
    whole = everything(study)
    row = duckdb.sql(
        "SELECT count(*), count(*) FILTER (WHERE order_id LIKE 'C%'), "
        "count(*) FILTER (WHERE quantity <= 0), sum(value), count(DISTINCT order_id), "
        f"count(DISTINCT customer_id) FROM {whole}"
    ).fetchone()
    assert row is not None
    assert row[:3] == (541_909, 9_288, 10_624)
    assert row[3].quantize(Decimal("0.01")) == Decimal("9747747.93")
    assert row[4:] == (25_900, 4_372)


def test_online_retail_copies_among_all_rows(retail: tuple[Study, Path]) -> None:
    """5,268 exact copies in the file: those noted among the accepted and those in quarantine."""
    study, file = retail
    both = duckdb.sql(
        "SELECT sum(n - 1) FILTER (WHERE CustomerID IS NULL), "
        "sum(n - 1) FILTER (WHERE CustomerID IS NOT NULL) "
        f"FROM (SELECT *, count(*) AS n FROM '{file}' GROUP BY ALL)"
    ).fetchone()
    assert both is not None
    quarantined, accepted = int(both[0]), int(both[1])
    assert (accepted, accepted + quarantined) == (5_225, 5_268)
    refused = duckdb.sql(
        f"SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM '{study.quarantine}' "
        "WHERE \"table\" = 'orders' GROUP BY record)"
    ).fetchone()
    assert refused == (quarantined,)


def test_online_retail_orders(retail: tuple[Study, Path]) -> None:
    """Lines that share customer and invoice are one order; its total says order or return."""
    study, file = retail
    frame = study.orders.execute()
    plain = duckdb.sql(
        "SELECT CustomerID AS who, InvoiceNo AS invoice, "
        "sum(CAST(Quantity * UnitPrice AS DECIMAL(18,4))) AS value, count(*) AS lines "
        f"FROM '{file}' WHERE CustomerID IS NOT NULL GROUP BY ALL"
    ).df()
    assert len(frame) == len(plain) == 22_190
    assert frame["lines"].sum() == plain["lines"].sum() == 406_829
    assert frame["customer_id"].nunique() == 4_372
    returns = study.events.filter(study.events.touchpoint == "return").count().execute()
    assert returns == (plain["value"] < 0).sum()


def test_online_retail_in_a_fresh_process(retail: tuple[Study, Path], tmp_path: Path) -> None:
    """Under 15 s and 1.5 GB."""
    folder = copy_study("online_retail", tmp_path)
    code = "import sys; from cjlab.study import open_study; open_study(sys.argv[1]).intake"
    env = {**os.environ, "PYTHONPATH": str(REPO), "CJLAB_DATA": os.environ["CJLAB_DATA"]}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, str(folder)], env=env, check=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: others may share this machine's clock.
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 15
    assert after.ru_maxrss / 1024 < 1_500


def test_complete_journey(opened: Callable[[str], Study], real_data: Find) -> None:
    study, data = opened("complete_journey"), real_data("complete_journey")
    assert [(s.rows_in, s.rejected, s.dropped) for s in study.intake.sources] == [
        (6_589, 0, 0),
        (2_102, 0, 0),
        (75_000, 0, 0),
        (801, 0, 0),
    ]
    orders = study.orders.execute()
    plain = duckdb.sql(
        "SELECT count(DISTINCT household_id), count(DISTINCT basket_id), "
        "count(DISTINCT (household_id, basket_id)), sum(CAST(sales_value AS DECIMAL(18,4))) "
        f"FROM '{data / 'transactions_sample.parquet'}'"
    ).fetchone()
    assert plain is not None
    assert plain[:3] == (2_377, 47_243, 47_243)  # no basket is shared by two households
    assert (orders["customer_id"].nunique(), len(orders)) == plain[:2]
    assert (orders["value"].sum(), orders["lines"].sum()) == (plain[3], 75_000)
    campaigns = duckdb.sql(
        f"SELECT count(DISTINCT campaign_id) FROM '{data / 'campaigns.parquet'}'"
    ).fetchone()
    assert campaigns == (27,)


def test_complete_journey_in_new_york(real_data: Find, tmp_path: Path, monkeypatch) -> None:
    """In New York 16 lines lie in the hour that spring skips: refused, and 5 baskets with them."""
    monkeypatch.setenv("CJLAB_DATA", str(real_data("complete_journey").parent))
    file = copy_study("complete_journey", tmp_path) / "study.yaml"
    file.write_text(file.read_text().replace("timezone: UTC", "timezone: America/New_York"))
    study = open_study(tmp_path)
    orders = next(s for s in study.intake.sources if s.table == "orders")
    data = real_data("complete_journey") / "transactions_sample.parquet"
    skipped = duckdb.sql(
        f"SELECT count(*) FROM '{data}' WHERE strftime(transaction_timestamp, '%c') IS NOT NULL "
        "AND transaction_timestamp >= TIMESTAMP '2017-03-12 02:00' "
        "AND transaction_timestamp < TIMESTAMP '2017-03-12 03:00'"
    ).fetchone()
    assert skipped == (orders.rejected,) == (16,)
    assert study.orders.count().execute() == 47_238
