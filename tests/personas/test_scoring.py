"""A model as a file, and customers placed in batches: the same as whole, the same on Spark."""

from __future__ import annotations

import stat
import zipfile
from functools import partial

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from skops import io

from cjlab import personas
from cjlab.errors import CjlabError, UserError
from cjlab.personas import scoring
from cjlab.personas.scoring import SCHEMA, placed, sample, score

IDS = ["P1", "P3", "P4"]


def finish(rows: pd.DataFrame) -> pd.DataFrame:
    """Features from prepared rows; a string column and decimals come as engines give them."""
    frame = rows.set_index("customer_id").sort_index()
    frame.index = frame.index.astype("str")
    return frame.astype("float64")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 700
    kind = rng.integers(3, size=n)
    X = np.eye(3)[kind] * 5 + rng.normal(size=(n, 3))
    X[rng.random(n) < 0.1, 1] = np.nan
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.insert(0, "customer_id", [f"c{i:04d}" for i in rng.permutation(n)])
    return frame


@pytest.fixture(scope="module")
def model(rows):
    return personas.PersonaModel(n_personas=3).fit(finish(rows))


@pytest.fixture
def whole(rows, model) -> pd.DataFrame:
    frame = finish(rows)
    table = pd.DataFrame({"customer_id": frame.index})
    table["persona"] = [IDS[code] for code in model.predict(frame)]
    table["confidence"] = model.confidence(frame).round(6)
    table["model_hash"] = "hash"
    return table.astype({"persona": "str", "model_hash": "str"})


@pytest.mark.parametrize("batch", [1, 64, 10_000])
def test_batches_give_what_the_whole_gives(rows, model, whole, tmp_path, monkeypatch, batch):
    monkeypatch.setattr(scoring, "BATCH", batch)
    some = 40 if batch == 1 else len(rows)
    con = ibis.duckdb.connect()
    table = con.create_table("prepared", rows[:some])
    path = tmp_path / "assigned.parquet"
    score(con, table, finish, model, IDS, "hash", path)
    expected = whole[whole["customer_id"].isin(rows["customer_id"][:some])]
    pd.testing.assert_frame_equal(pd.read_parquet(path), expected.reset_index(drop=True))
    assert pq.read_schema(path).equals(SCHEMA)
    assert [file.name for file in tmp_path.iterdir()] == ["assigned.parquet"]


def elsewhere(batch):
    """What a worker without our packages does."""
    raise ModuleNotFoundError("No module named 'cjlab'")


@pytest.mark.needs("spark")
def test_spark_gives_what_duckdb_gives(rows, model, whole, tmp_path):
    from cjlab.config import Engine
    from cjlab.engine import spark_session, stop_spark
    from cjlab.spark_store import SparkStore

    settings = {
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.execution.arrow.maxRecordsPerBatch": 99,
    }
    con = SparkStore.over(spark_session(Engine(kind="spark", master="local[2]", settings=settings)))
    try:
        con.add("prepared", pa.Table.from_pandas(rows, preserve_index=False))
        table = con.table("prepared")
        score(con, table, finish, model, IDS, "hash", tmp_path / "assigned.parquet")
        drawn = sample(con, table, finish, 50)
        with pytest.raises(UserError, match="workers of Spark need the driver's Python packages"):
            list(scoring._over_spark(con, table, elsewhere))
    finally:
        stop_spark()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "assigned.parquet"), whole)
    duck = ibis.duckdb.connect().create_table("prepared", rows)
    pd.testing.assert_frame_equal(drawn, sample(ibis.get_backend(duck), duck, finish, 50))


def test_without_a_model_nobody_has_a_persona(rows):
    place = partial(placed, finish=finish, model=None, ids=[], name="nobody")
    found = place(pa.RecordBatch.from_pandas(rows[:3], preserve_index=False)).to_pandas()
    assert found["persona"].isna().all() and found["confidence"].isna().all()
    assert found["customer_id"].to_list() == sorted(rows["customer_id"][:3])


def test_what_breaks_in_a_thread_is_told_and_leaves_no_file(rows, tmp_path):
    con = ibis.duckdb.connect()
    table = con.create_table("prepared", rows)
    with pytest.raises(AttributeError):
        score(con, table, finish, object(), IDS, "hash", tmp_path / "assigned.parquet")
    assert not list(tmp_path.iterdir())


def test_a_sample_is_of_the_same_customers_in_any_order(rows, monkeypatch):
    con = ibis.duckdb.connect()
    first = sample(con, con.create_table("one", rows), finish, 100)
    assert len(first) == 100 and first.index.is_monotonic_increasing
    monkeypatch.setattr(scoring, "BATCH", 64)
    mixed = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(sample(con, con.create_table("two", mixed), finish, 100), first)
    # Of half of the customers, those that were drawn before are drawn again.
    half = mixed[mixed["customer_id"] < "c0350"]
    again = sample(con, con.create_table("half", half), finish, 100)
    assert set(first.index[first.index < "c0350"]) <= set(again.index)
    whole = sample(con, con.table("one"), finish, 700)
    pd.testing.assert_frame_equal(whole, finish(rows))


def test_a_model_is_one_file(rows, model, tmp_path):
    path = tmp_path / "p.skops"
    personas.save(model, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["p.skops"]
    loaded = personas.load(str(path))
    frame = finish(rows)
    np.testing.assert_array_equal(loaded.predict(frame), model.labels_)
    np.testing.assert_array_equal(loaded.confidence(frame), model.confidence(frame))
    assert loaded.fingerprint() == model.fingerprint()
    pd.testing.assert_frame_equal(loaded.curve_, model.curve_)
    pd.testing.assert_frame_equal(loaded.profile_, model.profile_)
    assert not hasattr(loaded, "labels_") and hasattr(model, "labels_")
    assert isinstance(model.curve_, pd.DataFrame)


def test_a_model_that_is_not_ours_is_refused_and_nothing_of_it_is_run(model, tmp_path):
    path = tmp_path / "p.skops"
    io.dump({"harmless": np.arange(3), "evil": partial(print, "run")}, path)
    with pytest.raises(
        CjlabError, match=r"is refused: it holds objects .*print.*; refit"
    ) as caught:
        personas.load(path)
    assert "\n" not in str(caught.value)
    io.dump({"harmless": np.arange(3)}, path)
    with pytest.raises(CjlabError, match="holds a dict, no persona model"):
        personas.load(path)


def test_a_tampered_file_is_refused(model, tmp_path):
    """Someone puts a call into a good file, under the name of an attribute."""
    path, bad = tmp_path / "p.skops", tmp_path / "bad.skops"
    personas.save(model, path)
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(bad, "w") as out:
        for name in good.namelist():
            data = good.read(name)
            if name == "schema.json":
                assert b'"PersonaModel"' in data
                data = data.replace(b'"PersonaModel"', b'"system"')
                data = data.replace(b'"cjlab.personas.model"', b'"os"')
            out.writestr(name, data)
    with pytest.raises(
        CjlabError, match=r"objects that no model of ours is made of \(os\.system\)"
    ):
        personas.load(bad)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CjlabError, match="cannot be read"):
        personas.load(path)


def test_where_there_is_no_model(model, tmp_path):
    assert personas.load(tmp_path) is None
    with pytest.raises(UserError, match="there is no model at"):
        personas.load(tmp_path / "p.skops")
    with pytest.raises(UserError, match="there is no folder"):
        personas.save(model, tmp_path / "nowhere" / "p.skops")
