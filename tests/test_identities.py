"""Aliases are one customer everywhere; match rates and clocks are told."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cjlab import linkage
from cjlab.errors import UserError
from cjlab.study import Study, open_study

WEB = (
    "customer_id,ts,touchpoint\n"
    "a,2026-01-01 10:00,home\ncookie-1,2026-01-01 10:05,cart\nb,2026-01-02,home\n"
)
CRM = "customer_id,country\na,SE\nb,NO\nA-77,SE\n"
ORDERS = "customer_id,ts,value,order_id\nA-77,2026-01-01 10:06,50,1\nz,2026-01-03,20,2\n"
ALIASES = "customer_id,alias\na,cookie-1\ncookie-1,A-77\n"


def study(folder: Path, aliases: str | None = ALIASES, **files: str) -> Study:
    texts = {"events": WEB, "orders": ORDERS, "customers": CRM} | files
    said: dict = {"name": "test", "sources": {}}
    for table, text in texts.items():
        (folder / f"{table}.csv").write_text(text)
        said["sources"][table] = {"path": f"{table}.csv"}
    if aliases is not None:
        (folder / "identities.csv").write_text(aliases)
        said["identities"] = "identities.csv"
    (folder / "study.yaml").write_text(yaml.safe_dump(said))
    return open_study(folder)


def journeys(found: Study) -> dict[str, list[str]]:
    events = found.events.execute().sort_values("step")
    return {who: list(part) for who, part in events.groupby("customer_id")["touchpoint"]}


def test_an_alias_is_its_customer_in_every_table(tmp_path: Path) -> None:
    found = study(tmp_path)
    assert {who: len(path) for who, path in journeys(found).items()} == {"a": 3, "b": 1, "z": 1}
    assert found.orders.execute()["customer_id"].tolist() == ["a", "z"]
    assert found.customers.execute()["customer_id"].tolist() == ["a", "b"]


def test_rows_in_stay_rows_accepted_refused_and_dropped(tmp_path: Path) -> None:
    for source in study(tmp_path).intake.sources:
        assert source.rows_in == source.accepted + source.rejected + source.dropped
    aliased = study(tmp_path).check().query("rule == 'alias'").set_index("source")["rows"]
    assert aliased.to_dict() == {"events.csv": 1, "orders.csv": 1, "customers.csv": 1}


def test_without_the_file_they_are_four_people(tmp_path: Path) -> None:
    assert len(journeys(study(tmp_path, aliases=None))) == 5


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    assert len(journeys(study(tmp_path))) == 3
    assert len(journeys(study(tmp_path, aliases="customer_id,alias\na,cookie-1\n"))) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customer,alias\na,b\n", 'no column "customer_id"'),
        ("customer_id,alias\na,b\n,c\n", "row 2: customer_id is empty"),
        ("customer_id,alias\na,c\nb,c\n", 'row 2: "c" is an alias of "a" already'),
        ("customer_id,alias\na,b\nb,c\nc,a\n", "go round in a circle"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        _ = study(tmp_path, aliases=text).intake
    assert str(caught.value).startswith("identities.csv: ")
    assert "\n" not in str(caught.value)


def test_an_alias_of_itself_is_nothing(tmp_path: Path) -> None:
    assert len(journeys(study(tmp_path, aliases="customer_id,alias\na,a\na,cookie-1\n"))) == 4


def test_match_rates_by_hand(tmp_path: Path) -> None:
    found = linkage.match_rates(study(tmp_path)).query("metric == 'matched'")
    shown = found.set_index("table")[["hits", "n", "value"]].T.to_dict("list")
    assert shown["events"] == [2, 2, 1.0]
    assert shown["orders"] == [1, 2, 0.5]
    assert shown["customers"] == [2, 2, 1.0]
    before = linkage.match_rates(study(tmp_path, aliases=None)).query("metric == 'matched'")
    assert before.set_index("table").loc["orders", "hits"] == 1


def logged(shift: str, seed: int) -> dict[str, str]:
    """Orders that the web shop saw too, on a clock of its own, among much else."""
    random.seed(seed)
    web, orders = ["customer_id,ts,touchpoint"], ["customer_id,ts,value,order_id"]
    for who in range(60):
        for number in range(5):
            at = pd.Timestamp("2026-01-01") + pd.Timedelta(random.randrange(80 * 86400), "s")
            orders.append(f"c{who},{at},10,{who}-{number}")
            seen = at + pd.Timedelta(shift) + pd.Timedelta(random.randrange(4), "s")
            web.append(f"c{who},{seen},order placed")
            for _ in range(3):
                other = at + pd.Timedelta(random.randrange(-40000, 40000), "s")
                web.append(f"c{who},{other},page")
    return {"events": "\n".join(web) + "\n", "orders": "\n".join(orders) + "\n"}


@pytest.mark.parametrize("shift", ["0s", "37s", "-90s", "3600s", "-2h"])
def test_a_skewed_clock_is_found(tmp_path: Path, shift: str) -> None:
    found = linkage.clock_skew(study(tmp_path, aliases=None, **logged(shift, 1)))
    row = found.query("metric == 'skew' and other == 'orders: orders.csv'").iloc[0]
    assert row["value"] == pytest.approx(pd.Timedelta(shift).total_seconds() + 1.5, abs=2)


def test_clocks_without_common_moments_are_not_compared(tmp_path: Path) -> None:
    files = logged("0s", 2)
    rows = [line for line in files["events"].splitlines() if "order" not in line]
    found = linkage.clock_skew(
        study(tmp_path, aliases=None, events="\n".join(rows) + "\n", orders=files["orders"])
    )
    row = found.query("metric == 'skew'").iloc[0]
    assert pd.isna(row["value"])
    assert (row["status"], row["note"]) == ("not_estimable", "no_common_moments")
