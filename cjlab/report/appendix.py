"""The method appendix: the docstrings of the functions that a report's notebooks called."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import cjlab

ROOMS = ("journey", "personas", "voice", "stats")
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
        for path in _calls(node):
            found = _resolve(path)
            if found is not None:
                room = found.__module__.split(".")[1]
                called.setdefault(f"{room}.{found.__name__}", found)
    return [_method(name, called[name]) for name in sorted(called)]


def _calls(node: Any) -> list[tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    paths = []
    for cell in node.cells:
        if cell.cell_type != "code":
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue
        for part in ast.walk(tree):
            names |= _imported(part)
        for part in ast.walk(tree):
            if isinstance(part, ast.Attribute | ast.Name) and (path := _dotted(part, names)):
                paths.append(path)
    return paths


def _imported(part: ast.AST) -> dict[str, tuple[str, ...]]:
    if isinstance(part, ast.Import):
        return {
            item.asname or item.name.split(".")[0]: (
                tuple(item.name.split(".")) if item.asname else (item.name.split(".")[0],)
            )
            for item in part.names
        }
    if isinstance(part, ast.ImportFrom) and part.module and part.level == 0:
        home = tuple(part.module.split("."))
        return {item.asname or item.name: (*home, item.name) for item in part.names}
    return {}


def _dotted(part: ast.expr, names: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    tail: list[str] = []
    while isinstance(part, ast.Attribute):
        tail.insert(0, part.attr)
        part = part.value
    if not isinstance(part, ast.Name) or part.id not in names:
        return None
    path = (*names[part.id], *tail)
    return path if len(path) > 1 and path[0] == "cjlab" else None


def _resolve(path: tuple[str, ...]) -> Any | None:
    """Return the function or class of one of the rooms that a dotted name means."""
    found: Any = cjlab
    for at, part in enumerate(path[1:], 2):
        try:
            found = getattr(found, part, None) or import_module(".".join(path[:at]))
        except ImportError:
            return None
    home = str(getattr(found, "__module__", "")).split(".")
    in_room = len(home) > 1 and home[0] == "cjlab" and home[1] in ROOMS
    is_method = inspect.isfunction(found) or inspect.isclass(found)
    return found if in_room and is_method and inspect.getdoc(found) else None


def _method(name: str, found: Any) -> Method:
    parts = _SECTION.split(inspect.getdoc(found) or "")
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    # Under Returns, the type stands alone on an outer line; what it means is indented.
    returned = re.sub(r"^\S.*\n", "", sections.get("Returns", ""), flags=re.MULTILINE)
    text = [parts[0], returned, sections.get("Notes", "")]
    paragraphs = [
        " ".join(block.split())
        for part in text
        for block in re.split(r"\n\s*\n", part.strip())
        if block.strip()
    ]
    clean = tuple(re.sub(r"``?|(?<!\w)\*+|\*+(?!\w)", "", paragraph) for paragraph in paragraphs)
    return Method(name, clean, "method-" + re.sub(r"[^a-z0-9]+", "-", name.lower()))
