"""What changes nothing: row order, names of customers, split files, copies, shifts of time."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_brute import MINUTE, STAGES, Question, frames, many, questions

from cjlab.journey import Journeys, dropoff, funnel, time_in_stage, transitions
from cjlab.stages import BUILT_IN, StageModel, crosswalk, load, relabel

FEW = settings(max_examples=6)
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])


def usable(frame: pd.DataFrame) -> bool:
    return bool(frame[["customer_id", "ts"]].notna().all(axis=1).any())


def answers(frame: pd.DataFrame, question: Question, **more) -> list[pd.DataFrame]:
    """Every metric over a frame."""
    options = {**question.options(), **more}
    j = Journeys.from_frame(frame, stages=MODEL, channel="channel", **options)
    return [
        funnel(j, steps=["a", "b", "a"], window="30min"),
        dropoff(j, steps=["a", ["b", "c"], "d"]),
        time_in_stage(j),
        transitions(j, level="stage", ends=True),
        transitions(j, level="touchpoint"),
        transitions(j, level="channel", ends=True),
    ]


def assert_same(left: list[pd.DataFrame], right: list[pd.DataFrame]) -> None:
    for a, b in zip(left, right, strict=True):
        pd.testing.assert_frame_equal(a, b)


@FEW
@given(frames().filter(usable), questions(), st.randoms(use_true_random=False))
def test_row_order_names_and_copies(frame, question, rng) -> None:
    # By rows the order of equal instants counts, so only the declared order can be free of it.
    question = Question(question.until, question.start, question.end, question.view, "stage")
    base = answers(frame, question)
    rows = list(range(len(frame)))
    rng.shuffle(rows)
    names = {
        who: f"n{place}" for place, who in enumerate(frame["customer_id"].dropna().unique()[::-1])
    }
    other = frame.iloc[[*rows, *rows[:2]]].reset_index(drop=True)
    other["customer_id"] = other["customer_id"].map(names).astype("str")
    assert_same(base, answers(other, question))


@FEW
@given(frames().filter(usable), questions(views=False), st.sampled_from([-1, 7 * 1440, 90_000_007]))
def test_a_shift_of_time(frame, question, minutes) -> None:
    base = answers(frame, question)
    shift = minutes * MINUTE
    moved = Question(
        *(None if v is None else v + shift for v in (question.until, question.start, question.end)),
        question.view,
        question.ties,
    )
    later = frame.assign(ts=frame["ts"] + pd.Timedelta(minutes, "min"))
    assert_same(base, answers(later, moved))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_another_zone_for_the_same_instants(zone) -> None:
    frame = many(31, 60).drop(columns="who")
    question = Question(start=15 * MINUTE, until=85 * MINUTE)
    base = answers(frame, question)

    def local(at: pd.Timestamp) -> pd.Timestamp:
        return at.tz_localize("UTC").tz_convert(zone).tz_localize(None)

    options = {
        name: local(pd.Timestamp(at)).to_pydatetime()
        for name, at in question.options().items()
        if name in ("start", "observed_until")
    }
    moved = frame.assign(ts=frame["ts"].map(local))
    assert_same(base, answers(moved, Question(), timezone=zone, **options))


def test_text_instants_and_offsets_say_the_same() -> None:
    frame = many(32, 40).drop(columns="who")
    question = Question(until=85 * MINUTE)
    base = answers(frame, question)
    zoned = frame["ts"].dt.tz_localize("UTC").dt.tz_convert("America/Caracas")
    assert_same(base, answers(frame.assign(ts=zoned), question))
    assert_same(base, answers(frame.assign(ts=zoned.map(lambda at: at.isoformat())), question))


@pytest.mark.parametrize("target", BUILT_IN)
def test_relabelling_keeps_events_customers_and_value(target) -> None:
    atoms = [*load("sm9").ids, None]
    frame = many(33, 80).drop(columns="who")
    frame["stage"] = pd.Series([atoms[n % 10] for n in range(len(frame))], dtype="str")
    frame["value"] = [n + 0.25 for n in range(len(frame))]  # no two rows alike
    base = Journeys.from_frame(frame, stages="sm9").to_ibis().execute()
    told = Journeys.from_frame(relabel(frame, target), stages=target).to_ibis().execute()
    assert len(told) == len(base)
    assert told["value"].sum() == base["value"].sum() > 0
    assert told["customer_id"].nunique() == base["customer_id"].nunique()
    walk = crosswalk("sm9", target)
    expected = base.assign(stage=base["stage"].map(walk).fillna("(unmapped)").astype("str"))
    for table in (expected, told):
        table["stage"] = table["stage"].fillna("(unmapped)")
    summary = {"ts": "size", "customer_id": "nunique", "value": "sum"}
    pd.testing.assert_frame_equal(
        told.groupby("stage").agg(summary), expected.groupby("stage").agg(summary)
    )
