"""Transitions against a walk through each journey."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_brute import (
    MINUTE,
    STAGES,
    Question,
    clean,
    differences,
    frame_of,
    frames,
    many,
    questions,
)
from journey_brute import transitions as by_hand
from statsmodels.stats.proportion import proportion_confint

from cjlab.errors import UserError
from cjlab.journey import Journeys, transitions
from cjlab.stages import StageModel

FEW = settings(max_examples=15)
LEVELS = ["stage", "touchpoint", "channel"]
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])


def journeys(frame: pd.DataFrame, question: Question | None = None, **more) -> Journeys:
    return Journeys.from_frame(
        frame, stages=MODEL, channel="channel", **{**(question or Question()).options(), **more}
    )


def usable(frame: pd.DataFrame) -> bool:
    return bool(frame[["customer_id", "ts"]].notna().all(axis=1).any())


def log(*rows: tuple) -> pd.DataFrame:
    """(id, minutes, stage)."""
    return frame_of([(who, at, stage, "x", "web") for who, at, stage in rows])


@FEW
@given(frames().filter(usable), questions(), st.sampled_from(LEVELS), st.booleans())
def test_every_number_equals_the_loops(frame, question, level, ends) -> None:
    j, known = journeys(frame, question), clean(frame, question)
    got = transitions(j, level=level, ends=ends)
    assert not differences(got, ["from", "to"], by_hand(known, level, ends))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("ends", [False, True])
def test_many_customers_add_up(level, ends) -> None:
    frame = many(21)
    question = Question(until=80 * MINUTE, start=15 * MINUTE, view="buying")
    j, known = journeys(frame, question), clean(frame, question)
    got = transitions(j, level=level, ends=ends)
    assert not differences(got, ["from", "to"], by_hand(known, level, ends))
    shares = got[got["metric"] == "probability"].groupby("from")["value"].sum()
    np.testing.assert_allclose(shares, 1)
    if ends:
        counted = got[(got["metric"] == "count") & (got["from"] != "(start)")]["value"].sum()
        events = [e for own in known.seen.values() for e in own if known.within(e.ts)]
        assert counted == sum(getattr(e, level) is not None for e in events)


def test_segments_equal_the_segment_alone() -> None:
    frame = many(22, 120)
    frame["country"] = np.where(frame["who"] < "c060", "SE", "NO")
    got = transitions(journeys(frame), by="country", ends=True)
    question = Question(
        until=int((frame["ts"].max() - pd.Timestamp("2026-01-05 10:00")).value) // 1000 + 1
    )
    for name in ("SE", "NO"):
        part = frame[frame["country"] == name].drop(columns=["who", "country"])
        expected = by_hand(clean(part, question), ends=True)
        assert not differences(got[got["country"] == name], ["from", "to"], expected)


def test_one_customer_gives_no_interval() -> None:
    found = transitions(journeys(log(("x", 0, "a"), ("x", 1, "b"), ("x", 2, "a"), ("x", 3, "a"))))
    share = found.query("metric == 'probability' and to == 'b'").iloc[0]
    assert (share["value"], share["n"], share["customers"], share["note"]) == (
        0.5,
        2,
        1,
        "one_customer",
    )
    assert pd.isna(share["low"]) and pd.isna(share["high"])


def test_customers_who_all_agree_count_once_each() -> None:
    # One in five of each customer's moves goes on. Rounding must not pass for spread: in
    # floats 2 − 2 · 0.2 · 10 + 0.2² · 50 is 4e-16.
    rows = [(f"{n}", at, s) for n in range(2) for at, s in enumerate("aaaaab")]
    found = transitions(journeys(log(*rows)))
    share = found.query("metric == 'probability' and to == 'b'").iloc[0]
    low, high = proportion_confint(0.2 * 2, 2, method="wilson")
    assert (share["low"], share["high"]) == (pytest.approx(low), pytest.approx(high))


def test_what_was_not_observed_is_no_next_step() -> None:
    frame = log(("x", 0, "a"), ("x", 30, "b"))
    question = Question(until=30 * MINUTE)
    j = journeys(frame, question)
    assert transitions(j).empty
    ended = transitions(j, ends=True).query("metric == 'count'")
    assert ended[["from", "to"]].values.tolist() == [["(start)", "a"], ["a", "(end)"]]
    event = j.events.execute()
    assert len(event) == 1
    assert (
        event[["next_stage", "next_stage_ts", "next_ts", "next_touchpoint"]].isna().all(axis=None)
    )


def test_the_buying_journey_ends_with_the_purchase() -> None:
    frame = log(("x", 0, "a"), ("x", 1, "c"), ("x", 2, "b"))
    found = transitions(journeys(frame, Question(view="buying")), ends=True)
    pairs = found.query("metric == 'count'")[["from", "to"]].values.tolist()
    assert pairs == [["(start)", "a"], ["a", "c"], ["c", "(end)"]]


def test_ties_follow_the_declared_order_or_the_rows() -> None:
    frame = log(("x", 0, "b"), ("x", 0, "a"))
    for ties, pair in (("stage", ["a", "b"]), ("row", ["b", "a"])):
        found = transitions(journeys(frame, Question(ties=ties)))
        assert found.query("metric == 'count'")[["from", "to"]].values.tolist() == [pair]


def test_seq_comes_before_the_declared_order() -> None:
    frame = log(("x", 0, "a"), ("x", 0, "b"), ("x", 0, "c")).assign(seq=[2, 1, None])
    for ties in ("stage", "row"):
        found = transitions(journeys(frame, Question(ties=ties))).query("metric == 'count'")
        assert found[["from", "to"]].values.tolist() == [["a", "c"], ["b", "a"]]


def test_a_wrong_level_is_one_clear_line() -> None:
    with pytest.raises(UserError, match=r'^level is "chanel"\. Did you mean "channel"\?$'):
        transitions(journeys(log(("x", 0, "a"))), level="chanel")
