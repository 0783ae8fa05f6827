"""Local time as plain arithmetic, the same on every engine.

Engines differ in how they read a local time that occurs twice or never. Here a zone becomes
the short list of instants at which its offset changes, so that one ``CASE`` expression turns
local time into UTC and back, and says which local times occur twice (the clock is set back)
or never (it is set forward).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Change:
    """One change of offset: the UTC instant, and the offsets before and after in seconds."""

    instant: datetime
    before: int
    after: int

    @property
    def gap(self) -> tuple[datetime, datetime] | None:
        """Local times that never occur, half-open; None when the clock is set back."""
        if self.after <= self.before:
            return None
        return self.instant + timedelta(seconds=self.before), self.instant + timedelta(
            seconds=self.after
        )

    @property
    def fold(self) -> tuple[datetime, datetime] | None:
        """Local times that occur twice, half-open; None when the clock is set forward."""
        if self.after >= self.before:
            return None
        return self.instant + timedelta(seconds=self.after), self.instant + timedelta(
            seconds=self.before
        )


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    shift = instant.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    assert shift is not None
    return int(shift.total_seconds())


@lru_cache(maxsize=64)
def changes(zone: str, first_year: int, last_year: int) -> tuple[int, tuple[Change, ...]]:
    """Return the offset at the start of ``first_year`` and every change until ``last_year`` ends.

    Examples
    --------
    >>> offset, found = changes("Europe/Stockholm", 2026, 2026)
    >>> offset, [change.instant.isoformat() for change in found]
    (3600, ['2026-03-29T01:00:00', '2026-10-25T01:00:00'])
    """
    tz = ZoneInfo(zone)
    at, end = datetime(first_year, 1, 1), datetime(last_year + 1, 1, 2)
    first = offset = _offset(tz, at)
    found: list[Change] = []
    while at < end:
        later = at + _DAY
        if _offset(tz, later) != offset:
            low, high = at, later
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if _offset(tz, middle) == offset else (low, middle)
            after = _offset(tz, high)
            found.append(Change(high, offset, after))
            offset = after
        at = later
    return first, tuple(found)


def _case(column: str, pieces: list[tuple[datetime, int]], last: int) -> str:
    if not pieces:
        return str(last)
    arms = " ".join(f"WHEN {column} < TIMESTAMP '{until}' THEN {value}" for until, value in pieces)
    return f"CASE {arms} ELSE {last} END"


def _within(column: str, spans: list[tuple[datetime, datetime]]) -> str:
    if not spans:
        return "FALSE"
    return (
        "("
        + " OR ".join(
            f"({column} >= TIMESTAMP '{low}' AND {column} < TIMESTAMP '{high}')"
            for low, high in spans
        )
        + ")"
    )


@dataclass(frozen=True)
class ZoneSQL:
    """SQL over a TIMESTAMP column for one zone and a range of years."""

    zone: str
    first_year: int
    last_year: int

    @property
    def _changes(self) -> tuple[int, tuple[Change, ...]]:
        return changes(self.zone, self.first_year, self.last_year)

    def to_utc(self, local: str) -> str:
        """UTC of a local time; one that occurs twice is read as the first, summer time."""
        first, found = self._changes
        pieces, offset = [], first
        for change in found:
            # Before the later wall-clock edge the old offset holds: in a fold that is the
            # first occurrence, in a gap the time is refused anyway.
            edge = change.instant + timedelta(seconds=max(change.before, change.after))
            pieces.append((edge, offset))
            offset = change.after
        return f"({local} - to_seconds({_case(local, pieces, offset)}))"

    def to_local(self, utc: str) -> str:
        """Local wall-clock time of a UTC instant."""
        first, found = self._changes
        pieces, offset = [], first
        for change in found:
            pieces.append((change.instant, offset))
            offset = change.after
        return f"({utc} + to_seconds({_case(utc, pieces, offset)}))"

    def never(self, local: str) -> str:
        """Whether a local time never occurs because the clock skipped it."""
        return _within(local, [c.gap for c in self._changes[1] if c.gap])

    def twice(self, local: str) -> str:
        """Whether a local time occurs twice because the clock was set back."""
        return _within(local, [c.fold for c in self._changes[1] if c.fold])
