"""Curves, exits, times to convert and support times against plain walks over each journey."""

from __future__ import annotations

from functools import partial

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
    mean_within,
    moment,
    quantile,
    questions,
    stays,
    survival,
)
from statsmodels.duration.survfunc import survdiff

from cjlab.errors import UserError
from cjlab.journey.base import Journeys
from cjlab.journey.converting import convert_curve, time_to_convert
from cjlab.journey.exits import exits
from cjlab.journey.stays import stay_curve, stay_difference
from cjlab.journey.support import support_times
from cjlab.stages import StageModel
from cjlab.survival import km

FEW = settings(max_examples=12)
MODEL = StageModel.from_config(
    [{"id": s, "purchase": s == "c", "milestone": s in "abc"} for s in STAGES]
)
POINTS = [m * MINUTE / DAY for m in (0, 10, 20, 40)]


def journeys(frame: pd.DataFrame, question: Question | None = None, **more) -> Journeys:
    options = {**(question or Question()).options(), **more}
    j = Journeys.from_frame(frame, stages=MODEL, channel="channel", **options)
    j.minimum = 1
    return j


def usable(frame: pd.DataFrame) -> bool:
    return bool(frame[["customer_id", "ts"]].notna().all(axis=1).any())


def log(*rows: tuple) -> pd.DataFrame:
    """(id, minutes, stage)."""
    return frame_of([(who, at, stage, "x", "web") for who, at, stage in rows])


def waits_of(known, own) -> list[tuple[int, bool]]:
    return [
        (known.until - 1 - s.start, False) if s.exit is None else (s.exit - s.start, True)
        for s in own
    ]


def conversions(known, start: str = "a", goal: str = "c") -> dict[str, tuple[int, bool]]:
    """First start in the period, first goal at or after it, customer by customer."""
    found = {}
    for who, events in known.seen.items():
        begun = [e.ts for e in events if e.stage == start and known.within(e.ts)]
        if begun:
            done = [e.ts for e in events if e.stage == goal and e.ts >= min(begun)]
            end = min(done) if done else known.until - 1
            found[who] = (end - min(begun), bool(done))
    return found


@FEW
@given(frames().filter(usable), questions())
def test_time_to_convert_equals_the_walk(frame, question) -> None:
    j, known = journeys(frame, question), clean(frame, question)
    own = list(conversions(known).values())
    base = {"n": len(own), "customers": len(own), "hits": sum(done for _, done in own)}
    expected = {
        ("a", "c", name): {**base, **(quantile(own, q) if own else {"value": None})}
        for name, q in (("q25", 0.25), ("median", 0.5), ("q75", 0.75))
    }
    top = max((wait for wait, _ in own), default=0)
    expected["a", "c", "rmst"] = {**base, **mean_within(own, top)}
    assert not differences(time_to_convert(j), ["from", "to"], expected)
    curve = convert_curve(j, points=POINTS, horizon="1D")
    for row, day in zip(curve.to_dict("records"), POINTS, strict=True):
        at = round(day * DAY)
        assert row["hits"] == sum(done and wait <= at for wait, done in own)
        enough = any(wait >= at for wait, _ in own)
        assert (
            row["value"] == pytest.approx(1 - survival(own, at)[0])
            if enough
            else (row["status"] == "not_estimable")
        )


def test_an_order_stamped_before_its_click_is_no_negative_time() -> None:
    frame = log(("x", 5, "c"), ("x", 10, "a"), ("y", 0, "a"), ("y", 20, "c"), ("z", 3, "a"))
    found = time_to_convert(journeys(frame, Question(until=60 * MINUTE)))
    assert not (found[["value", "low", "high"]] < 0).any(axis=None)
    # x ordered before the click: still on the way; z never ordered.
    assert found["n"].tolist() == [3] * 4 and found["hits"].tolist() == [1] * 4
    first = found.query("metric == 'q25'").iloc[0]
    assert first["value"] == pytest.approx(20 * MINUTE / DAY)
    assert found.query("metric == 'median'")["note"].tolist() == ["not_reached"]


