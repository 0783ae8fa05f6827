"""The few words and the numbers a figure writes itself; titles come from the caller."""

from __future__ import annotations

import math

from babel import Locale
from babel.numbers import format_decimal, format_percent

from cjlab.messages import own

#: Every phrase that a figure writes, in one place so that a translator finds it.
PHRASES: dict[str, str] = {
    "small": "fewer than {minimum} customers",
    "small_short": "<{minimum}",
    "withheld": "withheld for privacy",
    "not_estimable": "not enough customers to show",
    "not_yet_observed": "not yet known",
    "empty": "not enough customers to show",
    "no_rows": "no rows to show",
    "n": "n {n}",
    "interval_bars": "whiskers: 95% interval",
    "funnel_axis": "share of the customers who reached the first step (%)",
    "customers": "{n} customers",
    "funnel_note": "at the right: share of those who began, and customers who reached the step",
    "dropoff_axis": "customers at the step who never reach the next one (%)",
    "dropoff_note": "n: customers at the step",
    "time_axis": "time in stage (days)",
    "time_axis_log": "time in stage (log scale; min, h, d = minutes, hours, days)",
    "time_note": "bar: middle half of the stays (25% to 75%); dot: median; "
    "arrow: not reached yet; n: stays",
    "not_reached": "median not reached",
    "from": "from",
    "to": "next",
    "transitions_note": "each row: what comes next (%); n: moves from there; blank: never seen",
    "sizes_axis": "share of customers (%)",
    "profile_note": "standardised difference from all customers (0 = like everyone)",
    "profile_bold": "bold: the 95% interval leaves out 0",
    "hatched": "hatched grey: fewer than {minimum} customers",
    "curve_axis": "number of personas (k)",
    "curve_value": "score (0 to 1)",
    "curve_chosen": "chosen",
    "curve_note": "dashed: what k must reach: prediction strength {strength}, Jaccard {jaccard}",
    "curve_smallest": "under each k: the smallest persona's share of the customers",
    "silhouette": "silhouette",
    "prediction_strength": "prediction strength",
    "min_jaccard": "smallest Jaccard",
    "intake_axis": "share of the source's rows (%)",
    "rows": "{n} rows · {share}",
    "accepted": "accepted",
    "rows_in": "{n} rows in",
    "intake_note": "rows in = accepted (blue) + rejected (orange) + dropped exact copies (grey); "
    "rules that concerned no row are left out",
    "intake_outlined": "outlined: kept, worth knowing",
    "coverage_axis": "share of all events (%)",
    "mapped": "mapped to a stage",
    "unmapped": "without a stage",
    "other": "(other)",
    "events": "{n} events · {share}",
    "coverage_note": "below the line: the most frequent touchpoints that no rule maps",
    "minutes": "{value} min",
    "seconds": "{value} s",
    "hours": "{value} h",
    "days": "{value} d",
    "years": "{value} y",
}

#: Units of durations: phrase, size in days, and the days below which the unit is used.
UNITS = (
    ("seconds", 1 / 86400, 1 / 1440),
    ("minutes", 1 / 1440, 1 / 24),
    ("hours", 1 / 24, 1.0),
    ("days", 1.0, 730.0),
    ("years", 365.25, math.inf),
)


def phrase(key: str, language: str = "en", /, **values: object) -> str:
    """Return a figure's own phrase with its values filled in.

    Parameters
    ----------
    key : str
        A key of `PHRASES`.
    language : str, default "en"
        Language of the report. Its catalogue's entry ``plot.<key>`` is used; a phrase without
        one stays English.
    **values : object
        What the phrase's braces name.

    Raises
    ------
    KeyError
        An unknown key: a mistake in cjlab, never in a study.

    Examples
    --------
    >>> phrase("n", n="1,234")
    'n 1,234'
    """
    return (own(f"plot.{key}", language) or PHRASES[key]).format(**values)


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
    text = str(format_decimal(abs(value), "0.0", locale=language))
    if round(abs(value), 1) == 0:
        return text
    return ("+" if value > 0 else "\N{MINUS SIGN}") + text


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
