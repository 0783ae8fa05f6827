"""Filled-in checklists beside the data: what walkers met, and what customers do there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from cjlab import messages, privacy
from cjlab.errors import UserError, did_you_mean
from cjlab.journey.base import Journeys
from cjlab.journey.converting import time_to_convert
from cjlab.maps import sheets, wording
from cjlab.maps.asking import each, plain
from cjlab.maps.model import JourneyMap, Number
from cjlab.maps.plan import Plan, Step, plan_of
from cjlab.maps.tables import shown
from cjlab.maps.walk_form import COLUMNS, RANGES, head
from cjlab.study import Study
from cjlab.voice import scores

_SCORES = ("csat", "ces")
_DAY = 24 * 60  # minutes
# Of customers: the column, what its other columns begin with, and the unit to show.
_BESIDE = (("data_minutes", "data", "d"), ("csat", "csat", "1"), ("ces", "ces", "effort"))


@dataclass(frozen=True)
class Walked:
    """Walks beside the data.

    Parameters
    ----------
    walkers : tuple of str
        Who walked, as the forms say it; they are few, so what they met has no interval.
    steps : DataFrame
        One row a planned step: ``step, touchpoint``, ``walkers`` (who did it), ``missed`` (who
        tried and could not), ``order`` (median place among the steps that they did), ``minutes``
        (median since the planned step before) with ``timed`` (of how many), the medians ``wait``,
        ``ease`` and ``feeling``; then of customers ``data_minutes`` (median time from the step
        before) with ``data_low, data_high, data_n, data_status, data_note``, and ``csat, ces`` with
        ``csat_low`` and so on. Null where it is not known, or withheld: too few customers.
    remarks : DataFrame
        ``step, touchpoint, walker, missing, note, picture``: what was written.
    language : str
        Of the map.
    minimum : int
        Fewer customers than these are not shown.
    """

    walkers: tuple[str, ...]
    steps: pd.DataFrame
    remarks: pd.DataFrame
    language: str
    minimum: int

    def __str__(self) -> str:
        count = len(self.walkers)
        lines = [messages.text("map.walk.walkers", self.language, count=count, n=count)]
        for row in each(self.steps):
            name = messages.label("touchpoint", row["touchpoint"], self.language)
            lines.append(
                messages.text(
                    "map.walk.step", self.language,
                    number=row["step"], touchpoint=name, walkers=row["walkers"],
                    missed=row["missed"], order=row["order"],
                    minutes=messages.days(_days(row["minutes"])), timed=row["timed"],
                    ease=row["ease"], feeling=row["feeling"],
                )
            )  # fmt: skip
            lines += [f"    {line}" for line in self._data(row)]
        for row in each(self.remarks):
            said = " · ".join(text for text in (row["missing"], row["note"]) if text)
            if said:
                lines.append(f"  {row['step']}. {said} ({row['walker']})")
        return "\n".join(wording.plain(line) for line in lines)

    def _data(self, row: dict[str, Any]) -> Iterable[str]:
        """What customers do and say there, or why that cannot be told."""
        for name, stem, unit in _BESIDE:
            status = plain(row[f"{stem}_status"])
            if status is None:
                continue
            scale = _DAY if unit == "d" else 1
            keys = {"value": name, "low": f"{stem}_low", "high": f"{stem}_high"}
            said = {one: plain(row[key]) for one, key in keys.items()}
            limits = {one: value and value / scale for one, value in said.items()}
            number = Number(
                metric=stem, n=plain(row[f"{stem}_n"]), unit=unit, status=status,
                note=plain(row[f"{stem}_note"]), call="walked", source="", **limits,
            )  # fmt: skip
            told = wording.value_text(number, self.language, self.minimum)
            if number.value is not None:
                told += f" ({wording.basis_text(number, self.language)})"
            yield messages.text(f"map.walk.{stem}", self.language, told=told)


def walked(
    paths: str | Path | Iterable[str | Path],
    journey_map: JourneyMap,
    j: Journeys,
    *,
    study: Study | None = None,
) -> Walked:
    """Read filled-in checklists and put what walkers met beside what customers do.

    Parameters
    ----------
    paths : str, Path or several
        Forms of :func:`cjlab.maps.checklist`, XLSX or saved as CSV, one for each
        walker.
    journey_map : JourneyMap
        The map that they were made from.
    j : Journeys
        The journeys that the walks are compared with; of sessions for the pace of one visit.
    study : Study, optional
        Whose answers on satisfaction and effort, of the period of `j`, stand beside a step.

    Returns
    -------
    Walked
        By planned step what walkers met, and the median time that customers take from the step
        before (Kaplan–Meier, as in :func:`cjlab.time_to_convert`).

    Raises
    ------
    UserError
        A form cannot be read: its file, row, column and value.

    Examples
    --------
    >>> from cjlab.maps import JourneyMap
    >>> walked(["anna.xlsx"], JourneyMap.read("map.yaml"), j)  # doctest: +SKIP
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    if not files:
        raise UserError("walked: no form is given; name at least one file.")
    plan = plan_of(journey_map)
    plan.check(j)
    walks = [_walk(Path(file), plan) for file in files]
    names = [name for name, _ in walks]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f'two forms are of the walker "{twice}"; give each a name of its own.')
    frame = pd.concat([rows for _, rows in walks], ignore_index=True)
    told = _scores(study, j) if study is not None else {}
    before: list[Step | None] = [None, *plan.steps]
    rows = [
        {"step": step.number, "touchpoint": step.touchpoint, **_met(frame, step, last)}
        | _time(j, last, step)
        | {key: value for kind in _SCORES
           for key, value in _said(kind, told.get((kind, step.touchpoint))).items()}
        for last, step in zip(before, plan.steps, strict=False)
    ]  # fmt: skip
    remarks = frame[["step", "touchpoint", "walker", "missing", "note", "picture"]]
    remarks = remarks[(remarks[["missing", "note", "picture"]] != "").any(axis=1)]
    return Walked(
        tuple(names), pd.DataFrame(rows),
        remarks.sort_values(["step", "walker"], kind="stable", ignore_index=True),
        journey_map.language, j.minimum,
    )  # fmt: skip