@FEW
@given(frames().filter(usable), questions())
def test_curves_and_exits_equal_the_walk(frame, question) -> None:
    j, known = journeys(frame, question), clean(frame, question)
    every = stays(known)
    curve = stay_curve(j, points=POINTS, horizon="1D")
    ways = exits(j, points=POINTS, horizon="1D")
    for stage in STAGES:
        own = [s for s in every if s.stage == stage]
        waits = waits_of(known, own)
        for day in POINTS:
            at = round(day * DAY)
            row = curve.query("stage == @stage and day == @day").iloc[0]
            still = [s for s, (wait, _) in zip(own, waits, strict=True) if wait >= at]
            assert (row["n"], row["customers"]) == (len(still), len({s.who for s in still}))
            shown = ways.query("stage == @stage and day == @day")
            if not still:
                assert row["status"] == "not_estimable" and shown["value"].isna().all()
                continue
            assert row["value"] == pytest.approx(survival(waits, at)[0])
            assert shown["value"].sum() == pytest.approx(1)
            stay = shown.query("exit == '(stay)'").iloc[0]
            assert (stay["value"], stay["n"]) == (pytest.approx(row["value"]), len(own))


def test_exits_are_the_aalen_johansen_loop_and_below_one_minus_km() -> None:
    frame, question = many(5), Question(until=90 * MINUTE)
    j, known = journeys(frame, question), clean(frame, question)
    points = [m * MINUTE / DAY for m in (5, 15, 25)]
    found = exits(j, points=points, horizon="1D").query("stage == 'a' and metric == 'incidence'")
    going = following(known)
    assert set(found["exit"]) == {to for _, to, _ in going if to}
    for row in found.to_dict("records"):
        at = round(row["day"] * DAY)
        s, share = 1.0, 0.0
        for t in sorted({wait for wait, to, _ in going if to and wait <= at}):
            risk = sum(wait >= t for wait, _, _ in going)
            share += s * sum(wait == t and to == row["exit"] for wait, to, _ in going) / risk
            s *= 1 - sum(wait == t and to is not None for wait, to, _ in going) / risk
        assert row["value"] == pytest.approx(share)
        went = {who for wait, to, who in going if to == row["exit"] and wait <= at}
        assert row["hits"] == len(went)
        naive = 1 - survival([(wait, to == row["exit"]) for wait, to, _ in going], at)[0]
        assert row["value"] <= naive + 1e-12
    assert found.query("day == day.max()")["value"].gt(0).sum() > 1


def following(known) -> list[tuple[int, str | None, str]]:
    """Each stay in a: how long, to which stage, who."""
    found = []
    for who in known.seen:
        own = [s for s in stays(known) if s.who == who]
        for place, stay in enumerate(own):
            if stay.stage == "a":
                to = own[place + 1].stage if stay.exit is not None else None
                end = known.until - 1 if stay.exit is None else stay.exit
                found.append((end - stay.start, to, who))
    return found


def test_curves_are_cut_where_few_are_left() -> None:
    frame = log(*[(f"k{n}", 0, "a") for n in range(12)], *[(f"k{n}", n, "b") for n in range(6)])
    j = journeys(frame, Question(until=60 * MINUTE))
    j.minimum = 10
    points = [m * MINUTE / DAY for m in (1, 5, 40)]
    for metric in (stay_curve, exits):
        found = metric(j, points=points, horizon="1D")
        rows = found.query("stage == 'a'")
        assert rows["note"].dropna().unique().tolist() == ["few_at_risk"]
        known = rows[rows["status"] == "ok"]["day"].unique()
        assert known.tolist() == [points[0]]
    # Without a horizon the curve ends at the last day that enough were there to see.
    assert stay_curve(j, points=points)["day"].unique().tolist() == [points[0]]
    assert stay_curve(j)["day"].unique().tolist() == [1.0]


