"""Proof that a notebook ran to its end and shows only what it was allowed to show.

papermill's exit status is no proof: a killed kernel leaves its cells marked as completed, and
``sys.exit(0)`` in a cell returns normally. So the executed notebook itself is read.
"""

from __future__ import annotations

import re
from typing import Any

from cjlab.report import notebooks

KINDS = ("table", "figure", "sheet", "quotes", "map", "text", "done")
UNFINISHED = "did not run to its end; the kernel died or stopped"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def problem(node: Any) -> str | None:
    """Return in one line why a notebook may not be published, or None when it may.

    Parameters
    ----------
    node : notebook
        The executed notebook.

    Returns
    -------
    str or None
        Names the cell and the cause: an error, a cell that did not run, an output that did not
        come through cjlab.report, or a missing last cell ``cj.report.done()``.
    """
    code = notebooks.code(node)
    for fault in (_error, _unfinished, _foreign):
        for index, cell in code:
            if found := fault(cell):
                return f"{notebooks.cell_name(node, index)}: {found}"
    if not code or not any(_mark(output) == "done" for output in code[-1][1].outputs):
        return "its last cell is not cj.report.done(), so it may not have come to its end"
    return None


def _error(cell: Any) -> str | None:
    for output in cell.outputs:
        if output.output_type == "error":
            lines = [line for line in str(output.evalue).splitlines() if line.strip()]
            said = _ANSI.sub("", lines[-1]).strip() if lines else ""
            return f"{output.ename}: {said}" if said else str(output.ename)
    return None


def _unfinished(cell: Any) -> str | None:
    return UNFINISHED if cell.execution_count is None else None


def _foreign(cell: Any) -> str | None:
    for output in cell.outputs:
        if output.output_type == "stream":
            # Warnings on stderr stay in the private notebook and are not published.
            if output.name != "stderr" and output.text.strip():
                return "prints text; publish it with cj.report.say(), or remove the print"
        elif output.output_type == "execute_result":
            return "ends with a value that Jupyter would show; assign it or end the line with ;"
        elif _mark(output) not in KINDS:
            return "shows an output that did not come through cj.report.show, figure, sheet or say"
    return None


def _mark(output: Any) -> str | None:
    mark = output.get("metadata", {}).get("cjlab")
    is_marked = output.output_type == "display_data" and isinstance(mark, dict)
    return str(mark.get("kind")) if is_marked else None
