"""Coverage: who met what and answered, by plain pandas; margins; touchpoints nobody met."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import voice_small as small

from cjlab import plots
from cjlab.errors import UserError
from cjlab.privacy import gate
from cjlab.report import stories
from cjlab.stats import clustered_ratio
from cjlab.voice import coverage

Z = 1.959963984540054


def tables() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(3)
    events = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 60, 200).astype(str),
            "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 9000, 200), "min"),
            "touchpoint": rng.choice(["visit", "pay"], 200),
        }
    )
    answers = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 80, 300).astype(str),
            "kind": rng.choice(["nps", "csat"], 300, p=[0.7, 0.3]),
            "score": rng.integers(0, 12, 300),
            "touchpoint": rng.choice(["visit", "pay", ""], 300, p=[0.6, 0.2, 0.2]),
            "ts": pd.Timestamp("2026-01-02") + pd.to_timedelta(rng.integers(0, 9000, 300), "min"),
            "text": rng.choice(["", " ", "good"], 300),
            "channel": rng.choice(["sms", "email"], 300),
        }
    )
    answers.loc[:3, "customer_id"] = ""
    return {"events": events.drop_duplicates(), "responses": answers.drop_duplicates()}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coverage")
    (folder / "touchpoints.csv").write_text(small.CATALOGUE, encoding="utf-8")
    return small.make(folder, tables(), touchpoints="touchpoints.csv")


def plain(kind: str, touchpoint: str) -> dict[str, float]:
    """One cell by hand: each customer's answers and whether they met it."""
    given, events = tables()["responses"], tables()["events"]
    own = given[(given["touchpoint"] == touchpoint)]
    if kind == "text":
        own, y = own[own["text"] == "good"], None
    else:
        top = 10 if kind == "nps" else 5
        own = own[(own["kind"] == kind) & own["score"].between(0 if kind == "nps" else 1, top)]
        y = (own["score"] >= 9) * 1.0 - (own["score"] <= 6) if kind == "nps" else own["score"] >= 4
    who = own["customer_id"].where(own["customer_id"] != "", "?" + own.index.astype(str))
    met = set(events[events["touchpoint"] == touchpoint]["customer_id"])
    people = sorted(met | set(who))
    answered = who.value_counts().reindex(people, fill_value=0)
    ratio = clustered_ratio(answered, [person in met for person in people], people)
    n = len(own)
    variance, extra = (1.0, 3) if kind == "nps" else (0.25, 4)
    parts = [] if y is None else [sum(y == 1), sum(y == -1), sum(y == 0) if kind == "nps" else 0]
    if y is not None and n >= 30 and not any(0 < part < 10 for part in parts):
        added = [1, -1, 0, 0] if kind == "nps" else [1, 1, 0, 0]
        weights = [0.75, 0.75, 0.75, 0.75] if kind == "nps" else [1, 1, 1, 1]
        values, w = np.r_[y.astype(float), added], np.r_[np.ones(n), weights]
        mean = np.average(values, weights=w)
        variance = np.average((values - mean) ** 2, weights=w)
        assert w.sum() == n + extra
    design = 1.0
    if n > 1 and y is not None:
        found = clustered_ratio(y.astype(float), np.ones(n), who)
        design = max(1.0, found.design_effect if found.design_effect == found.design_effect else 1)
    elif n:
        design = max(1.0, (who.value_counts() ** 2).sum() / n)
    return {
        "answers": n,
        "per_100": 100 * ratio.value,
        "low": 100 * max(ratio.low, 0),
        "needed": np.ceil(Z**2 * variance * design / 0.01 - 1e-9),
        "half_width": Z * np.sqrt(variance * design / n) * (100 if kind == "nps" else 1),
    }


