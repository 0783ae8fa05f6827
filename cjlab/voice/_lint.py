"""Errors that questionnaires are known for, found before anybody is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from cjlab import messages
from cjlab.voice import _lint_scales as scales
from cjlab.voice import _lint_wording as wording
from cjlab.voice._lint_words import Words, plain, words
from cjlab.voice._questions import Question
from cjlab.voice._survey import Survey

MOST_QUESTIONS = 15
MOST_MINUTES = 7.0
# By name: what says of one question what is wrong with it, or nothing.
RULES: dict[str, Callable[[Question, Words], str | None]] = {
    "leading": wording.leading,
    "double_barrelled": wording.double_barrelled,
    "double_negation": wording.double_negation,
    "absolute": wording.absolute,
    "jargon": wording.jargon,
    "long_question": wording.long_question,
    "sensitive": wording.sensitive,
    "unbalanced": scales.unbalanced,
    "no_middle": scales.no_middle,
    "no_ends": scales.no_ends,
    "nps_scale": scales.nps_scale,
    "ces_direction": scales.ces_direction,
    "ranges": scales.ranges,
    "no_other": scales.no_other,
    "no_escape": scales.no_escape,
}


def lint(survey: Survey, *, language: str = "en") -> pd.DataFrame:
    """Look for the errors that questionnaires are known for.

    Parameters
    ----------
    survey : Survey
        From `survey`, or an own one.
    language : {"en", "sv", "nb", "da", "fi"}, default "en"
        Of the advice. The survey is read in its own language.

    Returns
    -------
    DataFrame
        A row a finding: ``question`` (its id; null where it concerns the whole survey), ``rule``,
        ``found`` (the words or numbers that set it off) and ``fix`` (what would put it right).
        No row means that no rule applies, not that the questions are good.

    Notes
    -----
    The rules go by word lists (`kit/words`) and by the form of scales and options. They find what
    usually goes wrong, and miss what only a reader can see; how often, the tests measure for each
    language.

    Examples
    --------
    >>> own = Survey(id="own", language="en", questions=[
    ...     {"id": "q1", "kind": "open", "text": "What do you like about our excellent service?"}])
    >>> lint(own)[["question", "rule", "found"]].values.tolist()
    [['q1', 'leading', 'excellent'], [None, 'no_consent', '1']]
    """
    lists = words(survey.language)
    rows: list[tuple[str | None, str, str]] = [
        (question.id, rule, found)
        for question in survey.questions
        for rule, look in RULES.items()
        if (found := look(question, lists))
    ]
    rows += [(None, rule, found) for rule, found in _of_the_whole(survey, lists)]
    frame = pd.DataFrame(rows, columns=["question", "rule", "found"], dtype=object)
    fixes = [messages.text(f"voice.lint.{rule}", language) for rule in frame["rule"]]
    return frame.assign(fix=pd.Series(fixes, index=frame.index, dtype=object))


def _of_the_whole(survey: Survey, lists: Words) -> Iterator[tuple[str, str]]:
    count = len(survey.questions)
    if count > MOST_QUESTIONS or survey.minutes > MOST_MINUTES:
        yield "long_survey", f"{count} questions, {survey.minutes:g} min"
    opens = [question for question in survey.questions if question.kind == "open"]
    asked = any(
        question.stored == "consent" or lists.find("consent", plain(question.text))
        for question in survey.questions
    )
    if opens and not asked:
        yield "no_consent", str(len(opens))
