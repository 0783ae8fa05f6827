"""The notebooks of a report: finding them, checking what they take, preparing them for a run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from cjlab import messages
from cjlab.errors import UserError, did_you_mean

PARAMETERS = ("study", "start", "end", "language")
_PAPERMILL = {"injected-parameters", "papermill-error-cell-tag"}


@dataclass(frozen=True)
class Notebook:
    """One notebook as it will run: its short name and its cells."""

    name: str
    node: Any

    @property
    def cells(self) -> int:
        """How many code cells there are to run."""
        return len(code(self.node))

    @property
    def needs(self) -> list[str]:
        """Tables that a study must have for this page: ``cjlab.needs`` of its metadata."""
        return list(self.node.metadata.get("cjlab", {}).get("needs", []))


def folder() -> Path:
    """Return where the notebooks that come with cjlab are."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_notebooks"
    return packaged if packaged.is_dir() else package.parent / "notebooks"


def find(chosen: Iterable[str | Path] | None) -> list[Path]:
    """Return the notebooks to run: all numbered ones, or those named, in the order of names.

    Raises
    ------
    UserError
        No such notebook, or two of the same name.
    """
    known = {path.stem: path for path in sorted(folder().glob("[0-9][0-9]_*.ipynb"))}
    paths = [_path(item, known) for item in (known if chosen is None else chosen)]
    names = [path.stem for path in paths]
    if not names:
        raise UserError(f"no notebook is named, or none is in {folder()}; name at least one.")
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(f"two notebooks are called {min(twice)}; rename one.")
    return sorted(paths, key=lambda path: path.stem)


def _path(item: str | Path, known: dict[str, Path]) -> Path:
    path = known.get(str(item), Path(item))
    if path.suffix != ".ipynb":
        raise UserError(f'no notebook "{item}".{did_you_mean(str(item), known)}')
    if not path.is_file():
        raise UserError(f"no notebook at {path}.")
    return path.resolve()


def load(path: Path) -> Any | None:
    """Return a notebook, or None where there is none that can be read."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception:
        return None


def read(path: Path, language: str) -> Notebook:
    """Read a notebook, check its parameters, and put its prose into the report's language.

    Raises
    ------
    UserError
        Not a notebook, or its ``parameters`` cell does not take exactly `PARAMETERS`.
    """
    node = load(path)
    if node is None:
        raise UserError(f"{path.name}: is not a notebook that can be read.")
    _check_parameters(path, node)
    for cell in node.cells:
        if cell.cell_type == "markdown" and language != messages.FALLBACK:
            translated = messages.own(f"notebook.{path.stem}.{cell.get('id')}", language)
            cell.source = translated or cell.source
        elif cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    node.metadata["kernelspec"] = {"name": "python3", "display_name": "python3"}
    return Notebook(path.stem, node)


def _check_parameters(path: Path, node: Any) -> None:
    tagged = [cell for cell in node.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise UserError(f"{path.name}: needs one cell tagged parameters, has {len(tagged)}.")
    try:
        parts = ast.walk(ast.parse(tagged[0].source))
    except SyntaxError:
        raise UserError(f"{path.name}: its parameters cell is not valid Python.") from None
    names = {x.id for x in parts if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
    if unknown := names - set(PARAMETERS):
        name = min(unknown)
        raise UserError(f'{path.name}: unknown parameter "{name}".{did_you_mean(name, PARAMETERS)}')
    if missing := [name for name in PARAMETERS if name not in names]:
        raise UserError(f"{path.name}: its parameters cell lacks {', '.join(missing)}.")


def heading(node: Any) -> str | None:
    """Return the first line of prose that is a heading of the first level, as it stands."""
    prose = (cell.source for cell in node.cells if cell.cell_type == "markdown")
    lines = (line for source in prose for line in source.splitlines())
    return next((line for line in lines if line.startswith("# ")), None)


def title(node: Any, notebook: Notebook) -> str:
    """Return the first heading of a notebook as plain text, else its name without the number."""
    if found := heading(node):
        return found[2:].replace("`", "").replace("*", "").strip()
    return (notebook.name.lstrip("0123456789_") or notebook.name).replace("_", " ")


def code(node: Any) -> list[tuple[int, Any]]:
    """Return the cells that hold code, each with its place in the notebook."""
    cells = enumerate(node.cells)
    return [(at, cell) for at, cell in cells if cell.cell_type == "code" and cell.source.strip()]


def cell_name(node: Any, index: int) -> str:
    """Return how to name a cell to a person: its id, and its place in the author's notebook."""
    before = node.cells[: index + 1]
    place = sum(not _PAPERMILL & set(cell.metadata.get("tags", [])) for cell in before)
    return f'cell "{node.cells[index].get("id", place)}" (no. {place})'
