"""Time, processor time and peak memory of a piece of work.

Only the standard library: the interpreters of the peers run it too.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PATIENCE = 3.0  # processor seconds; what takes less is done again, three times at the most
_STATUS = Path("/proc/self/status")


def measure(act: Callable[[], Any], *, again: bool = True) -> tuple[Any, dict[str, float]]:
    """Do something and say what it took: the least of up to three times.

    Returns
    -------
    tuple
        What the first time gave, and ``wall`` and ``cpu`` (seconds, all threads of this
        process) and ``peak`` (MB this process held at most while it was done; on Linux, since
        its start elsewhere).
    """
    _forget_peak()
    walls: list[float] = []
    cpus: list[float] = []
    result = None
    while not walls or (again and len(walls) < 3 and sum(cpus) < PATIENCE):
        wall, cpu = time.perf_counter(), time.process_time()
        found = act()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        result = found if result is None else result
    return result, {"wall": min(walls), "cpu": min(cpus), "peak": _peak()}


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> float:
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def serve(tasks: Mapping[str, Callable[[], Any]], out: Path, wanted: list[str]) -> None:
    """Do the wanted tasks in the order they are defined and write one JSON line for each.

    A task gives its answer (a mapping of names to numbers) or None; the first one, ``load``,
    is done always. Loading and building a store are done once. What fails says so and does
    not stop the others.
    """
    with open(out, "w", encoding="utf-8") as file:
        for name, act in tasks.items():
            if name != "load" and name not in wanted:
                continue
            try:
                answer, found = measure(act, again=name not in ("load", "store"))
                line = {"task": name, **found, "answer": answer}
            except Exception as error:  # whatever somebody else's code may raise
                line = {"task": name, "error": f"{type(error).__name__}: {error}".splitlines()[0]}
            file.write(json.dumps(line) + "\n")
            file.flush()
