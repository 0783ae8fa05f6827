"""What customers write about: themes that come again, found by language."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from cjlab._numbers import Floats
from cjlab.errors import UserError
from cjlab.privacy import DEFAULT_MINIMUM, redact
from cjlab.study import Study
from cjlab.voice._answers import answers
from cjlab.voice._distinct import each_once
from cjlab.voice._language import language as tell_language
from cjlab.voice._themes import FILE, THRESHOLD, Theme, Themes
from cjlab.voice._tokens import LANGUAGES, negations, normalise
from cjlab.voice._topics import Topics, topics
from cjlab.voice._vocabulary import owners, theme_words, usage

MOST: Final = 12
# More texts than these tell little more of what there is, and the search takes its time.
SAMPLE: Final = 5_000
FEWEST_TEXTS: Final = 30
KEPT_TERMS: Final = 25
LEAST_WEIGHT: Final = 0.2
# A negation alone has no matter, unless it is the whole answer to what could be better.
ANSWERS: Final = frozenset({"nothing", "none", "inget", "ingenting", "intet", "mitään"})
COPIES: Final = 10


#: Of the search: one more where the same texts give other themes than before.
VERSION = 1


def themes(
    texts: Study | Iterable[object],
    *,
    languages: str | Sequence[object] | None = None,
    customers: Sequence[object] | pd.Series | None = None,
    most: int = MOST,
    minimum: int = DEFAULT_MINIMUM,
    threshold: float = THRESHOLD,
    seed: int = 0,
) -> Themes:
    """Find what texts are about: themes that come again, named by their terms.

    Each language is searched by itself. How many themes there are is not guessed: of several
    numbers, that whose themes are found again most surely in halves of the texts, beyond what is
    found in texts whose words were dealt at random. A theme that does not come again is not
    reported; no themes is an answer, and the one for few texts.

    Parameters
    ----------
    texts : Study or iterable of str or null
        What customers wrote. Of a study, its answers with their customers and languages.
    languages : str or sequence, optional
        Declared languages, as `cjlab.voice.language` takes them; told from the texts by default.
    customers : sequence, optional
        Who wrote each text. Without it each different text counts as a customer's.
    most : int, default 12
        Largest number of themes that is tried in a language.
    minimum : int, default 10
        Fewest different customers who use a term: what fewer say could name one of them.
    threshold : float, default 0.5
        Sum of weights from which a text has a theme; see `Themes`.
    seed : int, default 0
        Of the halves and the deals. The same texts give the same themes in any order.

    Returns
    -------
    Themes
        Ids are the language and a number, the theme of most texts first. ``fitted`` says by
        language how many texts there were, and ``note`` ``few_texts`` or ``no_stable_themes``.

    Raises
    ------
    UserError
        Lengths differ, or a number is below what makes sense.

    Notes
    -----
    Words that carry no matter (function words, and those that only say how good it was) are left
    out; names, addresses and numbers are redacted first. The same words count once of a customer
    and ten times in all, without customers once.
    Term weights by TF-IDF (sublinear), themes by non-negative matrix factorisation (Lee & Seung
    1999). Stability by weighted Jaccard of the terms after Hungarian matching, averaged over
    halves (Greene, O'Callaghan & Cunningham 2014).

    Examples
    --------
    >>> found = themes(["Too short to hold a theme"], languages="en")
    >>> len(found), found.fitted["en"]["note"]
    (0, 'few_texts')
    """
    if isinstance(texts, Study):
        frame = study_texts(texts)
        texts, customers = frame["text"], frame["customer_id"]
        languages = frame["language"].to_list()
    listed = pd.Series(list(texts), dtype=object)
    _check(len(listed), customers, most, minimum)
    told = tell_language(listed, languages)
    whose = pd.Series(list(customers), dtype=object) if customers is not None else None
    parts: list[Theme] = []
    fitted: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        rows = np.flatnonzero(told.to_numpy() == language)
        if len(rows):
            own = None if whose is None else whose.iloc[rows]
            settings = (most, minimum, threshold, seed)
            found, facts = _of_language(listed.iloc[rows], own, language, *settings)
            parts += found
            fitted[language] = facts
    return Themes(tuple(parts), threshold, fitted)


def study_themes(study: Study, *, minimum: int = DEFAULT_MINIMUM, seed: int = 0) -> Themes:
    """Return the themes that a study has frozen, or find them now.

    Parameters
    ----------
    study : Study
        With a ``themes.yaml`` beside its study.yaml, where they are frozen.
    minimum : int, default 10
        As in `themes`.
    seed : int, default 0
        As in `themes`.

    Returns
    -------
    Themes
        Frozen themes are the same in every period, so that trends compare like with like.

    Raises
    ------
    UserError
        The file is not understood, or the study has no responses.

    Examples
    --------
    >>> from cjlab import open_study
    >>> study_themes(open_study("data/retail/study.yaml")).ids  # doctest: +SKIP
    """
    file = study.folder / FILE
    if file.is_file():
        return Themes.read(file)
    # The same sources have the same themes: who asks again, or from another page, does not wait.
    kept = study.private / "themes" / f"{study.store_key()}-{VERSION}-{minimum}-{seed}.yaml"
    if not kept.is_file():
        _keep(themes(study, minimum=minimum, seed=seed), kept)
    return Themes.read(kept)


def _keep(found: Themes, place: Path) -> None:
    """Write what was found whole or not at all; what other sources had is of no more use."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = place.name.partition("-")[0]
    for old in place.parent.glob("*.yaml"):
        if not old.name.startswith(store):
            old.unlink(missing_ok=True)
    os.replace(found.write(place.with_name(f"{place.stem}.{os.getpid()}.part")), place)


def study_texts(study: Study) -> pd.DataFrame:
    """Return a study's texts, with who wrote them and the declared language."""
    table = answers(study)
    table = table.filter(table.text.notnull() & (table.text.strip() != ""))
    return table.select("text", "customer_id", "language").execute()


def _check(size: int, customers: Any, most: int, minimum: int) -> None:
    if customers is not None and len(customers) != size:
        raise UserError(f"themes: {size} texts, but {len(customers)} customers.")
    if most < 2:
        raise UserError(f"themes: most is {most}; 2 themes or more can be looked for.")
    if minimum < 1:
        raise UserError(f"themes: minimum is {minimum}; write 10, or 5 at least for publication.")


def _of_language(
    texts: pd.Series,
    customers: pd.Series | None,
    language: str,
    most: int,
    minimum: int,
    threshold: float,
    seed: int,
) -> tuple[list[Theme], dict[str, Any]]:
    """Themes of the texts in one language, and what they were found in."""
    words = each_once(lambda text: tuple(theme_words(redact(normalise(text)), language)), texts)
    facts: dict[str, Any] = {"texts": len(texts), "distinct": len({own for own in words if own})}
    whose = owners(customers, len(words))
    said = _once(words, whose, copies=1 if customers is None else COPIES)
    if len(said) < FEWEST_TEXTS:
        return [], facts | {"note": "few_texts"}
    if customers is None:
        words, whose = [words[at] for at in said], np.arange(len(said))
        said = list(range(len(words)))
    known = usage(words, whose, minimum)
    bare = negations(language) - ANSWERS
    columns = [at for at, term in enumerate(known.terms) if term not in bare]
    found = topics(known.counts[said[:SAMPLE]][:, columns], most, seed)
    terms = [known.terms[at] for at in columns]
    parts = [] if found is None else _named(found, terms, language)
    if customers is None:
        whose = np.arange(len(texts))
    settings = (language, threshold, minimum)
    parts, other = _large_enough(parts, list(texts), whose, *settings)
    return parts, facts | ({"other": other} if parts else {"note": "no_stable_themes"})


def _once(words: list[tuple[str, ...]], whose: Any, copies: int) -> list[int]:
    """Rows to search in, by a hash of what they say: neither row order nor alphabet decides.

    The same words of one customer count once, and at most `copies` times of several: what many
    say in the same words is theirs, but a form letter must not make the themes.
    """
    people: dict[tuple[str, ...], set[int]] = {}
    keys = {}
    for row, (own, who) in enumerate(zip(words, whose, strict=True)):
        seen = people.setdefault(own, set())
        if own and len(seen) < copies and who not in seen:
            seen.add(who)
            text = "\x1f".join((str(len(seen)), *own))
            keys[row] = hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()
    return sorted(keys, key=lambda row: keys[row])


def _named(found: Topics, terms: list[str], language: str) -> list[Theme]:
    parts = []
    for weights, share, stability, chance in zip(*found[:4], strict=True):
        # By the root: the leading word is often so frequent that it would leave others nothing.
        # By its share: a word that all themes use tells none of them.
        raw = np.sqrt(weights / weights.max()) * share
        scaled: Floats = np.round(raw / raw.max(), 4)
        order = np.argsort(-scaled, kind="stable")[:KEPT_TERMS]
        own = {terms[at]: float(scaled[at]) for at in order if scaled[at] >= LEAST_WEIGHT}
        parts.append(
            Theme("", {}, {language: own}, round(float(stability), 4), round(float(chance), 4))
        )
    return parts


def _large_enough(
    parts: list[Theme],
    texts: list[object],
    whose: Any,
    language: str,
    threshold: float,
    minimum: int,
) -> tuple[list[Theme], float]:
    """Keep the themes of enough customers, largest first, and tell the share that fits none."""
    if not parts:
        return [], 1.0
    scores = Themes(tuple(parts), threshold)._scored(texts, language, list(range(len(parts))))
    has = np.round(scores, 9) >= threshold
    people = [len(np.unique(whose[own])) for own in has.T]
    order = sorted(
        (at for at, count in enumerate(people) if count >= minimum),
        key=lambda at: (-has[:, at].sum(), leading_term(parts[at], language)),
    )
    other = round(float(1 - has[:, order].any(axis=1).mean()), 4)
    named = [
        Theme(f"{language}{n}", {}, parts[at].terms, parts[at].stability, parts[at].chance)
        for n, at in enumerate(order, 1)
    ]
    return named, other


def leading_term(theme: Theme, language: str) -> str:
    """Return the heaviest term of a theme."""
    return max(theme.terms[language], key=lambda term: (theme.terms[language][term], term))
