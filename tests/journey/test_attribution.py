"""Attribution against loops: every conversion looked back on by hand, every model a second time."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from journey_brute import (
    MINUTE,
    STAGES,
    ZERO,
    Known,
    Question,
    clean,
    differences,
    frame_of,
    frames,
    many,
    questions,
)

from cjlab.errors import UserError
from cjlab.journey import _conversions, _markov
from cjlab.journey.attribution import MODELS, UNATTRIBUTED, attribution
from cjlab.journey.base import Journeys
from cjlab.stages import StageModel

FEW = settings(max_examples=12, deadline=None)
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])
DIRECT = "web t1"
HALF_LIFE = 20 * MINUTE


def journeys(frame: pd.DataFrame, question: Question | None = None, **more) -> Journeys:
    return Journeys.from_frame(
        frame, stages=MODEL, channel="channel", **{**(question or Question()).options(), **more}
    )


def worth(event) -> float | None:
    """What an event is worth: unknown at t3, 0 at first, else more and more."""
    return None if event.touchpoint == "t3" else event.ts / MINUTE


def priced(frame: pd.DataFrame) -> pd.DataFrame:
    """Six channels instead of two, and a value that can be told from the event."""
    channel = frame["channel"] + " " + frame["touchpoint"]
    minutes = (frame["ts"] - ZERO) / pd.Timedelta("1min")
    value = minutes.where(frame["touchpoint"] != "t3")
    return frame.assign(channel=channel, value=value)


def usable(frame: pd.DataFrame) -> bool:
    return bool(frame[["customer_id", "ts"]].notna().all(axis=1).any())


# ---------------------------------------------------------------- the models by hand


def found(known: Known, conversion: str) -> dict[str, tuple[list, list]]:
    """Conversions of the period and touches of each customer."""
    every = {}
    for who, events in known.seen.items():
        goal = "c" if conversion == "order" else conversion
        if goal in STAGES:
            own = [e for e in events if e.stage == goal]
            if conversion == "order":
                made = own
            else:
                staged = [e for e in events if e.stage is not None]
                made = [
                    e
                    for place, e in enumerate(staged)
                    if e.stage == goal and (place == 0 or staged[place - 1].stage != goal)
                ]
        else:
            own = made = [e for e in events if e.touchpoint == goal]
        touches = [e for e in events if e.channel is not None and not any(e is o for o in own)]
        every[who] = ([e for e in made if known.within(e.ts)], touches)
    return every


def weights(model: str, path: list, at: int) -> list[float]:
    """How one path is shared among its touches."""
    n = len(path)
    if model == "first":
        return [1.0, *[0.0] * (n - 1)]
    if model == "last":
        return [*[0.0] * (n - 1), 1.0]
    if model == "last_non_direct":
        others = [place for place, e in enumerate(path) if e.channel != DIRECT]
        chosen = others[-1] if others else n - 1
        return [float(place == chosen) for place in range(n)]
    if model == "linear":
        return [1 / n] * n
    if model == "position":
        return {1: [1.0], 2: [0.5, 0.5]}.get(n) or [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4]
    decayed = [2.0 ** (-(at - e.ts) / HALF_LIFE) for e in path]
    return [w / sum(decayed) for w in decayed]


def effects(paths: list[tuple[list[str], bool]], order: int) -> dict[str, float]:
    """Removal effects: the chain solved anew with each channel's states leading nowhere."""
    moves: dict[tuple, dict] = {}
    for path, converted in paths:
        states = [(), *[tuple(path[max(0, k - order + 1) : k + 1]) for k in range(len(path))]]
        for state, after in itertools.pairwise([*states, converted]):
            row = moves.setdefault(state, {})
            row[after] = row.get(after, 0) + 1
    names = list(moves)

    def reached(removed: str | None) -> float:
        system, goal = np.eye(len(names)), np.zeros(len(names))
        for k, state in enumerate(names):
            if state and state[-1] == removed:
                continue
            for after, count in moves[state].items():
                share = count / sum(moves[state].values())
                if after is True:
                    goal[k] += share
                elif after is not False:
                    system[k, names.index(after)] -= share
        return float(np.linalg.solve(system, goal)[names.index(())])

    whole = reached(None)
    channels = {channel for path, _ in paths for channel in path}
    return {c: 1 - reached(c) / whole if whole else 0.0 for c in channels}


