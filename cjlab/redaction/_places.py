"""Postal addresses: street and number, postcode and town, in the forms of five countries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cjlab.redaction._mails import Found

_UPPER = "A-ZÅÄÖÆØÉÜ"
_NUMBER = r"\d{1,4}(?:\s?-\s?\d{1,4})?\s?(?:(?-i:[A-Ha-h]\b)(?:\s\d{1,3}\b)?)?"
# A floor, a door, a staircase.
_DOOR = (
    r"(?:,?\s(?:lgh|leil|lejl|leilighet|as|h|etg|apt|flat|st|th|tv|mf|kl)\.?\s?\d{0,4}|"
    r",?\s\d{1,2}\.?\s(?:tr|sal|etg|krs|th|tv|mf)\b\.?(?:\s(?:th|tv|mf)\b\.?)?){0,2}"
)
_TOWN = rf"(?-i:[{_UPPER}][\w-]{{1,30}}(?:\s(?:[{_UPPER}]{{1,2}}\b|[{_UPPER}][\w-]{{1,20}}))?)"
_CODE = r"(?:(?:SE|S|NO|N|DK|FI|FIN|AX)\s?-\s?)?(?:\d{3}\s?\d{2}|\d{4,5})"
_TAIL = rf"(?:[,\s]{{1,3}}{_CODE}(?:\s{_TOWN})?)?"
_LONG = (
    "gatan|gata|gaten|gate|gränden|gränd|vägen|väg|vegen|veien|stigen|stien|backen|bakken|allén|allé|"
    "alleen|torget|torvet|plassen|pladsen|plass|plads|gaden|gade|vejen|stræde|strædet|parken|katu|"
    "kuja|polku|raitti|bulevardi|esplanadi|puistikko|puistotie|rantatie|valtatie|maantie|kaari|penger"
)
_SHORT = "vei|veg|vej|väg|tie|tori|torg|torv|plan|rinne|mäki|alle|ranta|stig|sti|led|brink|backe"
_ENDS, _SHORT_ENDS = tuple(_LONG.split("|")), tuple(_SHORT.split("|"))
_HOUSE = re.compile(r"(?<![\w.'-])([^\W\d_][\w.'-]{0,40})\s{1,2}(?=\d)")
_NUMBERED = re.compile(rf"(?i){_NUMBER}{_DOOR}{_TAIL}")
_CAPITALS = re.compile(rf"(?:[{_UPPER}][\w.'-]{{0,30}}\s){{1,3}}$")
_ENGLISH = re.compile(
    r"(?i)(?<![\w.,])\d{1,5}[A-Za-z]?,?\s(?:[\w.'-]{1,20}\s){1,3}?"
    r"(?:street|road|avenue|lane|drive|close|court|crescent|terrace|gardens|grove|boulevard|"
    r"square|highway|(?-i:St|Rd|Ave|Ln|Dr|Ct|Blvd|Sq|Way|Place|Pl|Hill|Park|Row|Mews))\b\.?"
    r"(?:,?\s(?:apt|flat|unit)\.?\s?\d{1,4}\w?)?"
)
_FLAT = re.compile(r"(?i)\b(?:flat|apt|apartment|unit|suite)\.?\s\d{1,4}\w?,?\s$")
_BOX = re.compile(
    rf"(?i)\b(?:p\.?\s?o\.?\s?box\s?\d{{1,6}}|(?:box|boks|postboks|postbox)\s\d{{2,6}}{_TAIL})"
)
_CODE_TOWN = (
    re.compile(rf"\b(?:(?:SE|S)\s?-\s?)?\d{{3}}\s?\d{{2}}\s{_TOWN}"),
    re.compile(rf"\b(?:NO|N|DK|FI|FIN|AX)\s?-\s?\d{{4,5}}(?:\s{_TOWN})?"),
    # Four digits that could be a year are none; Oslo has 0150.
    re.compile(rf"(?<![\d.,])(?!19\d\d|20[0-4]\d)\d{{4}}\s{_TOWN}"),
    re.compile(r"(?i)\b(?:[A-Z]{1,2}\d[A-Z\d]?)\s?\d[ABD-HJLNP-UW-Z]{2}\b"),
    re.compile(r"\b[A-Z]{2}\s\d{5}(?:-\d{4})?\b"),
)


def addresses(seen: str) -> Iterator[Found]:
    """Yield streets with their number, and postcodes with their town."""
    yield from _streets(seen)
    for found in _ENGLISH.finditer(seen):
        flat = _FLAT.search(seen, max(0, found.start() - 20), found.start())
        yield flat.start() if flat else found.start(), found.end(), "address"
    for pattern in (_BOX, *_CODE_TOWN):
        for found in pattern.finditer(seen):
            yield (*found.span(), "address")


def _streets(seen: str) -> Iterator[Found]:
    for house in _HOUSE.finditer(seen):
        word, start = house[1], house.start()
        low = word.casefold()
        is_word = low in _ENDS or low in _SHORT_ENDS
        before = _CAPITALS.search(seen, max(0, start - 70), start) if is_word else None
        compound = not is_word and (
            low.endswith(_ENDS) or (word[0].isupper() and low.endswith(_SHORT_ENDS))
        )
        if before or compound:
            number = _NUMBERED.match(seen, house.end())
            if number:
                yield before.start() if before else start, number.end(), "address"
