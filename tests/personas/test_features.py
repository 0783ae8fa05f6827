"""Features computed in the engine equal a plain second computation, customer by customer."""

import shutil
from datetime import datetime
from itertools import pairwise
from statistics import mean, median
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import yaml

from cjlab import journey, personas
from cjlab.errors import UserError
from cjlab.journey.base import Journeys
from cjlab.personas import _channels, _distinct
from cjlab.personas._catalogue import CATALOGUE, GROUPS
from cjlab.personas._features import Feature, batches, measure
from cjlab.study import open_study

ZONE = "Europe/Stockholm"
UNTIL = datetime(2026, 6, 1, tzinfo=ZoneInfo(ZONE))
STAGES = ["see", "want", "buy"]
LINES = {"page": "online", "app": "online", "till": "offline", "walk": None}


def utc(value):
    return pd.Timestamp(value, tz="UTC")


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(4)
    rows = []
    for customer in range(60):
        for _ in range(1 + int(rng.integers(8))):
            # Across both changes of the clock, with visits of one to four events.
            start = utc("2025-10-01") + pd.Timedelta(minutes=int(rng.integers(240 * 1440)))
            channel = rng.choice(["web", "app", "fax", ""], p=[0.5, 0.4, 0.02, 0.08])
            for event in range(1 + int(rng.integers(4))):
                ts = start + pd.Timedelta(minutes=11 * event)
                stage = rng.choice(["see", "want", "buy", ""], p=[0.4, 0.3, 0.2, 0.1])
                touchpoint = rng.choice(list(LINES))
                who = f"c{customer:02d}"
                rows.append((who, ts, touchpoint, stage or None, channel or None))
    columns = ["customer_id", "ts", "touchpoint", "stage", "channel"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates(["customer_id", "ts"])


def journeys(log, **options):
    made = Journeys.from_frame(
        log, stages=STAGES, channel="channel", timezone=ZONE,
        **{"observed_until": "2026-06-01", **options},
    )  # fmt: skip
    made.minimum = 1  # this small log is about values; who may be named has a test of its own
    for touchpoint, line in LINES.items():
        if line:
            made.con.raw_sql(
                f"UPDATE touchpoint SET line = '{line}' WHERE touchpoint = '{touchpoint}'"
            )
    return made


@pytest.fixture(scope="module")
def j(log):
    return journeys(log)


def days(span):
    return span.total_seconds() / 86400


def plainly(rows):
    """One customer's features, event by event."""
    rows = rows.sort_values("ts")
    times = list(rows["ts"])
    visits = [[times[0]]]
    for before, now in pairwise(times):
        if days(now - before) * 1440 > 30:
            visits.append([])
        visits[-1].append(now)
    starts = [visit[0].tz_convert(ZONE) for visit in visits]
    ends = [visit[-1].tz_convert(ZONE) for visit in visits]
    gaps = [(b.date() - a.date()).days for a, b in zip(ends, starts[1:], strict=False)]
    gaps = [gap for gap in gaps if gap > 0]
    tenure = days(UNTIL - times[0])
    channels, lines = rows["channel"].dropna(), rows["touchpoint"].map(LINES).dropna()
    found = {
        "recency_days": days(UNTIL - times[-1]),
        "tenure_days": tenure,
        "frequency": (len(gaps) + 1) / max(tenure / 30, 1),
        "median_gap_days": median(gaps) if gaps else np.nan,
        "regularity": 1 / (1 + np.std(gaps) / np.mean(gaps)) if len(gaps) >= 3 else np.nan,
        "night_share": mean(t.hour < 6 for t in starts),
        "morning_share": mean(6 <= t.hour < 12 for t in starts),
        "evening_share": mean(t.hour >= 18 for t in starts),
        "weekend_share": mean(t.weekday() >= 5 for t in starts),
        "events_per_session": len(times) / len(visits),
        "session_minutes": mean(days(v[-1] - v[0]) * 1440 for v in visits),
        "touchpoint_variety": rows["touchpoint"].nunique(),
        "share_web": (channels == "web").mean() if len(channels) else np.nan,
        "share_app": (channels == "app").mean() if len(channels) else np.nan,
        "online_share": (lines == "online").mean() if len(lines) else np.nan,
    }
    staged = rows.dropna(subset="stage")
    places = [STAGES.index(stage) for stage in staged["stage"]]
    found["stages_seen"] = len(set(places))
    found["furthest_stage"] = max(places) + 1 if places else np.nan
    after = [*staged["ts"][1:], pd.Timestamp(UNTIL).tz_convert("UTC")]
    for stage in STAGES:
        stays = [
            days(b - a)
            for a, b, s in zip(staged["ts"], after, staged["stage"], strict=True)
            if s == stage
        ]
        found[f"days_in_{stage}"] = sum(stays) if stays else np.nan
    return found


def assert_same(found, expected):
    pd.testing.assert_frame_equal(
        found, expected.astype(float), check_names=False, check_index_type=False, rtol=1e-9
    )


def test_features_equal_a_plain_second_computation(log, j):
    found = measure(j, select=["auto", "journey"])
    seen = log[log["ts"] < UNTIL]
    expected = pd.DataFrame({who: plainly(rows) for who, rows in seen.groupby("customer_id")}).T
    assert found.index.to_list() == expected.index.to_list()
    assert_same(found[expected.columns], expected)
    assert set(found) - set(expected) <= {"share_other_channels", "share_fax"}
    lacking = expected.isna().any()
    for name in ("median_gap_days", "regularity", "days_in_buy", "share_web"):
        assert lacking[name], f"the log needs a customer without {name}"


def test_a_visit_over_midnight_is_one_day():
    times = ["2026-01-05 23:50", "2026-01-06 00:10", "2026-01-06 20:00", "2026-01-09 12:00"]
    times.append("2026-01-09 12:30")  # thirty minutes on the dot end no visit
    log = pd.DataFrame({"customer_id": "a", "ts": times, "stage": "see"})
    j = Journeys.from_frame(log, stages=["see"], timezone=ZONE, observed_until="2026-02-04")
    found = measure(j).loc["a"]
    assert found["frequency"] == pytest.approx(2 / max(found["tenure_days"] / 30, 1))
    assert found["median_gap_days"] == 3 and found["session_minutes"] == pytest.approx(
        (20 + 30) / 3
    )


def test_only_what_lies_in_the_span_counts(log):
    cut = datetime(2026, 2, 1, tzinfo=ZoneInfo(ZONE))
    options = {"observed_until": "2026-02-01"}
    whole = journeys(log, end="2026-02-01", observed_until=None)
    short = journeys(log[log["ts"] < cut], **options)
    select = ["auto", "journey"]
    pd.testing.assert_frame_equal(measure(whole, select=select), measure(short, select=select))
    # The first instant may lie within a visit.
    first = log["ts"].sort_values().iloc[len(log) // 3] + pd.Timedelta(minutes=12)
    late = journeys(log[log["ts"] >= first])
    found = measure(journeys(log), first=first.tz_localize(None).to_pydatetime(), select=select)
    pd.testing.assert_frame_equal(found, measure(late, select=select))


@pytest.mark.parametrize(("bits", "sets"), [(3, 8), (2, 1)])
def test_many_touchpoints_are_counted_like_few(j, monkeypatch, bits, sets):
    expected = measure(j, select=["touchpoint_variety", "stages_seen"])
    monkeypatch.setattr(_distinct, "BITS", bits)
    monkeypatch.setattr(_distinct, "SETS", sets)
    parts = _distinct.distinct(j.events.touchpoint, len(LINES), "x")
    assert list(parts) == (["x"] if sets == 1 else ["x_0", "x_1"])
    pd.testing.assert_frame_equal(measure(j, select=list(expected)), expected)


def test_a_channel_of_few_is_never_named_nor_pooled_alone(monkeypatch):
    rows = [
        (f"c{who:03d}", f"2026-01-{day:02d} 10:00", "see", channel)
        for who in range(120)
        for day in (3, 9, 20)
        for channel in ["Advisor Anna" if who < 4 else "app" if who % 3 else "web"]
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "channel"])
    j = Journeys.from_frame(log, stages=["see", "buy"], channel="channel")
    found = measure(j)
    shares = [name for name in found if name.startswith("share_")]
    assert shares == ["share_app", "share_other_channels"]
    assert (found["share_other_channels"] > 0).sum() == 4 + 38  # Anna's four and the web's
    np.testing.assert_allclose(found[shares].sum(axis=1), 1)
    monkeypatch.setattr(_channels, "LOOKED_AT", 1)  # channels of few events are pooled unseen
    pd.testing.assert_frame_equal(measure(j), found)


@pytest.mark.parametrize(("line", "share"), [("offline", 0), ("online", 1)])
def test_where_all_lines_are_alike_the_share_is_plain(log, line, share):
    j = Journeys.from_frame(log, stages=STAGES, observed_until="2026-06-01")
    assert "online_share" not in measure(j)
    j.con.raw_sql(f"UPDATE touchpoint SET line = '{line}' WHERE touchpoint = 'page'")
    assert (measure(j)["online_share"].dropna() == share).all()


def test_channels_with_one_name_keep_apart():
    rows = [
        (f"c{who:03d}", "2026-01-03", "see", ["E-mail", "e_mail", "other channels", "x"][who % 4])
        for who in range(120)
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "ts", "stage", "channel"])
    found = measure(Journeys.from_frame(log, stages=["see"], channel="channel"))
    shares = found[[f.name for f in found.attrs["features"] if f.group == "channel"]]
    assert list(shares) == ["share_e_mail", "share_e_mail_2", "share_other_channels", "share_x"]
    assert (shares.sum() == 30).all()


