"""Sentences and labels in the report's language, and numbers as that language writes them.

Every text a reader sees has a key in ``cjlab/locale/<language>/LC_MESSAGES/*.po``. Values are
put into named places, each formatted by Babel for the language: nothing is concatenated. The
result is plain text; whoever shows it escapes it.
"""

from __future__ import annotations

import gettext
import math
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from babel import Locale, dates, numbers
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.units import format_unit

from cjlab.errors import UserError, did_you_mean

LANGUAGES = ("en", "sv", "nb", "da", "fi")
FALLBACK = "en"
# By unit: what limits are multiplied by, and how many decimals they get.
_SCALES: dict[str, tuple[int, int | None]] = {"1": (100, 1), "sd": (1, 2), "scale": (1, 2)}


@dataclass(frozen=True)
class Formatted:
    """A value that becomes text only when the language is known.

    Parameters
    ----------
    render : callable
        Takes the language and returns the text.
    """

    render: Callable[[str], str]

    def __call__(self, language: str) -> str:
        return self.render(language)


def text(key: str, language: str = FALLBACK, **values: Any) -> str:
    """Return one message with its values in place.

    Parameters
    ----------
    key : str
        The message's key in the catalogue, such as ``"page.quality"``.
    language : str, default "en"
        One of `LANGUAGES`; a message that its catalogue lacks is given in English.
    **values
        One for each ``{name}`` of the message. Numbers, dates and the results of `percent`,
        `number`, `interval` and the like are written as the language writes them; other values
        as they are. ``count`` chooses between singular and plural where the message has both.

    Returns
    -------
    str
        Plain text, not escaped.

    Raises
    ------
    UserError
        An unknown key or language, or values that are not those which the message names.

    Examples
    --------
    >>> text("cell.small", minimum=10)
    '< 10'
    """
    template = _template(key, language, values)
    places = _places(template)
    if missing := places - set(values):
        raise UserError(f'message "{key}" needs a value for {", ".join(sorted(missing))}.')
    if extra := set(values) - places - {"count"}:
        name = min(extra)
        raise UserError(f'message "{key}" has no place "{name}".{did_you_mean(name, places)}')
    return template.format_map({name: format_value(values[name], language) for name in places})


def places(key: str, language: str = FALLBACK) -> set[str]:
    """Return the names of the values that a message has places for.

    Examples
    --------
    >>> places("cell.small")
    {'minimum'}
    """
    return _places(_template(key, language, {}))


def has(key: str, language: str = FALLBACK) -> bool:
    """Tell whether `text` would find the key, in the language or in English.

    Examples
    --------
    >>> has("cell.small"), has("no.such.key")
    (True, False)
    """
    return any(_entry(key, name) for name in (language, FALLBACK))


def own(key: str, language: str) -> str | None:
    """Return the raw message in exactly this language, or None where it is not translated."""
    return next(iter(_entry(key, language)), None)


def label(kind: str, name: str, language: str = FALLBACK) -> str:
    """Return the message ``kind.name`` where there is one, else the name with spaces.

    Examples
    --------
    >>> label("metric", "from_first"), label("metric", "own_thing")
    ('From first step', 'own thing')
    """
    key = f"{kind}.{name}"
    return text(key, language) if has(key, language) else name.replace("_", " ")


def keys() -> Iterator[str]:
    """Yield the keys of the English catalogue."""
    ids = (message.id for message in _catalogue(FALLBACK) if message.id)
    return (key if isinstance(key, str) else key[0] for key in ids)


def format_value(value: Any, language: str) -> str:
    """Write one value as the language writes it; a float gets up to three significant digits.

    Examples
    --------
    >>> format_value(1204, "en"), format_value(0.41234, "sv"), format_value(None, "en")
    ('1,204', '0,412', '–')
    """
    if isinstance(value, Formatted):
        return value(language)
    if _null(value) and not (isinstance(value, float) and math.isinf(value)):
        return "–"
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, bool):
        return text("word.yes" if value else "word.no", language)
    if isinstance(value, int):
        return _signed(numbers.format_decimal(value, locale=language), language)
    if isinstance(value, float):
        return _significant(value, language)
    if isinstance(value, datetime):
        return dates.format_datetime(value, "medium", locale=language)
    if isinstance(value, date):
        return dates.format_date(value, "medium", locale=language)
    return str(value)


def number(value: float, decimals: int | None = None) -> Formatted:
    """Format a number; without `decimals` whole numbers stay whole, others get three digits.

    Examples
    --------
    >>> number(12345.678, 1)("da")
    '12.345,7'
    """
    if decimals is None:
        return Formatted(lambda language: format_value(value, language))
    return _known(value, lambda language: _decimals(value, decimals, language))


def percent(value: float, decimals: int = 1) -> Formatted:
    """Format a fraction 0–1 as a percentage.

    Examples
    --------
    >>> percent(0.412)("en"), percent(0.412)("sv")
    ('41.2%', '41,2\\xa0%')
    """

    def render(language: str) -> str:
        pattern = Locale.parse(language).percent_formats[None].pattern
        if decimals:
            pattern = pattern.replace("0", "0." + "0" * decimals)
        shown = numbers.format_percent(float(value), format=pattern, locale=language)
        return _signed(shown, language)

    return _known(value, render)


def days(value: float) -> Formatted:
    """Format a duration given in days, as minutes, hours or days, whichever reads best.

    Examples
    --------
    >>> days(0.5)("en"), days(12.25)("en")
    ('12 hr', '12.2 days')
    """

    def render(language: str) -> str:
        size, unit = _duration_unit(value)
        width: Literal["short", "long"] = "short" if unit == "hour" else "long"
        return format_unit(_tenths(size), f"duration-{unit}", width, locale=language)

    return _known(value, render)