def groups_frame(seed: int = 0) -> pd.DataFrame:
    """One stay each in a, of groups that stay differently long."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(90):
        team, at = "pqr"[n % 3], int(rng.integers(0, 20))
        rows.append((f"k{n}", at, "a", team))
        if rng.random() < 0.8:
            rows.append((f"k{n}", at + int(rng.integers(1, 20 + 20 * (n % 3))), "b", team))
    frame = log(*[row[:3] for row in rows])
    return frame.assign(team=[row[3] for row in rows])


def test_difference_is_the_log_rank_of_statsmodels_with_holm() -> None:
    frame, question = groups_frame(), Question(until=90 * MINUTE)
    j, known = journeys(frame, question), clean(frame, question)
    team = dict(zip(frame["customer_id"], frame["team"], strict=True))
    found = stay_difference(j, by="team").query("stage == 'a'")
    own = [s for s in stays(known) if s.stage == "a"]
    time, ended = map(np.array, zip(*waits_of(known, own), strict=True))
    group = np.array([team[s.who] for s in own])
    whole = found.query("a == '(all)' and metric == 'p'").iloc[0]
    assert whole["value"] == pytest.approx(survdiff(time, ended, group)[1])
    pairs = found.query("a != '(all)' and metric == 'p'")
    assert pairs[["a", "b"]].values.tolist() == [["p", "q"], ["p", "r"], ["q", "r"]]
    for row in pairs.itertuples():
        of = np.isin(group, [row.a, row.b])
        assert row.value == pytest.approx(survdiff(time[of], ended[of], group[of])[1])
        assert row.n == of.sum()
    top = min(max(time[group == g]) for g in "pqr")
    mean = {g: mean_within(list(zip(time[group == g].tolist(), ended[group == g].tolist(),
            strict=True)), int(top)) for g in "pqr"}  # fmt: skip
    for row in found.query("metric == 'rmst_difference'").itertuples():
        assert row.value == pytest.approx(mean[row.a]["value"] - mean[row.b]["value"])
        halves = [(mean[g]["high"] - mean[g]["low"]) / 2 for g in (row.a, row.b)]
        assert row.high - row.value == pytest.approx(np.hypot(*halves), rel=1e-6)
    assert (found.query("metric == 'p_adjusted'")["value"].to_numpy()
            >= found.query("metric == 'p'")["value"].to_numpy() - 1e-12).all()  # fmt: skip


def test_a_group_that_was_never_there_has_no_difference() -> None:
    frame = log(("x", 0, "a"), ("x", 9, "b"), ("y", 0, "b")).assign(team=["p", "p", "q"])
    found = stay_difference(journeys(frame), by="team")
    assert set(found.query("stage == 'a'")["note"]) == {"no_spells"}
    assert found.query("stage == 'd'")["n"].eq(0).all()
    with pytest.raises(UserError, match="name what makes the groups"):
        stay_difference(journeys(frame), by=[])


METRICS = {
    "stay_curve": partial(stay_curve, points=POINTS),
    "exits": partial(exits, points=POINTS),
    "time_to_convert": time_to_convert,
    "convert_curve": partial(convert_curve, points=POINTS),
}


@pytest.mark.parametrize("name", METRICS)
def test_segments_equal_the_segment_alone_and_row_order_cannot_matter(name) -> None:
    metric, frame = METRICS[name], many(7)
    frame["team"] = frame["customer_id"].map(lambda who: "pq"[len(str(who)) % 2])
    question = Question(until=80 * MINUTE)
    split = metric(journeys(frame, question), by="team", horizon="2h")
    for team in ("p", "q"):
        j = journeys(frame, question, where={"team": team})
        part = split.query("team == @team").drop(columns="team").reset_index(drop=True)
        alone = metric(j, horizon="2h").set_index(
            list(part.columns[: part.columns.get_loc("value")])
        )
        both = part.set_index(alone.index.names)
        pd.testing.assert_frame_equal(
            both[both["n"] > 0].dropna(subset="value"),
            alone.reindex(both[both["n"] > 0].dropna(subset="value").index),
            check_dtype=False,
        )
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        metric(journeys(shuffled, question), by="team", horizon="2h"), split
    )


def test_channel_is_that_of_the_first_event() -> None:
    frame = frame_of(
        [("x", 0, "a", "t", "web"), ("x", 5, "a", "t", "app"), ("x", 9, "c", "t", "app")]
    )
    found = time_to_convert(journeys(frame), by="channel").query("metric == 'q25'")
    assert found.set_index("channel")["n"].to_dict() == {"app": 0, "web": 1}
    curve = stay_curve(journeys(frame), by="channel", points=POINTS[:1], horizon="1D")
    assert curve.query("stage == 'a' and channel == 'web'")["n"].tolist() == [1]


def test_the_buying_view_ends_with_the_purchase() -> None:
    frame = log(("x", 0, "a"), ("x", 5, "c"), ("x", 9, "d"), ("x", 12, "c"))
    j = journeys(frame, Question(view="buying"))
    assert exits(j, points=[0], horizon="1D").query("stage == 'c'")["n"].eq(0).all()
    assert stay_curve(j, points=[0], horizon="1D").query("stage == 'd'")["n"].eq(0).all()
    assert time_to_convert(j)["hits"].eq(1).all()


def test_wrong_uses_are_one_clear_line() -> None:
    j = journeys(log(("x", 0, "a")))
    for call, words in (
        (lambda: time_to_convert(j, start="aa"), 'start: no stage or touchpoint "aa"'),
        (lambda: time_to_convert(j, goal="a"), 'start and goal are both "a"'),
        (lambda: convert_curve(j, points=[-1]), "points: give the days"),
        (lambda: exits(j, points=[]), "points: give the days"),
        (lambda: stay_curve(j, by="tema"), 'by: no customer attribute "tema"'),
        (lambda: support_times(j), "sources.tickets"),
    ):
        with pytest.raises(UserError) as caught:
            call()
        assert words in str(caught.value) and "\n" not in str(caught.value)


# ---------------------------------------------------------------- tickets


def with_tickets(rows: list[tuple], **options) -> Journeys:
    """Tickets (customer, opened, first_reply, solved in minutes, topic)."""
    who = sorted({row[0] for row in rows})
    j = journeys(log(*[(name, 0, "a") for name in who]), **options)
    at = {
        name: pd.to_datetime(
            [None if row[k] is None else moment(row[k] * MINUTE) for row in rows]
        ).astype("datetime64[us]")
        for k, name in ((1, "opened"), (2, "first_reply"), (3, "solved"))
    }
    frame = pd.DataFrame({"customer_id": [r[0] for r in rows], **at, "topic": [r[4] for r in rows]})
    j.con.con.register("ticket_frame", frame)
    j.con.con.execute("CREATE TABLE tickets AS SELECT * FROM ticket_frame")
    return j


def test_support_times_equal_kaplan_meier_with_open_tickets_censored() -> None:
    rng = np.random.default_rng(2)
    rows = []
    for n in range(60):
        opened = int(rng.integers(0, 100))
        reply = opened + int(rng.integers(0, 40)) if rng.random() < 0.8 else None
        solved = opened + int(rng.integers(40, 90)) if rng.random() < 0.6 else None
        rows.append((f"k{n % 45}", opened, reply, solved, "te"[n % 2]))
    rows.append(("k0", 50, 40, 45, "t"))  # replied to and solved before it was opened
    until = 120
    j = with_tickets(rows, observed_until=moment(until * MINUTE).to_pydatetime())
    found = support_times(j)
    assert found.attrs["bad_times"] == {"first_reply": 1, "resolution": 1}
    assert not (found["value"] < 0).any()
    for measure, k in (("first_reply", 2), ("resolution", 3)):
        waits, who = [], []
        for row in rows[:-1]:
            ends = [x for x in row[k:4] if x is not None and x < until]
            done = row[k] is not None and row[k] < until
            stop = (row[k] if done else ends[0] if ends else until) * MINUTE
            waits.append((stop - row[1] * MINUTE - (not done and not ends), done))
            who.append(row[0])
        expected = {"n": 60, "customers": 45}
        own = found.query("measure == @measure").set_index("metric")
        for metric, q in (("median", 0.5), ("p90", 0.9)):
            fields = {**expected, **quantile(waits, q, who)}
            assert not differences(
                own.loc[[metric]].reset_index(), ["measure"], {(measure, metric): fields}
            )
        share = own.loc["share_open"]
        assert share["value"] == pytest.approx(sum(not done for _, done in waits) / 60)
        assert share["low"] < share["value"] < share["high"]
    split = support_times(j, by=["topic", "customer_type"])
    assert split.query("metric == 'median'")["n"].sum() == 2 * 60
    assert support_times(j, by="month")["report_period"].unique().tolist() == ["2026-01"]


def test_one_customer_has_no_limits() -> None:
    rows = [("x", n, n + 5 + n % 3, None, "t") for n in range(9)]
    j = with_tickets(rows, observed_until=moment(DAY).to_pydatetime())
    found = support_times(j).query("measure == 'first_reply'")
    median = found.query("metric == 'median'").iloc[0]
    assert median["value"] == pytest.approx(6 * MINUTE / DAY)
    assert pd.isna(median["low"]) and median["note"] == "one_customer"
    with pytest.raises(UserError, match="device"):
        support_times(j, by="device")


def test_repeated_stays_widen_the_curve() -> None:
    rng = np.random.default_rng(6)
    rows = []
    for n in range(40):
        pace, at = int(rng.integers(1, 15)), 0
        for _ in range(6):
            rows += [(f"k{n}", at, "a"), (f"k{n}", at + pace, "b")]
            at += pace + 1
    j = journeys(log(*rows))
    point = 6 * MINUTE / DAY
    row = stay_curve(j, points=[point], horizon="1D").query("stage == 'a'").iloc[0]
    known = clean(log(*rows), Question())
    waits = waits_of(known, [s for s in stays(known) if s.stage == "a"])
    plain = km([w for w, _ in waits], [e for _, e in waits])
    k = int(np.searchsorted(plain.time, 6 * MINUTE, "right")) - 1
    assert row["value"] == pytest.approx(plain.survival[k])
    # Every customer always stays alike: six stays say what one does.
    assert (row["high"] - row["low"]) / (plain.high[k] - plain.low[k]) == pytest.approx(
        np.sqrt(6), rel=0.1
    )
