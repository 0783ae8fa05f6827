"""Touchpoints of the data beside those of the catalogue."""

from __future__ import annotations

from pathlib import Path

import cjlab as cj
from cjlab import quality

EVENTS = """customer_id,ts,touchpoint
a,2026-01-01,advert
a,2026-01-02,shop
a,2026-02-01,gift desk
b,2026-01-03,advert
b,2026-01-04,queue
c,2026-02-02,late
"""
CATALOGUE = """pattern,match,touchpoint,stage,channel,owner
advert,exact,Advert,awareness,web,Ann
shop,exact,Shop,purchase,store,
queue,exact,Queue,,store,
phone,exact,Phone,purchase,phone,Bo
late,exact,Late,awareness,,
"""


def study(folder: Path) -> cj.Study:
    (folder / "events.csv").write_text(EVENTS)
    (folder / "touchpoints.csv").write_text(CATALOGUE)
    (folder / "study.yaml").write_text(
        "name: t\ntimezone: UTC\nstages: sm9\ngoal: g\n"
        "sources:\n  events: {path: events.csv}\ntouchpoints: touchpoints.csv\n"
    )
    return cj.open_study(folder)


def test_each_touchpoint_says_where_it_is_known(tmp_path: Path) -> None:
    found = quality.touchpoints(study(tmp_path), "2026-01-01", "2026-02-02").set_index("touchpoint")
    assert found["status"].to_dict() == {
        "Advert": "ok",
        "Shop": "ok",
        "Queue": "unmapped",
        "gift desk": "missing",
        "Phone": "unused",
        "Late": "unused",
    }
    advert, phone = found.loc["Advert"], found.loc["Phone"]
    assert (advert["events"], advert["customers"], advert["reach"]) == (2, 2, 1.0)
    assert (advert["stage"], advert["owner"]) == ("awareness", "Ann")
    assert (phone["events"], phone["reach"], phone["channel"]) == (0, 0.0, "phone")
    assert str(found.loc["gift desk", "first_ts"]) == "2026-02-01 00:00:00"


def test_a_period_without_events_leaves_the_catalogue(tmp_path: Path) -> None:
    found = quality.touchpoints(study(tmp_path), "2030-01-01", "2030-02-01")
    assert set(found["status"]) == {"unused"} and len(found) == 5
