"""What the notebooks left behind, gathered: their records, and their tables and figures."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cjlab.errors import ReportFailed
from cjlab.report.runner import Result


@dataclass(frozen=True)
class Gathered:
    """All records of a run: tables, figures, headlines, and what the gate withheld."""

    records: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the records of one kind, as they came."""
        chosen = [record for record in self.records if record["kind"] == kind]
        return [{key: record[key] for key in record if key != "kind"} for record in chosen]

    @property
    def hidden(self) -> dict[str, int]:
        """How many cells of each table are withheld."""
        return dict(sorted(Counter(item["table"] for item in self.of("withheld")).items()))


def gather(results: Sequence[Result]) -> Gathered:
    """Read the records of all notebooks.

    Raises
    ------
    ReportFailed
        Two notebooks use the same name for a table or a figure.
    """
    records: list[dict[str, Any]] = []
    owners: dict[tuple[str, str], str] = {}
    for result in results:
        notebook = result.job.notebook.name
        lines = (result.job.stage / "records.jsonl").read_text(encoding="utf-8").splitlines()
        for record in map(json.loads, lines):
            kind, name = record["kind"], record.get("name")
            place = "table" if kind == "quotes" else kind  # their files lie side by side
            first = owners.setdefault((place, name), notebook)
            if place in ("table", "figure", "map") and first != notebook:
                raise ReportFailed(
                    f'{notebook}: the {kind} "{name}" is already in {first}; rename one.'
                )
            records.append({"notebook": notebook, **record})
    return Gathered(records)


def collect_files(results: Sequence[Result], stage: Path) -> None:
    """Copy the notebooks' tables and figures into the report."""
    for folder in ("tables", "figures", "maps"):
        (stage / folder).mkdir()
        for result in results:
            for file in (result.job.stage / folder).glob("*"):
                copy = shutil.copyfile(file, stage / folder / file.name)
                os.chmod(copy, 0o644)
