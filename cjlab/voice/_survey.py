"""A questionnaire in one language: its questions, and where their answers go."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from cjlab.errors import UserError, did_you_mean
from cjlab.voice import _survey_write as write
from cjlab.voice._questions import Part, Question, Relation

Language = Literal["en", "sv", "nb", "da", "fi"]
# A longer name is no name.
_LONGEST = 120


class Survey(Part):
    """A questionnaire in one language.

    Parameters
    ----------
    id : str
        A short name, such as ``nps``.
    language : {"en", "sv", "nb", "da", "fi"}
        The language of its texts.
    questions : tuple of Question
        In the order they are asked.
    title, purpose : str, optional
        Its head, and when and whom to ask.
    relation : {"transactional", "relational"}, optional
        Of its answers, where a question says nothing else.
    notice : str, optional
        ``nps`` where the trademark notice must stand.

    Examples
    --------
    >>> survey = Survey(id="own", language="en", questions=[
    ...     {"id": "why", "kind": "open", "text": "Why did you choose {company}?"}])
    >>> survey.fill(company="Fjord AS").questions[0].text
    'Why did you choose Fjord AS?'
    """

    id: str
    language: Language
    questions: tuple[Question, ...] = Field(min_length=1)
    title: str = ""
    purpose: str = ""
    relation: Relation | None = None
    notice: Literal["nps"] | None = None

    @model_validator(mode="after")
    def _connected(self) -> Self:
        earlier: dict[str, Question] = {}
        for question in self.questions:
            if question.id in earlier:
                raise ValueError(f'the question "{question.id}" stands twice')
            _check_reference(question, earlier)
            earlier[question.id] = question
        return self

    @property
    def minutes(self) -> float:
        """About how long all questions take together, up to the next half minute."""
        return math.ceil(sum(question.seconds for question in self.questions) / 30) / 2

    def fill(
        self,
        company: str | None = None,
        product: str | None = None,
        feature: str | Sequence[str] | None = None,
    ) -> Survey:
        """Put names in the places ``{company}``, ``{product}`` and ``{feature}``.

        Parameters
        ----------
        company, product : str, optional
            What customers call it. A place without a name stays as it is.
        feature : str or sequence of str, optional
            With several, the questions about a feature are repeated for each, numbered from 1.

        Returns
        -------
        Survey
            A new one; names are plain text in it, never templates.

        Raises
        ------
        UserError
            A name is empty or longer than 120 characters.

        Examples
        --------
        >>> survey = Survey(id="own", language="en", questions=[
        ...     {"id": "use", "kind": "open", "text": "Would you use this: {feature}?"}])
        >>> [q.id for q in survey.fill(feature=["dark mode", "export"]).questions]
        ['use_1', 'use_2']
        """
        names = {"company": company, "product": product}
        known = {place: _plain(place, name) for place, name in names.items() if name is not None}
        features = [feature] if isinstance(feature, str) else list(feature or ())
        features = [_plain("feature", name) for name in features]
        parts: list[dict[str, Any]] = []
        for about_one, block in groupby(self.questions, lambda q: "{feature}" in q.text):
            group = [question.model_dump() for question in block]
            if not about_one or not features:
                parts += [_filled(part, known) for part in group]
            else:
                parts += _repeated(group, features, known)
        return Survey.model_validate(_filled(self.model_dump(), known) | {"questions": parts})

    def to_markdown(self) -> str:
        """Return the questionnaire as a page to read and discuss.

        Returns
        -------
        str
            Markdown in the survey's language; names that were filled in cannot mark it up.

        Examples
        --------
        >>> own = Survey(id="own", language="en", questions=[
        ...     {"id": "why", "kind": "open", "text": "Why did you choose us?"}])
        >>> print(own.to_markdown().splitlines()[-3])
        **1. Why did you choose us?**
        """
        return write.markdown(self)

    def to_csv(self) -> str:
        """Return one line a question, for import into survey tools and for the linter.

        Returns
        -------
        str
            CSV with a header; several options or labels in a cell have `` | `` between them, and
            no cell is run as a formula.

        Examples
        --------
        >>> own = Survey(id="own", language="en", questions=[
        ...     {"id": "why", "kind": "open", "text": "Why did you choose us?"}])
        >>> own.to_csv().splitlines()[1]
        '1,why,open,Why did you choose us?,no,,,,,,,,,,open,,,en'
        """
        return write.table(self)

    def to_yaml(self) -> str:
        """Return the survey as a file that ``cjlab survey --lint`` reads.

        Returns
        -------
        str
            YAML, in this one language.

        Examples
        --------
        >>> own = Survey(id="own", language="en", questions=[
        ...     {"id": "why", "kind": "open", "text": "Why did you choose us?"}])
        >>> print(own.to_yaml().splitlines()[0])
        id: own
        """
        return write.text(self)

    def mapping(self, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return what a study's source says to read the answers: the columns and their kinds.

        Parameters
        ----------
        columns : mapping of str to str, optional
            By question id, the head of its column in the export; the id itself by default.

        Returns
        -------
        dict
            ``format: wide`` with ``answers`` and ``columns``, for `study.yaml` beside ``path``.
            Questions that become no response are not in it.

        Raises
        ------
        UserError
            ``columns`` names a question the survey does not have.

        Examples
        --------
        >>> own = Survey(id="own", language="en", relation="relational", questions=[
        ...     {"id": "why", "kind": "open", "text": "Why did you choose us?"}])
        >>> own.mapping({"why": "Q7"})["answers"]
        [{'column': 'Q7', 'kind': 'open', 'relation': 'relational'}]
        """
        heads = {question.id: question.id for question in self.questions}
        for name in columns or {}:
            if name not in heads:
                raise UserError(f'no question "{name}".{did_you_mean(name, heads)}')
        heads |= dict(columns or {})
        beside = {q.about: q.id for q in reversed(self.questions) if q.about}
        answers = [
            _answer(self, question, heads, beside)
            for question in self.questions
            if question.becomes not in (None, "consent") and question.id not in beside.values()
        ]
        consent = [q.id for q in self.questions if q.becomes == "consent"]
        whose = {"consent": heads[consent[0]]} if consent else {}
        return {"format": "wide", "columns": whose, "answers": answers}


