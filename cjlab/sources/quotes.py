"""Find a quotation mark that is never closed, before it swallows the lines that follow.

Readers of delimited text take everything after an opening mark for one value, line breaks
included. A lone mark would so turn many rows into one without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from cjlab.errors import UserError

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_BLOCK = 4 << 20


def check(text: Path, name: str, delimiter: str) -> None:
    """Refuse a file with a quoted value that never ends, or ends in the middle of a later line.

    Parameters
    ----------
    text : Path
        UTF-8 text, plain or .gz.
    name : str
        How messages call the file.
    delimiter : str
        One ASCII character.

    Raises
    ------
    UserError
        One line with the number of the line on which the value begins.
    """
    if _all_in_pairs(text, ord(delimiter)):
        return
    line = _runaway(text, delimiter.encode())
    if line:
        raise UserError(
            f"{name}: the quoted value that begins on line {line} is never closed; look for a "
            "lone quotation mark there."
        )


def _blocks(text: Path) -> Iterator[bytes]:
    with pa.input_stream(str(text), compression="detect") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _all_in_pairs(text: Path, delimiter: int) -> bool:
    """Whether every mark opens a value, closes one or is doubled: the common case, fast."""
    edge = np.zeros(256, dtype=bool)
    edge[[_QUOTE, _NEWLINE, _RETURN, delimiter]] = True
    opened, carried = 0, b"\n"
    for block in _blocks(text):
        if not opened and carried == b"\n":
            block = block.removeprefix(b"\xef\xbb\xbf")
        # The last byte waits for the next block, so that each mark sees both neighbours.
        data = np.frombuffer(carried + block, dtype=np.uint8)
        carried = bytes(data[-2:])
        marks = np.flatnonzero(data[1:-1] == _QUOTE) + 1
        opening, closing = marks[opened::2], marks[1 - opened :: 2]
        if not (edge[data[opening - 1]].all() and edge[data[closing + 1]].all()):
            return False
        opened = (opened + len(marks)) % 2
    return opened == carried.endswith(b'"')


def _runaway(text: Path, delimiter: bytes) -> int:
    """Return the line on which a value begins that ends nowhere, or beyond its line; else 0."""
    data = b"".join(_blocks(text)).removeprefix(b"\xef\xbb\xbf")
    edges = delimiter + b"\r\n"
    at = data.find(b'"')
    while at >= 0:
        if at and data[at - 1] not in edges:  # a mark within a plain value is a letter
            at = data.find(b'"', at + 1)
            continue
        end = data.find(b'"', at + 1)
        while end >= 0 and data[end + 1 : end + 2] == b'"':
            end = data.find(b'"', end + 2)
        broken = end >= 0 and end + 1 < len(data) and data[end + 1] not in edges
        if end < 0 or (broken and b"\n" in data[at:end]):
            return data.count(b"\n", 0, at) + 1
        at = data.find(b'"', end + 1)
    return 0
