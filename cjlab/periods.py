"""Reporting periods: calendar cuts in the study's own time zone.

A period is half-open: it holds its start and not its end, so periods join without overlap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cjlab.errors import UserError

FIRST_YEAR, LAST_YEAR = 1900, 2200
KINDS = ("year", "quarter", "month", "week")
_FORMS = "2026, 2026Q3, 2026-07, 2026W30 or 2026-07-01..2026-08-15 (the end is not included)"


@dataclass(frozen=True)
class Period:
    """A span of local calendar time, with a label that is safe in file names.

    Parameters
    ----------
    label : str
        As people write it, such as ``2026Q3``.
    start, end : datetime
        Time-zone-aware; the end is not included.
    """

    label: str
    start: datetime
    end: datetime

    @property
    def before(self) -> Period:
        """The period of the same length that ends where this one starts.

        As many months where both ends begin a month, else as many days and hours of local time.

        Examples
        --------
        >>> parse("2026Q3", "UTC").before.label, parse("2026W30", "UTC").before.label
        ('2026-04-01..2026-07-01', '2026-07-13..2026-07-20')
        """
        start, end = self.start, self.end
        first = start - (end - start)
        begun = [(at.day, at.hour, at.minute, at.second, at.microsecond) for at in (start, end)]
        if begun == [(1, 0, 0, 0, 0)] * 2:
            month = 2 * (12 * start.year + start.month) - (12 * end.year + end.month) - 1
            first = start.replace(year=month // 12, month=month % 12 + 1)
        said = [at.replace(tzinfo=None).isoformat() for at in (first, start)]
        return _labelled(said[0], said[1], first, start)


def _labelled(first: str, last: str, start: datetime, end: datetime) -> Period:
    said = f"{first.strip()}..{last.strip()}".replace("T00:00:00", "")
    return Period(re.sub(r"[^\w.+-]", "", said, flags=re.ASCII), start, end)


def parse(text: str, zone: str) -> Period:
    """Read a period as people write it.

    Parameters
    ----------
    text : str
        ``2026`` (year), ``2026Q3`` (quarter), ``2026-07`` (month), ``2026W30`` (ISO week) or
        ``start..end`` with dates or local times; the end is not included.
    zone : str
        IANA name of the study's time zone; midnight is midnight there.

    Returns
    -------
    Period
        With time-zone-aware start and end.

    Raises
    ------
    UserError
        When the text is none of these forms, or the end is not after the start.

    Examples
    --------
    >>> parse("2026Q3", "Europe/Stockholm").start.isoformat()
    '2026-07-01T00:00:00+02:00'
    """
    text = text.strip()
    if ".." in text:
        return _span(text, zone)
    for pattern, days in _CALENDAR:
        found = re.fullmatch(pattern, text)
        if found:
            try:
                first, after = days(*(int(part) for part in found.groups()))
            except ValueError:
                break
            _check_years(text, first.year, after.year)
            return Period(text.upper(), _midnight(first, zone), _midnight(after, zone))
    raise UserError(f'period "{text}" is not understood; write {_FORMS}.')


def named(period: Period, zone: str) -> Period:
    """Return a span under its calendar name, where it is a year, quarter, month or week there.

    Parameters
    ----------
    period : Period
        Any.
    zone : str
        IANA name of the study's time zone.

    Returns
    -------
    Period
        The same span, in the zone; one that is none of these has its ends for a label.

    Examples
    --------
    >>> named(parse("2026-07-01T00:00+02:00..2026-10-01T00:00+02:00", "UTC"), "Europe/Oslo").label
    '2026Q3'
    """
    start, end = (at.astimezone(ZoneInfo(zone)) for at in (period.start, period.end))
    for kind in KINDS:
        found = parse(label_of(kind, start.date()), zone)
        if (found.start, found.end) == (start, end):
            return found
    # Ends may have been told with an offset, which makes no label that can be asked by again.
    first, last = (at.replace(tzinfo=None).isoformat() for at in (start, end))
    return _labelled(first, last, start, end)


def last_complete(kind: str, observed_until: datetime, zone: str) -> Period:
    """Return the last calendar period that had ended when observation ended.

    Parameters
    ----------
    kind : {"year", "quarter", "month", "week"}
        Length of the period.
    observed_until : datetime
        Time-zone-aware instant up to which the data are known.
    zone : str
        IANA name of the study's time zone.

    Returns
    -------
    Period
        Its end is at or before ``observed_until``.

    Examples
    --------
    >>> until = datetime(2026, 9, 30, 12, tzinfo=ZoneInfo("Europe/Oslo"))
    >>> last_complete("quarter", until, "Europe/Oslo").label
    '2026Q2'
    """
    if kind not in KINDS:
        raise UserError(f'period kind "{kind}" is not one of {", ".join(KINDS)}.')
    local = observed_until.astimezone(ZoneInfo(zone)).date()
    current = parse(label_of(kind, local), zone)
    if current.end <= observed_until:
        return current
    before = current.start.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    return parse(label_of(kind, before), zone)


def label_of(kind: str, day: date) -> str:
    """Name the calendar period of a kind that holds a day.

    Examples
    --------
    >>> label_of("week", date(2027, 1, 1))
    '2026W53'
    """
    if kind == "day":
        return day.isoformat()
    if kind == "year":
        return f"{day.year:04d}"
    if kind == "quarter":
        return f"{day.year:04d}Q{(day.month + 2) // 3}"
    if kind == "month":
        return f"{day.year:04d}-{day.month:02d}"
    year, week, _ = day.isocalendar()
    return f"{year:04d}W{week:02d}"


def _year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year + 1, 1, 1)


def _quarter(year: int, quarter: int) -> tuple[date, date]:
    return _months(year, 3 * quarter - 2, 3)


def _month(year: int, month: int) -> tuple[date, date]:
    return _months(year, month, 1)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    after = month + count
    return date(year, month, 1), date(year + (after > 12), after - 12 * (after > 12), 1)


def _week(year: int, week: int) -> tuple[date, date]:
    monday = date.fromisocalendar(year, week, 1)
    return monday, monday + timedelta(days=7)


_CALENDAR = (
    (r"([12][0-9]{3})", _year),
    (r"([12][0-9]{3})[Qq]([1-4])", _quarter),
    (r"([12][0-9]{3})-([0-9]{2})", _month),
    (r"([12][0-9]{3})-?[Ww]([0-9]{1,2})", _week),
)


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def local_instant(text: str, zone: str) -> datetime:
    """Read an ISO date or time; without an offset it is local time in ``zone``.

    Examples
    --------
    >>> local_instant("2026-07-01", "Europe/Stockholm").isoformat()
    '2026-07-01T00:00:00+02:00'
    """
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UserError(f'"{text}" is not an ISO date or time such as 2026-07-01.') from None
    return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))


def _check_years(text: str, first: int, last: int) -> None:
    if first < FIRST_YEAR or last > LAST_YEAR:
        raise UserError(f'period "{text}" leaves the years {FIRST_YEAR} to {LAST_YEAR}.')


def _span(text: str, zone: str) -> Period:
    first, _, last = text.partition("..")
    try:
        start, end = local_instant(first, zone), local_instant(last, zone)
    except UserError:
        raise UserError(f'period "{text}" is not understood; write {_FORMS}.') from None
    _check_years(text, start.year, end.year)
    if end <= start:
        raise UserError(f'period "{text}" ends before it starts; the end is not included.')
    return _labelled(first, last, start, end)
