"""`cjlab metric`: one question on the command line, answered as it may be shown."""

from __future__ import annotations

import csv
import io
import json
import sys

import pandas as pd
import pytest
import yaml

from cjlab import ask, cli, journey
from cjlab.errors import UserError
from cjlab.study import Study, open_study

SHEET = "=cmd|calc"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Forty customers who see, thirty who want, twelve who buy; one country is rare."""
    folder = tmp_path_factory.mktemp("ask")
    rows = ["customer_id,ts,touchpoint,stage,channel"]
    for who in range(40):
        start = pd.Timestamp("2026-01-05") + pd.Timedelta(who, "h")
        path = ["see", *(["want"] if who < 30 else []), *(["buy"] if who < 12 else [])]
        rows += [
            f"c{who},{start + pd.Timedelta(k, 'D')},{stage},{stage},{SHEET if who % 2 else 'web'}"
            for k, stage in enumerate(path)
        ]
    (folder / "events.csv").write_text("\n".join(rows) + "\n")
    countries = [f"c{who},{'NO' if who < 3 else 'SE'}" for who in range(40)]
    (folder / "customers.csv").write_text("\n".join(["customer_id,country", *countries]) + "\n")
    said = {
        "name": "test",
        "stages": [{"id": "see"}, {"id": "want"}, {"id": "buy", "purchase": True}],
        "sources": {"events": {"path": "events.csv"}, "customers": {"path": "customers.csv"}},
        "report": {"period": "2026"},
        "observed_until": "2026-06-01",
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(said))
    return open_study(folder)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], study: Study):
    """Run `cjlab metric NAME STUDY …`; return exit code, stdout and stderr."""

    def run(name: str, *words: str) -> tuple[int, str, str]:
        command = ["cjlab", "metric", name, str(study.path), *words]
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


def test_a_table_says_value_interval_and_n(call) -> None:
    code, out, err = call("funnel")
    assert (code, err) == (0, "")
    assert "75.0% (59.8–85.8), n 40" in out
    assert "30.0% (18.1–45.4), n 40" in out


def test_csv_and_json_hold_the_same_numbers(call, study: Study) -> None:
    want = journey.funnel(study.journeys(start="2026-01-01", end="2027-01-01"))
    rows = list(csv.DictReader(io.StringIO(call("funnel", "--format", "csv")[1])))
    found = json.loads(call("funnel", "--format", "json")[1])
    assert [row["metric"] for row in rows] == list(want["metric"])
    for table in (rows, found):
        got = [float(row["value"]) if row["value"] else None for row in table]
        assert got == [None if pd.isna(v) else pytest.approx(v) for v in want["value"]]


def test_small_cells_are_withheld_unless_asked_for_in_private(call) -> None:
    words = ("--by", "country", "--format", "json")
    public, private = (
        json.loads(call("funnel", *words, *more)[1]) for more in ((), ("--private",))
    )
    hidden = [row for row in public if row["country"] == "NO"]
    assert {row["status"] for row in hidden} <= {"suppressed", "not_estimable"}
    assert not any(row["value"] or row["n"] for row in hidden)
    assert next(row["value"] for row in private if row["country"] == "NO") == 3


def test_a_table_of_customers_is_private(call) -> None:
    code, out, err = call("reach")
    assert (code, out) == (2, "")
    assert "one row a customer" in err and "--private" in err
    rows = list(csv.DictReader(io.StringIO(call("reach", "--private", "--format", "csv")[1])))
    assert len(rows) == 40


def test_a_spreadsheet_runs_nothing(call) -> None:
    out = call("transitions", "--set", "level=channel", "--format", "csv")[1]
    cells = {row["from"] for row in csv.DictReader(io.StringIO(out))}
    assert cells == {"'" + SHEET, "web"}


@pytest.mark.parametrize(
    ("settings", "want"),
    [
        (["window=1D"], {"window": "1D"}),
        (["steps=see,want|buy"], {"steps": ["see", ["want", "buy"]]}),
        (["order=any", "mature_only=false"], {"order": "any", "mature_only": False}),
    ],
)
def test_options_are_read_as_the_metric_takes_them(study: Study, settings, want) -> None:
    found = ask.answer(study, "funnel", settings=settings, private=True)
    same = journey.funnel(study.journeys(start="2026-01-01", end="2027-01-01"), **want)
    pd.testing.assert_frame_equal(found, same)


def test_the_journeys_have_options_too(study: Study) -> None:
    found = ask.answer(study, "variants", settings=["unit=session", "top=2"], private=True)
    visits = study.journeys(start="2026-01-01", end="2027-01-01", unit="session")
    pd.testing.assert_frame_equal(found, journey.variants(visits, top=2))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("funel", {}, 'no metric "funel". Did you mean "funnel"?'),
        ("funnel", {"settings": ["windw=1D"]}, 'no option "windw". Did you mean "window"?'),
        ("funnel", {"settings": ["window"]}, "Write --set name=value"),
        ("funnel", {"settings": ["mature_only=perhaps"]}, "must be true or false"),
        ("step_matrix", {"settings": ["steps=few"]}, "must be a number"),
        ("funnel", {"by": ["contry"]}, 'Did you mean "country"?'),
        ("reach", {"by": ["country"], "private": True}, "has no by"),
    ],
)
def test_a_wrong_use_is_one_clear_line(study: Study, name, options, said) -> None:
    with pytest.raises(UserError) as caught:
        ask.answer(study, name, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [n for n in journey.METRICS if n != "support_times"])
def test_every_metric_can_be_asked(study: Study, name: str) -> None:
    by = ["country"] if name in ("dropoff_difference", "stay_difference") else []
    found = ask.answer(study, name, by=by, private=True)
    assert len(found)
    assert ask.shown(found, study).rows
    assert len(json.loads(ask.written(found, "json"))) == len(found)
