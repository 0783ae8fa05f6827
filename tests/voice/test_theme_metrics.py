"""Shares, trend, impact and co-occurrence of themes, each beside a plain second computation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlab.errors import UserError
from cjlab.privacy import gate
from cjlab.stats import proportion
from cjlab.voice import (
    Codebook,
    Theme,
    Themes,
    co_occurrence,
    coded,
    theme_drift,
    theme_impact,
    theme_shares,
    theme_trend,
)

TWO = Themes(
    (
        Theme("pay", {}, {"en": {"card": 1.0}, "sv": {"kort": 1.0}}),
        Theme("wait", {}, {"en": {"slow": 1.0}}),
    )
)


def answers(n: int, seed: int = 0) -> pd.DataFrame:
    """Answers of some customers, several each, mentioning themes at random."""
    rng = np.random.default_rng(seed)
    card, slow = rng.random(n) < 0.3, rng.random(n) < 0.4
    return pd.DataFrame(
        {
            "text": [
                f"went {'card ' * int(c)}{'slow ' * int(s)}"
                for c, s in zip(card, slow, strict=True)
            ],
            "language": np.where(rng.random(n) < 0.8, "en", "sv"),
            "customer_id": rng.integers(0, n // 2, n).astype(str),
            "stage": rng.choice(["intent", "purchase"], n),
            "score": np.clip(np.rint(8 - 3 * slow + rng.normal(0, 2, n)), 0, 10),
            "kind": "nps",
        }
    )


def test_a_share_is_hits_over_the_texts_in_the_themes_languages() -> None:
    frame = answers(300)
    found = theme_shares(frame, TWO).set_index("theme")
    english = frame[frame["language"] == "en"]
    slow = english["text"].str.contains("slow")
    assert found.loc["wait", "value"] == pytest.approx(slow.mean(), abs=1e-12)
    assert found.loc["wait", "n"] == len(english) and found.loc["pay", "n"] == 300
    assert found.loc["wait", "customers"] == english["customer_id"].nunique()
    assert found.loc["wait", "hits"] == english.loc[slow, "customer_id"].nunique()
    assert found.loc["(not read)", "value"] == 0
    fits = TWO.assign(frame["text"], list(frame["language"]))
    assert found.loc["(other)", "value"] == pytest.approx((fits == "(other)").mean())


def test_independent_rows_get_wilson_and_repeats_widen_it() -> None:
    frame = answers(200).drop(columns="customer_id")
    one = theme_shares(frame, TWO).set_index("theme").loc["pay"]
    hits = round(one["value"] * one["n"])
    assert [one["low"], one["high"]] == pytest.approx(proportion(hits, 200)[1:])
    twice = pd.concat([frame, frame]).assign(customer_id=[f"c{i}" for i in range(200)] * 2)
    both = theme_shares(twice, TWO).set_index("theme").loc["pay"]
    assert both["value"] == pytest.approx(one["value"])
    assert both["high"] - both["low"] == pytest.approx(one["high"] - one["low"], rel=0.02)


def test_a_breakdown_splits_the_texts() -> None:
    frame = answers(300)
    frame.loc[::7, "stage"] = None
    found = theme_shares(frame, TWO, by="stage")
    pay = found[found["theme"] == "pay"]
    assert pay["stage"].to_list() == ["(unknown)", "intent", "purchase"]
    assert pay["n"].sum() == 300
    shuffled = theme_shares(frame.sample(frac=1, random_state=2), TWO, by="stage")
    pd.testing.assert_frame_equal(found, shuffled)
    with pytest.raises(UserError, match='Did you mean "stage"'):
        theme_shares(frame, TWO, by="stages")


def test_small_cells_do_not_pass_the_gate() -> None:
    frame = pd.DataFrame({"text": ["card"] * 9 + ["slow"] * 30, "language": "en"})
    # Nobody has both: with one share and the texts the other is known.
    whole = gate(theme_shares(frame, TWO))[0].set_index("theme")
    assert whole.loc[["pay", "wait"], "note"].tolist() == ["complementary"] * 2
    frame.loc[0, "text"] = "slow card"
    gated = gate(theme_shares(frame, TWO))[0].set_index("theme")
    assert gated.loc["pay", "status"] == "suppressed" and gated.loc["wait", "status"] == "ok"


def test_the_trend_knows_what_is_not_over() -> None:
    ts = ["2026-01-10", "2026-01-31T23:30", "2026-03-02", "2026-04-05", None]
    frame = pd.DataFrame(
        {"text": ["card", "slow", "card", "card", "card"], "language": "en", "ts": ts}
    )
    found = theme_trend(coded(frame, TWO, timezone="Europe/Stockholm"))
    pay = found[found["theme"] == "pay"].set_index("period")
    # Half past eleven in UTC is February in Stockholm.
    assert pay["n"].to_dict() == {"2026-01": 1, "2026-02": 1, "2026-03": 1, "2026-04": 1}
    assert pay.loc["2026-02", "value"] == 0 and pay.loc["2026-04", "status"] == "not_yet_observed"
    over = theme_trend(coded(frame, TWO, observed_until="2026-05-01"))
    over = over[over["theme"] == "pay"].set_index("period")
    assert over.loc["2026-02", "note"] == "no_texts" and over.loc["2026-04", "value"] == 1.0
    weeks = theme_trend(frame, TWO, period="week")["period"]
    assert weeks.iloc[0] == "2026W02"
    with pytest.raises(UserError, match='Did you mean "month"'):
        theme_trend(frame, TWO, period="months")


def test_drift_is_what_fits_none_less_what_did() -> None:
    frame = pd.DataFrame({"text": ["card"] * 6 + ["odd"] * 14 + ["kort"] * 5})
    frame["language"] = ["en"] * 20 + ["sv"] * 5
    fitted = Themes(TWO.themes, fitted={"en": {"other": 0.4}})
    found = theme_drift(frame, fitted).set_index(["language", "metric"])
    change = found.loc[("en", "other_change")]
    assert change["value"] == pytest.approx(0.7 - 0.4)
    wilson = proportion(14, 20)
    assert [change["low"], change["high"]] == pytest.approx([w - 0.4 for w in wilson[1:]])
    assert found.loc[("sv", "other_change"), "note"] == "no_fit"
    assert found.loc[("sv", "other_share"), "value"] == 0


def nps(score: pd.Series) -> float:
    return float(100 * ((score >= 9).mean() - (score <= 6).mean()))


def test_impact_is_what_the_score_would_be_without() -> None:
    frame = answers(400).assign(language="en")
    frame.loc[3, "score"] = 11.0
    found = theme_impact(frame, TWO, draws=400).set_index(["theme", "metric"])
    valid = frame[frame["score"] <= 10]
    slow = valid["text"].str.contains("slow")
    score = valid["score"]
    row = found.loc[("wait", "nps_impact")]
    assert row["value"] == pytest.approx(nps(score) - nps(score[~slow]), abs=1e-9)
    gap = found.loc[("wait", "nps_difference")]
    assert gap["value"] == pytest.approx(nps(score[slow]) - nps(score[~slow]), abs=1e-9)
    assert found.loc[("wait", "nps_with"), "value"] == pytest.approx(nps(score[slow]), abs=1e-9)
    assert row["n"] == 399 and gap["high"] < 0  # the planted harm is seen
    none = found.loc[("pay", "nps_difference")]
    assert none["low"] < 0 < none["high"]  # and what was not planted is not


def test_impact_without_others_is_null() -> None:
    frame = pd.DataFrame({"text": ["card"] * 3, "language": "en", "score": [9, 9, 1]})
    found = theme_impact(frame, TWO, draws=10).set_index(["theme", "metric"])
    assert found.loc[("pay", "nps_impact"), "note"] == "no_others"
    assert found.loc[("wait", "nps_with"), "note"] == "no_others"
    empty = theme_impact(frame.iloc[:0], TWO, draws=10)
    assert empty["value"].isna().all() and empty["n"].eq(0).all()
    with pytest.raises(UserError, match='no column "score"'):
        theme_impact(frame.drop(columns="score"), TWO)


def test_co_occurrence_is_the_four_fold_table() -> None:
    frame = answers(300).assign(language="en")
    x, y = (frame["text"].str.contains(word).astype(float) for word in ("card", "slow"))
    found = co_occurrence(frame, TWO, draws=200).set_index("metric")
    assert found.loc["texts", "value"] == (x * y).sum()
    assert found.loc["phi", "value"] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)
    assert found.loc["lift", "value"] == pytest.approx((x * y).mean() / (x.mean() * y.mean()))
    assert found.loc["phi", "low"] < found.loc["phi", "value"] < found.loc["phi", "high"]
    own = ((x - x.mean()) * (y - y.mean())).groupby(frame["customer_id"]).sum()
    z = own.sum() / math.sqrt((own**2).sum() * len(own) / (len(own) - 1))
    assert found.loc["p_adjusted", "value"] == pytest.approx(math.erfc(abs(z) / math.sqrt(2)))


def test_pairs_are_within_common_languages() -> None:
    frame = pd.DataFrame({"text": ["kort"] * 4, "language": "sv"})
    assert len(co_occurrence(frame, TWO, draws=10)) == 0
    every = frame.assign(text="card slow", language="en")
    found = co_occurrence(every, TWO, draws=10).set_index("metric")
    assert found.loc["phi", "note"] == "no_variation" and found.loc["texts", "value"] == 4


BOOK = """\
codes:
  - code: pay
    name: {en: Payment, sv: Betalning}
    include: {en: [pay*, card declined], sv: [betal*]}
    exclude: {en: [pay attention]}
  - code: late
    include: [sen*, late]
