"""A study's own identifiers inside a text: hidden as whole words, whatever stands around them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from cjlab.redaction._digits import UNIT_AFTER
from cjlab.redaction._lists import ordinary
from cjlab.redaction._mails import Found
from cjlab.redaction._plain import MASK, plain, view

SHORTEST = 3  # signs of an identifier that is looked for
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
# A word may be the whole of an identifier, its part between blanks, or stand beside other signs.
_PIECES = tuple(
    re.compile(form) for form in (rf"\w+(?:[^\w\s{MASK}]\w+)+", r"\w+(?:-\w+)+", r"\w+")
)


def telling(ids: Iterable[str]) -> frozenset[str]:
    """Return the identifiers that nobody else writes by chance, as `cjlab.redaction.examine` takes.

    Parameters
    ----------
    ids : iterable of str
        Identifiers of a study.

    Returns
    -------
    frozenset of str
        Those of three signs or more with a letter in them, in small letters, that are no ordinary
        word. A plain number is left out: in a study whose customers are 100 to 999, every "200"
        would go.

    Examples
    --------
    >>> sorted(telling(["C012", "417", "delivery", "x1"]))
    ['c012']
    """
    return frozenset(
        low
        for low in map(_low, ids)
        if len(low) >= SHORTEST and any(map(str.isalpha, low)) and low not in ordinary()
    )


def known(
    seen: str, own: Iterable[str], others: Collection[str], keep: Collection[str]
) -> Iterator[Found]:
    """Yield the identifiers of who wrote a text, and those of others.

    Parameters
    ----------
    seen : str
        The text as `cjlab.redaction._plain.view` gives it.
    own : iterable of str
        The writer's, of any form: three signs or more, and no ordinary word.
    others : collection of str
        From `telling`.
    keep : collection of str
        Words in small letters that stay.
    """
    mine = {low for low in map(_low, own) if len(low) >= SHORTEST} - ordinary()
    if not mine and not others:
        return
    for low in mine:
        if " " in low:
            for found in re.finditer(rf"(?i)(?<!\w){re.escape(low)}(?!\w)", seen):
                yield (*found.span(), "id")
    for pattern in _PIECES:
        for found in pattern.finditer(seen):
            low = found[0].casefold()
            if not (low in mine or low in others) or (low in keep and low.isalpha()):
                continue
            # The writer's own number may be a price as well.
            if not (low.isdigit() and UNIT_AFTER.match(seen, found.end())):
                yield (*found.span(), "id")


def _low(name: str) -> str:
    return _EDGES.sub("", view(plain(name)).casefold())
