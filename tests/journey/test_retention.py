"""Retention, churn and lifecycle against loops in plain Python, over nasty calendar edges."""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import cache

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_brute import IDS, rate

from cjlab.errors import UserError
from cjlab.journey.base import Journeys
from cjlab.journey.churn import churn
from cjlab.journey.lifecycle import STATES, lifecycle
from cjlab.journey.retention import retention

ZONE = "Europe/Stockholm"
KINDS = ["day", "week", "month", "quarter", "year"]
MICRO = pd.Timedelta(1, "us")
# Around summer and winter time, ISO weeks over new year, ends of months as they are here.
EDGES = [
    pd.Timestamp(text)
    for text in (
        "2025-10-25 22:00", "2025-10-26 00:30", "2025-10-26 23:00", "2025-12-28 23:00",
        "2025-12-31 23:00", "2026-01-04 23:00", "2026-01-31 23:00", "2026-03-28 23:00",
        "2026-03-29 01:00", "2026-03-29 22:00", "2026-03-31 22:00", "2026-04-05 22:00",
    )
]  # fmt: skip
instants = st.sampled_from([edge + shift * MICRO for edge in EDGES for shift in (-1, 0)])
instants |= st.integers(0, 200 * 24).map(
    lambda h: pd.Timestamp("2025-10-20") + pd.Timedelta(h, "h")
)
FEW = settings(max_examples=8)


@st.composite
def logs(draw: st.DrawFn) -> pd.DataFrame:
    """Many customers at once, as a call costs the same: up to six events each, two channels."""
    rng = random.Random(draw(st.integers(0, 10_000)))
    who = rng.sample([*IDS, *(f"c{k}" for k in range(30))], draw(st.sampled_from([1, 5, 36])))
    hours = range(200 * 24)
    rows = []
    for name in who:
        for _ in range(rng.randint(1, 6)):
            edge = rng.choice(EDGES) - rng.randint(0, 1) * MICRO
            other = pd.Timestamp("2025-10-20") + pd.Timedelta(rng.choice(hours), "h")
            rows.append((name, rng.choice([edge, other]), "see", rng.choice(["web", "app"])))
    rng.shuffle(rows)
    return pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "channel"])


def journeys(frame: pd.DataFrame, **options) -> Journeys:
    for name in ("start", "end", "observed_until"):
        if options.get(name) is not None:
            options[name] = options[name].tz_localize("UTC").to_pydatetime()
    frame = frame.assign(ts=frame["ts"].dt.tz_localize("UTC"))
    options = {"timezone": ZONE, "channel": "channel", **options}
    return Journeys.from_frame(frame, stages=["see"], **options)


@cache
def calendar(kind: str, zone: str = ZONE) -> list[tuple[str, pd.Timestamp, pd.Timestamp]]:
    """Label, start and end (UTC) of every period, by walking the days."""
    names: list[tuple[str, date]] = []
    day = date(2024, 12, 30) if kind == "week" else date(2025, 1, 1)
    while day < date(2028, 1, 1):
        year, week, _ = day.isocalendar()
        label = {
            "day": day.isoformat(),
            "week": f"{year}W{week:02d}",
            "month": f"{day:%Y-%m}",
            "quarter": f"{day.year}Q{(day.month + 2) // 3}",
            "year": f"{day.year}",
        }[kind]
        if not names or names[-1][0] != label:
            names.append((label, day))
        day += timedelta(days=1)
    edges = [
        pd.Timestamp(day).tz_localize(zone).tz_convert("UTC").tz_localize(None) for _, day in names
    ]
    return [(name, a, b) for (name, _), a, b in zip(names[:-1], edges[:-1], edges[1:], strict=True)]


def place(ts: pd.Timestamp, kind: str, zone: str = ZONE) -> int:
    """Which period an instant lies in."""
    return next(i for i, (_, a, b) in enumerate(calendar(kind, zone)) if a <= ts < b)


def lives(frame: pd.DataFrame, until: pd.Timestamp) -> dict[str, list[pd.Timestamp]]:
    """Every customer's observed instants in order."""
    found: dict[str, list[pd.Timestamp]] = {}
    for who, ts in zip(frame["customer_id"], frame["ts"], strict=True):
        if ts < until:
            found.setdefault(who, []).append(ts)
    return {who: sorted(times) for who, times in found.items()}


