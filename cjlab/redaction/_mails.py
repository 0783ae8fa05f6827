"""Links, e-mail addresses and handles, plain or disguised.

Every pattern is bounded or starts only where a word starts, so that time grows with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Found = tuple[int, int, str]  # start, end, kind

_TOP = (
    "com|net|org|info|biz|io|eu|se|no|dk|fi|nu|uk|us|de|fr|es|it|nl|be|ch|at|pl|ee|lv|lt|is|ie|ca|"
    "me|co|tv|cc|ax|fo|gl|app|dev|online|shop|store|site|cloud|email|mail|live|pro|name"
)
_LINK = re.compile(r"(?i)\b(?:(?:https?|ftp)://|www\.)\S+")
_DOMAIN = re.compile(
    rf"(?i)(?<![\w.-])(?:[^\W_][\w-]{{0,62}}\.){{1,4}}(?:{_TOP})(?![\w-])(?:[/?#]\S*)?"
)
_TOKEN = re.compile(r"\S+")
_SIGN = re.compile(r"[@\uff20]|%40")
_OPENING, _CLOSING = "([{<\"'«“”„‚", ")]}>\"'»“”.,;:!?…"

_AT_WORD = (
    r"at|ät|snabel-?\s?a|kr[øo]ll?-?\s?alfa|alfa-?\s?kr[øo]ll?|miuku(?:mauku|maukku)?|mauku|"
    r"[äa]t-?\s?(?:merkki|tecken|tegn|sign)|apinanhäntä"
)
_OPEN, _CLOSE = r"[\[({<*_|-]{1,2}\s?", r"\s?[\])}>*_|-]{1,2}"
# What stands between local part and domain: the sign with blanks, a word in brackets, a bare word.
_AT_CLEAR = rf"(?:\s{{0,2}}(?:@|%40)\s{{0,2}}|\s?{_OPEN}(?:{_AT_WORD}|a|@){_CLOSE}\s?)"
_AT_BARE = rf"\s{{1,2}}(?:{_AT_WORD})\s{{1,2}}"
_DOT_WORD = rf"\s?(?:{_OPEN})?(?:dot|punkt|punktum|prik|piste|pkt|point)(?:{_CLOSE})?\s?"
_DOT_CLEAR = rf"(?:\s?{_OPEN}\.{_CLOSE}\s?|\s?\.\s?|{_DOT_WORD})"
_DOT_BARE = rf"(?:\.|\s{_DOT_WORD})"
_LOCAL = (
    rf"(?<![\w.+'!#$&*/=?^{{}}~-])(?:\"[^\"\n]{{1,64}}\"|[\w.+'!#$&*/=?^{{}}~-]{{1,64}}"
    rf"(?:\s{_DOT_WORD}[\w+'-]{{1,40}}){{0,2}})"
)
_LABEL = r"[\w-]{1,63}"
_CLEAR = re.compile(
    rf"(?i){_LOCAL}{_AT_CLEAR}{_LABEL}(?:{_DOT_CLEAR}{_LABEL}){{0,3}}?{_DOT_CLEAR}(?:{_TOP})(?![\w-])"
)
_BARE = re.compile(
    rf"(?i){_LOCAL}{_AT_BARE}{_LABEL}(?:{_DOT_BARE}{_LABEL}){{0,3}}?{_DOT_BARE}(?-i:{_TOP})(?![\w-])"
)
_HANDLE = re.compile(r"(?<![\w@])@\s?[^\W\d][\w.]{1,40}")
_ACCOUNT = re.compile(
    r"(?i)\b(?:insta(?:gram)?|snap(?:chat)?|tiktok|twitter|facebook|fb|messenger|telegram|discord|"
    r"skype|linkedin)\s?(?:namn|navn|name|id|user)?\s?[:=]\s?([\w.-]{2,40})"
)


def links(seen: str) -> Iterator[Found]:
    """Yield addresses of the web, and of files on it."""
    for found in _LINK.finditer(seen):
        yield (*found.span(), "link")


def mails(seen: str) -> Iterator[Found]:
    """Yield e-mail addresses: any word with the sign inside, and the disguises of one."""
    for pattern in (_CLEAR, _BARE):
        for found in pattern.finditer(seen):
            yield (*found.span(), "e-mail")
    if _SIGN.search(seen) is None:
        return
    for token in _TOKEN.finditer(seen):
        sign = _SIGN.search(token[0])
        if sign is not None:
            start, end = _bare(token[0])
            before, after = token[0][start : sign.start()], token[0][sign.end() : end]
            if _word(before[-1:]) and _word(after[:1]):
                yield token.start() + start, token.start() + end, "e-mail"


def domains(seen: str) -> Iterator[Found]:
    """Yield bare names of sites, with what follows them."""
    for found in _DOMAIN.finditer(seen):
        yield (*found.span(), "link")


def handles(seen: str) -> Iterator[Found]:
    """Yield names on social networks."""
    for found in _HANDLE.finditer(seen):
        yield (*found.span(), "handle")
    for found in _ACCOUNT.finditer(seen):
        yield (*found.span(1), "handle")


def _bare(token: str) -> tuple[int, int]:
    """Where a word starts and ends without the brackets and stops around it."""
    start, end = 0, len(token)
    while start < end and token[start] in _OPENING:
        start += 1
    while end > start and token[end - 1] in _CLOSING:
        end -= 1
    return start, end


def _word(sign: str) -> bool:
    return sign.isalnum() or (sign in ("_", "-", "+", '"', "'", "[") and bool(sign))
