"""Fit the two sentiment models, and measure them on text they have never seen.

    CJLAB_DATA=… CJLAB_EMBEDDINGS=FOLDER python tests/fitting/fit_sentiment.py [--cached]

Writes cjlab/voice/coefficients/{embedding,light}.npz and accuracy.csv and prints the table of
SENTIMENT.md. Embedding all texts takes half an hour of one core; they are kept in
CJLAB_EMBEDDINGS, which must lie outside the repository. With --cached only texts embedded
before are used. Nothing is fitted or tuned on tests/voice/reviews.csv or on folds 0 and 1.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from corpora import fold, nhs, phrases, reviews, xed
from sklearn.linear_model import LogisticRegression

from cjlab.voice import _concepts, _embedding, _hashed, _sentiment
from cjlab.voice._embedding import Embeddings
from cjlab.voice._tokens import LANGUAGES

PLACES = 2**16
# Of XED's eight emotions: joy and trust against anger, disgust, fear and sadness. Anticipation
# and surprise take either side, so lines that have only those, or both sides, are left out.
POSITIVE, NEGATIVE = {5, 8}, {1, 3, 4, 6}
# What a source weighs against NHS (1): subtitles are another world than reviews, and the
# Swedish and Danish ones carry labels that hardly fit their lines.
XED = {"en": 0.2, "sv": 0.0, "nb": 0.3, "da": 0.0, "fi": 0.4}
PHRASES = 0.5
ABSTAINED = 0.10
BOOTSTRAPS = 1000


def labelled() -> pd.DataFrame:
    """Return all texts: source, language, text, positive, part (fit, tune, test)."""
    comments = nhs().assign(source="nhs", language="en")
    comments["positive"] = comments["criticality"] > 0
    lines = xed().assign(source="xed")
    lines["positive"] = lines["emotions"].map(lambda found: bool(found & POSITIVE))
    both = lines["emotions"].map(lambda found: bool(found & POSITIVE) == bool(found & NEGATIVE))
    own = phrases(240).assign(source="phrases")
    frame = pd.concat([comments, lines[~both], own], ignore_index=True)
    frame = frame[["source", "language", "text", "positive"]].drop_duplicates(["source", "text"])
    folds = frame["text"].map(fold)
    frame["part"] = np.select([folds < 2, folds == 2], ["test", "tune"], "fit")
    frame.loc[frame["source"] == "phrases", "part"] = "fit"
    return frame.reset_index(drop=True)


def weights(frame: pd.DataFrame) -> np.ndarray:
    """Return what each text weighs: a source's two classes alike, whatever their counts."""
    shares = {"nhs": {"en": 1.0}, "xed": XED, "phrases": dict.fromkeys(LANGUAGES, PHRASES / 5)}
    share = [shares[s][code] for s, code in zip(frame["source"], frame["language"], strict=True)]
    size = frame.groupby(["source", "language", "positive"])["text"].transform("size")
    found = np.array(share) / size.to_numpy()
    return found * (found > 0).sum() / found.sum()


def fit(name: str, frame: pd.DataFrame, X: np.ndarray, C: float, centred: bool) -> None:
    """Fit on the part to fit, scale to probabilities and set margins on the part to tune."""
    means = np.zeros((len(LANGUAGES), X.shape[1]))
    lines = ((frame["source"] == "xed") & (frame["part"] == "fit")).to_numpy()
    spoken = pd.Categorical(frame["language"], LANGUAGES).codes
    if centred:  # a language is a direction of its own in the embedding, and no sentiment
        means = np.array([X[lines & (spoken == i)].mean(axis=0) for i in range(len(LANGUAGES))])
        X = X - means[spoken]
    weigh = weights(frame)
    seen = (frame["part"] == "fit").to_numpy() & (weigh > 0)
    solver = "newton-cholesky" if centred else "lbfgs"
    model = LogisticRegression(C=C, solver=solver, max_iter=200)
    model.fit(X[seen], frame["positive"][seen], sample_weight=weigh[seen])
    tune = (frame["part"] == "tune").to_numpy()
    odds = model.decision_function(X[tune])
    slope = LogisticRegression(C=1e6, fit_intercept=False).fit(
        odds[:, None], frame["positive"][tune], sample_weight=weigh[tune]
    ).coef_[0, 0]  # fmt: skip
    w = model.coef_[0] * slope
    scale = np.abs(w).max() / 127 if not centred else 1.0
    margin = [
        np.quantile(np.abs(odds[frame["language"][tune] == code]) * slope, ABSTAINED)
        for code in LANGUAGES
    ]
    np.savez_compressed(
        _sentiment._FILES / f"{name}.npz",
        weights=np.round(w / scale).astype(np.int8) if not centred else w.astype(np.float32),
        scale=scale,
        offset=model.intercept_[0] * slope - means @ w,
        margin=margin,
    )
    _sentiment.judge.cache_clear()


def balanced(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the mean of the share found right among the positive and among the negative."""
    return float(np.mean([(found[truth == side] == side).mean() for side in (True, False)]))


def interval(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `balanced`, each side resampled by itself."""
    draw = np.random.default_rng(0)
    sides = [(found[truth == side] == side) for side in (True, False)]
    means = [draw.binomial(len(s), s.mean(), BOOTSTRAPS) / len(s) for s in sides]
    low, high = np.quantile(np.mean(means, axis=0), [0.025, 0.975])
    return float(low), float(high)


def measured(name: str, frame: pd.DataFrame, cache: Embeddings) -> list[dict[str, object]]:
    """Return the rows of the table for one corpus in one language."""
    truth = frame["positive"].to_numpy(dtype=bool)
    rows: list[dict[str, object]] = []
    for abstain in (False, True):
        found = _sentiment.sentiment(frame["text"], model=name, abstain=abstain, cache=cache)
        told = found["sentiment"].notna().to_numpy()
        side = (found["sentiment"] == "positive").to_numpy()[told]
        low, high = interval(truth[told], side)
        first = frame.iloc[0]
        rows.append(
            {
                "model": name,
                "language": first["language"],
                "corpus": first["source"],
                "answers": "abstaining" if abstain else "forced",
                "balanced_accuracy": balanced(truth[told], side),
                "low": low,
                "high": high,
                "coverage": told.mean(),
                "answered": told.sum(),
                "n": len(frame),
            }
        )
    return rows


def table(frame: pd.DataFrame, cache: Embeddings) -> None:
    """Measure both models on the held-out part and on our own reviews; write and print it."""
    held = pd.concat([frame[frame["part"] == "test"], reviews().assign(source="reviews")])
    rows = [
        row
        for name in ("embedding", "light")
        for _, part in held.groupby(["source", "language"])
        for row in measured(name, part.head(1000), cache)
    ]
    found = pd.DataFrame(rows)
    found.round(4).to_csv(_sentiment._FILES / "accuracy.csv", index=False)
    print(found.round(3).to_string(index=False))


def main() -> None:
    folder = Path(os.environ["CJLAB_EMBEDDINGS"])
    cache, frame = Embeddings(folder), labelled()
    fit("light", frame, _hashed.hashed(  # type: ignore[arg-type]
        map(_concepts.features, frame["text"], frame["language"]), PLACES), 5, False)  # fmt: skip
    if "--cached" in sys.argv:
        keys = frame["text"].map(_embedding._key)
        frame = frame[keys.isin(cache._known(set(keys)))].reset_index(drop=True)
    print(frame.groupby(["source", "language", "part"]).size().unstack())
    fit("embedding", frame, cache.of(list(frame["text"])).astype(np.float64), 3, True)
    table(frame, cache)


if __name__ == "__main__":
    main()
