"""Two maps beside each other: cards that came, went or changed, and numbers that moved."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from cjlab import messages
from cjlab.comparison import mover
from cjlab.maps import wording
from cjlab.maps.model import WHOLE, Card, JourneyMap, Number
from cjlab.stats import adjust

_LIKE = 0.6  # of texts that are taken to be one card, changed
_ALPHA = 0.05


class Change(NamedTuple):
    """A card that came, went or changed.

    Parameters
    ----------
    kind : {"added", "removed", "changed"}
        What happened; a card in another cell is removed and added.
    lane, stage : str
        Where.
    before, after : Card, optional
        The card in either map.
    """

    kind: Literal["added", "removed", "changed"]
    lane: str
    stage: str
    before: Card | None
    after: Card | None


@dataclass(frozen=True)
class Diff:
    """What is different in the second map.

    Parameters
    ----------
    changes : tuple of Change
        Cards, in the order of the maps.
    numbers : DataFrame
        One row for each number of a card of both maps that is not the same: ``lane, stage, card,
        metric, base_value, base_n, value, n, difference, diff_low, diff_high, p, p_adjusted,
        family, m, more_than_noise``. The first map is the base. Null where a side has no limits.
    language : str
        Of the text, that of the second map.
    texts : tuple of str
        Every difference in words.
    """

    changes: tuple[Change, ...]
    numbers: pd.DataFrame
    language: str
    texts: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.texts) or messages.text("map.diff.same", self.language)


def diff(a: JourneyMap, b: JourneyMap) -> Diff:
    """Compare two maps.

    Parameters
    ----------
    a, b : JourneyMap
        The earlier and the later map, or two personas'.

    Returns
    -------
    Diff
        Cards and numbers that differ.

    Notes
    -----
    Limits by MOVER from both numbers' limits, p as in :func:`cjlab.compare`, Benjamini–Hochberg
    within all numbers of the two maps that are not the very same. The limits hold where the two
    stand on different customers.

    Examples
    --------
    >>> from cjlab.maps import Card, template
    >>> one = template("day")
    >>> two = one.with_cards({"pains": {"night": (Card(text="Waits"),)}})
    >>> print(diff(one, two))
    Added (Pains, Night): Waits
    """
    changes: list[Change] = []
    rows: list[dict[str, object]] = []
    sides: list[tuple[Number, Number]] = []
    for lane, stage in _cells(a, b):
        for before, after in _pairs(a.cell(lane, stage), b.cell(lane, stage)):
            if before is None or after is None:
                changes.append(Change("removed" if before else "added", lane, stage, before, after))
                continue
            if _words(before) != _words(after):
                changes.append(Change("changed", lane, stage, before, after))
            for base, number in _numbers(before, after):
                rows.append({"lane": lane, "stage": stage, "card": after.text,
                             "metric": number.metric, "base_value": base.value, "base_n": base.n,
                             "value": number.value, "n": number.n})  # fmt: skip
                sides.append((base, number))
    table = _table(rows, sides)
    texts = [_heads(a, b), [_told(a, b, change) for change in changes]]
    texts.append([_moved(b, *both, row) for both, row in
                  zip(sides, table.to_dict("records"), strict=True)])  # fmt: skip
    return Diff(tuple(changes), table, b.language, tuple(chain.from_iterable(texts)))


def _cells(a: JourneyMap, b: JourneyMap) -> Iterator[tuple[str, str]]:
    lanes = dict.fromkeys(lane.id for one in (b, a) for lane in one.lanes)
    stages = dict.fromkeys([WHOLE, *(column.id for one in (b, a) for column in one.columns)])
    return ((lane, stage) for lane in lanes for stage in stages)


def _pairs(
    before: tuple[Card, ...], after: tuple[Card, ...]
) -> Iterator[tuple[Card | None, Card | None]]:
    """Pair the cards of a cell: by text, then touchpoint, then what they measure, then likeness."""
    left, right = list(before), list(after)
    for same in (
        lambda one, two: one.text == two.text,
        lambda one, two: one.touchpoint and one.touchpoint == two.touchpoint,
        lambda one, two: one.numbers and _measured(one) == _measured(two),
        lambda one, two: SequenceMatcher(None, one.text, two.text).ratio() >= _LIKE,
    ):
        for one in list(left):
            two = next((two for two in right if same(one, two)), None)
            if two is not None:
                left.remove(one)
                right.remove(two)
                yield one, two
    yield from ((one, None) for one in left)
    yield from ((None, two) for two in right)


def _key(number: Number) -> tuple[object, ...]:
    return number.metric, number.source, tuple(sorted(number.where.items()))


def _measured(card: Card) -> list[tuple[object, ...]]:
    return sorted(map(_key, card.numbers), key=repr)


def _words(card: Card) -> dict[str, object]:
    """What of a card somebody decides: a later date alone is no change."""
    return card.model_dump(exclude={"numbers", "written", "by"})


def _numbers(before: Card, after: Card) -> Iterator[tuple[Number, Number]]:
    known = {_key(number): number for number in before.numbers}
    for number in after.numbers:
        base = known.get(_key(number))
        if base and (base.value, base.n, base.period, base.status) != (
            number.value, number.n, number.period, number.status,
        ):  # fmt: skip
            yield base, number


def _table(rows: list[dict[str, object]], sides: list[tuple[Number, Number]]) -> pd.DataFrame:
    names = ["lane", "stage", "card", "metric", "base_value", "base_n", "value", "n"]
    table = pd.DataFrame(rows, columns=names)
    limits = [
        np.array([getattr(pair[side], name) for pair in sides], dtype=float)
        for side in (1, 0)
        for name in ("value", "low", "high")
    ]
    moved = ("difference", "diff_low", "diff_high", "p")
    table = table.assign(**dict(zip(moved, mover(*limits), strict=True)))
    table["p_adjusted"] = adjust(table["p"].to_numpy(dtype=float))
    table["family"], table["m"] = "map", int(table["p"].notna().sum())
    return table.assign(more_than_noise=table["p_adjusted"] < _ALPHA)


def _heads(a: JourneyMap, b: JourneyMap) -> list[str]:
    """Stages and lanes that only one of the maps has."""
    found = []
    for name in ("columns", "lanes"):
        own, other = ({one.id: one.label for one in getattr(m, name)} for m in (b, a))
        for kind, here, there in (("added", own, other), ("removed", other, own)):
            labels = [wording.plain(label) for key, label in here.items() if key not in there]
            if labels:
                key = f"map.diff.{name}_{kind}"
                found.append(messages.text(key, b.language, names=", ".join(labels)))
    return found


def _told(a: JourneyMap, b: JourneyMap, change: Change) -> str:
    said = {"lane": _label(a, b, change.lane), "stage": _label(a, b, change.stage)}
    before, after = (wording.plain(card.text) if card else "" for card in change[3:])
    if change.before and change.after and before == after:
        old, new = _words(change.before), _words(change.after)
        fields = ", ".join(name for name in new if new[name] != old[name])
        return messages.text("map.diff.fields", b.language, text=after, fields=fields, **said)
    if change.kind == "changed":
        return messages.text("map.diff.changed", b.language, before=before, after=after, **said)
    return messages.text(f"map.diff.{change.kind}", b.language, text=before or after, **said)


def _moved(b: JourneyMap, base: Number, number: Number, row: dict[Hashable, Any]) -> str:
    said = []
    for one in (base, number):
        value = wording.value_text(one, b.language, b.minimum)
        basis = wording.basis_text(one, b.language)
        said.append(f"{value} ({basis})" if basis else value)
    known = row["p"] == row["p"]
    key = "unknown" if not known else "clear" if row["more_than_noise"] else "noise"
    return messages.text(
        f"map.diff.number_{key}",
        b.language,
        card=wording.plain(str(row["card"])),
        metric=wording.metric_text(number, b.language),
        before=said[0],
        after=said[1],
        **({"change": _change(row, number.unit, b.language)} if known else {}),
    )


def _change(row: dict[Hashable, Any], unit: str | None, language: str) -> str:
    """The difference and its limits, percentage points where the numbers are shares."""
    value, low, high = (float(row[name]) for name in ("difference", "diff_low", "diff_high"))
    if unit == "1":
        shown = messages.text("persona.points", language, value=messages.number(100 * value, 1))
    else:
        shown = messages.format_value(messages.quantity(unit)(value), language)
    limits = messages.limits(value, low, high, unit)
    return f"{shown} ({messages.format_value(limits, language)})"


def _label(a: JourneyMap, b: JourneyMap, name: str) -> str:
    if name == WHOLE:
        return messages.text("map.file.whole", b.language)
    labels = {lane.id: lane.label for one in (a, b) for lane in one.lanes}
    labels |= {column.id: column.label for one in (a, b) for column in one.columns}
    return wording.plain(labels[name])
