"""Coded lists: which words make a code, as a file that people write and read."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from cjlab.errors import UserError, did_you_mean
from cjlab.voice._themes import OTHER, languages_of
from cjlab.voice._tokens import LANGUAGES, normalise, tokens

#: Words under this key hold in every language.
ANY: Final = "any"
_KEYS: Final = ("code", "name", "include", "exclude")
_COLUMNS: Final = ("code", "language", "include", "exclude", "name")


@dataclass(frozen=True)
class Code:
    """One code of a list.

    Parameters
    ----------
    id : str
        What tables go by.
    name : mapping of str to str
        What people call it, by language.
    include, exclude : mapping of str to tuple of str
        By language, words or phrases that give the code, and those that take it back. A ``*``
        stands for any letters of a word: ``deliver*``, ``*skada``.
    """

    id: str
    name: Mapping[str, str]
    include: Mapping[str, tuple[str, ...]]
    exclude: Mapping[str, tuple[str, ...]]

    def patterns(self, which: str, language: str) -> tuple[str, ...]:
        """Return what holds in a language."""
        lists: Mapping[str, tuple[str, ...]] = getattr(self, which)
        return (*lists.get(ANY, ()), *lists.get(language, ()))


@dataclass(frozen=True)
class Codebook:
    """A list of codes, applied to texts: a text may have several, or none.

    Parameters
    ----------
    codes : tuple of Code
        In the order to show them.
    threshold : float, default 0.5
        As for themes; a code's score is 0 or 1.
    """

    codes: tuple[Code, ...]
    threshold: float = 0.5

    @property
    def ids(self) -> list[str]:
        """The codes' ids, in order."""
        return [code.id for code in self.codes]

    def labels(self, language: str = "en") -> dict[str, str]:
        """Return the name of each code; where it has none in the language, another or its id."""
        return {
            code.id: code.name.get(language) or next(iter(code.name.values()), code.id)
            for code in self.codes
        }

    def scores(
        self,
        texts: Iterable[object],
        languages: str | Sequence[object] | None = None,
        *,
        told: bool = False,
    ) -> pd.DataFrame:
        """Return 1 where a text has a code and 0 where not, a row a text, a column a code.

        Null where the code has no words in the text's language, or that cannot be told.
        """
        listed = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
        codes = languages_of(listed, languages, told)
        found = np.full((len(listed), len(self.codes)), np.nan)
        rules = {
            language: [
                (
                    _rule(code.patterns("include", language)),
                    _rule(code.patterns("exclude", language)),
                )
                for code in self.codes
            ]
            for language in {code if isinstance(code, str) else ANY for code in codes}
        }
        for row, (text, language) in enumerate(zip(listed, codes, strict=True)):
            words = f" {' '.join(tokens(normalise(text)))} "
            for column, (include, exclude) in enumerate(rules[language or ANY]):
                if include is not None:
                    hit = include.search(words) and not (exclude and exclude.search(words))
                    found[row, column] = float(bool(hit))
        return pd.DataFrame(found, index=listed.index, columns=self.ids)

    def assign(
        self, texts: Iterable[object], languages: str | Sequence[object] | None = None
    ) -> pd.Series:
        """Return the codes of each text as a tuple in the list's order, ``(other)`` for none."""
        scores = self.scores(texts, languages)
        ids = self.ids
        hits = [tuple(ids[at] for at in np.flatnonzero(row == 1)) for row in scores.to_numpy()]
        named = pd.Series([None] * len(hits), index=scores.index, dtype=object, name="codes")
        named[:] = pd.Series([own or (OTHER,) for own in hits], index=scores.index, dtype=object)
        return named

    @classmethod
    def read(cls, path: str | Path) -> Codebook:
        """Read a codebook, by its suffix.

        Parameters
        ----------
        path : path-like
            ``.yaml``: a list of ``code, name, include, exclude``, each of the last three by
            language (or ``any``). ``.csv``: a row a code and language with the columns ``code,
            language, include, exclude, name``; several words are separated by ``;``.

        Returns
        -------
        Codebook
            Codes in the file's order.

        Raises
        ------
        UserError
            The file is not there or not understood, or a code lacks words, is there twice, or
            has an unknown language.
        """
        place = Path(path)
        if not place.is_file():
            raise UserError(f"no codebook at {place}.")
        said = _from_csv(place) if place.suffix.lower() == ".csv" else _from_yaml(place)
        codes = tuple(_code(one, f"{place.name}: code {n}") for n, one in enumerate(said, 1))
        ids = [code.id for code in codes]
        for name in ids:
            if ids.count(name) > 1:
                raise UserError(f'{place.name}: code "{name}" is there twice.')
        return cls(codes)


