"""What a text gives away of who wrote it, found and taken out, in five languages.

`REDACTION.md` beside this file holds what is found and what is lost, measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from cjlab.redaction import _digits, _ids, _mails, _names, _owned, _places
from cjlab.redaction._ids import telling
from cjlab.redaction._plain import LONGEST_READ, MASK, beginning, view

__all__ = ["LONGEST_READ", "Redacted", "examine", "redact", "telling"]

_SHOWN = {
    "e-mail": "[e-mail]",
    "link": "[link]",
    "handle": "[handle]",
    "address": "[address]",
    "date": "[date]",
    "name": "[name]",
}
_UNSURE = 100  # signs before a cut that may be the beginning of what is hidden
_NUMBER = "[number]"  # telephone, personal number, card, account, order, id, place on earth


@dataclass(frozen=True)
class Redacted:
    """A text without what says who wrote it, and what was taken out.

    Parameters
    ----------
    text : str
        The text on one line.
    hits : dict of str to int
        How many of each kind were hidden: e-mail, link, handle, address, date, name,
        personal_number, card, iban, account, number, id.
    """

    text: str
    hits: dict[str, int]


def redact(text: str, keep: Collection[str] = frozenset()) -> str:
    """Take out of a text what may say who wrote it: addresses, numbers, links and names.

    Parameters
    ----------
    text : str
        What a customer wrote; 20,000 signs of it are read, and the rest is left out.
    keep : collection of str, optional
        Words in small letters that name no person in this study: its brands, products, places.

    Returns
    -------
    str
        The text on one line, in Unicode's compatibility form, without invisible characters;
        ``[e-mail]``, ``[link]``, ``[handle]``, ``[number]`` (telephone, personal number, card,
        account, coordinates: five digits in a row or six in all; what a word calls a customer's,
        an order's, a case's), ``[address]``,
        ``[date]`` (with its year) and ``[name]`` stand for what was there.

    Notes
    -----
    Rules find forms, not persons. A name that opens a sentence, is in no list and does nothing
    that persons do stays; a brand in no list, in the middle of a sentence, goes as a name.

    Examples
    --------
    >>> redact("Hej Anna! Ring 070-123 45 67 eller skriv till a.b@mail.se. Mvh Bo")
    'Hej [name]! Ring [number] eller skriv till [e-mail]. Mvh [name]'
    >>> redact("Pakken kom etter 2 dager og kostet 150 kr.")
    'Pakken kom etter 2 dager og kostet 150 kr.'
    """
    return examine(text, keep).text


def examine(
    text: str,
    keep: Collection[str] = frozenset(),
    *,
    own: Iterable[str] = (),
    others: Collection[str] = frozenset(),
) -> Redacted:
    """Take out what `redact` takes out, and count it.

    Parameters
    ----------
    text : str
        What a customer wrote; its beginning is read, as by `redact`.
    keep : collection of str, optional
        Words in small letters that name no person in this study.
    own : iterable of str, optional
        Identifiers of who wrote it. Each is hidden as a whole word, plain numbers too, where it
        has three signs or more and is no ordinary word.
    others : collection of str, optional
        Identifiers of the study that are hidden too, from `telling`.

    Returns
    -------
    Redacted
        The text and how many of each kind it lost.

    Examples
    --------
    >>> examine("kort 4111 1111 1111 1111").hits
    {'card': 1}
    >>> examine("Ask C012 or 417 of 2 pm", own=["417"], others=telling(["C012"])).text
    'Ask [number] or [number] of 2 pm'
    """
    shown, cut = beginning(text)
    seen = view(shown)
    found: list[_mails.Found] = []
    ids = partial(_ids.known, own=own, others=others, keep=keep)
    for step in (_mails.links, _mails.mails, _mails.domains, _mails.handles, ids, _digits.numbers,
                 _places.addresses, _digits.runs, _digits.codes, _owned.owned):  # fmt: skip
        seen = _masked(seen, step(seen), found)
    _masked(seen, _names.names(seen, keep), found)
    redacted = _put_together(shown, sorted(found))
    if not cut:
        return redacted
    # Half of a number may stand at the cut.
    return Redacted(redacted.text[:-_UNSURE].rpartition(" ")[0] + "…", redacted.hits)


def _masked(seen: str, spans: Iterator[_mails.Found], found: list[_mails.Found]) -> str:
    """Note what a step found and mask it, so that no later step reads it again."""
    parts: list[str] = []
    end = 0
    for start, stop, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < end:  # inside, or longer than, what was found just before
            if stop > end:
                parts.append(MASK * (stop - end))
                first, _, before = found[-1]
                found[-1], end = (first, stop, before), stop
            continue
        parts += [seen[end:start], MASK * (stop - start)]
        found.append((start, stop, kind))
        end = stop
    return "".join([*parts, seen[end:]])


def _put_together(shown: str, found: list[_mails.Found]) -> Redacted:
    """Put one sign for each thing found; names that touch are one name."""
    parts: list[str] = []
    hits: Counter[str] = Counter()
    end, last = 0, ""
    for start, stop, kind in found:
        put = _SHOWN.get(kind, _NUMBER)
        between = shown[end:start]
        if not (kind == last == "name" and between in (" ", "-", ". ", "\n")):
            parts += [between, put]
            hits[kind] += 1
        end, last = stop, kind
    text: Any = "".join([*parts, shown[end:]])
    return Redacted(" ".join(text.split()), dict(sorted(hits.items())))
