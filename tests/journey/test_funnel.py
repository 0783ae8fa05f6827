"""The funnel against every chain of events from every start."""

from __future__ import annotations

import itertools

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_brute import (
    GRID,
    MINUTE,
    STAGES,
    Question,
    by_step,
    clean,
    differences,
    frame_of,
    frames,
    many,
    questions,
)
from journey_brute import (
    funnel as by_hand,
)

from cjlab.errors import UserError
from cjlab.journey import Journeys, dropoff, funnel
from cjlab.stages import StageModel

FEW = settings(max_examples=10)
WINDOWS = [None, 15, 30, 45, 90]
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
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])


def journeys(frame: pd.DataFrame, question: Question | None = None, **more) -> Journeys:
    return Journeys.from_frame(
        frame, stages=MODEL, channel="channel", **{**(question or Question()).options(), **more}
    )


def usable(frame: pd.DataFrame) -> bool:
    return bool(frame[["customer_id", "ts"]].notna().all(axis=1).any())


def text(window: int | None) -> str | None:
    return None if window is None else f"{window}min"


def micro(window: int | None) -> int | None:
    return None if window is None else window * MINUTE


def value(table: pd.DataFrame, step: str, metric: str) -> float:
    (found,) = table.query("step == @step and metric == @metric")["value"]
    return found


@FEW
@given(frames().filter(usable), questions(), st.sampled_from(PLANS), st.sampled_from(WINDOWS))
def test_every_number_equals_the_loops(frame, question, steps, window) -> None:
    j, known = journeys(frame, question), clean(frame, question)
    present = set(frame["touchpoint"][frame[["customer_id", "ts"]].notna().all(axis=1)])
    wanted = {part for step in steps for part in ([step] if isinstance(step, str) else step)}
    if not {part for part in wanted if part not in STAGES} <= present:
        with pytest.raises(UserError, match="no stage or touchpoint"):
            funnel(j, steps=steps)
        return
    for mature_only in (True, False):
        got = funnel(j, steps=steps, window=text(window), mature_only=mature_only)
        expected = by_hand(known, steps, micro(window), mature_only)
        assert not differences(by_step(got), ["step"], expected)


@pytest.mark.parametrize("seed", range(len(PLANS)))
def test_each_of_many_customers_is_right_alone(seed) -> None:
    steps = PLANS[seed]
    frame = many(seed)
    question = Question(until=GRID[-1 - seed % 3] * MINUTE, start=(None, 15 * MINUTE)[seed % 2])
    j, known = journeys(frame, question), clean(frame, question)
    for window in (None, 30):
        got = funnel(j, steps=steps, window=text(window), by="who", mature_only=False)
        # Every customer with data is a segment, and nobody else.
        assert set(got["who"]) == set(known.seen)
        places = {label: k for k, label in enumerate(dict.fromkeys(got["step"]))}
        part = got[got["metric"] == "reached"]
        reached = part.assign(k=part["step"].map(places)).set_index(["who", "k"])["value"].to_dict()
        for who in known.seen:
            expected = by_hand(known, steps, micro(window), False, {who})
            for k in range(len(steps)):
                assert reached[who, k] == expected[k, "reached"]["value"], (who, k)
        whole = funnel(j, steps=steps, window=text(window))
        expected = by_hand(known, steps, micro(window))
        assert not differences(by_step(whole), ["step"], expected)


@pytest.mark.parametrize("window", [15, 30, 60])
def test_segments_add_up_and_equal_the_segment_alone(window) -> None:
    frame = many(77, 120)
    countries = {f"c{n:03}": ("SE", "NO", None)[n % 3] for n in range(120)}
    frame["country"] = pd.Series([countries[who] for who in frame["customer_id"]], dtype="str")
    question = Question(until=80 * MINUTE)
    known = clean(frame.drop(columns=["who", "country"]), question)
    got = funnel(
        journeys(frame, question), steps=["a", "b", "c"], window=text(window), by="country"
    )
    assert list(dict.fromkeys(got["country"])) == ["(unknown)", "NO", "SE"]
    for name in ("SE", "NO"):
        members = {who for who, country in countries.items() if country == name}
        expected = by_hand(known, ["a", "b", "c"], micro(window), who=members)
        assert not differences(by_step(got, country=name), ["step"], expected)
        for where in ({"country": name}, ibis._.country == name, {"country": {name}}):
            alone = funnel(
                journeys(frame, question, where=where), steps=["a", "b", "c"], window=text(window)
            )
            assert not differences(by_step(alone), ["step"], expected)


