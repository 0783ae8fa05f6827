"""What a card says beside its text, in the map's language; whoever writes a map says it so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from unicodedata import bidirectional, category

import pandas as pd

from cjlab import messages
from cjlab.maps.evidence import Level
from cjlab.maps.model import Card, JourneyMap, Number
from cjlab.messages import Formatted

#: By evidence level: the sign that stands before its word.
SIGNS: dict[Level, str] = {"none": "○", "single": "◐", "several": "●", "conflicting": "≠"}
TONES = {"pain": "−", "gain": "+"}
WEAKEST, HIGHEST, LOWEST, WRITTEN, COMPUTED = "▼", "▲", "▽", "✎", "▪"
# By side of a what-if: the lane of a future state that has such numbers.
_SIDES = {"": "today", "today": "today", "scenario": "targets", "gap": "gap"}
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def value_text(number: Number, language: str = "en", minimum: int = 10) -> str:
    """Return a number as its language writes it, or in words why it cannot be given.

    Parameters
    ----------
    number : Number
        The number.
    language : str, default "en"
        Of the map.
    minimum : int, default 10
        Of the map: what a small cell is said to be smaller than.

    Examples
    --------
    >>> said = {"metric": "csat", "call": "", "source": "responses"}
    >>> value_text(Number(value=0.41, n=90, unit="1", **said))
    '41.0%'
    >>> value_text(Number(status="suppressed", **said))
    '< 10'
    """
    if number.metric == "p_lowest" and number.value == 1:
        # Of a limited number of draws: all of them are no certainty.
        return messages.text("map.number.above", language, value=messages.percent(0.999))
    if number.value is not None:
        shown = messages.format_value(_form(number)(number.value), language)
        return _difference(number, shown, language) if _gap(number) else shown
    if number.status == "suppressed":
        if number.note == "complementary":
            return messages.text("cell.withheld", language)
        return messages.text("cell.small", language, minimum=minimum)
    if number.status == "not_yet_observed":
        return messages.text("map.number.not_yet_observed", language)
    if number.note and messages.has(f"note.{number.note}", language):
        reason = messages.text(f"note.{number.note}", language)
        return messages.text("map.number.not_estimable_why", language, reason=reason)
    return messages.text("map.number.not_estimable", language)


def basis_text(number: Number, language: str = "en") -> str:
    """Return what a number stands on: its interval, n, period and source.

    Examples
    --------
    >>> said = {"metric": "csat", "unit": "1", "call": "", "source": "responses"}
    >>> basis_text(Number(value=0.41, low=0.375, high=0.45, n=1204, period="2026Q3", **said))
    '37.5–45.0 (95\\xa0%), n\\xa0=\\xa01,204, 2026Q3, survey answers'
    """
    parts = []
    if number.value is not None:
        if number.low is not None or number.high is not None:
            limits = _limits(number)
            parts.append(messages.text("map.basis.interval", language, interval=limits))
        if not _counts(number):
            parts.append(messages.text("map.basis.n", language, n=number.n))
    return ", ".join([*parts, *filter(None, [number.period, source_text(number.source, language)])])


def metric_text(number: Number, language: str = "en") -> str:
    """Return what is measured, in words.

    Examples
    --------
    >>> metric_text(Number(metric="from_first", call="", source="events"))
    'Of those at the first step'
    """
    for kind in ("map.metric", "metric"):
        if messages.has(f"{kind}.{number.metric}", language):
            return messages.text(f"{kind}.{number.metric}", language)
    return number.metric.replace("_", " ")


def labels_of(card: Card, language: str = "en") -> list[str]:
    """Return what each number of a card measures; empty where the card's text says it already.

    Examples
    --------
    >>> csat = Number(metric="csat", call="", source="responses")
    >>> labels_of(Card(text="Chat", origin="computed", numbers=(csat,)))
    ['Satisfied (top boxes)']
    """
    sides = [number.where.get("scenario", "") for number in card.numbers]
    if len(set(sides)) > 1:  # one number, today and after a change
        return [messages.text(f"map.lane.{_SIDES[side]}", language) for side in sides]
    named = [metric_text(number, language) for number in card.numbers]
    return ["" if name.casefold() in card.text.casefold() else name for name in named]


def plain(text: str) -> str:
    """Return a text without control characters and marks that turn the direction of others.

    Examples
    --------
    >>> plain("pay\\x00 \\u202enow\\n")
    'pay now '
    """
    return "".join(
        " " if c in "\t\n\r\u2028\u2029" else c
        for c in text
        if c in "\t\n\r" or not (category(c) == "Cc" or bidirectional(c) in _TURNING)
    )


def source_text(source: str, language: str = "en") -> str:
    """Return the name of a canonical table in words; another name is left as it is."""
    known = messages.has(f"map.source.{source}", language)
    return messages.text(f"map.source.{source}", language) if known else source


def level_text(level: Level, language: str = "en") -> str:
    """Return how sure a cell is, as a sign and words.

    Examples
    --------
    >>> level_text("single")
    '◐ one source'
    """
    return f"{SIGNS[level]} {messages.text(f'map.evidence.{level}', language)}"


def marks_of(card: Card, language: str = "en") -> list[str]:
    """Return what a card is about, each as a sign and words: bad, good, the weakest moment."""
    marks = [f"{WEAKEST} {messages.text('map.weakest', language)}"] if card.weakest else []
    if card.tone:
        place = "" if card.rank is None else f" {card.rank}"
        tone = messages.text(f"map.tone.{card.tone}", language)
        marks.append(f"{TONES[card.tone]} {tone}{place}")
    return marks


def fields_of(card: Card, language: str = "en") -> list[str]:
    """Return what else is known of a card, such as its owner and what it is measured by.

    Examples
    --------
    >>> fields_of(Card(text="Call back", owner="Support", status="started", impact=4))
    ['Impact: 4 of 5', 'Owner: Support', 'Status: started']
    """
    said: dict[str, object] = {
        "impact": card.impact and _of_five(card.impact, language),
        "effort": card.effort and _of_five(card.effort, language),
        "owner": card.owner,
        "status": card.status and messages.text(f"map.status.{card.status}", language),
        "due": card.due,
        "kpi": card.kpi,
        "since": card.since,
    }
    return [
        messages.text(
            "map.field", language, label=messages.text(f"map.field.{key}", language), value=value
        )
        for key, value in said.items()
        if value
    ]


def credit(card: Card, language: str = "en") -> str:
    """Return when and by whom an authored card was written; empty for a computed one.

    Examples
    --------
    >>> credit(Card(text="Waits", by="Anna")), credit(Card(text="Waits", origin="computed"))
    ('✎ written, no date, Anna', '')
    """
    if card.origin == "computed":
        return ""
    if card.written:
        said = messages.text("map.written", language, date=card.written)
    else:
        said = messages.text("map.written_undated", language)
    return f"{WRITTEN} " + ", ".join(filter(None, [said, card.by]))


def head_of(journey_map: JourneyMap) -> list[tuple[str, str]]:
    """Return what the map is about as pairs of label and text: persona, period, n and more."""
    language = journey_map.language
    everybody = messages.text("map.everybody", language)
    said: dict[str, object] = {
        "persona": journey_map.persona_name or journey_map.persona or everybody,
        "period": _period(journey_map),
        "n": _bases(journey_map),
        "study": journey_map.study,
        "goal": journey_map.goal,
        "made": journey_map.made,
    }
    return [
        (messages.text(f"map.head.{key}", language), messages.format_value(value, language))
        for key, value in said.items()
        if value
    ]


def notes_of(journey_map: JourneyMap) -> list[str]:
    """Return the map's notes, and the notice that a shown score needs."""
    numbers = [number for _, _, card in journey_map.walk() for number in card.numbers]
    if not numbers:
        return list(journey_map.notes)
    from cjlab.voice import notice  # scores, which a map without numbers does not need

    table = pd.DataFrame({"metric": [number.metric for number in numbers]})
    return [*journey_map.notes, *filter(None, [notice(table, journey_map.language)])]


