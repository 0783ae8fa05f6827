"""The words a rule looks for, by language, and how they match."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from cjlab import config

_FOLDER = Path(__file__).parent / "kit" / "words"
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")


class Words:
    """The word lists of one language: `kit/words/LANGUAGE.yaml`."""

    def __init__(self, language: str) -> None:
        said = config.load(_FOLDER / f"{language}.yaml")
        self.most = int(said.pop("words"))
        # The longest first: "not at all" before "not".
        ordered = {name: sorted(words, key=len, reverse=True) for name, words in said.items()}
        self._source = {name: "|".join(map(_pattern, words)) for name, words in ordered.items()}
        self._inside = {name: re.compile(_whole(s), re.I) for name, s in self._source.items()}
        follows = rf"{_whole(self._source['conjunctions'])},?\s+{_whole(self._source['asking'])}"
        self.second_question = re.compile(follows, re.I)

    def find(self, name: str, text: str) -> str | None:
        """Return the first of the list's words that stands in the text."""
        found = self._inside[name].search(text)
        return found[0] if found else None

    def all(self, name: str, text: str) -> list[str]:
        """Return each place where one of the list's words stands."""
        return [found[0] for found in self._inside[name].finditer(text)]

    def begins(self, name: str, text: str) -> bool:
        """Whether the text starts with one of the list's words."""
        return self._inside[name].match(text) is not None

    def without(self, name: str, text: str) -> str:
        """Return the text with a dash in place of the list's words."""
        return self._inside[name].sub("–", text)


@cache
def words(language: str) -> Words:
    """Return the word lists of a language, read once."""
    return Words(language)


def plain(text: str) -> str:
    """One line, straight apostrophes: what the word lists are written for."""
    return " ".join(text.replace("’", "'").split())


def sentences(text: str) -> list[str]:
    """The sentences of a text; what is asked stands in the last."""
    return [part for part in _SENTENCE.split(plain(text)) if part]


def _pattern(phrase: str) -> str:
    parts = (
        r"[^\s,.?!]+(?:\s+[^\s,.?!]+)?" if part == "*" else re.escape(part).replace(r"\*", r"\w*")
        for part in str(phrase).split()
    )
    return r"\s+".join(parts)


def _whole(source: str) -> str:
    return rf"(?<!\w)(?:{source})(?!\w)"
