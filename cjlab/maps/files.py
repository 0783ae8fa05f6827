"""Maps as files: the suffix says in which format one is read or written.

JSON, YAML, XLSX and CSV hold everything and are read again; the other formats are for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cjlab import _yaml
from cjlab.errors import UserError, did_you_mean
from cjlab.maps.model import SCHEMA, WHOLE, JourneyMap

#: By suffix: the function that returns the file, in a module that is imported when it is asked for.
_WRITERS = {
    ".json": "files:to_json",
    ".yaml": "files:to_yaml",
    ".yml": "files:to_yaml",
    ".xlsx": "workbook:workbook",
    ".csv": "tables:to_csv",
    ".md": "outline:markdown",
    ".mmd": "outline:mermaid",
    ".mermaid": "outline:mermaid",
    ".pptx": "slides:slides",
}
_DRAWN = (".svg", ".png", ".pdf")
_READ = (".json", ".yaml", ".yml", ".xlsx", ".csv")


def schema() -> dict[str, Any]:
    """Return the JSON schema of a map's file.

    Returns
    -------
    dict
        JSON schema; what `write` makes of a map as ``.json`` keeps it.

    Examples
    --------
    >>> schema()["required"]
    ['title', 'columns', 'lanes']
    """
    return JourneyMap.model_json_schema()


def read(path: Path) -> JourneyMap:
    """Read a map.

    Parameters
    ----------
    path : Path
        JSON or YAML, or XLSX or CSV: one that `write` made, or a grid or list made elsewhere, see
        :func:`cjlab.maps.grids.preview`.

    Returns
    -------
    JourneyMap
        The map.

    Raises
    ------
    UserError
        The file cannot be read, or says something that is not valid: one line with file and key.
    """
    kind = _suffix(path, _READ, "read")
    if kind == ".json":
        return checked(path.name, _json(path))
    if kind in (".yaml", ".yml"):
        return checked(path.name, _dated(_yaml.load(path)))
    from cjlab.maps.grids import preview

    return preview(path).map


def write(journey_map: JourneyMap, path: Path) -> Path:
    """Write a map; see `JourneyMap.write`.

    Parameters
    ----------
    journey_map : JourneyMap
        The map.
    path : Path
        Where to; an older file is replaced.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    UserError
        The suffix is none of those known, or the file cannot be written.
    """
    kind = check(path)
    try:
        if kind in _DRAWN:
            from cjlab.maps.drawing import draw

            draw(journey_map, path)
        elif kind == ".html":
            from cjlab.maps.html import html

            path.write_text(html(journey_map, path.parent), encoding="utf-8")
        else:
            module, name = _WRITERS[kind].split(":")
            make: Callable[[JourneyMap], str | bytes]
            make = getattr(import_module(f"cjlab.maps.{module}"), name)
            made = make(journey_map)
            # A carriage return within a text is not the end of a line of the file.
            path.write_bytes(made.encode("utf-8") if isinstance(made, str) else made)
    except OSError as error:
        raise UserError(f"{path.name}: cannot be written ({error.strerror}).") from None
    return path


def check(path: Path) -> str:
    """Return the suffix of a file to write, or refuse it."""
    return _suffix(path, (".html", *_DRAWN, *_WRITERS), "written")


def checked(file: str, said: Any) -> JourneyMap:
    """Return what a file says as a map; one line where it is none."""
    if not isinstance(said, dict):
        raise UserError(f"{file}: is no map; it needs at least title, columns and lanes.")
    try:
        return JourneyMap.model_validate(said)
    except ValidationError as error:
        raise UserError(_yaml.explain(file, error, JourneyMap)) from None


def to_json(journey_map: JourneyMap) -> str:
    """Return a map as JSON; what has its default is left out."""
    return json.dumps(_plain(journey_map, "json"), ensure_ascii=False, indent=1) + "\n"


def to_yaml(journey_map: JourneyMap) -> str:
    """Return a map as YAML, in an order that does not change, so that two can be compared.

    Examples
    --------
    >>> from cjlab.maps import template
    >>> print(to_yaml(template("day"))[:50])
    format: 1
    template: day
    title: A day in the custom
    """
    said = _plain(journey_map, "python")
    for cells in said.get("cards", {}).values():
        for stage, cards in cells.items():
            cells[stage] = [card["text"] if len(card) == 1 else card for card in cards]
    return yaml.dump(said, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1 << 20)


def _suffix(path: Path, known: tuple[str, ...], done: str) -> str:
    kind = path.suffix.lower()
    if kind not in known:
        near = did_you_mean(kind.lstrip("."), (one.lstrip(".") for one in known))
        raise UserError(f'{path.name}: a map is not {done} as "{kind.lstrip(".")}".{near}')
    return kind


def _plain(journey_map: JourneyMap, mode: str) -> dict[str, Any]:
    """Everything that differs from its default, cells in the order of lanes and stages."""
    said = journey_map.model_dump(mode=mode, exclude_defaults=True)
    stages = [WHOLE, *(column.id for column in journey_map.columns)]
    if "cards" in said:
        said["cards"] = {
            lane.id: {stage: list(cells[stage]) for stage in stages if stage in cells}
            for lane in journey_map.lanes
            if (cells := said["cards"].get(lane.id)) is not None
        }
    return {"format": SCHEMA, **said}


class _Dumper(yaml.SafeDumper):
    """YAML that every reader of YAML takes as the same text."""


def _string(dumper: yaml.SafeDumper, said: str) -> yaml.ScalarNode:
    style = "|" if "\n" in said else None
    if re.search("[\r\x85\u2028\u2029\ufeff]", said):
        style = '"'  # in any other style they are the ends of lines
    elif not re.match(r"[^\W\d_]", said) or said.casefold() in ("y", "n"):
        style = style or "'"  # YAML 1.2 has numbers that 1.1 has not
    return dumper.represent_scalar("tag:yaml.org,2002:str", said, style=style)


_Dumper.add_representer(str, _string)
_Dumper.add_representer(tuple, lambda dumper, said: dumper.represent_list(said))
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]


def _dated(said: Any) -> Any:
    """Take a date where a text is meant: YAML has them without quotation marks."""
    if not isinstance(said, dict):
        return said
    dates = {key: said[key] for key in ("start", "end") if isinstance(said.get(key), date)}
    return {**said, **{key: day.isoformat() for key, day in dates.items()}}


def _json(path: Path) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise UserError(f'{path.name}: the key "{key}" stands twice.')
            seen[key] = value
        return seen

    def refuse(name: str) -> None:
        raise UserError(f"{path.name}: {name} is no number; leave the key out.")

    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except UnicodeDecodeError:
        raise UserError(f"{path.name}: is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror}).") from None
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(f"{path.name}: {where}is not valid JSON.") from None
