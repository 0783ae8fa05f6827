"""What may leave the building: small cells, pseudonyms, quotes, text that spreadsheets would run.

Each row is judged by itself, and where rows are parts of a whole also beside the others
(`cjlab.disclosure`): no share follows from the rest. That a hidden cell may still follow from
another table, or from rows whose total another row tells, is not looked at; `privacy.json` has to
say so.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cjlab import disclosure
from cjlab.errors import UserError
from cjlab.estimates import COUNTS, NUMBERS, dims
from cjlab.redaction import redact as redact

DEFAULT_MINIMUM = 10
LOWEST_MINIMUM = 5

_IDS = ("customer_id", "account_id", "alias", "order_id", "session", "session_id")
_KEY_VARIABLE = "CJLAB_KEY"
_KEY_LENGTH = 16
# The full-width forms are read as formulas too once a spreadsheet has normalised them.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def gate(
    estimates: pd.DataFrame, minimum: int = DEFAULT_MINIMUM
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Hide the numbers that stand on too few customers.

    A row is small when its denominator (``customers``, or ``n`` where that is null) lies in
    1…minimum−1, or its numerator (``hits``, or the value of a row counted in customers) does.
    None of fifty is no small cell; nobody of nobody shows no person and stays as it is. Where a
    share of a whole (promoters, passives, detractors; boxes of satisfaction; categories of Kano;
    rows that add up to 1) is small, further ones are withheld until it follows from none, and NPS
    gets the widest interval it can have. A ``reason`` that few gave is called ``(other)``.

    Parameters
    ----------
    estimates : pandas.DataFrame
        A table of estimates; it is not changed.
    minimum : int, default 10
        Smallest number of customers that may be shown. Passing 5 to 9 is the explicit option of
        a study (``report: {minimum_cell: 5}``); below 5 is refused.

    Returns
    -------
    gated : pandas.DataFrame
        The same rows in the same order. Small rows keep dimensions, ``metric``, ``unit`` and
        ``of``; ``value, low, high, n, customers, hits`` are null, ``status`` is ``suppressed``
        and ``note`` is ``small_cell``, or ``complementary`` for the shares of a whole: nobody
        is to see which of them is the small one.
    withheld : list of dict
        One ``{"dims": {…}, "metric": …, "reason": …}`` for each row hidden by this call, JSON
        safe; reason ``small_base`` (denominator), ``small_count`` (numerator) or
        ``complementary``.

    Raises
    ------
    UserError
        `minimum` is below 5 or not whole, the frame is not a table of estimates, or a dimension
        is an id.

    Examples
    --------
    >>> import pandas as pd
    >>> from cjlab.estimates import estimates
    >>> rows = pd.DataFrame({"step": ["intent", "purchase"], "metric": "from_first",
    ...                      "value": [0.5, 0.04], "n": 100, "customers": 100,
    ...                      "hits": [50, 4]})
    >>> gated, withheld = gate(estimates(rows, ["step"]))
    >>> gated["status"].to_list()
    ['ok', 'suppressed']
    >>> withheld
    [{'dims': {'step': 'purchase'}, 'metric': 'from_first', 'reason': 'small_count'}]
    """
    _check_minimum(minimum)
    names = dims(estimates)
    for name in names:
        if name in _IDS:
            raise UserError(f'estimates by "{name}" cannot be published: ids never enter a report')
    base, count = _small(estimates, minimum)
    part = disclosure.complements(estimates, base, count, names)
    hidden = base | count | part
    gated = estimates.copy()
    gated.attrs = dict(estimates.attrs)
    gated.loc[hidden, list(NUMBERS)] = np.nan
    gated.loc[hidden, list(COUNTS)] = pd.NA
    gated.loc[hidden, "status"] = "suppressed"
    gated.loc[hidden, "note"] = "small_cell"
    gated.loc[part, "note"] = disclosure.NOTE
    gated = disclosure.widen(gated, names, minimum)
    gated = disclosure.unnamed(estimates, gated, minimum)
    reasons = np.select([part, base], [disclosure.NOTE, "small_base"], "small_count")
    withheld = [
        {
            "dims": {name: _plain(gated[name].iloc[row]) for name in names},
            "metric": _plain(gated["metric"].iloc[row]),
            "reason": str(reasons[row]),
        }
        for row in np.flatnonzero(hidden).tolist()
    ]
    return gated, withheld


