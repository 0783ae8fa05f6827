"""Journeys from a frame: what is taken, what is refused, what comes out again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from journey_brute import MINUTE, STAGES, Question, clean, frame_of, frames, moment, questions

from cjlab.errors import UserError
from cjlab.journey import Journeys, dropoff, funnel, time_in_stage, transitions
from cjlab.stages import StageModel

FEW = settings(max_examples=15)
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])
METRICS = (funnel, dropoff, time_in_stage, transitions)


def journeys(frame: pd.DataFrame, question: Question | None = None, **more) -> Journeys:
    return Journeys.from_frame(
        frame, stages=MODEL, **{**(question or Question()).options(), **more}
    )


def usable(frame: pd.DataFrame) -> bool:
    return bool(frame[["customer_id", "ts"]].notna().all(axis=1).any())


def log(*rows: tuple) -> pd.DataFrame:
    """(id, minutes, stage)."""
    frame = frame_of([(who, at, stage, "x", "web") for who, at, stage in rows])
    return frame[["customer_id", "ts", "stage"]]


def reached(j: Journeys, *steps: str) -> list[float]:
    return funnel(j, steps=list(steps)).query("metric == 'reached'")["value"].tolist()


@FEW
@given(frames().filter(usable), questions())
def test_to_ibis_gives_back_every_observed_event_by_name(frame, question) -> None:
    known = clean(frame, question)
    got = journeys(frame, question, channel="channel").to_ibis().execute()
    expected = []
    for who, events in known.seen.items():
        session, before = -1, None
        for step, e in enumerate(events):
            session += before is None or e.ts - before > 30 * MINUTE
            before = e.ts
            expected.append((who, step, moment(e.ts), e.stage, e.channel, session))
    columns = ["customer_id", "step", "ts", "stage", "channel", "session"]
    rows = got[columns].astype(object).where(got[columns].notna(), None)
    assert sorted(map(tuple, rows.to_numpy().tolist()), key=str) == sorted(expected, key=str)


@FEW
@given(frames().filter(usable), questions(views=False))
def test_issues_count_every_row_once(frame, question) -> None:
    known = clean(frame, question)
    accepted = [event for events in known.every.values() for event in events]
    found = journeys(frame, question, channel="channel").issues()
    effects = found.groupby("effect")["rows"].sum()
    refused = frame[["customer_id", "ts"]].isna().any(axis=1).sum()
    assert effects["in"] == len(frame)
    assert effects["accepted"] == len(accepted)
    assert effects.get("rejected", 0) == refused
    assert effects.get("dropped", 0) == len(frame) - refused - len(accepted)
    rules = found.groupby("rule")["rows"].sum()
    unknown = (frame.loc[[e.row for e in accepted], "stage"] == "zzz").sum()
    assert rules.get('unknown_stage "zzz"', 0) == unknown
    assert rules.get("unmapped_stage", 0) == sum(e.stage is None for e in accepted)
    assert rules.get("not_yet_data", 0) == sum(e.ts >= known.until for e in accepted)


# ---------------------------------------------------------------- ids


def test_ids_are_text_and_none_is_read_as_another() -> None:
    ids = ["007", "7", "null", "NA", "nan", "None", "Åsa", "A\u030asa", "", " ", "=1+1"]
    frame = log(*((who, n, "a") for n, who in enumerate(ids)))
    j = journeys(frame)
    # An empty id, or one of blanks, names nobody.
    assert set(j.units.execute()["customer_id"]) == set(ids) - {"", " "}
    assert j.issues().query("effect == 'rejected'")["rows"].tolist() == [2]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([7, 8, 8], {"7", "8"}),
        ([7.0, 8.0, None], {"7", "8"}),
        ([7, "007", 7], {"7", "007"}),
        (pd.Categorical(["x", "y", "x"]), {"x", "y"}),
        (pd.array([7, None, 2**60], "Int64"), {"7", str(2**60)}),
    ],
)
def test_ids_of_any_kind_keep_their_attributes(ids, expected) -> None:
    frame = log(("x", 0, "a"), ("x", 1, "b"), ("x", 2, "c")).assign(customer_id=ids)
    frame["tier"] = ["t" + str(who).removesuffix(".0") for who in frame["customer_id"]]
    units = journeys(frame).units.execute()
    assert set(units["customer_id"]) == expected
    assert (units["tier"] == "t" + units["customer_id"]).all()


# ---------------------------------------------------------------- stages and touchpoints


def test_an_event_without_a_stage_stays() -> None:
    frame = log(
        ("x", 0, "a"), ("x", 5, None), ("x", 9, "b"), ("y", 0, None), ("y", 1, ""), ("y", 2, " ")
    )
    j = journeys(frame)
    assert len(j.events.execute()) == 6
    assert j.issues().query("rule == 'unmapped_stage'")["rows"].tolist() == [4]
    found = j.to_ibis().execute()
    assert set(found[found["stage"].isna()]["touchpoint"]) == {"(no stage)"}
    assert reached(j, "a", "b") == [1, 1]


def test_only_null_stages() -> None:
    j = journeys(log(("x", 0, None), ("y", 1, None)))
    assert len(j.events.execute()) == 2
    assert reached(j, "a", "b") == [0, 0]
    assert transitions(j, ends=True).empty
    assert not transitions(j, level="touchpoint", ends=True).empty
    assert set(time_in_stage(j)["note"]) == {"no_spells"}


def test_an_empty_frame_has_every_row_and_no_number() -> None:
    j = journeys(log())
    assert "0 events of 0 customers" in repr(j)
    assert j.issues().empty and j.to_ibis().execute().empty and j.units.execute().empty
    found = funnel(j, steps=["a", "b"], window="1D")
    assert found.query("metric == 'reached'")["value"].tolist() == [0, 0]
    assert found.query("metric != 'reached'")["value"].isna().all()
    assert dropoff(j, steps=["a", "b"])["value"].isna().all()
    assert len(time_in_stage(j)) == 16 and time_in_stage(j)["value"].isna().all()
    assert transitions(j).empty and transitions(j, ends=True).empty


def test_an_empty_frame_by_an_attribute_keeps_the_shape() -> None:
    j = journeys(log().assign(country=pd.Series(dtype="str")))
    for metric in METRICS:
        found = metric(j, by="country")
        assert found.empty and next(iter(found.columns)) == "country"


def test_stages_come_from_touchpoints_where_no_column_says_them() -> None:
    model = StageModel.from_config(
        [{"id": "see", "rules": ["page_*"]}, {"id": "buy", "rules": ["pay"]}]
    )
    frame = pd.DataFrame({"customer_id": ["x"] * 3, "ts": [moment(n) for n in range(3)]})
    frame["event"] = ["page_1", "other", "pay"]
    j = Journeys.from_frame(frame, stages=model, touchpoint="event", stage=None)
    assert j.to_ibis().order_by("step").execute()["stage"].fillna("-").tolist() == [
        "see",
        "-",
        "buy",
    ]


@pytest.mark.parametrize("target", ["sv5", "no5", "no3phase", "no3buy", "da5", "da3"])
def test_sm9_stages_in_the_data_are_told_in_any_built_in_model(target) -> None:
    from cjlab.stages import crosswalk

    walk = crosswalk("sm9", target)
    frame = log(*((f"c{n}", n, stage) for n, stage in enumerate(walk)))
    j = Journeys.from_frame(frame, stages=target)
    found = j.to_ibis().execute().set_index("customer_id")["stage"]
    for n, stage in enumerate(walk.values()):
        assert found[f"c{n}"] == stage or (stage is None and pd.isna(found[f"c{n}"]))
    assert not j.issues()["rule"].str.startswith("unknown").any()


# ---------------------------------------------------------------- time


def test_mixed_times_each_keep_their_own_offset() -> None:
    noon = datetime(2026, 1, 1, 12)
    times = [
        noon,
        noon.replace(tzinfo=timezone(timedelta(hours=2))),
        noon.replace(tzinfo=ZoneInfo("UTC")),
        pd.Timestamp(noon),
    ]
    for given_as in (times, [t.isoformat() for t in times]):
        frame = log(*(("x", 0, s) for s in STAGES)).assign(ts=pd.Series(given_as, dtype=object))
        got = journeys(frame, timezone="Europe/Stockholm").to_ibis().execute().set_index("stage")
        assert [got["ts"][s].hour for s in STAGES] == [11, 10, 12, 11]


def test_units_of_time_change_nothing() -> None:
    frame = log(("x", 0, "a"), ("x", 30, "b"), ("y", 1, "b"))
    whole = journeys(frame).to_ibis().order_by("customer_id", "step").execute()
    seconds = (frame["ts"] - pd.Timestamp("1970-01-01")) // pd.Timedelta("1s")
    for form, factor in (("epoch_s", 1), ("epoch_ms", 1000), ("epoch_us", 1_000_000)):
        again = journeys(frame.assign(ts=seconds * factor), time_format=form)
        pd.testing.assert_frame_equal(
            again.to_ibis().order_by("customer_id", "step").execute(), whole
        )
    for unit in ("s", "ms", "us", "ns"):
        again = journeys(frame.assign(ts=frame["ts"].astype(f"datetime64[{unit}]")))
        pd.testing.assert_frame_equal(
            again.to_ibis().order_by("customer_id", "step").execute(), whole
        )


def test_a_day_is_cut_at_local_midnight_on_the_night_the_clock_changes() -> None:
    # 2026-10-25 has 25 hours in Stockholm: 22:00 UTC the day before to 23:00 UTC.
    utc = ["2026-10-24 21:59", "2026-10-24 22:00", "2026-10-25 22:59", "2026-10-25 23:00"]
    frame = log(*((f"c{n}", n, "a") for n in range(4)))
    frame["ts"] = pd.to_datetime(utc, utc=True)
    j = journeys(frame, timezone="Europe/Stockholm", start="2026-10-25", end="2026-10-26")
    assert reached(j, "a", "b") == [2, 0]
    # 2026-03-29 has 23 hours.
    frame["ts"] = pd.to_datetime(
        ["2026-03-28 22:59", "2026-03-28 23:00", "2026-03-29 21:59", "2026-03-29 22:00"], utc=True
    )
    j = journeys(frame, timezone="Europe/Stockholm", start="2026-03-29", end="2026-03-30")
    assert reached(j, "a", "b") == [2, 0]


def test_observation_never_lies_after_the_end_of_the_period() -> None:
    frame = log(("x", 0, "a"), ("x", 60, "b"))
    j = journeys(frame, Question(until=90 * MINUTE, end=30 * MINUTE))
    assert j.observed_until == moment(30 * MINUTE).to_pydatetime()
    assert reached(j, "a", "b") == [1, 0]
    assert journeys(frame).observed_until == moment(60 * MINUTE + 1).to_pydatetime()


def test_a_customer_of_the_future_is_no_customer_yet() -> None:
    frame = log(("x", 0, "a"), ("y", 60, "a")).assign(country=["SE", "NO"])
    j = journeys(frame, Question(until=30 * MINUTE))
    assert j.units.execute()["customer_id"].tolist() == ["x"]
    assert set(funnel(j, steps=["a", "b"], by="country")["country"]) == {"SE"}


# ---------------------------------------------------------------- attributes


def test_a_null_attribute_is_unknown_and_a_changing_one_is_none() -> None:
    frame = log(("x", 0, "a"), ("x", 1, "b"), ("y", 0, "a"), ("z", 0, "a")).assign(
        country=["SE", None, None, "NO"], page=["p", "q", "p", "p"], size=[1, 1, None, 2]
    )
    j = journeys(frame)
    for metric in METRICS[:3]:
        found = metric(
            j, by="country", **({} if metric is time_in_stage else {"steps": ["a", "b"]})
        )
        assert list(dict.fromkeys(found["country"])) == ["(unknown)", "NO", "SE"]
    assert set(transitions(j, by="country", ends=True)["country"]) == {"(unknown)", "NO", "SE"}
    found = funnel(j, steps=["a", "b"], by=["country", "size"])
    assert found[["country", "size"]].drop_duplicates().shape == (3, 2)
    with pytest.raises(UserError, match='no customer attribute "page"'):
        funnel(j, by="page")


def test_where_chooses_customers_and_keeps_their_whole_journeys() -> None:
    frame = log(("x", 0, "a"), ("x", 1, "b"), ("y", 0, "a"), ("z", 0, "a")).assign(
        country=["SE", "SE", "NO", None], age=[30, 30, 40, 50]
    )
    for where, customers in (
        ({"country": "SE"}, {"x"}),
        ({"country": ["SE", "NO"]}, {"x", "y"}),
        ({"country": ("SE",), "age": 30}, {"x"}),
        ({"age": {30, 50}}, {"x", "z"}),
        ({"age": pd.Series([40])}, {"y"}),
        (ibis._.age > 35, {"y", "z"}),
        (lambda t: t.country.isnull(), {"z"}),
        ({"country": "DK"}, set()),
    ):
        j = journeys(frame, where=where)
        assert set(j.units.execute()["customer_id"]) == customers
        events = j.to_ibis().execute()
        assert set(events["customer_id"]) == customers
        assert len(events) == frame["customer_id"].isin(customers).sum()


def test_the_assigned_persona_wins_over_a_column_of_that_name() -> None:
    j = journeys(log(("x", 0, "a"), ("y", 0, "a")).assign(persona=["old", "old"]))
    assert set(funnel(j, steps=["a", "b"], by="persona")["persona"]) == {"old"}
    j = journeys(log(("x", 0, "a"), ("y", 0, "a")).assign(persona=["old", "old"]))
    j.con.con.execute("CREATE TABLE persona AS SELECT 'x' AS customer_id, 'P1' AS persona")
    assert set(funnel(j, steps=["a", "b"], by="persona")["persona"]) == {"P1", "(unknown)"}


def test_other_columns_may_have_any_name() -> None:
    frame = log(("x", 0, "a"), ("y", 1, "b")).rename(columns={"customer_id": "user"})
    frame = frame.assign(customer_id="other", unit="u", first_ts="f", _row=1, events=5)
    frame['say "hi"; DROP'] = "v"
    j = Journeys.from_frame(frame, stages=MODEL, customer="user")
    units = j.units.execute()
    assert set(units["customer_id"]) == {"x", "y"}
    assert set(units['say "hi"; DROP']) == {"v"} and set(units["events"]) == {5}


# ---------------------------------------------------------------- wrong uses


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "dukdb"}, 'engine is "dukdb". Did you mean "duckdb"?'),
        ({"view": "buyng"}, 'view is "buyng". Did you mean "buying"?'),
        ({"ties": "rows"}, 'ties is "rows". Did you mean "row"?'),
        (
            {"timezone": "Europe/Stokholm"},
            'no time zone "Europe/Stokholm". Did you mean "Europe/St',
        ),
        ({"customer": "custmer_id"}, 'no column "custmer_id" (for customer_id)'),
        ({"channel": "chanel"}, 'no column "chanel" (for channel)'),
        ({"start": "soon"}, '"soon" is not an ISO date'),
        ({"start": "2026-02-01", "end": "2026-01-01"}, "holds no time"),
        (
            {"where": {"contry": "SE"}},
            'where: no customer attribute "contry". Did you mean "country"',
        ),
        ({"where": {"country": 3.5}}, "where: country is string, and cannot be compared with 3.5"),
        ({"where": ibis._.contry == "SE"}, "where: "),
        ({"where": lambda t: 1 / 0}, "Attributes of customers: country, customer_type."),
    ],
)
def test_a_wrong_use_is_one_clear_line(options, message) -> None:
    frame = log(("x", 0, "a"), ("x", 1, "b")).assign(country="SE")
    with pytest.raises(UserError) as caught:
        reached(journeys(frame, **options), "a", "b")
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            log(("x", 0, "a")).assign(Stage="b"),
            'columns "stage" and "Stage" differ in capitals only',
        ),
        (log((None, 0, "a")), "none of the 1 rows can be used: 1 × missing in customer_id"),
        (log(("x", None, "a")), "none of the 1 rows can be used: 1 × missing in ts"),
        (log(("x", 0, "a")).assign(ts=1767225600), "say time_format: epoch_s"),
        (log(("x", 0, "a")).assign(ts="yesterday"), 'not_a_time in ts such as "yesterday"'),
    ],
)
def test_a_frame_that_cannot_be_used_says_why_in_one_line(frame, message) -> None:
    with pytest.raises(UserError) as caught:
        journeys(frame)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_without_purchase_has_no_buying_view() -> None:
    with pytest.raises(UserError, match="flag one with purchase: true"):
        Journeys.from_frame(log(("x", 0, "a")), stages=STAGES, view="buying")
