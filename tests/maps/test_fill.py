"""The filled map: the planted pain first, every number its metric's own, small cells withheld."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cjlab as cj
from cjlab import privacy, samples, stages
from cjlab.errors import UserError
from cjlab.estimates import dims
from cjlab.maps import JourneyMap, evidence, fill, reconcile
from cjlab.maps.retold import retold
from cjlab.study import Study, open_study

NAMES = {"web_planner": "P1", "app_evening": "P2", "store_weekend": "P3"}


def with_truth(study: Study, folder: Path) -> dict[str, str]:
    """Let journeys join the planted personas: what is found is not what is tested here."""
    truth = pd.read_csv(folder / "truth.csv", dtype=str, keep_default_na=False)
    known = {name: f"P{n}" for n, name in enumerate(sorted(set(truth["persona"])), 1)}
    truth["persona"] = truth["persona"].map(known)
    truth.assign(confidence=1.0).to_parquet(folder / "truth.parquet")
    study.use_personas(folder / "truth.parquet")
    return known


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("maps") / "retail"
    samples.make("retail", place)
    (place / "map.yaml").write_text(
        "written: 2026-09-01\nby: Åsa\ncards:\n"
        "  needs: {intent: [Pay without a fuss]}\n"
        "  emotion: {purchase: [{text: Relief, level: 0.6}]}\n"
        "  measures:\n"
        "    intent:\n"
        "    - {text: New pay page, kpi: csat, touchpoint: payment, since: 2026-07-01}\n"
        "    - {text: Fewer fields, kpi: dropoff, since: 2026-08-15, owner: Åsa}\n"
        "    - {text: Later, kpi: dropoff, since: 2027-01-01}\n"
        "    loyalty: [{text: Club call, kpi: nps, since: 2026-08-01}]\n"
        "personas:\n  P1: {desired_actions: {intent: [Try again]}}\n",
        encoding="utf-8",
    )
    text = (place / "study.yaml").read_text(encoding="utf-8")
    (place / "study.yaml").write_text(text + "map: {file: map.yaml}\n", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return open_study(folder)


@pytest.fixture(scope="module")
def known(study: Study, folder: Path) -> dict[str, str]:
    return with_truth(study, folder)


@pytest.fixture(scope="module")
def maps(study: Study, known: dict[str, str]) -> dict[str, JourneyMap]:
    with pytest.MonkeyPatch.context() as patch:
        called = {one: name.replace("_", " ") for name, one in known.items()}
        patch.setattr(fill, "_called", lambda study, language: called)
        return {
            "everybody": fill.fill(study),
            "app": fill.fill(study, persona="app evening", language="fi"),
            "blueprint": fill.fill(study, template="blueprint"),
        }


def test_the_planted_pain_is_ranked_first(
    maps: dict[str, JourneyMap], known: dict[str, str]
) -> None:
    pains = [
        (stage, card)
        for lane, stage, card in maps["everybody"].walk()
        if lane == "pains" and card.rank == 1
    ]
    assert [(stage, card.touchpoint) for stage, card in pains] == [("intent", "payment")]
    (_stage, card) = pains[0]
    assert "app evening" in card.text and card.tone == "pain"
    # Worse on both counts, and beside each number that of the period before.
    assert [n.metric for n in card.numbers] == ["csat", "csat", "dropoff", "dropoff"]
    assert {n.where["persona"] for n in card.numbers} == {known["app_evening"]}
    assert [n.period for n in card.numbers[:2]] == ["2026Q3", "2026Q2"]
    own = [(stage, card.rank) for lane, stage, card in maps["app"].walk() if lane == "pains"]
    assert own == [("intent", 1)]


def test_every_number_is_the_metrics_own(maps: dict[str, JourneyMap], study: Study) -> None:
    """Each call is run again as it is written, and its row is picked by its dimensions."""
    tables: dict[str, pd.DataFrame] = {}
    checked = 0
    for one in maps.values():
        for row in one.numbers().to_dict("records"):
            if row["call"] not in tables:
                fresh = eval(row["call"], {"cj": cj, "study": study})  # our own call, as shown
                tables[row["call"]] = privacy.gate(fresh)[0]
            table = tables[row["call"]]
            same = table["metric"] == row["metric"]
            for name in dims(table):
                same &= table[name].astype("str") == row["where"][name]
            (found,) = table[same].to_dict("records")
            for name in ("value", "low", "high", "n", "customers", "hits"):
                told = np.nan if row[name] is None else row[name]
                wanted = np.nan if pd.isna(found[name]) else found[name]
                assert told == pytest.approx(wanted, abs=1e-9, nan_ok=True), row
            assert row["status"] == found["status"]
            checked += 1
    assert checked > 200


def test_sums_tie_out_with_funnel_and_voice(maps: dict[str, JourneyMap], study: Study) -> None:
    """What the map says of a stage follows from other tables too."""
    j = study.journeys(start="2026-07-01", end="2026-10-01")
    event = j.events.filter(j.within(j.events.ts)).select("unit", "stage").execute()
    stages = dict(enumerate(study.model.ids))
    reach = event.dropna().drop_duplicates()["stage"].map(stages).value_counts()
    funnel = cj.funnel(j, window="30D").set_index(["metric", "step"])["value"]
    shown = maps["everybody"].numbers()
    shown = shown[shown["lane"] == "kpis"].set_index(["metric", "stage"])
    for stage in study.model.ids:
        assert shown.loc[("reach", stage), "hits"] == reach[stage]
        assert shown.loc[("reach", stage), "n"] == event["unit"].nunique()
    lost = 1 - funnel["from_previous", "purchase"]
    assert shown.loc[("dropoff", "intent"), "value"] == pytest.approx(lost, abs=1e-9)
    answers = cj.voice.answers(study, "2026-07-01", "2026-10-01", kinds="csat").execute()
    own = answers[(answers["stage"] == "intent") & answers["valid"]]
    curve = maps["everybody"].cell("emotion", "intent")[0].numbers[0]
    assert (curve.n, curve.value) == (len(own), pytest.approx((own["score"] >= 4).mean(), abs=1e-9))


def test_curve_has_gaps_and_authored_points(maps: dict[str, JourneyMap]) -> None:
    one = maps["everybody"]
    assert not one.cell("emotion", "awareness")
    (point,) = one.cell("emotion", "purchase")
    assert (point.origin, point.level, point.numbers) == ("authored", 0.6, ())
    assert str(point.written) == "2026-09-01" and point.by == "Åsa"
    lowest = [stage for lane, stage, card in one.walk() if lane == "emotion" and card.weakest]
    assert lowest == ["intent"]
    assert evidence.level(one.cell("emotion", "awareness")) == "none"
    assert evidence.level(one.cell("kpis", "intent")) == "single"


def test_lanes_of_people_and_templates(maps: dict[str, JourneyMap]) -> None:
    assert maps["everybody"].cell("needs", "intent")[0].text == "Pay without a fuss"
    assert not maps["everybody"].cell("desired_actions", "intent")
    assert maps["app"].cell("desired_actions", "intent")[0].text == "Try again"
    assert maps["app"].persona_name == "app evening"
    assert maps["app"].lanes[2].label == "Kosketuspisteet"
    times = [card.numbers[0].metric for _l, _s, card in maps["blueprint"].walk() if _l == "times"]
    assert set(times) == {"median"}


def test_small_cells_have_no_number(maps: dict[str, JourneyMap]) -> None:
    shown = pd.concat([one.numbers() for one in maps.values()])
    hidden = shown["status"] == "suppressed"
    assert hidden.any() and shown.loc[hidden, ["value", "low", "high", "n"]].isna().all(axis=None)
    known = shown[shown["value"].notna()]
    assert (known["customers"].fillna(known["n"]).astype(float) >= 10).all()
    assert not known["hits"].dropna().between(1, 9).any()


def test_mistakes_are_one_line(study: Study, maps: dict[str, JourneyMap], folder: Path) -> None:
    with pytest.raises(UserError, match=r'no map is filled as "curent". Did you mean "current"'):
        fill.fill(study, template="curent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fill, "_called", lambda study, language: {"P1": "app evening"})
        with pytest.raises(UserError, match=r'no persona "P11". Did you mean "P1"'):
            fill.fill(study, persona="P11")
        text = (folder / "map.yaml").read_text(encoding="utf-8")
        for bad, said in (
            ("cards: {neds: {intent: [x]}}", r'map.yaml: no lane "neds". Did you mean "needs"'),
            ("cards: {needs: {intnt: [x]}}", r'needs: no stage "intnt". Did you mean "intent"'),
            ("cards: {needs: {intent: [{txt: x}]}}", r"map.yaml: .*text"),
        ):
            (folder / "map.yaml").write_text(bad, encoding="utf-8")
            with pytest.raises(UserError, match=said):
                fill.fill(study)
        (folder / "map.yaml").write_text(text, encoding="utf-8")


def test_a_measure_tells_its_figure_before_and_after(
    maps: dict[str, JourneyMap], study: Study
) -> None:
    told = [card for card in maps["everybody"].cell("measures", "intent") if card.numbers]
    page, fields = told
    assert page.text.startswith("“New pay page”: clearly worse since Jul 1, 2026")
    after, before = page.numbers
    options = {"by": "touchpoint", "pool": "wave"}
    for number, start, end in (
        (after, "2026-07-01", "2026-10-01"),
        (before, "2026-04-01", "2026-07-01"),
    ):
        plain = cj.voice.scores(study, "csat", start=start, end=end, **options)
        row = plain[(plain["metric"] == "csat") & (plain["touchpoint"] == "payment")].iloc[0]
        assert (number.value, number.n) == (row["value"], row["n"])
    assert fields.numbers[0].period == "2026-08-15..2026-10-01"
    assert fields.numbers[1].metric == "dropoff" and "2026-06-29" in fields.numbers[1].call
    club = [card for card in maps["everybody"].cell("measures", "loyalty") if not card.owner]
    assert club[-1].text.startswith("“Club call”: too little is known") and not club[-1].numbers


def test_a_measure_needs_a_figure_that_has_a_better_side(folder: Path) -> None:
    file = folder / "map.yaml"
    written = file.read_text(encoding="utf-8")
    try:
        file.write_text(written.replace("kpi: nps", "kpi: npss"), encoding="utf-8")
        with pytest.raises(UserError, match=r'measures: loyalty: kpi "npss".*Did you mean "nps"'):
            fill.fill(open_study(folder))
    finally:
        file.write_text(written, encoding="utf-8")


def test_the_map_is_told_in_another_stage_model(folder: Path) -> None:
    study = open_study(folder)
    three = fill.fill(study, stages="da3")
    assert [column.id for column in three.columns] == list(stages.load("da3").ids)
    assert three.stage_model == "da3" and study.model.id == "sm9"
    # What people wrote at the intent stands where that went; events in all are the same.
    assert [card.text for card in three.cell("needs", "initial_awareness")] == [
        "Pay without a fuss"
    ]
    told = retold(study, "da3")
    ties = reconcile(study, three)
    assert (ties["difference"].dropna() == 0).all() and ties["difference"].notna().sum() > 5
    events = [one.journeys().to_ibis().count().execute() for one in (study, told)]
    assert events[0] == events[1]
    with pytest.raises(UserError, match="da4"):
        fill.fill(study, stages="da4")
