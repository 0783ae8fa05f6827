"""Themes as lists of weighted terms: applied the same to every text, edited and kept as a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.voice._distinct import each_once
from cjlab.voice._language import language as tell_language
from cjlab.voice._tokens import LANGUAGES, normalise, tokens
from cjlab.voice._vocabulary import incidence, theme_words

OTHER: Final = "(other)"
UNREAD: Final = "(not read)"
FILE: Final = "themes.yaml"
THRESHOLD: Final = 0.5
_KEYS: Final = ("id", "name", "terms", "stability", "chance")
_NAMED_BY: Final = 3


@dataclass(frozen=True)
class Theme:
    """One theme: its terms, by language.

    Parameters
    ----------
    id : str
        Short and lasting; tables and later periods go by it.
    name : mapping of str to str
        What people call it, by language.
    terms : mapping of str to mapping
        By language, its words (and pairs of words) with their weights; 1 is the leading term's.
    stability : float, optional
        How surely it was found again in halves of the texts (0–1); null where it was edited in.
    chance : float, optional
        What as many themes reach in texts of words dealt at random.
    """

    id: str
    name: Mapping[str, str]
    terms: Mapping[str, Mapping[str, float]]
    stability: float | None = None
    chance: float | None = None

    def label(self, language: str = "en") -> str:
        """Return its name in a language, else in another, else its leading terms.

        Examples
        --------
        >>> Theme("sv1", {}, {"sv": {"kort": 0.8, "betalning": 1.0}}).label()
        'betalning, kort'
        """
        if language in self.name:
            return self.name[language]
        if self.name:
            return next(iter(self.name.values()))
        terms = self.terms.get(language) or next(iter(self.terms.values()))
        return ", ".join(leading(terms))


def leading(terms: Mapping[str, float], count: int = _NAMED_BY) -> list[str]:
    """Return the heaviest terms that do not repeat a word of one before.

    Examples
    --------
    >>> leading({"waiting time": 1.0, "waiting": 0.9, "queue": 0.4})
    ['waiting time', 'queue']
    """
    chosen: list[str] = []
    for term in sorted(terms, key=lambda term: (-terms[term], term)):
        words = set(term.split())
        if not any(words & set(one.split()) for one in chosen):
            chosen.append(term)
    return chosen[:count]


@dataclass(frozen=True)
class Themes:
    """Themes that texts are sorted by, frozen until somebody edits them.

    A text has a theme when the terms of the theme that it uses weigh `threshold` or more
    together, each counted once: the leading term is enough, or several weaker ones. So the same
    text has the same themes in every period, whatever else was written.

    Parameters
    ----------
    themes : tuple of Theme
        In the order to show them.
    threshold : float, default 0.5
        Sum of weights from which a text has a theme.
    fitted : mapping, optional
        By language, what the themes were found in: ``texts``, ``distinct`` and ``other`` (share
        that fits none), or ``note`` where none came again.
    """

    themes: tuple[Theme, ...]
    threshold: float = THRESHOLD
    fitted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.themes)

    @property
    def ids(self) -> list[str]:
        """The themes' ids, in order."""
        return [theme.id for theme in self.themes]

    @property
    def terms(self) -> pd.DataFrame:
        """One row a term: ``theme, language, rank, term, weight``, heaviest first."""
        rows = []
        for theme in self.themes:
            for language, terms in theme.terms.items():
                order = sorted(terms, key=lambda term: (-terms[term], term))
                rows += [
                    (theme.id, language, rank, term, float(terms[term]))
                    for rank, term in enumerate(order, 1)
                ]
        return pd.DataFrame(rows, columns=["theme", "language", "rank", "term", "weight"])

    @property
    def stability(self) -> pd.DataFrame:
        """One row a theme: ``theme, name, stability, chance``; null where it was not measured."""
        rows = [(t.id, t.label(), t.stability, t.chance) for t in self.themes]
        found = pd.DataFrame(rows, columns=["theme", "name", "stability", "chance"])
        return found.astype({"theme": "str", "name": "str", "stability": float, "chance": float})

    def labels(self, language: str = "en") -> dict[str, str]:
        """Return the name of each theme, for tables and figures."""
        return {theme.id: theme.label(language) for theme in self.themes}

    def languages(self, theme: str) -> list[str]:
        """Return the languages that a theme has terms in."""
        return list(self._get(theme).terms)

    def renamed(self, theme: str, name: str, language: str = "en") -> Themes:
        """Return the same themes with another name for one of them; its id and terms stay."""
        old = self._get(theme)
        new = replace(old, name={**old.name, language: name})
        return replace(self, themes=tuple(new if t is old else t for t in self.themes))

    def merged(self, *themes: str) -> Themes:
        """Return themes of which several are one, such as the same matter in two languages.

        The first one's id and names stay; a term that several have keeps its larger weight.
        """
        parts = [self._get(name) for name in themes]
        terms: dict[str, dict[str, float]] = {}
        for part in parts:
            for language, own in part.terms.items():
                both = terms.setdefault(language, {})
                both |= {term: max(weight, both.get(term, 0.0)) for term, weight in own.items()}
        name = {k: v for part in reversed(parts) for k, v in part.name.items()}
        known = [part.stability for part in parts if part.stability is not None]
        chance = [part.chance for part in parts if part.chance is not None]
        one = Theme(parts[0].id, name, terms, min(known, default=None), max(chance, default=None))
        kept = (one if t is parts[0] else t for t in self.themes if t not in parts[1:])
        return replace(self, themes=tuple(kept))

    def without(self, *themes: str) -> Themes:
        """Return the themes but for some."""
        parts = [self._get(name) for name in themes]
        return replace(self, themes=tuple(t for t in self.themes if t not in parts))

    def scores(
        self,
        texts: Iterable[object],
        languages: str | Sequence[object] | None = None,
        *,
        told: bool = False,
    ) -> pd.DataFrame:
        """Return how much of each theme's weight each text uses.

        Parameters
        ----------
        texts : iterable of str or null
            What customers wrote; the index of a Series is kept.
        languages : str or sequence, optional
            Declared languages, as `cjlab.voice.language` takes them.
        told : bool, default False
            Whether `languages` is what `cjlab.voice.language` told already: then it is believed.

        Returns
        -------
        DataFrame
            A row a text, a column a theme; null where the theme has no terms in the text's
            language, or that cannot be told. A text without words has 0.
        """
        listed = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
        codes = languages_of(listed, languages, told)
        found = np.full((len(listed), len(self.themes)), np.nan)
        for language in sorted({code for code in codes if isinstance(code, str)}):
            rows = np.flatnonzero(codes == language)
            columns = [at for at, theme in enumerate(self.themes) if language in theme.terms]
            if columns:
                part = self._scored([listed.iloc[row] for row in rows], language, columns)
                found[np.ix_(rows, np.array(columns))] = part
        return pd.DataFrame(found, index=listed.index, columns=self.ids)

    def _scored(self, texts: list[object], language: str, columns: list[int]) -> Floats:
        lists = [self.themes[at].terms[language] for at in columns]
        names = {term: at for at, term in enumerate(sorted({t for own in lists for t in own}))}
        weights = np.zeros((len(names), len(columns)))
        for at, own in enumerate(lists):
            for term, weight in own.items():
                weights[names[term], at] = weight
        used = incidence(each_once(lambda text: _used(text, language), texts), names)
        # Products of ones and weights, summed in the order of the terms: the same in any batch.
        return np.asarray(used.astype(bool).astype(float) @ weights)

    def assign(
        self,
        texts: Iterable[object],
        languages: str | Sequence[object] | None = None,
        *,
        several: bool = False,
    ) -> pd.Series:
        """Return the theme of each text, or all that it has.

        Parameters
        ----------
        texts, languages
            As for `scores`.
        several : bool, default False
            Return a tuple a text, strongest first and empty where it fits none, in place of the
            strongest theme alone.

        Returns
        -------
        Series
            ``(other)`` for a text that fits none of its language's themes, ``(not read)`` for one
            whose language has none or cannot be told. Equal scores go to the theme first in order.
        """
        scores = self.scores(texts, languages)
        values = scores.to_numpy()
        read = ~np.isnan(values).all(axis=1) if len(self.themes) else np.zeros(len(values), bool)
        order = np.argsort(-np.nan_to_num(values, nan=-1.0), axis=1, kind="stable")
        enough = np.round(values, 9) >= self.threshold
        ids = self.ids
        all_of = [
            tuple(ids[at] for at in row if fits[at])
            for row, fits in zip(order, enough, strict=True)
        ]
        if several:
            named: list[Any] = all_of
        else:
            named = [
                own[0] if own else OTHER if seen else UNREAD
                for own, seen in zip(all_of, read, strict=True)
            ]
        return pd.Series(named, index=scores.index, dtype=object, name="theme")

    def write(self, path: str | Path) -> Path:
        """Write the themes as YAML that shows in a diff what was edited; return the path.

        Put it beside the study.yaml as ``themes.yaml``, and reports use it unchanged.
        """
        themes = []
        for theme in self.themes:
            terms = {
                language: {t: round(own[t], 4) for t in sorted(own, key=lambda t: (-own[t], t))}
                for language, own in theme.terms.items()
            }
            said: dict[str, Any] = {"id": theme.id, "name": dict(theme.name), "terms": terms}
            for key in ("stability", "chance"):
                if (value := getattr(theme, key)) is not None:
                    said[key] = round(float(value), 4)
            themes.append(said)
        facts = {language: dict(own) for language, own in self.fitted.items()}
        whole = {"threshold": self.threshold, "fitted": facts, "themes": themes}
        text = yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, width=100)
        place = Path(path)
        place.write_text(text, encoding="utf-8")
        return place

    @classmethod
    def read(cls, path: str | Path) -> Themes:
        """Read themes from a file that `write` made or a person wrote.

        Raises
        ------
        UserError
            The file is not there, is no YAML, or a theme lacks its id or terms, has an id twice,
            a language that is none of the five, a term of more than two words or a weight that is
            not above 0.
        """
        return _read(Path(path))

    def _get(self, theme: str) -> Theme:
        for one in self.themes:
            if one.id == theme:
                return one
        raise UserError(f'no theme "{theme}".{did_you_mean(theme, self.ids)}')


