"""What the data say in each lane of a map: touchpoints, channels, scores, times, pains, quotes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cjlab import messages
from cjlab.maps import moments, voices
from cjlab.maps.asking import PERSONA, Tables, Told, each
from cjlab.maps.evidence import position, span
from cjlab.maps.model import WHOLE, Card, Number
from cjlab.maps.quoting import quotes
from cjlab.voice._quotes import worded

Cells = dict[str, tuple[Card, ...]]
TOUCHPOINTS, CHANNELS, GAINS = 4, 3, 3


@dataclass(frozen=True)
class View:
    """What the lanes are filled from."""

    tables: Tables
    before: Tables
    persona: str | None
    called: dict[str, str]
    language: str

    def say(self, key: str, **values: Any) -> str:
        """Return a message of the map in its language."""
        return messages.text(f"map.{key}", self.language, **values)

    def own(self, **where: str) -> dict[str, str]:
        """Return what picks this map's rows: those of its persona, where it has one."""
        return where if self.persona is None else {**where, PERSONA: self.persona}

    def rows(self, told: Told, metric: str, **where: str) -> list[dict[str, Any]]:
        """Return this map's rows of a metric."""
        return list(each(told.rows(metric, **self.own(**where))))

    @property
    def stages(self) -> list[str]:
        """Ids of the stages in order."""
        return list(self.tables.j.model.ids)


def _card(text: str, numbers: Iterable[Number], **more: Any) -> Card:
    return Card(text=text[:2000], origin="computed", numbers=tuple(numbers), **more)


def _place(view: View, name: str, kind: str = "touchpoint") -> str:
    """Return a touchpoint's or channel's id as words of the map's language."""
    words = messages.label(kind, name, view.language)
    return words[:1].upper() + words[1:]


def _touchpoints(view: View) -> Cells:
    """The touchpoints that most of a stage's customers meet, with what they say of them."""
    met = view.tables.ask("journey.contacts", "events", level="touchpoint")
    told = [(kind, moments.scores(view.tables, kind, "touchpoint")) for kind in moments.KINDS]
    matter = voices.importance(view.tables) if _everybodys_words(view) else {}
    cells: Cells = {}
    for stage in view.stages:
        rows = view.rows(met, "reach", stage=stage)[:TOUCHPOINTS]
        cells[stage] = tuple(
            _card(
                _place(view, row["touchpoint"]),
                [
                    met.number(row),
                    *_said(view, told, row["touchpoint"]),
                    *filter(None, [matter.get(row["touchpoint"])]),
                ],
                touchpoint=row["touchpoint"],
            )
            for row in rows
        )
    return cells


def _everybodys_words(view: View) -> bool:
    return view.persona is None and view.tables.has("responses")


def _said(view: View, told: list[tuple[str, Told | None]], touchpoint: str) -> list[Number]:
    """The scores of a touchpoint, in every instrument that asked about it."""
    found = []
    for kind, table in told:
        if table is not None:
            rows = moments.of_moments(table, kind)
            rows = rows[rows["touchpoint"] == touchpoint]
            rows = rows[rows[PERSONA] == view.persona] if view.persona else rows
            found += [table.number(row) for row in each(rows)]
    return found


def _channels(view: View) -> Cells:
    met = view.tables.ask("journey.contacts", "events", level="channel")
    return {
        stage: tuple(
            _card(_place(view, row["channel"], "channel"), [met.number(row)])
            for row in view.rows(met, "reach", stage=stage)[:CHANNELS]
        )
        for stage in view.stages
    }


def _kpis(view: View) -> Cells:
    """Reach, loss and time of each stage."""
    tables = view.tables
    parts = [
        ("reach", "stage", tables.ask("journey.contacts", "events", level="stage")),
        ("dropoff", "step", moments.dropoffs(tables)),
        ("median", "stage", tables.ask("journey.time_in_stage", "events")),
    ]
    return {
        stage: tuple(
            _card(view.say(f"kpi.{metric}"), numbers)
            for metric, key, told in parts
            if (numbers := told.numbers(metric, **view.own(**{key: stage})))
        )
        for stage in view.stages
    }


