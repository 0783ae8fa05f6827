"""Features are the same on DuckDB and on Spark, to 1e-9."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from spark_nasty import IDS, options

from cjlab.journey import Journeys
from cjlab.personas import PersonaModel, _distinct
from cjlab.personas._features import batches, measure
from cjlab.personas.scoring import score

pytestmark = [pytest.mark.needs("spark")]
NIGHT = "2026-03-29 01:30"
DAYS = [pd.Timestamp(at) for at in (NIGHT, "2025-11-02 05:00", "2026-04-01 00:00", NIGHT)]
RECORDS = {
    "orders": {
        "value": [10.1, -3, 0, 7], "quantity": [1.5, None, 2, 0], "margin": [1, None, 2, -4],
        "discount": [None, 1, 1, 0.07],
    },
    "responses": {
        "kind": ["nps", "csat", "nps", "nps"], "score": [" 10 ", "5", None, "3.0"],
        "text": [None] * 4, "invited_ts": [DAYS[1], None, DAYS[1], DAYS[2]],
    },
    "tickets": {},
}  # fmt: skip
MONEY = {"value", "margin", "discount"}
SELECT = ["auto", "journey", "value", "survey", "support", "declared"]


def journeys(engine: str) -> Journeys:
    """The nasty frame with equal instants, nulls and zeros in every other table."""
    j = Journeys.from_frame(**options("ids"), engine=engine)
    j.minimum = 1
    for name, columns in RECORDS.items():
        ts = {"opened" if name == "tickets" else "ts": DAYS}
        frame = pd.DataFrame({"customer_id": [*IDS[:3], IDS[0]], **ts, **columns})
        table = pa.Table.from_pandas(frame, preserve_index=False)
        for at, field in enumerate(table.schema):
            kind = pa.decimal128(18, 4) if field.name in MONEY else field.type
            kind = pa.timestamp("us") if pa.types.is_timestamp(kind) else kind
            kind = pa.string() if pa.types.is_null(kind) else kind
            table = table.set_column(at, field.name, table[at].cast(kind))
        if engine == "spark":
            j.con.add(name, table)
        else:
            j.con.create_table(name, table, overwrite=True)
    return j


@pytest.mark.parametrize("bits", [48, 2])
def test_both_engines_measure_the_same(
    spark: object, monkeypatch: pytest.MonkeyPatch, bits: int
) -> None:
    monkeypatch.setattr(_distinct, "BITS", bits)
    expected, found = (measure(journeys(engine), select=SELECT) for engine in ("duckdb", "spark"))
    assert {"last_score", "discount_share", "answer_share", "tickets", "age"} <= set(expected)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-12)
    assert found.attrs == expected.attrs


def test_both_engines_place_alike_range_by_range(spark: object, tmp_path: Path) -> None:
    frame = measure(journeys("duckdb"))
    model = PersonaModel(n_personas=2, n_draws=3).fit(frame)
    for engine in ("duckdb", "spark"):
        frames = batches(journeys(engine), frame.attrs["features"], -(-len(frame) // 2))
        score(frames, model, ["P1", "P2"], "hash", tmp_path / engine)
    found = pd.read_parquet(tmp_path / "duckdb")
    assert found["persona"].tolist() == [f"P{code + 1}" for code in model.labels_]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "spark"), found)
