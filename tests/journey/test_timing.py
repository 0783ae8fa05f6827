"""Time in stage against spells found by walking each journey, and against statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from journey_brute import (
    DAY,
    MINUTE,
    STAGES,
    Question,
    clean,
    differences,
    frame_of,
    frames,
    many,
    moment,
    questions,
    stays,
)
from journey_brute import time_in_stage as by_hand
from statsmodels.duration.survfunc import SurvfuncRight

from cjlab.errors import UserError
from cjlab.journey import Journeys, spells, time_in_stage
from cjlab.stages import StageModel

FEW = settings(max_examples=15)
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


def days(minutes: float) -> float:
    return minutes * MINUTE / DAY


def cell(table: pd.DataFrame, stage: str, metric: str) -> pd.Series:
    (found,) = table.query("stage == @stage and metric == @metric").to_dict("records")
    return pd.Series(found)


@FEW
@given(frames().filter(usable), questions())
def test_every_number_equals_the_loops(frame, question) -> None:
    j, known = journeys(frame, question), clean(frame, question)
    for horizon in (None, 40):
        text = None if horizon is None else f"{horizon}min"
        got = time_in_stage(j, horizon=text)
        expected = by_hand(known, None if horizon is None else horizon * MINUTE)
        assert not differences(got, ["stage"], expected)


@pytest.mark.parametrize("view", ["customer", "buying"])
def test_many_spells_equal_the_walk_and_statsmodels(view) -> None:
    frame = many(11)
    question = Question(until=80 * MINUTE, start=15 * MINUTE, view=view)
    j, known = journeys(frame, question), clean(frame, question)
    walked = stays(known)
    table = spells(j).execute()
    got_rows = [
        (MODEL.ids[row.stage], row.start, None if pd.isna(row.exit) else row.exit)
        for row in table.itertuples()
    ]
    expected = [
        (s.stage, moment(s.start), None if s.exit is None else moment(s.exit)) for s in walked
    ]
    assert sorted(got_rows, key=str) == sorted(expected, key=str)
    got = time_in_stage(j)
    assert not differences(got, ["stage"], by_hand(known))
    for stage in STAGES:
        own = [s for s in walked if s.stage == stage]
        if not own:
            continue
        ended = np.array([s.exit is not None for s in own])
        waited = np.array(
            [(known.until - 1 if s.exit is None else s.exit) - s.start for s in own], float
        )
        curve = SurvfuncRight(waited, ended)
        for name, q in (("q25", 0.25), ("median", 0.5), ("q75", 0.75)):
            if np.isclose(curve.surv_prob, 1 - q).any():
                continue  # there the two conventions differ
            theirs = curve.quantile(q) / DAY
            ours = cell(got, stage, name)["value"]
            assert (np.isnan(theirs) and np.isnan(ours)) or theirs == pytest.approx(ours)


def test_segments_equal_the_segment_alone() -> None:
    frame = many(12, 120)
    frame["country"] = np.where(frame["who"] < "c060", "SE", "NO")
    question = Question(until=85 * MINUTE)
    got = time_in_stage(journeys(frame, question), by="country", horizon="30min")
    for name in ("SE", "NO"):
        part = frame[frame["country"] == name].drop(columns=["who", "country"])
        expected = by_hand(clean(part, question), 30 * MINUTE)
        assert not differences(got[got["country"] == name], ["stage"], expected)


def test_an_open_spell_is_censored_not_finished_and_not_left_out() -> None:
    frame = log(("x", 0, "a"), ("x", 10, "b"), ("y", 0, "a"), ("z", 0, "a"), ("z", 40, "b"))
    found = time_in_stage(journeys(frame, Question(until=30 * MINUTE)))
    median = cell(found, "a", "median")
    # One of three has left after 10 minutes; the two others are still there.
    assert pd.isna(median["value"]) and median["note"] == "not_reached"
    assert (median["n"], median["customers"], median["hits"]) == (3, 3, 1)
    assert cell(found, "a", "q25")["value"] == pytest.approx(days(10))


def test_an_event_at_the_end_of_observation_is_not_data() -> None:
    frame = log(("x", 0, "a"), ("x", 30, "b"))
    for until, hits in ((30, 0), (30 + 1 / MINUTE, 1)):
        found = time_in_stage(journeys(frame, Question(until=round(until * MINUTE))))
        assert cell(found, "a", "median")["hits"] == hits
        assert cell(found, "b", "median")["n"] == hits


def test_unmapped_events_do_not_end_a_spell() -> None:
    frame = log(("x", 0, "a"), ("x", 10, None), ("x", 20, "a"), ("x", 30, "zzz"), ("x", 50, "b"))
    found = time_in_stage(journeys(frame))
    assert cell(found, "a", "median")["value"] == pytest.approx(days(50))
    assert cell(found, "a", "median")["n"] == 1


def test_a_spell_belongs_to_the_period_it_starts_in() -> None:
    frame = log(("x", 0, "a"), ("x", 20, "a"), ("x", 30, "b"), ("y", 20, "a"), ("y", 50, "b"))
    found = time_in_stage(journeys(frame, Question(start=15 * MINUTE, end=40 * MINUTE)))
    # x came before the period; y is seen until its end only.
    assert (cell(found, "a", "median")["n"], cell(found, "a", "median")["hits"]) == (1, 0)
    assert cell(found, "b", "median")["n"] == 1


def test_stays_of_no_length_have_no_mean_and_are_no_failure() -> None:
    found = time_in_stage(journeys(log(("x", 0, "a"))))
    mean = cell(found, "a", "rmst")
    assert pd.isna(mean["value"]) and (mean["n"], mean["note"]) == (1, "beyond_observation")
    assert cell(found, "b", "median")["note"] == "no_spells"


def test_time_never_runs_backwards() -> None:
    frame = log(("x", 30, "a"), ("x", 0, "b"), ("y", 10, "b"), ("y", 10, "a"))
    found = time_in_stage(journeys(frame))
    assert not (found[["value", "low", "high"]] < 0).any(axis=None)


def test_wrong_uses_are_one_clear_line() -> None:
    j = journeys(log(("x", 0, "a")).assign(country="SE", start="s"))
    for options, message in (
        ({"by": "contry"}, 'by: no customer attribute "contry". Did you mean "country"?'),
        ({"by": "start"}, 'by: "start" is a name that the metric itself uses'),
        ({"horizon": "1 moon"}, 'horizon is "1 moon"; write for example 30D'),
    ):
        with pytest.raises(UserError) as caught:
            time_in_stage(j, **options)
        assert message in str(caught.value) and "\n" not in str(caught.value)