def shapley(worths: list[tuple[frozenset[str], float]]) -> dict[str, float]:
    """Mean marginal contribution over every order in which channels may join."""
    channels = sorted({c for members, _ in worths for c in members})
    total = dict.fromkeys(channels, 0.0)

    def game(coalition: set[str]) -> float:
        return sum(amount for members, amount in worths if members <= coalition)

    for way in itertools.permutations(channels):
        joined: set[str] = set()
        for channel in way:
            before = game(joined)
            joined.add(channel)
            total[channel] += game(joined) - before
    return {c: amount / math.factorial(len(channels)) for c, amount in total.items()}


def by_hand(known: Known, conversion: str, lookback: int, order: int = 1) -> dict[tuple, dict]:
    """Every number by channel, model and metric."""
    conversions, lost, channels = [], [], set()
    for who, (made, touches) in found(known, conversion).items():
        since = -math.inf if known.question.start is None else known.question.start - lookback
        channels |= {e.channel for e in touches if e.ts >= since}
        for own in made:
            path = [e for e in touches if own.ts - lookback <= e.ts <= own.ts]
            conversions.append((who, own, path))
        last = max((e.ts for e in made), default=-math.inf)
        rest = [e for e in touches if e.ts > last and known.within(e.ts)]
        lost += [rest] if rest else []
    credit: dict[tuple, list] = {}

    def give(channel: str, model: str, who: str, own, weight: float) -> None:
        credit.setdefault((channel, model), []).append((who, worth(own), weight))

    touched = [c for c in conversions if c[2]]
    chain = [([e.channel for e in path], True) for _, _, path in touched]
    chain += [([e.channel for e in path], False) for path in lost]
    effect = effects(chain, order) if touched else {}
    games = [(frozenset(e.channel for e in path), own) for _, own, path in touched]
    worths = {
        "conversions": shapley([(members, 1.0) for members, _ in games]),
        "value": shapley([(members, worth(own) or 0.0) for members, own in games]),
    }
    for model in MODELS:
        for who, own, path in conversions:
            if not path:
                give(UNATTRIBUTED, model, who, own, 1.0)
            elif model in ("markov", "shapley"):
                for channel in {e.channel for e in path}:
                    give(channel, model, who, own, math.nan)
            else:
                for event, weight in zip(path, weights(model, path, own.ts), strict=True):
                    give(event.channel, model, who, own, weight)
    totals = {
        "conversions": len(touched),
        "value": sum(worth(own) or 0.0 for _, own, _ in touched),
    }
    bases = {
        "conversions": [(who, own) for who, own, _ in conversions],
        "value": [(who, own) for who, own, _ in conversions if worth(own) is not None],
    }
    expected: dict[tuple, dict] = {}
    for channel, model in itertools.product([*channels, UNATTRIBUTED], MODELS):
        rows = credit.get((channel, model), [])
        for metric, base in bases.items():
            if model == "markov" and channel != UNATTRIBUTED:
                part = effect.get(channel, 0.0) / sum(effect.values()) if effect else 0.0
                amount = part * totals[metric]
            elif model == "shapley" and channel != UNATTRIBUTED:
                amount = worths[metric].get(channel, 0.0)
            else:
                amount = sum(w * (1 if metric == "conversions" else v or 0.0) for _, v, w in rows)
            having = {
                who for who, v, w in rows if w != 0 and (metric == "conversions" or v is not None)
            }
            expected[channel, model, metric] = {
                "value": amount if base or metric == "conversions" else None,
                "n": len(base),
                "customers": len({who for who, _ in base}),
                "hits": len(having),
            }
        counted = expected[channel, model, "conversions"]
        share = counted["value"] / counted["n"] if counted["n"] else None
        expected[channel, model, "share"] = {**counted, "value": share}
    return expected


