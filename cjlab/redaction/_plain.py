"""A text as the finders read it: what hides inside numbers and addresses is taken out first."""

from __future__ import annotations

import html
import re
import unicodedata

from cjlab._marks import few_marks

LONGEST_READ = 20_000  # signs; a pasted log must not take the report's time
MASK = "\0"  # stands where something has been found; no plain text holds it
_BLANKS = dict.fromkeys(
    map(ord, "\u115f\u1160\u3164\uffa0\u2800"), " "
)  # letters that show nothing
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−⁃﹘﹣－ー᠆"), "-")
_DOTS = dict.fromkeys(map(ord, "。｡․·•∙⋅・"), ".")
_QUOTES = dict.fromkeys(map(ord, "’‘´`ʼ′＇"), "'")
# Zeros in front say nothing, and no sign has a number of more digits.
_ZEROS, _NO_SIGN = re.compile(r"&#0+(?=\d)"), re.compile(r"&#\d{8,};?")
_SPACES = re.compile(r"\s+")


def plain(text: str) -> str:
    """Return what `beginning` reads of a text.

    Examples
    --------
    >>> plain("０７０&nbsp;1\\u00ad2\\u200b3")
    '070 123'
    """
    return beginning(text)[0]


def beginning(text: str) -> tuple[str, bool]:
    """Return a text's beginning as the finders read it, and whether there was more.

    It is in Unicode's compatibility form and without what cannot be seen. Entities of HTML become
    their signs; runs of white space become one space, or one line break where they held one.
    """
    # What was seen only after unescaping is taken out as well.
    seen = _ZEROS.sub("&#", _visible(text[:LONGEST_READ]))
    shown = few_marks(html.unescape(_NO_SIGN.sub("\ufffd", seen)))
    shown = unicodedata.normalize("NFKC", shown)  # one sign may become eighteen
    cut = max(len(text), len(shown)) > LONGEST_READ
    shown = _SPACES.sub(_gap, _visible(shown[:LONGEST_READ]))
    return shown.strip(), cut


def _gap(blanks: re.Match[str]) -> str:
    return "\n" if "\n" in blanks[0] else " "


def view(shown: str) -> str:
    """Return the same text, sign by sign, with one kind of digit, dash, dot and apostrophe."""
    seen = shown.translate(_DASHES | _DOTS | _QUOTES)
    if seen.isascii():
        return seen
    return "".join(c if c.isascii() else _digit(c) for c in seen)


def _visible(text: str) -> str:
    """Drop invisible signs, and marks put on digits; halves of a sign become a question mark."""
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    after_digit = False
    for c in text.translate(_BLANKS):
        if c in "\t\n\v\f\r\x85\u2028\u2029":
            kept.append("\n" if c != "\t" else " ")
            after_digit = False
            continue
        kind = unicodedata.category(c)
        if kind in ("Cf", "Cc") or "\ufe00" <= c <= "\ufe0f" or c == "\u034f" or c > "\U000e0000":
            continue
        if kind in ("Mn", "Me") and after_digit:
            continue
        kept.append("\ufffd" if kind == "Cs" else c)
        after_digit = kind == "Nd"
    return "".join(kept)


def _digit(c: str) -> str:
    value = unicodedata.digit(c, None)
    return c if value is None else str(value)
