"""Fit the language model on XED's subtitle lines and print how well it does on held-out lines.

    CJLAB_DATA=… python tests/fitting/fit_language.py

Writes cjlab/voice/coefficients/language.npz. The lines themselves are not shipped.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from corpora import LANGUAGE_CODES, fold, xed
from sklearn.linear_model import LogisticRegression

from cjlab.voice import _hashed, _language

PLACES = 2**15
TARGET = _hashed._FILES / "language.npz"


def main() -> None:
    lines = xed().drop_duplicates(["language", "text"])
    # A line that is the same in two languages (a name, "Ja.") teaches neither.
    lines = lines[~lines["text"].duplicated(keep=False)]
    lines = lines.groupby("language").head(8000)
    held = lines["text"].map(fold) == 0
    seen = lines[~held]
    X = _hashed.hashed(map(_language.features, seen["text"]), PLACES)
    model = LogisticRegression(C=30, class_weight="balanced", max_iter=300)
    model.fit(X, seen["language"])
    _hashed.save(TARGET, model.classes_, model.coef_, model.intercept_)
    report(lines[held])


def report(held: pd.DataFrame) -> None:
    found = _language.language(held["text"])
    words = held["text"].str.split().str.len()
    print("size", TARGET.stat().st_size)
    rows = []
    for code in LANGUAGE_CODES:
        for low, high in ((1, 3), (4, 6), (7, 12), (13, 99)):
            here = (held["language"] == code) & words.between(low, high)
            answered = here & found.notna()
            right = (found[answered] == code).mean() if answered.any() else np.nan
            rows.append((code, f"{low}–{high}", here.sum(), answered.sum() / here.sum(), right))
    print(pd.DataFrame(rows, columns=["language", "words", "n", "answered", "right"]).round(3))
    print(pd.crosstab(held["language"], found.fillna("?")))


if __name__ == "__main__":
    main()
