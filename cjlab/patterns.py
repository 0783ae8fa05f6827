"""Patterns that recognise a raw name: exact, glob or regex, always against the whole name."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

KINDS = ("exact", "glob", "regex")
LONGEST = 500

# What a regex is made of, as far as the search for runaway repeats needs to know.
_TOKEN = re.compile(
    r"""\\.                                        # an escaped character
      | \[\^?\]?(?:\\.|[^\]\\])*\]                 # a character class
      | \(\?[a-zA-Z]+\)                            # global flags, not a group
      | \((?:\?(?:P?<\w+>|[a-zA-Z-]*:|[=!>]|<[=!]))?  # a group opens
      | \) | \{\d*,\d*\} | .""",
    re.VERBOSE | re.DOTALL,
)


def normal(name: str) -> str:
    """Return the form in which names are compared (NFC); what is stored stays as it came.

    Examples
    --------
    >>> normal("ko" + chr(0x308) + "p") == "köp"
    True
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def show(value: object) -> str:
    """Return a value for an error: quoted, in one line, not longer than 60 characters.

    Examples
    --------
    >>> show("a" + chr(10) + "b")
    '"a b"'
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return f'"{text[:59]}…"' if len(text) > 60 else f'"{text}"'


@dataclass(frozen=True)
class Pattern:
    """One pattern and the way it matches.

    Comparison is case-sensitive, of whole names, in Unicode form NFC.

    Parameters
    ----------
    text : str
        The pattern, 1 to 500 characters.
    match : {"exact", "glob", "regex"}, default "exact"
        ``glob`` knows ``*``, ``?`` and ``[abc]``; ``regex`` is Python's `re`.

    Raises
    ------
    ValueError
        In one line: the kind is unknown, or the pattern is empty, too long, not a regular
        expression, or repeats a group that can match one text in many ways (such a pattern
        may need hours for one name).

    Examples
    --------
    >>> Pattern("cart_*", "glob").matches("cart_view")
    True
    >>> Pattern("cart", "regex").matches("cart_view")
    False
    """

    text: str
    match: str = "exact"
    test: Callable[[str], object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.match not in KINDS:
            raise ValueError(f"the match kind is one of {', '.join(KINDS)}")
        if not self.text:
            raise ValueError("the pattern is empty")
        if len(self.text) > LONGEST:
            raise ValueError(f"the pattern is longer than {LONGEST} characters")
        object.__setattr__(self, "test", _tester(normal(self.text), self.match))

    def matches(self, name: str) -> bool:
        """Return whether the pattern covers the whole name.

        Parameters
        ----------
        name : str
            A raw name, in any Unicode form.

        Returns
        -------
        bool
            True when it does.
        """
        return bool(self.test(normal(name)))


@lru_cache(maxsize=1024)  # a catalogue is read anew for each model
def _tester(text: str, match: str) -> Callable[[str], object]:
    if match == "exact":
        return text.__eq__
    if match == "glob":
        return re.compile(fnmatch.translate(text)).match
    if _can_run_away(text):
        raise ValueError(
            "a repeated group may hold neither | nor another repeat: it could run for hours"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(text).fullmatch
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def _can_run_away(regex: str) -> bool:
    """Whether a group that repeats holds a choice or a repeat: exponential time on some names."""
    varies = [False]
    # However often {2,} or {,9} may repeat, for this it is a star.
    tokens = ["*" if re.match(r"\{.", part) else part for part in _TOKEN.findall(regex)]
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if token.startswith("(") and not token.endswith(")"):
            varies.append(False)
        elif token == ")" and len(varies) > 1:
            inner = varies.pop()
            if inner and following in ("*", "+"):
                return True
            varies[-1] |= inner
        elif token in ("*", "+", "?", "|"):
            varies[-1] = True
    return False
