"""Funnels of sessions and accounts, differences in drop-off, and who got how far."""

from __future__ import annotations

import math
from collections import defaultdict

import ibis
import pandas as pd
import pytest
from journey_brute import (
    GRID,
    MINUTE,
    STAGES,
    Event,
    Known,
    Question,
    clean,
    clustered,
    conversion,
    entrant,
    frame_of,
    many,
    moment,
)
from scipy import stats

from cjlab.errors import UserError
from cjlab.journey import Journeys, dropoff, dropoff_difference, funnel, reach
from cjlab.stages import StageModel
from cjlab.stats import adjust, difference
from cjlab.store import regroup

MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])
STEPS = ["a", "b", "c"]
UNTIL = GRID[-1] * MINUTE + 1


def journeys(frame: pd.DataFrame, unit: str = "customer") -> Journeys:
    j = Journeys.from_frame(
        frame, stages=MODEL, channel="channel", observed_until=moment(UNTIL).to_pydatetime()
    )
    if unit == "customer":
        return j
    con = j.con.con
    con.execute("ATTACH ':memory:' AS regrouped; USE regrouped")
    regroup(con, unit, MODEL, source="memory")
    return Journeys(
        ibis.duckdb.from_connection(con), MODEL, "UTC", observed_until=j.observed_until, unit=unit
    )


def account(event: Event) -> str:
    """Customers share accounts, and decide in several."""
    return f"{event.touchpoint}-{sum(map(ord, event.who)) % 5}"


def with_accounts(frame: pd.DataFrame) -> pd.DataFrame:
    marks = zip(frame["customer_id"], frame["touchpoint"], strict=True)
    return frame.assign(account_id=[f"{t}-{sum(map(ord, who)) % 5}" for who, t in marks])


def units(frame: pd.DataFrame, unit: str) -> dict[tuple, list[Event]]:
    """The journeys of each session or account."""
    known = clean(frame.drop(columns="account_id", errors="ignore"), Question(until=UNTIL))
    found: dict[tuple, list[Event]] = defaultdict(list)
    for who, events in known.seen.items():
        number = 0
        for place, event in enumerate(events):
            number += place > 0 and event.ts - events[place - 1].ts > 30 * MINUTE
            found[(account(event),) if unit == "account" else (who, number)].append(event)
    return {key: sorted(own, key=lambda e: e.ts) for key, own in found.items()}


def ways(frame: pd.DataFrame, unit: str, window: int | None) -> list[tuple[set, list]]:
    """Per entered unit its customers, and when it completed each step."""
    known = Known(Question(until=UNTIL), UNTIL)
    found = []
    for own in units(frame, unit).values():
        e = entrant(known, own, STEPS, window)
        if e is not None and (window is None or e.entry + window < UNTIL):
            found.append(({event.who for event in own}, e.done))
    return found


@pytest.mark.parametrize("unit", ["session", "account"])
@pytest.mark.parametrize("window", [None, 15])
def test_other_units_equal_the_loops(unit, window) -> None:
    frame = with_accounts(many(11, 60).drop(columns="who"))
    span, text = (None, None) if window is None else (window * MINUTE, f"{window}min")
    j, found = journeys(frame, unit), ways(frame, unit, span)
    got = funnel(j, steps=STEPS, window=text).set_index(["step", "metric"])
    lost = dropoff(j, steps=STEPS, window=text).set_index("step")
    at = [[(who, done) for who, done in found if done[k] is not None] for k in range(3)]
    people = [set().union(*(who for who, _ in own)) for own in at]
    assert len(people[0]) < len(at[0]) if unit == "session" else len(people[0]) > 20
    for k, step in enumerate(STEPS):
        row = got.loc[(step, "reached")]
        assert (row["value"], row["hits"], row["unit"]) == (len(at[k]), len(people[k]), f"{unit}s")
        assert (row["n"], row["customers"]) == (len(at[0]), len(people[0]))
        for metric, base in (("from_first", 0), ("from_previous", k - 1)):
            if not k:
                continue
            row = got.loc[(step, metric)]
            share = len(at[k]) / len(at[base])
            assert (row["n"], row["customers"], row["hits"]) == (
                len(at[base]),
                len(people[base]),
                len(people[k]),
            )
            assert row["value"] == pytest.approx(share)
            limits = stats.binomtest(len(at[k]), len(at[base])).proportion_ci(method="wilson")
            low, high = limits
            if unit == "session":
                moves = [
                    (min(who), "", "on" if done[k] is not None else "off", None)
                    for who, done in at[base]
                ]
                robust = clustered(moves, "on", share)
                low, high = robust["low"], robust["high"]
            assert row["low"] == pytest.approx(low) and row["high"] == pytest.approx(high)
        if k:
            before = STEPS[k - 1]
            gone = set().union(*(who for who, done in at[k - 1] if done[k] is None))
            assert lost.loc[before, "hits"] == len(gone)
            assert lost.loc[before, "value"] == pytest.approx(1 - len(at[k]) / len(at[k - 1]))