def _rule(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """One pattern for all; words are matched whole, and a star matches letters of one word."""
    if not patterns:
        return None
    parts = [
        " ".join(r"[^ ]*".join(map(re.escape, word.split("*"))) for word in phrase.split(" "))
        for phrase in patterns
    ]
    return re.compile(f"(?<= )(?:{'|'.join(parts)})(?= )")


def _from_yaml(path: Path) -> list[Any]:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        raise UserError(f"{path.name} is no YAML: {' '.join(str(cause).split())}") from None
    codes = said.get("codes") if isinstance(said, dict) else said
    if not isinstance(codes, list):
        raise UserError(f"{path.name}: key codes is missing; it lists code, name and include.")
    return codes


def _from_csv(path: Path) -> list[Any]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        for name in rows.fieldnames or []:
            if name not in _COLUMNS:
                raise UserError(
                    f'{path.name}: unknown column "{name}".{did_you_mean(name, _COLUMNS)}'
                )
        for name in ("code", "include"):
            if name not in (rows.fieldnames or []):
                raise UserError(f'{path.name}: column "{name}" is missing.')
        codes: dict[str, dict[str, Any]] = {}
        for row in rows:
            own = codes.setdefault(
                row["code"] or "", {"code": row["code"], "name": {}, "include": {}, "exclude": {}}
            )
            language = row.get("language") or ANY
            if row.get("name"):
                own["name"][language] = row["name"]
            for key in ("include", "exclude"):
                words = [word.strip() for word in (row.get(key) or "").split(";") if word.strip()]
                if words:
                    own[key].setdefault(language, []).extend(words)
    return list(codes.values())


def _code(said: Any, where: str) -> Code:
    if not isinstance(said, dict):
        raise UserError(f"{where} is {said!r}; it needs code and include.")
    for key in said:
        if key not in _KEYS:
            raise UserError(f'{where}: unknown key "{key}".{did_you_mean(key, _KEYS)}')
    name = str(said.get("code") or "").strip()
    if not name or name.startswith("("):
        raise UserError(f"{where}: code is {said.get('code')!r}; write a short name.")
    include, exclude = (_lists(said.get(key), f"{where}: {key}") for key in ("include", "exclude"))
    if not any(include.values()):
        raise UserError(f"{where}: include is empty; write the words that give the code.")
    named = said.get("name") or {}
    if not isinstance(named, dict):
        named = {"en": named}
    return Code(name, {str(k): str(v) for k, v in named.items()}, include, exclude)


def _lists(said: Any, where: str) -> dict[str, tuple[str, ...]]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        said = {ANY: said}
    found = {}
    for language, words in said.items():
        if language not in (*LANGUAGES, ANY):
            near = did_you_mean(language, (*LANGUAGES, ANY))
            raise UserError(f'{where}: no language "{language}".{near}')
        listed = [words] if isinstance(words, str) else list(words or [])
        found[language] = tuple(_pattern(word, where) for word in listed)
    return found


def _pattern(word: object, where: str) -> str:
    """A word or phrase as texts are read: lower case, its words apart by one space."""
    parts = normalise(str(word)).lower().replace("’", "'").split()
    if not parts or any(
        not re.fullmatch(r"\*?[^\W\d_]+(?:['\-*][^\W\d_]*)*", part) for part in parts
    ):
        raise UserError(f'{where}: "{word}" has no letters, or signs other than * - \'.')
    return " ".join(parts)
