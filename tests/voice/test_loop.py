"""The closed loop: cases by hand, the team's log, the metrics, and the list that leaves."""

from __future__ import annotations

import csv
import stat
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import voice_small as small

from cjlab import stats
from cjlab.errors import UserError
from cjlab.messages import LANGUAGES
from cjlab.voice import _followup, cases, follow_up, loop, reply
from cjlab.voice._replies import SITUATIONS

EVIL = '=HYPERLINK("http://x","y") {date} {touchpoint} <b>\u202e'
# who, kind, score, scale, touchpoint, local time, text
ANSWERS = [
    ("1", "nps", "6", "10", "pay", "2026-01-05 10:00", "slow"),
    ("1", "csat", "1", "5", "pay", "2026-01-05 10:00", "rude"),  # same instant: same case
    ("2", "nps", "7", "10", "pay", "2026-01-05 10:00", ""),  # not low
    ("3", "csat", "2", "5", "ship", "2026-01-09 16:00", EVIL),  # a Friday
    ("3", "csat", "5", "5", "ship", "2026-02-01 10:00", ""),  # comes back better
    ("4", "ces", "3", "7", "ship", "2026-01-06 10:00", ""),
    ("4", "ces", "2", "7", "ship", "2026-01-20 10:00", ""),  # comes back low
    ("5", "csat", "3", "7", "pay", "2026-01-07 10:00", ""),  # 2 of 5 is 2.5 of 7: not low
    ("6", "csat", "2", "7", "pay", "2026-01-07 10:00", ""),
    ("", "nps", "0", "10", "pay", "2026-01-08 10:00", "nobody known"),
    ("7", "nps", "11", "10", "pay", "2026-01-08 10:00", ""),  # not valid
    ("8", "nps", "2", "10", "pay", "2026-05-30 10:00", ""),  # not due yet
    ("9", "nps", "0", "10", "", "2026-01-08 10:00", ""),  # no touchpoint: its stage
]
LOG = (
    "customer_id;opened;contacted;resolved;outcome;told\n"
    "1;2026-01-05;2026-01-06 09:00;2026-01-10;fixed;yes\n"
    "3;2026-01-09 16:00;2026-01-20 10:00;;;\n"
    "6;;2026-01-07;2026-01-08 10:00;fixed;no\n"
    "77;2026-01-09;2026-01-09;;;\n"
)


