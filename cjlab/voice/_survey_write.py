"""A survey as Markdown, CSV and YAML."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import yaml

from cjlab import messages
from cjlab.privacy import escape_formula

if TYPE_CHECKING:
    from cjlab.voice._questions import Branch, Question
    from cjlab.voice._survey import Survey

_NOTICES = {"nps": "card.trademark"}
BETWEEN = " | "
COLUMNS = (
    "number", "id", "kind", "text", "required", "low", "high", "labels", "direction", "options",
    "option_ids", "escape", "ask_if", "about", "stored", "relation", "touchpoint", "language",
)  # fmt: skip
_MARKUP = re.compile(r"([\\`*_\[\]#|~])")


def markdown(survey: Survey) -> str:
    """Write a page; see `Survey.to_markdown`."""
    language = survey.language
    count = len(survey.questions)
    facts = messages.text("voice.kit.facts", language, count=count, minutes=survey.minutes)
    lines = [f"# {_escaped(survey.title or survey.id)}", ""]
    lines += [f"{_escaped(survey.purpose)}  "] if survey.purpose else []
    lines += [facts, ""]
    places = {question.id: place for place, question in enumerate(survey.questions, 1)}
    for question in survey.questions:
        lines += [*_question(question, survey, places), ""]
    if survey.notice:
        lines += [f"_{messages.text(_NOTICES[survey.notice], language)}_", ""]
    return "\n".join(lines)


def _question(question: Question, survey: Survey, places: dict[str, int]) -> list[str]:
    language = survey.language
    must = f" ({messages.text('voice.kit.required', language)})" if question.required else ""
    lines = [f"**{places[question.id]}. {_escaped(question.text)}**{must}"]
    if question.ask_if:
        lines += ["", f"_{_condition(question.ask_if, survey, places)}_"]
    box = "☐" if question.kind == "multi" else "○"
    answers = [option.text + (" ____" if option.other else "") for option in question.options]
    if scale := question.scale:
        if question.kind == "number":
            answers = [f"____ ({scale.low}–{scale.high})"]
        else:
            numbers = range(scale.low, scale.high + 1)
            answers = [f"{number} {scale.labels.get(number, '')}".strip() for number in numbers]
    answers += [question.escape] if question.escape else []
    # Two blanks before the break keep each answer on a line of its own.
    shown = [f"{box} {_escaped(answer)}  " for answer in answers] or ["____"]
    return [*lines, "", *shown]


def _condition(branch: Branch, survey: Survey, places: dict[str, int]) -> str:
    asked = next(question for question in survey.questions if question.id == branch.question)
    told = ", ".join(option.text for option in asked.options if option.id in branch.options)
    answers = _escaped(told) if branch.options else f"{branch.low}–{branch.high}"
    number = places[branch.question]
    return messages.text("voice.kit.only_if", survey.language, number=number, answers=answers)


def _escaped(text: str) -> str:
    """Keep a name that was filled in from marking up the page."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A place that was not filled in stays readable.
    return _MARKUP.sub(r"\\\1", plain)


def table(survey: Survey) -> str:
    """Write one line a question; see `Survey.to_csv`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for place, question in enumerate(survey.questions, 1):
        row = {"number": place, "language": survey.language, **_row(question)}
        row["relation"] = question.relation or survey.relation
        writer.writerow({k: escape_formula(v) if isinstance(v, str) else v for k, v in row.items()})
    return out.getvalue()


def _row(question: Question) -> dict[str, Any]:
    scale = question.scale
    labels = sorted(scale.labels.items()) if scale else ()
    branch = question.ask_if
    return {
        "id": question.id,
        "kind": question.kind,
        "text": question.text,
        "required": "yes" if question.required else "no",
        "low": scale.low if scale else None,
        "high": scale.high if scale else None,
        "labels": BETWEEN.join(f"{number}={words}" for number, words in labels),
        "direction": scale.direction if scale else None,
        "options": BETWEEN.join(option.text for option in question.options),
        "option_ids": BETWEEN.join(_marked(option) for option in question.options),
        "escape": question.escape,
        "ask_if": branch and f"{branch.question}={_wanted(branch)}",
        "about": question.about,
        "stored": question.becomes,
        "touchpoint": question.touchpoint,
    }


def _marked(option: Any) -> str:
    """The option's id; ``+`` after it asks for words, ``!`` goes with no other option."""
    return option.id + "+" * option.other + "!" * option.exclusive


def _wanted(branch: Branch) -> str:
    return BETWEEN.join(branch.options) if branch.options else f"{branch.low}..{branch.high}"


def text(survey: Survey) -> str:
    """Write YAML; see `Survey.to_yaml`."""
    said = survey.model_dump(exclude_defaults=True, mode="json")
    for question in said["questions"]:
        if "scale" in question and "labels" in question["scale"]:
            labels = question["scale"]["labels"]
            question["scale"]["labels"] = {int(number): words for number, words in labels.items()}
    return yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=100)
