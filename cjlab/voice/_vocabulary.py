"""Which words of many texts may make a theme, and which of the texts use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import yaml
from scipy import sparse

from cjlab._numbers import Ints
from cjlab.voice._tokens import normalise, stop_words, tokens

_OPINIONS: Final = Path(__file__).with_name("opinions.yaml")
# Two words are one term where at least this share of the rarer one's uses are the two together.
BOUND: Final = 0.3
# A word in more than half of the texts tells none apart.
MOST: Final = 0.5
LEAST_TEXTS: Final = 2
LEAST_LENGTH: Final = 2


class Usage(NamedTuple):
    """Texts as words: which terms each uses.

    Parameters
    ----------
    terms : list of str
        Words, and pairs of words with a space between them, in alphabetical order.
    counts : scipy.sparse.csr_array, shape (texts, terms)
        How often each text uses each term.
    """

    terms: list[str]
    counts: Any


@cache
def opinions(language: str | None) -> frozenset[str]:
    """Return the words of a language that only say how good or bad something was."""
    lists = yaml.safe_load(_OPINIONS.read_text(encoding="utf-8"))
    return frozenset(lists.get(language or "", "").split())


def theme_words(text: str, language: str | None) -> list[str]:
    """Return the words of a text, in order, that may stand in a theme.

    Examples
    --------
    >>> theme_words("The delivery was really late, no box!", "en")
    ['delivery', 'late', 'no', 'box']
    """
    stop = stop_words(language) | opinions(language)
    return [word for word in tokens(normalise(text), stop) if len(word) >= LEAST_LENGTH]


def usage(texts: Sequence[Sequence[str]], whose: Sequence[int] | Ints, least: int) -> Usage:
    """Count the terms of texts, given as words.

    Parameters
    ----------
    texts : sequence of sequences of str
        From `theme_words`.
    whose : sequence of int, as long as `texts`
        Number of the customer who wrote it.
    least : int
        Fewest different customers who must use a term; a term of fewer could name one.

    Returns
    -------
    Usage
        Terms in at least two texts and at most half of them, used by enough customers. Two words
        that mostly stand together are one term, and are then not counted as words.
    """
    bound = _bound(texts, whose, least)
    return counted([joined(words, bound) for words in texts], whose, least)


def _bound(texts: Sequence[Sequence[str]], whose: Sequence[int] | Ints, least: int) -> set[str]:
    alone: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for words in texts:
        alone.update(words)
        together.update(pairwise(words))
    often = {
        pair
        for pair, uses in together.items()
        if uses >= least
        and uses >= BOUND * min(alone[pair[0]], alone[pair[1]])
        and pair[0] != pair[1]
    }
    people: dict[tuple[str, str], set[int]] = {pair: set() for pair in often}
    for words, who in zip(texts, whose, strict=True):
        for pair in often.intersection(pairwise(words)):
            people[pair].add(who)
    return {" ".join(pair) for pair in often if len(people[pair]) >= least}


def joined(words: Sequence[str], pairs: set[str]) -> list[str]:
    """Return the words with those that are a pair put together, from the left.

    Examples
    --------
    >>> joined(["long", "waiting", "time"], {"waiting time"})
    ['long', 'waiting time']
    """
    found: list[str] = []
    at = 0
    while at < len(words):
        both = " ".join(words[at : at + 2])
        pair = both in pairs
        found.append(both if pair else words[at])
        at += 2 if pair else 1
    return found


def counted(texts: Sequence[Sequence[str]], whose: Sequence[int] | Ints, least: int) -> Usage:
    """Count terms that are already cut; see `usage`."""
    names = sorted({term for terms in texts for term in terms})
    counts = incidence(texts, {term: at for at, term in enumerate(names)})
    used = counts.astype(bool).astype(np.int64)
    number = used.sum(axis=0)
    known, owner = np.unique(np.asarray(whose), return_inverse=True)
    ones = np.ones(len(owner), dtype=np.int64)
    owners = sparse.csr_array(
        (ones, (owner, np.arange(len(owner)))), shape=(len(known), len(owner))
    )
    people = (owners @ used).astype(bool).sum(axis=0)
    kept = (people >= least) & (number >= LEAST_TEXTS) & (number <= MOST * max(len(texts), 1))
    at = np.flatnonzero(kept)
    return Usage([names[i] for i in at], counts[:, at])


def incidence(texts: Iterable[Iterable[str]], columns: Mapping[str, int]) -> Any:
    """Return how often each text uses each term that has a column, as a sparse matrix."""
    places: list[int] = []
    ends = [0]
    for terms in texts:
        places += [columns[term] for term in terms if term in columns]
        ends.append(len(places))
    ones = np.ones(len(places), dtype=np.int64)
    found = sparse.csr_array((ones, places, ends), shape=(len(ends) - 1, len(columns)))
    found.sum_duplicates()
    return found


def owners(customers: pd.Series | None, size: int) -> np.ndarray:
    """Return a number for each text's customer; a text of nobody known has its own."""
    if customers is None:
        return np.arange(size)
    codes = pd.factorize(customers)[0].astype(np.int64)
    unknown = codes < 0
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(int(unknown.sum()))
    return codes