def _form(number: Number) -> Callable[[float], Formatted]:
    if number.unit == "points":
        return lambda value: messages.number(value, 0)
    if _counts(number):
        return lambda value: messages.number(int(value))
    return messages.quantity(number.unit)


def _gap(number: Number) -> bool:
    return number.where.get("scenario") == "gap"


def _difference(number: Number, shown: str, language: str) -> str:
    """A difference with its sign; of shares it is one of percentage points."""
    if number.unit == "1":
        points = messages.number(100 * (number.value or 0.0), 1)
        shown = messages.text("persona.points", language, value=points)
    if number.unit == "d" and (number.value or 0.0) < 0:
        # A span of time reads in the unit of its size, and sizes have no sign.
        size = messages.days(-(number.value or 0.0))
        return f"\N{MINUS SIGN}{messages.format_value(size, language)}"
    return f"+{shown}" if (number.value or 0.0) > 0 else shown


def _counts(number: Number) -> bool:
    """Whether the number is a count, which is its own base."""
    plain = messages.quantity(number.unit) is messages.number and number.unit != "points"
    return plain and number.low is None and number.high is None and number.value == number.n


def _limits(number: Number) -> Formatted:
    value, low, high = (
        float("nan") if limit is None else limit
        for limit in (number.value, number.low, number.high)
    )
    if number.unit == "points":
        return messages.interval(low, high, _form(number))
    return messages.limits(abs(value), low, high, number.unit)


def _of_five(value: int, language: str) -> str:
    return messages.text("map.of_five", language, value=value)


def _period(journey_map: JourneyMap) -> str:
    if not (journey_map.start and journey_map.end):
        return journey_map.period
    start, end = (_day(edge) for edge in (journey_map.start, journey_map.end))
    return messages.text(
        "map.head.period_value", journey_map.language,
        label=journey_map.period, start=start, end=end,
    )  # fmt: skip


def _day(edge: str) -> date | str:
    """The day of an instant, as text where it is written in a way of its own."""
    try:
        return date.fromisoformat(edge[:10])
    except ValueError:
        return edge


def _bases(journey_map: JourneyMap) -> str:
    """The smallest and the largest n on the map."""
    bases = [
        number.n
        for _, _, card in journey_map.walk()
        for number in card.numbers
        if number.value is not None and number.n is not None
    ]
    if not bases:
        return ""
    low, high = min(bases), max(bases)
    span = messages.number(low) if low == high else messages.interval(low, high)
    return messages.text("map.basis.n", journey_map.language, n=span)
