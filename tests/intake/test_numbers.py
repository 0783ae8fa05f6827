"""Amounts are exact decimals; what is no number is refused, never read as another one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

DAY = dt.datetime(2026, 1, 1)


def amounts(bench, texts: list[str], **source) -> dict[str, Decimal]:
    rows = "".join(f"{n};2026-01-01;{text}\n" for n, text in enumerate(texts))
    rows += "k;2026-01-01;1\n"
    study = bench.orders(rows, **source)
    frame = study.opened.raw_sql("SELECT customer_id, value FROM orders").fetchall()
    return {texts[int(i)]: value for i, value in frame if i != "k"}


POINT = {
    "1.5": "1.5",
    "-.5": "-0.5",
    "+2": "2",
    "3.": "3",
    "1e3": "1000",
    "1 234.50": "1234.50",
    "1\u00a0234\u202f567": "1234567",
    " 7 ": "7",
    "0.00005": "0.0001",
    "999999999999": "999999999999",
}
COMMA = {"1,5": "1.5", "1.234,50": "1234.50", "1.234": "1234", "1 234,5": "1234.5", ",5": "0.5"}


@pytest.mark.parametrize(("decimal", "values"), [(".", POINT), (",", COMMA)])
def test_numbers(bench, decimal: str, values: dict[str, str]) -> None:
    found = amounts(bench, list(values), decimal=decimal)
    assert found == {text: Decimal(value) for text, value in values.items()}


@pytest.mark.parametrize(
    ("decimal", "text"),
    [
        (".", t)
        for t in ("1,5", "1,234.5", "abc", "1e400", "NaN", "inf", "10 20", "€ 5", "--1", "0x1F")
    ]
    + [(",", t) for t in ("1.5", "1.23.456", "1,2,3", "12,5 kr")],
)
def test_what_is_no_number(bench, decimal: str, text: str) -> None:
    study = bench.orders(f"a;2026-01-01;{text}\nk;2026-01-01;1\n", decimal=decimal)
    assert bench.rules(study) == [(1, "not_a_number", "value", text)]


def test_a_blank_amount_is_missing(bench) -> None:
    study = bench.orders("a;2026-01-01;\nb;2026-01-01; \nk;2026-01-01;1\n")
    assert [rule for _, rule, _, _ in bench.rules(study)] == ["missing", "missing"]


@pytest.mark.parametrize("text", ["1e12", "-1000000000000", "90000000000000"])
def test_amounts_beyond_sense(bench, text: str) -> None:
    study = bench.orders(f"a;2026-01-01;{text}\nk;2026-01-01;1\n")
    assert bench.rules(study) == [(1, "out_of_range", "value", text)]


def test_quantities_beyond_sense_never_reach_the_store(bench) -> None:
    text = "customer_id,ts,value,quantity\na,2026-01-01,1,1e300\nk,2026-01-01,1,2.5\n"
    study = bench.study({"o.csv": text}, {"orders": {"path": "o.csv"}})
    assert bench.rules(study) == [(1, "out_of_range", "quantity", "1e300")]
    assert study.opened.raw_sql("SELECT quantity FROM orders").fetchall() == [(2.5,)]


def test_a_decimal_comma_that_is_not_declared_gets_a_hint(bench) -> None:
    bench.fails(bench.orders("a;2026-01-01;1,5\n"), "not_a_number", 'decimal: ","')


def test_whole_numbers_are_not_rounded(bench) -> None:
    rows = "a,2026-01-01,x,1.0\nb,2026-01-01,x,1.5\nc,2026-01-01,x,\nd,2026-01-01,x,12\n"
    study = bench.study({"e.csv": "customer_id,ts,touchpoint,seq\n" + rows})
    assert bench.rules(study) == [(2, "not_a_number", "seq", "1.5")]
    accepted = bench.accepted(study)
    assert accepted["seq"].fillna(-1).tolist() == [1, -1, 12]
    typed = bench.parquet(
        customer_id=["a", "b", "c"], ts=[DAY] * 3, touchpoint=["x"] * 3, seq=[1.0, 1.5, None]
    )
    assert bench.ids(bench.study({"e.parquet": typed})) == ["a", "c"]


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ([1.1, float("nan"), float("inf")], [Decimal("1.1")]),
        ([Decimal("1.23"), None, Decimal("-0.01")], [Decimal("1.23"), Decimal("-0.01")]),
        ([1, 2, -3], [1, 2, -3]),
        (["1.5", "x", None], [Decimal("1.5")]),
    ],
)
def test_typed_amounts(bench, values: list, accepted: list) -> None:
    table = bench.parquet(customer_id=["a", "b", "c"], ts=[DAY] * 3, value=values)
    study = bench.study({"o.parquet": table}, {"orders": {"path": "o.parquet"}})
    rows = study.opened.raw_sql("SELECT value FROM orders ORDER BY customer_id").fetchall()
    assert [row[0] for row in rows] == accepted
    assert len(bench.rules(study)) == 3 - len(accepted)


def test_sums_of_money_are_exact(bench) -> None:
    lines = ["0.1"] * 10 + ["-1"]
    rows = "".join(f"a;2026-01-01;{line};o1\n" for line in lines)
    text = "customer_id;ts;value;order_id\n" + rows
    study = bench.study({"o.csv": text}, {"orders": {"path": "o.csv"}})
    assert study.opened.raw_sql("SELECT value, lines FROM orders").fetchall() == [(Decimal(0), 11)]


CURRENCIES = "a;2026-01-01;1;EUR\nb;2026-01-01;1; eur\nc;2026-01-01;1;SEK\nd;2026-01-01;1;\n"


def test_several_currencies(bench) -> None:
    text = "customer_id;ts;value;currency\n" + CURRENCIES
    source = {"orders": {"path": "o.csv"}}
    bench.fails(bench.study({"o.csv": text}, source), "EUR, SEK", "currency:")
    study = bench.study({"o.csv": text}, source, currency="EUR")
    assert bench.rules(study) == [(3, "foreign_currency", "currency", "SEK")]
    assert bench.ids(study, "orders") == ["a", "b", "d"]
