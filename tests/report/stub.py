"""A study that needs no data, and notebooks of a few cells: what reports are tested on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cjlab import periods

PARAMETERS = 'study = ""\nstart = ""\nend = ""\nlanguage = "en"'
TABLE = """
import pandas as pd
import cjlab.report as report
from cjlab.estimates import estimates
from cjlab import messages
rows = pd.DataFrame({
    "step": ["awareness", "purchase", "rare"], "metric": "from_first",
    "value": [1.0, 0.412, 0.02], "low": [None, 0.389, 0.01], "high": [None, 0.436, 0.04],
    "n": [1204, 1204, 150], "customers": [1204, 1204, 150], "hits": [1204, 496, 3], "unit": "1",
})
gated = report.show("funnel", estimates(rows, ["step"]), caption="How far customers come")
"""
FIGURE = """
def bars(frame, title=None):
    from matplotlib import pyplot as plt
    figure, axes = plt.subplots(figsize=(4, 2))
    axes.bar(frame["step"], frame["value"].fillna(0))
    axes.set_title(title)
    return axes
report.figure("funnel", bars, gated, alt="Bars: 41% of customers buy.", title="Most do not buy")
"""
HEADLINE = """
report.headline("metric.from_first", gated, {"step": "purchase", "metric": "from_first"})
report.headline("metric.reached", gated, {"step": "rare", "metric": "from_first"})
"""
DONE = "import cjlab.report as report\nreport.done()"
STORY = (TABLE, FIGURE, HEADLINE, DONE)


class Config(SimpleNamespace):
    """What a study says, and the plain data that the manifest keeps of it."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        said = {"report": vars(self.report), "review_date": str(self.review_date)}
        return {**vars(self), **said}


class StubStudy:
    """The part of a study that a report uses."""

    def __init__(self, folder: Path, name: str = "Nordic shop", **config: Any) -> None:
        self.folder = folder
        self.path = folder / "study.yaml"
        self.private = folder / ".cjlab"
        self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.write_text("name: stub\n", encoding="utf-8")
        self.config = Config(
            name=name,
            goal="Fewer lost customers",
            scope=None,
            question="Where are they lost?",
            owner="CX team",
            review_date=date(2027, 1, 31),
            timezone="Europe/Stockholm",
            report=SimpleNamespace(minimum_cell=10),
            sources={"events": [{}]},
        )
        vars(self.config).update(config)
        self.limits_broken: list[str] = []
        self.prepared = 0

    def period(self, text: str | None = None) -> periods.Period:
        return periods.parse(text or "2026Q3", self.config.timezone)

    def prepare(self, period: periods.Period) -> dict[str, Any]:
        self.prepared += 1
        return {
            "inputs": [{"source": "events", "file": "events.csv", "sha256": "0" * 64}],
            "sources": [
                {
                    "table": "events",
                    "source": "events.csv",
                    "rows_in": 5200,
                    "accepted": 5190,
                    "rejected": 10,
                    "dropped": 0,
                }
            ],
            "counts": [{"table": "events", "source": "events.csv", "rule": "no_time", "rows": 10}],
            "store": "abc",
            "personas": None,
            "seeds": {"personas": 0},
            "limits_broken": self.limits_broken,
        }

    def close(self) -> None:
        """A stub holds no engine."""

    def write_resolved(self, path: Path) -> None:
        path.write_text("name: stub\n", encoding="utf-8")


def notebook(
    path: Path,
    cells: Sequence[str] = STORY,
    *,
    title: str = "How far customers come",
    prose: str = "Where they *stop*.",
    parameters: str = PARAMETERS,
) -> Path:
    """Write a notebook of these code cells."""
    head = new_markdown_cell(f"# {title}\n\n{prose}", id="title")
    first = new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
    rest = [new_code_cell(text.strip(), id=f"step-{at}") for at, text in enumerate(cells, 1)]
    nbformat.write(new_notebook(cells=[head, first, *rest]), path)
    return path


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
