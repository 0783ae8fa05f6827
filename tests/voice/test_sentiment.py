"""Sentiment: better than guessing in five languages, silent where it should be, unhurt."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlab import messages
from cjlab.errors import UserError
from cjlab.voice import Embeddings, _embedding, _sentiment, accuracy, sentiment
from cjlab.voice._concepts import features, lexicon
from cjlab.voice._tokens import LANGUAGES

HOSTILE = [
    None, float("nan"), "", "   ", "\u0000", "👍👍👍", "12 34", "<script>alert(1)</script>",
    "=HYPERLINK(\"x\")", "\u202egnp.exe\u202c", "اختبار النص العربي هنا", "\ud83d half a pair",
    "%s {0} $x$", "bra " * 250_000, "Ã¤Ã¶ mycket d\u00c3\u00a5ligt", "a\u0301" * 500,
]  # fmt: skip
EMBEDDING = pytest.param("embedding", marks=pytest.mark.needs("text"))
both = pytest.mark.parametrize("model", ["light", EMBEDDING])


@pytest.fixture(scope="module")
def reviews() -> pd.DataFrame:
    """Return short reviews in five languages, on which nothing was fitted."""
    return pd.read_csv(Path(__file__).with_name("reviews.csv"))


@pytest.fixture(scope="module")
def cache() -> Embeddings:
    return Embeddings()


def balanced(truth: pd.Series, found: pd.Series) -> float:
    return float((truth == found).groupby(truth).mean().mean())


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("light", {"en": 0.80, "sv": 0.80, "nb": 0.80, "da": 0.75, "fi": 0.75}),
        pytest.param(
            "embedding",
            {"en": 0.85, "sv": 0.85, "nb": 0.80, "da": 0.85, "fi": 0.85},
            marks=pytest.mark.needs("text"),
        ),
    ],
)
def test_reviews_never_fitted_on(
    model: str, least: dict[str, float], reviews: pd.DataFrame, cache: Embeddings
) -> None:
    found = sentiment(reviews["text"], model=model, abstain=False, cache=cache)
    assert found["sentiment"].notna().all()
    right = {
        code: balanced(part["sentiment"], found["sentiment"][part.index])
        for code, part in reviews.groupby("language")
    }
    assert {code: share for code, share in right.items() if share < least[str(code)]} == {}


@both
def test_abstaining_leaves_most_and_errs_less(
    model: str, reviews: pd.DataFrame, cache: Embeddings
) -> None:
    forced = sentiment(reviews["text"], model=model, abstain=False, cache=cache)["sentiment"]
    told = sentiment(reviews["text"], model=model, cache=cache)["sentiment"]
    assert told.notna().mean() >= 0.85
    some = told.notna()
    truth = reviews["sentiment"]
    assert (truth[some] == told[some]).mean() >= (truth == forced).mean()
    assert (told[some] == forced[some]).all()


@both
def test_hostile_text_harms_nothing(model: str) -> None:
    found = sentiment(HOSTILE, model=model)
    assert len(found) == len(HOSTILE)
    assert list(found["note"][:6]) == ["sentiment_no_text"] * 5 + ["sentiment_no_words"]
    assert (found["sentiment"].isna() == found["note"].notna()).all()
    assert found["score"].dropna().between(0, 1).all()
    assert found.loc[14, "language"] == "sv"  # mojibake is read through


@both
def test_each_text_is_judged_by_itself(
    model: str, reviews: pd.DataFrame, cache: Embeddings
) -> None:
    texts = reviews["text"].sample(25, random_state=3)
    one = sentiment(texts, model=model, cache=cache)
    other = sentiment(texts[::-1], model=model, cache=Embeddings())
    pd.testing.assert_frame_equal(one, other.loc[one.index])
    alone = sentiment(texts[:1], model=model)
    pd.testing.assert_frame_equal(alone, one[:1])


def test_nothing_in_nothing_out() -> None:
    found = sentiment([], model="light")
    assert list(found.columns) == ["sentiment", "score", "language", "note", "model"]
    assert found.empty


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("Der Service war leider nicht gut und ich bin sehr enttäuscht", "sentiment_language"),
        ("Great service as always, thanks for nothing", "sentiment_sarcasm"),
        ("Jag är mycket nöjd med hjälpen jag fick. The delivery was quick and the staff friendly.",
         "sentiment_mixed"),
    ],
)  # fmt: skip
def test_it_says_why_it_is_silent(text: str, note: str) -> None:
    silent = sentiment([text], model="light")
    assert list(silent["note"]) == [note] and silent["sentiment"].isna().all()
    assert sentiment([text], model="light", abstain=False)["sentiment"].notna().all()
    for code in messages.LANGUAGES:
        assert messages.own(f"note.{note}", code)


@pytest.mark.parametrize(
    ("code", "plain", "negated"),
    [
        ("sv", "servicen är bra", "servicen är inte bra"),
        ("nb", "servicen er god", "servicen er ikke god"),
        ("da", "servicen er god", "servicen er ikke god"),
        ("fi", "palvelu on hyvää", "palvelu ei ole hyvää"),
        ("en", "the service is good", "the service is not good"),
    ],
)
def test_a_negation_turns_the_light_model_round(code: str, plain: str, negated: str) -> None:
    found = sentiment([plain, negated], code, model="light", abstain=False)
    assert list(found["sentiment"]) == ["positive", "negative"]


def test_a_negation_reaches_three_words_and_ends_with_the_clause() -> None:
    found = features("inte en så bra dag, bra", "sv")
    assert found.count("p -1") == found.count("p 1") == 2
    assert "w !bra" in found and "w bra" in found
    assert "w !rekommenderar" in features("jag rekommenderar inte", "sv")
    assert features("bra", "de") == []


def test_ideas_are_the_same_in_five_languages() -> None:
    slow = zip(LANGUAGES, ["slow", "långsamt", "tregt", "langsomt", "hidas"], strict=True)
    assert {lexicon(code).find(word) for code, word in slow} == {("slow", -1)}
    assert lexicon("fi").find("hyvästä") == ("good", 1)
    assert lexicon("sv").find("zebra") is None


def test_wrong_use_is_told() -> None:
    with pytest.raises(UserError, match=r'no model "ligth"\. Did you mean "light"'):
        sentiment(["x"], model="ligth")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="1 texts, but 2 declared"):
        sentiment(["x"], ["sv", "da"], model="light")


def test_without_the_extra_the_light_model_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sentiment, "available", lambda: False)
    monkeypatch.setattr(_embedding, "available", lambda: False)
    assert set(sentiment(["Bra service!"])["model"]) == {"light"}
    with pytest.raises(UserError, match=r"cjlab\[text\]"):
        sentiment(["Bra service!"], model="embedding")
    with pytest.raises(UserError, match=r"cjlab\[text\]"):
        Embeddings().of(["Bra service!"])


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put a stand-in before the model, and return the list it writes what it embeds to."""
    seen: list[str] = []

    def embed(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return np.full((len(texts), _embedding.SIZE), 0.5, dtype=np.float16)

    monkeypatch.setattr(_embedding, "_embedded", embed)
    return seen


def test_a_text_is_embedded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = counted(monkeypatch)
    folder = tmp_path / "private" / "embeddings"
    first = Embeddings(folder).of(["bra", "dåligt", "bra"])
    again = Embeddings(folder).of(["dåligt", "bra", "nytt"])
    assert sorted(seen) == ["bra", "dåligt", "nytt"]
    assert first.shape == again.shape == (3, 384)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "dåligt".encode() not in file.read_bytes()
    assert Embeddings().of([]).shape == (0, 384)


def test_accuracy_is_there_for_each_model_and_language() -> None:
    table = accuracy()
    assert table.attrs["dims"] == ["model", "language", "corpus", "answers"]
    found = set(table[["model", "language"]].itertuples(index=False, name=None))
    assert found == {(m, code) for m in ("embedding", "light") for code in LANGUAGES}
    right = table[table["metric"] == "balanced_accuracy"]
    assert (right["low"] <= right["value"]).all() and (right["value"] <= right["high"]).all()
    forced = table[(table["answers"] == "forced") & (table["metric"] == "coverage")]
    assert (forced["value"] > 0.99).all()
    assert set(accuracy("fi")["language"]) == {"fi"}
    with pytest.raises(UserError, match='no language "xx"'):
        accuracy("xx")


def test_the_coefficients_stay_small_and_plain() -> None:
    files = list(_sentiment._FILES.iterdir())
    assert sum(os.path.getsize(file) for file in files) < 1_500_000
    for file in files:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays.files)
