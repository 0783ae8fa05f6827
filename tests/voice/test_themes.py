"""Themes: planted ones are found, chance ones are not, and a file gives the same again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlab.errors import UserError
from cjlab.voice import Theme, Themes, themes
from cjlab.voice._vocabulary import joined, theme_words, usage

PLANTED = {
    name: words.split()
    for name, words in {
        "pay": "card payment bank invoice refund checkout purse receipt voucher price",
        "ship": "parcel courier delivery driver doorstep box tracking postcode depot van",
        "shop": "shelf cashier aisle basket trolley assistant mirror fitting shoes jacket",
    }.items()
}


def planted(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    texts, truth = [], []
    often = 1 / np.arange(1, 11) / (1 / np.arange(1, 11)).sum()
    for _ in range(n):
        name = str(rng.choice(list(PLANTED)))
        # As in language, some words are said more often: among equals no ten would lead.
        words = rng.choice(PLANTED[name], 4, replace=False, p=often)
        texts.append("the " + " ".join(words))
        truth.append(name)
    return texts, truth


@pytest.fixture(scope="module")
def found() -> tuple[Themes, list[str], list[str]]:
    texts, truth = planted(400)
    return themes(texts, languages="en", most=6), texts, truth


def test_planted_themes_are_found(found: tuple[Themes, list[str], list[str]]) -> None:
    got, texts, truth = found
    assert len(got) == 3
    for theme in got.themes:
        said = {word for term in theme.terms["en"] for word in term.split()}
        best = max(PLANTED, key=lambda name: len(said & set(PLANTED[name])))
        assert said <= set(PLANTED[best])
    table = pd.crosstab(pd.Series(truth), got.assign(texts, "en"))
    assert table.max(axis=1).sum() >= 0.98 * len(texts)
    assert (got.stability["stability"] > got.stability["chance"]).all()


def test_order_does_not_matter(found: tuple[Themes, list[str], list[str]]) -> None:
    got, texts, _ = found
    again = themes(list(reversed(texts)), languages="en", most=6)
    assert again == got


def test_words_at_random_make_no_themes() -> None:
    rng = np.random.default_rng(3)
    words = [w for own in PLANTED.values() for w in own]
    texts = [" ".join(rng.choice(words, 4, replace=False)) for _ in range(300)]
    got = themes(texts, languages="en", most=5)
    assert len(got) == 0 and got.fitted["en"]["note"] == "no_stable_themes"
    assert got.assign(texts[:2], "en").to_list() == ["(not read)"] * 2


def test_a_term_of_few_customers_is_never_shown() -> None:
    texts, _ = planted(300)
    texts += [f"{text} Bengtsson" for text in texts[:60]]
    # All of sixty texts with the name come from nine customers.
    who = [f"c{n}" for n in range(300)] + [f"d{n % 9}" for n in range(60)]
    got = themes(texts, languages="en", customers=who, most=4)
    assert len(got) > 1 and "bengtsson" not in set(got.terms["term"])
    open_ = themes(texts, languages="en", customers=who, most=4, minimum=5)
    assert len(open_) > 1  # with five it may be shown; nothing else changes the search


def test_few_texts_are_no_themes() -> None:
    got = themes(["card payment"] * 500, languages="en")
    assert len(got) == 0 and got.fitted["en"] == {"texts": 500, "distinct": 1, "note": "few_texts"}
    assert len(themes([])) == 0
    hostile = [None, "", "\x00", "=1+1", "<script>", "\u202e", "😀" * 1000]
    assert len(themes(hostile, languages="en")) == 0


PAY = Theme("pay", {"en": "Payment"}, {"en": {"card": 1.0, "bank": 0.3, "pin": 0.2}})
WAIT = Theme("wait", {}, {"en": {"waiting time": 1.0, "slow": 0.6}, "sv": {"långsam": 1.0}})
TWO = Themes((PAY, WAIT))


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("The CARD failed", ("pay",)),
        ("bank", ()),
        ("bank and pin", ("pay",)),
        ("bank bank bank", ()),
        ("a waiting time, my card", ("pay", "wait")),
        ("time, then waiting", ()),
        ("", ()),
    ],
)
def test_a_text_has_the_themes_whose_terms_weigh_enough(text: str, has: tuple[str, ...]) -> None:
    assert TWO.assign([text], "en", several=True).to_list() == [has]
    assert TWO.assign([text], "en").to_list() == [has[0] if has else "(other)"]


def test_a_language_without_terms_is_not_read() -> None:
    assert TWO.assign(["Så långsam", "kortti"], ["sv", "fi"]).to_list() == ["wait", "(not read)"]
    scores = TWO.scores(pd.Series(["långsam"], index=["x"]), "sv")
    assert np.isnan(scores.loc["x", "pay"]) and scores.loc["x", "wait"] == 1.0


def test_a_file_gives_the_same_again(tmp_path: Path) -> None:
    file = TWO.write(tmp_path / "themes.yaml")
    assert Themes.read(file) == TWO
    assert "waiting time: 1.0" in file.read_text(encoding="utf-8")
    edited = TWO.renamed("wait", "Too slow").write(tmp_path / "b.yaml").read_text(encoding="utf-8")
    before = file.read_text(encoding="utf-8").splitlines()
    assert len(set(edited.splitlines()) - set(before)) <= 2


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("themes: 3", "key themes is missing"),
        (
            "themes: [{id: a, terms: {en: {x: 1}}}, {id: a, terms: {en: {y: 1}}}]",
            '"a" is there twice',
        ),
        ("themes: [{id: a, term: {}}]", 'unknown key "term". Did you mean "terms"'),
        ("themes: [{id: a, terms: {se: {x: 1}}}]", 'no language "se"'),
        ("themes: [{id: a, terms: {en: {x: -1}}}]", 'the weight of "x" is -1'),
        ("themes: [{id: a, terms: {en: {a b c: 1}}}]", "is not one word or two"),
        ("themes: [{id: (other), terms: {en: {x: 1}}}]", "without brackets"),
        ("{{", "is no YAML"),
    ],
)
def test_what_a_file_gets_wrong_is_said(tmp_path: Path, yaml: str, says: str) -> None:
    file = tmp_path / "themes.yaml"
    file.write_text(yaml, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        Themes.read(file)
    assert says in str(raised.value) and file.name in str(raised.value)


def test_themes_can_be_edited() -> None:
    one = TWO.merged("wait", "pay")
    assert one.ids == ["wait"] and set(one.themes[0].terms["en"]) >= {"card", "slow"}
    assert one.labels("en") == {"wait": "Payment"}
    assert TWO.labels("sv") == {"pay": "Payment", "wait": "långsam"}
    assert TWO.without("pay").ids == ["wait"]
    with pytest.raises(UserError, match='Did you mean "pay"'):
        TWO.renamed("pai", "x")


def test_pairs_that_mostly_stand_together_are_one_term() -> None:
    texts = [theme_words(t, "en") for t in ["waiting time"] * 12 + ["time card", "slow card"] * 12]
    got = usage(texts, range(36), 10)
    assert "waiting time" in got.terms and "waiting" not in got.terms
    assert joined(["a", "a", "b"], {"a b"}) == ["a", "a b"]


def test_hand_coded_comments(real_data) -> None:
    """What is found in patients' comments tells more than nothing of how people coded them."""
    file = real_data("nhs_feedback") / "phase1_text_data.csv"
    data = pd.read_csv(file, keep_default_na=False).iloc[::5]
    got = themes(data["feedback"], languages="en", most=5)
    assert 2 <= len(got) <= 5
    told = got.assign(data["feedback"], "en")
    table = pd.crosstab(told, data["label"])
    purity = table.max(axis=1).sum() / len(data)
    assert purity > data["label"].value_counts(normalize=True).iloc[0] + 0.02
