"""A number's call is asked again and nothing else is; sums that tie out, and what would not."""

from __future__ import annotations

import pandas as pd
import pytest

import cjlab as cj
from cjlab import samples
from cjlab.errors import UserError
from cjlab.maps import JourneyMap, again, reconcile
from cjlab.study import Study, open_study

SPAN = ("2026-07-01T00:00+02:00", "2026-10-01T00:00+02:00")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("ties") / "retail"
    samples.make("retail", folder)
    return open_study(folder)


@pytest.fixture(scope="module")
def drawn(study: Study) -> JourneyMap:
    return JourneyMap.from_study(study)


def test_a_call_is_run_as_it_is_written(study: Study, drawn: JourneyMap) -> None:
    numbers = drawn.numbers()
    calls = {call.split("(")[0]: call for call in numbers["call"]}
    assert len(calls) > 4
    reach = calls["cj.journey.contacts"]
    told = again.table(reach, study)
    plain = eval(reach, {"cj": cj, "study": study})  # our own call
    shown = told["status"] == "ok"
    assert shown.any()
    assert told["value"][shown].equals(plain["value"][shown])


@pytest.mark.parametrize(
    "call",
    [
        "__import__('os').system('true')",
        "cj.report.run(study)",
        "cj.journey.registry(study)",
        "cj.journey.base.log(study)",
        "cj.journey.reach(open('/etc/passwd'))",
        "cj.voice.scores(study, kind=__import__('os'))",
        "cj.voice.scores(study.con, kind='nps')",
        "cj.journey.contacts(study.journeys(where=_.country == 'SE'))",
        "cj.journey.contacts(study.journeys(**{}))",
        "cj.journey.contacts(",
        "1",
        "",
    ],
)
def test_what_is_no_such_call_is_not_run(study: Study, call: str) -> None:
    with pytest.raises(UserError, match="is no call of a metric"):
        again.table(call, study)


def test_the_sample_ties_out(study: Study, drawn: JourneyMap) -> None:
    ties = reconcile(study, drawn)
    assert set(ties["tie"]) == {"numbers", "customers", "dropoff", "events", "answers"}
    assert (ties["difference"].dropna() == 0).all() and ties["difference"].notna().sum() > 15
    events = study.journeys().events.select("ts", "stage").execute()
    begin, end = (pd.Timestamp(at).tz_convert("UTC").tz_localize(None) for at in SPAN)
    within = events[(events["ts"] >= begin) & (events["ts"] < end)]
    by_stage = dict(zip(study.model.ids, within.groupby("stage").size().sort_index(), strict=True))
    told = ties[ties["tie"] == "events"].set_index("place")["on_map"]
    assert {name: int(n) for name, n in told.items()} == {
        name: by_stage[name] for name in told.index
    }


def test_a_number_that_was_touched_up_is_found(study: Study, drawn: JourneyMap) -> None:
    lane, stage, card = next(one for one in drawn.walk() if one[2].numbers)
    first, *others = card.numbers
    better = first.model_copy(update={"value": (first.value or 0) + 0.001})
    card = card.model_copy(update={"numbers": (better, *others)})
    cells = dict(drawn.cards[lane]) | {stage: (card, *drawn.cell(lane, stage)[1:])}
    forged = drawn.model_copy(update={"cards": {**drawn.cards, lane: cells}})
    numbers = reconcile(study, forged).iloc[0]
    assert numbers["tie"] == "numbers" and numbers["difference"] == 1


def test_only_keeps_lanes_in_their_order(drawn: JourneyMap) -> None:
    short = drawn.only("pains", "emotion")
    assert [lane.id for lane in short.lanes] == ["emotion", "pains"]
    assert set(short.cards) <= {"pains", "emotion"}
    with pytest.raises(UserError, match=r'no lane "pain".*pains'):
        drawn.only("pain")
    assert "<html" not in drawn._repr_html_() and "<script" not in drawn._repr_html_()
