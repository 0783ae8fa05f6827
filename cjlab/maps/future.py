"""The map of a future state: today, what is assumed, what would follow, and the gap between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cjlab import messages
from cjlab.maps.lanes import LANES, Cells, View
from cjlab.maps.line import Line
from cjlab.maps.model import WHOLE, Card, Number
from cjlab.maps.moments import ALL
from cjlab.maps.what_if import GAP, THEN, TODAY, WhatIf, number_of

_TEXTS = {"conversion": "future.conversion", "reach": "kpi.reach", "median": "kpi.median"}
_WHOLE = {"conversion": "future.end_to_end", "median": "future.to_convert"}


def lanes(view: View, found: WhatIf) -> dict[str, Cells]:
    """Return the computed cards of a future state, by lane and stage."""
    moving = [line for line in found.lines if line.shown and not _twice(line, found)]
    return {
        "personas": LANES["personas"](view),
        "emotion": _emotion(view, found),
        "today": _cells(view, [line for line in found.lines if not _twice(line, found)], _own),
        "assumptions": _assumptions(found),
        "targets": _cells(view, moving, lambda line: number_of(found, line, THEN)),
        "gap": _cells(view, moving, lambda line: number_of(found, line, GAP)),
        "outcome": {WHOLE: tuple(_outcome(view, found, moving))},
    }


def notes(found: WhatIf, language: str) -> tuple[str, ...]:
    """Return what the whole scenario takes for granted, and how its curve is to be read."""
    there = {card.text for cards in _assumptions(found).values() for card in cards}
    said = tuple(text for text in found.assumptions if text not in there)
    return (
        (*said, messages.text("map.future.curve", language)) if found.scenario.of("score") else said
    )


def title(found: WhatIf, language: str) -> str:
    """Return what the map is called: the template with the scenario's name."""
    head = messages.text("map.template.future", language)
    return messages.text("map.future.title", language, title=head, name=found.scenario.name)


def _twice(line: Line, found: WhatIf) -> bool:
    """Whether a stage's score is that of its one touchpoint with answers, which says it already."""
    return line.touchpoint == ALL and any(
        (one.metric, one.stage, one.today["n"]) == (line.metric, line.stage, line.today["n"])
        for one in found.lines
        if one.touchpoint != ALL and one.stage != ALL
    )


def _own(line: Line) -> Number | None:
    """Today's number as its own metric has it."""
    return None if line.told is None else line.told.number(line.today)


def _cells(view: View, lines: list[Line], number: Callable[[Line], Number | None]) -> Cells:
    """One card for each number of a stage."""
    cells: Cells = {}
    for line in lines:
        shown = number(line) if line.stage != ALL and line.metric != "from_first" else None
        if shown is not None:
            card = Card(
                text=_text(view, line),
                origin="computed",
                numbers=(shown,),
                touchpoint=None if line.touchpoint == ALL else line.touchpoint,
            )
            cells[line.stage] = (*cells.get(line.stage, ()), card)
    return cells


def _text(view: View, line: Line) -> str:
    if line.metric in _TEXTS:
        return view.say(_TEXTS[line.metric])
    score = view.say(f"kpi.{line.metric}")
    if line.touchpoint == ALL:
        return score
    place = messages.label("touchpoint", line.touchpoint, view.language)
    return view.say("future.at", place=place[:1].upper() + place[1:], score=score)[:2000]


def _assumptions(found: WhatIf) -> Cells:
    """Each change in words, at its stage; no source stands behind it, so it has no evidence."""
    homes = {line.touchpoint: line.stage for line in found.lines if line.touchpoint != ALL}
    stages = set(found.tables.j.model.ids)
    cells: Cells = {}
    for change, text in zip(found.scenario.changes, found.assumptions, strict=False):
        stage = homes.get(change.place, ALL) if change.touchpoint else change.place
        if stage in stages:
            cells[stage] = (*cells.get(stage, ()), Card(text=text[:2000], origin="computed"))
    return cells


def _outcome(view: View, found: WhatIf, moving: list[Line]) -> list[Card]:
    """The whole journey: each gap, with the numbers on either side of it."""
    cards = []
    for line in moving:
        # What is not known today has no gap either; the table says why.
        if line.stage != ALL or line.touchpoint != ALL or line.today["status"] == "not_estimable":
            continue
        numbers = tuple(number_of(found, line, side) for side in (GAP, THEN, TODAY))
        cards.append(Card(text=_whole(view, line), origin="computed", numbers=numbers))
    return cards


def _whole(view: View, line: Line) -> str:
    if line.metric in _WHOLE:
        return view.say(_WHOLE[line.metric])
    if line.metric in ("value", "value_per_100"):
        return view.say(f"metric.{line.metric}")
    if line.metric == "value_mean":
        return messages.text("metric.value_mean", view.language)
    return view.say("future.all_moments", score=view.say(f"kpi.{line.metric}"))


def _emotion(view: View, found: WhatIf) -> Cells:
    """Today's curve, raised where the scenario raises the score that it shows."""
    raised: dict[tuple[str, str], Any] = {
        (line.metric, line.stage): line
        for line in found.lines
        if line.shown and line.why is None and line.touchpoint == ALL
    }
    cells = dict(LANES["emotion"](view))
    for stage, (first, *others) in cells.items():
        line = raised.get((first.numbers[0].metric, stage))
        if line is not None and line.today["status"] == "ok":
            # Which moment is the weakest is known of today only.
            numbers = (number_of(found, line, THEN), first.numbers[0])
            more = {"numbers": numbers, "weakest": False}
            cells[stage] = (first.model_copy(update=more), *others)
    return cells
