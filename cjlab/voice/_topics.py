"""How many themes a matrix of texts and terms holds, and which of them come again.

A number of themes is not guessed: themes are looked for in halves of the texts, and only those
whose weights of terms are found again, more surely than in texts whose words were dealt at random,
are themes.
"""

from __future__ import annotations

import warnings
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits

from cjlab._numbers import Floats

SIZES: Final = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
AGREES: Final = 0.5
SPLITS: Final = 3
DEALS: Final = 3
# A single theme divides nothing, and in words dealt at random the most frequent make one.
FEWEST: Final = 2


class Topics(NamedTuple):
    """Themes that come again, as weights of terms.

    Parameters
    ----------
    weights : numpy.ndarray, shape (themes, terms)
        How much each term weighs in each theme, 0 or more.
    share : numpy.ndarray, shape (themes, terms)
        What of a term's weight in all themes that were looked for lies in this one (0–1).
    stability : numpy.ndarray, shape (themes,)
        Mean weighted Jaccard agreement of a theme with the one found in halves of the texts.
    chance : numpy.ndarray, shape (themes,)
        The largest agreement of the theme of the same rank, found in texts of words dealt at
        random: the surest is held against the surest, the second against the second.
    tried : int
        How many were looked for; those that did not come again are not among the themes.
    """

    weights: Floats
    share: Floats
    stability: Floats
    chance: Floats
    tried: int


def topics(counts: Any, most: int, seed: int) -> Topics | None:
    """Find the themes of texts that come again, or None.

    Parameters
    ----------
    counts : scipy.sparse.csr_array, shape (texts, terms)
        How often each text uses each term; the order of the texts matters to the last digits.
    most : int
        Largest number of themes that is tried.
    seed : int
        Of the halves and the deals.

    Returns
    -------
    Topics or None
        Of the numbers tried, that whose themes come again most surely: with the largest sum of
        agreement above chance over the themes that reach .5 and are above chance. None where
        fewer than two do.
    """
    from sklearn.exceptions import ConvergenceWarning

    counts = counts[counts.sum(axis=1) > 0]
    texts, terms = counts.shape
    sizes = [k for k in SIZES if k <= min(most, terms // 2, texts // 10)]
    best: Topics | None = None
    most_gained = 0.0
    with threadpool_limits(1), warnings.catch_warnings():
        # Themes close enough to the best are good enough: the halves will tell.
        warnings.simplefilter("ignore", ConvergenceWarning)
        dealt = [_deal(counts, seed + deal) for deal in range(DEALS)]
        for k in sizes:
            found, again = _again(counts, k, SPLITS, seed)
            chance = _at_its_rank(again, [_again(deal, k, 1, seed)[1] for deal in dealt])
            stands = (again >= AGREES) & (again > chance)
            gain = float((again - chance)[stands].sum())
            if stands.sum() >= FEWEST and gain > most_gained:
                share = found / np.maximum(found.sum(axis=0), 1e-12)
                best = Topics(found[stands], share[stands], again[stands], chance[stands], k)
                most_gained = gain
    return best


def _at_its_rank(again: Floats, dealt: list[Floats]) -> Floats:
    """What chance gives at most to the theme of the same rank: some word is always frequent."""
    most = np.max([np.sort(own)[::-1] for own in dealt], axis=0)
    found = np.empty(len(again))
    found[np.argsort(-again, kind="stable")] = most
    return found


def _again(counts: Any, k: int, splits: int, seed: int) -> tuple[Floats, Floats]:
    """The themes of all texts, and how well each is found again in halves."""
    from sklearn.feature_extraction.text import TfidfTransformer

    rng = np.random.default_rng([seed, k])
    tfidf = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    found = _factors(tfidf, k, seed)
    agreed = []
    for _split in range(splits):
        order = rng.permutation(tfidf.shape[0])
        for half in np.array_split(order, 2):
            again = _factors(tfidf[np.sort(half)], k, seed)
            agreed.append(_matched(found, again))
    return found, np.mean(agreed, axis=0)


def _factors(tfidf: Any, k: int, seed: int) -> Floats:
    from sklearn.decomposition import NMF

    model = NMF(k, init="nndsvd", tol=1e-3, max_iter=200, random_state=seed)
    model.fit(tfidf)
    return np.asarray(model.components_)


def _matched(first: Floats, second: Floats) -> Floats:
    """Weighted Jaccard of each theme with the one it is matched to, by the Hungarian method.

    What both weigh a term by at least over what either does at most (Ruzicka), the weights of a
    theme adding up to 1: terms that lead a theme by little do not decide.
    """
    one, two = (w / np.maximum(w.sum(axis=1, keepdims=True), 1e-12) for w in (first, second))
    both = np.array([np.minimum(row, two).sum(axis=1) for row in one])
    whole = one.sum(axis=1)[:, None] + two.sum(axis=1)
    jaccard = both / np.maximum(whole - both, 1e-12)
    rows, columns = linear_sum_assignment(-jaccard)
    matched = np.zeros(len(first))
    matched[rows] = jaccard[rows, columns]
    return matched


def _deal(counts: Any, seed: int) -> Any:
    """Deal all words to the texts at random: only lengths and frequencies stay."""
    rng = np.random.default_rng([seed, 1])
    words = np.repeat(counts.indices, counts.data)
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    ends = np.concatenate([[0], np.cumsum(lengths)])
    ones = np.ones(len(words), dtype=counts.dtype)
    dealt = sparse.csr_array((ones, rng.permutation(words), ends), shape=counts.shape)
    dealt.sum_duplicates()
    return dealt
