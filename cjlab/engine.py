"""Open the engine that metrics run on: DuckDB in this process, or Spark here or on a cluster."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from cjlab.config import Engine, expand
from cjlab.errors import UserError

ENGINES = ("duckdb", "spark")
_OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
# Metrics are written for these whatever the session's own settings are.
_SPARK_SQL = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": True,
    "spark.sql.execution.arrow.pyspark.enabled": True,
}
_REACH_SECONDS = 5
# The session that this process started; one that it found is not its own to end.
_started: list[Any] = []


def connect(
    path: Path | None = None,
    *,
    memory: str | None = None,
    read_only: bool = False,
    spill: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open DuckDB on a file, or in memory.

    Parameters
    ----------
    path : Path, optional
        Database file; in memory by default.
    memory : str, optional
        Limit such as ``"4GB"``; what does not fit spills to disk.
    read_only : bool
        For a prepared store, which never changes once it is built.
    spill : Path, optional
        Folder for what does not fit in memory.

    Returns
    -------
    duckdb.DuckDBPyConnection
        With extensions from the network off and the session's zone set to UTC.
    """
    config: dict[str, str | bool | int | float | list[str]] = {**_OFFLINE}
    if memory:
        config["memory_limit"] = memory
    if spill:
        config["temp_directory"] = str(spill)
    con = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=config)
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    return con


def recurring(con: duckdb.DuckDBPyConnection, query: str) -> np.ndarray:
    """Return the hashes, of those that a query gives, that come more than once.

    Rows that are alike are among the rows with such a hash: few are left to compare, and
    sorting numbers costs next to nothing beside grouping rows.
    """
    (found,) = con.execute(query).fetchnumpy().values()
    hashes = np.asarray(found)
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def spark_session(engine: Engine | None = None) -> Any:
    """Open a Spark session of its own: views and SQL settings are shared with nobody.

    It stands on the session that is active already (YARN, Kubernetes, Databricks), or else on
    one started for this process, which ends with it.

    Parameters
    ----------
    engine : Engine, optional
        The study's ``engine`` section. Without ``master`` what is configured in the
        environment decides (``SPARK_CONF_DIR``, ``SPARK_HOME``), and else ``local[*]``.
        ``memory`` is the driver's. ``settings`` win over what cjlab sets by itself, such as
        ``spark.local.dir``: a temporary folder that is removed in the end.

    Returns
    -------
    pyspark.sql.SparkSession
        In UTC, strict about overflow and casts (ANSI).

    Raises
    ------
    UserError
        Where PySpark or Java is missing, or the master does not answer.
    """
    engine = engine or Engine(kind="spark")
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise UserError(
            'engine "spark" needs PySpark: pip install "cjlab[spark]"; it runs on Java 17 or 21.'
        ) from None
    settings: dict[str, Any] = {key: _expanded(value) for key, value in engine.settings.items()}
    shared = SparkSession.getActiveSession() or _start(engine, settings)
    try:
        session = shared.newSession()
    except PySparkException:
        raise UserError(
            "the active Spark session is a Spark Connect one, which has no sessions of its own; "
            "open the study where the driver runs (spark-submit, a notebook on the cluster)."
        ) from None
    for key, value in {**settings, **_SPARK_SQL}.items():
        if session.conf.isModifiable(key):
            session.conf.set(key, value)
    return session


def stop_spark() -> None:
    """End the Spark session that cjlab started in this process; one that it found stays."""
    while _started:
        _started.pop().stop()


@cache
def _scratch() -> Path:
    """Make the folder where Spark keeps what does not fit in memory, until the process ends.

    Java holds on to the first one, whatever later sessions say.
    """
    found = Path(tempfile.mkdtemp(prefix="cjlab-spark-"))
    atexit.register(shutil.rmtree, found, ignore_errors=True)
    atexit.register(stop_spark)
    return found


def _expanded(value: str | int | float | bool) -> str | int | float | bool:
    return expand(value) if isinstance(value, str) else value


def _start(engine: Engine, settings: dict[str, Any]) -> Any:
    from pyspark.sql import SparkSession

    home = os.environ.get("JAVA_HOME")
    if shutil.which(f"{home}/bin/java" if home else "java") is None:
        raise UserError('engine "spark" needs Java 17 or 21; install one, or set JAVA_HOME.')
    configured = os.environ.keys() & {"SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS"}
    master = expand(engine.master) if engine.master else None if configured else "local[*]"
    if master and master.startswith("spark://"):
        _check_reachable(master)
    # Python processes of a local Spark must be this very Python.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    said: dict[str, Any] = {
        "spark.app.name": "cjlab",
        "spark.driver.memory": f"{_mebibytes(engine.memory)}m",
        "spark.local.dir": str(_scratch()),
        "spark.sql.warehouse.dir": str(_scratch() / "warehouse"),
        "spark.log.level": "ERROR",
        "spark.ui.showConsoleProgress": "false",
    }
    if master:
        said["spark.master"] = master
    if master and master.startswith("local"):
        # One machine needs few partitions, and nothing that is reached from outside.
        here = "127.0.0.1"
        said |= {"spark.sql.shuffle.partitions": 16, "spark.ui.enabled": "false"}
        said |= {"spark.driver.host": here, "spark.driver.bindAddress": here}
    try:
        session = SparkSession.builder.config(map={**said, **settings}).getOrCreate()
    except Exception as error:  # whatever Java may raise
        raise UserError(
            f"Spark did not start on {master or 'the configured master'} ({_cause(error)}); "
            "it runs on Java 17 or 21."
        ) from None
    _started.append(session)
    return session


def _check_reachable(master: str) -> None:
    """Ask at the door first: Spark itself would wait a minute and then say little."""
    for place in master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _REACH_SECONDS).close()
            return
        except (OSError, ValueError):
            continue
    raise UserError(f"engine.master: no Spark master answers at {master}.")


def _mebibytes(memory: str) -> int:
    """Read an amount such as ``4GB``, as Spark knows no fractions and no ``GiB``."""
    number = memory.rstrip("KMGTiBkmgtb ")
    power = "KMGT".index(memory[len(number) :].strip()[0].upper())
    return int(float(number) * 1024 ** (power - 1))


def _cause(error: Exception) -> str:
    """Return the line of a Java error that says what happened."""
    lines = [line.strip(": ") for line in str(error).splitlines() if line.strip(": ")]
    said = [line for line in lines if "Exception" in line and not line.startswith("at ")]
    return (said or lines or [type(error).__name__])[0]
