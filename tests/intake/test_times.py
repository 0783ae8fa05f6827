"""Times become UTC instants; each expected value comes from Python's own zoneinfo."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

UTC = dt.UTC


def utc(text: str, zone: str = "UTC", fold: int = 0) -> pd.Timestamp:
    """Return naive UTC of an ISO text, local to the zone where it has no offset."""
    when = dt.datetime.fromisoformat(text)
    when = when if when.tzinfo else when.replace(tzinfo=ZoneInfo(zone), fold=fold)
    return pd.Timestamp(when.astimezone(UTC).replace(tzinfo=None))


def read(bench, texts: list[str], zone: str = "UTC", **source) -> dict[str, pd.Timestamp]:
    """Return the accepted instants by their text."""
    rows = "".join(f'{n},"{text}",a\n' for n, text in enumerate(texts))
    accepted = bench.accepted(bench.events(rows, zone=zone, **source))
    return {texts[int(i)]: t for i, t in zip(accepted.customer_id, accepted.ts, strict=True)}


def test_mixed_offsets_in_one_column(bench) -> None:
    texts = {
        "2026-07-01T10:00": "2026-07-01T10:00",
        "2026-07-01 10:00:00": "2026-07-01T10:00",
        "2026-07-01t10:00:01": "2026-07-01T10:00:01",
        "2026-07-01T10:00:02Z": "2026-07-01T10:00:02+00:00",
        "2026-07-01T10:00Z": "2026-07-01T10:00+00:00",
        "2026-07-01T10:00:03z": "2026-07-01T10:00:03+00:00",
        "2026-07-01T10:00:04+0200": "2026-07-01T10:00:04+02:00",
        "2026-07-01T10:00:05 +02:00": "2026-07-01T10:00:05+02:00",
        "2026-07-01T10:00:06-05": "2026-07-01T10:00:06-05:00",
        "2026-07-01T10:00+05:30": "2026-07-01T10:00+05:30",
        "2026-07-01 10:00 -0930": "2026-07-01T10:00-09:30",
        "2026-07-01T10:00:07,25": "2026-07-01T10:00:07.250",
        "2026-07-01T10:00:07.125+02": "2026-07-01T10:00:07.125+02:00",
        "2026-07-01T10:00:08.123456": "2026-07-01T10:00:08.123456",
        "2026-07-01": "2026-07-01T00:00",
        "  2026-07-02 09:30 ": "2026-07-02T09:30",
    }
    zone = "Europe/Stockholm"
    assert read(bench, list(texts), zone) == {t: utc(iso, zone) for t, iso in texts.items()}


def test_nanoseconds_are_cut_to_microseconds(bench) -> None:
    found = read(bench, ["2026-01-01T00:00:00.123456789", "2026-01-01T00:00:00.999999999"])
    assert [t.microsecond for t in found.values()] == [123456, 999999]


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-01",
        "2026-02-30",
        "2026-01-01T10:00:60",
        "2026-01-01T25:00",
        "01.02.2026",
        "2026-1-5",
        "2026-07-01Z",
        "2026-07-01+02:00",
        "2026-01-01T10:00+99:00",
        "20260101",
        "now",
        "infinity",
        "epoch",
        "1767225600",
        "today",
        "2026-W05",
    ],
)
def test_what_is_no_time(bench, text: str) -> None:
    study = bench.events(f"a,{text},x\nb,2026-01-01,x\n", zone="Europe/Oslo")
    assert bench.rules(study) == [(1, "not_a_time", "ts", text)]
    assert bench.ids(study) == ["b"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("0001-01-01", "implausible_time"),
        ("1970-06-01", "implausible_time"),
        ("9999-12-31", "future_time"),
        ("2199-01-01T00:00Z", "future_time"),
    ],
)
def test_times_that_cannot_be(bench, text: str, rule: str) -> None:
    study = bench.events(f"a,{text},x\nb,2026-01-01,x\n", zone="Pacific/Auckland")
    assert bench.rules(study) == [(1, rule, "ts", text)]


def test_the_hour_that_occurs_twice_is_its_first(bench) -> None:
    study = bench.events(
        "a,2026-10-25T02:30,x\nb,2025-10-26T02:30+02:00,x\nc,2025-10-26T02:30+01:00,x\n"
        "d,2025-10-26T01:59:59.999999,x\ne,2025-10-26T03:00,x\nf,2025-10-26T02:00,x\n",
        zone="Europe/Stockholm",
    )
    found = dict(zip(bench.ids(study), bench.accepted(study)["ts"], strict=True))
    zone = "Europe/Stockholm"
    expected = {
        "a": utc("2026-10-25T02:30", zone),
        "b": utc("2025-10-26T02:30+02:00"),
        "c": utc("2025-10-26T02:30+01:00"),
        "d": utc("2025-10-26T01:59:59.999999", zone),
        "e": utc("2025-10-26T03:00", zone),
        "f": utc("2025-10-26T02:00", zone),
    }
    assert found == expected
    assert bench.notes(study) == {"time_occurs_twice": 2}


@pytest.mark.parametrize(
    ("zone", "never", "after"),
    [
        (
            "Europe/Stockholm",
            ["2026-03-29T02:00", "2026-03-29T02:59:59.999999"],
            "2026-03-29T03:00",
        ),
        ("Australia/Lord_Howe", ["2025-10-05T02:00", "2025-10-05T02:29"], "2025-10-05T02:30"),
        ("America/Sao_Paulo", ["2018-11-04T00:00", "2018-11-04 00:59"], "2018-11-04T01:00"),
        ("Africa/Cairo", ["2024-04-26T00:30"], "2024-04-26T01:00"),
        ("Pacific/Apia", ["2011-12-30T12:00"], "2011-12-31T00:00"),
    ],
)
def test_local_times_that_never_were(bench, zone: str, never: list[str], after: str) -> None:
    rows = "".join(f"n{i},{text},x\n" for i, text in enumerate(never))
    study = bench.events(f"{rows}k,{after},x\n", zone=zone)
    expected = [(i + 1, "no_such_local_time", "ts", text) for i, text in enumerate(never)]
    assert bench.rules(study) == expected
    assert list(bench.accepted(study)["ts"]) == [utc(after, zone)]


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Australia/Lord_Howe", "2025-04-06T01:45"),
        ("Asia/Kolkata", "2026-05-05T05:30"),
        ("Asia/Kathmandu", "2026-05-05T05:45"),
        ("America/New_York", "2025-11-02T01:30"),
        ("Europe/London", "2010-12-01T08:26"),
        ("Pacific/Kiritimati", "2026-01-01T00:00"),
    ],
)
def test_zones(bench, zone: str, text: str) -> None:
    assert read(bench, [text], zone) == {text: utc(text, zone)}


def test_a_day_whose_midnight_never_was_begins_when_it_begins(bench) -> None:
    zone, day = "America/Sao_Paulo", "2018-11-04"
    assert read(bench, [day], zone) == {day: utc("2018-11-04T01:00", zone)}
    typed = bench.parquet(customer_id=["1"], ts=[dt.date(2018, 11, 4)], touchpoint=["a"])
    study = bench.study({"e.parquet": typed}, timezone=zone)
    assert list(bench.accepted(study)["ts"]) == [utc("2018-11-04T01:00", zone)]
    pattern = bench.events("1,04/11/2018,a\n", zone=zone, time_format="%d/%m/%Y")
    assert list(bench.accepted(pattern)["ts"]) == [utc("2018-11-04T01:00", zone)]


def test_a_source_may_have_a_zone_of_its_own(bench) -> None:
    study = bench.events("1,2026-01-01T10:00,a\n", zone="Europe/Oslo", timezone="Asia/Tokyo")
    assert list(bench.accepted(study)["ts"]) == [utc("2026-01-01T10:00", "Asia/Tokyo")]


@pytest.mark.parametrize(
    ("form", "factor", "text"),
    [
        ("epoch_s", 1, "1767225600"),
        ("epoch_s", 1, "1767225600.25"),
        ("epoch_ms", 1_000, "1767225600123"),
        ("epoch_us", 1_000_000, "1767225600123456"),
    ],
)
def test_declared_epochs(bench, form: str, factor: int, text: str) -> None:
    whole, _, rest = text.partition(".")
    micro = int(whole) * (1_000_000 // factor) + int((rest or "0").ljust(6, "0"))
    expected = pd.Timestamp(dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micro))
    assert read(bench, [text], "Asia/Tokyo", time_format=form) == {text: expected}
    typed = bench.parquet(customer_id=["1"], ts=[float(text)], touchpoint=["a"])
    source = {"events": {"path": "e.parquet", "time_format": form}}
    found = bench.accepted(bench.study({"e.parquet": typed}, source))["ts"][0]
    assert abs(found - expected) <= pd.Timedelta("1us")


def test_epochs_out_of_this_world(bench) -> None:
    texts = ["1e30", "99999999999999999", "x", "-5", "9999999999"]
    rows = "".join(f"{n},{t},a\n" for n, t in enumerate(texts)) + "k,1767225600,a\n"
    study = bench.events(rows, time_format="epoch_s")
    assert [rule for _, rule, _, _ in bench.rules(study)] == [
        "not_a_time",
        "not_a_time",
        "not_a_time",
        "implausible_time",
        "future_time",
    ]


def test_numbers_are_never_guessed_to_be_times(bench) -> None:
    bench.fails(bench.events("1,1767225600,a\n"), "not_a_time", "epoch_s, epoch_ms or epoch_us")
    for values in ([1767225600], [1767225600.0]):
        table = bench.parquet(customer_id=["1"], ts=values, touchpoint=["a"])
        bench.fails(bench.study({"e.parquet": table}), 'column "ts" holds numbers', "epoch_s")


def test_declared_patterns(bench) -> None:
    found = read(
        bench,
        ["01.02.2026 10:00", "31.12.2025 23:59", "29.03.2026 02:30", "2026-01-01"],
        "Europe/Stockholm",
        time_format="%d.%m.%Y %H:%M",
    )
    zone = "Europe/Stockholm"
    assert found == {
        "01.02.2026 10:00": utc("2026-02-01T10:00", zone),
        "31.12.2025 23:59": utc("2025-12-31T23:59", zone),
    }


def test_a_pattern_with_an_offset(bench) -> None:
    texts = ["01.02.2026 10:00 +0200", "01.02.2026 10:00 -05:00"]
    found = read(bench, texts, "Asia/Kolkata", time_format="%d.%m.%Y %H:%M %z")
    assert list(found.values()) == [utc("2026-02-01T10:00+02:00"), utc("2026-02-01T10:00-05:00")]


def test_a_pattern_over_numbers(bench) -> None:
    table = bench.parquet(customer_id=["1"], ts=[20260131], touchpoint=["a"])
    source = {"events": {"path": "e.parquet", "time_format": "%Y%m%d"}}
    found = bench.accepted(bench.study({"e.parquet": table}, source))["ts"]
    assert list(found) == [pd.Timestamp("2026-01-31")]


def test_a_pattern_the_engine_does_not_know(bench) -> None:
    bench.fails(bench.events("1,2026,a\n", time_format="%Q"), "e.csv", "%Q")


def test_undeclared_forms_get_a_hint(bench) -> None:
    bench.fails(bench.events("1,31/12/2025,a\n"), 'such as "31/12/2025"', "time_format")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([dt.date(2026, 1, 1)]), utc("2026-01-01T00:00", "America/New_York")),
        (pa.array([dt.datetime(2026, 1, 1, 5)]), utc("2026-01-01T05:00", "America/New_York")),
        (
            pa.array([dt.datetime(2026, 1, 1, 5, tzinfo=UTC)]).cast(
                pa.timestamp("us", "Asia/Tokyo")
            ),
            utc("2026-01-01T05:00+00:00"),
        ),
        (
            pa.array([10**18 + 123456789], pa.timestamp("ns")),
            pd.Timestamp("2001-09-09 05:46:40.123456"),
        ),
        (pa.array([10**9], pa.timestamp("s")), pd.Timestamp("2001-09-09 05:46:40")),
        (pa.array([10**12], pa.timestamp("ms")), pd.Timestamp("2001-09-09 05:46:40")),
    ],
)
def test_typed_times(bench, column: pa.Array, expected: pd.Timestamp) -> None:
    table = bench.parquet(customer_id=["1"], ts=column, touchpoint=["a"])
    study = bench.study({"e.parquet": table}, timezone="America/New_York")
    assert list(bench.accepted(study)["ts"]) == [expected]


@pytest.mark.parametrize("value", [dt.time(1), True, {"a": 1}, [1], b"x"])
def test_columns_that_cannot_be_times(bench, value: object) -> None:
    table = bench.parquet(customer_id=["1"], ts=[value], touchpoint=["a"])
    bench.fails(bench.study({"e.parquet": table}), 'column "ts"', "holds")


def test_a_future_time_comes_to_pass(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes are read anew once a refused row no longer lies in the future."""
    from cjlab import prepare
    from cjlab.study import open_study

    class Later(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime(2100, 1, 2, tzinfo=tz)

    first = bench.events("a,2100-01-01,x\nb,2026-01-01,x\nc,2200-01-01,x\n")
    assert bench.ids(first) == ["b"]
    again = open_study(first.folder)
    assert (again.quarantine, again.store()) == (first.quarantine, first.store())
    monkeypatch.setattr(prepare, "datetime", Later)
    then = open_study(first.folder)
    assert bench.ids(then) == ["a", "b"]
    assert then.store() != first.store()
    assert first.quarantine.is_file()  # whoever reads the old result still can
    assert open_study(first.folder).quarantine == then.quarantine