def test_every_cell_equals_a_plain_count(study):
    table = coverage(study).set_index(["touchpoint", "kind", "metric"]).sort_index()
    for kind in ("nps", "csat", "text"):
        for touchpoint in ("visit", "pay"):
            cell, expected = table.loc[(touchpoint, kind)], plain(kind, touchpoint)
            for metric in ("answers", "per_100", "needed", "half_width"):
                assert cell.loc[metric, "value"] == pytest.approx(expected[metric], rel=1e-9)
            assert cell.loc["per_100", "low"] == pytest.approx(expected["low"], rel=1e-9)
            gap = max(expected["needed"] - expected["answers"], 0)
            assert cell.loc["gap", "value"] == gap
    assert plain("nps", "visit")["answers"] > 30 > plain("csat", "pay")["answers"] > 0


def test_a_touchpoint_that_nobody_met_is_not_uncovered(study):
    table = coverage(study)
    never = table[table["touchpoint"] == "never"].set_index(["kind", "metric"]).sort_index()
    assert len(never) == 20 and never["value"].dropna().eq(0).all()
    assert never.loc[("nps", "gap"), "note"] == "nobody_met"
    assert never.loc[("nps", "needed"), "status"] == "not_estimable"
    assert table["touchpoint"].drop_duplicates().tolist()[-2:] == ["ship", "never"]
    assert table.attrs["elsewhere"] > 30


def test_where_nobody_answered_is_not_withheld(study):
    """Nobody's answer tells how many it takes; a few people's answers are not told."""
    table = coverage(study)
    gated, _ = gate(table)
    cells = gated.set_index(["touchpoint", "kind", "metric"]).sort_index()
    own = table.set_index(["touchpoint", "kind", "metric"]).sort_index()
    none = [
        key for key in own.index
        if key[2] in ("needed", "gap") and own.loc[(*key[:2], "answers"), "value"] == 0
        and own.loc[key, "n"] >= 10
    ]  # fmt: skip
    assert none and (cells.loc[none, "status"] == "ok").all()
    assert (own.loc[none, "of"] == "customers who met it").all()
    met = own.loc[[(*key[:2], "per_100") for key in none], "n"]
    assert own.loc[none, "n"].tolist() == met.tolist()
    places = set(own.index.get_level_values("touchpoint")) - {"never", "ship"}
    assert f"of {len(places)} touchpoints" in stories.uncovered(gated)


def test_channels_add_up_and_periods_cut(study):
    whole = coverage(study)
    parts = coverage(study, by="channel")
    for table in (whole, parts):
        table.attrs.clear()
    keys = ["touchpoint", "kind"]
    counts = [t[t["metric"] == "answers"].groupby(keys)["value"].sum() for t in (whole, parts)]
    pd.testing.assert_series_equal(*counts)
    none = coverage(study, "2027-01-01")
    assert none[none["metric"] == "answers"]["value"].eq(0).all()
    assert none[none["metric"] == "gap"]["note"].eq("nobody_met").all()


def test_mistakes_are_told(study):
    with pytest.raises(UserError, match="margin is 10"):
        coverage(study, margin=10)
    with pytest.raises(UserError, match='Did you mean "channel"'):
        coverage(study, by="chanel")


def test_the_figure_tells_none_from_few_from_enough(study):
    table = coverage(study, margin=0.15)
    ax = plots.feedback_coverage(table, title="Where nobody is heard")
    texts = {text.get_text() for text in ax.texts}
    cell = table.set_index(["touchpoint", "kind", "metric"])["value"].sort_index()
    assert "0" in texts
    few = cell[("pay", "csat")]
    assert f"{few['answers']:.0f} of {few['needed']:.0f}" in texts
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert not any("never" in row or "ship" in row for row in rows)
    assert "touchpoints not drawn" in plots.footnote(ax)


def test_the_figure_draws_nothing_and_what_is_withheld(study):
    none = plots.feedback_coverage(coverage(study, "2027-01-01"))
    assert any("customers to show" in text.get_text() for text in none.texts)
    from cjlab.privacy import gate

    gated, _ = gate(coverage(study, margin=0.15), 60)
    ax = plots.feedback_coverage(gated, minimum=60)
    assert "hatched" in plots.footnote(ax) or not ax.patches
