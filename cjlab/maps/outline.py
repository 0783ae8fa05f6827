"""A map as Markdown and as a Mermaid journey; hostile text makes no markup in either."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cjlab import messages
from cjlab.maps import evidence, said, wording
from cjlab.maps.curve import curve
from cjlab.maps.model import WHOLE, JourneyMap

_TASKS = ("actions", "touchpoints", "activities", "contact")
# Mermaid's own words at the start of a line, and the signs that its grammar takes for its own.
_WORDS = re.compile(r"(?i)(journey|title|section|acctitle|accdescr)\b")
_SIGNS = str.maketrans({":": "\u2236", ";": ",", "#": "\uff03", "<": "‹", ">": "›"})


def markdown(journey_map: JourneyMap) -> str:
    """Return a map as Markdown: by stage a list of its lanes.

    Examples
    --------
    >>> from cjlab.maps import Card, template
    >>> waits = template("day").with_cards({"pains": {"night": (Card(text="1. Waits"),)}})
    >>> print(markdown(waits).splitlines()[7])
      - 1\\. Waits
    """
    language = journey_map.language
    parts = [f"# {escaped(journey_map.title)}"]
    parts += ["\n".join(f"- {escaped(k)}: {escaped(v)}" for k, v in wording.head_of(journey_map))]
    whole = messages.text("map.file.whole", language)
    stages = {WHOLE: whole} | {column.id: column.label for column in journey_map.columns}
    for stage, label in stages.items():
        rows = [
            f"- **{escaped(lane.label)}**\n" + "\n".join(_items(journey_map, lane.id, stage))
            for lane in journey_map.lanes
            if journey_map.cell(lane.id, stage)
        ]
        if rows or stage != WHOLE:
            parts += [f"## {escaped(label)}", "\n".join(rows) or "–"]
    if notes := wording.notes_of(journey_map):
        heading = messages.text("map.file.notes", language)
        parts += [f"## {heading}", "\n".join(f"- {escaped(note)}" for note in notes)]
    return "\n\n".join(filter(None, parts)) + "\n"


def mermaid(journey_map: JourneyMap) -> str:
    """Return a map as a Mermaid journey: what the customer does by stage, each with a score.

    The score goes from 1 to 5 with :func:`cjlab.maps.evidence.position`: the card's own, or where
    the stage stands on the curve. Mermaid knows no task without one; where nothing is known it is
    3, and the task says so.
    """
    language = journey_map.language
    everybody = messages.text("map.everybody", language)
    who = journey_map.persona_name or journey_map.persona or everybody
    actor = _mm(re.sub("[,;]", " ", who))
    levels = _levels(journey_map)
    lines = ["journey", f"    title {_mm(journey_map.title)}"]
    for column in journey_map.columns:
        lines.append(f"    section {_mm(column.label)}")
        for lane in _TASKS:
            for card in journey_map.cell(lane, column.id):
                own = [y for y in map(evidence.position, card.numbers) if y is not None]
                level = next(iter(own), levels.get(column.id))
                told = ", ".join(said.numbers(card, journey_map))
                task = f"{card.text} ({told})" if told else card.text
                if level is None:
                    task += f" ({messages.text('map.curve.unknown', language)})"
                score = 3 if level is None else round(3 + 2 * level)
                lines.append(f"      {_mm(task)}: {score}: {actor}")
    return "\n".join(lines) + "\n"


def _items(journey_map: JourneyMap, lane: str, stage: str) -> Iterator[str]:
    cards = journey_map.cell(lane, stage)
    for card in cards:
        text, *more = said.lines(card, journey_map)
        yield f"  - {escaped(text)}"
        yield from (f"    - {escaped(line)}" for line in more)
    yield f"  - {escaped(wording.level_text(evidence.level(cards), journey_map.language))}"


def escaped(text: str) -> str:
    """Escape what Markdown, or one of its usual extensions, reads as more than a letter."""
    line = re.sub(" +", " ", wording.plain(text)).strip()
    line = re.sub(r"[\\`*_\[\]<>&|~$#@{}^]", r"\\\g<0>", line)
    line = re.sub(r"(?i)(?<=www)\.|:(?=//)", r"\\\g<0>", line)  # links without brackets
    line = re.sub(r"^(\d+)([.)])", r"\1\\\2", line)
    return re.sub(r"^[-+=]", r"\\\g<0>", line) or "\u200b"


def _mm(text: str) -> str:
    """Write a text so that it is one part of a line of Mermaid's journey."""
    line = re.sub("%(?=%)", "% ", wording.plain(text).translate(_SIGNS))
    line = re.sub(" +", " ", line).strip()
    # A word of the diagram's own, or a comment, where a line begins with it.
    is_own = not line or line.startswith("%") or _WORDS.match(line)
    return f"“{line}”" if is_own else line


def _levels(journey_map: JourneyMap) -> dict[str, float]:
    """Where each stage stands on the curve."""
    return {
        journey_map.columns[point.column].id: point.y
        for lane in journey_map.lanes
        if lane.kind == "curve"
        for point in curve(journey_map, lane).points
        if point.main
    }