def compared(frame, question, conversion, lookback, order=1) -> list[str]:
    got = attribution(
        journeys(frame, question),
        conversion=conversion,
        model="all",
        lookback=pd.Timedelta(lookback, "us").to_pytimedelta(),
        direct=DIRECT,
        order=order,
        half_life="20min",
        draws=0,
    )
    expected = by_hand(clean(frame, question), conversion, lookback, order)
    return differences(got, ["channel", "model"], expected)


LOOKBACKS = st.sampled_from([1, 30 * MINUTE, 45 * MINUTE, 1000 * MINUTE])


@FEW
@given(
    frames().filter(usable),
    questions(),
    st.sampled_from(["order", "b", "t2"]),
    LOOKBACKS,
    st.integers(1, 3),
)
def test_every_number_equals_the_loops(frame, question, conversion, lookback, order) -> None:
    assume(conversion != "t2" or "t2" in set(frame["touchpoint"]))
    assert not compared(priced(frame), question, conversion, lookback, order)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("conversion", ["order", "c", "t2"])
def test_many_customers_add_up(order, conversion) -> None:
    question = Question(until=80 * MINUTE, start=15 * MINUTE)
    assert not compared(priced(many(31)), question, conversion, 30 * MINUTE, order)


def test_blocks_and_the_sparse_solver_change_nothing(monkeypatch) -> None:
    j = journeys(priced(many(32, 60)))
    options = {"model": "all", "lookback": "45min", "draws": 100, "direct": DIRECT}
    whole = attribution(j, **options)
    monkeypatch.setattr(_conversions, "BLOCK", 7)
    monkeypatch.setattr(_markov, "_DENSE", 0)
    pd.testing.assert_frame_equal(attribution(j, **options), whole, rtol=1e-9)


# ---------------------------------------------------------------- what must not matter


def values(table: pd.DataFrame) -> pd.Series:
    """Numbers by channel, model and metric."""
    return table.set_index(["channel", "model", "metric"])["value"]


@settings(max_examples=5, deadline=None)
@given(frames().filter(usable), st.randoms(use_true_random=False))
def test_row_order_changes_nothing_intervals_included(frame, random) -> None:
    frame = priced(frame)
    mixed = frame.iloc[random.sample(range(len(frame)), len(frame))]
    options = {"model": "all", "lookback": "30min", "draws": 100}
    one, two = (attribution(journeys(f), **options) for f in (frame, mixed))
    pd.testing.assert_frame_equal(one, two)
    assert one.attrs == two.attrs


def test_names_of_channels_and_the_unit_of_value_change_nothing_else() -> None:
    frame = priced(many(33))
    # Ties are broken by name, so there may be none here.
    frame["ts"] += pd.to_timedelta(range(len(frame)), unit="ms")
    names = {name: name[::-1] for name in frame["channel"].dropna().unique()}
    other = frame.assign(channel=frame["channel"].map(names), value=frame["value"] * 8)
    options = {"model": "all", "lookback": "45min", "draws": 0}
    one = values(attribution(journeys(frame), direct=DIRECT, **options))
    two = values(attribution(journeys(other), direct=names[DIRECT], **options))
    one = one.rename(index=names, level="channel").reindex(two.index)
    money = one.index.get_level_values("metric") == "value"
    np.testing.assert_allclose(two, one * np.where(money, 8, 1), rtol=1e-9)


