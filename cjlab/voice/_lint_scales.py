"""Rules on how a question can be answered: scales, options and the way out."""

from __future__ import annotations

import re
from itertools import pairwise

from cjlab.voice._lint_words import Words, plain
from cjlab.voice._questions import Question

RATED = ("nps", "csat", "ces", "kano")
_THOUSANDS = re.compile(r"(?<=\d)[ .,\u00a0\u202f](?=\d{3}(?!\d))")
_CURRENCY = re.compile(r"[£€$]")
_NUMBER = re.compile(r"\d+")


def polarity(label: str, words: Words) -> str | None:
    """Return ``+``, ``-``, ``0`` (the middle), ``none`` (a scale from nothing up), or null."""
    label = plain(label)
    if words.find("neutral", label):
        return "0"
    if words.find("zero", label):
        return "none"
    good = words.find("positive", label)
    if words.find("bad", label) or (good and words.find("negators", label)):
        return "-"
    return "+" if good else None


def unbalanced(question: Question, words: Words) -> str | None:
    """More good answers than bad ones, or the other way round."""
    labels = _rating_labels(question)
    if question.kind == "kano":  # its five answers are fixed, and no degrees of one thing
        return None
    signs = [polarity(label, words) for label in labels]
    good, bad = signs.count("+"), signs.count("-")
    if "none" in signs or 2 * (good + bad) < len(labels) or good == bad:
        return None
    return f"+{good} −{bad}"


def no_middle(question: Question, words: Words) -> str | None:
    """A worded scale from bad to good without anything between."""
    labels = _rating_labels(question)
    signs = [polarity(label, words) for label in labels]
    if question.scale and not question.scale.whole:
        return None
    good, bad = signs.count("+"), signs.count("-")
    return " | ".join(labels) if good == bad and good + bad == len(labels) > 2 else None


def no_ends(question: Question, words: Words) -> str | None:
    """A scale whose first or last number has no words."""
    if question.kind not in RATED:
        return None
    if question.scale is None:
        return "–"
    ends = (question.scale.low, question.scale.high)
    bare = [str(number) for number in ends if not question.scale.labels.get(number)]
    return ", ".join(bare) or None


def nps_scale(question: Question, words: Words) -> str | None:
    """NPS on any other scale than 0 to 10 is no NPS."""
    if question.kind != "nps" or question.scale is None:
        return None
    low, high = question.scale.low, question.scale.high
    return None if (low, high) == (0, 10) else f"{low}–{high}"


def ces_direction(question: Question, words: Words) -> str | None:
    """An effort score whose better end is not said, or is said against its words."""
    scale = question.scale
    if question.kind != "ces" or scale is None:
        return None
    if scale.direction is None:
        return "–"
    ends = [polarity(scale.labels.get(number, ""), words) for number in (scale.low, scale.high)]
    worded = {("-", "+"): "higher_is_better", ("+", "-"): "lower_is_better"}
    said = worded.get((ends[0] or "", ends[1] or ""), scale.direction)
    return None if said == scale.direction else scale.direction


def no_escape(question: Question, words: Words) -> str | None:
    """A question that takes an experience for granted, without a way to say there was none."""
    if question.escape or question.ask_if or question.stored == "consent":
        return None
    if any(words.begins("no_experience", plain(option.text)) for option in question.options):
        return None
    if question.kind in ("csat", "ces"):
        return question.kind
    if question.kind in ("choice", "multi", "number"):
        return words.find("experience", plain(question.text))
    return None


def no_other(question: Question, words: Words) -> str | None:
    """A list of things to choose from that leaves out whoever needs another answer."""
    texts = [plain(option.text) for option in question.options]
    if len(texts) < 3 or not words.find("nominal", plain(question.text)):
        return None
    if any(option.other for option in question.options):
        return None
    if any(words.begins("other", text) for text in texts) or is_yes_no(question, words):
        return None
    ordered = [text for text in texts if words.find("ordered", text) or polarity(text, words)]
    if len(ordered) > 1 or any(_range(text, words) for text in texts):
        return None
    return f"{len(texts)} options"


def ranges(question: Question, words: Words) -> str | None:
    """Ranges of numbers that overlap, or leave a gap."""
    texts = [plain(option.text) for option in question.options]
    spans = [(span, text) for text in texts if (span := _range(text, words))]
    spans.sort(key=lambda pair: (pair[0][0] is not None, pair[0]))
    for (one, shown), (following, then) in pairwise(spans):
        last, first = one[1], following[0]
        if last is None or first is None or first != last + 1:
            return f"{shown} | {then}"
    return None


def is_yes_no(question: Question, words: Words) -> bool:
    """Whether the first answers are yes and no."""
    said = [words.begins("yes_no", plain(option.text)) for option in question.options]
    return sum(said) > 1


def is_rating(question: Question, words: Words) -> bool:
    """Whether most of the options are good or bad: a scale written as a choice."""
    signs = [polarity(option.text, words) for option in question.options]
    return 2 * sum(sign in ("+", "-") for sign in signs) > len(signs)


def _rating_labels(question: Question) -> list[str]:
    if question.scale:
        return [label for _, label in sorted(question.scale.labels.items())]
    return [option.text for option in question.options] if question.kind == "choice" else []


def _range(text: str, words: Words) -> tuple[int | None, int | None] | None:
    """The whole numbers an option holds, from first to last; null where it is open."""
    text = _CURRENCY.sub("", _THOUSANDS.sub("", text))
    numbers = [int(found) for found in _NUMBER.findall(text)]
    if len(numbers) == 2 and re.search(r"\d\s*[-–—]\s*\d", text):
        return numbers[0], numbers[1]
    if len(numbers) == 2 and words.find("to", text):
        return numbers[0], numbers[1]
    if len(numbers) != 1:
        return None
    number = numbers[0]
    if words.find("at_least", text) or text.endswith("+"):
        return number, None
    if words.find("at_most", text):
        return None, number
    if words.find("under", text):
        return None, number - 1
    if words.find("over", text):
        return number + 1, None
    return (number, number) if text.strip() == str(number) else None
