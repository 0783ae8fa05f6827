"""Notebooks in processes of their own, a few at a time, stopped together."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from cjlab.report import notebooks, verify
from cjlab.report.context import Context

Progress = Callable[[dict[str, Any]], None]
_PATIENCE = 3.0


@dataclass(frozen=True)
class Job:
    """A notebook with its folders: ``private`` keeps it, ``stage`` takes what it publishes."""

    notebook: notebooks.Notebook
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
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    kernel: int | None = None
    cell: str = ""
    rest: bytes = b""

    @property
    def stdout(self) -> Any:
        return self.process.stdout

    def tell(self, kind: str, **more: Any) -> None:
        self.progress({"event": kind, "notebook": self.job.notebook.name, **more})


def execute(jobs: Sequence[Job], *, at_once: int, progress: Progress) -> list[Result]:
    """Run all notebooks and return what came of each, in the order given.

    A notebook that fails does not stop the others, so one run tells of every failure.
    """
    waiting, results = list(jobs), {}
    crew: list[_Worker] = []
    with ExitStack() as ending, selectors.DefaultSelector() as pipes:
        ending.callback(_stop, crew)
        while waiting or crew:
            while waiting and len(crew) < max(1, at_once):
                worker = _start(waiting.pop(0), crew, progress)
                pipes.register(worker.stdout, selectors.EVENT_READ, worker)
                worker.tell("start", cells=worker.job.notebook.cells)
            for key, _ in pipes.select():
                worker = key.data
                if _listen(worker):
                    continue
                pipes.unregister(key.fileobj)
                results[worker.job.notebook.name] = result = _finish(worker)
                crew.remove(worker)
                worker.tell("end", seconds=result.seconds, problem=result.problem or "")
    return [results[job.notebook.name] for job in jobs]


def _stop(crew: list[_Worker]) -> None:
    """Stop together all that are left when something ends the run."""
    for worker in crew:
        with suppress(OSError):
            worker.process.stdin.close()  # type: ignore[union-attr]
    for worker in crew:
        _kill(worker)


def _start(job: Job, crew: list[_Worker], progress: Progress) -> _Worker:
    work = job.private / "work" / job.notebook.name
    for folder in (job.output.parent, job.stage, work):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    nbformat.write(job.notebook.node, work / "prepared.ipynb")
    with open(job.output.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cjlab.report.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(job.context),
            start_new_session=True,
        )
    worker = _Worker(job, process, progress)
    crew.append(worker)
    output = os.path.relpath(job.output, work)
    order = {"folder": str(work), "output": output, "parameters": job.parameters}
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


def _listen(worker: _Worker) -> bool:
    """Take what the worker tells; False when its pipe has closed."""
    data = os.read(worker.stdout.fileno(), 65536)
    *lines, worker.rest = (worker.rest + data).split(b"\n")
    for event in map(json.loads, lines):
        if event["event"] == "kernel":
            worker.kernel = event["pid"]
        else:
            worker.cell = event["cell"]
            worker.tell("cell", cell=worker.cell, index=event["index"])
    return bool(data)


def _finish(worker: _Worker) -> Result:
    _kill(worker)
    seconds = round(time.monotonic() - worker.started, 2)
    node = notebooks.load(worker.job.output)
    problem: str | None
    if node is None:
        code = worker.process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        after = f' in cell "{worker.cell}"' if worker.cell else " before its first cell"
        problem = f"its process {how}{after}; see {worker.job.notebook.name}.log"
    else:
        problem = verify.problem(node)
        if problem and verify.UNFINISHED in problem and worker.cell:
            problem = f'cell "{worker.cell}": the kernel died or stopped (memory? killed?)'
    return Result(worker.job, problem, seconds, node)


def _kill(worker: _Worker) -> None:
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(_PATIENCE)
    for group in filter(None, (worker.kernel, worker.process.pid)):
        if group != worker.process.pid or worker.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
    worker.process.wait()
    for pipe in filter(None, (worker.process.stdin, worker.process.stdout)):
        with suppress(OSError):
            pipe.close()
