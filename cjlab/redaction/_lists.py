"""The lists beside this module: names, names that are words as well, and words that name nobody."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from babel import Locale

LANGUAGES = ("en", "sv", "nb", "da", "fi")
_FOLDER = Path(__file__).with_name("lists")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")


@cache
def listed(name: str) -> frozenset[str]:
    """Return the entries of one list in small letters.

    Examples
    --------
    >>> "anna" in listed("first_names"), "anna" in listed("surnames")
    (True, False)
    """
    lines = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    words = " ".join(line for line in lines if not line.startswith("#"))
    return frozenset(words.casefold().split())


@cache
def ordinary() -> frozenset[str]:
    """Return words that may stand with a capital and name nobody, in five languages."""
    said: list[str] = []
    for language in LANGUAGES:
        locale = Locale.parse(language)
        said += [*locale.languages.values(), *locale.territories.values()]
        for wide in (locale.months, locale.days):
            said += wide["format"]["wide"].values()
    calendar = {word.casefold() for text in said for word in _WORD.findall(text)}
    return listed("words") | (calendar - _people())


@cache
def _people() -> frozenset[str]:
    """Names that are months or places too stay names where they stand alone in the calendar."""
    return listed("first_names") - listed("ambiguous")
