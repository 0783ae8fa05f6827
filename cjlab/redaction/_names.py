"""Names of persons: after words that announce them, in the lists, by their form, by their capital.

In the middle of a sentence a capital is enough: in the Nordic languages it marks a proper name, and
what is not known as a place, a thing or an ordinary word is taken for a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from cjlab.redaction import _cues
from cjlab.redaction._inflection import bases
from cjlab.redaction._lists import listed, ordinary
from cjlab.redaction._mails import Found

LONGEST_NAME = 4  # words
_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_CLINGING = re.compile(r"(?:[-_]?\d\w*)+")
_STARTS = frozenset('.!?:;•\0\n"“”„»«()[]/|>*#=…')
_PARTICLES_WORDS = "von van der den de af av da di la le bin al ibn"
_PARTICLES = frozenset(_PARTICLES_WORDS.split())
_NORDIC = re.compile(
    r".{2,}(?:sson|ssen|[^s]sen|nen|ström|strøm|qvist|kvist|quist|gren|lund|berg|dahl|dal|"
    r"gaard|gård|stad|mäki|vaara|salo|niemi|lahti|koski|järvi|saari|dottir|dotter)"
)
_ENGLISH = re.compile(
    r"(?:mc|mac|o'|fitz)[^\W\d_]{3,}|.{3,}(?:ington|worth|shaw|croft|wright|smith)"
)
_PLAIN_ENDS = re.compile(
    r".{2,}(?:ing|tion|ment|ness|ity|able|ible|ful|less|ance|ence|ship|ism|ists?|ally|ously|"
    r"ning|ningen|het|heten|ande|ende|lig|ligt|lige|skt|isk|iska|erna|orna|arna|ene|erne|"
    r"minen|misen)"
)
_FINNISH_ENDS = re.compile(r".{2,}(?:sti|ssa|ssä|inen|aika|ksi)")  # of words that open sentences


@dataclass
class Word:
    """One word of the text, and what may be known of it before its neighbours are asked."""

    text: str
    start: int
    end: int
    opens: bool  # a sentence
    joined: bool  # to the word before, by one blank

    @property
    def low(self) -> str:
        return self.text.casefold()

    @property
    def capital(self) -> bool:
        return self.text[:1].isupper()

    @property
    def shouts(self) -> bool:
        return len(self.text) > 1 and self.text.isupper()


def names(seen: str, keep: Collection[str] = frozenset()) -> Iterator[Found]:
    """Yield the names of persons in a text where everything else found is masked.

    Parameters
    ----------
    seen : str
        The text as `cjlab.redaction._plain.view` gives it.
    keep : collection of str
        Words in small letters that name nobody in this study: brands, products, places.
    """
    words = list(_words(seen))
    small = {word.text for word in words if not word.capital}
    known = _Known(frozenset(keep) | small)
    hot = [False] * len(words)
    _announced(seen, words, known, hot)
    for i in range(len(words)):
        hot[i] = hot[i] or _stands_alone(words, i, known)
    _grow(words, known, hot)
    end = 0
    for i, word in enumerate(words):
        if hot[i] and word.end > end:
            # "mvh c012": what clings to a name is hidden with it, or half of an id is left.
            start, end = word.start, word.end
            if clings := _CLINGING.match(seen, end):
                end = clings.end()
            while start and (seen[start - 1].isalnum() or seen[start - 1] == "_"):
                start -= 1
            yield start, end, "name"


class _Known:
    """What the lists say of a word; words that the text itself writes small are ordinary."""

    def __init__(self, keep: frozenset[str]) -> None:
        self._keep = keep

    def ordinary(self, word: Word) -> bool:
        low = word.low.removesuffix("'s")
        if low in self._keep or any(base in ordinary() for base in bases(low)):
            return True
        return "-" in low and all(part in ordinary() for part in low.split("-"))

    def first(self, word: Word) -> bool:
        # What opens a sentence is a name in its own form only: "Olen" is no case of Ole.
        forms = bases(word.low)
        forms = (
            forms
            if not word.opens
            else tuple(f for f in forms if word.low in (f, f"{f}s", f"{f}'s"))
        )
        return any(form in listed("first_names") for form in forms)

    def last(self, word: Word) -> bool:
        return any(base in listed("surnames") for base in bases(word.low)) or self.shaped(word)

    def ambiguous(self, word: Word) -> bool:
        """A name only by its neighbours: a word as well, here or in one of the languages."""
        if word.low in self._keep and not self.first(word):
            return True
        return any(base in listed("ambiguous") for base in bases(word.low))

    def shaped(self, word: Word) -> bool:
        """A surname by its form, in any of its cases."""
        if len(word.low) < 6 or self.ordinary(word) or word.low.endswith(("minen", "misen")):
            return False
        return any(_NORDIC.fullmatch(b) or _ENGLISH.fullmatch(b) for b in bases(word.low))

    def listed(self, word: Word) -> bool:
        return self.first(word) or self.last(word)

    def may_be(self, word: Word) -> bool:
        """Tell whether a word beside a name may be part of it."""
        return word.capital and (not self.ordinary(word) or self.first(word)) and _personal(word)


def _words(seen: str) -> Iterator[Word]:
    before, end = "\n", 0
    for found in _TOKEN.finditer(seen):
        gap = seen[end : found.start()]
        marks = gap.replace(" ", "")
        broken = marks[-1:] == "-" and " " in gap  # a dash between sentences
        opens = end == 0 or broken or marks[-1:] in _STARTS
        # An initial's stop ends no sentence.
        if marks == "." and len(before) == 1 and before.isupper():
            opens = False
        yield Word(found[0], *found.span(), opens, gap in (" ", "-", ". ", ".") and not opens)
        before, end = found[0], found.end()


def _personal(word: Word) -> bool:
    """Tell whether a word is written as names are: one capital, or all of them."""
    rest = word.text[1:]
    mixed = any(c.isupper() for c in rest) and not word.text.isupper()
    return not mixed or re.match(r"(?:Mc|Mac|O'|Fitz|\w+-)", word.text) is not None


def _stands_alone(words: Sequence[Word], i: int, known: _Known) -> bool:
    """Tell whether a word is a name by itself, or by its place in the sentence."""
    word = words[i]
    if not word.capital or len(word.text) < 2:
        return False
    if known.listed(word) and not known.ambiguous(word):
        if known.first(word) or not word.opens:
            return True
        return not _plain(word)
    if word.shouts or word.opens or known.ordinary(word) or not _personal(word):
        return False
    return known.listed(word) or not _plain(word)


def _plain(word: Word) -> bool:
    """Tell whether a word ends as plain words do."""
    ends = word.opens and _FINNISH_ENDS.fullmatch(word.low)
    return bool(ends or _PLAIN_ENDS.fullmatch(word.low))


def _announced(seen: str, words: Sequence[Word], known: _Known, hot: list[bool]) -> None:
    """Mark what titles, greetings, sign-offs and verbs say is a name."""
    for cue in _cues.cues(seen, [(word.low, word.start, word.end) for word in words]):
        for i in range(cue.at, min(cue.at + LONGEST_NAME, len(words))):
            first = i == cue.at
            if not (first or words[i].joined) or not _fits(words[i], known, cue, first):
                break
            hot[i] = True
    _sign(seen, words, known, hot)
    for i, word in enumerate(words[:-1]):
        verb = words[i + 1]
        if not (verb.joined and known.may_be(word)):
            continue
        traits = {w.text for w in words[i + 2 : i + 5]} & _cues.TRAITS
        if verb.text in _cues.DEEDS or (verb.text in _cues.BEING and traits):
            hot[i] = True


def _fits(word: Word, known: _Known, cue: _cues.Cue, first: bool) -> bool:
    """Tell whether a word can be the name that was announced."""
    if cue.any_case and (first or cue.signs or known.first(word)):
        # That the text writes a word small says nothing here.
        return known.first(word) or word.low not in ordinary()
    if not word.capital:
        return known.first(word) and not known.ambiguous(word) and not known.ordinary(word)
    return not known.ordinary(word) or (known.first(word) and not _is_function(word))


def _sign(seen: str, words: Sequence[Word], known: _Known, hot: list[bool]) -> None:
    """Mark a last line, or what follows a last dash, of up to three words with capitals."""
    tail = words[-3:]
    for i, word in enumerate(tail):
        lead = seen[max(0, word.start - 3) : word.start].rstrip(" ")
        signs = lead.endswith(("\n", "-", "/", "~")) and word.opens
        rest = tail[i:]
        if (
            len(words) > len(rest)
            and signs
            and all(w.capital and not known.ordinary(w) and _personal(w) for w in rest)
        ):
            for k in range(len(words) - len(rest), len(words)):
                hot[k] = True
            return


def _is_function(word: Word) -> bool:
    return word.low in ("my", "will", "mark", "may", "even", "line", "love", "bra", "tack")


def _grow(words: Sequence[Word], known: _Known, hot: list[bool]) -> None:
    """Let a name take the capitalised words that touch it: forwards, then backwards."""
    for i in range(1, len(words)):
        word = words[i]
        if hot[i] or not word.joined or not hot[i - 1]:
            continue
        following = words[i + 1] if i + 1 < len(words) else None
        links = word.text in _PARTICLES and following is not None and following.capital
        initial = (
            len(word.text) == 1 and word.capital and following is not None and following.joined
        )
        hot[i] = links or initial or (known.may_be(word) and (len(word.text) > 1))
    for i in range(len(words) - 2, -1, -1):
        word, following = words[i], words[i + 1]
        if hot[i] or not hot[i + 1] or not following.joined or not word.capital:
            continue
        initial = len(word.text) == 1 and word.text not in "I"
        likely = known.may_be(word) and not (word.opens and _plain(word))
        hot[i] = initial or known.first(word) or likely