def _feelings(view: View) -> Cells:
    """The scores of each stage that the curve does not tell, and the tone of the texts."""
    curve = {card.numbers[0].metric for cards in _emotion(view).values() for card in cards}
    told = {
        stage: tuple(card for card in cards if card.numbers[0].metric not in curve)
        for stage, cards in _scores(view).items()
    }
    if not view.tables.has("responses"):
        return told
    tone = voices.tone(view.tables)
    for stage in view.stages:
        numbers = tone.numbers("sentiment", **view.own(stage=stage))
        if known := [number for number in numbers if number.value is not None]:
            told[stage] = (*told.get(stage, ()), _card(view.say("kpi.tone"), known))
    return told


def _scores(view: View) -> Cells:
    """The scores of each stage, from answers about its moments."""
    cells: dict[str, list[Card]] = {}
    for kind in moments.KINDS:
        told = moments.scores(view.tables, kind, "stage")
        if told is None:
            continue
        for row in each(moments.of_moments(told, kind)):
            if view.persona in (None, row.get(PERSONA)) and row["stage"] in view.stages:
                card = _card(view.say(f"kpi.{kind}"), [told.number(row)])
                cells.setdefault(row["stage"], []).append(card)
    return {stage: tuple(cards) for stage, cards in cells.items()}


def _emotion(view: View) -> Cells:
    """One point a stage, all of one instrument: the one that was asked in most stages."""
    feelings = _scores(view)
    by_kind: dict[str, Cells] = {}
    for stage, cards in feelings.items():
        for card in cards:
            by_kind.setdefault(card.numbers[0].metric, {}).setdefault(stage, (card,))
    if not by_kind:
        return {}
    answers = {
        kind: sum(card.numbers[0].n or 0 for cards in cells.values() for card in cards)
        for kind, cells in by_kind.items()
    }
    best = max(by_kind, key=lambda kind: (len(by_kind[kind]), answers[kind]))
    curve = dict(by_kind[best])
    lowest, chance = _weakest(view)
    if chance and lowest in curve:
        first, *others = curve[lowest]
        marked = first.model_copy(update={"weakest": True, "numbers": (*first.numbers, chance)})
        curve[lowest] = (marked, *others)
    return curve


def _weakest(view: View) -> tuple[str | None, Number | None]:
    """Return the stage of the weakest moment and its chance, where that is above one half."""
    if not _everybodys_words(view):
        return None, None
    told = view.tables.ask("voice.weakest_moment", "responses", first="study", split=False)
    rows = told.rows("p_lowest")
    rows = rows[(rows["status"] == "ok") & (rows["value"] > 0.5)].sort_values("value")
    if rows.empty:
        return None, None
    row = list(each(rows))[-1]
    return moments.homes(view.tables.j).get(row["touchpoint"]), told.number(row)


def _gains(view: View) -> Cells:
    """What customers are clearly glad of: the best touchpoints by their lower limit."""
    good: list[tuple[float, str, Card]] = []
    home = moments.homes(view.tables.j)
    for kind in moments.KINDS:
        told = moments.scores(view.tables, kind, "touchpoint")
        rows = [] if told is None else list(each(moments.of_moments(told, kind)))
        for row in rows:
            if told is None or view.persona not in (None, row.get(PERSONA)):
                continue
            number = told.number(row)
            limits, stage = span(number), home.get(row["touchpoint"])
            if limits and stage and limits[0] > 0 and position(number) is not None:
                card = _card(
                    _place(view, row["touchpoint"]),
                    [number],
                    tone="gain",
                    touchpoint=row["touchpoint"],
                )
                good.append((limits[0], stage, card))
    good.sort(key=lambda one: (-one[0], one[2].text))
    cells: Cells = {}
    for _low, stage, card in good[:GAINS]:
        cells[stage] = (*cells.get(stage, ()), card)
    return cells


def _support(view: View) -> Cells:
    """Tickets for every hundred customers who met the stage; for everybody's map only."""
    if not view.tables.has("tickets") or view.persona is not None:
        return {}
    told = view.tables.ask("voice.moments", "tickets", first="study", split=False, level="stage")
    return {
        stage: (_card(view.say("kpi.tickets_per_100"), numbers),)
        for stage in view.stages
        if (numbers := told.numbers("tickets_per_100", stage=stage))
    }


