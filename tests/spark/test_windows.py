"""The portable windows equal the hand-written SQL, on DuckDB and on Spark."""

from __future__ import annotations

import random
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from cjlab import store_windows, windows
from cjlab.engine import connect

pytestmark = [pytest.mark.needs("spark")]
PURCHASE = 2
TYPES = {
    **dict.fromkeys(windows.KEPT, pa.int32()),
    **{"ts": pa.timestamp("us"), "stage": pa.int16(), "seq": pa.int64()},
    **dict.fromkeys(["value", "cost"], pa.decimal128(18, 4)),
    **{"tie": pa.int64(), "step": pa.int32(), "colour of it": pa.string()},
}
MINUTES = [0, 0, 15, 30, 30 + 1 / 60e6, 45, 60, 75.5, 1440]


def coded(seed: int, rows: int) -> pa.Table:
    """Events in codes with ties, nulls and gaps of exactly half an hour, in no order."""
    rng = random.Random(seed)
    tie = rng.sample(range(rows), rows)
    minutes = sorted(pd.Timedelta(rng.choice(MINUTES), "min").round("us") for _ in range(rows))
    table: dict[str, list[Any]] = {name: [] for name in TYPES}
    for n in rng.sample(range(rows), rows):  # by now the customers' own order is that of time
        event = {name: rng.choice([0, 1, 2, 3, None]) for name in windows.SAID}
        event |= {"unit": rng.randrange(1 + rows // 8), "customer": rng.randrange(4)}
        at = pd.Timestamp("2026-03-29 00:30") + minutes[n]
        event |= {"ts": at, "touchpoint": rng.randrange(3)}
        event |= {"seq": rng.choice([1, None]), "tie": tie[n], "step": n}
        event |= {"colour of it": rng.choice(["red", "blå", None])}
        for name in TYPES:
            table[name].append(event.get(name))
    return pa.table({name: pa.array(table[name], kind) for name, kind in TYPES.items()})


def named(events: pa.Table) -> pa.Table:
    units = sorted(set(events["unit"].to_pylist()))
    ids = pa.array([f"Å{unit}" for unit in units], pa.string())
    return pa.table({"unit": pa.array(units, pa.int32()), "customer_id": ids})


def made(table: ibis.Table, units: ibis.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    return table.order_by("unit", "step").execute(), units.order_by("unit").execute()


@pytest.mark.parametrize("ties", windows.TIES)
@pytest.mark.parametrize("unit", windows.UNITS)
@pytest.mark.parametrize("rows", [0, 1, 200])
def test_three_ways_to_the_same_store(rows: int, unit: str, ties: str, spark: Any) -> None:
    from cjlab.spark_store import SparkStore

    events = coded(rows, rows)
    extra = ("colour of it",)
    order = windows.order(unit, ties, extra if unit == "customer" else ())
    found = []
    con = connect()
    duck = ibis.duckdb.from_connection(con)
    other = SparkStore.over(spark)
    for name, table in (("coded", events), ("named", named(events))):
        con.register("given", table)
        con.execute(f"CREATE TABLE {name} AS FROM given")
        con.unregister("given")
        other.add(name, table)
    for backend in (duck, other):
        portable = store_windows.events(backend.table("coded"), order)
        if backend is other:
            other.add("event", portable, keep=True)
            portable = other.table("event")
        units = store_windows.units(portable, backend.table("named"), PURCHASE)
        found.append(made(portable, units))
    windows.make(con, order, PURCHASE, extra)
    expected = made(duck.table("event"), duck.table("unit"))
    assert len(expected[0]) == rows
    for event, who in found:
        pd.testing.assert_frame_equal(event[expected[0].columns], expected[0])
        pd.testing.assert_frame_equal(who, expected[1])
