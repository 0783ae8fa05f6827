"""A YAML file against its model: read once, and every fault told in one line.

The line names the file, the key, the value and the nearest valid name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from cjlab._parts import Part
from cjlab.errors import UserError, did_you_mean

_File = TypeVar("_File", bound=Part)


class _Loader(yaml.SafeLoader):
    """Plain YAML that refuses to let a key's second value silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Read one mapping whose keys differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.MarkedYAMLError(
                    problem=f'the key "{key.value}" stands twice', problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def load(path: Path) -> Any:
    """Return what a YAML file holds; one line where it is no such file, or says a key twice."""
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)
    except UnicodeDecodeError:
        raise UserError(f"{path.name}: is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror}).") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}: {_yaml_problem(error)}") from None
    except ValueError as error:  # a date such as 2026-02-30
        raise UserError(f"{path.name}: holds a date that does not exist ({error}).") from None


def checked(path: Path, kind: type[_File]) -> _File:
    """Return what a YAML file says, checked against its model."""
    raw = load(path)
    if not isinstance(raw, dict):
        least = [name for name, field in kind.model_fields.items() if field.is_required()]
        raise UserError(f"{path.name}: is empty; it needs at least {' and '.join(least)}.")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise UserError(explain(path.name, error, kind)) from None


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}is not valid YAML ({problem})."


def explain(file: str, error: ValidationError, kind: type[BaseModel]) -> str:
    """Tell the first fault of a file, and how many more there are."""
    first, *more = sorted(
        # A key that is missing may well be one that is misspelt.
        error.errors(include_url=False),
        key=lambda problem: problem["type"] != "extra_forbidden",
    )
    parts = [part for part in first["loc"] if not _is_type(part)]
    also = f" (and {len(more)} more)" if more else ""
    return f"{file}: {_problem('.'.join(map(str, parts)), dict(first), kind)}{also}"


def _is_type(part: int | str) -> bool:
    """Whether a part of a location names the type that was tried, not a key of the file."""
    if isinstance(part, int) or re.fullmatch(r"P\d+", part):
        return False
    return part[0].isupper() or "[" in part or part in ("str", "int", "datetime", "date")


def _problem(key: str, problem: dict[str, Any], file: type[BaseModel]) -> str:
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        name = str(problem["loc"][-1])
        return f'{key}: unknown key "{name}".{did_you_mean(name, _keys(problem["loc"], file))}'
    if kind == "missing":
        return f"{key}: is missing."
    shown = "" if isinstance(value, dict | list | BaseModel) else f' is "{value}"'
    if kind == "literal_error":
        valid = re.findall(r"'([^']+)'", problem["ctx"]["expected"])
        return f"{key}{shown}.{did_you_mean(value, valid)}"
    if kind == "model_type":
        return f"{key}{shown}: needs keys of its own, each with a value."
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key}{shown}: {message[0].lower()}{message[1:]}."


def _keys(location: tuple[Any, ...], file: type[BaseModel]) -> list[str]:
    """Return the keys that are valid where an unknown one stands."""
    for part in location[:-1]:
        field = file.model_fields.get(str(part))
        file = (_inner(field.annotation) if field else None) or file
    return list(file.model_fields)


def _inner(kind: Any) -> type[BaseModel] | None:
    """Return the section that a field holds, in lists and mappings too."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for part in get_args(kind) if (found := _inner(part))), None)
