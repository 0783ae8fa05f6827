"""Strict and any order, exclusions, later instants: against every chain of events."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_brute import (
    GRID,
    MINUTE,
    STAGES,
    Question,
    Way,
    by_channel,
    by_step,
    clean,
    differences,
    entrant,
    entrants,
    frame_of,
    frames,
    many,
    moment,
    questions,
)
from journey_brute import funnel as by_hand

from cjlab.errors import ChangingAttribute, UserError
from cjlab.journey import Journeys, funnel, reach
from cjlab.stages import StageModel

FEW = settings(max_examples=12)
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])
PLANS = [
    ["a", "b"],
    ["b", "a", "c"],
    ["a", "b", "a"],
    ["a", "a"],
    [["a", "b"], "c", "d"],
    [["a", "b"], ["b", "c"], "a"],
    ["t1", "t2", "t3"],
    ["a", "t1", "b"],
    [["a", "t2"], "t2", "t1"],
]
WAYS = [
    Way("strict"),
    Way("strict", ("t3",)),
    Way("strict", increasing=True),
    Way("any"),
    Way("any", ("d",)),
    Way("ordered", ("d",)),
    Way("ordered", ("b", "t3")),
    Way("ordered", increasing=True),
    Way("ordered", ("d", "t2"), increasing=True),
]
CHANNELS = ["(unknown)", "app", "web"]


def journeys(frame: pd.DataFrame, question: Question | None = None) -> Journeys:
    options = (question or Question()).options()
    return Journeys.from_frame(frame, stages=MODEL, channel="channel", **options)


def options(way: Way) -> dict:
    return {"order": way.order, "exclude": list(way.exclude), "increasing": way.increasing}


def usable(frame: pd.DataFrame) -> bool:
    rows = frame[frame[["customer_id", "ts"]].notna().all(axis=1)]
    return {"t1", "t2", "t3"} <= set(rows["touchpoint"])


def log(*rows: tuple) -> pd.DataFrame:
    """(id, minutes, stage); the touchpoint is the stage."""
    return frame_of([(who, at, stage, stage or "x", "web") for who, at, stage in rows])


def reached(frame: pd.DataFrame, steps: list, **how) -> list[float]:
    found = funnel(journeys(frame), steps=steps, mature_only=False, **how)
    return found.query("metric == 'reached'")["value"].tolist()


@FEW
@given(
    frames().filter(usable),
    questions(),
    st.sampled_from(PLANS),
    st.sampled_from([None, 15, 30, 60]),
    st.sampled_from(WAYS),
)
def test_every_way_equals_the_loops(frame, question, steps, window, way) -> None:
    j, known = journeys(frame, question), clean(frame, question)
    text, span = (None, None) if window is None else (f"{window}min", window * MINUTE)
    got = funnel(j, steps=steps, window=text, **options(way))
    assert not differences(by_step(got), ["step"], by_hand(known, steps, span, way=way))


@pytest.mark.parametrize("number", range(len(WAYS)))
def test_reach_of_each_of_many_customers(number) -> None:
    way, frame = WAYS[number], many(number, 120).drop(columns="who")
    question = Question(until=GRID[-1] * MINUTE, start=(None, 15 * MINUTE)[number % 2])
    j, known = journeys(frame, question), clean(frame, question)
    for steps in (PLANS[number], PLANS[(number + 3) % len(PLANS)]):
        for span in (None, 30 * MINUTE):
            text = None if span is None else "30min"
            got = reach(j, steps=steps, window=text, **options(way))
            assert got["customer_id"].tolist() == sorted(known.seen)
            for row in got.to_dict("records"):
                e = entrant(known, known.seen[row["customer_id"]], steps, span, way)
                assert row["level"] == (0 if e is None else e.level), row
                if e is None:
                    assert pd.isna(row["first_ts"]) and pd.isna(row["last_ts"])
                else:
                    assert row["first_ts"] == moment(e.begun[e.level - 1]), row
                    assert row["last_ts"] == moment(e.done[e.level - 1]), row


@pytest.mark.parametrize("breakdown", ["first", "last", "step", "only"])
@pytest.mark.parametrize("window", [None, 30])
def test_breakdowns_equal_the_loops(breakdown, window) -> None:
    for seed, steps in ((3, ["a", "b", "c"]), (4, ["a", ["a", "b"], "t2"])):
        frame, question = many(seed, 80).drop(columns="who"), Question(until=80 * MINUTE)
        j, known = journeys(frame, question), clean(frame, question)
        span, text = (None, None) if window is None else (window * MINUTE, f"{window}min")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ChangingAttribute)
            got = funnel(j, steps=steps, window=text, by="channel", breakdown=breakdown)
        assert list(dict.fromkeys(got["channel"])) == CHANNELS
        for channel in CHANNELS:
            expected = by_channel(known, steps, span, breakdown, channel)
            assert not differences(by_step(got, channel=channel), ["step"], expected), channel
        several = [e for e in entrants(known, steps, span) if len(e.channels) > 1]
        assert got.attrs["changing"] == len(several) > 0


def test_a_changing_attribute_is_said_with_its_count_and_the_rule() -> None:
    frame = log(("x", 0, "a"), ("x", 5, "b"), ("y", 0, "a"))
    frame["channel"] = ["phone", "pc", "pc"]
    j = journeys(frame)
    with pytest.warns(ChangingAttribute) as caught:
        found = funnel(j, steps=["a", "b"], by="channel")
    (said,) = [warning for warning in caught if warning.category is ChangingAttribute]
    assert str(said.message) == (
        "1 of 2 entrants take more than one value of channel; "
        'breakdown="first" counts the value at the first start.'
    )
    assert said.filename == __file__
    assert found.attrs["changing"] == 1
    alone = funnel(j, steps=["a", "b"], by="channel", breakdown="only")
    assert alone.query("metric == 'reached' and step == 'a'")["value"].tolist() == [1, 0]


def test_two_devices_of_one_customer_are_one_path() -> None:
    """Cutting by device, as retentioneering does, would lose the one conversion there is."""
    frame = log(("x", 0, "a"), ("x", 5, "b"), ("x", 10, "c"), ("y", 0, "a"), ("y", 5, "b"))
    frame["device"] = ["phone", "pc", "phone", "pc", "pc"]
    j = journeys(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChangingAttribute)
        for breakdown, owner in (("first", "phone"), ("last", "phone")):
            found = funnel(j, steps=["a", "b", "c"], by="device", breakdown=breakdown)
            sizes = found.query("metric == 'reached'").set_index(["device", "step"])["value"]
            assert sizes[owner].tolist() == [1, 1, 1]
            assert sizes["pc"].tolist() == [1, 1, 0]
        found = funnel(j, steps=["a", "b", "c"], by="device", breakdown="step")
    sizes = found.query("metric == 'reached'").set_index(["device", "step"])["value"]
    assert sizes["phone"].tolist() == [1, 0, 1] and sizes["pc"].tolist() == [1, 2, 0]
    onward = found.query("metric == 'from_previous'").set_index(["device", "step"])["value"]
    # Both were on a pc at b; one of them got to c.
    assert onward["pc", "c"] == 0.5 and onward["phone", "b"] == 1


def test_strict_lets_nothing_come_between_but_events_without_a_stage() -> None:
    assert reached(
        log(("x", 0, "a"), ("x", 1, None), ("x", 2, "b")), ["a", "b"], order="strict"
    ) == [1, 1]
    assert reached(
        log(("x", 0, "a"), ("x", 1, "d"), ("x", 2, "b")), ["a", "b"], order="strict"
    ) == [1, 0]
    again = log(("x", 0, "a"), ("x", 1, "d"), ("x", 2, "a"), ("x", 3, "b"))
    assert reached(again, ["a", "b"], order="strict") == [1, 1]
    named = log(("x", 0, "a"), ("x", 1, None), ("x", 2, "b"))
    assert reached(named, ["a", "b"], order="strict", exclude="x") == [1, 0]


def test_any_order_takes_the_window_from_the_first_of_the_set() -> None:
    frame = log(("x", 0, "b"), ("x", 30, "a"), ("y", 0, "b"), ("y", 31, "a"))
    assert reached(frame, ["a", "b"], order="any", window="30min") == [2, 1]
    assert reached(frame, ["a", "b"], window="30min") == [2, 0]


def test_an_exclusion_ends_a_run_and_no_other() -> None:
    frame = log(
        ("x", 0, "a"), ("x", 1, "d"), ("x", 2, "b"),
        ("y", 0, "a"), ("y", 1, "d"), ("y", 2, "a"), ("y", 3, "b"),
        ("z", 0, "a"), ("z", 0, "d"), ("z", 2, "d"), ("z", 2, "b"),
    )  # fmt: skip
    assert reached(frame, ["a", "b"], exclude=["d"]) == [3, 2]
    assert reached(frame, ["a", "b"], exclude="d", window="1min") == [3, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "anyhow"}, 'order is "anyhow". Did you mean "any"?'),
        ({"breakdown": "frist", "by": "channel"}, 'breakdown is "frist". Did you mean "first"?'),
        ({"exclude": "bb"}, 'exclude: no stage or touchpoint "bb". Did you mean "b"?'),
        ({"order": "any", "increasing": True}, 'increasing: order="any" has no order'),
    ],
)
def test_a_wrong_choice_is_one_clear_line(options, message) -> None:
    with pytest.raises(UserError) as caught:
        funnel(journeys(log(("x", 0, "a"), ("x", 1, "b"))), steps=["a", "b"], **options)
    assert message in str(caught.value)
