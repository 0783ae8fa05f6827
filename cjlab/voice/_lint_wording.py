"""Rules on how a question is worded."""

from __future__ import annotations

from cjlab.voice._lint_scales import RATED, is_rating, is_yes_no
from cjlab.voice._lint_words import Words, plain, sentences
from cjlab.voice._questions import Question


def leading(question: Question, words: Words) -> str | None:
    """Praise, blame or a majority that tells which answer is expected."""
    text = plain(question.text)
    return words.find("leading", text) or words.praises_own(text)


def double_barrelled(question: Question, words: Words) -> str | None:
    """Two things in one question, of which one answer says nothing sure."""
    text = plain(question.text)
    if text.count("?") > 1:
        return "? … ?"
    asked = words.ends.sub("–", words.without("pairs", sentences(text)[-1]))
    if second := words.second_question.search(asked):
        return second[0]
    if question.kind in RATED or is_yes_no(question, words) or is_rating(question, words):
        return _two_things(asked, words)
    return None


def _two_things(asked: str, words: Words) -> str | None:
    """What a conjunction joins, but for opposites ("clear or unclear") and names ("M and S")."""
    for found in words.joined.finditer(asked):
        one, _, other = (part.strip('.,;?!“”"') for part in found.groups())
        names = one[:1].isupper() and other[:1].isupper() and found.start() > 0
        opposite = one.endswith(other) or other.endswith(one)
        if not names and not opposite:
            return found[0]
    return None


def absolute(question: Question, words: Words) -> str | None:
    """Words without exception: hardly anybody can say yes to them."""
    return words.find("absolute", words.without("not_absolute", plain(question.text)))


def double_negation(question: Question, words: Words) -> str | None:
    """Two negatives in one sentence, which readers resolve differently."""
    for sentence in sentences(question.text):
        clean = words.without("pairs", words.without("not_negation", sentence))
        negators = words.all("negators", clean)
        found = negators + words.all("negative", clean)
        if negators and len(found) > 1:
            return " … ".join(found)
    return None


def jargon(question: Question, words: Words) -> str | None:
    """Words of the trade that customers do not use."""
    return words.find("jargon", plain(question.text))


def long_question(question: Question, words: Words) -> str | None:
    """More words than can be kept in mind at a first reading."""
    count = len(question.text.split())
    return f"{count} > {words.most}" if count > words.most else None


def sensitive(question: Question, words: Words) -> str | None:
    """A private matter that must be answered."""
    if not question.required or question.escape:
        return None
    return words.find("sensitive", plain(question.text))