def test_a_selection_keeps_its_order_and_names_what_is_wrong(j):
    both = ["weekend_share", "recency_days"]
    assert list(measure(j, select=both)) == both
    assert list(measure(j, select="recency_days")) == ["recency_days"]
    with pytest.raises(UserError, match=r'no feature "recency_day"\. Did you mean "recency_days"'):
        measure(j, select=["recency_day"])
    with pytest.raises(UserError, match="empty"):
        measure(j, select=[])
    for absent in ("monetary", "support", "declared"):
        with pytest.raises(UserError, match=f'no data for "{absent}"'):
            measure(j, select=["auto", absent])


def test_groups_and_auto(j):
    auto = measure(j).attrs["features"]
    assert not [f for f in auto if f.outcome or f.group == "declared"]
    for name in ("rhythm", "channel_mix", "journey"):
        found = measure(j, select=[name]).attrs["features"]
        assert {f.group for f in found} == {GROUPS[name]}
        if name != "journey":
            assert found == [f for f in auto if f.group == GROUPS[name]]
    mixed = measure(j, select=["furthest_stage", "auto", "recency_days"]).attrs["features"]
    assert mixed[1:] == auto and mixed[0].name == "furthest_stage"


def test_features_of_a_stored_model_keep_their_columns(log, j):
    like = measure(j, select=["auto", "journey"]).attrs["features"] + [
        CATALOGUE["share_{name}"].of("tv", "tv"),
        CATALOGUE["monetary"],
        Feature("age", "Age", "number", "Declared.", "declared"),
    ]
    later = measure(j, like=like)
    assert list(later) == [feature.name for feature in like]
    assert (later["share_tv"].dropna() == 0).all() and later["share_tv"].notna().any()
    assert later[["monetary", "age"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(later.iloc[:, :-3], measure(j, select=["auto", "journey"]))
    # Channels that the model does not name are among its others.
    some = [f for f in like if f.name == "share_web"]
    others = [*some, CATALOGUE["share_{name}"].of("other_channels", "other channels")]
    pooled = measure(j, like=others)
    np.testing.assert_allclose(pooled.sum(axis=1, skipna=False).dropna(), 1)


def test_every_feature_says_what_it_is():
    scores = {"nps"}
    for feature in CATALOGUE.values():
        assert feature.label and feature.unit and feature.sentence.endswith(".")
        assert feature.group in GROUPS.values()
        assert bool(feature.touches) == feature.outcome
        assert set(feature.touches) <= set(journey.METRICS) | scores


def test_no_customers_no_rows():
    empty = pd.DataFrame({"customer_id": [], "ts": [], "stage": []}, dtype="str")
    assert measure(Journeys.from_frame(empty, stages=["see"]), select=["auto", "journey"]).empty


ORDERS = """customer_id,order_id,ts,value,quantity,margin,discount
a,1,2026-03-01,60,1,20,10
a,1,2026-03-01,40,2,5,
a,2,2026-04-01,50,,,50
a,3,2026-04-02,-50,1,-9,0
a,9,2026-07-01,999,9,9,9
b,4,2026-02-01,20,4,,
c,5,2026-02-01,-5,,,
"""
RESPONSES = """kind,score,text,customer_id,ts,invited_ts
nps,9,,a,2026-02-01,2026-01-31
nps,11,,a,2026-02-03,2026-02-02
nps,3,,a,2026-07-01,2026-02-04
csat,5,,a,2026-02-05,
nps, 7 ,,b,2026-02-01,2026-01-31
nps,4,,b,2026-02-01,2026-01-31
nps,2,,b,,2026-01-31
open,,fine,c,2026-02-01,
nps,,,d,,2026-01-31
"""
TICKETS = "customer_id,opened\na,2026-03-01\na,2026-03-02\nb,2026-06-01\n"
CUSTOMERS = "customer_id,age,postcode,plan,consent,account_id,orders,motto\n" + "".join(
    f"{who},{age},{code},{plan},yes,k1,many,motto of {who}\n"
    for who, age, code, plan in [
        ("a", "34", "00123", "gold"), ("b", "", "11122", ""), ("c", "-5.5", "11122", "true"),
        *((f"x{i}", str(20 + i), "11122", "free") for i in range(40)),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    events = "customer_id,ts,touchpoint\n" + "".join(
        f"{who},2026-01-02T10:00:00Z,page\n" for who in [*"abcd", *(f"x{i}" for i in range(40))]
    )
    tables = {"events": events, "orders": ORDERS, "responses": RESPONSES, "tickets": TICKETS,
              "customers": CUSTOMERS}  # fmt: skip
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    study = {
        "name": "Shop",
        "goal": "Sell",
        "observed_until": "2026-06-01T00:00:00Z",
        "sources": {name: {"path": f"{name}.csv"} for name in tables},
    }
    study["sources"]["orders"]["derive"] = False
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder


def test_orders_answers_and_tickets(folder):
    study = open_study(folder)
    auto = personas.features(study)
    assert not {"orders", "last_score"} & set(auto)
    found = personas.features(study, select=["auto", "value", "survey", "support"])
    assert set(auto) < set(found)
    tenure = days(utc("2026-06-01") - utc("2026-01-02T10:00"))
    nan = np.nan
    expected = pd.DataFrame(
        {
            "orders": [2 * 30 / tenure, 30 / tenure, 0, 0],
            "monetary": [75, 20, nan, nan],  # two lines are one order
            "return_share": [1 / 3, 0, nan, nan],
            "discount_share": [60 / 210, nan, nan, nan],
            "items_per_order": [3, 4, nan, nan],
            "margin_share": [25 / 100, nan, nan, nan],
            "answers": [3 * 365 / tenure, 2 * 365 / tenure, 365 / tenure, 0],
            "answer_share": [2 / 3, 1, nan, 0],
            "last_score": [9, 5.5, nan, nan],
            "tickets": [2 * 365 / tenure, 0, 0, 0],
        },
        index=list("abcd"),
    )
    assert_same(found.loc[list("abcd"), list(expected)], expected)


def test_what_has_nothing_behind_it_is_absent(folder):
    # Before anything was returned, discounted or answered there is no feature of it.
    early = personas.features(open_study(folder), end="2026-02-01T12:00", select=["auto", "value"])
    assert {"monetary", "items_per_order", "answers"} <= set(early)
    assert not {"discount_share", "margin_share", "tickets"} & set(early)


def test_an_export_of_answers_only_knows_no_answer_share(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "shop", ignore=shutil.ignore_patterns(".cjlab"))
    answers = [line for line in RESPONSES.splitlines() if not line.startswith("nps,,")]
    (tmp_path / "shop" / "responses.csv").write_text("\n".join(answers) + "\n")
    # On the fourth of February one has been asked who answers later.
    for end in ("2026-02-04T12:00", None):
        found = personas.features(open_study(tmp_path / "shop"), end=end)
        assert "answers" in found and "answer_share" not in found


def test_declared_attributes_are_asked_for(folder):
    study = open_study(folder)
    found = personas.features(study, select=["recency_days", "declared"])
    assert list(found) == ["recency_days", "age", "postcode", "plan", "declared_orders"]
    kinds = {f.name: f.kind for f in found.attrs["features"]}
    assert kinds == {"recency_days": "number", "age": "number", "postcode": "category",
                     "plan": "category", "declared_orders": "category"}  # fmt: skip
    np.testing.assert_array_equal(found["age"][:4], [34, np.nan, -5.5, np.nan])
    assert found["plan"].isna()[:4].tolist() == [False, True, False, True]
    assert found["postcode"]["a"] == "00123"
    assert {f.name: f.unit for f in found.attrs["features"]}["age"] == "number"
    assert not {"age", "plan"} & set(personas.features(study))
    stored = found.attrs["features"]
    again = measure(study.journeys(), like=stored)
    pd.testing.assert_frame_equal(again, found)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("customer_id", "says who"),
        ("account_id", "says who"),
        ("consent", "says who"),
        ("motto", "as many values as customers"),
        ("agee", 'Did you mean "age"'),
    ],
)
def test_ids_and_free_text_make_no_persona(folder, name, why):
    with pytest.raises(UserError, match=why):
        personas.features(open_study(folder), select=["auto", name])


def test_batches_are_parts_of_the_whole(folder):
    # The later batches hold nobody with an order, an answer or a ticket: still a true zero.
    j = open_study(folder).journeys()
    whole = measure(j, select=["auto", "value", "survey", "support", "journey", "declared"])
    parts = list(batches(j, whole.attrs["features"], 7))
    assert len(parts) == -(-len(whole) // 7) > 5 and (parts[-1]["tickets"] == 0).all()
    pd.testing.assert_frame_equal(pd.concat(parts), whole)
