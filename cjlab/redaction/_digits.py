"""Numbers that say who or where: telephones, personal numbers, cards, accounts, orders, places.

The rule is by form: five digits in a row, or six with signs between them, are hidden, whatever
they are, unless they are plainly an amount, a time, a span of years or marks out of ten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cjlab.redaction import _checks
from cjlab.redaction._mails import Found

LONGEST_ROW, LONGEST_RUN = 4, 5  # digits that may stay: in a row, and with signs between

_RUN = re.compile(r"(?:\+{1,2}\s?)?\(?\d(?:[\s()./\\_|*+-]{0,4}\d)*")
_LETTERS_BEFORE, _LETTERS_AFTER = re.compile(r"[^\W\d_]{1,4}-?$"), re.compile(r"-?[^\W\d_]{1,3}\b")
_TOKEN = re.compile(r"\w+(?:[-/]\w+)*")
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("personal_number", re.compile(r"(?i)(?<!\d)\d{6}\s?[-+A-FU-Y]\s?\d{3}\s?[0-9A-Z]\b")),
    (
        "personal_number",
        re.compile(r"(?i)\b[A-Z]{2}[\s.-]?\d\d[\s.-]?\d\d[\s.-]?\d\d[\s.-]?[A-D]\b"),
    ),
    ("number", re.compile(r"(?<![\d.])(?<!\d[ -])\d{1,3}(?:\.\d{1,3}){3}(?![ .-]?\d)")),
    ("number", re.compile(r"(?i)(?<![\w:.])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]{1,9}(?![\w:])")),
    (
        "number",
        re.compile(
            r"(?i)(?<![\w:.])(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4}"
            r"(?![\w:])"
        ),
    ),
    ("number", re.compile(r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b")),
    (
        "number",
        re.compile(
            r"(?i)\d{1,3}\s?°\s?\d{1,2}(?:[.,]\d{1,6})?\s?['′]?"
            r"(?:\s?\d{1,2}(?:[.,]\d{1,6})?\s?(?:''|′′|[\"”″]))?\s?[NSEWØVÖ]?"
        ),
    ),
    ("number", re.compile(r"(?<![\d.,])\d{1,3},\d{4,15}(?![\d.,])")),
    ("number", re.compile(r"(?<![\d.,])\+?\d{2,4}(?:,\d{2,4}){3,6}(?![\d])")),
    ("number", re.compile(r"\b[A-Z]{2}\d{2}\s?[A-Z]{3}\b")),
    (
        "number",
        re.compile(
            r"(?i)\b(?:reg(?:\.|istrering\w{0,12}|istration)?\s?(?:nr|no|skylt|plate)?|nummer?plate\w{0,2}|"
            r"number plate|licen[cs]e plate|bil(?:en)?|skilt\w{0,5}|rekisteri\w{0,12}|plate)\W{1,3}"
            r"((?-i:[A-ZÅÄÖ]{2,3})[\s-]?\d{1,3}(?-i:[A-Z])?)\b"
        ),
    ),
)
_WORDS = (
    "noll|null|nul|nolla|zero|oh|ett|en|et|yksi|one|två|to|kaksi|two|tre|kolme|three|fyra|fire|neljä|"
    "four|fem|viisi|five|sex|seks|kuusi|six|sju|syv|syv|seitsemän|seven|åtta|åtte|otte|kahdeksan|eight|"
    "nio|ni|yhdeksän|nine"
)
_SPELT = re.compile(rf"(?i)\b(?:{_WORDS})(?:[\s,.-]{{1,3}}(?:{_WORDS})\b){{5,40}}")
_LENGTHS = {
    country: int(length)
    for length, countries in re.findall(
        r"(\d\d) ((?:[A-Z]{2} ?)+)",
        "15 NO 16 BE 18 DK FO FI GL NL 19 MK SI 20 AT BA EE KZ XK LT LU 21 HR LV LI CH 22 BH BG CR "
        "DE GE IE ME RS GB VA 23 GI IQ IL AE TL 24 AD CZ MD PK RO SA SK ES SE TN VG 25 PT LY 26 IS "
        "TR 27 FR GR IT MR MC SM 28 AL AZ CY DO GT HU LB PL BY NI 29 BR EG PS QA UA 30 JO KW MU MN "
        "31 MT SC 32 LC 33 RU",
    )
    for country in countries.split()
}
_IBAN = re.compile(r"(?i)(?<![^\W_])[A-Z]{2}[\s-]?\d{2}(?=[\s.-]{0,2}[A-Z0-9])")
_REST = re.compile(r"(?i)(?:[\s.-]{0,2}[A-Z0-9]){11,32}")

_MONTH = (
    "jan|feb|mar|apr|ma[jiy]|jun|jul|aug|sep|o[kc]t|nov|de[cs]|tammi|helmi|maalis|huhti|touko|kesä|"
    "heinä|elo|syys|loka|marras|joulu"
)
_DATES = (
    re.compile(
        rf"(?i)\b\d{{1,2}}(?:\.|st|nd|rd|th|:?e)?\s(?:{_MONTH})\w{{0,9}}\.?,?\s(?:19|20)\d\d\b"
    ),
    re.compile(rf"(?i)\b(?:{_MONTH})\w{{0,9}}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s(?:19|20)\d\d\b"),
)
_DAY_FIRST = re.compile(r"(\d{1,2})(\.\s?|/|-)(\d{1,2})(?:\2|\s|-)((?:19|20)\d\d|\d\d)")
_YEAR_FIRST = re.compile(r"((?:19|20)\d\d)([./-])(\d{1,2})\2(\d{1,2})")
_CURRENCY = (
    r"kr\b|kronor|kroner|kruunua|:-|,-|sek\b|nok\b|dkk\b|eur|€|£|\$|pund|pound|dollar|usd\b|gbp\b"
)
_MEASURE = (
    r"mah\b|kwh\b|km\b|mil\b|kg\b|g\b|ml\b|gb\b|mb\b|tb\b|w\b|px\b|m2\b|kvm\b|steps\b|steg\b|%"
)
UNIT_AFTER = re.compile(rf"(?i)(?:,\d\d)?\s?(?:{_CURRENCY}|{_MEASURE})")
_UNIT_BEFORE = re.compile(rf"(?i)(?:{_CURRENCY})\s?$")
_SUM = r"[1-9]\d{0,2}(?:[\s.]\d{3}){1,2}|[1-9]\d{0,6}"
_AMOUNT = re.compile(rf"(?:{_SUM})(?:\.\d\d)?(?:\s?-\s?(?:{_SUM}))?")
_CLOCK = r"(?:[01]?\d|2[0-4])\.[0-5]\d"
_HARMLESS = (
    re.compile(rf"{_CLOCK}(?:\s?-\s?{_CLOCK})?"),
    re.compile(r"(?:\d{1,2}/(?:5|6|7|10)[\s.]{0,2})+"),
    # The number of a sentence's end and the next one's start.
    re.compile(r"\d{1,4}\.\s\d{1,4}"),
    re.compile(r"24[/-]7\s\d{1,3}"),
)


def numbers(seen: str) -> Iterator[Found]:
    """Yield numbers written with letters or signs of their own, then every long number."""
    yield from _ibans(seen)
    for kind, pattern in _SHAPES:
        for found in pattern.finditer(seen):
            if not _plainly_harmless(seen, found):
                yield (*found.span(found.lastindex or 0), kind)
    for pattern in _DATES:
        for found in pattern.finditer(seen):
            yield (*found.span(), "date")
    for found in _SPELT.finditer(seen):
        yield (*found.span(), "number")


def runs(seen: str) -> Iterator[Found]:
    """Yield what has five digits in a row or six in all, with the letters that cling to it."""
    for run in _RUN.finditer(seen):
        kind = _kind(seen, run)
        if kind is not None:
            start, end = run.span()
            before = _LETTERS_BEFORE.search(seen, max(0, start - 6), start)
            after = _LETTERS_AFTER.match(seen, end)
            yield before.start() if before else start, after.end() if after else end, kind


def codes(seen: str) -> Iterator[Found]:
    """Yield words of letters and five digits or more."""
    for word in _TOKEN.finditer(seen):
        digits = sum(map(str.isdigit, word[0]))
        if digits > LONGEST_ROW and any(map(str.isalpha, word[0])):
            amount = UNIT_AFTER.match(seen, word.end()) and _AMOUNT.fullmatch(word[0])
            if not amount and not _measured(word[0]):
                yield (*word.span(), "number")


def _kind(seen: str, run: re.Match[str]) -> str | None:
    """Say what a run of digits is; None when it may stay."""
    written, digits = run[0], "".join(filter(str.isdigit, run[0]))
    longest = max(map(len, re.findall(r"\d+", written)))
    if longest <= LONGEST_ROW and len(digits) <= LONGEST_RUN:
        return None
    if _is_date(written):
        return "date"
    if _harmless(seen, run):
        return None
    kinds: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("personal_number", _checks.personal_number),
        ("account", _checks.account),
        ("card", lambda d: 13 <= len(d) <= 19 and _checks.luhn(d)),
    )
    return next((kind for kind, fits in kinds if fits(digits)), "number")


def _harmless(seen: str, run: re.Match[str]) -> bool:
    written = run[0]
    if any(pattern.fullmatch(written) for pattern in _HARMLESS) or _years(written):
        return True
    after = UNIT_AFTER.match(seen, run.end())
    before = _UNIT_BEFORE.search(seen, max(0, run.start() - 12), run.start())
    return bool(after or before) and _AMOUNT.fullmatch(written) is not None


def _plainly_harmless(seen: str, found: re.Match[str]) -> bool:
    """Tell whether a shape is an amount: 12,5000 is none, 1,234,567 kr is one."""
    is_sum = re.fullmatch(r"\d{1,3}(?:,\d{3})+", found[0]) is not None
    return is_sum and len(found[0]) < 12


def _years(written: str) -> bool:
    years = re.fullmatch(r"((?:19|20)\d\d)\s?[-/]\s?((?:19|20)\d\d)", written)
    return years is not None and 0 < int(years[2]) - int(years[1]) <= 15


def _is_date(written: str) -> bool:
    if found := _DAY_FIRST.fullmatch(written):
        return 1 <= int(found[1]) <= 31 and 1 <= int(found[3]) <= 31
    if found := _YEAR_FIRST.fullmatch(written):
        return 1 <= int(found[3]) <= 12 and 1 <= int(found[4]) <= 31
    return False


def _measured(word: str) -> bool:
    """Tell whether a word is a number that its unit clings to, such as 20000mAh."""
    return re.fullmatch(rf"(?i)[1-9]\d{{0,6}}(?:{_CURRENCY}|{_MEASURE})", word) is not None


def _ibans(seen: str) -> Iterator[Found]:
    """Yield IBANs: the check digits say where one ends among the words around it."""
    for head in _IBAN.finditer(seen):
        rest = _REST.match(seen, head.end())
        if rest is None:
            continue
        signs = [(i, c) for i, c in enumerate(seen[head.start() : rest.end()]) if c.isalnum()]
        length = _LENGTHS.get(head[0][:2].upper(), 0)
        if 0 < length <= len(signs) and _checks.iban("".join(c for _, c in signs[:length])):
            yield head.start(), head.start() + signs[length - 1][0] + 1, "iban"