def pseudonym(id: str, key: bytes) -> str:
    """Return the same meaningless name for the same id, which only the key can tie back.

    Parameters
    ----------
    id : str
        Id as text, compared byte for byte: ``"7"`` and ``"007"`` are two customers.
    key : bytes
        Secret of at least 16 bytes, from `load_key`.

    Returns
    -------
    str
        32 hex digits (keyed BLAKE2b, 128 bits).

    Raises
    ------
    UserError
        The key is shorter than 16 bytes.

    Examples
    --------
    >>> pseudonym("007", b"an example only!") == pseudonym("7", b"an example only!")
    False
    """
    if len(key) < _KEY_LENGTH:
        raise UserError(f"a pseudonym key needs {_KEY_LENGTH} bytes or more, got {len(key)}")
    # BLAKE2b takes 64 bytes of key at most; a longer secret must not be cut.
    short = key if len(key) <= 64 else hashlib.blake2b(key).digest()
    text = id.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=short, digest_size=16).hexdigest()


def load_key(path: Path | None = None) -> bytes:
    """Return the key for `pseudonym`, making one on first use.

    The key stands in the environment variable ``CJLAB_KEY``, else in a file outside every study.

    Parameters
    ----------
    path : pathlib.Path, optional
        Key file; by default ``~/.config/cjlab/key``. Created with mode 0600 when absent, whole
        or not at all, so that two runs at once end up with one key.

    Returns
    -------
    bytes
        The secret. Whoever has it and a list of ids can undo the pseudonyms.

    Raises
    ------
    UserError
        The key is too short, or others may read its file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "key"
    ...     load_key(file) == load_key(file)
    True
    """
    given = os.environ.get(_KEY_VARIABLE)
    if given is not None:
        return _long_enough(given, f"environment variable {_KEY_VARIABLE}")
    file = Path.home() / ".config" / "cjlab" / "key" if path is None else path
    if not file.exists():
        _create_key(file)
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise UserError(f"others may read the key {file}; run: chmod 600 {file}")
    return _long_enough(file.read_text(encoding="ascii", errors="replace"), f"key file {file}")


def escape_formula(text: str) -> str:
    """Keep a spreadsheet from running a text cell as a formula.

    Parameters
    ----------
    text : str
        A text cell on its way to CSV or XLSX. Numbers are not texts: −5 stays −5.

    Returns
    -------
    str
        The text, with ``'`` before it when it starts with ``= + - @``, a tab, a carriage return,
        a line feed or a full-width form of these signs.

    Examples
    --------
    >>> escape_formula("=HYPERLINK(A1)"), escape_formula("checkout")
    ("'=HYPERLINK(A1)", 'checkout')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _check_minimum(minimum: int) -> None:
    """Refuse a minimum cell that protects nobody."""
    whole = isinstance(minimum, int | np.integer) and not isinstance(minimum, bool)
    if not whole or minimum < LOWEST_MINIMUM:
        raise UserError(
            f"minimum cell must be a whole number of {LOWEST_MINIMUM} or more, got {minimum}; "
            f"{DEFAULT_MINIMUM} is the default"
        )


def _small(
    estimates: pd.DataFrame, minimum: int
) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Which rows have a small denominator, and which a small numerator."""
    n, customers, hits = (
        estimates[name].to_numpy(dtype="float64", na_value=np.nan) for name in COUNTS
    )
    value = estimates["value"].to_numpy(dtype="float64", na_value=np.nan)
    people = np.where(np.isnan(customers), n, customers)
    counted = np.where((estimates["unit"] == "customers").to_numpy(dtype=bool), value, np.nan)
    base = (people > 0) & (people < minimum)
    # Nobody in the denominator shows nobody, unless another number of the row says otherwise.
    rest = np.column_stack([n, hits, np.abs(value)])
    base |= (people == 0) & (np.nan_to_num(rest) > 0).any(axis=1)
    count = np.zeros(len(estimates), dtype=bool)
    for part in (hits, counted):
        count |= (part > 0) & (part < minimum)
    return base, count


def _plain(cell: Any) -> Any:
    """A dimension's value as JSON can hold it."""
    if pd.isna(pd.Series([cell], dtype=object)).iloc[0]:
        return None
    if isinstance(cell, np.generic):
        return cell.item()
    return cell if isinstance(cell, str | int | float | bool) else str(cell)


def _create_key(file: Path) -> None:
    """Write a new key beside the file and link it in: the first of two runs wins."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(32) + "\n")
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()


def _long_enough(secret: str, where: str) -> bytes:
    """The secret without the line end an editor adds."""
    key = secret.strip().encode("utf-8")
    if len(key) < _KEY_LENGTH:
        raise UserError(f"{where} holds {len(key)} bytes, a key needs {_KEY_LENGTH} or more")
    return key
