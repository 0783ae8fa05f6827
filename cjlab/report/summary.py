"""What the notebooks left behind, gathered: records, headlines, privacy, and the summary."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cjlab.errors import ReportFailed
from cjlab.report import tables
from cjlab.report.runner import Result

PRIMARY = "primary suppression only; complementary suppression is not done yet"


@dataclass
class Gathered:
    """All records of a run: tables, figures, headlines, and what the gate withheld."""

    tables: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    headlines: list[dict[str, Any]] = field(default_factory=list)
    withheld: list[dict[str, Any]] = field(default_factory=list)

    @property
    def hidden(self) -> dict[str, int]:
        """How many cells of each table are withheld."""
        return dict(sorted(Counter(item["table"] for item in self.withheld).items()))


def gather(results: Sequence[Result]) -> Gathered:
    """Read the records of all notebooks.

    Raises
    ------
    ReportFailed
        Two notebooks use the same name for a table or a figure.
    """
    found = Gathered()
    homes = {
        "table": found.tables,
        "figure": found.figures,
        "headline": found.headlines,
        "withheld": found.withheld,
    }
    owners: dict[tuple[str, str], str] = {}
    for result in results:
        notebook = result.job.notebook.name
        for record in _records(result.job.stage):
            kind = record.pop("kind")
            if kind in ("table", "figure"):
                first = owners.setdefault((kind, record["name"]), notebook)
                if first != notebook:
                    raise ReportFailed(
                        f'{notebook}: the {kind} "{record["name"]}" is already in {first}; '
                        "rename one."
                    )
            if kind in homes:
                homes[kind].append({"notebook": notebook, **record})
    return found


def _records(stage: Path) -> list[dict[str, Any]]:
    file = stage / "records.jsonl"
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def collect_files(results: Sequence[Result], stage: Path) -> None:
    """Copy the notebooks' tables and figures into the report."""
    for folder in ("tables", "figures"):
        (stage / folder).mkdir(exist_ok=True)
        for result in results:
            source = result.job.stage / folder
            for file in sorted(source.iterdir()) if source.is_dir() else ():
                shutil.copyfile(file, stage / folder / file.name)
                os.chmod(stage / folder / file.name, 0o644)


def write_summary(stage: Path, about: dict[str, Any], found: Gathered) -> None:
    """Write the numbers a machine asks for first; the same for the same input, no time in it."""
    content = {
        "format": 1,
        **about,
        "headlines": found.headlines,
        "tables": found.tables,
        "figures": found.figures,
        "withheld": found.hidden,
    }
    tables.write_object(content, stage / "summary.json")


def write_privacy(stage: Path, minimum: int, found: Gathered) -> None:
    """Write what was withheld and why."""
    content = {
        "format": 1,
        "minimum_cell": minimum,
        "method": PRIMARY,
        "withheld_by_table": found.hidden,
        "withheld": found.withheld,
    }
    tables.write_object(content, stage / "privacy.json")
