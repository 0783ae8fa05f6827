"""A study, opened: nothing is read before it is asked for, and periods follow the data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cjlab.errors import UserError
from cjlab.study import Study, open_study


def make(tmp_path: Path, days: list[str], **keys: object) -> Study:
    rows = "".join(f"{n},{day},home\n" for n, day in enumerate(days))
    (tmp_path / "e.csv").write_text("customer_id,ts,touchpoint\n" + rows)
    said = {"name": "test", "sources": {"events": {"path": "e.csv"}}} | keys
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(said))
    return open_study(tmp_path)


def test_opening_reads_nothing(tmp_path: Path) -> None:
    study = make(tmp_path, ["2026-01-01"])
    assert "test" in repr(study)
    assert not (tmp_path / ".cjlab").exists()
    assert open_study(str(tmp_path / "study.yaml")).folder == study.folder


def test_engines(tmp_path: Path) -> None:
    make(tmp_path, ["2026-01-01"])
    assert open_study(tmp_path, engine="duckdb").config.engine.kind == "duckdb"
    with pytest.raises(UserError, match=r'engine is "dukdb"\. Did you mean "duckdb"'):
        open_study(tmp_path, engine="dukdb")


@pytest.mark.parametrize(
    ("days", "asked", "start", "end"),
    [
        (["2025-11-05", "2026-07-10"], None, "2026-04-01", "2026-07-01"),
        (["2025-11-05", "2026-07-10"], "month", "2026-06-01", "2026-07-01"),
        (["2025-11-05", "2026-07-10"], "2026Q1", "2026-01-01", "2026-04-01"),
        (["2026-07-05", "2026-07-10"], None, "2026-07-05", "2026-07-11"),  # no whole quarter
        (["2026-07-05"], None, "2026-07-05", "2026-07-06"),  # a single day
        (["2026-07-05T23:30Z", "2026-07-09"], None, "2026-07-06", "2026-07-10"),
    ],
)
def test_periods(tmp_path: Path, days: list[str], asked: str | None, start: str, end: str) -> None:
    period = make(tmp_path, days, timezone="Europe/Oslo").period(asked)
    midnights = [pd.Timestamp(day, tz="Europe/Oslo") for day in (start, end)]
    assert [pd.Timestamp(period.start), pd.Timestamp(period.end)] == midnights


def test_observed_until(tmp_path: Path) -> None:
    study = make(tmp_path, ["2026-01-01", "2026-02-01T12:00Z"])
    assert study.observed_until == datetime(2026, 2, 1, 12, 0, 0, 1)
    assert study.events.count().execute() == 2
    cut = make(tmp_path, ["2026-01-01", "2026-02-01"], observed_until="2026-02-01")
    assert (cut.observed_until, cut.events.count().execute()) == (datetime(2026, 2, 1), 1)
    zoned = make(
        tmp_path, ["2026-01-01"], observed_until="2026-02-01T00:00:00", timezone="Europe/Oslo"
    )
    assert zoned.observed_until == datetime(2026, 1, 31, 23)


def test_the_resolved_study_is_the_same_study(tmp_path: Path) -> None:
    study = make(tmp_path, ["2026-01-01", "2026-02-01"])
    study.write_resolved(study.private / "run" / "study.yaml")
    again = open_study(study.private / "run" / "study.yaml")
    assert again.store() == study.store()
    assert again.private == study.private


def test_unmapped_touchpoints_are_counted(tmp_path: Path) -> None:
    study = make(tmp_path, ["2026-01-01", "2026-02-01"], touchpoints="t.csv")
    (tmp_path / "t.csv").write_text("pattern,match,touchpoint,stage\nshop,exact,shop,purchase\n")
    noted = study.check().query("effect == 'noted'")
    assert noted[["rule", "rows"]].values.tolist() == [["unmapped_stage", 2]]