def _walk(path: Path, plan: Plan) -> tuple[str, pd.DataFrame]:
    """Who filled in a form, and its rows."""
    book = sheets.read(path)
    rows = next(iter(book.sheets.values()), [])
    at, columns = _heads(path, rows)
    above = [[text.strip() for text in row] for row in rows[:at]]
    known = {messages.text("map.walk.walker", one) for one in messages.LANGUAGES}
    names = [row[1] for row in above if len(row) > 1 and row[0] in known and row[1]]
    walker = wording.plain(shown(names[0])) if names else path.stem
    found = []
    for place, row in enumerate(rows[at + 1 :], at + 2):
        said = {name: shown(row[column].strip()) for name, column in columns.items()}
        if any(said.values()):
            found.append({"walker": walker, **_row(_Where(path.name, place), said, plan)})
    seen: set[int] = set()
    for one in found:
        if one["step"] in seen:
            raise UserError(f"{path.name}: step {one['step']} stands in two rows; keep one.")
        seen.add(one["step"])
    if not found:
        raise UserError(f"{path.name}: the form has no row below its heads.")
    frame = pd.DataFrame(found)
    done = frame["done"].eq(True)
    # Who wrote down no times did the steps in the order of the form.
    frame["place"] = frame.loc[done].sort_values("when", kind="stable").assign(p=1)["p"].cumsum()
    return walker, frame


def _heads(path: Path, rows: list[list[str]]) -> tuple[int, dict[str, int]]:
    """Where the row of heads is, and in which column each stands, in whatever language."""
    for language in messages.LANGUAGES:
        heads = {head(name, language).casefold(): name for name in COLUMNS}
        for at, row in enumerate(rows):
            found = {
                heads[text.strip().casefold()]: column
                for column, text in enumerate(row)
                if text.strip().casefold() in heads
            }
            if {"step", "touchpoint"} <= set(found):
                missing = [head(name, language) for name in COLUMNS if name not in found]
                if missing:
                    raise UserError(f'{path.name}: row {at + 1}: no column "{missing[0]}".')
                return at, found
    raise UserError(
        f"{path.name}: is no checklist; write one with cj.maps.checklist and keep its heads."
    )


@dataclass(frozen=True)
class _Where:
    """A row of a form, for the faults in it."""

    file: str
    row: int

    def fault(self, column: str, value: str, fix: str) -> UserError:
        return UserError(f'{self.file}: row {self.row}, {column}: "{value[:80]}" {fix}')


def _row(where: _Where, said: dict[str, str], plan: Plan) -> dict[str, Any]:
    """Check one row and read its values."""
    steps = {str(step.number): step for step in plan.steps}
    number = re.sub(r"\.0$", "", said["step"])
    if number not in steps:
        raise where.fault("step", said["step"], f"is no step of the plan.{_steps(steps)}")
    step = steps[number]
    if said["touchpoint"] != wording.plain(step.touchpoint):
        names = [one.touchpoint for one in plan.steps]
        hint = did_you_mean(said["touchpoint"], names)
        raise where.fault(
            "touchpoint", said["touchpoint"],
            f'is not that of step {number}, which is "{step.touchpoint}".{hint}',
        )  # fmt: skip
    found: dict[str, Any] = {"step": step.number, "touchpoint": step.touchpoint}
    found["when"] = _instant(where, said["when"])
    found["done"] = _done(where, said)
    for column in RANGES:
        found[column] = _between(where, column, said[column])
    for column in ("channel", "missing", "note", "picture"):
        found[column] = wording.plain(said[column])
    return found


