"""A model as a file, and customers placed in batches: the same as whole."""

from __future__ import annotations

import stat
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from skops import io

from cjlab import personas
from cjlab.errors import CjlabError, UserError
from cjlab.personas.scoring import SCHEMA, placed, sample, score

IDS = ["P1", "P3", "P4"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 700
    kind = rng.integers(3, size=n)
    X = np.eye(3)[kind] * 5 + rng.normal(size=(n, 3))
    X[rng.random(n) < 0.1, 1] = np.nan
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.index = pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id", dtype="str")
    return frame


@pytest.fixture(scope="module")
def model(rows):
    return personas.PersonaModel(n_personas=3).fit(rows)


@pytest.fixture
def whole(rows, model) -> pd.DataFrame:
    table = pd.DataFrame({"customer_id": rows.index})
    table["persona"] = [IDS[code] for code in model.predict(rows)]
    table["confidence"] = model.confidence(rows).round(6)
    table["model_hash"] = "hash"
    return table.astype({"persona": "str", "model_hash": "str"})


def cut(rows: pd.DataFrame, size: int) -> list[pd.DataFrame]:
    return [rows.iloc[at : at + size] for at in range(0, len(rows), size)]


@pytest.mark.parametrize("size", [1, 64, 10_000])
def test_batches_give_what_the_whole_gives(rows, model, whole, tmp_path, size):
    some = 40 if size == 1 else len(rows)
    path = tmp_path / "assigned.parquet"
    score(cut(rows[:some], size), model, IDS, "hash", path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), whole[:some])
    assert pq.read_schema(path).equals(SCHEMA)


def test_without_a_model_nobody_has_a_persona(rows):
    found = placed(rows[:3], model=None, ids=[], name="nobody").to_pandas()
    assert found["persona"].isna().all() and found["confidence"].isna().all()
    assert found["customer_id"].to_list() == rows.index[:3].to_list()


def test_what_breaks_in_a_thread_is_told(rows, tmp_path):
    with pytest.raises(AttributeError):
        score(cut(rows, 64), object(), IDS, "hash", tmp_path / "assigned.parquet")


@pytest.mark.parametrize("size", [64, 10_000])
def test_a_sample_is_of_the_same_customers_in_any_order(rows, size):
    first = sample([rows], 100)
    assert len(first) == 100 and first.index.is_monotonic_increasing
    mixed = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(sample(cut(mixed, size), 100), first)
    # Of half of the customers, those that were drawn before are drawn again.
    again = sample(cut(mixed[mixed.index < "c0350"], size), 100)
    assert set(first.index[first.index < "c0350"]) <= set(again.index)
    pd.testing.assert_frame_equal(sample(cut(rows, size), 700), rows)


def test_a_model_is_one_file(rows, model, tmp_path):
    path = tmp_path / "p.skops"
    personas.save(model, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["p.skops"]
    loaded = personas.load(str(path))
    frame = rows
    np.testing.assert_array_equal(loaded.predict(frame), model.labels_)
    np.testing.assert_array_equal(loaded.confidence(frame), model.confidence(frame))
    assert loaded.fingerprint() == model.fingerprint()
    pd.testing.assert_frame_equal(loaded.curve_, model.curve_)
    pd.testing.assert_frame_equal(loaded.profile_, model.profile_)
    assert not hasattr(loaded, "labels_") and hasattr(model, "labels_")
    assert isinstance(model.curve_, pd.DataFrame)


@pytest.mark.parametrize("algorithm", ["gmm", "hdbscan", "ward", "common"])
def test_models_of_every_algorithm_are_read_again(rows, tmp_path, algorithm):
    X, asked = rows.dropna(), algorithm
    if algorithm == "common":
        rng = np.random.default_rng(3)
        X, asked = pd.DataFrame(rng.normal(size=(300, 5)), columns=list("abcde")), "kmeans"
        X.loc[:149, "c"] += 4
    model = personas.PersonaModel(algorithm=asked, n_draws=4, n_splits=4, max_personas=3).fit(X)
    assert model.algorithm_ == algorithm and model.n_personas_ > 1
    personas.save(model, tmp_path / "p.skops")
    loaded = personas.load(tmp_path / "p.skops")
    for ours, theirs in zip(model.place(X), loaded.place(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.fingerprint() == model.fingerprint()


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