def languages_of(texts: pd.Series, languages: Any, told: bool) -> Any:
    """Return each text's language, null where it cannot be told."""
    known = pd.Series(languages, dtype=object) if told else tell_language(texts, languages)
    return known.to_numpy(dtype=object)


def _used(text: object, language: str) -> set[str]:
    """The terms that a text uses: all its words, and pairs of those that may stand in a theme."""
    normal = normalise(text)
    pairs = pairwise(theme_words(normal, language))
    return {*tokens(normal), *(f"{a} {b}" for a, b in pairs)}


def _read(path: Path) -> Themes:
    if not path.is_file():
        raise UserError(f"no themes at {path}; find them with cjlab.voice.themes and write them.")
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        raise UserError(f"{path.name} is no YAML: {' '.join(str(cause).split())}") from None
    if not isinstance(said, dict) or not isinstance(said.get("themes"), list):
        raise UserError(f"{path.name}: key themes is missing; it lists id, name and terms.")
    threshold = said.get("threshold", THRESHOLD)
    if not isinstance(threshold, int | float) or not threshold > 0:
        raise UserError(f"{path.name}: threshold must be a number above 0, found {threshold!r}.")
    themes = tuple(
        _theme(one, f"{path.name}: theme {n}") for n, one in enumerate(said["themes"], 1)
    )
    ids = [theme.id for theme in themes]
    for name in ids:
        if ids.count(name) > 1:
            raise UserError(f'{path.name}: theme "{name}" is there twice.')
    return Themes(themes, float(threshold), said.get("fitted") or {})