def test_someone_who_only_looks_changes_no_rule() -> None:
    frame = priced(many(34))
    rows = [("zz", 15, "a", "t1", "web"), ("zz", 30, "a", "t2", "app")]
    more = pd.concat([frame, priced(frame_of(rows))]).drop(columns="who")
    one, two = (
        values(attribution(journeys(f), model="all", lookback="45min", draws=0))
        for f in (frame.drop(columns="who"), more)
    )
    changed = one.index[~np.isclose(one, two, rtol=1e-12)].get_level_values("model")
    assert set(changed) == {"markov"}


@FEW
@given(frames().filter(usable), questions(), LOOKBACKS)
def test_credits_add_up_to_conversions_and_to_value(frame, question, lookback) -> None:
    frame = priced(frame)
    span = pd.Timedelta(lookback, "us").to_pytimedelta()
    got = attribution(journeys(frame, question), model="all", lookback=span, draws=0)
    made = [e for own, _ in found(clean(frame, question), "order").values() for e in own]
    money = [worth(e) for e in made if worth(e) is not None]
    sums = got.groupby(["metric", "model"])["value"].sum(min_count=1).unstack()
    np.testing.assert_allclose(sums.loc["conversions"], len(made))
    if made:
        np.testing.assert_allclose(sums.loc["share"], 1)
    np.testing.assert_allclose(sums.loc["value"], sum(money) if money else np.nan)
    assert got.attrs["without_value"] == len(made) - len(money)


def test_with_one_touch_all_models_agree() -> None:
    rows = [("a", 0, "a", "x", "web"), ("a", 15, "c", "x", None), ("b", 0, "a", "x", "app")]
    rows += [("b", 15, "c", "x", None), ("d", 0, "a", "x", "app"), ("d", 0, "c", "x", None)]
    got = attribution(journeys(frame_of(rows)), model="all", draws=0)
    shares = got[got["metric"] == "conversions"].pivot(
        index="channel", columns="model", values="value"
    )
    assert set(shares.columns) == set(MODELS)
    np.testing.assert_allclose(shares.loc["app"], 2)
    np.testing.assert_allclose(shares.loc["web"], 1)
    np.testing.assert_allclose(shares.loc[UNATTRIBUTED], 0)


# ---------------------------------------------------------------- edges, by hand


def test_a_touch_counts_at_both_ends_of_the_lookback() -> None:
    rows = [("a", 0, "a", "x", "old"), ("a", 15, "a", "x", "edge"), ("a", 45, "c", "x", "buy")]
    rows += [("a", 45, "d", "x", "same"), ("a", 60, "a", "x", "late")]
    got = values(attribution(journeys(frame_of(rows)), lookback="30min", draws=0))
    counted = got.xs("conversions", level="metric").droplevel("model").to_dict()
    # "buy" is the purchase itself, no touch; what comes later is listed without credit.
    assert counted == {"edge": 0.5, "late": 0, "old": 0, "same": 0.5, UNATTRIBUTED: 0}


def test_orders_at_one_instant_are_several_and_their_touches_are_shared() -> None:
    rows = [("a", 0, "a", "x", "web"), ("a", 30, "a", "x", "app")]
    j = journeys(frame_of(rows))
    at = [f"TIMESTAMP '{ZERO + pd.Timedelta(m, 'min')}'" for m in (0, 0, 30)]
    worths = ("5", "NULL", "7")
    lines = ", ".join(
        f"('a', 'o{k}', {ts}, {v})" for k, (ts, v) in enumerate(zip(at, worths, strict=True))
    )
    j.con.raw_sql(f"INSERT INTO orders (customer_id, order_id, ts, value) VALUES {lines}")
    got = values(attribution(j, draws=0)).droplevel("model")
    # The order without a value is no return and no purchase of nothing: it is not known.
    bought = j.purchases.execute()
    assert got["web", "conversions"] == len(bought) - 0.5
    assert (got["web", "value"], got["app", "value"]) == (5 + 3.5, 3.5)


def given_frame(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "ts", "value"])


