"""Notebooks in processes of their own, a few at a time, stopped together."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from cjlab.report import verify
from cjlab.report.context import Context
from cjlab.report.notebooks import Notebook

Progress = Callable[[dict[str, Any]], None]
_PATIENCE = 3.0


@dataclass(frozen=True)
class Job:
    """A notebook with its folder: ``private`` keeps it, ``stage`` takes what it publishes."""

    notebook: Notebook
    private: Path
    stage: Path
    parameters: dict[str, str]
    context: Context

    @property
    def output(self) -> Path:
        """The executed notebook."""
        return self.private / "notebooks" / f"{self.notebook.name}.ipynb"


@dataclass
class Result:
    """How a notebook went; `problem` is None when it may be published."""

    job: Job
    problem: str | None = None
    seconds: float = 0.0
    node: Any = None


@dataclass
class _Worker:
    job: Job
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    kernel: int | None = None
    cell: str = ""
    rest: bytes = b""


def execute(jobs: Sequence[Job], *, at_once: int, progress: Progress) -> list[Result]:
    """Run all notebooks and return what came of each, in the order given.

    A notebook that fails does not stop the others, so one run tells of every failure.
    """
    waiting, results = list(jobs), {}
    with _crew() as crew, selectors.DefaultSelector() as pipes:
        while waiting or crew:
            while waiting and len(crew) < max(1, at_once):
                worker = _start(waiting.pop(0), crew)
                pipes.register(_stdout(worker), selectors.EVENT_READ, worker)
                progress(_event("start", worker, cells=worker.job.notebook.cells))
            for key, _ in pipes.select():
                worker = key.data
                if _listen(worker, progress):
                    continue
                pipes.unregister(key.fileobj)
                results[worker.job.notebook.name] = result = _finish(worker)
                crew.remove(worker)
                progress(
                    _event("end", worker, seconds=result.seconds, problem=result.problem or "")
                )
    return [results[job.notebook.name] for job in jobs]


@contextmanager
def _crew() -> Iterator[list[_Worker]]:
    crew: list[_Worker] = []
    try:
        yield crew
    finally:
        _stop(crew)


def _start(job: Job, crew: list[_Worker]) -> _Worker:
    job.output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    job.stage.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = job.private / "work" / job.notebook.name
    work.mkdir(parents=True, exist_ok=True)
    prepared = work / "prepared.ipynb"
    nbformat.write(job.notebook.node, prepared)
    with open(job.private / "notebooks" / f"{job.notebook.name}.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cjlab.report.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(job.context),
            start_new_session=True,
        )
    worker = _Worker(job, process)
    crew.append(worker)
    order = {
        "folder": str(work),
        "notebook": prepared.name,
        "output": os.path.relpath(job.output, work),
        "parameters": job.parameters,
    }
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
    return worker


def _environment(context: Context) -> dict[str, str]:
    # The package itself must be found by the kernel even when it is run from a checkout.
    home = str(Path(__file__).resolve().parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        **context.environment(),
        "PYTHONPATH": os.pathsep.join(paths),
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _listen(worker: _Worker, progress: Progress) -> bool:
    """Take what the worker tells; False when its pipe has closed."""
    data = os.read(_stdout(worker).fileno(), 65536)
    *lines, worker.rest = (worker.rest + data).split(b"\n")
    for line in lines:
        event = json.loads(line)
        if event["event"] == "kernel":
            worker.kernel = event["pid"]
        elif event["event"] == "cell":
            worker.cell = event["cell"]
            progress(_event("cell", worker, cell=worker.cell, index=event["index"]))
    return bool(data)


def _finish(worker: _Worker) -> Result:
    _kill(worker)
    seconds = round(time.monotonic() - worker.started, 2)
    node = verify.executed(worker.job.output)
    if node is None:
        code = worker.process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        after = f' in cell "{worker.cell}"' if worker.cell else " before its first cell"
        problem: str | None = f"its process {how}{after}; see {worker.job.notebook.name}.log"
    else:
        problem = verify.problem(node)
        if problem and "did not run to its end" in problem and worker.cell:
            problem = f'cell "{worker.cell}": the kernel died or stopped (memory? killed?)'
    return Result(worker.job, problem, seconds, node)


def _stop(crew: list[_Worker]) -> None:
    for worker in crew:
        with suppress(OSError):
            assert worker.process.stdin is not None
            worker.process.stdin.close()
    for worker in crew:
        _kill(worker)
    crew.clear()


def _kill(worker: _Worker) -> None:
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(_PATIENCE)
    for group in filter(None, (worker.kernel, worker.process.pid)):
        if group != worker.process.pid or worker.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
    worker.process.wait()
    for pipe in (worker.process.stdin, worker.process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _stdout(worker: _Worker) -> Any:
    return worker.process.stdout


def _event(kind: str, worker: _Worker, **more: Any) -> dict[str, Any]:
    return {"event": kind, "notebook": worker.job.notebook.name, **more}
