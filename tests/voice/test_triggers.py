"""Rules against history: a second, plain simulation, quarantines, totals, sampling, errors."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import voice_small as small
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab import config
from cjlab.errors import UserError
from cjlab.voice import triggers
from cjlab.voice._candidates import name_hash
from cjlab.voice._margin import needed, worst_variance
from cjlab.voice._planned import busiest
from cjlab.voice._quarantine import ASKED, OVER_CAP, QUARANTINED, decide, draws
from cjlab.voice_settings import WEEKDAYS, Trigger

ZONE = ZoneInfo("Europe/Stockholm")
UNTIL = "2026-06-01"
RULES = [
    {"name": "paid", "event": "p*y", "delay": "2D", "quarantine": 20, "hours": "08:00-18:00",
     "max_per_week": 2, "sample": 0.7, "response_rate": 0.25},
    {"name": "began", "stage": "awareness", "kind": "csat", "quarantine_rule": 30, "priority": 0,
     "weekdays": ["mon", "tue", "wed", "thu", "fri"], "where": {"country": ["SE"]}},
    {"name": "sent", "event": "ship", "kind": "open", "quarantine": 5, "outside": "wait",
     "hours": "10:00-12:00", "delay": "3h"},
]  # fmt: skip


def history(seed: int = 0, size: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    # After four in the morning: local times that never come are the matter of other tests.
    seconds = rng.integers(0, 150, size) * 86400 + rng.integers(4 * 3600, 86400, size)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 40, size).astype(str),
            "ts": (pd.Timestamp("2026-01-01") + pd.to_timedelta(seconds, "s")).strftime(
                "%Y-%m-%d %H:%M:%S"
            ),
            "touchpoint": rng.choice(["visit", "pay", "ship"], size),
        }
    ).drop_duplicates()


PEOPLE = pd.DataFrame({"customer_id": [str(i) for i in range(40)], "country": ["SE", "NO"] * 20})


def study_of(folder: Path, events: pd.DataFrame, **keys: object):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "touchpoints.csv").write_text(small.CATALOGUE, encoding="utf-8")
    tables = {"events": events, "customers": PEOPLE}
    said = {"touchpoints": "touchpoints.csv", "observed_until": UNTIL} | keys
    return small.make(folder, tables, **said)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return study_of(tmp_path_factory.mktemp("s"), history())


def brute(events: pd.DataFrame, rules: list[dict], start: str | None = None) -> pd.DataFrame:
    """The same rules once more, with datetimes and lists; hours by walking the clock."""
    known = config.check_triggers(rules)
    until = datetime.fromisoformat(UNTIL).replace(tzinfo=ZONE)
    stage = {"visit": "awareness", "pay": "intent", "ship": "post_purchase"}
    country = dict(PEOPLE.itertuples(index=False, name=None))
    order = {"awareness": 0, "intent": 1, "post_purchase": 2}
    rows = []
    by_customer = defaultdict(list)
    for who, ts, what in events.itertuples(index=False, name=None):
        when = datetime.fromisoformat(ts).replace(tzinfo=ZONE)
        by_customer[who].append((when, order[stage[what]], what))
    for who, own in by_customer.items():
        before = None
        for when, _, what in sorted(own):
            for place, rule in enumerate(known):
                hit = what == {"paid": "pay", "sent": "ship"}.get(rule.name)
                if rule.stage:
                    hit = stage[what] == rule.stage and before != rule.stage
                if rule.where and country[who] not in rule.where["country"]:
                    hit = False
                if hit:
                    rows.append(one(who, when, what, place, rule))
            before = stage[what]
    rows = [row for row in rows if row["planned"] < until]
    rows.sort(
        key=lambda r: (
            r["planned"].date(),
            known[r["rule"]].priority,
            r["planned"],
            r["rule"],
            int(name_hash([r["who"]])[0]),
            r["ts"],
        )
    )
    sent, weeks = defaultdict(list), Counter()
    for row in rows:
        rule, day = known[row["rule"]], row["planned"].date()
        week = day.isocalendar()[:2]
        gaps = [((day - d).days, r) for d, r in sent[row["who"]]]
        if row["fate"]:
            continue
        if any(rule.quarantine and gap < rule.quarantine for gap, _ in gaps) or any(
            rule.quarantine_rule and gap < rule.quarantine_rule and r == row["rule"]
            for gap, r in gaps
        ):
            row["fate"] = "quarantined"
        elif rule.max_per_week and weeks[row["rule"], week] >= rule.max_per_week:
            row["fate"] = "over_cap"
        else:
            row["fate"] = "asked"
            sent[row["who"]].append((day, row["rule"]))
            weeks[row["rule"], week] += 1
    if start:
        begin = datetime.fromisoformat(start).replace(tzinfo=ZONE)
        rows = [row for row in rows if row["planned"] >= begin]
    return pd.DataFrame(
        {
            "customer_id": [r["who"] for r in rows],
            "rule": [known[r["rule"]].name for r in rows],
            "planned": [
                pd.Timestamp(r["planned"]).tz_convert("UTC").tz_localize(None) for r in rows
            ],
            "fate": [r["fate"] for r in rows],
        }
    )


def one(who: str, when: datetime, what: str, place: int, rule: Trigger) -> dict:
    delay = {"paid": timedelta(days=2), "sent": timedelta(hours=3)}.get(rule.name, timedelta())
    planned = datetime.fromtimestamp((when + timedelta()).timestamp() + delay.total_seconds(), ZONE)

    def open_at(at: datetime) -> bool:
        minute = at.hour * 60 + at.minute
        return (
            WEEKDAYS[at.weekday()] in rule.weekdays and rule.minutes[0] <= minute < rule.minutes[1]
        )

    fate = None
    if not open_at(planned):
        if rule.outside == "skip":
            fate = "outside_hours"
        else:
            planned = planned.replace(second=0)
            while not open_at(planned):
                planned += timedelta(minutes=1)
    micros = round(when.timestamp() * 1e6)
    drawn = draws(name_hash([who]), np.array([micros]), name_hash([what]),
                  name_hash([rule.name]), 0)[0]  # fmt: skip
    if fate is None and drawn >= rule.sample:
        fate = "sampled_out"
    return {"who": who, "ts": when, "rule": place, "planned": planned, "fate": fate}


def test_the_simulation_equals_a_plain_one(study):
    found = triggers.simulate(study, RULES)
    expected = brute(history(), RULES)
    pd.testing.assert_frame_equal(
        found.candidates[list(expected.columns)], expected, check_dtype=False
    )
    assert set(found.candidates["fate"]) == {"asked", "sampled_out", "quarantined",
                                             "outside_hours", "over_cap"}  # fmt: skip
    later = triggers.simulate(study, RULES, start="2026-03-01")
    expected = brute(history(), RULES, "2026-03-01")
    pd.testing.assert_frame_equal(
        later.candidates[list(expected.columns)], expected, check_dtype=False
    )


def test_totals_add_up_and_counts_are_those_of_the_rows(study):
    found = triggers.simulate(study, RULES)
    table = found.rules.pivot(index="rule", columns="metric", values="value")
    fates = table[["asked", "sampled_out", "quarantined", "outside_hours", "over_cap"]]
    assert (fates.sum(axis=1) == table["candidates"]).all()
    counted = found.candidates.groupby(["rule", "fate"]).size()
    assert all(table.loc[rule, fate] == n for (rule, fate), n in counted.items())
    weeks = found.weeks.groupby("rule")["value"].sum()
    assert (weeks == table["asked"]).all()
    cap = found.weeks[found.weeks["rule"] == "paid"]["value"]
    assert cap.max() == 2 and found.weeks.groupby("rule").size().nunique() == 1
    share = found.load[found.load["metric"] == "share"]["value"].sum()
    assert share == pytest.approx(1)


def test_what_is_expected_follows_from_the_stated_rate(study):
    table = triggers.simulate(study, RULES).rules.set_index(["rule", "metric"]).sort_index()
    paid = table.loc["paid"]
    days = (pd.Timestamp(UNTIL, tz=ZONE) - pd.Timestamp(history()["ts"].min(), tz=ZONE)) / (
        pd.Timedelta("1D")
    )
    answers = 0.25 * paid.loc["asked", "value"]
    assert paid.loc["expected_answers", "value"] == pytest.approx(answers)
    assert paid.loc["days_to_margin", "value"] == pytest.approx(385 * days / answers, rel=1e-9)
    assert paid.loc["per_week", "value"] == pytest.approx(7 * paid.loc["asked", "value"] / days)
    assert paid.loc["assumed_rate", "note"] == "rate_stated"
    assert pd.isna(paid.loc["expected_answers", "low"])
    assert table.loc[("began", "days_to_margin"), "note"] == "rate_unknown"
    assert pd.isna(table.loc[("began", "expected_answers"), "value"])


def test_rows_in_any_order_and_copies_of_a_rule_change_nothing(study, tmp_path):
    found = triggers.simulate(study, RULES)
    shuffled = history().sample(frac=1, random_state=1)
    again = triggers.simulate(study_of(tmp_path / "b", shuffled), RULES)
    pd.testing.assert_frame_equal(found.candidates, again.candidates)
    pd.testing.assert_frame_equal(found.rules, again.rules)


def test_sampling_none_all_and_more(study):
    base = {"name": "a", "event": "pay"}
    none, few, many, every = (
        triggers.simulate(study, [base | {"sample": share}]).asked for share in (0, 0.2, 0.6, 1)
    )
    assert len(none) == 0 and len(every) == (history()["touchpoint"] == "pay").sum()
    key = ["customer_id", "ts"]
    assert set(few[key].itertuples(index=False)) < set(many[key].itertuples(index=False))
    assert 0.45 < len(many) / len(every) < 0.75
    other = triggers.simulate(study, [base | {"sample": 0.6}], seed=1).asked
    assert set(other["ts"]) != set(many["ts"])
    empty = triggers.simulate(study, [base | {"sample": 0}])
    assert len(empty.load) == 0
    row = empty.rules.set_index("metric").loc["per_week"]
    assert (row["value"], row["n"]) == (0, 0)


def test_another_zone_moves_the_hours(tmp_path):
    events = pd.DataFrame({"customer_id": ["a"], "ts": ["2026-01-05T08:30:00Z"],
                           "touchpoint": ["pay"]})  # fmt: skip
    rule = [{"name": "r", "event": "pay", "hours": "09:00-10:00"}]
    fates = {}
    for zone in ("UTC", "Europe/Stockholm", "Europe/Helsinki"):
        study = study_of(tmp_path / zone.replace("/", ""), events, timezone=zone)
        fates[zone] = triggers.simulate(study, rule).candidates["fate"].tolist()
    assert fates == {"UTC": ["outside_hours"], "Europe/Stockholm": ["asked"],
                     "Europe/Helsinki": ["outside_hours"]}  # fmt: skip


def test_what_is_not_due_yet_is_no_candidate(study):
    found = triggers.simulate(study, [{"name": "late", "event": "pay", "delay": "400D"}])
    assert len(found.candidates) == 0
    assert found.not_due == (history()["touchpoint"] == "pay").sum()
    assert found.rules["metric"].tolist()[0] == "candidates"
    never = triggers.simulate(study, [{"name": "n", "event": "never"}])
    assert (len(never.candidates), never.not_due) == (0, 0)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([{"name": "a", "event": "visitt"}], 'no touchpoint "visitt". Did you mean "visit"?'),
        ([{"name": "a", "stage": "awarenes"}], 'no stage "awarenes". Did you mean "awareness"?'),
        ([{"name": "a", "event": "pay", "where": {"contry": "SE"}}], "country"),
        ([{"name": "a", "evnt": "pay"}], 'unknown key "evnt". Did you mean "event"?'),
        ([{"name": "a"}], "needs either event or stage"),
        ([{"name": "a", "event": "pay", "sample": 2}], "triggers.0.sample"),
        ([{"name": "a", "event": "pay", "quarantine": 0}], "triggers.0.quarantine"),
        ([{"name": "a", "event": "pay", "weekdays": ["mnd"]}], 'Did you mean "mon"?'),
        ([{"name": "a", "event": "pay"}] * 2, 'two rules are called "a"'),
        (None, "no triggers; list the rules under triggers"),
        ("nowhere.yaml", "no file of rules"),
    ],
)
def test_mistakes_are_one_clear_line(study, rules, said):
    with pytest.raises(UserError) as error:
        triggers.simulate(study, rules)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_rules_from_a_file_and_from_the_study(tmp_path):
    (tmp_path / "rules.yaml").write_text("triggers:\n- {name: a, event: pay}\n")
    study = study_of(tmp_path / "s", history(), triggers=[{"name": "a", "event": "pay"}])
    mine = triggers.simulate(study)
    pd.testing.assert_frame_equal(
        mine.rules, triggers.simulate(study, tmp_path / "rules.yaml").rules
    )
    with pytest.raises(UserError, match="holds no event"):
        triggers.simulate(study, start="2030-01-01")
    with pytest.raises(UserError, match="margin is 10"):
        triggers.simulate(study, margin=10)


cases = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 1)), max_size=60)
peace = st.one_of(st.none(), st.integers(1, 30))


@given(cases, peace, peace, peace, st.one_of(st.none(), st.integers(1, 4)))
@settings(max_examples=200)
def test_no_quarantine_is_ever_broken(rows, first, second, own, cap):
    rules = [
        Trigger(name="a", event="x", quarantine=first, quarantine_rule=own, max_per_week=cap),
        Trigger(name="b", event="x", quarantine=second),
    ]
    rows.sort(key=lambda row: row[1])
    who, day, rule = (np.array([row[i] for row in rows], "int64") for i in range(3))
    fates = decide(who, day, rule, day // 7, rules)
    sent = []
    weeks = Counter()
    for w, d, r, fate in zip(who, day, rule, fates, strict=True):
        wide = rules[r].quarantine or 0
        close = [x for x in sent if x[0] == w and d - x[1] < wide]
        mine = [x for x in sent if x[0] == w and x[2] == r
                and d - x[1] < (rules[r].quarantine_rule or 0)]  # fmt: skip
        full = rules[r].max_per_week is not None and weeks[r, d // 7] >= rules[r].max_per_week
        expected = QUARANTINED if close or mine else OVER_CAP if full else ASKED
        assert fate == expected
        if fate == ASKED:
            sent.append((w, d, r))
            weeks[r, d // 7] += 1


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400)), max_size=30))
def test_the_busiest_ninety_days(rows):
    unit = np.array([row[0] for row in rows], "int64")
    day = np.array([row[1] for row in rows], "int64")
    expected = []
    for who in np.unique(unit):
        own = day[unit == who]
        expected.append(max(((own >= d) & (own < d + 90)).sum() for d in own))
    assert busiest(unit, day * 86_400_000_000).tolist() == expected


def test_draws_are_even_and_independent_of_each_other():
    n = 40_000
    who = name_hash(str(i) for i in range(n))
    zero, rule = np.zeros(n, "int64"), name_hash(["r"])
    one_, two = draws(who, zero, zero, rule, 0), draws(who, zero + 1, zero, rule, 0)
    for drawn in (one_, two):
        counts = np.histogram(drawn, 20, (0, 1))[0]
        assert ((counts - n / 20) ** 2 / (n / 20)).sum() < 50  # chi-squared, 19 degrees
    assert abs(np.corrcoef(one_, two)[0, 1]) < 0.025


def test_needed_is_what_brings_the_margin():
    for kind, n in (("nps", 385), ("csat", 97), ("text", 97)):
        assert needed(0.1, worst_variance(kind)) == n
        half = 1.959964 * np.sqrt(worst_variance(kind) / np.array([n, n - 1]))
        assert half[0] <= 0.1 < half[1]