def test_given_conversions_are_local_times_and_calendars_are_local_too() -> None:
    rows = [
        ("007", 0, "a", "x", "web"),
        ("7", 0, "a", "x", "app"),
        ("7", 60 * 24 * 40, "a", "x", None),
    ]
    j = journeys(frame_of(rows), timezone="America/New_York", time_format=None)
    # 2026-01-31 23:30 in New York is February in UTC; the frame's times are New York's as well.
    table = given_frame(
        ("007", "2026-01-31 23:30", 4.0), ("7", "2026-01-05 10:00", None), ("x", "2026-01-31", 1.0)
    )
    got = attribution(j, conversion=table, by="month", lookback="60D", draws=0)
    assert got.attrs["left_out"] == 1 and got.attrs["without_value"] == 1
    january = values(got[got["report_period"] == "2026-01"]).droplevel("model")
    assert january["web", "conversions"] == january["app", "conversions"] == 1
    assert january["web", "value"] == 4
    february = got[got["report_period"] == "2026-02"].set_index("metric")
    assert set(february.loc["conversions", "status"]) == {"not_yet_observed"}
    assert set(february.loc["share", "note"]) == {"no_conversions"}


def test_segments_equal_the_segment_alone() -> None:
    frame = priced(many(35, 120))
    frame["country"] = np.where(frame["who"] < "c060", "SE", "NO")
    options = {"model": "all", "lookback": "45min", "draws": 150}
    got = attribution(journeys(frame), by="country", **options)
    assert got.attrs["dims"] == ["country", "channel", "model"]
    for name in ("SE", "NO"):
        alone = attribution(journeys(frame, where={"country": name}), **options)
        part = got[got["country"] == name].drop(columns="country").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone, check_exact=False)


def test_intervals_hold_the_number_and_need_two_customers() -> None:
    got = attribution(journeys(priced(many(36))), model="all", lookback="45min", draws=300)
    some = got.dropna(subset="low")
    assert len(some) > 100
    assert ((some["low"] < some["value"]) & (some["value"] < some["high"])).mean() > 0.97
    assert set(got.loc[got["low"].isna(), "note"]) <= {"no_spread"}
    rows = [("a", 0, "a", "x", "web"), ("a", 15, "c", "x", None), ("b", 0, "a", "x", "web")]
    alone = attribution(journeys(frame_of(rows)), draws=100)
    assert alone["low"].isna().all()
    assert set(alone.loc[alone["metric"] != "value", "note"]) == {"one_customer"}


def test_it_says_what_it_did() -> None:
    rows = [("a", 0, "a", "x", "web"), ("a", 15, "c", "x", None)]
    got = attribution(journeys(frame_of(rows)), model="all", order=2, draws=300, seed=4)
    assert got["model"].nunique() >= 3
    told = {"sentence": "attribution_not_causal", "seed": 4, "draws": 200, "interval": "percentile"}
    assert told.items() <= got.attrs.items()
    notes = got[got["metric"] == "share"].set_index("model")["note"]
    assert set(notes["linear"]) == {"one_customer"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "liner"}, 'Did you mean "linear"'),
        ({"model": []}, "names no model"),
        ({"level": "chanel"}, 'Did you mean "channel"'),
        ({"conversion": "ordr"}, 'Did you mean "order"'),
        ({"conversion": pd.DataFrame({"ts": []})}, 'no column "customer_id"'),
        ({"conversion": given_frame(("a", "soon", 1))}, "cannot be read as times"),
        ({"order": 4}, "1, 2 or 3"),
        ({"draws": 7}, "100 to 100000"),
        ({"lookback": None}, "must be durations"),
        ({"by": "device"}, "changes within a journey"),
    ],
)
def test_wrong_arguments_are_told(options, message) -> None:
    with pytest.raises(UserError, match=message):
        attribution(journeys(frame_of([("a", 0, "a", "x", "web")])), **options)
