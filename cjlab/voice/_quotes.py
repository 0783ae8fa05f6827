"""Quotes that may be shown: with consent, without who said it, from groups that hide one."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cjlab import messages
from cjlab.errors import UserError, did_you_mean
from cjlab.privacy import DEFAULT_MINIMUM, LOWEST_MINIMUM
from cjlab.redaction import LONGEST_READ, Redacted, examine, telling

GROUPS = ("theme", "stage", "touchpoint", "persona", "sentiment")
REASONS = (
    "no_text", "no_customer", "no_consent", "small_group", "too_short", "too_much_redacted",
    "repeated", "over_the_limit",
)  # fmt: skip
YES = frozenset(("true", "t", "1", "1.0", "yes", "y", "ja", "j", "kyllä"))
NAMING = ("customer_id", "account_id", "alias", "order_id")  # may stand in a text
IDS = (*NAMING, "session", "row")
MOST_HITS = 4  # things taken out of one quote; more, and something may have been missed
LEAST_LEFT = 0.6  # share of a quote's words that are the customer's own
ORDINARY_AFTER = 3  # customers who write a word small make it an ordinary word
_PUT = re.compile(r"\[(e-mail|link|handle|number|address|date|name)\]")
_SENTENCE = re.compile(r"[.!?…][\"'”’)]*(?=\s|$)")
# Words that a word or a comma stands before: no sentence opens with them.
_INSIDE = re.compile(r"(?<=[\w,]\s)[^\W\d_]{2,}(?:-[^\W\d_]+)*")


@dataclass(frozen=True)
class Quotes:
    """Quotes that may be shown, and how many texts were left out, and why.

    Parameters
    ----------
    table : pandas.DataFrame
        The grouping columns, ``quote`` (plain text, to be escaped where it is shown),
        ``language`` (code or null) and ``customers`` (how many wrote in the group). No ids.
    withheld : pandas.DataFrame
        ``reason, texts``: the texts that are not quoted, by the first reason that held.
    by : tuple of str
        The grouping columns.
    minimum : int
        How many different customers a group had to have.
    """

    table: pd.DataFrame
    withheld: pd.DataFrame
    by: tuple[str, ...]
    minimum: int


def quotes(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] | None = None,
    minimum: int = DEFAULT_MINIMUM,
    per_group: int = 3,
    shortest: int = 20,
    longest: int = 240,
    vectors: np.ndarray[Any, Any] | None = None,
    keep: Collection[str] = (),
    among_agreed: bool = False,
) -> Quotes:
    """Choose texts that may be quoted, and take out of them who wrote them.

    A text is quoted only where its customer agreed, wrote in a group of at least `minimum`
    different customers, and enough of the text is left after redaction.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a text (or a text and a theme): ``text, customer_id, consent``, grouping columns,
        and ``language`` where it is known. Consent is a yes in one of five languages, 1 or true;
        what is missing is a no, and who said no anywhere is not quoted. Ids in it, and in
        ``account_id, alias, order_id`` where they are there, are taken out of the texts.
    by : sequence of str, optional
        Grouping columns; by default those of theme, stage, touchpoint, persona and sentiment
        that the frame has. A null group is not quoted from.
    minimum : int, default 10
        Different customers who must have written in a group, with consent or without; 5 or more.
    per_group : int, default 3
        Most quotes of a group; no customer is quoted twice in all groups together.
    shortest, longest : int, default 20 and 240
        Signs of a quote after redaction; a longer text is cut at the end of a sentence, else of
        a word.
    vectors : numpy.ndarray, optional
        One row for each row of the frame (terms or an embedding). Quotes are then those nearest
        by cosine to the mean of their group; without, the choice is by a digest of the text.
    keep : collection of str, optional
        Words that name no person: brands, products, places of the study.
    among_agreed : bool, default False
        Whether only customers who agreed count towards `minimum`, and in ``customers``.

    Returns
    -------
    Quotes
        The same for any order of the rows.

    Raises
    ------
    UserError
        A column is missing, a grouping column is an id, or a number is out of range.

    Examples
    --------
    >>> rows = pd.DataFrame({"text": "The parcel came late. Regards Ann", "consent": "yes",
    ...                      "customer_id": [str(i) for i in range(12)], "theme": "delivery"})
    >>> found = quotes(rows)
    >>> found.table[["theme", "quote", "customers"]].values.tolist()
    [['delivery', 'The parcel came late. Regards [name]', 12]]
    >>> found.withheld.values.tolist()
    [['repeated', 11]]
    """
    names = _checked(frame, by, minimum, per_group, shortest, longest)
    rows, near = _ordered(frame, names, vectors)
    rows["reason"] = _reasons(rows, names, minimum, among_agreed)
    keep = frozenset(word.casefold() for word in keep) | _ordinary(rows)
    others = telling({name for own in rows["_ids"] for name in own})
    chosen: list[dict[str, Any]] = []
    customers: set[str] = set()
    said: set[str] = set()
    open_rows = rows[rows["reason"].isna()]
    for key, group in _groups(open_rows, names):
        whole = rows.loc[group.index[0], "_customers"]
        taken = 0
        for index in _nearest(rows, names, key, group, near):
            text: Any = open_rows.at[index, "text"]
            customer: Any = open_rows.at[index, "customer_id"]
            own: Any = rows.at[index, "_ids"]
            found = examine(text, keep, own=own, others=others)
            quote, reason = _quote(found, shortest, longest)
            if reason is None and quote.casefold() in said:
                reason = "repeated"
            if reason is None and (taken >= per_group or customer in customers):
                reason = "over_the_limit"
            rows.at[index, "reason"] = reason
            if reason is not None:
                continue
            taken += 1
            said.add(quote.casefold())
            customers.add(customer)
            shown = {"quote": quote, "language": rows.at[index, "language"], "customers": whole}
            chosen.append({**dict(zip(names, key, strict=True)), **shown})
    columns = [*names, "quote", "language", "customers"]
    table = pd.DataFrame(chosen, columns=columns, dtype=object).astype({"customers": "int64"})
    counts = Counter(rows["reason"].dropna())
    withheld = [(reason, counts[reason]) for reason in REASONS if counts[reason]]
    return Quotes(table, pd.DataFrame(withheld, columns=["reason", "texts"]), names, minimum)


def _checked(
    frame: pd.DataFrame, by: Sequence[str] | None, minimum: int, per_group: int, *lengths: int
) -> tuple[str, ...]:
    """Return the grouping columns; refuse what cannot be quoted from."""
    by = [by] if isinstance(by, str) else by
    names = tuple(by) if by is not None else tuple(n for n in GROUPS if n in frame.columns)
    for column in ("text", "customer_id", "consent", *names):
        if column not in frame.columns:
            near = did_you_mean(column, frame.columns)
            raise UserError(f'quotes: the frame has no column "{column}".{near}')
    for name in names:
        if name in IDS:
            raise UserError(f'quotes by "{name}" cannot be published: ids never enter a report.')
    if minimum < LOWEST_MINIMUM:
        raise UserError(f"quotes: minimum must be {LOWEST_MINIMUM} or more, got {minimum}.")
    if per_group < 1 or not 0 < lengths[0] <= lengths[1]:
        raise UserError(
            f"quotes: per_group must be 1 or more and shortest at most longest, "
            f"got {per_group}, {lengths[0]} and {lengths[1]}."
        )
    return names


def _ordered(
    frame: pd.DataFrame, names: tuple[str, ...], vectors: np.ndarray[Any, Any] | None
) -> tuple[pd.DataFrame, np.ndarray[Any, Any] | None]:
    """Sort rows by a digest of what they say: their order tells nothing and cannot matter."""
    if vectors is not None and len(vectors) != len(frame):
        raise UserError(f"quotes: {len(vectors)} vectors for {len(frame)} rows.")
    columns: dict[str, list[Any]] = {name: [*map(_whole, frame[name])] for name in names}
    for name in ("text", "customer_id", "language"):
        values = frame[name] if name in frame.columns else [None] * len(frame)
        columns[name] = [None if _null(value) else _whole(str(value)) for value in values]
    named = [frame[name] for name in NAMING if name in frame.columns]
    columns["_ids"] = [
        tuple(_whole(str(name)) for name in ids if not _null(name))
        for ids in zip(*named, strict=True)
    ]
    columns["consent"] = [_yes(value) for value in frame["consent"]]
    written = zip(columns["text"], columns["customer_id"], strict=True)
    columns["_digest"] = [_digest(*parts) for parts in written]
    keys = [columns[name] for name in names]
    columns["_group"] = ["\0".join(map(str, parts)) for parts in zip(*keys, strict=True)]
    columns["_group"] = columns["_group"] if names else [""] * len(frame)
    rows = pd.DataFrame({n: pd.Series(values, dtype=object) for n, values in columns.items()})
    order = rows.sort_values(["_digest", "_group"], kind="stable").index.to_numpy()
    near = None if vectors is None else np.asarray(vectors, dtype="float64")[order]
    return rows.loc[order].reset_index(drop=True), near


def _reasons(
    rows: pd.DataFrame, names: tuple[str, ...], minimum: int, among_agreed: bool
) -> pd.Series:
    """Say of each row why it cannot be quoted, before its text is read."""
    wrote = rows["text"].notna() & rows["customer_id"].notna()
    refused = set(rows.loc[np.array([v is False for v in rows["consent"]], bool), "customer_id"])
    no_group = rows[list(names)].isna().any(axis=1) if names else pd.Series(False, rows.index)
    agreed = np.array([v is True for v in rows["consent"]], dtype=bool)
    agreed &= ~rows["customer_id"].isin(refused).to_numpy()
    counted = wrote & ~no_group & (agreed | (not among_agreed))
    sizes = rows[counted].groupby("_group")["customer_id"].nunique()
    rows["_customers"] = rows["_group"].map(sizes).fillna(0).astype(int)
    reason = pd.Series(None, index=rows.index, dtype=object)
    # The first that holds is told: the last is set first.
    reason[no_group | (rows["_customers"] < minimum)] = "small_group"
    reason[~agreed] = "no_consent"
    reason[rows["customer_id"].isna()] = "no_customer"
    blank = [text is None or not text.strip() for text in rows["text"]]
    reason[np.array(blank, dtype=bool)] = "no_text"
    return reason


def _groups(rows: pd.DataFrame, names: tuple[str, ...]) -> list[tuple[tuple[Any, ...], Any]]:
    """Return the groups with rows that may be quoted, in an order of their own."""
    if not names:
        return [((), rows)] if len(rows) else []
    return [
        (tuple(group[name].iloc[0] for name in names), group)
        for _, group in rows.groupby("_group", sort=True)
    ]


def _nearest(
    rows: pd.DataFrame, names: tuple[str, ...], key: tuple[Any, ...], group: pd.DataFrame,
    near: np.ndarray[Any, Any] | None,
) -> list[int]:  # fmt: skip
    """Return the group's rows, those most like all of the group first."""
    if near is None:
        return group.index.to_list()
    whole = rows.index[(rows["_group"] == group["_group"].iloc[0]) & rows["text"].notna()]
    lengths = np.linalg.norm(near, axis=1, keepdims=True)
    unit = np.divide(near, lengths, out=np.zeros_like(near), where=lengths > 0)
    likeness = np.round(unit[group.index] @ unit[whole].mean(axis=0), 9)
    return group.index[np.argsort(-likeness, kind="stable")].to_list()