def retained(
    frame: pd.DataFrame, kind: str, rolling: bool, until: pd.Timestamp, start=None, end=None
) -> dict[tuple[str, int], tuple]:
    """Cohort and period -> n and hits, hits None where the period's end was not observed."""
    periods, now = calendar(kind), place(until - MICRO, kind)
    cohorts: dict[int, list[set[int]]] = {}
    for times in lives(frame, until).values():
        if (start is None or times[0] >= start) and (end is None or times[0] < end):
            seen = {place(ts, kind) for ts in times}
            cohorts.setdefault(place(times[0], kind), []).append(seen)
    found: dict[tuple[str, int], tuple] = {}
    for cohort, members in cohorts.items():
        for at in range(cohort, now + 1):
            hits = sum(max(m) >= at if rolling else at in m for m in members)
            known = periods[at][2] <= until
            found[periods[cohort][0], at - cohort] = (len(members), hits if known else None)
    return found


def cells(table: pd.DataFrame, *keys: str) -> dict[tuple, tuple]:
    """Base and hits of each row, and proof that value, limits and status go with them."""
    found = {}
    for row in table.to_dict("records"):
        hits = None if pd.isna(row["hits"]) else row["hits"]
        expected = {"value": None} if hits is None or not row["n"] else rate(hits, row["n"])
        for name in ("value", "low", "high"):
            wanted = expected.get(name)
            assert pd.isna(row[name]) if wanted is None else row[name] == pytest.approx(wanted)
        assert (row["status"] == "not_yet_observed") == (hits is None)
        assert row["customers"] == row["n"]
        found[tuple(row[key] for key in keys)] = (row["n"], hits)
    return found


@FEW
@given(logs(), instants, st.sampled_from(KINDS), st.booleans(), instants, st.booleans())
def test_retention(frame, until, kind, rolling, start, with_start) -> None:
    start = start if with_start else None
    end = None
    if start is not None:
        end = start + pd.Timedelta(100, "D")
        until = min(until, end)
    name = "rolling" if rolling else "exact"
    j = journeys(frame, observed_until=until, start=start, end=end)
    found = retention(j, period=kind, kind=name)
    expected = retained(frame, kind, rolling, until, start, end)
    assert cells(found, "cohort", "period") == expected
    assert list(zip(found["cohort"], found["period"], strict=True)) == sorted(expected)

    pooled: dict[tuple, tuple] = {}
    every = sum(n for (_, period), (n, _) in expected.items() if period == 0)
    for period in range(max((p for _, p in expected), default=-1) + 1):
        rows = [row for (_, p), row in expected.items() if p == period]
        known = [row for row in rows if row[1] is not None]
        hits = sum(row[1] for row in known) if known else None
        pooled["(all)", period] = (sum(row[0] for row in known or rows), hits)
    table = retention(j, period=kind, kind=name, pooled=True)
    assert cells(table, "cohort", "period") == pooled
    changing = {row["period"] for row in table.to_dict("records") if not pd.isna(row["note"])}
    assert changing == {p for (_, p), (n, h) in pooled.items() if h is not None and n < every}


@settings(max_examples=3)
@given(logs(), st.sampled_from(KINDS[1:]), st.booleans())
def test_segments_add_up_to_all(frame, kind, pooled) -> None:
    j = journeys(frame)
    for metric, keys in (
        (lambda **by: retention(j, period=kind, pooled=pooled, **by), ["cohort", "period"]),
        (lambda **by: churn(j, period=kind, inactive="20D", **by), ["period"]),
        (lambda **by: lifecycle(j, inactive="20D", **by).query("metric == 'share'"), ["state"]),
    ):
        whole = metric().set_index(keys)
        parts = metric(by="channel")
        base = parts if "state" in keys or "cohort" not in keys else parts[parts["hits"].notna()]
        sums = base.groupby(keys)[["n", "hits"]].sum()
        known = whole[whole["hits"].notna()]
        pd.testing.assert_frame_equal(
            sums.loc[known.index].astype("Int64"), known[["n", "hits"]], check_like=True
        )


@settings(max_examples=3)
@given(logs(), instants, st.integers(1, 60), st.sampled_from(KINDS))
def test_more_data_change_no_known_cell(frame, until, days, kind) -> None:
    """What was blank becomes known; what was known stays as it was."""
    later = until + pd.Timedelta(days, "D")
    before, after = (
        cells(retention(journeys(frame, observed_until=t), period=kind), "cohort", "period")
        for t in (until, later)
    )
    for key, (n, hits) in before.items():
        if hits is not None:
            assert after[key] == (n, hits)
    lost_before, lost_after = (
        cells(churn(journeys(frame, observed_until=t), period=kind), "period")
        for t in (until, later)
    )
    for key, counts in lost_before.items():
        if counts[1] is not None:
            assert lost_after[key] == counts


