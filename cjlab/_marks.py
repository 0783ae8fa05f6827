"""Marks put on letters: more than a few in a row are noise, and dear to normalise."""

from __future__ import annotations

import re
import unicodedata

MOST = 30  # in a row, as in Unicode's stream-safe text (UAX 15)
_SUSPECT = re.compile(rf"[^\w\s\x00-\x7f]{{{MOST + 1},}}")


def few_marks(text: str) -> str:
    """Return a text without the combining marks that follow thirty others.

    Normalising sorts the marks of a letter, in time that grows with the square of their number.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The same text where no language would pile marks up so.

    Examples
    --------
    >>> len(few_marks("e" + "\\u0301" * 1000)), len(few_marks("e\\u0301"))
    (31, 2)
    """
    return _SUSPECT.sub(lambda run: "".join(_kept(run[0])), text)


def _kept(run: str) -> list[str]:
    kept, marks = [], 0
    for c in run:
        marks = marks + 1 if unicodedata.combining(c) else 0
        if marks <= MOST:
            kept.append(c)
    return kept