def _ordinary(rows: pd.DataFrame) -> frozenset[str]:
    """Words that customers write small in the middle of a sentence, and seldom with a capital."""
    small: Counter[str] = Counter()
    large: Counter[str] = Counter()
    texts = rows.dropna(subset=["text", "customer_id"]).drop_duplicates(["customer_id", "text"])
    for _, mine in texts.groupby("customer_id")["text"]:
        words = {word for text in mine for word in _INSIDE.findall(text[:LONGEST_READ])}
        small.update(word for word in words if word.islower())
        large.update(word.casefold() for word in words if word[0].isupper())
    often = (w for w, count in small.items() if count >= max(ORDINARY_AFTER, 3 * large[w]))
    return frozenset(often)


def _quote(found: Redacted, shortest: int, longest: int) -> tuple[str, str | None]:
    """Cut what was redacted before: what stands at a cut cannot hide half of a number."""
    quote = _cut(found.text, longest)
    if not _trusted(found, quote):
        return quote, "too_much_redacted"
    if len(_PUT.sub("", quote).strip()) < shortest or not re.search(r"[^\W\d_]{2}", quote):
        return quote, "too_short"
    return quote, None


def _trusted(found: Redacted, quote: str) -> bool:
    hidden = len(_PUT.findall(quote))
    words = len(re.findall(r"\w+", _PUT.sub(" ", quote)))
    return hidden <= MOST_HITS and (not hidden or words / (words + hidden) >= LEAST_LEFT)


