"""Text from data on a drawing: cleaned, measured by its font, broken into lines that fit."""

from __future__ import annotations

import functools
import re
import unicodedata
from bisect import bisect_right
from typing import Any

import pandas as pd
from matplotlib import font_manager
from matplotlib.textpath import text_to_path

#: Settings of matplotlib under which text takes the room that it was measured to take.
STYLE: dict[Any, Any] = {
    "text.parse_math": False,
    "text.usetex": False,
    "text.hinting": "none",  # widths as measured
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "pdf.fonttype": 42,
}
LONGEST = 300  # characters of a text from data; what follows is cut and marked


@functools.cache
def _drawable() -> frozenset[int]:
    path = font_manager.findfont("DejaVu Sans")
    return frozenset(font_manager.get_font(path).get_charmap())


def clean(text: object) -> str:
    """Return a string from the data as one drawable line.

    Control and direction-override characters go, runs of white space become one blank, and
    what the font cannot draw becomes "□"; nothing is read as markup. A null is "(none)".

    Examples
    --------
    >>> clean("pay\\x00 $now$\\n{x}"), clean(None)
    ('pay $now$ {x}', '(none)')
    """
    if text is None or text is pd.NA or (isinstance(text, float) and text != text):
        return "(none)"
    kept = (
        " " if c.isspace() else "" if unicodedata.category(c) in ("Cc", "Cf") else c
        for c in str(text)[: 4 * LONGEST]
    )
    line = re.sub(r" +", " ", "".join(kept)).strip()
    drawn = "".join(c if ord(c) in _drawable() else "□" for c in line)
    drawn = re.sub("□+", "□", drawn)
    return drawn if len(drawn) <= LONGEST else drawn[: LONGEST - 1] + "…"


@functools.lru_cache(maxsize=4096)
def points(text: str, size: float, weight: str = "normal") -> float:
    """Return how wide a text is drawn, points."""
    font = font_manager.FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def wrap(
    text: object,
    *,
    width: float,
    size: float = 9.0,
    lines: int = 3,
    weight: str = "normal",
) -> str:
    """Break a text into lines that fit, by the font's own measures.

    Parameters
    ----------
    text : object
        Any string; it is cleaned first.
    width : float
        Room, inches.
    size : float, default 9.0
        Font size, points.
    lines : int, default 3
        Lines at most; the last one ends in "…" where something was cut.
    weight : str, default "normal"
        Font weight the text will be drawn in.

    Examples
    --------
    >>> wrap("frequent, mostly mobile", width=1.0).split("\\n")
    ['frequent,', 'mostly mobile']
    """
    room = width * 72.0
    done: list[str] = []
    line = ""
    for word in clean(text).split(" "):
        longer = f"{line} {word}" if line else word
        if points(longer, size, weight) <= room:
            line = longer
            continue
        if line:
            done.append(line)
        while points(word, size, weight) > room and len(word) > 1:
            cut = max(1, _fitting(word, room, size, weight))
            done.append(word[:cut])
            word = word[cut:]
        line = word
    done.append(line)
    if len(done) > lines:
        last = done[lines - 1]
        done[lines - 1 :] = [last[: _fitting(last, room, size, weight, end="…")] + "…"]
    return "\n".join(done)


def _fitting(word: str, room: float, size: float, weight: str, end: str = "") -> int:
    """How many first characters of a word fit, with `end` after them."""
    lengths = range(1, len(word) + 1)
    return bisect_right(lengths, room, key=lambda n: points(word[:n] + end, size, weight))
