"""A real standalone cluster on loopback: a master, two workers, and one of them killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import yaml

pytestmark = [pytest.mark.needs("spark")]
REPO = Path(__file__).parents[2]
DEPLOY = "org.apache.spark.deploy"


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class Cluster:
    """One master and its workers, each a process group of its own."""

    def __init__(self, folder: Path) -> None:
        import pyspark

        self.folder = folder
        self.home = Path(pyspark.__file__).parent
        self.port, self.web = free_port(), free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.folder / "local"),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
        }
        with open(self.folder / f"{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [self.home / "bin" / "spark-class", f"{DEPLOY}.{role}", *arguments],
                env=environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def wait_for(self, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + 120
        while not ready():
            logs = "\n".join(p.read_text()[-2000:] for p in sorted(self.folder.glob("*.log")))
            assert time.monotonic() < until, logs
            time.sleep(0.2)

    def workers_alive(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/json/", timeout=5) as page:
                return int(json.load(page)["aliveworkers"])
        except OSError:
            return -1

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    try:
        host = ("--host", "127.0.0.1")
        ports = ("--port", str(found.port), "--webui-port", str(found.web))
        found.start("master.Master", *host, *ports)
        found.wait_for(lambda: found.workers_alive() == 0)
        for _ in range(2):
            size = ("--cores", "1", "--memory", "512m", "--webui-port", "0")
            place = ("--work-dir", str(tmp_path / "work"))
            found.start("worker.Worker", *host, *size, *place, f"spark://127.0.0.1:{found.port}")
        found.wait_for(lambda: found.workers_alive() == 2)
        yield found
    finally:
        found.stop()


def study(folder: Path, port: int) -> Path:
    rng = random.Random(5)
    with open(folder / "events.csv", "w") as file:
        file.write("customer_id,ts,touchpoint,stage\n")
        for n in range(60_000):
            at = pd.Timestamp("2026-01-01") + pd.Timedelta(rng.randrange(90 * 86_400), "s")
            file.write(f"c{rng.randrange(9_000)},{at.isoformat()},t{n % 5},{STAGES[n % 5]}\n")
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": False,
        "spark.executor.memory": "512m",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        # What lay with the dead is asked for once more, not three times.
        "spark.shuffle.io.maxRetries": 1,
        "spark.shuffle.io.retryWait": "1s",
        "spark.sql.shuffle.partitions": 6,
        "spark.sql.adaptive.coalescePartitions.enabled": False,
    }
    said = {
        "name": "cluster",
        "stages": [{"id": stage} for stage in STAGES],
        "sources": {"events": {"path": "events.csv"}},
        "engine": {
            "kind": "spark",
            "memory": "1GB",
            "master": "spark://127.0.0.1:${SPARK_PORT}",
            "settings": settings,
        },
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(said))
    return folder / "study.yaml"


STAGES = ["see", "like", "try", "buy", "stay"]


def test_one_of_two_workers_dies_and_the_numbers_stay(cluster: Cluster, tmp_path: Path) -> None:
    victim = cluster.processes[-1]
    job = Path(__file__).parent / "cluster_job.py"
    done = subprocess.run(
        [sys.executable, job, study(tmp_path, cluster.port), str(victim.pid)],
        env={**os.environ, "PYTHONPATH": str(REPO), "SPARK_PORT": str(cluster.port)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["master"] == f"spark://127.0.0.1:{cluster.port}"
    assert told["running"]
    assert victim.wait(timeout=10) == -signal.SIGKILL
    assert told["left"] == 1
    frames = (pd.read_json(StringIO(text), orient="split") for text in told["frames"])
    first, found, expected = frames
    assert (expected["n"] > 1000).any()
    pd.testing.assert_frame_equal(first, expected, rtol=1e-9)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
    assert list((tmp_path / ".cjlab" / "store").glob("*-spark/event.parquet/*.parquet"))
    assert not (tmp_path / "spark-warehouse").exists()
