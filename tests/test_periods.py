"""Periods: half-open, calendar cuts in the study's zone, labels that are safe in file names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab.errors import UserError
from cjlab.periods import KINDS, last_complete, named, parse

ZONES = ["UTC", "Europe/Stockholm", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata"]


@pytest.mark.parametrize(
    ("text", "start", "end", "label"),
    [
        ("2026", "2026-01-01", "2027-01-01", "2026"),
        ("2026Q1", "2026-01-01", "2026-04-01", "2026Q1"),
        ("2026q4", "2026-10-01", "2027-01-01", "2026Q4"),
        (" 2026-12 ", "2026-12-01", "2027-01-01", "2026-12"),
        ("2026W01", "2025-12-29", "2026-01-05", "2026W01"),
        ("2026W53", "2026-12-28", "2027-01-04", "2026W53"),
        ("2026-W30", "2026-07-20", "2026-07-27", "2026-W30"),
        ("2026-07-01..2026-08-15", "2026-07-01", "2026-08-15", "2026-07-01..2026-08-15"),
    ],
)
@pytest.mark.parametrize("zone", ZONES)
def test_forms(text: str, start: str, end: str, label: str, zone: str) -> None:
    period = parse(text, zone)
    expected = [
        pd.Timestamp(day).tz_localize(zone, nonexistent="shift_forward") for day in (start, end)
    ]
    assert [pd.Timestamp(period.start), pd.Timestamp(period.end)] == expected
    assert period.label == label


NO_PERIODS = """ |q3|2026Q5|2026Q0|2026-13|2026-00|2026W54|2026W00|9999|0001|26|2026-07-01|..|
2026-07-01..|a..b|2026Q1..2026Q2|2026-02-30..2026-03-01|٢٠٢٦|-"""


@pytest.mark.parametrize("text", NO_PERIODS.replace("\n", "").split("|"))
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(UserError, match="is not understood; write 2026, 2026Q3") as caught:
        parse(text, "UTC")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["2026-07-01..2026-07-01", "2026-08-01..2026-07-01"])
def test_the_end_comes_after_the_start(text: str) -> None:
    with pytest.raises(UserError, match="ends before it starts"):
        parse(text, "UTC")


@pytest.mark.parametrize(
    "text", ["2026-07-01/10:00..2026-07-02 11:00", "2026-07-01T10:00+02:00..2026-08-01"]
)
def test_labels_are_safe_in_file_names(text: str) -> None:
    assert re.fullmatch(r"[\w.+-]+", parse(text, "Europe/Oslo").label, flags=re.ASCII)


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(
    lambda t: t.replace(tzinfo=UTC)
)


@given(until=MOMENTS, kind=st.sampled_from(KINDS), zone=st.sampled_from(ZONES))
def test_the_last_complete_period(until: datetime, kind: str, zone: str) -> None:
    """The pandas period before the one that holds the moment, unless it ends exactly then."""
    found = last_complete(kind, until, zone)
    rule = {"year": "Y", "quarter": "Q", "month": "M", "week": "W"}[kind]
    local = pd.Timestamp(until).tz_convert(zone).tz_localize(None)
    before = local.to_period(rule) - 1
    assert found.start.date() == before.start_time.date()
    assert found.end <= until
    assert (found.end.date() - before.end_time.date()) == timedelta(days=1)
    assert parse(found.label, zone) == found


def test_a_period_that_ends_exactly_when_observation_does() -> None:
    midnight = datetime(2026, 10, 1, tzinfo=ZoneInfo("Europe/Oslo"))
    assert last_complete("quarter", midnight, "Europe/Oslo").label == "2026Q3"
    earlier = midnight - timedelta(microseconds=1)
    assert last_complete("quarter", earlier, "Europe/Oslo").label == "2026Q2"
    with pytest.raises(UserError, match='"day" is not one of year'):
        last_complete("day", midnight, "UTC")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("2026Q3", "2026-04-01..2026-07-01"),
        ("2026Q1", "2025-10-01..2026-01-01"),
        ("2026", "2025-01-01..2026-01-01"),
        ("2026-03", "2026-02-01..2026-03-01"),
        ("2026W14", "2026-03-23..2026-03-30"),
        ("2026-01-01..2026-11-01", "2025-03-01..2026-01-01"),
        ("2026-07-02..2026-07-09", "2026-06-25..2026-07-02"),
        ("2026-07-02T12:00..2026-07-03", "2026-07-02..2026-07-02T120000"),
    ],
)
def test_the_period_before_is_as_long(zone: str, text: str, before: str) -> None:
    period = parse(text, zone)
    assert period.before.label == before and period.before.end == period.start
    assert period.before == parse(before.replace("T120000", "T12:00:00"), zone)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("label", ["2026", "2026Q1", "2026-03", "2026W13"])
def test_a_span_written_out_gets_its_calendar_name_back(label: str, zone: str) -> None:
    whole = parse(label, zone)
    written = parse(f"{whole.start.isoformat()}..{whole.end.isoformat()}", zone)
    assert named(written, zone) == whole and written.label != label
    later = whole.end + timedelta(days=1)
    other = named(parse(f"{whole.start.isoformat()}..{later.isoformat()}", zone), zone)
    assert other.label == f"{whole.start.date()}..{later.date()}"
    assert parse(other.label, zone) == other
