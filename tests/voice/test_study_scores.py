"""Scores of a study: attachment, break-downs, periods and differences, beside plain pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlab import ask
from cjlab.comparison import compare
from cjlab.errors import UserError
from cjlab.stats import clustered_ratio, difference
from cjlab.voice import answers, attachment, nps, score_difference, scores

HEAD = "kind,score,text,customer_id,ts,scale,touchpoint,wave,channel,invited_ts,language,relation"
EVENTS = [
    "customer_id,ts,touchpoint",
    "a,2026-01-10T10:00:00Z,visit",
    "a,2026-01-20T10:00:00Z,buy",
    "a,2026-01-20T10:00:00Z,hello",
    "b,2026-02-01T10:00:00Z,visit",
]


def line(score="", who="", ts="", touchpoint="", kind="nps", **more):
    fields = dict.fromkeys(HEAD.split(","), "")
    fields |= {"kind": kind, "score": score, "customer_id": who, "ts": ts, "touchpoint": touchpoint}
    return ",".join(str({**fields, **more}[name]) for name in HEAD.split(","))


def test_an_answer_belongs_to_its_touchpoint_else_to_the_stage_of_that_time(study) -> None:
    rows = [
        line(1, "a", "2026-01-09T10:00:00Z"),  # before anything
        line(2, "a", "2026-01-10T10:00:00Z"),  # at the very instant
        line(3, "a", "2026-01-15T10:00:00Z"),
        line(4, "a", "2026-03-15T10:00:00Z"),  # long after the last
        line(5, "a", "2026-03-15T10:00:00Z", "visit"),  # by its raw name
        line(6, "a", "2026-01-15T10:00:00Z", "checkout"),  # by the catalogue's
        line(7, "a", "2026-01-15T10:00:00Z", "hello"),  # a touchpoint without a stage
        line(8, "nobody", "2026-01-15T10:00:00Z"),
        line(9, "", "2026-01-15T10:00:00Z"),
        line(10, "b", ""),  # nobody knows when
        line("", "b", "", invited_ts="2026-01-15T10:00:00Z"),  # an invitation, no answer
    ]
    opened = study([HEAD, *rows], EVENTS)
    found = answers(opened).execute().sort_values("score")
    assert found["score"].tolist() == [float(k) for k in range(1, 11)]
    assert found["row"].is_unique
    said = (
        found[["touchpoint", "stage", "attached"]].astype(object).where(lambda f: f.notna(), None)
    )
    assert said.values.tolist() == [
        [None, None, None],
        [None, "interest", "stage"],
        [None, "interest", "stage"],
        [None, "purchase", "stage"],
        ["site", "interest", "touchpoint"],
        ["checkout", "purchase", "touchpoint"],
        ["hello", "interest", "touchpoint"],
        [None, None, None],
        [None, None, None],
        [None, None, None],
    ]
    counts = attachment(opened)
    assert dict(zip(counts["attached"], counts["value"], strict=True)) == {
        "touchpoint": 3.0, "stage": 3.0, "unattached": 4.0,
    }  # fmt: skip
    assert (counts["n"] == 10).all()
    assert answers(opened, "2026-01-15", "2026-01-16").count().execute() == 5
    with pytest.raises(UserError, match='no kind of response "npx"'):
        answers(opened, kinds="npx")


def planted(seed: int = 5, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"score": rng.integers(0, 12, n), "kind": "nps", "scale": 10})
    frame["customer_id"] = [f"c{k}" if k < 90 else "" for k in rng.integers(0, 100, n)]
    days = pd.to_timedelta(rng.integers(0, 90 * 24, n), unit="h")
    frame["ts"] = (pd.Timestamp("2026-01-01") + days).strftime("%Y-%m-%dT%H:%M:%SZ")
    frame["touchpoint"] = rng.choice(["visit", "buy", ""], n)
    frame["relation"] = rng.choice(["transactional", "relational"], n)
    return frame


def test_the_engine_counts_as_a_frame_does(study) -> None:
    frame = planted()
    opened = study([HEAD, *(line(**_named(row)) for row in frame.to_dict("records"))])
    found = scores(opened, by=["touchpoint", "month"])
    frame["customer_id"] = frame["customer_id"].replace("", None)
    local = pd.to_datetime(frame["ts"]).dt.tz_convert("Europe/Stockholm")
    frame["report_period"] = local.dt.strftime("%Y-%m")
    frame["touchpoint"] = frame["touchpoint"].map({"visit": "site", "buy": "checkout"})
    plain = nps(frame, by=["touchpoint", "report_period"])
    last = frame["report_period"] == frame["report_period"].max()
    assert last.any()
    over = found["report_period"] < frame["report_period"].max()
    pd.testing.assert_frame_equal(
        found[over].reset_index(drop=True),
        plain[plain["report_period"] < frame["report_period"].max()].reset_index(drop=True),
    )
    waiting = found[~over]
    assert (waiting["status"] == "not_yet_observed").all() and waiting["value"].isna().all()
    pd.testing.assert_frame_equal(
        scores(opened, pool="relation"), nps(frame, pool="relation"), check_like=False
    )


def test_a_response_without_a_score_is_no_invalid_answer(study) -> None:
    given = [9, 2, 12, "Inte aktuellt för mig", "unsure", ""]
    rows = [line(score, f"c{i}", "2026-01-15T10:00:00Z") for i, score in enumerate(given)]
    found = scores(study([HEAD, *rows])).set_index("metric")
    assert found.loc["nps", ["value", "n"]].tolist() == [0.0, 2]
    assert found.loc["invalid", "value"] == 2  # 12 and "unsure"


def _named(row: dict) -> dict:
    return {("who" if name == "customer_id" else name): value for name, value in row.items()}


def test_what_can_be_asked_and_what_not(study) -> None:
    rows = [line(9, "a", "2026-01-15T10:00:00Z"), line(3, "b", "2026-02-15T10:00:00Z")]
    people = ["customer_id,land", "a,SE", "b,NO"]
    opened = study([HEAD, *rows], EVENTS, people)
    found = scores(opened, by=["stage", "land"])
    values = found[found["metric"] == "nps"][["stage", "land", "value"]].values.tolist()
    assert values == [["interest", "NO", -100.0], ["interest", "SE", 100.0]]
    with pytest.raises(UserError, match=r'told apart by "lend".*land'):
        scores(opened, by="lend")
    with pytest.raises(UserError, match="personas are not assigned"):
        scores(opened, by="persona")
    with pytest.raises(UserError, match="are both calendars"):
        scores(opened, by=["month", "week"])
    with pytest.raises(UserError, match='no score "nsp"'):
        scores(opened, "nsp")
    shown = ask.answer(opened, "nps", by=["touchpoint"], period="all", private=True)
    assert shown.loc[shown["metric"] == "nps", "value"].tolist() == [0.0]
    with pytest.raises(UserError, match='nps: no option "kind"'):
        ask.answer(opened, "nps", settings=["kind=csat"], period="all")
    none = ask.answer(opened, "csat", settings=["boxes=true"], period="all")
    assert none["value"].isna().tolist() == [True] * 6 + [False]
    assert none["note"].tolist()[:6] == ["no_valid_answers"] * 6


def test_difference_of_apart_groups_is_newcombes() -> None:
    frame = pd.DataFrame({"score": [5] * 56 + [1] * 14 + [5] * 48 + [1] * 32})
    frame["shop"] = ["A"] * 70 + ["B"] * 80
    found = score_difference(frame, "shop", kind="csat").set_index("metric")
    plain = difference(56, 70, 48, 80)
    assert found.loc["difference", ["value", "low", "high"]].tolist() == pytest.approx(list(plain))
    assert found.loc["p", "value"] == found.loc["p_adjusted", "value"]
    # The house's comparison of two tables says the same, for NPS too.
    score = frame.assign(score=frame["score"] * 2)
    sides = [nps(score[score["shop"] == name], by="shop") for name in "AB"]
    beside = compare(*sides, metrics=["nps"]).iloc[0]
    own = score_difference(score, "shop").set_index("metric").loc["difference"]
    assert own[["value", "low", "high"]].tolist() == pytest.approx(
        beside[["difference", "diff_low", "diff_high"]].tolist()
    )


def test_customers_in_both_groups_are_allowed_for(study) -> None:
    rng = np.random.default_rng(2)
    liking = rng.normal(0, 3, 300)
    parts = []
    for shop, shift in (("visit", 6.5), ("buy", 6.0)):
        score = np.clip(np.round(liking + shift + rng.normal(0, 0.7, 300)), 0, 10).astype(int)
        parts.append(pd.DataFrame({"score": score, "touchpoint": shop, "customer_id": range(300)}))
    frame = pd.concat(parts, ignore_index=True)
    joint = score_difference(frame, "touchpoint").set_index("metric").loc["difference"]
    alone = score_difference(frame.drop(columns="customer_id"), "touchpoint")
    alone = alone.set_index("metric").loc["difference"]
    assert joint["value"] == alone["value"]
    assert joint["high"] - joint["low"] < 0.7 * (alone["high"] - alone["low"])
    # Beside the linearised variance of the paired differences.
    y = (frame["score"] >= 9).astype(int) - (frame["score"] <= 6).astype(int)
    sign = np.where(frame["touchpoint"] == "buy", 1, -1)
    error = clustered_ratio(2 * sign * y, np.ones(600), frame["customer_id"]).standard_error
    assert (joint["high"] - joint["low"]) / 2 == pytest.approx(100 * 1.96 * error, rel=0.03)
    lines = [
        line(r.score, f"c{r.customer_id}", "2026-01-15T10:00:00Z", r.touchpoint)
        for r in frame.itertuples()
    ]
    there = score_difference(study([HEAD, *lines]), "touchpoint").set_index("metric")
    assert there.loc["difference", ["segment", "other"]].tolist() == ["checkout", "site"]
    numbers = there.loc["difference", ["value", "low", "high"]].tolist()
    assert numbers == pytest.approx(joint[["value", "low", "high"]].tolist())


def test_a_family_of_differences() -> None:
    frame = pd.DataFrame({"score": [10] * 30 + [0] * 30 + [5] * 30, "shop": list("ABC") * 30})
    found = score_difference(frame, "shop")
    assert found.attrs["m"] == 3 and found.attrs["family"] == "nps by shop"
    assert len(found) == 9
    against = score_difference(frame, "shop", base="B")
    pairs = against[against["metric"] == "difference"][["segment", "other"]].values.tolist()
    assert pairs == [["A", "B"], ["C", "B"]]
    with pytest.raises(UserError, match='no group "Z"'):
        score_difference(frame, "shop", base="Z")
    with pytest.raises(UserError, match="calendar periods"):
        score_difference(frame, "month")
