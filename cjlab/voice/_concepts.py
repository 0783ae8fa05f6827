"""What the light sentiment sees in a text: words, letters, and ideas shared by five languages.

The ideas (``concepts.csv``, written for cjlab) carry what patients wrote in English over to
languages that nothing was labelled in: ``slow``, ``långsam`` and ``hidas`` are one feature.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from cjlab.voice._tokens import LANGUAGES, clauses, negations

_FILE: Final = Path(__file__).with_name("concepts.csv")
_REACH: Final = 3  # words that a negation turns round after itself
# The verb stands before the negation: "jag rekommenderar inte".
_VERB_FIRST: Final = frozenset({"sv", "nb", "da"})
_SHORTEST: Final = 3


class Idea(NamedTuple):
    """One row of the catalogue as one language says it."""

    name: str
    polarity: int


class Lexicon(NamedTuple):
    """The words and the word beginnings of one language."""

    words: dict[str, Idea]
    beginnings: dict[str, Idea]

    def find(self, word: str) -> Idea | None:
        """Return the idea of a word: the word itself, else its longest known beginning."""
        if word in self.words:
            return self.words[word]
        ends = range(len(word), _SHORTEST - 1, -1)
        return next((self.beginnings[word[:n]] for n in ends if word[:n] in self.beginnings), None)


@cache
def lexicon(language: str) -> Lexicon:
    """Return the ideas as one of the five languages words them."""
    words: dict[str, Idea] = {}
    beginnings: dict[str, Idea] = {}
    with _FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            idea = Idea(row["concept"], int(row["polarity"]))
            for form in row[language].split():
                if form.endswith("*"):
                    beginnings.setdefault(form[:-1], idea)
                else:
                    words.setdefault(form, idea)
    return Lexicon(words, beginnings)


def features(text: str, language: str) -> list[str]:
    """Return the features of a normalised text read as one of the five languages.

    Words, pairs and letter n-grams are marked where a negation reaches them; an idea that is
    negated counts as its opposite.
    """
    if language not in LANGUAGES:
        return []
    ideas = lexicon(language)
    found: list[str] = []
    for words in clauses(text):
        turned = _turned(words, language)
        marked = ["!" * at_turn + word for word, at_turn in zip(words, turned, strict=True)]
        found += [f"w {word}" for word in marked]
        found += [f"b {one} {two}" for one, two in zip(marked, words[1:], strict=False)]
        for word, mark in zip(words, turned, strict=True):
            found += _letters(word, mark)
            if idea := ideas.find(word):
                found += [f"i {mark:d} {idea.name}"] * 2
                found += [f"p {-idea.polarity if mark else idea.polarity}"] * 2
        if any(word in negations(language) for word in words):
            found.append("n")
    return found


def _turned(words: list[str], language: str) -> list[bool]:
    """Return which words of a clause a negation reaches."""
    cues = [at for at, word in enumerate(words) if word in negations(language)]
    back = 1 if language in _VERB_FIRST else 0
    return [
        any(cue < at <= cue + _REACH or at == cue - back for cue in cues if at != cue)
        for at in range(len(words))
    ]


def _letters(word: str, turned: bool) -> list[str]:
    padded = f"_{word}_"
    mark = "c!" if turned else "c"
    return [f"{mark}{padded[at : at + n]}" for n in (4, 5) for at in range(len(padded) - n + 1)]
