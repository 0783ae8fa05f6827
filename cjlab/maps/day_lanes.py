"""A day in the life, filled from a study's diary and from what people wrote of the day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from cjlab import messages
from cjlab.disclosure import RARE
from cjlab.errors import UserError
from cjlab.maps import days, templates
from cjlab.maps.asking import Tables, Told
from cjlab.maps.authored import authored
from cjlab.maps.lanes import LANES, Cells, View
from cjlab.maps.model import WHOLE, Card, JourneyMap, Number
from cjlab.maps.quoting import A_CELL, LONGEST

if TYPE_CHECKING:
    from cjlab.diaries import Diary

MOST = 3


def day_map(
    study: Any, persona: str | None, called: dict[str, str], *,
    period: str | None, language: str, title: str | None,
) -> JourneyMap:  # fmt: skip
    """Return the map of a day; see :func:`cjlab.maps.fill.fill`.

    Raises
    ------
    UserError
        The study has neither a diary nor authored cards of the day, the diary cannot be used,
        or none of its people is in the persona.
    """
    lanes = templates.lanes("day", language)
    written = authored(study, {lane.id for lane in lanes}, persona, "day")
    named = study.config.map.diary is not None
    if not named and not written:
        raise UserError(
            f"{study.path.name}: nothing to fill a day with; name a diary as "
            "map: {diary: diary.csv}, or write cards under day: in the map's file."
        )
    empty = JourneyMap(
        template="day",
        title=title or messages.text("map.template.day", language),
        study=study.config.name,
        goal=study.config.goal,
        language=language,
        persona=persona,
        persona_name=called.get(persona or ""),
        stage_model=study.model.id,
        minimum=study.config.report.minimum_cell,
        made=date.today(),
        columns=templates.columns("day", language=language),
        lanes=lanes,
    )
    if not named:
        return empty.with_cards(written)
    diary = days.diary(study)
    span = study.period(period) if period else diary.period
    tables = Tables(study, span, persona is not None)
    view = View(tables, tables, persona, called, language)
    diary = _of_persona(diary.within(tables.span["start"], tables.span["end"]), view)
    filled = empty.model_copy(
        update={"period": span.label, **tables.span, "notes": _notes(view, diary)}
    )
    computed = {lane: fill(view) for lane, fill in DAY_LANES.items()}
    computed["thoughts"] = _thoughts(view, diary)
    return filled.with_cards(computed).with_cards(written)


def _of_persona(diary: Diary, view: View) -> Diary:
    if view.persona is None:
        return diary
    own = diary.entries[diary.entries["persona"] == view.persona]
    if own.empty:
        who = view.called[view.persona]
        raise UserError(f'{diary.name}: none of its people is in the persona "{who}".')
    return diary.__class__(**{**diary.__dict__, "entries": own})


def _ask(view: View, about: str) -> Told:
    return view.tables.ask("maps.day", "diary", first="study", view=about, by="part")


def _whole(view: View, about: str) -> Told:
    by: dict[str, Any] = {} if view.persona else {"by": None}
    return view.tables.ask("maps.day", "diary", first="study", view=about, **by)


def _card(text: str, numbers: Iterable[Number], **more: Any) -> Card:
    return Card(text=text[:2000], origin="computed", numbers=tuple(numbers), **more)


def _common(about: str) -> Callable[[View], Cells]:
    """Return what fills a lane with the most common things of each part, by share of people."""

    def fill(view: View) -> Cells:
        told = _ask(view, about)
        cells: Cells = {}
        for part in templates.DAY:
            rows = view.rows(told, f"day.{about}", part=part)
            rows = [row for row in rows if row["status"] == "ok" and row[about] != RARE]
            more = [{"touchpoint": r[about]} if about == "touchpoint" else {} for r in rows]
            cells[part] = tuple(
                _card(_words(view, about, row[about]), [told.number(row)], **own)
                for row, own in zip(rows[:MOST], more, strict=False)
            )
        return cells

    return fill


def _words(view: View, about: str, name: str) -> str:
    words = messages.label(about, name, view.language)
    return words[:1].upper() + words[1:]


def _contact(view: View) -> Cells:
    """The share of each part's entries and people with contact, then where they have it."""
    told, where = _ask(view, "contact"), _common("touchpoint")(view)
    where = where if any(where.values()) else _common("channel")(view)
    cells: Cells = {}
    for part in templates.DAY:
        numbers = _known(told.numbers("day.contact", "day.people_contact", **view.own(part=part)))
        card = [_card(view.say("diary.contact"), numbers)] if numbers else []
        cells[part] = (*card, *where[part])
    return cells


