"""Which bytes are which letters: detect, transcode, and mark what cannot be read."""

from __future__ import annotations

import codecs
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import charset_normalizer

from cjlab.errors import UserError

# A Unicode noncharacter: no text holds it, so it can stand for a byte nobody can read.
UNREADABLE = "\ufdd0"
_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Northern Europe's legacy encodings; anything else is named in the study.
_LEGACY = ["cp1252", "iso8859_15", "cp850", "mac_roman"]


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE * (error.end - error.start), error.end


codecs.register_error("cjlab_mark", _mark)


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking .gz on the way."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return open(path, "rb")


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with open_bytes(path) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (gzip.BadGzipFile, EOFError, OSError) as error:
        raise UserError(f"{path.name}: cannot be read ({error}).") from None


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(sample: bytes) -> bool:
    """Whether letters outside ASCII are UTF-8 more often than not, broken bytes aside."""
    text = sample.decode("utf-8", errors="cjlab_mark")
    broken = text.count(UNREADABLE)
    return sum(ord(char) > 127 for char in text) - broken > broken


def detect(path: Path, declared: str | None = None) -> str:
    """Return the name of a text file's encoding.

    Parameters
    ----------
    path : Path
        The file, plain or .gz.
    declared : str, optional
        What the study says; it is checked for being a known name and then believed.

    Returns
    -------
    str
        A Python codec name. A file that is UTF-8 but for a few bytes is UTF-8.

    Raises
    ------
    UserError
        For an unknown declared name, or a file that is no text at all.
    """
    if declared:
        try:
            return codecs.lookup(declared).name
        except LookupError:
            raise UserError(
                f'{path.name}: no encoding "{declared}"; try utf-8, cp1252 or iso8859-15.'
            ) from None
    sample = next(_chunks(path), b"")
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if _is_utf8(path):
        return "utf-8"
    window = b"".join(chunk for chunk in _chunks(path) if not chunk.isascii())[: 4 * _CHUNK]
    if _mostly_utf8(window):
        return "utf-8"
    best = charset_normalizer.from_bytes(window[:65536], cp_isolation=_LEGACY).best()
    return best.encoding if best else "cp1252"


def as_utf8(path: Path, encoding: str, folder: Path) -> Path:
    """Return a UTF-8 copy of the file, or the file itself where it already is UTF-8.

    Bytes that the encoding does not know become :data:`UNREADABLE`, so that the intake can
    quarantine exactly those rows.
    """
    if encoding == "utf-8" and _is_utf8(path):
        return path
    decoder = codecs.getincrementaldecoder(encoding)(errors="cjlab_mark")
    copy = folder / f"{abs(hash(os.fspath(path)))}-{path.name.removesuffix('.gz')}"
    with open(copy, "w", encoding="utf-8", newline="") as out:
        for chunk in _chunks(path):
            out.write(decoder.decode(chunk))
        out.write(decoder.decode(b"", final=True))
    return copy