@FEW
@given(logs(), instants, st.sampled_from(KINDS), st.sampled_from([1, 25, 36, 90, 500]), st.data())
def test_churn(frame, until, kind, days, data) -> None:
    span = pd.Timedelta(days, "D")
    start, end = None, None
    if data.draw(st.booleans()):
        start = data.draw(instants)
        end = start + pd.Timedelta(data.draw(st.sampled_from([40, 120, 300])), "D")
        until = min(until, end)
    known = lives(frame, until)
    first = min(frame["ts"])
    expected: dict[tuple, tuple] = {}
    short = set()
    for label, a, b in calendar(kind):
        if b <= first or a >= until or (start is not None and (a < start or b > end)):
            continue
        here = {who for who, ts in known.items() if any(a - span <= t < a for t in ts)}
        there = {who for who, ts in known.items() if any(b - span <= t < b for t in ts)}
        expected[(label,)] = (len(here), len(here - there) if b <= until else None)
        if a - span < first and not (b <= until and not here):
            short.add(label)
    j = journeys(frame, observed_until=until, start=start, end=end)
    found = churn(j, inactive=f"{days}D", period=kind)
    assert cells(found, "period") == expected
    assert found["period"].tolist() == [label for (label,) in expected]
    noted = found.loc[found["note"] == "short_history", "period"]
    assert set(noted) == short
    nobody = found.loc[found["note"] == "nobody_active"]
    assert (nobody["n"] == 0).all() and (nobody["status"] == "not_estimable").all()


@FEW
@given(logs(), instants, st.sampled_from([1, 20, 45, 90]))
def test_lifecycle(frame, until, days) -> None:
    span = pd.Timedelta(days, "D")
    counts = dict.fromkeys(STATES, 0)
    known = lives(frame, until)
    for times in known.values():
        last = any(until - span <= t for t in times)
        before = any(until - 2 * span <= t < until - span for t in times)
        if times[0] >= until - span:
            state = "new"
        elif last:
            state = "active" if before else "returning"
        else:
            state = "at_risk" if before else "lost"
        counts[state] += 1
    found = lifecycle(journeys(frame, observed_until=until), inactive=f"{days}D")
    many = found[found["metric"] == "customers"].set_index("state")
    assert many["value"].to_dict() == counts
    share = found[found["metric"] == "share"]
    assert cells(share, "state") == {(s,): (len(known), c) for s, c in counts.items()}
    short = min(frame["ts"]) > until - 2 * span
    assert (many["note"] == "short_history").all() if short else many["note"].isna().all()


@settings(max_examples=3)
@given(logs(), st.randoms(use_true_random=False))
def test_row_order_and_names_do_not_matter(frame, rng) -> None:
    rows = list(range(len(frame)))
    rng.shuffle(rows)
    other = frame.iloc[rows].assign(customer_id=lambda f: f["customer_id"].map(lambda x: f"n{x}"))
    for metric in (retention, churn, lifecycle):
        left, right = (metric(journeys(f), by="channel") for f in (frame, other))
        pd.testing.assert_frame_equal(left, right)


def test_one_customer_and_none() -> None:
    frame = pd.DataFrame(
        {"customer_id": "a", "ts": [pd.Timestamp("2026-01-31 22:59:59")], "stage": "see"}
    )
    j = Journeys.from_frame(frame, stages=["see"], timezone=ZONE, observed_until="2026-03-01")
    found = retention(j)
    assert found[["cohort", "value", "n"]].values.tolist() == [["2026-01", 1, 1], ["2026-01", 0, 1]]
    nobody = Journeys.from_frame(frame.iloc[:0], stages=["see"])
    assert retention(nobody).empty and retention(nobody, pooled=True).empty
    assert churn(nobody).empty
    assert (lifecycle(nobody)["n"] == 0).all()


def test_weeks_of_new_year_are_named_by_their_year() -> None:
    times = pd.to_datetime(["2025-12-29 12:00", "2026-01-05 12:00"])
    frame = pd.DataFrame({"customer_id": "a", "ts": times, "stage": "see"})
    j = Journeys.from_frame(frame, stages=["see"], timezone=ZONE, observed_until="2026-01-12")
    assert retention(j, period="week")[["cohort", "value"]].values.tolist() == [
        ["2026W01", 1.0],
        ["2026W01", 1.0],
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda j: retention(j, kind="rollin"), 'kind is "rollin"'),
        (lambda j: retention(j, period="moon"), 'period is "moon"'),
        (lambda j: churn(j, inactive="soon"), "inactive"),
        (lambda j: lifecycle(j, by="colour"), "colour"),
    ],
)
def test_wrong_use(call, message) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "ts": [EDGES[0]], "stage": ["see"]})
    with pytest.raises(UserError, match=message):
        call(Journeys.from_frame(frame, stages=["see"]))


