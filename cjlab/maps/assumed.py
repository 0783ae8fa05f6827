"""What a scenario takes for granted, in plain sentences of the map's language."""

from __future__ import annotations

from typing import Any

from cjlab import messages
from cjlab.maps.scenario import Change, Effect
from cjlab.messages import Formatted


def assumed(lines: Any, language: str) -> tuple[str, ...]:
    """Return what is changed, what is taken to stay, and how the intervals come about.

    Parameters
    ----------
    lines : cjlab.maps.lines.Lines
        Of the scenario, worked out.
    language : str
        Of the sentences.
    """
    scenario = lines.scenario

    def say(key: str, **values: Any) -> str:
        return messages.text(f"map.whatif.{key}", language, **values)

    said = [change_text(lines, place, language) for place in range(len(scenario.changes))]
    said += [say("stated", text=text) for text in scenario.assumptions]
    if scenario.of("conversion"):
        said += [say("starters"), say("alike"), say("worth")]
        later = scenario.later
        said.append(say("steps_kept") if later is None else say("steps_later", times=later.times))
    if scenario.of("time"):
        said.append(say("time_alone"))
    if scenario.of("score"):
        said.append(say("score_weight"))
        said.append(say("score_alone"))
    said.append(say("draws", draws=lines.draws, seed=lines.seed, n=lines.crowd.size))
    if any(change.effect.limits for change in scenario.changes):
        said.append(say("ranges"))
    return (*said, say("no_proof"))


def change_text(lines: Any, place: int, language: str) -> str:
    """Return one change as a sentence, with what it is known from."""

    def say(key: str, **values: Any) -> str:
        return messages.text(f"map.whatif.{key}", language, **values)

    change: Change = lines.scenario.changes[place]
    kind = change.score.kind if change.score else change.kind
    if change.touchpoint:
        where = messages.label("touchpoint", change.touchpoint, language)
        where = where[:1].upper() + where[1:]
    else:
        where = lines.j.model.display(language).get(change.place, change.place)
    said = say(f"change.{kind}", place=where, effect=_effect(change.effect, kind, language))
    if change.share < 1:
        said = say("share", change=said, share=messages.percent(change.share, 0))
    if lines.cuts.get(place):
        said = say("cut", change=said, share=messages.percent(lines.cuts[place]))
    if change.why is None:
        return say("no_evidence", change=said)
    return say("evidence", change=said, why=change.why)


def _effect(effect: Effect, kind: str, language: str) -> str:
    def form(value: float, unit: bool = True) -> str:
        if effect.form == "times":
            return messages.format_value(messages.number(value), language)
        return amount(value, kind, language, signed=effect.form == "by", unit=unit)

    said = messages.text(f"map.whatif.{effect.form}", language, value=form(effect.point))
    if effect.limits is None:
        return said
    low, high = (form(limit, unit=False) for limit in effect.limits)
    return messages.text("map.whatif.range", language, effect=said, low=low, high=high)


def amount(value: float, kind: str, language: str, *, signed: bool, unit: bool = True) -> str:
    """Return a number of a kind; a difference has a sign, and its share is in points."""
    share = kind in ("conversion", "csat")
    if share and not signed:
        return messages.format_value(messages.percent(value), language)
    shown: Formatted = messages.number(100 * value, 1) if share else messages.number(value)
    text = messages.format_value(shown, language)
    text = f"+{text}" if signed and value > 0 else text
    return messages.text("persona.points", language, value=text) if share and unit else text