def study_of(folder: Path, log: str | None = LOG, **said: object):
    columns = ["customer_id", "kind", "score", "scale", "touchpoint", "ts", "text"]
    answers = pd.DataFrame(ANSWERS, columns=columns)
    events = pd.DataFrame(
        {
            "customer_id": [str(i) for i in range(1, 10)],
            "ts": "2026-01-01 10:00",
            "touchpoint": "visit",
        }
    )
    orders = pd.DataFrame(
        {
            "customer_id": ["1", "6", "4"],
            "ts": ["2026-01-05 10:00", "2026-03-01 10:00", "2026-05-20 10:00"],
            "value": 10,
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "touchpoints.csv").write_text(small.CATALOGUE, encoding="utf-8")
    if log is not None:
        (folder / "log.csv").write_text(log, encoding="utf-8")
        said["cases"] = "log.csv"
    keys = {"touchpoints": "touchpoints.csv", "observed_until": "2026-06-01", "loop": said}
    return small.make(folder, {"events": events, "responses": answers, "orders": orders}, **keys)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return study_of(tmp_path_factory.mktemp("loop"), owners={"awareness": "Brand", "ship": "Ann"})


def test_which_answers_are_cases_and_whose(study):
    found = cases(study)
    assert found.attrs["unmatched"] == 1
    known = found.assign(customer_id=found["customer_id"].fillna("-"))
    rows = known[["customer_id", "kind", "answers", "text", "owner"]].fillna("")
    assert sorted(map(tuple, rows.to_numpy().tolist())) == sorted(
        [
            ("1", "nps", 2, "slow", "Shop"),
            ("3", "csat", 1, found["text"][found["customer_id"] == "3"].iloc[0], "Ann"),
            ("4", "ces", 1, "", "Ann"),
            ("4", "ces", 1, "", "Ann"),
            ("6", "csat", 1, "", "Shop"),
            ("-", "nps", 1, "nobody known", "Shop"),
            ("8", "nps", 1, "", "Shop"),
            ("9", "nps", 1, "", "Brand"),
        ]
    )
    assert found["case"].is_unique and not found["case"].isin(found["customer_id"]).any()
    assert (found["due"] - found["opened"] == pd.Timedelta("48h")).all()
    one = found.set_index("customer_id").loc["1"]
    assert str(one["opened"]) == "2026-01-05 09:00:00"
    assert str(one["resolved"]) == "2026-01-10 22:59:59.999999"  # a day alone: its last moment
    assert (one["outcome"], one["told"]) == ("fixed", True)


def test_the_loop_in_numbers(study):
    table = loop(study).set_index("metric")
    assert (table.loc["cases", "value"], table.loc["cases", "n"]) == (8, 8)
    assert table.loc["anonymous", "value"] == 1
    # Due by the end: 1, 3, 4, 4, 6, 9; in time: 1 and 6.
    share = table.loc["contacted_in_time"]
    assert (share["n"], share["customers"], share["hits"]) == (6, 5, 2)
    assert share["value"] == pytest.approx(2 / 6)
    assert table.loc["not_due", "value"] == 1
    # Answered again within 90 days: 3 better, the first of 4 worse.
    again = table.loc["rescued_score"]
    assert (again["value"], again["n"]) == (0.5, 2)
    assert again["low"] == pytest.approx(stats.proportion(0.5, 1).low)  # worth one answer
    # Purchases after the case: 6; at the very instant (1) or too late (4) is none.
    bought = table.loc["rescued_purchase"]
    assert (bought["n"], bought["hits"]) == (6, 1)
    assert bought["value"] == pytest.approx(1 / 6)
    told = table.loc["told"]
    assert (told["value"], told["n"]) == (0.5, 2)
    # 6 after 14 hours, 1 after 23, 3 after 258, when 4 of 7 are under observation: 15 of 28 wait.
    assert table.loc["contact_median", "note"] == "not_reached"
    assert table.loc["contact_median", "n"] == 7


def test_by_owner_parts_add_up(study):
    whole, parts = loop(study).set_index("metric"), loop(study, by="owner")
    for metric in ("cases", "anonymous", "not_due"):
        assert parts[parts["metric"] == metric]["value"].sum() == whole.loc[metric, "value"]
    ann = parts[parts["owner"] == "Ann"].set_index("metric")
    assert ann.loc["contacted_in_time", "value"] == 0
    fresh = loop(study, "2026-05-01").set_index("metric")
    assert fresh.loc["contacted_in_time", "status"] == "not_yet_observed"
    assert fresh.loc["rescued_purchase", "status"] == "not_yet_observed"
    with pytest.raises(UserError, match='Did you mean "owner"'):
        loop(study, by="ownr")
    none = loop(study, "2027-01-01").set_index("metric")
    assert none.loc["cases", "value"] == 0
    assert none.loc["contacted_in_time", "note"] == "no_cases"


def test_business_hours_and_no_log(tmp_path):
    hours = {"hours": "09:00-17:00", "weekdays": ["mon", "tue", "wed", "thu", "fri"]}
    study = study_of(tmp_path, None, business=hours, sla="2h")
    found = cases(study).set_index("customer_id")
    assert str(found.loc["3", "due"]) == "2026-01-12 09:00:00"  # Monday 10:00 in Stockholm
    table = loop(study).set_index("metric")
    assert (table.loc[["contacted_in_time", "told"], "note"] == "no_case_log").all()
    assert table.loc["contact_median", "value"] != table.loc["contact_median", "value"]


@pytest.mark.parametrize(
    ("log", "said", "message"),
    [
        ("customer_id,contactd\n", {}, 'log.csv: column "contactd" is unknown. Did you mean'),
        ("who,when\n1,2\n", {}, "names neither case nor customer_id"),
        ("customer_id,contacted\n1,soon\n", {}, 'log.csv line 2, column contacted: "soon"'),
        ("customer_id,told\n1,perhaps\n", {}, '"perhaps" is neither yes nor no'),
        ("customer_id,told\n1,yes\n1,no\n", {}, "lines 2 and 3 are about the same case"),
        (LOG, {"owners": {"paay": "x"}}, 'loop.owners: "paay" is neither a touchpoint nor a stage'),
        (LOG, {"scores": {"npss": 6}}, "loop.scores.npss"),
        (LOG, {"scores": {"nps": {}}}, "needs either at_most or at_least"),
        (LOG, {"sla": "soon"}, 'loop.sla: "soon" is no duration'),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path, study, log, said, message, monkeypatch):
    if "owners" not in said and not said:  # the same study with another log: nothing is read anew
        path = tmp_path / "log.csv"
        path.write_text(log, encoding="utf-8")
        changed = study.config.loop.model_copy(update={"cases": str(path)})
        monkeypatch.setattr(study, "config", study.config.model_copy(update={"loop": changed}))
    with pytest.raises(UserError) as error:
        cases(study if not said else study_of(tmp_path, log, **said))
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_list_is_private_and_runs_no_formula(study, tmp_path, suffix):
    table = follow_up(study)
    assert sorted(table["customer_id"]) == ["3", "4", "4", "8", "9"]
    assert table["due"].is_monotonic_increasing
    assert dict(zip(table["customer_id"], table["overdue"], strict=True))["3"] == "no"
    path = tmp_path / f"list{suffix}"
    path.write_text("old")
    _followup.write(table, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        texts = [row["text"] for row in rows]
    else:
        openpyxl = pytest.importorskip("openpyxl")
        sheet = openpyxl.load_workbook(path).active
        heads, *rest = sheet.iter_rows()
        place = [cell.value for cell in heads].index("text")
        texts = [row[place].value or "" for row in rest]
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
        rows = [
            dict(zip([c.value for c in heads], [c.value for c in r], strict=True)) for r in rest
        ]
    evil = next(text for text in texts if "HYPERLINK" in text)
    assert evil.startswith("'=") and "\u202e" not in evil
    assert all("HYPERLINK" not in row["draft"] for row in rows)


def test_cells_hold_no_characters_that_files_refuse():
    assert _followup._cell("+a\x00b\x1b\nc") == "'+ab\nc"
    assert len(_followup._cell("x" * 1_000_000)) == 32_000
    assert _followup._cell(pd.NA) is None and _followup._cell(-5) == -5.0


def test_a_list_goes_nowhere_else(study, tmp_path):
    for path, said in ((tmp_path / "a.pdf", ".pdf"), (tmp_path / "no" / "a.csv", "no folder")):
        with pytest.raises(UserError, match=said):
            _followup.write(pd.DataFrame(), path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_drafts_are_whole_and_hold_no_customer(language):
    seen = set()
    for situation in SITUATIONS:
        text = reply("pay", situation=situation, on=date(2026, 7, 1), language=language)
        assert "{" not in text and "pay" in text and "2026" in text
        seen.add(text)
    assert len(seen) == len(SITUATIONS)
    for hostile in ("<b>x</b>", "=1+1", "x" * 80, "a\nb", "{date}"):
        text = reply(hostile, on=date(2026, 7, 1), language=language)
        assert hostile not in text and text.count("\n\n") == 3
    assert reply("track_delivery", language=language) == reply(
        situation="delivery", language=language
    )


def test_unknown_situations_and_languages():
    with pytest.raises(UserError, match='Did you mean "payment"'):
        reply(situation="paymnt")
    with pytest.raises(UserError, match='no language "xx"'):
        reply(language="xx")
