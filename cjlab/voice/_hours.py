"""Hours and weekdays of a study's zone: what lies inside, when it opens next, when time is up.

All is whole arrays of microseconds; days and minutes are those on the wall, so that the clock's
change in spring and autumn moves nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlab._numbers import Ints
from cjlab.voice_settings import Window

MINUTE = 60_000_000
DAY = 1440 * MINUTE
# 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3


def local(instants: Ints, zone: str) -> Ints:
    """Wall-clock time, as microseconds since 1970, of UTC instants.

    Examples
    --------
    >>> int(local(np.array([0]), "Europe/Stockholm")[0] // MINUTE)
    60
    """
    found = pd.DatetimeIndex(instants.view("datetime64[us]"), tz="UTC").tz_convert(zone)
    return _micros(found.tz_localize(None))


def utc(times: Ints, zone: str) -> Ints:
    """UTC instants of wall-clock times: of two the first, and past a gap its end."""
    found = pd.DatetimeIndex(times.view("datetime64[us]"))
    first: Any = np.ones(len(times), dtype=bool)
    known = found.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    return _micros(known.tz_convert("UTC").tz_localize(None))


def _micros(index: pd.DatetimeIndex) -> Ints:
    return index.as_unit("us").to_numpy().astype("int64")


def weekday(times: Ints) -> Ints:
    """Day of the week of wall-clock times, 0 for Monday."""
    return (times // DAY + _FIRST_WEEKDAY) % 7


def week(times: Ints) -> Ints:
    """Number of the week, which begins on Monday, of wall-clock times."""
    return (times // DAY + _FIRST_WEEKDAY) // 7


def inside(times: Ints, window: Window) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether wall-clock times lie in the hours and weekdays; the closing minute does not."""
    opens, closes = window.minutes
    minute = times % DAY / MINUTE
    return np.array(window.days)[weekday(times)] & (opens <= minute) & (minute < closes)


def next_open(times: Ints, window: Window) -> Ints:
    """The wall-clock times themselves where they lie inside, else the next opening."""
    opens, closes = window.minutes
    # A day that is over by the closing hour counts as the next one's night.
    over = times % DAY >= closes * MINUTE
    day = times // DAY + over
    day += np.array(_until_open(window))[(day + _FIRST_WEEKDAY) % 7]
    return np.where(inside(times, window), times, day * DAY + opens * MINUTE)


def _until_open(window: Window) -> list[int]:
    """Days from each weekday to the next one that counts, 0 where it counts itself."""
    days = window.days
    return [next(more for more in range(7) if days[(day + more) % 7]) for day in range(7)]


def due(times: Ints, span: int, window: Window) -> Ints:
    """When so much time inside the hours is up, on the wall clock.

    Parameters
    ----------
    times : numpy.ndarray of int
        When it begins to run, wall-clock microseconds.
    span : int
        Microseconds inside the hours, more than 0.
    window : Window
        The hours and weekdays in which time runs.

    Returns
    -------
    numpy.ndarray of int
        Wall-clock microseconds; a span that fills a day to its end is up at the closing hour.

    Examples
    --------
    >>> friday_noon = np.datetime64("2026-07-03T16:00", "us").astype("int64").reshape(1)
    >>> office = Window(hours="09:00-17:00", weekdays=["mon", "tue", "wed", "thu", "fri"])
    >>> str(due(friday_noon, 120 * MINUTE, office).view("datetime64[us]")[0])[:16]
    '2026-07-06T10:00'
    """
    opens, closes = (minute * MINUTE for minute in window.minutes)
    length = closes - opens
    begun = next_open(times, window)
    used = begun % DAY - opens
    whole, rest = np.divmod(used + span - 1, length)
    return _later(begun // DAY, whole, window) * DAY + opens + rest + 1


def _later(day: Ints, count: Ints, window: Window) -> Ints:
    """The day that lies so many days of the window after one of them."""
    mask = "".join("01"[open_] for open_ in window.days)
    found = np.busday_offset(day.astype("datetime64[D]"), count, weekmask=mask)
    return found.astype("int64")
