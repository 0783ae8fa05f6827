"""Hours of a zone: against plain datetimes, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab.voice import _hours
from cjlab.voice_settings import WEEKDAYS, Window

ZONE = "Europe/Stockholm"
EPOCH = datetime(1970, 1, 1)
windows = st.builds(
    lambda opens, length, days: Window(
        hours=f"{opens // 60:02d}:{opens % 60:02d}-"
        f"{min(opens + length, 1440) // 60:02d}:{min(opens + length, 1440) % 60:02d}",
        weekdays=days,
    ),
    st.integers(0, 1390),
    st.integers(40, 600),
    st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
)
minutes = st.integers(29_000_000, 29_600_000)


def micros(when: datetime) -> np.ndarray:
    return np.array([round((when - EPOCH) / timedelta(microseconds=1))])


def is_open(when: datetime, window: Window) -> bool:
    opens, closes = window.minutes
    minute = when.hour * 60 + when.minute
    return WEEKDAYS[when.weekday()] in window.weekdays and opens <= minute < closes


@given(windows, minutes)
@settings(max_examples=25)
def test_inside_and_next_opening_agree_with_a_walk_by_the_minute(window: Window, minute: int):
    start = when = EPOCH + timedelta(minutes=minute)
    assert _hours.inside(micros(when), window)[0] == is_open(when, window)
    while not is_open(when, window):
        when += timedelta(minutes=1)
    assert _hours.next_open(micros(start), window)[0] == micros(when)[0]


@given(windows, minutes, st.integers(1, 100))
@settings(max_examples=25)
def test_time_is_up_after_so_many_open_minutes(window: Window, minute: int, span: int):
    start = when = EPOCH + timedelta(minutes=minute)
    left = span
    while left:
        left -= is_open(when, window)
        when += timedelta(minutes=1)
    assert _hours.due(micros(start), span * _hours.MINUTE, window)[0] == micros(when)[0]


@given(st.integers(1_700_000_000, 1_800_000_000))
def test_local_time_and_week_are_those_of_the_zone(second: int):
    known = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(ZONE))
    wall = _hours.local(np.array([second * 1_000_000]), ZONE)
    assert EPOCH + timedelta(microseconds=int(wall[0])) == known.replace(tzinfo=None)
    assert _hours.weekday(wall)[0] == known.weekday()
    monday = known.date() - timedelta(days=known.weekday())
    assert _hours.week(wall)[0] * 7 - 3 == (monday - EPOCH.date()).days


def test_the_clock_change_has_an_answer():
    for said, instant in (
        ("2026-03-29 02:30", "2026-03-29 01:00"),  # never: the gap's end
        ("2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        ("2026-07-01 12:00", "2026-07-01 10:00"),
    ):
        found = _hours.utc(micros(datetime.fromisoformat(said)), ZONE)
        assert found[0] == micros(datetime.fromisoformat(instant))[0]


@pytest.mark.parametrize("hours", ["9-17", "17:00-09:00", "09:00-09:00", "24:00-24:00"])
def test_hours_that_hold_no_time_are_refused(hours: str):
    with pytest.raises(ValueError, match=r"holds no time|no span of a day"):
        Window(hours=hours)