def several(seed: int) -> pd.DataFrame:
    """Customers who act in one or two of a few accounts."""
    rng = random.Random(seed)
    rows = []
    for number in range(30):
        homes = rng.sample([f"acc{k}" for k in range(12)], rng.randint(1, 2))
        for _ in range(rng.randint(1, 6)):
            ts = pd.Timestamp("2025-10-20") + pd.Timedelta(rng.randint(0, 4800), "h")
            rows.append((f"c{number:02}", ts, "see", rng.choice(homes)))
    return pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "account_id"])


METRICS = [
    lambda j: retention(j),
    lambda j: retention(j, kind="rolling"),
    lambda j: retention(j, pooled=True),
    lambda j: retention(j, kind="rolling", pooled=True),
    lambda j: churn(j, inactive="20D"),
    lambda j: lifecycle(j, inactive="40D"),
]


@pytest.mark.parametrize("metric", METRICS)
def test_an_account_is_one_life_and_its_customers_are_counted_once(metric) -> None:
    frame = several(5)
    found = metric(Journeys.from_frame(frame, stages=["see"], unit="account"))
    relabelled = frame.assign(customer_id=frame["account_id"]).drop(columns="account_id")
    alone = metric(Journeys.from_frame(relabelled, stages=["see"]))
    same = [c for c in found.columns if c not in ("customers", "hits", "of", "unit")]
    pd.testing.assert_frame_equal(found[same], alone[same])
    assert (found["customers"] >= found["hits"])[found["hits"].notna()].all()
    assert (found["customers"] <= frame["customer_id"].nunique()).all()
    assert (found["customers"] > found["n"]).any()


def test_customers_of_accounts() -> None:
    """The bases and hits of retention, churn and lifecycle in distinct customers."""
    frame = several(6)
    j = Journeys.from_frame(frame, stages=["see"], unit="account")
    until = max(frame["ts"]) + MICRO
    member = {acc: set(part["customer_id"]) for acc, part in frame.groupby("account_id")}
    own = lives(frame.assign(customer_id=frame["account_id"]), until)

    def people(accounts) -> int:
        return len(set().union(*(member[a] for a in accounts)))

    def month(ts: pd.Timestamp) -> int:
        return ts.year * 12 + ts.month - 1

    def label(number: int) -> str:
        return f"{number // 12}-{number % 12 + 1:02}"

    full = month(until) - 1
    for kind in ("exact", "rolling"):
        table = retention(j, kind=kind)
        pooled = retention(j, kind=kind, pooled=True)
        for row in [*table.to_dict("records"), *pooled.to_dict("records")]:
            if pd.isna(row["hits"]):
                continue
            base = {
                acc: month(times[0])
                for acc, times in own.items()
                if row["cohort"] in ("(all)", label(month(times[0])))
                and month(times[0]) + row["period"] <= full
            }
            hits = []
            for acc, first in base.items():
                seen = {month(ts) for ts in own[acc]}
                at = first + row["period"]
                if max(seen) >= at if kind == "rolling" else at in seen:
                    hits.append(acc)
            assert (row["n"], row["customers"]) == (len(base), people(base))
            assert row["hits"] == people(hits)

    span = pd.Timedelta(20, "D")
    for row in churn(j, inactive="20D").to_dict("records"):
        a = pd.Timestamp(row["period"] + "-01")
        b = a + pd.offsets.MonthBegin(1)
        here, there = (
            {acc for acc, ts in own.items() if any(edge - span <= t < edge for t in ts)}
            for edge in (a, b)
        )
        assert (row["n"], row["customers"]) == (len(here), people(here))
        assert pd.isna(row["hits"]) if b > until else row["hits"] == people(here - there)
    assert set(lifecycle(j)["customers"]) == {people(own)}


@pytest.mark.parametrize("metric", METRICS)
def test_sessions_are_of_customers(metric) -> None:
    frame = several(7).drop(columns="account_id")
    one, other = (
        Journeys.from_frame(frame, stages=["see"], unit=u) for u in ("customer", "session")
    )
    pd.testing.assert_frame_equal(metric(one), metric(other))