def _cut(text: str, longest: int) -> str:
    """Cut at the last sentence that fits, else at the last word, never inside a sign put in."""
    if len(text) <= longest:
        return text
    ends = [found.end() for found in _SENTENCE.finditer(text, 0, longest)]
    if ends and ends[-1] >= longest // 3:
        return text[: ends[-1]].rstrip()
    head = text[: longest - 1]
    return (head.rpartition(" ")[0] or head).rstrip(" ,;:") + "…"


def _digest(text: str | None, customer: str | None) -> str:
    """Order by the text first, then by who wrote it: both in a form that says nothing."""
    said = f"{text}\0{customer}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, digest_size=16).hexdigest()


def worded(quote: str, language: str) -> str:
    """Say what was taken out of a quote in a report's language.

    Examples
    --------
    >>> worded("Ring [number]. Mvh [name]", "fi")
    'Ring [numero]. Mvh [nimi]'
    """
    return _PUT.sub(lambda put: f"[{messages.text(f'quotes.put.{put[1]}', language)}]", quote)


def _yes(value: Any) -> bool | None:
    """Read a consent: True, False, or None where nothing is known."""
    if _null(value) or not str(value).strip():
        return None
    return str(value).strip().casefold() in YES


def _whole(value: Any) -> Any:
    """Put a question mark for half a character, which is no text for Arrow."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _null(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value