"""


@pytest.fixture
def book(tmp_path: Path) -> Codebook:
    file = tmp_path / "codes.yaml"
    file.write_text(BOOK, encoding="utf-8")
    return Codebook.read(file)


def test_a_codebook_codes(book: Codebook) -> None:
    texts = ["Payment late", "pay attention", "my card declined", "card", "Sen betalning"]
    said = ["en", "en", "en", "en", "sv"]
    assert book.assign(texts, said).to_list() == [
        ("pay", "late"),
        ("(other)",),
        ("pay",),
        ("(other)",),
        ("pay", "late"),
    ]
    assert book.labels("sv") == {"pay": "Betalning", "late": "late"}
    found = theme_shares(pd.DataFrame({"text": texts, "language": said}), book)
    assert found.set_index("theme")["value"].to_dict()["pay"] == pytest.approx(0.6)


def test_a_codebook_as_csv_is_the_same(book: Codebook, tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text(
        "code,language,include,exclude,name\npay,en,pay*; card declined,pay attention,Payment\n"
        "pay,sv,betal*,,Betalning\nlate,,sen*;late,,\n",
        encoding="utf-8",
    )
    assert Codebook.read(file) == book


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("codes: [{code: a}]", "include is empty"),
        ("codes: [{code: a, include: {se: [x]}}]", 'no language "se"'),
        ("codes: [{code: a, include: ['(x']}]", "signs other than"),
        ("codes: [{code: a, include: [x], exlude: [y]}]", 'Did you mean "exclude"'),
        ("x: 1", "key codes is missing"),
    ],
)
def test_what_a_codebook_gets_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "codes.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        Codebook.read(file)
    assert says in str(raised.value) and "codes.yaml" in str(raised.value)


def test_a_frame_needs_texts_and_themes() -> None:
    with pytest.raises(UserError, match='no column "text"'):
        coded(pd.DataFrame({"txt": ["a"]}), TWO)
    with pytest.raises(UserError, match="needs themes"):
        coded(pd.DataFrame({"text": ["a"]}))
    with pytest.raises(UserError, match="do not give them again"):
        theme_shares(coded(pd.DataFrame({"text": ["a"]}), TWO), TWO)
