"""Which of five languages a text is in, or that it cannot be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from cjlab.errors import UserError
from cjlab.voice._hashed import load
from cjlab.voice._tokens import LANGUAGES, foreign_words, normalise, stop_words, tokens

# Below: no answer. Set on the lines the model was fitted without (SENTIMENT.md).
SURE: Final = 0.80
# A declared language is set aside only where the text says otherwise at least this surely.
CONTRADICTED: Final = 0.99
_CONTRADICTING_WORDS: Final = 4
_READ: Final = 600  # characters; more tell nothing new
_SAME: Final = {"no": "nb", "nn": "nb", "nob": "nb", "swe": "sv", "dan": "da", "fin": "fi"}


def language(texts: Iterable[object], expected: str | Sequence[object] | None = None) -> pd.Series:
    """Return the language of each text, or null where it cannot be told.

    Parameters
    ----------
    texts : iterable of str or null
        What customers wrote. The index of a Series is kept.
    expected : str or sequence, optional
        The declared language: one code for all, or one (or null) a text, such as the
        ``language`` column of the responses. ``no`` and ``nn`` are read as ``nb``, a region
        (``sv-FI``) is dropped. It is believed unless the text contradicts it clearly: at least
        four words that are another of the five languages with a probability of .99.

    Returns
    -------
    pandas.Series
        Codes ``en``, ``sv``, ``nb``, ``da``, ``fi``, or another declared code; null where
        nothing was declared and the text is too short, too mixed or in none of the five.
        ``attrs["contradicted"]`` counts the texts that were not in their declared language.

    Raises
    ------
    UserError
        `expected` has another length than `texts`.

    Notes
    -----
    A multinomial logistic regression on hashed words and letter n-grams, fitted on subtitle lines of
    XED (Helsinki-NLP, CC BY 4.0); accuracy per language and length stands in SENTIMENT.md.
    Danish and Norwegian are told apart worst.

    Examples
    --------
    >>> list(language(["Leveransen var snabb och bra", "Pakken kom ikke frem i tide", "👍"]))
    ['sv', 'nb', None]
    """
    index = texts.index if isinstance(texts, pd.Series) else None
    normal = [normalise(text)[:_READ] for text in texts]
    declared = _declared(expected, len(normal))
    found = probabilities(normal)
    best = found.argmax(axis=1)
    sure = found[np.arange(len(normal)), best]
    codes: list[str | None] = []
    contradicted = 0
    for text, code, row, p in zip(normal, declared, best, sure, strict=True):
        seen = LANGUAGES[row] if p >= SURE and not _foreign(text, LANGUAGES[row]) else None
        if code is not None and seen not in (None, code) and _clearly(text, p):
            contradicted += 1
        elif code is not None:
            seen = code
        codes.append(seen)
    result = pd.Series(codes, index=index, dtype=object, name="language")
    result.attrs["contradicted"] = contradicted
    return result


def probabilities(normal: Sequence[str]) -> np.ndarray:
    """Return how probable each of `LANGUAGES` is (columns) for normalised texts (rows)."""
    if not len(normal):
        return np.empty((0, len(LANGUAGES)))
    model = load("language")
    sums = model.decision([features(text) for text in normal])
    odds = np.exp(sums - sums.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    odds[[not tokens(text) for text in normal]] = 1 / len(LANGUAGES)
    return odds[:, [model.classes.index(code) for code in LANGUAGES]]


def features(text: str) -> list[str]:
    """Return the words of a text and their letter n-grams (one to four), marked by kind."""
    found = []
    for word in tokens(text):
        padded = f"_{word}_"
        found.append(f"w {word}")
        for size in (1, 2, 3, 4):
            found += [padded[at : at + size] for at in range(len(padded) - size + 1)]
    return found


def _declared(expected: str | Sequence[object] | None, size: int) -> list[str | None]:
    if expected is None or isinstance(expected, str):
        return [_code(expected)] * size
    codes = [_code(code) for code in expected]
    if len(codes) != size:
        raise UserError(f"language: {size} texts, but {len(codes)} declared languages.")
    return codes


def _code(declared: object) -> str | None:
    if not isinstance(declared, str) or not declared.strip():
        return None
    code = re.split(r"[-_]", declared.strip().lower())[0]
    return _SAME.get(code, code)


def _clearly(text: str, probability: float) -> bool:
    return probability >= CONTRADICTED and len(tokens(text)) >= _CONTRADICTING_WORDS


def _foreign(text: str, code: str) -> bool:
    words = tokens(text)
    own, other = stop_words(code), foreign_words()
    return sum(w in other and w not in own for w in words) > sum(w in own for w in words)
