"""Which of five languages a text is in, or that it cannot be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from cjlab.errors import UserError
from cjlab.voice._distinct import distinct, each_once
from cjlab.voice._hashed import load
from cjlab.voice._tokens import LANGUAGES, foreign_words, normalise, stop_words, tokens

# Below: no answer. Set on the lines the model was fitted without (SENTIMENT.md).
SURE: Final = 0.80
# A declared language is set aside only where the text says otherwise at least this surely.
CONTRADICTED: Final = 0.99
_CONTRADICTING_WORDS: Final = 4
_LETTERS: Final = 5  # "Ok" and "Bra" are words of several languages
# Enough to read a text as a language, if not to name it; a few words are never that sure.
NEAR: Final = 0.60
_FEW: Final = 4
_SIMILAR: Final = frozenset({"sv", "nb", "da"})
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
    A multinomial logistic regression on hashed words and letter n-grams, fitted on subtitle
    lines of XED (Helsinki-NLP, CC BY 4.0); accuracy per language and length stands in SENTIMENT.md.
    Danish and Norwegian are told apart worst.

    Examples
    --------
    >>> list(language(["Leveransen var snabb och bra", "Jeg fikk ikke hjelp av noen", "👍"]))
    ['sv', 'nb', None]
    """
    index = texts.index if isinstance(texts, pd.Series) else None
    found = readings(each_once(normalise, texts), expected)
    codes = [reading.code for reading in found]
    result = pd.Series(codes, index=index, dtype=object, name="language")
    result.attrs["contradicted"] = sum(reading.contradicted for reading in found)
    return result


class Reading(NamedTuple):
    """What is known of one text's language.

    Parameters
    ----------
    code : str or None
        The language, as `language` returns it.
    nearest : str or None
        Of `LANGUAGES`, the one to read the text as: also where Danish, Norwegian and Swedish
        cannot be told apart, or a text is short. None where it is probably none of them.
    contradicted : bool
        The text is not in its declared language.
    """

    code: str | None
    nearest: str | None
    contradicted: bool


def readings(
    normal: Sequence[str], expected: str | Sequence[object] | None = None
) -> list[Reading]:
    """Return what is known of the languages of normalised texts."""
    declared = _declared(expected, len(normal))
    short = [text[:_READ] for text in normal]
    first, which = distinct(list(zip(short, declared, strict=True)))
    texts, said = [short[row] for row in first], [declared[row] for row in first]
    known = list(map(_reading, texts, said, probabilities(texts)))
    return [known[at] for at in which]


def _reading(text: str, declared: str | None, found: np.ndarray) -> Reading:
    best = LANGUAGES[int(found.argmax())]
    sure = float(found.max())
    words = tokens(text)
    own = not _foreign(words, best)
    told = sure >= SURE and own and sum(map(len, words)) >= _LETTERS
    seen = best if told else None
    clearly = sure >= CONTRADICTED and len(words) >= _CONTRADICTING_WORDS
    if declared is not None and (seen in (None, declared) or not clearly):
        return Reading(declared, declared if declared in LANGUAGES else None, False)
    family = sum(p for code, p in zip(LANGUAGES, found, strict=True) if code in _SIMILAR)
    near = max(sure, float(family)) if best in _SIMILAR else sure
    enough = NEAR if len(words) > _FEW else 0.0
    nearest = best if own and near >= enough else None
    return Reading(seen, nearest, declared is not None)


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
    """Return the words of a text and their letter n-grams (two to five), marked by kind."""
    found = []
    for word in tokens(text):
        padded = f"_{word}_"
        found.append(f"w {word}")
        for size in (2, 3, 4, 5):
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


def _foreign(words: list[str], code: str) -> bool:
    own, other = stop_words(code), foreign_words()
    return sum(w in other and w not in own for w in words) > sum(w in own for w in words)
