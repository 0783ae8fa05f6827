"""Fit the language model on XED's subtitle lines and print how well it does on held-out lines.

    CJLAB_DATA=… python tests/fitting/fit_language.py

Writes cjlab/voice/coefficients/language.npz. The lines themselves are not shipped.
"""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
from corpora import fold, reviews, unscanned, xed
from sklearn.linear_model import LogisticRegression

from cjlab.voice import _hashed, _language
from cjlab.voice._tokens import LANGUAGES, negations, stop_words

PLACES = 2**15
TARGET = _hashed._FILES / "language.npz"


def main() -> None:
    lines = xed()
    lines["text"] = lines["text"].map(unscanned)
    lines = lines.drop_duplicates(["language", "text"])
    # A line that is the same in two languages (a name, "Ja.") teaches neither.
    lines = lines[~lines["text"].duplicated(keep=False)]
    lines = lines.groupby("language").head(6000)
    held = lines["text"].map(fold) < 2
    seen = lines[~held]
    few, codes = function_words(800)
    X = _hashed.hashed(map(_language.features, [*seen["text"], *few]), PLACES)
    model = LogisticRegression(C=100, class_weight="balanced", max_iter=150, tol=1e-3)
    model.fit(X, [*seen["language"], *codes])
    _hashed.save(TARGET, model.classes_, model.coef_, model.intercept_)
    report(lines[held])


def function_words(texts: int) -> tuple[list[str], list[str]]:
    """Return short lines of function words: Danish has too few lines to have met them all."""
    draw, lines, codes = random.Random(0), [], []
    for code in LANGUAGES:
        words = sorted(stop_words(code) | negations(code))
        lines += [" ".join(draw.sample(words, draw.randint(1, 3))) for _ in range(texts)]
        codes += [code] * texts
    return lines, codes


def report(held: pd.DataFrame) -> None:
    found = _language.language(held["text"])
    words = held["text"].str.split().str.len()
    print("size", TARGET.stat().st_size)
    rows = []
    for code in LANGUAGES:
        for low, high in ((1, 3), (4, 6), (7, 12), (13, 99)):
            here = (held["language"] == code) & words.between(low, high)
            answered = here & found.notna()
            right = (found[answered] == code).mean() if answered.any() else np.nan
            rows.append((code, f"{low}–{high}", here.sum(), answered.sum() / here.sum(), right))
    print(pd.DataFrame(rows, columns=["language", "words", "n", "answered", "right"]).round(3))
    print(pd.crosstab(held["language"], found.fillna("?")))
    own = reviews()
    print("own reviews", pd.crosstab(own["language"], _language.language(own["text"]).fillna("?")))


if __name__ == "__main__":
    main()
