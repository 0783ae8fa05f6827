"""Variants, step matrix, sessions, friction and value against walks through each journey."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_brute import (
    DAY,
    MINUTE,
    STAGES,
    Known,
    Question,
    clean,
    clustered,
    differences,
    frame_of,
    frames,
    many,
    moment,
    questions,
    rate,
)

from cjlab.errors import UserError
from cjlab.estimates import COLUMNS
from cjlab.journey import Journeys
from cjlab.journey._transitions import transition_matrix, transitions
from cjlab.journey.contacts import contacts
from cjlab.journey.friction import friction
from cjlab.journey.sessions import session_summary, sessions
from cjlab.journey.step_matrix import step_matrix
from cjlab.journey.value import value
from cjlab.journey.variants import variants
from cjlab.stages import StageModel
from cjlab.stats import clustered_ratio

FEW = settings(max_examples=12)
LEVELS = ["stage", "touchpoint", "channel"]
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])


def journeys(frame: pd.DataFrame, question: Question | None = None, **more) -> Journeys:
    options = (question or Question()).options()
    return Journeys.from_frame(frame, stages=MODEL, channel="channel", **{**options, **more})


def usable(frame: pd.DataFrame) -> bool:
    return bool(frame[["customer_id", "ts"]].notna().all(axis=1).any())


def log(*rows: tuple) -> pd.DataFrame:
    """(id, minutes, stage)."""
    return frame_of([(who, at, stage, "x", "web") for who, at, stage in rows])


def walk(events: list, level: str, collapse: bool) -> list[str]:
    """The states of one journey in order."""
    found: list[str] = []
    for event in events:
        state = getattr(event, level)
        if state is not None and not (collapse and found and found[-1] == state):
            found.append(state)
    return found


def begun(known: Known) -> dict[str, list]:
    return {who: events for who, events in known.seen.items() if known.within(events[0].ts)}


# ---------------------------------------------------------------- variants


@FEW
@given(frames().filter(usable), questions(), st.sampled_from(LEVELS), st.booleans(),
       st.sampled_from([2, 20]))  # fmt: skip
def test_variants_equal_the_loops(frame, question, level, collapse, longest) -> None:
    known = clean(frame, question)
    every = Counter()
    for events in begun(known).values():
        states = walk(events, level, collapse)
        shown = [*states[:longest], "…"] if len(states) > longest else states
        every[" > ".join(shown) or f"(no {level})"] += 1
    n = sum(every.values())
    expected = {}
    for path, x in every.items():
        counts = {"n": n, "customers": n, "hits": x}
        expected[path, "count"] = {"value": x, **counts}
        expected[path, "share"] = rate(x, n)
    got = variants(journeys(frame, question), level=level, collapse=collapse, max_length=longest)
    assert not differences(got, ["path"], expected)


def test_most_taken_paths_first_and_the_rest_in_other() -> None:
    frame = many(31)
    every = variants(journeys(frame)).query("metric == 'count'")
    assert every["value"].is_monotonic_decreasing
    top = variants(journeys(frame), top=4)
    counts = top[top["metric"] == "count"]
    assert counts["path"].tolist() == [*every["path"][:4], "(other)"]
    assert counts["value"].sum() == every["value"].sum() == 250
    assert counts["value"].iloc[-1] == every["value"].iloc[4:].sum()
    assert top.attrs["other_variants"] == len(every) - 4
    assert top[top["metric"] == "share"]["value"].sum() == pytest.approx(1)


def test_segments_have_the_same_paths_and_keep_their_totals() -> None:
    frame = many(32, 120)
    frame["country"] = np.where(frame["who"] < "c050", "SE", "NO")
    top = variants(journeys(frame), top=3, by="country").query("metric == 'count'")
    parts = dict(iter(top.groupby("country")))
    assert parts["SE"]["path"].tolist() == parts["NO"]["path"].tolist()
    assert {name: part["value"].sum() for name, part in parts.items()} == {"NO": 70, "SE": 50}
    assert set(parts["SE"]["n"]) == {50}


def test_names_that_hold_the_sign_between_states_stay_apart() -> None:
    frame = frame_of([("p", 0, None, "a > b", None), ("q", 0, None, "a", None),
                      ("q", 1, None, "b", None), ("r", 0, None, "(other)", None),
                      ("s", 0, None, "x\\", None)])  # fmt: skip
    got = variants(journeys(frame, touchpoint="touchpoint"), level="touchpoint")
    assert set(got["path"]) == {"a \\> b", "a > b", "\\(other)", "x\\\\"}


def test_more_than_nine_states_stay_in_order() -> None:
    rows = [("p", at, None, f"t{at:02}", None) for at in range(12)]
    got = variants(journeys(frame_of(rows), touchpoint="touchpoint"), level="touchpoint")
    assert got["path"][0] == " > ".join(f"t{at:02}" for at in range(12))


@pytest.mark.parametrize("options", [{"top": 0}, {"max_length": 0}, {"level": "stages"}])
def test_wrong_options_of_variants_are_one_clear_line(options) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(options))} is "):
        variants(journeys(log(("x", 0, "a"))), **options)


# ---------------------------------------------------------------- step matrix


@FEW
@given(frames().filter(usable), questions(), st.sampled_from(LEVELS), st.booleans())
def test_step_matrix_equals_the_loops(frame, question, level, collapse) -> None:
    known = clean(frame, question)
    own = [walk(events, level, collapse) for events in begun(known).values()]
    own = [states for states in own if states]
    at = [[s[place] if place < len(s) else "(end)" for s in own] for place in range(4)]
    shown = STAGES if level == "stage" else sorted({s for row in at for s in row} - {"(end)"})
    expected = {
        (place + 1, state, "share"): rate(at[place].count(state), len(own))
        for place in range(4)
        for state in [*shown, "(end)"]
    }
    got = step_matrix(journeys(frame, question), steps=4, level=level, collapse=collapse)
    assert not differences(got, ["step", level], expected)
    if own:
        np.testing.assert_allclose(got.groupby("step")["value"].sum(), 1)


def test_a_segment_without_journeys_is_there_with_nulls() -> None:
    frame = log(("x", 0, "a"), ("y", 0, None)).assign(country=["SE", "NO"])
    got = step_matrix(journeys(frame), steps=1, by="country")
    assert got[got["country"] == "NO"]["note"].tolist() == ["no_journeys"] * 5
    assert got[got["country"] == "SE"]["value"].tolist() == [1, 0, 0, 0, 0]


# ---------------------------------------------------------------- sessions


def cut(events: list, gap: int) -> list[list]:
    found: list[list] = []
    for event in events:
        if not found or event.ts - found[-1][-1].ts > gap:
            found.append([])
        found[-1].append(event)
    return found


@FEW
@given(frames().filter(usable), questions(), st.sampled_from([15, 29, 30, 45]))
def test_sessions_equal_the_loops(frame, question, gap) -> None:
    known = clean(frame, question)
    j = journeys(frame, question)
    expected, sizes, waits, owners = [], [], [], []
    for who in sorted(known.seen):
        for number, own in enumerate(cut(known.seen[who], gap * MINUTE)):
            if known.within(own[0].ts):
                ends = (moment(own[0].ts), moment(own[-1].ts))
                expected.append((who, number, *ends, len(own)))
                sizes.append(len(own))
                waits.append((own[-1].ts - own[0].ts) / DAY)
                owners.append(who)
    got = sessions(j, gap=f"{gap}min")
    assert list(got.itertuples(index=False, name=None)) == expected
    summary = session_summary(j, gap=f"{gap}min").set_index("metric")
    assert summary.loc["sessions", "value"] == len(expected)
    if expected:
        mean = clustered_ratio(sizes, np.ones(len(sizes)), owners)
        row = summary.loc["events_per_session"]
        for name in ("value", "low", "high"):
            there, asked = row[name], getattr(mean, name)
            assert math.isclose(there, asked, rel_tol=1e-9) or (math.isnan(there) and
                                                               math.isnan(asked))  # fmt: skip
        assert summary.loc["duration", "value"] == pytest.approx(statistics.median(waits))


def test_only_a_longer_pause_cuts_and_midnight_does_not() -> None:
    frame = log(("x", 14 * 60 - 10, "a"), ("x", 14 * 60 + 20, "a"))
    assert sessions(journeys(frame))["events"].tolist() == [2]
    frame.loc[1, "ts"] += pd.Timedelta(1, "us")
    assert sessions(journeys(frame))["events"].tolist() == [1, 1]


# ---------------------------------------------------------------- friction


@FEW
@given(frames().filter(usable), questions())
def test_friction_equals_the_loops(frame, question) -> None:
    known = clean(frame, question)
    seen = defaultdict(list)
    for who, events in known.seen.items():
        for place, event in enumerate(events):
            if not known.within(event.ts):
                continue
            later = events[place + 1 :]
            stage = next((e.stage for e in later if e.stage), None)
            channel = next((e.channel for e in later if e.channel), None)
            back = None
            if event.stage and stage and stage != event.stage:
                back = STAGES.index(stage) < STAGES.index(event.stage)
            seen[event.touchpoint].append((
                who,
                later[0].touchpoint == event.touchpoint if later else None,
                back,
                channel != event.channel if event.channel and channel else None,
                later[0].ts - event.ts if later else None,
            ))  # fmt: skip
    expected = {}
    for touchpoint, rows in seen.items():
        for at, metric in enumerate(("loops", "backward", "switches"), 1):
            base = [(row[0], "", row[at], None) for row in rows if row[at] is not None]
            fields = {"value": None, "n": len(base)}
            if base:
                share = sum(row[2] for row in base) / len(base)
                hits = len({row[0] for row in base if row[2]})
                people = len({row[0] for row in base})
                fields |= {"value": share, "customers": people, "hits": hits}
                fields |= clustered(base, True, share)
            expected[touchpoint, metric] = fields
        waits = [row[4] for row in rows if row[4] is not None]
        middle = statistics.median(waits) / DAY if waits else None
        expected[touchpoint, "wait"] = {"value": middle, "n": len(waits)}
    assert not differences(friction(journeys(frame, question)), ["touchpoint"], expected)


# ---------------------------------------------------------------- value


def test_value_equals_the_loops_and_other_keeps_the_total() -> None:
    frame = many(33)
    rng = np.random.default_rng(33)
    frame["value"] = np.where(rng.random(len(frame)) < 0.3, rng.integers(-500, 9000, len(frame)), 0)
    frame["value"] = (frame["value"] / 100).where(frame["value"] != 0)
    frame["cost"] = (rng.integers(0, 300, len(frame)) / 100).round(2)
    frame = frame.drop_duplicates(["who", "ts", "stage", "touchpoint", "channel"])
    j = journeys(frame)
    whole = value(j).set_index("metric")
    own = frame.groupby("who")[["value", "cost"]].sum()
    own["margin"] = own["value"] - own["cost"]
    assert whole.loc["customers", "value"] == len(own)
    for name in ("value", "cost", "margin"):
        mean = statistics.mean(own[name])
        half = 1.9695367 * statistics.stdev(own[name]) / math.sqrt(len(own))  # t, 249 degrees
        assert whole.loc[name, "value"] == pytest.approx(own[name].sum())
        row = whole.loc[f"{name}_mean"]
        assert [row["value"], row["low"], row["high"]] == pytest.approx(
            [mean, mean - half, mean + half], rel=1e-5
        )
    parts = value(j, per="variant", top=3)
    assert parts["path"].unique().tolist()[-1] == "(other)"
    for metric in ("customers", "value", "cost", "margin"):
        total = parts.loc[parts["metric"] == metric, "value"].sum()
        assert total == pytest.approx(whole.loc[metric, "value"])


def test_what_the_study_does_not_know_is_null() -> None:
    got = value(journeys(log(("x", 0, "a"), ("y", 0, "b")).assign(value=[1.5, 2]))).set_index(
        "metric"
    )
    assert got.loc["value", "value"] == 3.5
    assert got.loc[["cost", "margin", "margin_mean"], "note"].tolist() == ["no_cost"] * 3
    empty = value(journeys(log(("x", 0, "a")))).set_index("metric")
    assert empty.loc[["value", "margin"], "note"].tolist() == ["no_value"] * 2


# ---------------------------------------------------------------- the known traps


def test_a_change_of_device_does_not_cut_a_journey() -> None:
    rows = [("ann", 0, "a", "phone"), ("ann", 5, "b", "laptop"), ("ann", 9, "c", "phone"),
            ("bo", 0, "a", "laptop"), ("bo", 7, "c", "laptop")]  # fmt: skip
    frame = log(*[row[:3] for row in rows]).assign(device=[row[3] for row in rows])
    pairs = {("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 1}
    got = transitions(journeys(frame)).query("metric == 'count'")
    assert {(r["from"], r["to"]): r["value"] for r in got.to_dict("records")} == pairs
    split = transitions(journeys(frame), by="device").query("metric == 'count'")
    found = {(r["device"], r["from"], r["to"]) for r in split.to_dict("records")}
    assert found == {("phone", "a", "b"), ("laptop", "b", "c"), ("laptop", "a", "c")}
    assert variants(journeys(frame))["path"].unique().tolist() == ["a > b > c", "a > c"]


def test_times_are_never_negative_whatever_the_row_order() -> None:
    frame = log(("x", 9, "c"), ("x", 0, "a"), ("x", 5, "b"), ("y", 3, "b"), ("y", 1, "a"))
    got = transitions(journeys(frame)).query("metric == 'median_time'")
    times = {(r["from"], r["to"]): r["value"] * DAY / MINUTE for r in got.to_dict("records")}
    assert times == {("a", "b"): pytest.approx(3.5), ("b", "c"): pytest.approx(4)}
    waits = friction(journeys(frame)).query("metric == 'wait'")["value"]
    assert waits.iloc[0] * DAY / MINUTE == pytest.approx(4)


def test_the_matrix_holds_the_counts_of_the_transitions() -> None:
    j = journeys(many(34, 80))
    for level in LEVELS:
        table = transition_matrix(j, level=level, ends=True)
        got = transitions(j, level=level, ends=True).query("metric == 'count'")
        for row in got.to_dict("records"):
            assert table.loc[row["from"], row["to"]] == row["value"]
        assert table.to_numpy().sum() == got["value"].sum()


@pytest.mark.parametrize("metric", [variants, step_matrix, friction, session_summary, value])
def test_rows_and_names_of_customers_change_nothing(metric) -> None:
    frame = many(35, 60).drop(columns="who")
    other = frame.sample(frac=1, random_state=0)
    other = other.assign(customer_id="ö" + other["customer_id"].str[::-1])
    pd.testing.assert_frame_equal(metric(journeys(frame)), metric(journeys(other)))


@pytest.mark.parametrize("metric", [variants, step_matrix, friction, session_summary, value])
def test_one_customer_and_nobody(metric) -> None:
    one = metric(journeys(log(("x", 0, "a"), ("x", 1, "b"))))
    assert set(one["customers"].dropna()) <= {0, 1} and not one.empty
    none = metric(journeys(log(("x", 0, "a")), Question(until=0)))
    assert list(none.columns[-len(COLUMNS) :]) == list(COLUMNS)
    assert not (none["value"] > 0).any()


@pytest.mark.parametrize("metric", [variants, step_matrix, friction, session_summary, value])
@pytest.mark.parametrize("name", ["channel", "device", "month"])
def test_segments_of_events_add_up(metric, name) -> None:
    frame = many(36, 50).assign(device="d")
    if metric is step_matrix:
        got = metric(journeys(frame), by=name)
        assert got.drop_duplicates(name if name != "month" else "report_period")["n"].sum() > 45
        return
    first = {"variants": "count", "friction": "loops", "session_summary": "sessions"}
    wanted = f"metric == '{first.get(metric.__name__, 'customers')}'"
    column = "n" if metric is friction else "value"
    whole = metric(journeys(frame)).query(wanted)[column].sum()
    assert metric(journeys(frame), by=name).query(wanted)[column].sum() == whole


@pytest.mark.parametrize("level", ["touchpoint", "channel", "stage"])
@FEW
@given(data=st.data())
def test_contacts_are_customers_counted_once(level: str, data: st.DataObject) -> None:
    frame = data.draw(frames().filter(usable))
    j = journeys(frame)
    known = j.to_ibis().execute()
    whole = known["customer_id"].nunique()
    expected = {}
    for (stage, place), rows in known.assign(at=known["stage"]).groupby(["at", level]):
        base = known[known["stage"] == stage]["customer_id"].nunique()
        base = whole if level == "stage" else base
        expected[stage, place] = (rows["customer_id"].nunique(), base, len(rows))
    found = contacts(j, level=level)
    reach, events = (found[found["metric"] == m] for m in ("reach", "events"))
    got = {
        (a["stage"], a[level]): (a["hits"], a["n"], b["value"])
        for a, b in zip(reach.to_dict("records"), events.to_dict("records"), strict=True)
    }
    assert got == expected
    for row in reach.to_dict("records"):
        wanted = rate(row["hits"], row["n"])
        assert row["value"] == pytest.approx(wanted["value"])
        assert row["low"] == pytest.approx(wanted["low"])
    assert list(dict.fromkeys(found["stage"])) == [s for s in STAGES if s in set(found["stage"])]
