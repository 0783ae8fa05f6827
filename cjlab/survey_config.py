"""What a study says of a survey's answers: which column, which question, which scale."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from cjlab._parts import Part

# Formats with one row a respondent, and their rows of header.
WIDE = {"wide": 1, "surveymonkey": 2, "qualtrics": 3}
# What an answer may say for itself; an answer's own word goes before the source's.
SAID = ("scale", "touchpoint", "relation", "wave", "channel", "language")
# What a source with one row a respondent gets from its answers, never from a column.
ANSWERED = ("kind", "score", "text", "scale")


class Answer(Part):
    """One question of a survey: the column its answers stand in, and what they are.

    ``text`` is the column of the comment that belongs to a score; ``scores`` turns the export's
    words into numbers, such as ``{Very satisfied: 5}``. ``question`` is what the question is to be
    called where its column is called otherwise, such as ``functional: dark mode``.
    """

    column: str
    kind: Literal["nps", "csat", "ces", "kano", "churn", "open"]
    text: str | None = None
    question: str | None = None
    scale: int | None = Field(default=None, ge=2, le=100)
    scores: dict[str, str] = Field(default_factory=dict)
    touchpoint: str | None = None
    relation: Literal["transactional", "relational"] | None = None
    wave: str | None = None
    channel: str | None = None
    language: str | None = None

    @field_validator("scores", mode="before")
    @classmethod
    def _labels(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        for label in said:
            if isinstance(label, bool):
                raise ValueError('YAML reads a bare yes or no as true or false; write "yes": 1')
        return {str(label): plain(score) for label, score in said.items()}

    @field_validator("wave", mode="before")
    @classmethod
    def _wave(cls, said: Any) -> Any:
        return said if said is None else plain(said)

    @model_validator(mode="after")
    def _one_text(self) -> Answer:
        if self.kind == "open" and (self.text or self.scores or self.scale):
            raise ValueError("an open answer is its column; it has no text, scale or scores beside")
        if self.text == self.column:
            raise ValueError("text names the same column as the answer itself")
        return self


def plain(value: Any) -> str:
    """Return a value of a YAML file as the text an export would hold."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_answers(
    form: str | None, header_rows: int | None, answers: list[Answer], columns: dict[str, str]
) -> None:
    """Refuse answers without a wide format, a wide format without answers, and columns said twice.

    Raises
    ------
    ValueError
        What is wrong; pydantic adds where.
    """
    if form not in WIDE:
        for key, said in (("answers", answers), ("header_rows", header_rows)):
            if said:
                raise ValueError(f"{key} needs a format of surveys: {', '.join(WIDE)}")
        return
    if not answers:
        raise ValueError(f"format: {form} needs answers: which columns hold which questions")
    taken: set[str] = set()
    for answer in answers:
        for column in filter(None, (answer.column, answer.text)):
            if column in taken:
                raise ValueError(f'answers: the column "{column}" is named twice')
            taken.add(column)
    for name in columns:
        if name in ANSWERED:
            raise ValueError(f'columns: "{name}" comes from the answers; say it there')
        if name in SAID and any(getattr(answer, name) for answer in answers):
            raise ValueError(f'"{name}" is said under columns and under answers; say it once')
