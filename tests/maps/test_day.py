"""A day in the life: planted truths come back, people count and not entries, nobody is told of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import cjlab as cj
from cjlab import privacy
from cjlab.cli import app
from cjlab.diaries import Diary
from cjlab.errors import UserError
from cjlab.estimates import dims
from cjlab.maps import JourneyMap, days, fill
from cjlab.maps.curve import curve
from cjlab.maps.templates import DAY
from cjlab.resample import bootstrap
from cjlab.study import Study
from tests.maps.diaries import CONTACT, SCALED, planted, study_of


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    rows = planted()
    secret = rows["person_id"].isin(["d001", "d003"]) & (rows["activity"] == "Dinner")
    rows.loc[secret, "activity"] = "Dialysis"  # of two people only
    return study_of(tmp_path_factory.mktemp("day") / "shop", rows, SCALED)


@pytest.fixture(scope="module")
def diary(study: Study) -> Diary:
    return cj.maps.diary(study)


@pytest.fixture(scope="module")
def filled(study: Study) -> JourneyMap:
    return JourneyMap.from_study(study, template="day")


def by_part(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[table["metric"] == metric].set_index("part")


def test_planted_truths_come_back(diary: Diary) -> None:
    contact = by_part(cj.maps.day(diary), "day.contact")
    for part in ("morning", "evening"):
        assert contact.loc[part, "low"] < CONTACT[part] < contact.loc[part, "high"]
    assert contact.loc["morning", "high"] < contact.loc["evening", "low"]
    feeling = by_part(cj.maps.day(diary, "feeling"), "day.feeling")
    assert feeling["value"].idxmin() == "midday" and feeling.loc["midday", "high"] < -0.3
    assert (feeling.drop("midday")["low"] > feeling.loc["midday", "high"]).all()


def test_shares_are_counted_by_hand(diary: Diary) -> None:
    own = diary.entries[diary.entries["part"] == "evening"]
    rows = zip(own["person_id"], own["brand"], own["minutes"], strict=True)
    told = [row for row in rows if row[1] is not pd.NA]
    yes = [row for row in told if row[1]]
    shares = cj.maps.day(diary).query("part == 'evening'").set_index("metric")
    assert shares.loc["day.entries", "value"] == len(own) > len(told)
    assert shares.loc["day.contact", "value"] == pytest.approx(len(yes) / len(told))
    assert shares.loc["day.contact", "n"] == len(told)
    people = len({p for p, _, _ in yes}), len({p for p, _, _ in told})
    assert tuple(shares.loc["day.people_contact", ["hits", "n"]]) == people
    time = sum(m for _, _, m in yes) / sum(m for _, _, m in told)
    assert shares.loc["day.contact_time", "value"] == pytest.approx(time)
    dinner = own[own["activity"] == "dinner"]["person_id"].nunique()
    shown = cj.maps.day(diary, "activity").query("part == 'evening' and activity == 'dinner'")
    assert (shown["hits"].item(), shown["n"].item()) == (dinner, own["person_id"].nunique())


def test_hours_add_up_to_parts(diary: Diary) -> None:
    hours = cj.maps.day(diary, by="hour").query("metric == 'day.entries'")
    parts = cj.maps.day(diary).query("metric == 'day.entries'")
    assert hours["hour"].tolist() == list(range(24)) and parts["part"].tolist() == list(DAY)
    assert hours["value"].sum() == parts["value"].sum() == diary.accepted
    noon = diary.entries["at"].dt.hour == 12
    assert hours["value"].iloc[12] == noon.sum() > 0


def test_intervals_are_those_of_resampled_people(diary: Diary) -> None:
    own = diary.entries[diary.entries["part"] == "evening"].dropna(subset=["brand"])
    met = own["brand"].astype(float)
    sums = (
        pd.DataFrame({"x": met, "y": own["level"]}).groupby(own["person_id"]).agg(["sum", "count"])
    )
    n = sums["x", "count"].to_numpy(float)
    for metric, view, y in (
        ("day.contact", "contact", sums["x", "sum"].to_numpy(float)),
        ("day.feeling", "feeling", None),
    ):
        if y is None:
            all_own = diary.entries[diary.entries["part"] == "evening"]
            grouped = all_own.groupby("person_id")["level"].agg(["sum", "count"])
            y, n = grouped["sum"].to_numpy(float), grouped["count"].to_numpy(float)
        low, high = bootstrap(lambda w, y=y, n=n: ((w @ y) / (w @ n))[:, None], len(n), seed=1)
        row = by_part(cj.maps.day(diary, view), metric).loc["evening"]
        assert row["high"] - row["low"] == pytest.approx(float(high[0] - low[0]), rel=0.12)


def test_difference_is_that_of_a_regression_clustered_by_person(diary: Diary) -> None:
    own = diary.entries.dropna(subset=["brand", "level"])
    frame = pd.DataFrame({"y": own["level"], "met": own["brand"].astype(float)})
    groups = pd.factorize(own["person_id"])[0]
    fit = smf.ols("y ~ met", frame).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "df_correction": True}, use_t=True
    )
    row = cj.maps.day(diary, "feeling", by=None).set_index("metric").loc["day.feeling_difference"]
    assert row["value"] == pytest.approx(fit.params["met"])
    # The regression also pays for its two coefficients, of 1,200 entries.
    width = np.ptp(fit.conf_int().loc["met"])
    assert row["high"] - row["low"] == pytest.approx(width, rel=1e-3)


def made(rng: np.random.Generator, people: int = 40, each: int = 8) -> pd.DataFrame:
    """Entries of people who differ a lot: contact .5, feeling .1, and .2 more with contact."""
    who = np.repeat(np.arange(people), each)
    met = rng.random(people * each) < rng.beta(0.7, 0.7, people)[who]
    level = rng.normal(0, 0.3, people)[who] + rng.normal(0, 0.2, people * each) + 0.2 * met
    return pd.DataFrame({
        "person_id": who.astype(str), "brand": pd.array(met, dtype="boolean"), "level": level,
        "minutes": 5.0,
    })  # fmt: skip


def test_intervals_cover_where_people_differ() -> None:
    rng, covered, naive = np.random.default_rng(5), dict.fromkeys(("c", "f", "d"), 0), 0
    for _ in range(60):
        entries = made(rng)
        one = Diary("d.csv", "UTC", 10, (-1.0, 1.0), entries, entries[:0], entries[:0], 320)
        contact = days.day(one, by=None).set_index("metric")
        feeling = days.day(one, "feeling", by=None).set_index("metric")
        for key, table, metric, truth in (
            ("c", contact, "day.contact", 0.5),
            ("f", feeling, "day.feeling", 0.1),
            ("d", feeling, "day.feeling_difference", 0.2),
        ):
            covered[key] += table.loc[metric, "low"] <= truth <= table.loc[metric, "high"]
        naive += abs(entries["level"].mean() - 0.1) <= 1.96 * entries["level"].std() / 320**0.5
    # 57 of 60 are meant; fewer than 51 would happen in one of a thousand tests.
    assert min(covered.values()) >= 51 > 45 > naive


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), times=st.integers(2, 3))
def test_writing_the_same_more_often_makes_nobody_surer(seed: int, times: int) -> None:
    rng = np.random.default_rng(seed)
    once = pd.DataFrame({
        "person_id": [f"p{n % 12}" for n in range(40)], "part": "evening", "hour": 18,
        "brand": pd.array(rng.random(40) < 0.5, dtype="boolean"), "level": rng.uniform(-1, 1, 40),
        "minutes": 5.0, "activity": "x", "place": None, "touchpoint": None, "channel": None,
        "persona": None, "ts": pd.Timestamp("2025-03-03 17:00"),
        "at": pd.Timestamp("2025-03-03 18:00"),
    })  # fmt: skip
    # Four times first: rows are never worth more than they are, which binds where people differ
    # less than chance would have it.
    said, more = (
        Diary("d.csv", "UTC", 10, (-1.0, 1.0), pd.concat([once] * n), once[:0], once[:0], 40)
        for n in (4, 4 * times)
    )
    for view, metric in (("contact", "day.contact"), ("feeling", "day.feeling_difference")):
        one, two = (
            days.day(d, view, by=None).set_index("metric").loc[metric] for d in (said, more)
        )
        for name in ("value", "low", "high"):
            assert one[name] == pytest.approx(two[name])
        assert two["n"] == times * one["n"]


def test_what_is_not_told_is_no_no(tmp_path: Path) -> None:
    rows = planted(people=12, days=2)
    quiet = rows[rows["activity"] != ""].assign(brand="", touchpoint="", feeling="")
    quiet["ts"] = quiet["ts"].str[:-2] + "59"
    both = cj.maps.diary(study_of(tmp_path / "a", pd.concat([rows, quiet]), SCALED))
    alone = cj.maps.diary(study_of(tmp_path / "b", rows, SCALED))
    for view, metric in (("contact", "day.contact"), ("feeling", "day.feeling")):
        one, two = (by_part(cj.maps.day(d, view), metric) for d in (both, alone))
        pd.testing.assert_frame_equal(one, two)
    nothing = Diary(**{**vars(alone), "entries": quiet_of(alone)})
    table = cj.maps.day(nothing)
    shares = table[table["metric"] != "day.entries"]
    assert shares["value"].isna().all() and (shares["status"] == "not_estimable").all()
    assert set(shares["note"]) == {"day_no_entries"}


def quiet_of(diary: Diary) -> pd.DataFrame:
    return diary.entries.assign(brand=pd.array([pd.NA] * diary.accepted, dtype="boolean"))


def test_unanswered_prompts_are_no_entries(diary: Diary) -> None:
    found = cj.maps.day(diary, "coverage", by=None).set_index("metric")
    assert found.loc["day.prompts", "value"] == diary.accepted + diary.unanswered == 1440
    assert found.loc["day.answered", "value"] == pytest.approx(diary.accepted / 1440)
    assert found.loc["day.answered", "low"] < 0.9 < found.loc["day.answered", "high"]
    never = Diary(**{**vars(diary), "prompts": diary.prompts.head(0)})
    row = cj.maps.day(never, "coverage", by=None).set_index("metric").loc["day.answered"]
    assert (row["status"], row["note"]) == ("not_estimable", "day_no_prompts")


def test_few_people_are_not_told_of(diary: Diary, filled: JourneyMap, tmp_path: Path) -> None:
    assert "dialysis" in set(diary.entries["activity"])
    named = cj.maps.day(diary, "activity")
    assert "(other)" in set(named["activity"]) and "dialysis" not in set(named["activity"])
    text = filled.write(tmp_path / "day.json").read_text(encoding="utf-8").casefold()
    assert "dialysis" not in text and "d001" not in text and "breakfast" in text
    # Three people had contact at night: neither side of that night's feelings is shown.
    night = privacy.gate(cj.maps.day(diary, "feeling"))[0].query("part == 'night'")
    hidden = night.set_index("metric")["status"] == "suppressed"
    assert hidden.to_dict() == {
        "day.feeling": False, "day.feeling_with": True, "day.feeling_without": True,
        "day.feeling_difference": True,
    }  # fmt: skip


def test_every_number_is_its_calls_own(filled: JourneyMap, study: Study) -> None:
    shown = filled.numbers()
    assert set(shown["source"]) == {"diary"} and set(shown["period"]) == {"2025-03-03..2025-03-07"}
    tables: dict[str, pd.DataFrame] = {}
    for row in shown.to_dict("records"):
        if row["call"] not in tables:
            tables[row["call"]] = privacy.gate(eval(row["call"], {"cj": cj, "study": study}))[0]
        table = tables[row["call"]]
        same = table["metric"] == row["metric"]
        for name in dims(table):
            same &= table[name].astype("str") == row["where"][name]
        (found,) = table[same].to_dict("records")
        for name in ("value", "low", "high"):
            told = np.nan if row[name] is None else row[name]
            assert told == pytest.approx(found[name], nan_ok=True)
    assert len(shown) > 50 and len(tables) == 7


def test_curve_lanes_and_notes(filled: JourneyMap) -> None:
    lane = next(lane for lane in filled.lanes if lane.kind == "curve")
    points = curve(filled, lane).points
    assert [point.mark for point in points] == ["", "", "", "lowest", "", "highest"]
    assert all(point.span and point.span[0] < point.y < point.span[1] for point in points)
    assert [card.text for card in filled.cell("places", "forenoon")] == ["Office"]
    evening = filled.cell("contact", "evening")
    assert [n.metric for n in evening[0].numbers] == ["day.contact", "day.people_contact"]
    assert {card.touchpoint for card in evening[1:]} == {"app", "newsletter"}
    assert any("no personas in the study" in note for note in filled.notes)
    assert any("night 22–6, morning 6–9" in note for note in filled.notes)


def test_quotes_need_consent(filled: JourneyMap, tmp_path: Path) -> None:
    texts = [card.text for lane, _, card in filled.walk() if lane == "thoughts"]
    persons = [int(text.split("thing ")[1].split()[0]) for text in texts]
    assert len(texts) == 12 and all(person % 2 for person in persons)  # the odd ones said ja
    silent = study_of(tmp_path / "s", planted(people=20, days=1).drop(columns="consent"), SCALED)
    assert "thoughts" not in JourneyMap.from_study(silent, template="day").cards


def test_personas_of_customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted(people=30, days=2)
    rows["person_id"] = "c" + rows["person_id"].str[1:].astype(int).astype(str)
    shop = study_of(tmp_path / "s", rows, SCALED)
    given_ = pd.DataFrame({"customer_id": [f"c{n}" for n in range(25)], "confidence": 1.0})
    given_["persona"] = ["P1" if n < 20 else "P2" for n in range(25)]
    given_.to_parquet(tmp_path / "given.parquet")
    shop.use_personas(tmp_path / "given.parquet")
    called = {"P1": "early", "P2": "late", "P3": "never"}
    monkeypatch.setattr(fill, "_called", lambda study, language: called)
    one = JourneyMap.from_study(shop, template="day", persona="early", language="sv")
    people = one.cell("personas")[1].numbers[0]
    assert (people.value, people.where) == (20, {"persona": "P1"})
    contact = one.cell("contact", "evening")[0].numbers[0]
    mine = rows["person_id"].isin(given_["customer_id"].head(20))
    told = rows[mine & (rows["brand"] != "") & rows["ts"].str.contains(" 19:")]
    assert (contact.n, contact.value) == (len(told), pytest.approx((told["brand"] == "yes").mean()))
    assert any("Några av dagbokens personer" in n for n in
               JourneyMap.from_study(shop, template="day", language="sv").notes)  # fmt: skip
    with pytest.raises(UserError, match=r'diary.csv: none of its people is in the persona "never"'):
        JourneyMap.from_study(shop, template="day", persona="P3")


def test_a_written_day_needs_no_diary(tmp_path: Path) -> None:
    shop = study_of(tmp_path / "s", None, "{file: map.yaml}")
    path = tmp_path / "s" / "map.yaml"
    path.write_text(
        "by: Åsa\ncards: {needs: {intent: [Pay]}}\n"
        "day:\n  activities: {morning: [Packs the bags]}\n"
        "  emotion: {morning: [{text: Stress, level: -0.5}]}\n",
        encoding="utf-8",
    )
    one = JourneyMap.from_study(shop, template="day")
    assert [(lane, part, card.by) for lane, part, card in one.walk()] == [
        ("activities", "morning", "Åsa"), ("emotion", "morning", "Åsa"),
    ]  # fmt: skip
    assert one.period == "" and one.numbers().empty
    path.write_text("day: {activities: {mornin: [x]}}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r'activities: no part of the day "mornin".*"morning"'):
        JourneyMap.from_study(shop, template="day")
    path.write_text("cards: {needs: {intent: [Pay]}}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"study.yaml: nothing to fill a day with; name a diary"):
        JourneyMap.from_study(shop, template="day")


def test_mistakes_are_one_line(study: Study, diary: Diary) -> None:
    with pytest.raises(UserError, match=r'day: no view "contacts". Did you mean "contact"'):
        cj.maps.day(diary, "contacts")
    with pytest.raises(UserError, match=r'cannot be split by "hours". Did you mean "hour"'):
        cj.maps.day(diary, by="hours")
    with pytest.raises(UserError, match=r"day: nobody in diary.csv has a persona in the study"):
        cj.maps.day(diary, by=["persona", "part"])
    with pytest.raises(UserError, match=r"no entry from 2025-04-01 to 2025-07-01; it goes over"):
        JourneyMap.from_study(study, template="day", period="2025Q2")


def test_the_command_line(study: Study, tmp_path: Path) -> None:
    page, path = tmp_path / "day.html", str(study.path)
    done = CliRunner().invoke(app, ["map", path, "--template", "day", "--to", str(page)])
    assert done.exit_code == 0, done.output
    assert "Breakfast" in page.read_text(encoding="utf-8")
    done = CliRunner().invoke(app, ["check", path])
    said = " ".join(done.output.split())
    assert f"diary diary.csv: 1,440 rows in, {cj.maps.diary(study).accepted:,} entries" in said
