"""What ``cjlab survey`` says: the list of templates, one of them, the findings in an own file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cjlab.errors import UserError, did_you_mean
from cjlab.voice._lint import lint
from cjlab.voice._survey_read import read, survey, templates

FORMATS = ("md", "csv", "yaml")


def listed(language: str) -> str:
    """Return one line a template: its name, its title and how long it takes."""
    found = [survey(name, language) for name in templates()]
    return "\n".join(f"{one.id:14} {one.title}  ({one.minutes:g} min)" for one in found)


def written(name: str, language: str, form: str, names: Mapping[str, Any]) -> str:
    """Return a template in one of `FORMATS`."""
    if form not in FORMATS:
        raise UserError(f'--format is "{form}".{did_you_mean(form, FORMATS)}')
    found = survey(name, language, **names)
    return {"md": found.to_markdown, "csv": found.to_csv, "yaml": found.to_yaml}[form]()


def save(text: str, path: Path) -> None:
    """Write a file; one line where that cannot be done."""
    try:
        # Spreadsheets take a CSV for UTF-8 only where it says so at its start.
        encoding = "utf-8-sig" if path.suffix.lower() == ".csv" else "utf-8"
        path.write_text(text, encoding=encoding)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}).") from None


def checked(path: Path, language: str | None) -> list[str]:
    """Return one line a finding: file, question, rule, what set it off, what would fix it."""
    lines = []
    for found in read(path, language):
        for row in lint(found).to_dict("records"):
            # A missing question is null: the finding is of the survey.
            asked = row["question"] if isinstance(row["question"], str) else "(survey)"
            where = f"{path.name} [{found.language}]: {asked}"
            lines.append(f"{where}: {row['rule']}: {row['found']}: {row['fix']}")
    return lines
