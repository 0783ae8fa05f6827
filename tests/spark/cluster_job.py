"""Run by test_cluster.py in a process of its own: one process holds one Spark context.

    cluster_job.py STUDY WORKER_PID

Builds the prepared store on the study's cluster, then runs the funnel while one worker is killed
in the middle of a job, and prints what came out beside DuckDB's answer.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

from cjlab.engine import spark_session
from cjlab.journey import funnel
from cjlab.study import open_study


def kill_in_the_middle(group: int, told: dict[str, object]) -> None:
    """Wait until both executors run a task of one job, then end one of them and its worker."""
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    tracker = context.statusTracker()
    java = context._jsc.sc().statusTracker()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        # The driver counts as an executor without tasks.
        if sum(info.numRunningTasks() > 0 for info in java.getExecutorInfos()) == 2:
            os.killpg(group, signal.SIGKILL)
            told["running"] = list(tracker.getActiveJobsIds())
            return
        time.sleep(0.005)


def main() -> None:
    path, worker = sys.argv[1], int(sys.argv[2])
    study = open_study(path)
    j = study.journeys()
    told: dict[str, object] = {}
    frames = [funnel(j, window="2D")]
    killer = threading.Thread(target=kill_in_the_middle, args=(worker, told))
    killer.start()
    frames.append(funnel(j, window="2D"))
    killer.join()
    context = spark_session().sparkContext
    told["master"] = context.master
    told["left"] = len(context._jsc.sc().statusTracker().getExecutorInfos()) - 1  # not the driver
    frames.append(funnel(open_study(path, engine="duckdb").journeys(), window="2D"))
    told["frames"] = [frame.to_json(orient="split", double_precision=15) for frame in frames]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
