"""What the values of a column look like: an id, a time, a scale, a choice or a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

# Who somebody is: their values are never shown.
_WHO = re.compile(
    r"(?i)\b(id|ids|e-?mail|ip|first|last|name|navn|namn|nimi|phone|telefon|puhelin|address|adress"
    r"|custom(er)?|kund\w*|kunde\w*|asiakas\w*|user(name)?|respondent|recipient|reference"
    r"|latitude|longitude)\b|_id\b|\w(Id|Email|Name|Address|Reference)\b"
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?")
FORMS = (
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y",
)  # fmt: skip
_LABELLED = re.compile(r"(\d{1,2})\s*[-–—=:.)]\s*\D.*", re.DOTALL)
_FEW = 12
_MOSTLY = 0.95


@dataclass(frozen=True)
class Look:
    """What a column looks like.

    ``kind`` is ``id, time, scale, number, choice, text`` or ``empty``. ``low`` and ``high`` are
    the ends of a scale as seen, which may be less than what was offered; ``forms`` are the forms
    under which every time can be read, none where they are ISO; ``scores`` are the numbers that
    stand within labels.
    """

    kind: str
    filled: int
    distinct: int
    low: int | None = None
    high: int | None = None
    forms: tuple[str, ...] = ()
    scores: tuple[tuple[str, int], ...] = ()


def look(name: str, values: Sequence[tuple[str, int]]) -> Look:
    """Say what a column looks like.

    Parameters
    ----------
    name : str
        The column's name.
    values : sequence of (str, int)
        Its distinct values that are not empty, and how often each comes.

    Returns
    -------
    Look
        A proposal; a person confirms it.

    Examples
    --------
    >>> look("How likely …?", [("9", 4), ("10 - Extremely likely", 2), ("0", 1)]).kind
    'scale'
    """
    filled, distinct = sum(often for _, often in values), len(values)
    texts = [text.strip() for text, _ in values]
    if not filled:
        return Look("empty", 0, 0)
    if _WHO.search(name) or _mostly(texts, lambda t: "@" in t and " " not in t):
        return Look("id", filled, distinct)
    if _mostly(texts, _ISO.fullmatch):
        return Look("time", filled, distinct)
    if forms := tuple(form for form in FORMS if all(_fits(text, form) for text in texts)):
        return Look("time", filled, distinct, forms=forms)
    scores = {text: score for text in texts if (score := _score(text)) is not None}
    if len(scores) >= _MOSTLY * distinct:
        low, high = min(scores.values()), max(scores.values())
        if low >= 0 and high <= 10:
            words = tuple((text, n) for text, n in scores.items() if text != str(n))
            return Look("scale", filled, distinct, low, high, scores=words)
    if _mostly(texts, lambda t: re.fullmatch(r"[+-]?\d+([.,]\d+)?", t)):
        plain = distinct == filled > _FEW or any(re.match(r"0\d", text) for text in texts)
        return Look("id" if plain else "number", filled, distinct)
    if distinct == filled > _FEW and not any(" " in text for text in texts):
        return Look("id", filled, distinct)
    few = distinct <= _FEW and filled >= 2 * distinct
    return Look("choice" if few else "text", filled, distinct)


def _mostly(texts: Sequence[str], test: object) -> bool:
    assert callable(test)
    return sum(bool(test(text)) for text in texts) >= _MOSTLY * len(texts)


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _score(text: str) -> int | None:
    if re.fullmatch(r"\d{1,2}", text):
        return int(text)
    labelled = _LABELLED.fullmatch(text)
    return int(labelled[1]) if labelled else None
