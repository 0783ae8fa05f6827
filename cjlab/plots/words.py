"""The few words and the numbers a figure writes itself; titles come from the caller."""

from __future__ import annotations

import math

from babel import Locale
from babel.numbers import format_decimal, format_percent

from cjlab.messages import text

#: Units of durations: phrase, size in days, and the days below which the unit is used.
UNITS = (
    ("seconds", 1 / 86400, 1 / 1440),
    ("minutes", 1 / 1440, 1 / 24),
    ("hours", 1 / 24, 1.0),
    ("days", 1.0, 730.0),
    ("years", 365.25, math.inf),
)


def phrase(key: str, language: str = "en", /, **values: object) -> str:
    """Return a figure's own phrase, the message ``plot.<key>``, with its values filled in.

    Examples
    --------
    >>> phrase("n", n="1,234")
    'n 1,234'
    """
    return text(f"plot.{key}", language, **values)


def count(value: float, language: str = "en") -> str:
    """Write a whole number by the language's custom.

    Examples
    --------
    >>> count(1234567)
    '1,234,567'
    """
    return str(format_decimal(round(value), locale=language))


def share(value: float, language: str = "en") -> str:
    """Write a fraction as a percentage, with one decimal below 10 % and next to 100 %.

    Examples
    --------
    >>> share(0.4567), share(0.0456), share(0.0001), share(1.0)
    ('46%', '4.6%', '<0.1%', '100%')
    """
    whole = str(Locale.parse(language).percent_formats[None].pattern)
    fine = whole.replace("##0", "##0.0")
    if 0 < value < 0.001:
        return "<" + str(format_percent(0.001, fine, locale=language))
    if 0.999 < value < 1:
        # Close to all is not all: 99.96 % must not read 100 %.
        return str(format_percent(0.999, fine, locale=language))
    pattern = fine if 0 < value < 0.0995 or 0.995 <= value < 1 else whole
    return str(format_percent(value, pattern, locale=language))


def signed(value: float, language: str = "en") -> str:
    """Write a difference with its sign and one decimal.

    Examples
    --------
    >>> signed(0.84), signed(-1.26), signed(0.01)
    ('+0.8', '−1.3', '0.0')
    """
    size = str(format_decimal(abs(value), "0.0", locale=language))
    if round(abs(value), 1) == 0:
        return size
    return ("+" if value > 0 else "\N{MINUS SIGN}") + size


def duration(days: float, language: str = "en") -> str:
    """Write a duration in days in the unit a person would use.

    Examples
    --------
    >>> duration(0.01), duration(0.3), duration(12.34), duration(800), duration(0.0)
    ('14 min', '7.2 h', '12 d', '2.2 y', '0 s')
    """
    key, size = next((key, size) for key, size, below in UNITS if days < below - 1e-9)
    number = round(days / size, 6)
    pattern = "#,##0" if number >= 10 or number == round(number) else "0.0"
    return phrase(key, language, value=format_decimal(number, pattern, locale=language))