def _steps(steps: dict[str, Step]) -> str:
    return f" Valid: 1 to {len(steps)}."


def _instant(where: _Where, text: str) -> pd.Timestamp:
    """A time of day needs no date: what is compared is between two steps of one walk."""
    if not text:
        return pd.NaT  # type: ignore[return-value]
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%H:%M", "%H:%M:%S"):
        try:
            return pd.Timestamp(datetime.strptime(text, form))
        except ValueError:
            continue
    raise where.fault("when", text, "is no time; write for example 2026-05-04 13:45, or 13:45.")


def _done(where: _Where, said: dict[str, str]) -> bool | None:
    """Whether the step was done; a time says so too, an empty row that nobody knows."""
    text = said["done"].casefold()
    if not text:
        return True if said["when"] else None
    for word, value in (("yes", True), ("no", False)):
        forms = {messages.text(f"word.{word}", one).casefold() for one in messages.LANGUAGES}
        if text in forms | {form[0] for form in forms} | {str(value).casefold(), str(int(value))}:
            return value
    raise where.fault("done", said["done"], "is neither yes nor no; write y or n.")


def _between(where: _Where, column: str, text: str) -> float | None:
    if not text:
        return None
    low, high = RANGES[column]
    try:
        value = float(text.replace(",", ".").replace("−", "-"))
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise where.fault(column, text, f"is no number from {low} to {high}.")
    return value


def _met(frame: pd.DataFrame, step: Step, last: Step | None) -> dict[str, Any]:
    """What walkers met at a step."""
    here = frame[frame["step"] == step.number]
    done = here[here["done"].eq(True)]
    found: dict[str, Any] = {"walkers": len(done), "missed": int(here["done"].eq(False).sum())}
    found["order"] = _median(done["place"])
    since = pd.Series(dtype="float64")
    if last is not None:
        own = frame[(frame["step"] == last.number) & frame["done"].eq(True)]
        pairs = done.merge(own, on="walker", suffixes=("", "_last"))
        since = (pairs["when"] - pairs["when_last"]).dt.total_seconds() / 60
        since = since[since >= 0]
    found |= {"minutes": _median(since), "timed": int(since.notna().sum())}
    return found | {column: _median(done[column]) for column in ("wait", "ease", "feeling")}


def _days(minutes: float | None) -> float:
    return float("nan") if minutes is None else minutes / _DAY


def _median(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(median(known)) if len(known) else None


def _time(j: Journeys, last: Step | None, step: Step) -> dict[str, Any]:
    """The median minutes that customers take from the step before."""
    happened = set(j.labels("touchpoint").values())
    found = None
    if last is not None and {last.touchpoint, step.touchpoint} <= happened:
        table = time_to_convert(j, start=last.touchpoint, goal=step.touchpoint)
        gated, _ = privacy.gate(table, j.minimum)
        found = next(each(gated[gated["metric"] == "median"]))
    said = _said("data", found, _DAY)
    return {"data_minutes": said.pop("data"), **said}


def _said(name: str, row: dict[str, Any] | None, scale: float = 1) -> dict[str, Any]:
    """A number of customers with its limits and n, null where there is none."""
    keys = ("low", "high", "n", "status", "note")
    if row is None:
        return {name: None, **{f"{name}_{key}": None for key in keys}}
    found = {key: plain(row[key]) for key in ("value", *keys)}
    scaled = {key: found[key] and found[key] * scale for key in ("value", "low", "high")}
    found |= scaled
    return {name: found.pop("value"), **{f"{name}_{key}": found[key] for key in keys}}


def _scores(study: Study, j: Journeys) -> dict[tuple[str, str], dict[str, Any]]:
    """By instrument and touchpoint what customers answered; of several instruments none."""
    if "responses" not in study.config.sources:
        return {}
    start, end = (at and pd.Timestamp(at, tz="UTC").tz_convert(j.zone).tz_localize(None)
                  for at in (j.start, j.end))  # fmt: skip
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for kind in _SCORES:
        table = scores(study, kind, by="touchpoint", start=start, end=end, pool="wave")
        gated, _ = privacy.gate(table, j.minimum)
        own = gated[gated["metric"] == kind]
        if "relation" in own:
            own = own[own["relation"] != "relational"]
        own = own[~own.duplicated("touchpoint", keep=False)]
        found |= {(kind, row["touchpoint"]): row for row in each(own)}
    return found
