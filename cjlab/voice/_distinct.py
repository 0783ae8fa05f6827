"""Texts that come again are read once: half of all answers say what others said."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

Read = TypeVar("Read")


def each_once(read: Callable[[object], Read], texts: Iterable[object]) -> list[Read]:
    """Return what a function makes of each text, asking it once for each different one.

    Examples
    --------
    >>> each_once(lambda text: str(text).upper(), ["yes", "no", "yes"])
    ['YES', 'NO', 'YES']
    """
    known: dict[str, Read] = {}
    found = []
    for text in texts:
        if not isinstance(text, str):
            found.append(read(text))
            continue
        if text not in known:
            known[text] = read(text)
        found.append(known[text])
    return found


def distinct(keys: Sequence[Hashable]) -> tuple[list[int], np.ndarray]:
    """Return the row of the first of each different key, and for every row which of them it is.

    Examples
    --------
    >>> first, which = distinct(["yes", "no", "yes"])
    >>> first, which.tolist()
    ([0, 1], [0, 1, 0])
    """
    place: dict[Hashable, int] = {}
    which = np.fromiter((place.setdefault(key, len(place)) for key in keys), int, len(keys))
    first = np.unique(which, return_index=True)[1]
    return first.tolist(), which
