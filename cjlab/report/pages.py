"""The pages of a report: the overview, one for each notebook, and the method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from cjlab import messages
from cjlab.periods import Period
from cjlab.report import cells, notebooks
from cjlab.report.render import prose, render
from cjlab.report.runner import Result


class Link(NamedTuple):
    """An entry of the report's own navigation."""

    file: str
    title: str


@dataclass(frozen=True)
class Frame:
    """What every page of one report shares, and the folder it is written to."""

    stage: Path
    config: Any
    span: Period
    language: str
    links: list[Link]

    def write(self, file: str, template: str, **values: Any) -> None:
        """Render one page into the report."""
        here = next(link for link in self.links if link.file == file)
        html = render(template, self.language, frame=self, here=here, **values)
        (self.stage / file).write_text(html, encoding="utf-8")

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> cells.View:
        """Lay out a small table of the report's own."""
        wording = cells.Wording(self.language)
        laid = [[wording.name(first), *map(wording.cell, rest)] for first, *rest in rows]
        return cells.View([wording.head(head) for head in heads], laid, len(laid))

    def counts(self, rows: list[dict[str, Any]], heads: Sequence[str]) -> cells.View:
        """Lay out the columns that are there; rules and effects have names in words."""
        there = [head for head in heads if any(head in row for row in rows)] or heads
        return self.table(there, [[self._word(row, head) for head in there] for row in rows])

    def _word(self, row: dict[str, Any], head: str) -> Any:
        is_word = head in ("rule", "effect") and row.get(head) is not None
        return messages.label(head, row[head], self.language) if is_word else row.get(head)


def links(results: Sequence[Result], language: str) -> list[Link]:
    """Return the navigation: overview, notebooks, method."""
    overview, method = (messages.text(key, language) for key in ("page.index", "page.method"))
    middle = [
        Link(f"{result.job.notebook.name}.html", notebooks.title(result.node, result.job.notebook))
        for result in results
    ]
    return [Link("index.html", overview), *middle, Link("method.html", method)]


def blocks(node: Any) -> list[Markup]:
    """Return what a page shows of a notebook: prose and marked outputs; inputs stay hidden."""
    shown = []
    heading = notebooks.heading(node)
    for cell in node.cells:
        if cell.cell_type == "markdown":
            lines = cell.source.splitlines()
            if heading in lines:
                lines.remove(heading)
                heading = None
            if any(map(str.strip, lines)):
                shown.append(prose("\n".join(lines)))
        elif cell.cell_type == "code":
            # The HTML is our own rendering: verify lets no other output pass.
            shown += [
                Markup(output.data["text/html"])
                for output in cell.outputs
                if output.output_type == "display_data" and "text/html" in output.data
            ]
    return shown
