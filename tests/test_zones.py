"""Zone arithmetic in SQL agrees with Python's zoneinfo, change by change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from cjlab.zones import ZoneSQL, changes

ZONES = [
    "UTC",
    "Europe/Stockholm",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Tehran",
]
STEPS = [timedelta(microseconds=m) for m in (-1, 0, 1)] + [
    timedelta(minutes=m) for m in (-1500, -61, -60, -31, -30, -1, 1, 29, 30, 59, 60, 61, 1500)
]


def local_facts(local: datetime, zone: ZoneInfo) -> tuple[bool, bool]:
    """Return whether a local time never occurs, and whether it occurs twice."""
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    back = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    never = back != local
    return never, not never and first.utcoffset() != second.utcoffset()


@pytest.mark.parametrize("name", ZONES)
def test_around_every_change(name: str) -> None:
    zone, sql = ZoneInfo(name), ZoneSQL(name, 2005, 2026)
    instants = [datetime(2005, 1, 1), datetime(2026, 12, 31, 23, 59)]
    instants += [c.instant + step for c in changes(name, 2005, 2026)[1] for step in STEPS]
    shown = [t.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) for t in instants]
    con = duckdb.connect()
    con.execute("CREATE TABLE t (utc TIMESTAMP, shown TIMESTAMP, wall TIMESTAMP)")
    rows = [(t, s, w) for t, s in zip(instants, shown, strict=True) for w in [t]]
    con.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    assert con.sql(f"SELECT count(*) FROM t WHERE {sql.to_local('utc')} <> shown").fetchone() == (
        0,
    )
    found = con.sql(
        f"SELECT wall, {sql.to_utc('wall')}, {sql.never('wall')}, {sql.twice('wall')} FROM t"
    ).fetchall()
    # Walls shifted by the offset straddle each change in local time, too.
    found += con.sql(
        f"SELECT shown, {sql.to_utc('shown')}, {sql.never('shown')}, {sql.twice('shown')} FROM t"
    ).fetchall()
    for wall, utc, never, twice in found:
        assert (never, twice) == local_facts(wall, zone), wall
        if not never:
            first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC).replace(tzinfo=None)
            assert utc == first, wall


def test_a_zone_without_changes() -> None:
    assert changes("Asia/Kolkata", 2000, 2026) == (19800, ())
    sql = ZoneSQL("UTC", 2026, 2026)
    assert (sql.never("x"), sql.twice("x")) == ("FALSE", "FALSE")
