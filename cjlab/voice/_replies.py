"""Drafts of a first reply, by situation, in five languages: a person reads and sends them."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cjlab import messages
from cjlab.errors import UserError, did_you_mean
from cjlab.messages import LANGUAGES

SITUATIONS = ("delivery", "payment", "return", "product", "service", "general")
_FOLDER = Path(__file__).with_name("replies")
_LONGEST_LABEL = 60
# What a touchpoint's name tells of the situation; the first that fits, whole names in any case.
_SIGNS = (
    ("return", r"return|retur|palaut|refund|cancel|avbok|ångra|peruut"),
    ("delivery", r"deliver|shipping|parcel|pickup|leverans|lever(ing|t)|utleverans|toimit|nouto"),
    ("payment", r"pay|betal|invoice|faktura|maks|lasku|checkout|kassa|card"),
    ("service", r"support|service|call|chat|ticket|advice|staff|kund(tj|servi)|kunde|asiakasp"),
    ("product", r"product|produkt|tuote|fitting|size|guide|how_to|use\b"),
)


def reply(
    touchpoint: str | None = None,
    *,
    situation: str | None = None,
    on: date | None = None,
    language: str = "en",
) -> str:
    """Draft a first reply to a low answer.

    Parameters
    ----------
    touchpoint : str, optional
        Id of the study's catalogue that the answer was about. It is the only text put into the
        draft, as a name without underscores: what a customer wrote never is.
    situation : {"delivery", "payment", "return", "product", "service", "general"}, optional
        By default what the touchpoint's name tells, else ``general``.
    on : date, optional
        Day of the answer.
    language : {"en", "sv", "nb", "da", "fi"}, default "en"
        Language of the draft.

    Returns
    -------
    str
        Plain text of a few lines, which thanks, is sorry and asks. It promises nothing: what the
        company will do is for the person who sends it to say.

    Raises
    ------
    UserError
        The situation or the language is unknown.

    Examples
    --------
    >>> reply("track_delivery", on=date(2026, 7, 1), language="sv").split(". ")[0][6:]
    'Tack för ditt svar den 1 juli 2026 om track delivery'
    """
    if language not in LANGUAGES:
        raise UserError(f'no language "{language}".{did_you_mean(language, LANGUAGES)}')
    chosen = situation or _situation(touchpoint)
    if chosen not in SITUATIONS:
        raise UserError(f'no situation "{chosen}".{did_you_mean(chosen, SITUATIONS)}')
    words = _words(language)
    label = _label(touchpoint)
    key = "thanks_undated" if on is None else "thanks" if label else "thanks_general"
    day = messages.day(on)(language) if on is not None else ""
    thanks = words[key].replace("{date}", day).replace("{touchpoint}", label)
    body = f"{thanks} {words['situations'][chosen]}"
    return "\n\n".join([words["greeting"], body, words["closing"], words["signature"]])


def _situation(touchpoint: str | None) -> str:
    name = (touchpoint or "").casefold()
    return next((kind for kind, signs in _SIGNS if re.search(signs, name)), "general")


def _label(touchpoint: str | None) -> str:
    """A touchpoint's id as words; nothing where it is no plain name."""
    words = re.sub(r"[_/:]+", " ", touchpoint or "").strip()
    plain = re.fullmatch(r"[\w .&-]+", words) is not None and len(words) <= _LONGEST_LABEL
    return words if plain else ""


@cache
def _words(language: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((_FOLDER / f"{language}.yaml").read_text("utf-8"))
    return found