@FEW
@given(frames().filter(usable), st.sampled_from(PLANS[:6]), st.sampled_from(WINDOWS[1:]))
def test_properties_of_the_rates(frame, steps, window) -> None:
    j = journeys(frame, Question(until=300 * MINUTE))
    mature = funnel(j, steps=steps, window=text(window))
    everyone = funnel(j, steps=steps, window=text(window), mature_only=False)
    pd.testing.assert_frame_equal(mature, everyone)
    assert mature.attrs["immature"] == 0
    reached = mature[mature["metric"] == "reached"]["value"]
    assert reached.is_monotonic_decreasing
    # With everyone followed for the whole window the two estimates are one.
    share = mature[mature["metric"] == "from_first"]["value"].to_numpy()
    km = mature[mature["metric"] == "km_conversion"]["value"].to_numpy()
    np.testing.assert_allclose(km, share, rtol=1e-9, atol=1e-12)
    lost = dropoff(j, steps=steps, window=text(window)).set_index("step")
    onward = mature[mature["metric"] == "from_previous"].iloc[1:]
    np.testing.assert_allclose(lost["value"], 1 - onward["value"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(lost["low"], 1 - onward["high"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(lost["high"], 1 - onward["low"], rtol=1e-12, atol=1e-12)
    assert (lost["hits"].to_numpy() == (onward["n"] - onward["hits"]).to_numpy()).all()
    assert (lost["n"].to_numpy() == onward["n"].to_numpy()).all()


def test_a_longer_window_never_loses_a_customer() -> None:
    j = journeys(many(5))
    sizes = [
        funnel(j, steps=["a", "b", "c"], window=w, mature_only=False)
        .query("metric == 'reached'")["value"]
        .to_numpy()
        for w in ("15min", "30min", "31min", "90min", None)
    ]
    assert all((a <= b).all() for a, b in itertools.pairwise(sizes))


# ---------------------------------------------------------------- named cases


def log(*rows: tuple) -> pd.DataFrame:
    """(id, minutes, stage); the touchpoint is the stage."""
    return frame_of([(who, at, stage, stage or "x", "web") for who, at, stage in rows])


def test_the_window_edge_is_inclusive_to_the_microsecond() -> None:
    frame = log(("x", 0, "a"), ("x", 30, "b"), ("y", 0, "a"), ("y", 30, "b"))
    frame.loc[3, "ts"] += pd.Timedelta(1, "us")
    found = funnel(journeys(frame), steps=["a", "b"], window="30min", mature_only=False)
    assert value(found, "b", "reached") == 1


def test_maturity_is_strict() -> None:
    frame = log(("x", 0, "a"), ("y", 10, "a"), ("y", 20, "b"))
    for until, mature in ((30, 0), (30 + 1 / 60e6, 1), (40, 1), (41, 2)):
        found = funnel(
            journeys(frame, Question(until=round(until * MINUTE))),
            steps=["a", "b"],
            window="30min",
        )
        assert found.attrs["immature"] == 2 - mature
        first = found.query("step == 'a' and metric == 'reached'").iloc[0]
        assert (first["status"] == "not_yet_observed") == (mature == 0)
        assert pd.isna(first["value"]) if not mature else first["value"] == mature


def test_a_failed_first_visit_does_not_hide_the_second() -> None:
    frame = log(("x", 0, "a"), ("x", 60, "a"), ("x", 70, "b"))
    found = funnel(journeys(frame), steps=["a", "b"], window="15min")
    assert value(found, "b", "reached") == 1
    assert value(found, "b", "km_conversion") == 1


def test_two_devices_of_one_customer_are_one_journey() -> None:
    frame = log(("x", 0, "a"), ("x", 5, "b"), ("x", 10, "c")).assign(
        device=["phone", "pc", "phone"]
    )
    found = funnel(journeys(frame), steps=["a", "b", "c"], window="15min", mature_only=False)
    assert found.query("metric == 'reached'")["value"].tolist() == [1, 1, 1]


def test_b_before_a_is_no_conversion_and_no_negative_time() -> None:
    frame = log(("x", 0, "b"), ("x", 30, "a"))
    found = funnel(journeys(frame), steps=["a", "b"], window="15min", mature_only=False)
    assert value(found, "a", "reached") == 1
    assert value(found, "b", "reached") == 0
    assert not (found["value"].dropna() < 0).any()


def test_equal_instants_count_in_either_order_but_one_event_serves_one_step() -> None:
    same = log(("x", 0, "a"), ("x", 0, "b"))
    for steps in (["a", "b"], ["b", "a"]):
        assert value(funnel(journeys(same), steps=steps), steps[1], "reached") == 1
    twice = frame_of(
        [("x", 0, "a", "t1", None), ("x", 0, "a", "t2", None), ("x", 0, "b", "t1", None)]
    )
    j = journeys(twice)
    for steps, level in (
        (["a", "a"], 2),
        (["a", "b", "a"], 3),
        (["a", "a", "a"], 2),
        (["a", "t1"], 2),
        (["a", "t1", "t1"], 3),
        (["a", "a", "t1"], 3),
        (["a", "a", "t1", "t1"], 3),
        (["t2", "a", "b", "t1"], 3),
    ):
        found = funnel(j, steps=steps).query("metric == 'reached'")["value"]
        assert int(found.sum()) == level, steps


def test_an_exact_copy_is_no_second_event() -> None:
    frame = log(("x", 0, "a"), ("x", 0, "a"))
    assert funnel(journeys(frame), steps=["a", "a"])["value"].iloc[4] == 0


def test_repeated_steps_have_labels_of_their_own() -> None:
    found = funnel(journeys(log(("x", 0, "a"), ("x", 1, "b"))), steps=["a", "b", "a"])
    assert list(dict.fromkeys(found["step"])) == ["a (1)", "b", "a (3)"]


def test_a_segment_without_entrants_is_shown_and_one_too_young_is_not_yet_known() -> None:
    frame = log(("x", 0, "a"), ("x", 1, "b"), ("y", 0, "b"), ("z", 55, "a"))
    frame["kind"] = ["old", "old", "other", "young"]
    found = funnel(journeys(frame), steps=["a", "b"], window="15min", by="kind")
    part = found.query("step == 'b'").set_index(["kind", "metric"])[["value", "status", "note"]]
    assert part.loc[("old", "from_first"), "value"] == 1
    assert part.loc[("other", "reached"), "value"] == 0
    assert part.loc[("other", "from_first"), "note"] == "nobody_at_step_before"
    for metric in ("reached", "from_first", "from_previous", "km_conversion"):
        assert part.loc[("young", metric), "status"] == "not_yet_observed"
        assert pd.isna(part.loc[("young", metric), "value"])
    assert (
        dropoff(journeys(frame), steps=["a", "b"], window="15min", by="kind")["kind"]
    ).tolist() == [
        "old",
        "other",
        "young",
    ]


def test_km_says_nothing_beyond_what_anyone_was_followed() -> None:
    frame = log(("x", 0, "a"), ("y", 0, "a"), ("y", 5, "b"), ("z", 20, "d"))
    found = funnel(journeys(frame), steps=["a", "b"], window="60min")
    km = found.query("step == 'b' and metric == 'km_conversion'").iloc[0]
    assert pd.isna(km["value"]) and km["note"] == "beyond_observation"
    assert (km["n"], km["hits"]) == (2, 1)


def test_the_purchase_ends_the_buying_journey() -> None:
    frame = log(("x", 0, "a"), ("x", 1, "c"), ("x", 2, "b"), ("y", 0, "a"), ("y", 2, "b"))
    for view, reached in (("customer", 2), ("buying", 1)):
        found = funnel(journeys(frame, Question(view=view)), steps=["a", "b"])
        assert value(found, "b", "reached") == reached


def test_starts_are_taken_from_the_period_and_nothing_after_it_counts() -> None:
    frame = log(
        ("x", 0, "a"),
        ("x", 20, "b"),
        ("y", 15, "a"),
        ("y", 20, "b"),
        ("z", 15, "a"),
        ("z", 30, "b"),
    )
    question = Question(start=15 * MINUTE, end=30 * MINUTE)
    found = funnel(journeys(frame, question), steps=["a", "b"])
    assert found.query("metric == 'reached'")["value"].tolist() == [2, 1]


def test_one_customer_gives_wilson_of_one() -> None:
    found = funnel(journeys(log(("x", 0, "a"), ("x", 1, "b"))), steps=["a", "b"])
    row = found.query("step == 'b' and metric == 'from_first'").iloc[0]
    assert (row["value"], row["n"], row["customers"], row["hits"]) == (1, 1, 1, 1)
    assert row["low"] == pytest.approx(1 / (1 + 1.959963984540054**2))
    assert row["high"] == 1


def test_milestones_are_the_default_steps() -> None:
    model = StageModel.from_config(
        [{"id": "a", "milestone": True}, {"id": "b"}, {"id": "c", "milestone": True}]
    )
    found = funnel(Journeys.from_frame(log(("x", 0, "a"), ("x", 1, "c")), stages=model))
    assert list(dict.fromkeys(found["step"])) == ["a", "c"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": ["a"]}, "a funnel needs at least two steps, and has 1"),
        ({"steps": []}, "a funnel needs at least two steps, and has 0"),
        ({"steps": "ab"}, 'steps is one text; give a list such as ["ab"'),
        ({"steps": ["a", "bb"]}, 'steps: no stage or touchpoint "bb". Did you mean "b"?'),
        ({"steps": ["a", 3]}, 'steps: no stage or touchpoint "3". Valid: a, b, c, d'),
        ({"steps": ["a", []]}, "steps: an empty list is no step"),
        ({"by": "country"}, 'by: no customer attribute "country". Did you mean "county"?'),
        ({"by": "persona"}, "by: personas are not assigned yet"),
        ({"by": "entry"}, 'by: "entry" is a name that the metric itself uses'),
        ({"window": "soon"}, 'window is "soon"; write for example 30D'),
        ({"window": "30"}, 'window is "30"; write for example 30D'),
        ({"window": 30}, 'window is "30"; write for example 30D'),
        ({"window": ""}, 'window is ""; write for example 30D'),
        ({"window": "-1D"}, 'window is "-1D"; it must be at least a microsecond long'),
        ({"window": "10ns"}, 'window is "10ns"; it must be at least a microsecond long'),
    ],
)
def test_a_wrong_use_is_one_clear_line(options, message) -> None:
    j = journeys(log(("x", 0, "a"), ("x", 1, "b")).assign(county="K", entry="e"))
    with pytest.raises(UserError) as caught:
        funnel(j, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