def test_sessions_that_repeat_customers_have_no_limits_of_their_own_rows() -> None:
    frame = many(11, 60).drop(columns="who")
    found = funnel(journeys(frame, "session"), steps=STEPS, window="15min")
    km = found.query("metric == 'km_conversion' and step == 'b'").iloc[0]
    assert km["note"] == "customers_repeat" and pd.isna(km["low"])
    known = Known(Question(until=UNTIL), UNTIL)
    own = [entrant(known, e, STEPS, 15 * MINUTE) for e in units(frame, "session").values()]
    waits = [
        (e.done[1] - e.begun[1], True) if e.done[1] is not None else (UNTIL - 1 - e.entry, False)
        for e in own
        if e is not None
    ]
    expected = conversion(waits, 15 * MINUTE)
    assert (km["value"], km["n"]) == (pytest.approx(expected["value"]), len(waits))


def test_one_customer_with_many_sessions_has_no_interval() -> None:
    frame = frame_of(
        [("x", at, stage, "t", None) for at, stage in ((0, "a"), (1, "b"), (60, "a"), (90.5, "d"))]
    )
    found = funnel(journeys(frame, "session"), steps=["a", "b"])
    row = found.query("step == 'b' and metric == 'from_first'").iloc[0]
    assert (row["value"], row["n"], row["customers"], row["hits"]) == (0.5, 2, 1, 1)
    assert pd.isna(row["low"]) and row["note"] == "one_customer"


def test_reach_has_a_row_for_every_unit() -> None:
    frame = with_accounts(many(12, 30).drop(columns="who"))
    for unit, keys in (("session", ["customer_id", "session"]), ("account", ["account_id"])):
        got = reach(journeys(frame, unit), steps=STEPS, window="15min")
        assert list(got.columns) == [*keys, "level", "first_ts", "last_ts"]
        expected = {}
        for key, own in units(frame, unit).items():
            e = entrant(Known(Question(until=UNTIL), UNTIL), own, STEPS, 15 * MINUTE)
            expected[key] = 0 if e is None else e.level
        rows = got[[*keys, "level"]].itertuples(index=False)
        assert {tuple(row[:-1]): row[-1] for row in rows} == expected


def test_differences_are_against_the_rest_and_corrected_over_all() -> None:
    frame = many(13, 90).drop(columns="who")
    groups = {who: ("SE", "NO", "FI")[int(who[1:]) % 3] for who in frame["customer_id"]}
    frame["country"] = frame["customer_id"].map(groups)
    j = journeys(frame)
    lost = dropoff(j, steps=STEPS, by="country").set_index(["country", "step"])
    got = dropoff_difference(j, steps=STEPS, by="country")
    table = got.set_index(["country", "step", "metric"])["value"]
    expected = {}
    for country in ("FI", "NO", "SE"):
        for step in ("a", "b"):
            x, n = lost.loc[(country, step), ["hits", "n"]]
            others = lost.xs(step, level="step").drop(country)
            rest, base = others["hits"].sum(), others["n"].sum()
            assert table[country, step, "difference"] == pytest.approx(x / n - rest / base)
            limits = got.query("country == @country and step == @step").iloc[0]
            newcombe = difference(x, n, rest, base)
            assert (limits["low"], limits["high"]) == pytest.approx((newcombe.low, newcombe.high))
            cells = [[x, n - x], [rest, base - rest]]
            expected[country, step] = stats.chi2_contingency(cells, correction=False).pvalue
            assert table[country, step, "p"] == pytest.approx(expected[country, step])
    adjusted = adjust(list(expected.values()))
    for key, p in zip(expected, adjusted, strict=True):
        assert table[(*key, "p_adjusted")] == pytest.approx(p)
    assert got.attrs["m"] == 6
    assert list(got["metric"][:3]) == ["difference", "p", "p_adjusted"]


def test_one_segment_has_nobody_to_differ_from() -> None:
    frame = frame_of([("x", 0, "a", "t", None), ("x", 1, "b", "t", None)]).assign(country="SE")
    found = dropoff_difference(journeys(frame), steps=["a", "b"], by="country")
    assert found["value"].isna().all() and set(found["note"]) == {"no_other_customers"}
    assert found.attrs["m"] == 0
    with pytest.raises(UserError, match="by is empty"):
        dropoff_difference(journeys(frame), steps=["a", "b"], by=[])


def test_sessions_differ_without_limits() -> None:
    frame = many(14, 40).drop(columns="who")
    groups = {who: ("SE", "NO")[int(who[1:]) % 2] for who in frame["customer_id"]}
    frame["country"] = frame["customer_id"].map(groups)
    found = dropoff_difference(journeys(frame, "session"), steps=["a", "b"], by="country")
    part = found.query("metric == 'difference'")
    assert part["value"].notna().all() and part["low"].isna().all()
    assert set(part["note"]) == {"customers_repeat"}
    assert math.isclose(part["value"].sum(), 0, abs_tol=1e-12)
    assert found.query("metric == 'p'")["value"].isna().all()
