"""Numbers and codes that the words before them call a customer's, an order's, a case's.

Identifiers may not leave a study however short they are; "order 2 coffees" holds none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cjlab.redaction._digits import UNIT_AFTER
from cjlab.redaction._mails import Found

LEAST_DIGITS = 3  # of a plain number where no word or sign says that it is one of theirs
_FAR = 4  # signs between a word and the number it speaks of
_TOKEN = re.compile(r"\w+(?:[-/]\w+)*(?:'[^\W\d_]+)?")
# Words for customer, order, account, case, booking, invoice and member, in forms that a number
# follows.
_WORD = (
    r"(?:customers?|clients?|orders?|accounts?|acct|cases?|tickets?|bookings?|reservations?|"
    r"invoices?|members?|membership|orderen|"
    r"kund(?:en|ens|er|s)?|ordern|orderns|beställning(?:en|ens|s)?|ärende(?:t|ts|n)?|"
    r"bokning(?:en|ens|s)?|faktura(?:n|ns|en|ens)?|medlem(?:men|mens|met|mets|s)?|"
    r"kunde(?:n|ns|s)?|ordre(?:n|ns|s)?|bestilling(?:en|ens|s)?|konto(?:t|ts|en|ens)?|"
    r"sak(?:en|ens|s)?|sag(?:en|ens|s)?|bookingen|reserva(?:sjon|tion)(?:en)?|"
    r"asiakas|asiakka[^\W\d_]{1,8}|tilaus|tilaukse[^\W\d_]{1,6}|varaus|varaukse[^\W\d_]{1,6}|"
    r"tapaus|tapaukse[^\W\d_]{1,6}|tili(?:n|ni|ltä|llä|lle)?|lasku(?:n|ni|sta|lla|ssa|a)?|"
    r"jäsen(?:en|eni|enä)?|tiket(?:ti|in))(?:'s)?"
)
_MARK = (
    r"(?:nr|nro|no|num|num(?:mer|ber|ero)[^\W\d_]{0,5}|numret|id|tunnus[^\W\d_]{0,4}|ref|"
    r"kode|kod|koodi|code)"
)
# The part that compounds begin with: kundnummer, ordrenr, medlemsnummer, asiakasnumeroni.
_PART = (
    r"(?:order|ordre|bestilling|beställning|tilaus|kund|customer|client|asiakas|medlem|member|"
    r"jäsen|booking|bokning|varaus|faktura|invoice|lasku|ticket|case|ärende|sak|sag|konto|"
    r"account|tili|tapaus|reserva(?:sjon|tion))"
)
_CALLED = re.compile(_WORD)
_MARKED = re.compile(_MARK)
_COMPOUND = re.compile(rf"{_PART}[^\W\d_]{{0,3}}-?{_MARK}")
_GLUED = re.compile(rf"(?:({_PART}[^\W\d_]{{0,3}}-?{_MARK})|{_WORD})[-_/]?([^\W\d_]{{0,4}}\d\w*)")
# Where a sign or a marker stands between, long numbers after these are somebody's too.
_OTHERS_WORDS = (
    "order ordre bestilling beställning tilau kund customer client asiaka medlem member jäsen "
    "booking bokning varau faktura invoice lasku ticket case ärende sak sag ref viite konto "
    "account plusgiro postgiro bankgiro pg bg pin kod code id postn postcode telefon tel tlf "
    "mobil phone puh"
)
_OTHERS = tuple(_OTHERS_WORDS.split())
_MARKERS = frozenset(["nr", "number", "nummer", "num", "numero", "id", "kode", "kod"])
_IS = frozenset(["är", "er", "is", "on"])
_AND = frozenset(["and", "och", "og", "ja", "sekä", "samt", "or", "eller", "tai"])
# After these "order" is a verb, and what follows is how many.
_ORDERING_WORDS = (
    "to i we you they can could will would should must may might not never always often please "
    "who people customers cannot can't don't didn't i'd i'll we'd we'll let's"
)
_ORDERING = frozenset(_ORDERING_WORDS.split())
_YEARS = re.compile(r"(?:19[5-9]|20[0-4])\d(?:[-/](?:(?:19[5-9]|20[0-4])\d|\d\d))?")
_COUNTED = re.compile(
    r"(?i)\s?(?:st|stk|stycken|pcs|pieces|kpl|times|ggr|gånger|ganger|gange|kertaa|days|dag\w{0,3}|"
    r"päivää|hours|tim\w{0,3}|min|minut\w{0,3}|år|years|vuotta|people|person\w{0,2})\b"
)
_COUNT = re.compile(r"\d+(?:x|[^\W\d_]{2,5})")  # a count and what is counted: 100st, 200pcs
_MARKS = re.compile(r"\d{1,2}/(?:5|6|7|10)")
_LONG_WORD = re.compile(r"[^\W\d_]{5}")


def owned(seen: str) -> Iterator[Found]:
    """Yield numbers and codes after a word for whom or what they are of."""
    before, last, end = ["", "", ""], "", 0
    for token in _TOKEN.finditer(seen):
        word, low = token[0].partition("'")[0], token[0].casefold()
        gap, end = seen[end : token.start()], token.end()
        if not any(map(str.isdigit, word)):
            if not (last and low in _AND):
                last = ""
        elif _joined(last, gap, word) or _follows(before, gap, word, seen[end : end + 16]):
            yield token.start(), token.start() + len(word), "number"
            last = word
        else:
            last = ""
            glued = _GLUED.fullmatch(word.casefold())
            if glued and (glued[1] or _identifier(glued[2], "")):
                yield token.start(), token.start() + len(word), "number"
        before = [*before[1:], low]


def _joined(last: str, gap: str, word: str) -> bool:
    """Tell whether a word stands beside an identifier and is like it: orders 4711 and 4712."""
    return bool(last) and not set(gap) - set(" ,&/+") and _shape(word) == _shape(last)


def _shape(word: str) -> str:
    return "".join("0" if c.isdigit() else "a" if c.isalpha() else c for c in word)


def _follows(before: list[str], gap: str, word: str, after: str) -> bool:
    """Tell whether the words before say that a number is that of an order, a customer, a case."""
    if len(gap) > _FAR or _MARKS.fullmatch(word):
        return False
    said = before[2] in _IS
    first, second = before[:2] if said else before[1:]
    plain = word.isdigit()
    if plain and len(word) >= LEAST_DIGITS and UNIT_AFTER.match(after):
        return False
    called = _CALLED.fullmatch(second) is not None
    if _COMPOUND.fullmatch(second) or (called and "#" in gap):
        return True
    if _MARKED.fullmatch(second) and _CALLED.fullmatch(first):
        return True
    signed = said or bool(set(gap) & set(":="))
    if called and signed:
        return not plain or _identifier(word, after)
    if called and not set(gap) - set(" \n(\"'"):
        verb = second in ("order", "case") and (
            first in _ORDERING or (first, second) == ("in", "case")
        )
        return not verb and _identifier(word, after)
    return _long_after(first, second, gap, signed, word)


def _long_after(first: str, second: str, gap: str, signed: bool, word: str) -> bool:
    """Tell whether three digits or more follow a sign, a marker or another word for a number."""
    if sum(map(str.isdigit, word)) < LEAST_DIGITS or not (word[0].isdigit() or word[-1].isdigit()):
        return False
    if gap.endswith("#") or second in _MARKERS:
        return True
    if first.startswith(_OTHERS) and second == "no":
        return True
    return second.startswith(_OTHERS) and (
        signed or second.endswith(("nr", "nummer", "numero", "number"))
    )


def _identifier(word: str, after: str) -> bool:
    """Tell whether a word alone is more likely an identifier than a count, a year or a product."""
    digits = sum(map(str.isdigit, word))
    if not any(map(str.isalpha, word)):
        longest = max(map(len, re.split("[-/_]", word)))
        counted = _YEARS.fullmatch(word) or _COUNTED.match(after) or UNIT_AFTER.match(after)
        return longest >= LEAST_DIGITS and not counted
    if word[0].isdigit():
        return digits >= LEAST_DIGITS and not _COUNT.fullmatch(word)
    return digits > 1 and not _LONG_WORD.search(word)
