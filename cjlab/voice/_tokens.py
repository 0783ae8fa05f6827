"""From what a customer typed to words: normalising, cutting, tokens, stop words, negations.

Pure text work for English, Swedish, Norwegian (bokmål), Danish and Finnish. Nothing here is
meant to be shown: it makes text comparable, and notes what it had to do to it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from cjlab._marks import few_marks

LANGUAGES: Final = ("en", "sv", "nb", "da", "fi")
# Longer answers are read this far: a pasted log must not take the report's time.
LONGEST: Final = 20_000
_WORDS: Final = Path(__file__).with_name("words.yaml")
# The intake counts the same signs (cjlab.rules).
_CP1252: Final = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_GARBLED: Final = re.compile(f"[ÃÂ][\u0080-\u00bf{_CP1252}]|â€|\ufffd")
_HIGH: Final = re.compile(f"[\u0080-\u00ff{_CP1252}]+")
_LINK: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_PIECE: Final = re.compile(r"\S+")
_DOTTED: Final = re.compile(r"\.\w+")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_CLAUSE_END: Final = re.compile(r"[.!?;:,()]+")
_KEPT_CONTROLS: Final = "\t\n"


class Clean(NamedTuple):
    """A text made comparable, and what was done to it.

    Parameters
    ----------
    text : str
        The normalised text.
    notes : tuple of str
        Of ``"cut"`` (only the beginning was read), ``"repaired"`` (mojibake undone) and
        ``"mojibake"`` (garbled, and not provably repairable: left as it is).
    """

    text: str
    notes: tuple[str, ...]


def clean(text: object, longest: int = LONGEST) -> Clean:
    """Normalise one answer and say what was done.

    Parameters
    ----------
    text : object
        The answer; what is no text (null) is an empty answer.
    longest : int, default 20,000
        Characters that are read.

    Returns
    -------
    Clean
        Text in NFC on one line, without control, zero-width and bidirectional characters;
        runs of white space are one space. Mojibake is repaired only where every garbled run is
        UTF-8 that was read as Windows-1252, which the way back proves.

    Examples
    --------
    >>> clean("Bra\\u200b  k\\u00c3\\u00b6p!")
    Clean(text='Bra köp!', notes=('repaired',))
    """
    if not isinstance(text, str):
        return Clean("", ())
    normal, notes = _once(text[:longest])
    # A garbled letter may have been garbled twice, or have been hidden by an invisible one.
    while "repaired" in notes or _GARBLED.search(normal):
        again, more = _once(normal)
        if again == normal:
            break
        normal, notes = again, notes | more
    if len(text) > longest:
        notes = notes | {"cut"}
    if "mojibake" in notes:
        notes = notes - {"repaired"}
    return Clean(normal, tuple(sorted(notes)))


def _once(text: str) -> tuple[str, frozenset[str]]:
    notes: frozenset[str] = frozenset()
    if _GARBLED.search(text):
        repaired = _repaired(text)
        notes = frozenset({"mojibake" if repaired is None else "repaired"})
        text = text if repaired is None else repaired
    text = unicodedata.normalize("NFC", few_marks("".join(map(_visible, text))))
    return " ".join(text.split()), notes


def normalise(text: object) -> str:
    """Return the normalised text of `clean` alone."""
    return clean(text).text


def _visible(char: str) -> str:
    if char.isascii() and char.isprintable():
        return char
    kind = unicodedata.category(char)
    if kind == "Cc":
        return " " if char in _KEPT_CONTROLS or char == "\r" else ""
    return "" if kind in ("Cf", "Cs") else char  # zero-width, bidirectional; half a pair


def _repaired(text: str) -> str | None:
    """Undo UTF-8 that was read as Windows-1252, or return None where one run is not that."""
    parts, end = [], 0
    for run in _HIGH.finditer(text):
        if not _GARBLED.search(run[0]):
            continue
        try:
            letters = _bytes(run[0]).decode("utf-8")
        except UnicodeDecodeError:
            return None
        parts += [text[end : run.start()], letters]
        end = run.end()
    return None if "\ufffd" in text else "".join([*parts, text[end:]])


def _bytes(garbled: str) -> bytes:
    # Windows-1252 leaves five bytes undefined; readers pass them on as C1 controls.
    return b"".join(
        char.encode("latin-1" if "\u0080" <= char <= "\u00ff" else "cp1252") for char in garbled
    )


def tokens(text: str, stop: frozenset[str] = frozenset()) -> list[str]:
    """Return the words of a normalised text, in order.

    Parameters
    ----------
    text : str
        A text from `normalise`.
    stop : frozenset of str, optional
        Words to leave out, such as `stop_words`.

    Returns
    -------
    list of str
        Lower case; hyphens and apostrophes inside a word stay (``wi-fi``, ``don't``, with the
        straight apostrophe). Links, e-mail addresses, numbers and signs give no word.

    Examples
    --------
    >>> tokens("Bra wi-fi, 5/5! Se https://x.se", stop_words("sv"))
    ['bra', 'wi-fi']
    """
    words = _WORD.findall(_without_links(text).lower().replace("’", "'"))
    return [word for word in words if word not in stop]


def _without_links(text: str) -> str:
    """Put a space for links and e-mail addresses."""
    return _PIECE.sub(_without_link, text) if "@" in text else _LINK.sub(" ", text)


def _without_link(piece: re.Match[str]) -> str:
    """Take out an address, which ends at the last dot with a word after it, and links.

    One pattern for addresses would try every start with every sign and every dot.
    """
    rest, dots = piece[0], list(_DOTTED.finditer(piece[0]))
    if dots and not _LINK.match(rest) and 0 < rest.find("@", 1) < dots[-1].start() - 1:
        return " " + _LINK.sub(" ", rest[dots[-1].end() :])
    return _LINK.sub(" ", rest)


def clauses(text: str) -> list[list[str]]:
    """Return the words of each stretch between signs that end what a negation reaches."""
    parts = _CLAUSE_END.split(_without_links(text))
    return [words for part in parts if (words := tokens(part))]


@cache
def _catalogue() -> dict[str, dict[str, frozenset[str]] | frozenset[str]]:
    read = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    return {
        language: frozenset(lists.split("; " if ";" in lists else None))
        if isinstance(lists, str)
        else {name: frozenset(words.split()) for name, words in lists.items()}
        for language, lists in read.items()
    }


def _list(language: str | None, name: str) -> frozenset[str]:
    lists = _catalogue().get(language or "", {})
    return lists.get(name, frozenset()) if isinstance(lists, dict) else frozenset()


def stop_words(language: str | None) -> frozenset[str]:
    """Return the function words of one of `LANGUAGES`, negations not among them; else none."""
    return _list(language, "stop") - negations(language)


def negations(language: str | None) -> frozenset[str]:
    """Return the words that negate what follows in one of `LANGUAGES`; else none."""
    return _list(language, "negation")


def foreign_words() -> frozenset[str]:
    """Return frequent words of languages that are not among `LANGUAGES`."""
    words = _catalogue()["other"]
    return words if isinstance(words, frozenset) else frozenset()


def sarcasm_marks() -> frozenset[str]:
    """Return signs and phrases that often say the opposite of their words."""
    marks = _catalogue()["sarcasm"]
    return marks if isinstance(marks, frozenset) else frozenset()
