"""The pages of a report: one for each notebook, the overview and the method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cjlab import messages
from cjlab.report import cells, notebooks
from cjlab.report.appendix import Method
from cjlab.report.render import prose, render
from cjlab.report.runner import Result


@dataclass(frozen=True)
class Link:
    """An entry of the report's own navigation."""

    file: str
    title: str


@dataclass(frozen=True)
class Frame:
    """What every page of one report shares."""

    study: str
    language: str
    period: str
    links: list[Link]

    def write(self, stage: Path, file: str, template: str, **values: Any) -> None:
        """Render one page into the report."""
        at = [link.file for link in self.links].index(file)
        html = render(
            template,
            self.language,
            frame=self,
            here=self.links[at],
            before=self.links[at - 1] if at else None,
            after=self.links[at + 1] if at + 1 < len(self.links) else None,
            **values,
        )
        (stage / file).write_text(html, encoding="utf-8")


def links(results: Sequence[Result], overview: str, method: str) -> list[Link]:
    """Return the navigation: overview, notebooks, method."""
    middle = [
        Link(f"{result.job.notebook.name}.html", notebooks.title(result.node, _name(result)))
        for result in results
    ]
    return [Link("index.html", overview), *middle, Link("method.html", method)]


def _name(result: Result) -> str:
    return result.job.notebook.name.lstrip("0123456789_") or result.job.notebook.name


def blocks(node: Any) -> list[Markup]:
    """Return what a page shows of a notebook: prose and marked outputs; inputs stay hidden."""
    shown = []
    heading_seen = False
    for cell in node.cells:
        if cell.cell_type == "markdown":
            source = cell.source
            if not heading_seen:
                source, heading_seen = _without_title(source)
            if source.strip():
                shown.append(prose(source))
        elif cell.cell_type == "code":
            # The HTML is our own rendering: verify lets no other output pass.
            shown += [
                Markup(output.data["text/html"])
                for output in cell.outputs
                if output.output_type == "display_data" and "text/html" in output.data
            ]
    return shown


def _without_title(source: str) -> tuple[str, bool]:
    lines = source.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("# "):
            return "\n".join(lines[:index] + lines[index + 1 :]), True
    return source, False


def write_notebooks(stage: Path, frame: Frame, results: Sequence[Result]) -> None:
    """Write a page for each notebook."""
    for result in results:
        file = f"{result.job.notebook.name}.html"
        frame.write(stage, file, "page.html.j2", blocks=blocks(result.node))


def write_method(
    stage: Path,
    frame: Frame,
    methods: Sequence[Method],
    versions: dict[str, str],
    settings: dict[str, str],
) -> None:
    """Write the method appendix: definitions, versions and settings."""
    named = [
        (messages.label("setting", name, frame.language), value) for name, value in settings.items()
    ]
    frame.write(
        stage,
        "method.html",
        "method.html.j2",
        methods=methods,
        versions=table(("component", "version"), versions.items(), frame.language),
        settings=table(("key", "value"), named, frame.language),
    )


def table(heads: Sequence[str], rows: Any, language: str) -> cells.View:
    """Lay out a small table of the report's own."""
    wording = cells.Wording(language)
    laid = [[wording.name(first), *map(wording.cell, rest)] for first, *rest in rows]
    return cells.View([wording.head(head) for head in heads], laid, len(laid))
