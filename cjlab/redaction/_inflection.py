"""Names in their cases: Annas, Anna's, Matille, Virtasen, Pekan."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

_FINNISH_WORDS = (
    "ella ellä elle elta essa esta lla llä lle lta ltä ssa ssä sta stä ksi tta ttä iin een aan "
    "ään oon han hän kin n a ä in en an än on un yn ön"
)
_FINNISH = tuple(_FINNISH_WORDS.split())
_GRADES = {
    "k": "kk",
    "t": "tt",
    "p": "pp",
    "d": "t",
    "nn": "nt",
    "ll": "lt",
    "mm": "mp",
    "ng": "nk",
}


_LONGEST = 40  # letters of a name


def bases(low: str) -> tuple[str, ...]:
    """Return the words a small-lettered form may come from, itself first.

    Examples
    --------
    >>> "virtanen" in bases("virtaselle"), "pekka" in bases("pekan"), "anna" in bases("annas")
    (True, True, True)
    """
    return _cached(low) if len(low) <= _LONGEST else (low,)


@lru_cache(maxsize=20_000)
def _cached(low: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_bases(low)))


def _bases(low: str) -> Iterator[str]:
    yield low
    for end in ("'s", "'", "s", ":s"):
        if low.endswith(end) and len(low) > len(end) + 2:
            yield low[: -len(end)]
    for end in _FINNISH:
        stem = low[: -len(end)]
        if not low.endswith(end) or len(stem) < 3:
            continue
        yield stem
        if stem.endswith("se"):
            yield f"{stem[:-2]}nen"
        if stem.endswith("i"):
            yield stem[:-1]
        yield from _strong(stem)


def _strong(stem: str) -> Iterator[str]:
    """Undo consonant gradation before the last vowel: Peka- is of Pekka."""
    for weak, strong in _GRADES.items():
        if stem[:-1].endswith(weak) and not stem[:-1].endswith(strong):
            yield stem[: -1 - len(weak)] + strong + stem[-1]