def _times(view: View) -> Cells:
    """How long tickets wait, at the stage that their topic is about."""
    if not view.tables.has("tickets"):
        return {}
    told = view.tables.ask("journey.support_times", "tickets", by="topic")
    home = moments.homes(view.tables.j)
    cells: Cells = {}
    for row in view.rows(told, "median"):
        stage = home.get(row["topic"])
        if stage:
            text = view.say(f"times.{row['measure']}", topic=_place(view, row["topic"]))
            cells[stage] = (*cells.get(stage, ()), _card(text, [told.number(row)]))
    return cells


def pains(view: View, effects: dict[str, float] | None) -> dict[str, Cells]:
    """What is worse than before or than elsewhere, the worst first, and what would mend it."""
    split = bool(view.called)
    now, before = (
        tables if tables.by_persona == split else Tables(tables.study, tables.period, split)
        for tables in (view.tables, view.before)
    )
    ranked, numbers = moments.found(now, before, effects)
    hurts: Cells = {}
    chances: Cells = {}
    own = [row for row in each(ranked) if view.persona in (None, row["persona"])]
    for rank, row in enumerate(own, 1):
        who, stage = row["persona"], row["stage"]
        where = _place(view, row["touchpoint"]) if row["touchpoint"] else view.say("pain.stage")
        said = {"where": where, "who": view.called.get(who, view.say("everybody"))}
        touchpoint = row["touchpoint"] or None
        pain = _card(
            view.say(f"pain.{row['against']}", **said), numbers[who, stage],
            tone="pain", touchpoint=touchpoint, rank=rank,
        )  # fmt: skip
        reach = now.ask("journey.contacts", "events", level="stage")
        key = {"stage": stage} if who == moments.ALL else {"stage": stage, PERSONA: who}
        chance = _card(
            view.say(f"opportunity.{row['against']}", **said),
            [*reach.numbers("reach", **key), *numbers[who, stage][:1]],
            touchpoint=touchpoint,
            rank=rank,
        )
        hurts[stage] = (*hurts.get(stage, ()), pain)
        chances[stage] = (*chances.get(stage, ()), chance)
    if _everybodys_words(view):
        _fall_short(view, chances)
    return {"pains": hurts, "opportunities": chances}


def _fall_short(view: View, chances: Cells) -> None:
    """Add the touchpoints that many meet, that matter and that fall short, after the pains."""
    home = moments.homes(view.tables.j)
    known = {card.touchpoint for cards in chances.values() for card in cards}
    for touchpoint, numbers in voices.shortfalls(view.tables):
        if touchpoint not in known:
            text = view.say("opportunity.shortfall", where=_place(view, touchpoint))
            stage = home[touchpoint]
            chance = _card(text, numbers, touchpoint=touchpoint)
            chances[stage] = (*chances.get(stage, ()), chance)


def _thoughts(view: View) -> Cells:
    """What customers write about at each stage, in their own words where they agreed."""
    chosen = quotes(view.tables, view.persona)
    spoken: dict[str, list[tuple[str, Number]]] = {}
    if view.tables.has("responses"):
        spoken = voices.themes(view.tables, view.language, **view.own())
    return {
        stage: (
            *(
                _card(view.say("theme", theme=label), [number])
                for label, number in spoken.get(stage, ())
            ),
            *(
                Card(text=f"“{worded(text, view.language)}”", origin="computed", source="responses")
                for text in chosen.get(stage, ())
            ),
        )
        for stage in view.stages
        if stage in spoken or stage in chosen
    }


def _personas(view: View) -> Cells:
    """Who the map is about, and what people wrote of them."""
    if view.persona is None:
        return {}
    said = view.tables.study.config.personas.cards.get(view.persona)
    lines = [] if said is None else [*said.goals, *said.needs, *said.motivations]
    name = Card(text=view.called[view.persona][:2000], origin="computed")
    return {WHOLE: (name, *(Card(text=line[:2000]) for line in lines))}


#: By lane: what fills it.
LANES: dict[str, Callable[[View], Cells]] = {
    "personas": _personas,
    "touchpoints": _touchpoints,
    "evidence": _touchpoints,
    "channels": _channels,
    "kpis": _kpis,
    "feelings": _feelings,
    "emotion": _emotion,
    "gains": _gains,
    "support": _support,
    "times": _times,
    "thoughts": _thoughts,
}
