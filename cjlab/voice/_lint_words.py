"""The words a rule looks for, by language, and how they match."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from cjlab import _yaml

_FOLDER = Path(__file__).parent / "kit" / "words"
# Characters of a text that are looked at, so that no pattern takes long.
LONGEST = 2000
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")


class Words:
    """The word lists of one language: `kit/words/LANGUAGE.yaml`."""

    def __init__(self, language: str) -> None:
        said = _yaml.load(_FOLDER / f"{language}.yaml")
        self.most = int(said.pop("words"))
        # The longest first: "not at all" before "not".
        ordered = {name: sorted(words, key=len, reverse=True) for name, words in said.items()}
        self._source = {name: "|".join(map(_pattern, words)) for name, words in ordered.items()}
        self._inside = {name: re.compile(_whole(s), re.I) for name, s in self._source.items()}
        self._own = self._beside_own()
        joint = _whole(self._source["conjunctions"])
        self.second_question = re.compile(rf"{joint},?\s+{_whole(self._source['asking'])}", re.I)
        # With blanks around it: the "and" of "pick-and-mix" joins nothing.
        self.joined = re.compile(rf"(\S+)\s+({joint})\s+(\S+)", re.I)
        # "How warm or cold": two ends of one scale.
        self.ends = re.compile(rf"{_whole(self._source['degree'])}\s+\S+\s+{joint}\s+\S+", re.I)

    def _beside_own(self) -> list[re.Pattern[str]]:
        """Match "our fast delivery" but not "how fast our delivery is"."""
        asked, quality = _whole(self._source["degree"]), _whole(self._source["quality"])
        before, after = (self._source[name] for name in ("own", "own_after"))
        found = [rf"{_whole(before)}\s+(?:[^\s,.?!]+\s+)?{quality}"]
        found += [rf"({asked}\s+)?{quality}\s+(?:[^\s,.?!]+\s+)?{_whole(after)}"] if after else []
        return [re.compile(source, re.I) for source in found]

    def praises_own(self, text: str) -> str | None:
        """Return praise or blame of one's own that is not what is asked."""
        for pattern in self._own:
            for found in pattern.finditer(text):
                if not (pattern.groups and found[1]):
                    return found[0]
        return None

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
    """One line, straight apostrophes, no longer than anybody reads: what the lists are for."""
    return " ".join(text[:LONGEST].replace("’", "'").split())


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