def _known(numbers: Iterable[Number]) -> list[Number]:
    """Leave out what there are no rows for: an empty cell says so by itself."""
    return [number for number in numbers if number.status != "not_estimable"]


def _of_feeling(metric: str, key: str) -> Callable[[View], Cells]:
    """Return what fills a lane with one number of feeling in each part."""

    def fill(view: View) -> Cells:
        told = _ask(view, "feeling")
        found = {p: _known(told.numbers(metric, **view.own(part=p))) for p in templates.DAY}
        return {p: (_card(view.say(key), numbers),) for p, numbers in found.items() if numbers}

    return fill


def _people(view: View) -> Cells:
    """Who wrote the diary, how much of it, and how they feel with and without contact."""
    coverage, feeling = _whole(view, "coverage"), _whole(view, "feeling")
    own = view.own()
    wrote = coverage.numbers("day.people", "day.entries", "day.answered", **own)
    cards = [
        *LANES["personas"](view).get(WHOLE, ()),
        _card(view.say("diary.people"), _known(wrote)),
    ]
    apart = _known(feeling.numbers("day.feeling_difference", **own))
    if apart:
        cards.append(_card(view.say("diary.difference"), apart))
    return {WHOLE: tuple(cards)}


def _thoughts(view: View, diary: Diary) -> Cells:
    """What people wrote, where they agreed to be quoted; without consent there is no quote."""
    from cjlab import voice
    from cjlab.voice._quotes import worded

    frame = diary.entries.rename(columns={"thought": "text", "person_id": "customer_id"})
    chosen = voice.quotes(
        frame[["text", "customer_id", "part", "language", "consent"]], by=["part"],
        minimum=diary.minimum, per_group=A_CELL, longest=LONGEST, among_agreed=True,
    ).table  # fmt: skip
    return {
        str(part): tuple(
            Card(text=f"“{worded(text, view.language)}”", origin="computed", source="diary")
            for text in own["quote"]
        )
        for part, own in chosen.groupby("part")
    }


def _notes(view: View, diary: Diary) -> tuple[str, ...]:
    from cjlab.diaries import BEGINS

    rows = {"rows": diary.rows_in, "unusable": diary.rejected}
    notes = [
        view.say("diary.note.source", name=diary.name),
        view.say("diary.note.rows", **rows),
        view.say("note.small", minimum=diary.minimum),
        view.say("diary.note.hours", **BEGINS),
        view.say("diary.note.contact"),
    ]
    if diary.feeling is not None and diary.entries["level"].notna().any():
        low, high = diary.feeling
        notes.append(view.say("diary.note.feeling", low=low, high=high))
    without = diary.entries["persona"].isna()
    if without.any():
        notes.append(view.say(f"diary.note.{'no' if without.all() else 'some'}_personas"))
    return tuple(notes)


#: By lane: what fills it from the diary.
DAY_LANES: dict[str, Callable[[View], Cells]] = {
    "personas": _people,
    "activities": _common("activity"),
    "contact": _contact,
    "places": _common("place"),
    "feelings": _of_feeling("day.feeling_difference", "diary.difference"),
    "emotion": _of_feeling("day.feeling", "diary.feeling"),
}