def _theme(said: Any, where: str) -> Theme:
    if not isinstance(said, dict):
        raise UserError(f"{where} is {said!r}; it needs id and terms.")
    for key in said:
        if key not in _KEYS:
            raise UserError(f'{where}: unknown key "{key}".{did_you_mean(key, _KEYS)}')
    if not str(said.get("id") or "").strip() or str(said["id"]).startswith("("):
        raise UserError(f"{where}: id is {said.get('id')!r}; write a short name without brackets.")
    terms = said.get("terms")
    if not isinstance(terms, dict) or not terms:
        raise UserError(f"{where}: terms is {terms!r}; write them by language, with weights.")
    read = {}
    for language, own in terms.items():
        if language not in LANGUAGES:
            raise UserError(
                f'{where}: no language "{language}".{did_you_mean(language, LANGUAGES)}'
            )
        read[language] = {_term(t, where): _weight(t, w, where) for t, w in (own or {}).items()}
    name = said.get("name") or {}
    if not isinstance(name, dict):
        raise UserError(f"{where}: name is {name!r}; write it by language, such as en: Payment.")
    named = {str(key): str(value) for key, value in name.items()}
    return Theme(str(said["id"]), named, read, said.get("stability"), said.get("chance"))


def _term(term: Any, where: str) -> str:
    text = " ".join(tokens(normalise(str(term))))
    if not text or len(text.split()) > 2:
        raise UserError(f'{where}: term "{term}" is not one word or two.')
    return text


def _weight(term: Any, weight: Any, where: str) -> float:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0:
        raise UserError(f'{where}: the weight of "{term}" is {weight!r}; write a number above 0.')
    return float(weight)
