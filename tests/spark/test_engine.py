"""How a Spark session is found, started and refused."""

from __future__ import annotations

import builtins
import socket
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from ibis.common.exceptions import TableNotFound

from cjlab import config, engine
from cjlab.config import Engine
from cjlab.engine import spark_session
from cjlab.errors import UserError
from cjlab.journey import Journeys, funnel
from cjlab.study import open_study

pytestmark = [pytest.mark.needs("spark")]


def frame(*stages: str) -> pd.DataFrame:
    days = pd.date_range("2026-01-01", periods=len(stages))
    return pd.DataFrame({"customer_id": "x", "ts": days, "stage": list(stages)})


def test_sessions_share_the_cluster_and_nothing_else(spark: Any) -> None:
    one, other = spark_session(), spark_session()
    one.range(1).createOrReplaceTempView("event")
    assert one.sparkContext is other.sparkContext is spark.sparkContext
    assert not other.catalog.tableExists("event")
    assert other.conf.get("spark.sql.session.timeZone") == "UTC"
    assert other.conf.get("spark.sql.ansi.enabled") == "true"


def test_a_found_session_keeps_its_own_settings(spark: Any) -> None:
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        found = spark_session(Engine(settings={"spark.sql.shuffle.partitions": 3}))
        assert found.conf.get("spark.sql.session.timeZone") == "UTC"
        assert found.conf.get("spark.sql.shuffle.partitions") == "3"
        assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
        assert spark.conf.get("spark.sql.shuffle.partitions") == "2"
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)


def test_two_journeys_at_once(spark: Any) -> None:
    short, long = (
        Journeys.from_frame(frame(*s), stages=["a", "b"], engine="spark") for s in ("a", "ab")
    )
    steps = [funnel(j).query("metric == 'reached'")["value"].tolist() for j in (short, long, short)]
    assert steps == [[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]]


def test_a_table_of_the_cluster_is_none_of_the_study(spark: Any) -> None:
    j = Journeys.from_frame(frame("a"), stages=["a", "b"], engine="spark")
    j.con._session.range(3).createOrReplaceTempView("responses")
    assert "responses" not in j.con.list_tables()
    with pytest.raises(TableNotFound):
        j.con.table("responses")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no session were active."""
    from pyspark.sql import SparkSession

    monkeypatch.setattr(SparkSession, "getActiveSession", classmethod(lambda cls: None))


def test_no_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *more: Any) -> Any:
        if name.startswith("pyspark"):
            raise ModuleNotFoundError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r'pip install "cjlab\[spark\]"'):
        spark_session()


@pytest.mark.usefixtures("alone")
def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"^engine \"spark\" needs Java 17 or 21"):
        spark_session()


@pytest.mark.usefixtures("alone")
def test_a_master_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as door:  # bound, and nobody listens
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
        monkeypatch.setenv("MASTER_PORT", str(port))
        begun = time.monotonic()
        with pytest.raises(UserError, match=f"no Spark master answers at spark://127.*:{port}"):
            spark_session(Engine(kind="spark", master="spark://127.0.0.1:${MASTER_PORT}"))
    assert time.monotonic() - begun < 30


def test_spark_connect_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.errors import PySparkNotImplementedError
    from pyspark.sql import SparkSession

    class Remote:
        def newSession(self) -> None:  # noqa: N802
            raise PySparkNotImplementedError("NOT_IMPLEMENTED", {"feature": "newSession()"})

    monkeypatch.setattr(SparkSession, "getActiveSession", classmethod(lambda cls: Remote()))
    with pytest.raises(UserError, match="Spark Connect"):
        spark_session()


@pytest.mark.parametrize(
    ("said", "mebibytes"), [("4GB", 4096), ("1.5 GiB", 1536), ("500mb", 500), ("1TB", 2**20)]
)
def test_memory_as_spark_reads_it(said: str, mebibytes: int) -> None:
    assert engine._mebibytes(Engine(memory=said).memory) == mebibytes


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"master": "cluster:7077"}, 'engine.master: "cluster:7077" is no Spark master'),
        ({"settings": {"executor.memory": "1g"}}, '"executor.memory" is no setting of Spark'),
    ],
)
def test_what_a_study_may_not_say(said: dict[str, Any], line: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    whole = {"name": "x", "sources": {"events": {"path": "e.csv"}}, "engine": said}
    path.write_text(yaml.safe_dump(whole))
    with pytest.raises(UserError, match=line):
        config.read(path)


def test_a_study_on_spark(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders with a space, brackets and letters beyond ASCII; nothing is left in the cwd."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "ätt [a] 100% {x}"
    folder.mkdir()
    rows = [("y", f"2026-01-0{n}T10:00", "home", "acc") for n in (1, 2, 3)]
    events = pd.DataFrame(rows, columns=["customer_id", "ts", "touchpoint", "account_id"])
    events.to_csv(folder / "e.csv", index=False)
    pd.DataFrame({"customer_id": ["y"], "Age in years": [31]}).to_csv(folder / "c.csv", index=False)
    sources = {"events": {"path": "e.csv"}, "customers": {"path": "c.csv"}}
    said = {"name": "x", "stages": [{"id": "see", "rules": ["home"]}, {"id": "buy"}]}
    (folder / "study.yaml").write_text(yaml.safe_dump({**said, "sources": sources}))
    here, there = (open_study(folder, engine=kind) for kind in ("duckdb", "spark"))
    assert here.store() != there.store()
    for name in ("events", "customers"):
        found, expected = (getattr(study, name).execute() for study in (there, here))
        pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(there.check(), here.check())
    with pytest.raises(UserError, match="the study has no responses"):
        _ = there.responses
    assignment = tmp_path / "assignment.parquet"
    pd.DataFrame({"customer_id": ["y"], "persona": ["p1"], "confidence": [1.0]}).to_parquet(
        assignment
    )
    there.use_personas(assignment)
    assert funnel(there.journeys(), by="persona")["persona"].unique().tolist() == ["p1"]
    there.write_resolved(tmp_path / "resolved.yaml")
    assert open_study(tmp_path / "resolved.yaml").engine.kind == "spark"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {folder.name, "assignment.parquet", "resolved.yaml"}
