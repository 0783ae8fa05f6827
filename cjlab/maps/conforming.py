"""What a comparison with the plan says, in the map's language: as text and as a table of HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from cjlab import messages
from cjlab.estimates import dims
from cjlab.maps import wording
from cjlab.maps.asking import each, plain
from cjlab.maps.model import Number

if TYPE_CHECKING:
    from cjlab.maps.conformance import Conformance

_HEAD = ("journeys", "open", "fitness", "as_planned", "fitness_open", "cut")
_COUNTS = ("journeys", "open")
_STEP = ("reached", "skipped", "out_of_order", "repeated", "returned", "left")
_ENDS = {"(start)": "start", "(completed)": "completed", "(end)": "end", "(other)": "other"}


def text(found: Conformance) -> str:
    """Return the comparison as plain text, one line a step."""
    lines = [_say(found, "title", title=found.title), *_notes(found)]
    for name, table in _segments(found):
        lines += ["", name] if name else [""]
        lines += _summary(found, table)
        for head, cells, away in _steps(found, table):
            # What is no step has nothing but how many ended there.
            told = " · ".join(f"{label} {cell}" for label, cell in cells)
            told = cells[0][1] if len(cells) == 1 else told
            lines.append(f"{head}: {told}")
            lines += [f"    {away}"] if away else []
        lines += _extras(found, table)
    if ways := _ways(found):
        lines += ["", _say(found, "ways"), *(f"  {cell}  {path}" for cell, path in ways)]
    return "\n".join(wording.plain(line) for line in lines)


def html(found: Conformance) -> str:
    """Return the comparison as HTML for a notebook; every text of it is escaped."""
    parts = [_tag("p", _tag("strong", _html(_say(found, "title", title=found.title))))]
    parts += [_tag("p", _html(line)) for line in _notes(found)]
    heads = [_say(found, "steps"), *(_label(found, metric) for metric in _STEP), _say(found, "to")]
    head = _tag("tr", "".join(_tag("th", _html(one)) for one in heads))
    for name, table in _segments(found):
        parts += [_tag("p", _tag("strong", _html(name)))] if name else []
        parts += [_tag("p", "<br>".join(_html(line) for line in _summary(found, table)))]
        rows = []
        for step, cells, away in _steps(found, table):
            own = dict(cells)
            told = [own.get(_label(found, metric), "–") for metric in _STEP]
            rows.append(_tag("tr", "".join(_tag("td", _html(c)) for c in [step, *told, away])))
        parts.append(_tag("table", _tag("thead", head) + _tag("tbody", "".join(rows))))
        parts += [_tag("p", _html(line)) for line in _extras(found, table)]
    if ways := _ways(found):
        items = "".join(_tag("li", _html(f"{cell}  {path}")) for cell, path in ways)
        parts.append(_tag("p", _html(_say(found, "ways"))) + _tag("ul", items))
    return _tag("div", "\n".join(parts))


def _segments(found: Conformance) -> Iterator[tuple[str, pd.DataFrame]]:
    base = [name for name in dims(found.table) if name not in ("step", "touchpoint", "next")]
    if not base:
        yield "", found.table
        return
    for key, part in found.table.groupby(base, sort=False, dropna=False):
        values = key if isinstance(key, tuple) else (key,)
        yield ", ".join(f"{n}: {v}" for n, v in zip(base, values, strict=True)), part


def _notes(found: Conformance) -> list[str]:
    if found.days is None:
        return [_say(found, "note_closed")]
    return [_say(found, "note_window", window=messages.days(found.days))]


def _summary(found: Conformance, table: pd.DataFrame) -> list[str]:
    lines = []
    for metric in _HEAD:
        for row in each(table[table["metric"] == metric]):
            if metric in ("fitness_open", "cut") and not row["value"] > 0:
                continue
            number = _number(row)
            told = wording.value_text(number, found.language, found.minimum)
            if number.value is not None and metric not in _COUNTS:
                told += f" ({wording.basis_text(number, found.language)})"
            lines.append(f"{_label(found, metric)}: {told}")
    return lines


def _steps(
    found: Conformance, table: pd.DataFrame
) -> Iterator[tuple[str, list[tuple[str, str]], str]]:
    """By step: its head, each metric with its value and n, and what came after leaving."""
    planned = {step.number: step for step in found.plan.steps}
    for number, own in table[table["step"].notna()].groupby("step"):
        touchpoint = str(own["touchpoint"].iloc[0])
        name = _word(found, touchpoint)
        step = planned.get(int(str(number)))
        if step is not None:
            key = "step_optional" if step.optional else "step"
            name = _say(found, key, number=step.number, touchpoint=name)
        cells = [
            (_label(found, metric), _cell(found, row))
            for metric in _STEP
            for row in each(own[own["metric"] == metric])
        ]
        away = own[(own["metric"] == "left_to") & (own["value"] > 0)]
        away = away.sort_values("value", ascending=False, kind="stable")
        told = " · ".join(f"{_word(found, row['next'])} {_cell(found, row)}" for row in each(away))
        yield name, cells, _say(found, "left_to", told=told) if told else ""


def _extras(found: Conformance, table: pd.DataFrame) -> list[str]:
    rows = each(table[table["metric"] == "extra"])
    told = " · ".join(f"{_word(found, row['touchpoint'])} {_cell(found, row)}" for row in rows)
    return [_say(found, "extras", told=told)] if told else []


def _ways(found: Conformance) -> list[tuple[str, str]]:
    return [(_cell(found, row), _ends(found, row["path"])) for row in each(found.examples)]


def _cell(found: Conformance, row: dict[str, Any]) -> str:
    """A value with its n, or why there is none."""
    number = _number(row)
    value = wording.value_text(number, found.language, found.minimum)
    if number.value is None:
        return value
    return f"{value} ({messages.text('map.basis.n', found.language, n=number.n)})"


def _number(row: dict[str, Any]) -> Number:
    said = {name: plain(row[name]) for name in Number.model_fields if name in row}
    return Number(**said, call="journey_map.conformance(j)", source="")


def _word(found: Conformance, name: str) -> str:
    if name in _ENDS:
        return _ends(found, name)
    return messages.label("touchpoint", name, found.language)


def _ends(found: Conformance, name: str) -> str:
    return _say(found, _ENDS[name]) if name in _ENDS else name


def _label(found: Conformance, metric: str) -> str:
    return messages.text(f"map.plan.metric.{metric}", found.language)


def _say(found: Conformance, key: str, **values: Any) -> str:
    return messages.text(f"map.plan.{key}", found.language, **values)


def _html(said: str) -> str:
    return escape(wording.plain(said))


def _tag(name: str, inside: str) -> str:
    return f"<{name}>{inside}</{name}>"