def _check_reference(question: Question, earlier: Mapping[str, Question]) -> None:
    for name in filter(None, (question.about, question.ask_if and question.ask_if.question)):
        if name not in earlier:
            near = did_you_mean(name, earlier)
            raise ValueError(f'"{question.id}" refers to "{name}", no earlier question.{near}')
    if question.ask_if:
        ids = [option.id for option in earlier[question.ask_if.question].options]
        for name in question.ask_if.options:
            if name not in ids:
                raise ValueError(f'"{question.id}" asks after "{name}".{did_you_mean(name, ids)}')


def _plain(place: str, name: str) -> str:
    """One line without characters that hide or turn text."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not 0 < len(shown) <= _LONGEST:
        raise UserError(f"the name of the {place} must have from 1 to {_LONGEST} characters.")
    return shown


def _filled(part: Any, names: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, names) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_filled(value, names) for value in part]
    if not isinstance(part, str):
        return part
    return re.sub(r"\{(\w+)\}", lambda m: names.get(m[1], m[0]), part)


def _repeated(
    group: list[dict[str, Any]], features: Sequence[str], names: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    ids = {part["id"] for part in group}
    for place, name in enumerate(features, 1):
        last = f"_{place}" if len(features) > 1 else ""
        renamed = {own: own + last for own in ids}
        for part in group:
            part = _filled(part, {**names, "feature": name}) | {"id": renamed[part["id"]]}
            part["about"] = renamed.get(part["about"], part["about"])
            if branch := part["ask_if"]:
                branch["question"] = renamed.get(branch["question"], branch["question"])
            yield part


def _answer(
    survey: Survey, question: Question, heads: Mapping[str, str], beside: Mapping[str, str]
) -> dict[str, Any]:
    """Say one question as ``answers`` of a source does; keys without a value are left out."""
    scale = question.scale
    said: dict[str, Any] = {"column": heads[question.id], "kind": question.becomes}
    said["text"] = heads[beside[question.id]] if question.id in beside else None
    if scale and question.kind in ("nps", "csat", "ces", "kano"):
        said["scale"] = scale.high
        said["scores"] = {words: str(number) for number, words in sorted(scale.labels.items())}
    if question.becomes == "churn":
        said["scores"] = {option.text: option.id for option in question.options}
        # Who would rather not say gave no reason.
        said["scores"] |= {question.escape: ""} if question.escape else {}
    if question.becomes == "kano" and heads[question.id] != question.id:
        said["question"] = question.id
    said["touchpoint"] = question.touchpoint
    said["relation"] = question.relation or survey.relation
    return {key: value for key, value in said.items() if value}
