"""Telling a person how far the notebooks are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from cjlab.report.runner import Progress


@contextmanager
def reporter(progress: Progress | bool | None) -> Iterator[Progress]:
    """Return the caller's own progress, live bars on a terminal, or a line a notebook.

    Parameters
    ----------
    progress : callable, bool or None
        A callable gets each event; False is silent; None and True choose by standard error.
    """
    if callable(progress):
        yield progress
    elif progress is False:
        yield lambda event: None
    elif sys.stderr.isatty():
        yield from _bars()
    else:
        yield _line


def _line(event: dict[str, Any]) -> None:
    if event["event"] == "end":
        how = event["problem"] or "done"
        print(f"{event['notebook']}: {how} ({event['seconds']:.1f} s)", file=sys.stderr)


def _bars() -> Iterator[Progress]:
    name = TextColumn("{task.description}", markup=False)
    cell = TextColumn("{task.fields[cell]}", markup=False)
    columns = (name, BarColumn(bar_width=24), MofNCompleteColumn(), cell, TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def tell(event: dict[str, Any]) -> None:
            name = event["notebook"]
            if event["event"] == "start":
                # papermill adds a cell that sets the parameters.
                tasks[name] = bars.add_task(name, total=event["cells"] + 1, cell="starting")
            elif event["event"] == "cell":
                bars.update(tasks[name], advance=1, cell=event["cell"])
            else:
                bars.update(tasks[name], cell="failed" if event["problem"] else "done")
                bars.stop_task(tasks[name])

        yield tell
