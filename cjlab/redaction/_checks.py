"""Check digits: which numbers can be what they look like.

Personal numbers of Sweden, Norway, Denmark and Finland, cards, IBANs and Norwegian accounts, each
by its issuer's public rule. A number that fails its rule is hidden all the same where it is long;
the rule says what it is, and where one written with letters ends.
"""

from __future__ import annotations

from calendar import monthrange

_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_HETU_CENTURY = dict.fromkeys("+", 18) | dict.fromkeys("-YXWVU", 19) | dict.fromkeys("ABCDEF", 20)


def luhn(digits: str) -> bool:
    """Tell whether the last digit is that of Luhn's rule.

    Examples
    --------
    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    plain, doubled = digits[::-2], digits[-2::-2]
    return (sum(map(int, plain)) + sum(sum(divmod(2 * int(d), 10)) for d in doubled)) % 10 == 0


def iban(signs: str) -> bool:
    """Tell whether letters and digits without spaces are an IBAN (ISO 13616, modulus 97).

    Examples
    --------
    >>> iban("GB29NWBK60161331926819"), iban("GB29NWBK60161331926818")
    (True, False)
    """
    signs = signs.upper()
    if not (15 <= len(signs) <= 34 and signs.isascii() and signs.isalnum()):
        return False
    moved = signs[4:] + signs[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def personal_number(signs: str) -> bool:
    """Tell whether signs without spaces and dashes are a personal number of a Nordic country.

    Sweden: date (day + 60 for a co-ordination number) and Luhn. Norway: date (day + 40 for a D
    number, month + 40 or + 80 for synthetic ones) and two digits of modulus 11. Denmark: date
    alone, as its modulus is no longer kept. Finland: date, sign of the century, modulus 31.

    Examples
    --------
    >>> personal_number("8112189876"), personal_number("131052-308T"), personal_number("999999")
    (True, True, False)
    """
    if signs.isdigit():
        return _swedish(signs) or _norwegian(signs) or _danish(signs)
    return finnish(signs)


def finnish(signs: str) -> bool:
    """Tell whether eleven signs are a Finnish personal identity code.

    Examples
    --------
    >>> finnish("131052-308T"), finnish("131052X308T"), finnish("131052-308U")
    (True, True, False)
    """
    signs = signs.upper()
    if len(signs) != 11 or not (signs[:6] + signs[7:10]).isdigit():
        return False
    if signs[6] not in _HETU_CENTURY or not _date(signs[:2], signs[2:4]):
        return False
    return _HETU[int(signs[:6] + signs[7:10]) % 31] == signs[10]


def account(digits: str) -> bool:
    """Tell whether eleven digits are a Norwegian account (modulus 11).

    Examples
    --------
    >>> account("86011117947"), account("86011117948")
    (True, False)
    """
    return len(digits) == 11 and _weighed(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))


def _swedish(digits: str) -> bool:
    digits = digits[-10:] if len(digits) == 12 and digits[:2] in ("18", "19", "20") else digits
    if len(digits) != 10:
        return False
    day = int(digits[4:6])
    return _date(f"{day - 60 if day > 60 else day}", digits[2:4]) and luhn(digits)


def _norwegian(digits: str) -> bool:
    if len(digits) != 11:
        return False
    day, month = int(digits[:2]), int(digits[2:4])
    day, month = day - 40 if day > 40 else day, month % 40
    return (
        _date(f"{day}", f"{month}")
        and _weighed(digits[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
        and _weighed(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    )


def _danish(digits: str) -> bool:
    return len(digits) == 10 and _date(digits[:2], digits[2:4])


def _date(day: str, month: str) -> bool:
    """Tell whether a day is in its month, in a leap year."""
    return 1 <= int(month) <= 12 and 1 <= int(day) <= monthrange(2000, int(month))[1]


def _weighed(digits: str, weights: tuple[int, ...]) -> bool:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 == 0
