"""The method appendix: the docstrings of the functions that a report's notebooks called."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_ROOM = re.compile(r"cjlab\.(journey|personas|voice|stats)\b")
_SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", re.MULTILINE)


@dataclass(frozen=True)
class Method:
    """One function as a reader needs it: name, what its numbers mean, what it returns, notes."""

    name: str
    paragraphs: tuple[str, ...]
    anchor: str


def methods(nodes: Iterable[Any]) -> list[Method]:
    """Return the documented functions of cjlab that the notebooks call, in order of name."""
    called: dict[str, Any] = {}
    for node in nodes:
        for found in _named(node):
            room = _ROOM.match(str(getattr(found, "__module__", "")))
            is_method = inspect.isfunction(found) or inspect.isclass(found)
            if room and is_method and inspect.getdoc(found):
                called.setdefault(f"{room[1]}.{found.__name__}", found)
    return [_method(name, called[name]) for name in sorted(called)]


def _named(node: Any) -> Iterator[Any]:
    """Yield what each dotted name in a notebook means, where it is a name of cjlab."""
    names: dict[str, Any] = {}
    for cell in node.cells:
        tree = ast.Module([], [])
        with suppress(SyntaxError):
            tree = ast.parse(cell.source if cell.cell_type == "code" else "")
        parts = list(ast.walk(tree))
        for part in parts:
            if isinstance(part, ast.Import | ast.ImportFrom) and _is_ours(part):
                with suppress(ImportError):
                    exec(ast.unparse(part), names)
        for part in parts:
            if isinstance(part, ast.Attribute | ast.Name):
                first, *rest = ast.unparse(part).split(".")
                found = names.get(first)
                for name in rest:
                    found = getattr(found, name, None)
                yield found


def _is_ours(part: ast.Import | ast.ImportFrom) -> bool:
    homes = [part.module] if isinstance(part, ast.ImportFrom) else [a.name for a in part.names]
    return any(str(home).split(".")[0] == "cjlab" for home in homes)


def _method(name: str, found: Any) -> Method:
    parts = _SECTION.split(inspect.getdoc(found) or "")
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    # Under Returns, the type stands alone on an outer line; what it means is indented.
    returned = re.sub(r"^\S.*\n", "", sections.get("Returns", ""), flags=re.MULTILINE)
    text = "\n\n".join([parts[0], returned, sections.get("Notes", "")])
    clean = re.sub(r"``?|(?<!\w)\*+|\*+(?!\w)", "", text)
    paragraphs = (" ".join(block.split()) for block in re.split(r"\n\s*\n", clean))
    anchor = "method-" + re.sub(r"[^a-z0-9]+", "-", name.lower())
    return Method(name, tuple(filter(None, paragraphs)), anchor)
