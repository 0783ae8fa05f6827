"""Fit the two sentiment models, and measure them on text they have never seen.

    CJLAB_DATA=… CJLAB_EMBEDDINGS=FOLDER python tests/fitting/fit_sentiment.py [--cached] [STEP …]

Steps: light, embedding, table (all). Writes cjlab/voice/coefficients/{embedding,light}.npz and
accuracy.csv, and prints the table of SENTIMENT.md. Embedding all texts takes half an hour of
one core; they are kept in CJLAB_EMBEDDINGS, which must lie outside the repository. With
--cached only texts embedded before are used for the embedding and the table. Nothing is fitted
or tuned on tests/voice/reviews.csv or on folds 0 and 1.
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
# What a source weighs for texts in a language: subtitles are another world than reviews, and each
# language is judged by weights of its own where lines or comments of its own are there.
OTHERS = {"nhs": 1.0, "phrases": 1.0, **dict.fromkeys(LANGUAGES, 0.25)}
SHARES = {
    "en": {"nhs": 1.0, "phrases": 0.1},
    "fi": OTHERS | {"nhs": 0.5, "fi": 1.5},
    "nb": OTHERS | {"nb": 0.5},
}
PENALTY = {"en": 10.0}  # C of the regression; the others' is 3
LINES = 8000  # of a source and language that the light model reads
ABSTAINED = 0.10
BOOTSTRAPS = 1000
MEASURED = 1500  # texts of a line of the table at most


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


def weights(frame: pd.DataFrame, shares: dict[str, float]) -> np.ndarray:
    """Return what each text weighs: a source's two classes alike, whatever their counts."""
    named = frame["source"].where(frame["source"] != "xed", frame["language"])
    size = frame.groupby(["part", "source", "language", "positive"])["text"].transform("size")
    found = (named.map(shares).fillna(0.0) / size).to_numpy(dtype=float).copy()
    # The clauses are in five languages, which share their weight.
    found[(frame["source"] == "phrases").to_numpy()] /= len(LANGUAGES)
    return found * (found > 0).sum() / found.sum()


def centres(frame: pd.DataFrame, X: np.ndarray) -> np.ndarray:
    """Return the mean subtitle of each language: a direction of its own, and no sentiment."""
    lines = ((frame["source"] == "xed") & (frame["part"] == "fit")).to_numpy()
    return np.array([X[lines & (frame["language"] == c).to_numpy()].mean(0) for c in LANGUAGES])


def fitted(
    frame: pd.DataFrame, X: np.ndarray, shares: dict[str, float], C: float, solver: str
) -> tuple[np.ndarray, float]:
    """Fit on the part to fit, and scale to probabilities on the part to tune."""
    weigh = weights(frame, shares)
    seen = (frame["part"] == "fit").to_numpy() & (weigh > 0)
    model = LogisticRegression(C=C, solver=solver, max_iter=200, tol=1e-3)
    model.fit(X[seen], frame["positive"][seen], sample_weight=weigh[seen])
    tune = (frame["part"] == "tune").to_numpy() & (weigh > 0)
    odds = model.decision_function(X[tune])
    scaled = LogisticRegression(C=1e6, fit_intercept=False)
    scaled.fit(odds[:, None], frame["positive"][tune], sample_weight=weigh[tune])
    return model.coef_[0] * scaled.coef_[0, 0], model.intercept_[0] * scaled.coef_[0, 0]


def margins(frame: pd.DataFrame, odds: np.ndarray) -> list[float]:
    """Return by language the log odds under which the least sure of its texts lie."""
    tune = (frame["part"] == "tune").to_numpy()
    return [
        float(np.quantile(np.abs(odds[tune & (frame["language"] == c).to_numpy()]), ABSTAINED))
        for c in LANGUAGES
    ]


def fit_embedding(frame: pd.DataFrame, cache: Embeddings) -> None:
    """Fit weights for each language and write them."""
    X = cache.of(list(frame["text"])).astype(np.float64)
    means = centres(frame, X)
    spoken = pd.Categorical(frame["language"], LANGUAGES).codes
    centred = X - means[spoken]
    alike = fitted(frame, centred, OTHERS, 3, "newton-cholesky")
    own = {
        code: fitted(frame, centred, shares, PENALTY.get(code, 3), "newton-cholesky")
        for code, shares in SHARES.items()
    }
    w = np.array([own.get(code, alike)[0] for code in LANGUAGES])
    offset = np.array([own.get(code, alike)[1] for code in LANGUAGES]) - (means * w).sum(axis=1)
    odds = np.einsum("ij,ij->i", X, w[spoken]) + offset[spoken]
    words = _sentiment.light_log_odds(list(frame["text"]), list(frame["language"]))
    tune = (frame["part"] == "tune").to_numpy()
    mix = LogisticRegression(C=1e6, fit_intercept=False).fit(
        np.column_stack([odds, words])[tune],
        frame["positive"][tune],
        sample_weight=weights(frame, OTHERS)[tune],
    )
    share, light = mix.coef_[0]
    print("share of the embedding and of the light model", share, light)
    margin = margins(frame, odds * share + words * light)
    write("embedding", (w * share).astype(np.float32), 1.0, offset * share, margin, light)


def fit_light(frame: pd.DataFrame) -> None:
    """Fit one set of weights for all languages and write it, a byte a weight."""
    X = _hashed.hashed(map(_concepts.features, frame["text"], frame["language"]), PLACES)
    w, intercept = fitted(frame, X, OTHERS, 5, "lbfgs")
    scale = float(np.abs(w).max() / 127)
    offset = np.full(len(LANGUAGES), intercept)
    margin = margins(frame, X @ w + intercept)
    write("light", np.round(w / scale).astype(np.int8)[None, :], scale, offset, margin, 0.0)


def write(
    name: str, w: np.ndarray, scale: float, offset: np.ndarray, margin: list[float], light: float
) -> None:
    """Write coefficients as `cjlab.voice` reads them."""
    arrays = {"weights": w, "scale": scale, "offset": offset, "margin": margin, "light": light}
    np.savez_compressed(_sentiment._FILES / f"{name}.npz", **arrays)
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
        for row in measured(name, part.head(MEASURED), cache)
    ]
    found = pd.DataFrame(rows)
    found.round(4).to_csv(_sentiment._FILES / "accuracy.csv", index=False)
    print(found.round(3).to_string(index=False))


def main(steps: list[str], cached: bool) -> None:
    cache, frame = Embeddings(Path(os.environ["CJLAB_EMBEDDINGS"])), labelled()
    if "light" in steps:
        fit_light(frame.groupby(["source", "language"]).head(LINES).reset_index(drop=True))
    if cached:
        keys = frame["text"].map(_embedding._key)
        frame = frame[keys.isin(cache._known(set(keys)))].reset_index(drop=True)
    print(frame.groupby(["source", "language", "part"]).size().unstack())
    if "embedding" in steps:
        fit_embedding(frame, cache)
    if "table" in steps:
        table(frame, cache)


if __name__ == "__main__":
    named = [word for word in sys.argv[1:] if not word.startswith("-")]
    main(named or ["light", "embedding", "table"], "--cached" in sys.argv)
