"""Which bytes are which letters: detect, transcode, and mark what cannot be read."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

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
# Northern Europe's legacy encodings, the likeliest first; anything else is named in the study.
_LEGACY = ("cp1252", "cp850", "mac_roman")
_LETTERS = "åäöÅÄÖæøÆØéÉ"
_USUAL = _LETTERS + "üÜèáßðþ€£°§´–—‘’“”…•«»\u00a0"
_NOT_TEXT = (
    (b"PK\x03\x04", "is a zip or Excel file; let its name end in .xlsx, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel file; save it as .xlsx or CSV"),
    (b"PAR1", "is a Parquet file; say format: parquet"),
    (b"\x1f\x8b", "is packed with gzip; let its name end in .gz"),
)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE * (error.end - error.start), error.end


codecs.register_error("cjlab_mark", _mark)


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking .gz on the way."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return open(path, "rb")


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with open_bytes(path) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (EOFError, OSError, zlib.error) as error:
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
    # In a legacy text whole UTF-8 letters hardly come about by chance: a tie is UTF-8.
    return sum(ord(char) > 127 for char in text) - broken >= broken


def _legacy(sample: bytes) -> str:
    """Return the legacy encoding under which most bytes beyond ASCII are usual letters."""

    def usual(encoding: str) -> int:
        text = sample.decode(encoding, errors="ignore")
        return sum((char in _USUAL) + (char in _LETTERS) for char in text)

    return max(_LEGACY, key=usual)  # the first of equals


def _wide(sample: bytes) -> str | None:
    """Return which UTF-16 a text without a mark is: every other byte of ASCII is zero there."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < len(sample) / 8:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


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
            "".encode(declared)  # a codec from text to bytes, not rot13 or zip
            return codecs.lookup(declared).name
        except (LookupError, UnicodeError):
            raise UserError(
                f'{path.name}: no encoding "{declared}"; try utf-8, cp1252 or iso8859-15.'
            ) from None
    sample = next(_chunks(path), b"")
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    for magic, problem in _NOT_TEXT:
        if sample.startswith(magic):
            raise UserError(f"{path.name}: {problem}.")
    if wide := _wide(sample):
        return wide
    if sample.count(0) > len(sample) / 20:
        raise UserError(f"{path.name}: is not text; a CSV or Parquet file is needed.")
    if _is_utf8(path):
        return "utf-8"
    window = b"".join(chunk for chunk in _chunks(path) if not chunk.isascii())[: 4 * _CHUNK]
    if _mostly_utf8(window):
        return "utf-8"
    return _legacy(window)


def as_utf8(path: Path, encoding: str, folder: Path) -> Path:
    """Return a UTF-8 copy of the file, or the file itself where it already is UTF-8.

    Bytes that the encoding does not know become :data:`UNREADABLE`, so that the intake can
    quarantine exactly those rows.
    """
    # The readers that follow unpack .gz but not .GZ.
    if encoding == "utf-8" and path.suffix in (".gz", path.suffix.lower()) and _is_utf8(path):
        return path
    decoder = codecs.getincrementaldecoder(encoding)(errors="cjlab_mark")
    copy = folder / f"{abs(hash(os.fspath(path)))}-{path.name}.txt"
    with open(copy, "w", encoding="utf-8", newline="") as out:
        for chunk in _chunks(path):
            out.write(decoder.decode(chunk))
        out.write(decoder.decode(b"", final=True))
    return copy