def day(value: date | datetime) -> Formatted:
    """Format a calendar day."""
    return Formatted(lambda language: dates.format_date(value, "medium", locale=language))


def money(value: float, currency: str) -> Formatted:
    """Format an amount in a currency given by its ISO code.

    Examples
    --------
    >>> money(1234.5, "EUR")("en")
    '€1,234.50'
    """
    return _known(value, lambda language: numbers.format_currency(value, currency, locale=language))


def interval(low: float, high: float, form: Callable[[float], Formatted] = number) -> Formatted:
    """Format an interval; a limit that is null is told in words.

    Examples
    --------
    >>> interval(0.389, 0.436, percent)("en")
    '38.9%–43.6%'
    >>> interval(-0.25, 0.5)("en")
    '-0.25 to 0.5'
    """
    # A dash beside a minus sign cannot be read.
    signed = any(not _null(value) and value < 0 for value in (low, high))
    key = "cell.interval_signed" if signed else "cell.interval"

    def limit(value: float, language: str) -> str:
        return text("cell.not_reached", language) if _null(value) else form(value)(language)

    return Formatted(
        lambda language: text(key, language, low=limit(low, language), high=limit(high, language))
    )


def quantity(unit: str | None) -> Callable[[float], Formatted]:
    """Return the way to format a number of this unit: ``1`` rate, ``d`` days, ``EUR`` …

    Examples
    --------
    >>> quantity("1")(0.5)("en"), quantity("EUR")(2)("en"), quantity("p")(0.0002)("en")
    ('50.0%', '€2.00', '<0.001')
    """
    if unit == "1":
        return percent
    if unit == "d":
        return days
    if unit in ("sd", "ratio", "scale"):
        return lambda value: number(value, 2)
    if unit == "p":
        return _chance
    if unit == "s":
        return lambda value: days(value / 86_400)
    if unit and len(unit) == 3 and unit.isalpha() and unit.isupper():
        return lambda value: money(value, unit)
    return number


def _chance(value: float) -> Formatted:
    """Write a p-value: what is below a thousandth is said to be."""
    if value >= 0.001:
        return number(value, 3)
    return Formatted(lambda language: "<" + number(0.001, 3)(language))


def limits(value: float, low: float, high: float, unit: str | None) -> Formatted:
    """Format an interval that stands beside its value: same scale, unit not repeated.

    Examples
    --------
    >>> limits(0.412, 0.389, 0.436, "1")("en"), limits(0.5, 0.25, None, "d")("en")
    ('38.9–43.6', '6–not reached')
    """
    if unit == "d":
        scale = {"day": 1, "hour": 24, "minute": 1440}[_duration_unit(value)[1]]
        return interval(low, high, lambda limit: number(_tenths(scale * limit)))
    scale, decimals = _SCALES.get(str(unit), (1, None))
    return interval(low, high, lambda limit: number(float(scale * limit), decimals))


def _template(key: str, language: str, values: Mapping[str, Any]) -> str:
    if language not in LANGUAGES:
        raise UserError(f'no language "{language}".{did_you_mean(language, LANGUAGES)}')
    for name in (language, FALLBACK):
        if forms := _entry(key, name):
            plural = gettext.c2py(_catalogue(name).plural_expr)
            return forms[plural(int(values.get("count", 0))) if len(forms) > 1 else 0]
    raise UserError(f'no message "{key}".{did_you_mean(key, keys())}')


def _places(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@cache
def _catalogue(language: str) -> Catalog:
    """Read every file of a language: a room may keep its words apart."""
    found = Catalog(locale=language)
    for file in sorted((Path(__file__).parent / "locale" / language / "LC_MESSAGES").glob("*.po")):
        with file.open("rb") as stream:
            for message in read_po(stream, locale=language, abort_invalid=True):
                if message.id:
                    found[message.id] = message
    return found


@cache
def _entry(key: str, language: str) -> tuple[str, ...]:
    """Return the forms of a message, singular first; none where it is not translated."""
    message = _catalogue(language).get(key)
    if message is None or message.fuzzy:
        return ()
    forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return forms if all(forms) else ()


def _null(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _known(value: Any, render: Callable[[str], str]) -> Formatted:
    return Formatted(lambda language: "–" if _null(value) else render(language))


def _significant(value: float, language: str) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or abs(value) >= 100:
        return _decimals(value, 0, language)
    return _decimals(value, max(0, 2 - math.floor(math.log10(abs(value)))), language, trim=True)


def _decimals(value: float, decimals: int, language: str, trim: bool = False) -> str:
    places = ("#" if trim else "0") * min(decimals, 12)
    pattern = "#,##0." + places if places else "#,##0"
    rounded = round(float(value), decimals) + 0.0  # no "-0"
    return _signed(numbers.format_decimal(rounded, format=pattern, locale=language), language)


def _tenths(size: float) -> float:
    """Round as durations are rounded, but never a short one away."""
    rounded = (round(float(size), 1) if size < 100 else round(size)) or size
    return int(rounded) if rounded == int(rounded) else rounded


def _signed(shown: str, language: str) -> str:
    # Babel writes a hyphen where the language has a minus sign.
    return shown.replace("-", numbers.get_minus_sign_symbol(language), 1)


def _duration_unit(value: float) -> tuple[float, str]:
    if value == 0 or value >= 1:
        return value, "day"
    hours = value * 24
    return (hours, "hour") if hours >= 1 else (hours * 60, "minute")
