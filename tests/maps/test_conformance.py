"""Planned against actual: the alignment by brute force, planted deviations, privacy, open ends."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from functools import cache
from itertools import groupby, permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab import cli, messages
from cjlab.errors import UserError
from cjlab.estimates import dims
from cjlab.journey import Journeys
from cjlab.journey.routes import SUMS, routes
from cjlab.maps import Card, Column, JourneyMap, Lane, plan_of
from cjlab.maps.alignment import align
from cjlab.maps.conformance import Conformance, conformance
from cjlab.maps.deviations import Deviations
from cjlab.stats import proportion
from tests.maps.small import HOSTILE

STAGES = ("look", "buy")
LETTERS = "abcd"


def card(touchpoint: str, **more) -> Card:
    return Card(text=f"Does {touchpoint}", touchpoint=touchpoint, **more)


def planned(look: str, buy: str = "", optional: str = "", **more) -> JourneyMap:
    """A map whose two stages plan one touchpoint for each letter."""
    cells = {
        stage: tuple(card(one, optional=one in optional) for one in letters)
        for stage, letters in (("look", look), ("buy", buy))
        if letters
    }
    columns = [Column(id=stage, label=stage.title()) for stage in STAGES]
    lanes = [Lane(id=lane, label=lane.title()) for lane in ("touchpoints", "actions", "needs")]
    said = {"title": "Plan", "columns": columns, "lanes": lanes, **more}
    return JourneyMap(cards={"touchpoints": cells}, **said)


def journeys(walks: list[str], *, until: str | None = None, days: float = 1, **more) -> Journeys:
    """One customer a walk, a letter a touchpoint, `days` apart; a dot is a pause."""
    rows = [
        (f"c{who:04}", pd.Timestamp("2026-01-01") + pd.Timedelta(days=at * days), letter)
        for who, walk in enumerate(walks)
        for at, letter in enumerate(walk)
        if letter != "."
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "ts", "touchpoint"]).assign(stage="look")
    return Journeys.from_frame(
        log, stages=list(STAGES), touchpoint="touchpoint", observed_until=until, **more
    )


def row(found: Conformance, metric: str, touchpoint: str | None = None, **where) -> pd.Series:
    table = found.table[found.table["metric"] == metric]
    if touchpoint is not None:
        table = table[table["touchpoint"] == touchpoint]
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1, (metric, touchpoint, table)
    return table.iloc[0]


def count(found: Conformance, metric: str, touchpoint: str | None = None, **where) -> tuple:
    one = row(found, metric, touchpoint, **where)
    return int(one["hits"]), int(one["n"])


# --- the alignment, by brute force ------------------------------------------------------------


def brute(events: str, steps: tuple[tuple[str, bool], ...]) -> int:
    """Least cost of aligning events with steps in this very order, by trying all ways."""

    @cache
    def rest(i: int, k: int) -> int:
        if i == len(events) and k == len(steps):
            return 0
        ways = []
        if i < len(events):
            ways.append(1 + rest(i + 1, k))
        if k < len(steps):
            ways.append(int(steps[k][1]) + rest(i, k + 1))
            if i < len(events) and events[i] == steps[k][0]:
                ways.append(rest(i + 1, k + 1))
        return min(ways)

    return rest(0, 0)


def orders(groups: list[tuple[tuple[str, bool], ...]]):
    return [sum(one, ()) for one in product(*(list(permutations(group)) for group in groups))]


def least(events: str, groups: list[tuple[tuple[str, bool], ...]], prefix: bool) -> tuple[int, int]:
    """Cost, and how much was due; of a prefix that costs least, the most that can be due."""
    if not prefix:
        due = sum(need for group in groups for _, need in group)
        return min(brute(events, order) for order in orders(groups)), due
    ways = []
    for whole in range(len(groups)):
        # Of the group in which the journey is, any steps may be all that it has come to.
        for kept in product((False, True), repeat=len(groups[whole])):
            part = tuple(one for one, keep in zip(groups[whole], kept, strict=True) if keep)
            own = [*groups[:whole], part]
            due = sum(need for group in own for _, need in group)
            ways += [(brute(events, order), -due) for order in orders(own)]
    ways.append((brute(events, ()), 0))
    cost, due = min(ways)
    return cost, -due


STEPS = st.lists(st.tuples(st.sampled_from(LETTERS), st.booleans()), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(LETTERS, max_size=6), min_size=1, max_size=5), STEPS, st.booleans(),
    st.booleans(), st.integers(1, 3),
)  # fmt: skip
def test_the_alignment_is_the_cheapest_there_is(
    walks: list[str], steps: list[tuple[str, bool]], prefix: bool, loose: bool, size: int
) -> None:
    # A group takes each touchpoint once.
    groups: list[list[int]] = []
    for place, (letter, _) in enumerate(steps):
        own = groups[-1] if groups else []
        fits = loose and 0 < len(own) < size and letter not in {steps[one][0] for one in own}
        if fits:
            own.append(place)
        else:
            groups.append([place])
    walks = [walk for walk in walks if set(walk) <= {letter for letter, _ in steps}] or [""]
    codes = [ord(letter) for letter, _ in steps]
    needs = [need for _, need in steps]
    sequences = [tuple(map(ord, walk)) for walk in walks]
    found = align(groups, codes, needs, sequences, prefix=prefix)
    told = [tuple(steps[place] for place in group) for group in groups]
    for at, walk in enumerate(walks):
        expected = least(walk, told, prefix)
        assert (found.cost[at], found.due[at]) == expected, walk
        # What is said to be taken is there, in order, and costs what is said.
        places = found.at[at]
        taken = [(step, place) for step, place in enumerate(places.tolist()) if place >= 0]
        assert all(walk[place] == steps[step][0] for step, place in taken)
        assert len({place for _, place in taken}) == len(taken)
        group_of = {step: number for number, group in enumerate(groups) for step in group}
        by_place = [group_of[step] for step, _ in sorted(taken, key=lambda pair: pair[1])]
        assert by_place == sorted(by_place)
        if not prefix:
            skips = sum(need and places[step] < 0 for step, (_, need) in enumerate(steps))
            assert skips + len(walk) - len(taken) == found.cost[at]


def fit(walk: str, steps: str) -> float:
    """Fitness of a walk with a plan without options, loops taken out, second way of computing."""
    events = "".join(
        letter if letter in steps else letter * len(list(own)) for letter, own in groupby(walk)
    )
    cost = brute(events, tuple((step, True) for step in steps))
    return 1 - cost / (len(events) + len(steps))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.text("abcxy", min_size=1, max_size=6), min_size=4, max_size=12))
def test_numbers_are_those_of_each_walk_alone(walks: list[str]) -> None:
    walks = [*walks, "abc"]  # the study knows all of the plan
    found = conformance(planned("a", "bc"), journeys(walks * 10), window=None)
    fits = [fit(walk, "abc") for walk in walks]
    whole = row(found, "fitness")
    assert whole["value"] == pytest.approx(np.mean(fits), abs=6e-5)
    assert whole["n"] == 10 * len(walks)
    own = [10 * sum(value == 1 for value in fits), 10 * len(walks)]
    assert count(found, "as_planned") == tuple(own)
    for letter in "abc":
        here = sum(letter in walk for walk in walks)
        assert count(found, "reached", letter) == (10 * here, 10 * len(walks))
    for letter in set("xy") & set("".join(walks)):
        here = sum(letter in walk for walk in walks)
        assert count(found, "extra", letter) == (10 * here, 10 * len(walks))
    left = found.table[found.table["metric"] == "left"]
    assert left["hits"].sum() == 10 * len(walks)


# --- planted deviations -----------------------------------------------------------------------

PLANTED = {
    "abcd": 40,  # as planned
    "aabbcd": 20,  # loops at a and b
    "abd": 30,  # skips c
    "acbd": 20,  # b and c the other way round
    "abxcd": 25,  # x in between
    "ab": 15,  # leaves after b for nothing
    "abx": 12,  # leaves after b for x
    "abcda": 11,  # comes back to a
}


@pytest.fixture(scope="module")
def found() -> Conformance:
    walks = [walk for walk, n in PLANTED.items() for _ in range(n)]
    return conformance(planned("ab", "cd"), journeys(walks), window=None)


def test_planted_deviations_are_found_exactly(found: Conformance) -> None:
    n = sum(PLANTED.values())
    assert count(found, "journeys") == (n, n)
    assert row(found, "open")["value"] == 0
    assert count(found, "as_planned") == (60, n)
    assert count(found, "reached", "a") == (n, n)
    assert count(found, "reached", "c") == (n - 30 - 15 - 12, n)
    # 27 went before c had its turn; the others came so far.
    assert count(found, "skipped", "c") == (30, n - 27)
    # a, c, b, d: the earlier step counts as in order, so c came too soon.
    assert count(found, "out_of_order", "c") == (20, n - 57)
    assert count(found, "out_of_order", "b") == (0, n)
    repeated = row(found, "repeated", "a")
    assert (repeated["value"], repeated["hits"]) == (pytest.approx(20 / n), 20)
    assert count(found, "returned", "a") == (11, n)
    assert count(found, "returned", "d") == (0, n - 27)
    assert count(found, "left", "b") == (27, n)
    assert count(found, "left", "(completed)") == (n - 27, n)
    assert count(found, "left_to", "b", next="(end)") == (15, 27)
    assert count(found, "left_to", "b", next="x") == (12, 27)
    assert count(found, "extra", "x") == (37, n)
    low, high = proportion(37, n)[1:]
    assert tuple(row(found, "extra", "x")[["low", "high"]]) == pytest.approx((low, high))
    fits = [fit(walk, "abcd") for walk, k in PLANTED.items() for _ in range(k)]
    mean = row(found, "fitness")
    assert mean["value"] == pytest.approx(np.mean(fits), abs=6e-5)
    half = 1.9724 * np.std(fits, ddof=1) / np.sqrt(n)  # Student's t, 172 degrees of freedom
    assert mean["high"] - mean["value"] == pytest.approx(half, rel=2e-3)


def test_examples_are_the_planted_ways(found: Conformance) -> None:
    told = dict(zip(found.examples["path"], found.examples["hits"], strict=True))
    assert told == {
        "a > b > −c > d": 30,
        "a > b > +x > c > d": 25,
        "a > +c > b > −c > d": 20,
        "a > b": 15,
        "a > b > +x": 12,
        "a > b > c > d > +a": 11,
    }
    assert (found.examples["n"] == sum(PLANTED.values())).all()


def test_ways_of_few_are_put_together_and_never_told_by_the_rest() -> None:
    walks = ["ab"] * 30 + ["a"] * 20 + ["b"] * 12 + ["ax"] * 4 + ["axx"] * 3 + ["x"] * 2
    found = conformance(planned("ab"), journeys(walks), window=None)
    told = dict(zip(found.examples["path"], found.examples["hits"], strict=True))
    # a > +x is one way however often x came; with x alone it has nine customers, so b's join them.
    assert told == {"a": 20, "(other)": 21}
    assert row(found, "left_to", "a", next="x")["status"] == "suppressed"
    # Four as planned: what is left of all would tell them.
    rare = conformance(planned("ab"), journeys(["ab"] * 4 + ["a"] * 20 + ["b"] * 12 + ["bx"] * 11),
                       window=None)  # fmt: skip
    assert row(rare, "as_planned")["status"] == "suppressed"
    assert "(other)" not in set(rare.examples["path"])


def test_small_cells_are_withheld_with_what_would_tell_them() -> None:
    walks = ["abc"] * 40 + ["ac"] * 4 + ["a"] * 30
    found = conformance(planned("abc"), journeys(walks), window=None)
    assert row(found, "skipped", "b")["status"] == "suppressed"
    step = found.table[(found.table["touchpoint"] == "b") & (found.table["step"] == 2)]
    for metric in ("reached", "out_of_order", "repeated", "returned"):
        assert step.loc[step["metric"] == metric, "status"].tolist() == ["suppressed"], metric
    assert row(found, "reached", "c")["status"] == "ok"
    shown = found.table[["n", "customers", "hits"]].to_numpy("float64", na_value=0)
    assert not ((shown > 0) & (shown < 10)).any()


# --- open journeys, options, order, units -----------------------------------------------------


def test_an_open_journey_does_not_miss_what_it_has_not_come_to() -> None:
    walks = ["abcd"] * 12 + ["." * 20 + "ab"] * 14 + ["." * 20 + "b"] * 10
    found = conformance(planned("ab", "cd"), journeys(walks, until="2026-01-24"), window="10D")
    assert count(found, "journeys") == (12, 12)
    assert count(found, "open") == (24, 24)
    assert row(found, "fitness")["value"] == 1
    # ab is a fit beginning; b alone has skipped a: cost 1 of 2 due steps and an event.
    expected = (14 * 1 + 10 * 2 / 3) / 24
    assert row(found, "fitness_open")["value"] == pytest.approx(expected, abs=1e-4)
    assert count(found, "skipped", "c") == (0, 12)
    assert count(found, "left", "(completed)") == (12, 12)


def test_the_edge_of_the_window_counts_and_what_is_later_does_not() -> None:
    walks = ["a" + "." * 9 + "b"] * 15 + ["a" + "." * 10 + "b"] * 16
    j = journeys(walks, until="2026-03-01")
    found = conformance(planned("ab"), j, window="10D")
    assert count(found, "as_planned") == (15, 31)
    assert count(found, "left", "a") == (16, 31)
    # Followed for exactly the window is not yet followed for its edge.
    edge = journeys(["ab"] * 12, until="2026-01-11")
    assert row(conformance(planned("ab"), edge, window="10D"), "open")["value"] == 12
    none = conformance(planned("ab"), edge, window="10D")
    assert row(none, "fitness")["note"] == "no_finished_journeys"


def test_options_and_any_order_within_a_stage() -> None:
    walks = ["abc"] * 20 + ["bac"] * 15 + ["ac"] * 11
    j = journeys(walks)
    strict = conformance(planned("ab", "c"), j, window=None)
    assert count(strict, "as_planned") == (20, 46)
    assert count(strict, "out_of_order", "b") == (15, 35)
    loose = conformance(planned("ab", "c"), j, window=None, within="any")
    assert count(loose, "as_planned") == (35, 46)
    assert count(loose, "out_of_order", "b") == (0, 35)
    free = conformance(planned("ab", "c", optional="b"), j, window=None)
    assert count(free, "as_planned") == (31, 46)
    assert not (free.table["metric"].eq("skipped") & free.table["touchpoint"].eq("b")).any()


def test_a_journey_may_begin_with_the_plan() -> None:
    j = journeys(["xxab"] * 20 + ["x"] * 15)
    whole = conformance(planned("ab"), j, window=None)
    assert count(whole, "journeys") == (35, 35) and count(whole, "as_planned") == (0, 35)
    own = conformance(planned("ab"), j, window=None, begin="planned")
    assert count(own, "journeys") == (20, 20) and count(own, "as_planned") == (20, 20)


def test_ties_in_time_take_the_row_order_that_the_journeys_have() -> None:
    rows = [(f"c{who:02}", "2026-01-01", t) for who in range(12) for t in ("b", "a")]
    log = pd.DataFrame(rows, columns=["customer_id", "ts", "touchpoint"])
    log["ts"], log["stage"] = (
        pd.to_datetime(log["ts"]),
        log["touchpoint"].map({"a": "look"} | {"b": "buy"}),
    )
    options = {"stages": list(STAGES), "stage": "stage", "touchpoint": "touchpoint"}
    by_stage = conformance(planned("a", "b"), Journeys.from_frame(log, **options), window=None)
    by_row = conformance(
        planned("a", "b"), Journeys.from_frame(log, ties="row", **options), window=None
    )
    assert count(by_stage, "as_planned") == (12, 12)
    assert count(by_row, "as_planned") == (0, 12)


def test_a_touchpoint_that_is_planned_twice_is_two_steps() -> None:
    j = journeys(["aba"] * 20 + ["ab"] * 12)
    found = conformance(planned("ab", "a"), j, window=None)
    assert [step.touchpoint for step in found.plan.steps] == ["a", "b", "a"]
    assert count(found, "as_planned") == (20, 32)
    assert count(found, "reached", "a", step=3) == (20, 32)
    assert count(found, "returned", "a", step=1) == (0, 32)


def test_sessions_are_journeys_and_limits_count_customers() -> None:
    rows = []
    for who in range(15):
        for day in range(4):
            start = pd.Timestamp("2026-01-01") + pd.Timedelta(days=day)
            walk = "ab" if who < 10 else "a"
            rows += [(f"c{who:02}", start + pd.Timedelta(minutes=at), letter)
                     for at, letter in enumerate(walk)]  # fmt: skip
    log = pd.DataFrame(rows, columns=["customer_id", "ts", "touchpoint"]).assign(stage="look")
    j = Journeys.from_frame(log, stages=list(STAGES), touchpoint="touchpoint", unit="session")
    found = conformance(planned("ab"), j, window=None)
    share = row(found, "as_planned")
    assert (share["value"], share["n"], share["customers"], share["hits"]) == (
        pytest.approx(40 / 60), 60, 15, 10,
    )  # fmt: skip
    # Each customer's four sessions agree: they are worth one, and one less for the mean.
    assert tuple(share[["low", "high"]]) == pytest.approx(tuple(proportion(14 * 2 / 3, 14)[1:]))
    assert row(found, "journeys")["unit"] == "sessions"


def test_segments_are_told_apart_and_add_up() -> None:
    walks = ["ab"] * 20 + ["a"] * 14
    j = journeys(walks)
    log = j.to_ibis().execute()[["customer_id", "ts", "touchpoint"]]
    log["channel"] = np.where(log["customer_id"] < "c0020", "web", "app")
    split = Journeys.from_frame(
        log.assign(stage="look"), stages=list(STAGES), touchpoint="touchpoint", channel="channel"
    )
    found = conformance(planned("ab"), split, window=None, by="channel")
    assert dims(found.table) == ["channel", "step", "touchpoint", "next"]
    assert count(found, "journeys", channel="web") == (20, 20)
    assert count(found, "as_planned", channel="web") == (20, 20)
    assert count(found, "left", "a", channel="app") == (14, 14)
    assert "channel: app" in str(found)


def test_where_and_period_choose_the_journeys() -> None:
    walks = ["ab"] * 12 + ["." * 40 + "ab"] * 14
    log = journeys(walks).to_ibis().execute()[["customer_id", "ts", "touchpoint"]]
    later = Journeys.from_frame(
        log.assign(stage="look"), stages=list(STAGES), touchpoint="touchpoint",
        start="2026-02-01", end="2026-04-01", observed_until="2026-04-01",
    )  # fmt: skip
    assert count(conformance(planned("ab"), later), "as_planned") == (14, 14)


# --- the plan, and what is said ---------------------------------------------------------------


def test_the_plan_is_what_people_wrote() -> None:
    journey_map = planned("ab").with_cards(
        {
            "touchpoints": {
                "look": (Card(text="By data", touchpoint="z", origin="computed"),),
                "buy": (card("b"), card("c"), card("b")),
            },
            "actions": {"look": (card("a"), card("d", optional=True)), "buy": (Card(text="x"),)},
            "needs": {"look": (card("q"),)},
        }
    )
    steps = plan_of(journey_map).steps
    assert [(one.touchpoint, one.stage, one.optional) for one in steps] == [
        ("a", "look", False), ("b", "look", False), ("d", "look", True),
        ("b", "buy", False), ("c", "buy", False),
    ]  # fmt: skip
    assert plan_of(journey_map, "any").groups == [[0, 1, 2], [3, 4]]


def test_faults_are_told_in_one_line() -> None:
    j = journeys(["ab"] * 12)
    with pytest.raises(UserError, match=r'look: the study knows no touchpoint "z" \(card "Does z'):
        conformance(planned("az"), j)
    with pytest.raises(UserError, match=r"the map has no plan: .* write for example"):
        conformance(planned(""), j)
    with pytest.raises(UserError, match=r'within is "anny". Did you mean "any"\?'):
        conformance(planned("ab"), j, within="anny")
    with pytest.raises(UserError, match=r'begin is "plan". Did you mean "planned"\?'):
        conformance(planned("ab"), j, begin="plan")
    with pytest.raises(UserError, match="top is 0"):
        conformance(planned("ab"), j, top=0)


@pytest.fixture(scope="module")
def hostile() -> Journeys:
    j = journeys(["ab"] * 12 + ["a"] * 11)
    log = j.to_ibis().execute()[["customer_id", "ts", "touchpoint"]]
    log["touchpoint"] = log["touchpoint"].replace({"b": HOSTILE})
    return Journeys.from_frame(
        log.assign(stage="look"), stages=list(STAGES), touchpoint="touchpoint"
    )


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_it_speaks_the_language_of_the_map_and_escapes(language: str, hostile: Journeys) -> None:
    journey_map = planned("a", language=language, title=HOSTILE).with_cards(
        {"touchpoints": {"buy": (card(HOSTILE),)}}
    )
    found = journey_map.conformance(hostile, window=None)
    html, text = found._repr_html_(), str(found)
    assert "<script" not in html and "<img" not in html and "&lt;script" in html
    assert "\u202e" not in html + text and "\x07" not in html + text
    assert messages.text("map.plan.metric.reached", language) in text
    assert messages.own("map.plan.title", language) and "c00" not in text


def test_a_window_may_be_a_timedelta() -> None:
    j = journeys(["ab"] * 12, until="2026-02-01")
    told = {str(conformance(planned("ab"), j, window=w)) for w in ("10D", timedelta(days=10))}
    assert len(told) == 1 and "followed for 10 days" in told.pop()


def test_ids_and_small_numbers_never_leave() -> None:
    found = conformance(planned("ab"), journeys(["ab"] * 30 + ["ba"] * 3), window=None)
    assert "< 10" in str(found)
    assert re.search("n.=.33[^0-9]", str(found)) and not re.search("n.=.3[^0-9]", str(found))


def test_many_different_journeys_are_compared_at_once() -> None:
    """20,000 different routes of a plan of eight: the work is in arrays."""
    rng = np.random.default_rng(0)
    sequences = [tuple(rng.integers(0, 8, size)) for size in rng.integers(1, 40, 20_000)]
    found = align([[k] for k in range(8)], range(8), [True] * 8, sequences)
    for at in rng.integers(0, len(sequences), 40):
        walk = "".join(map(str, sequences[at]))
        assert found.cost[at] == brute(walk, tuple((str(k), True) for k in range(8)))


def test_routes_are_cut_and_it_is_said() -> None:
    found = conformance(planned("a"), journeys(["a" + "x" * 210] * 12, days=0.01), window=None)
    assert count(found, "cut") == (12, 12)
    assert row(found, "fitness")["value"] == pytest.approx(1 - 199 / 201, abs=1e-4)


def test_the_same_number_of_journeys_however_they_are_summed() -> None:
    """Sums over customers in small tables, and in the engine as for sessions, are the same."""
    walks = [walk for walk, n in PLANTED.items() for _ in range(n)]
    told = []
    for unit in ("customer", "session"):  # each customer has one session of minutes
        own = routes(journeys(walks, days=1e-3, unit=unit), [], window=None, longest=9)
        found = own.sums(Deviations(plan_of(planned("ab", "cd")), own).summands(3).table)
        told.append(found[["item", *SUMS]].sort_values("item", ignore_index=True))
    pd.testing.assert_frame_equal(*(one.astype("float64") for one in told))


def test_the_command_compares_a_map_with_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = journeys(["ab"] * 12 + ["a"] * 11).to_ibis().execute()
    log[["customer_id", "ts", "touchpoint"]].to_csv(tmp_path / "e.csv", index=False)
    (tmp_path / "study.yaml").write_text(
        "name: Shop\ntimezone: UTC\nobserved_until: 2026-04-01\nsources: {events: {path: e.csv}}\n"
    )
    planned("ab").write(tmp_path / "map.yaml")
    words = ["map", "map.yaml", "--conformance", "study.yaml", "--period", "2026-01"]
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cjlab", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    code, out, err = run(*words)
    assert (code, err) == (0, ""), err
    assert "Wholly as planned: 52.2%" in out and re.search("n.=.23", out)
    planned("").write(tmp_path / "map.yaml")
    code, _, err = run(*words)
    assert code == 2 and err.startswith("cjlab: the map has no plan")
