"""What a company's measures went with: their key figure before and after the day they began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from cjlab import messages
from cjlab.comparison import mover
from cjlab.errors import UserError, did_you_mean
from cjlab.maps import moments
from cjlab.maps.asking import Tables, Told, each
from cjlab.maps.model import Card, Number
from cjlab.maps.pains import JUDGED
from cjlab.periods import Period
from cjlab.stats import adjust

LANE, LEVEL = "measures", 0.05
Cells = Mapping[str, tuple[Card, ...]]


@dataclass(frozen=True)
class _Seen:
    """One measure, with its key figure of both sides where there is one."""

    stage: str
    card: Card
    after: Number | None
    before: Number | None

    @property
    def limits(self) -> list[float]:
        """Value and limits after and before; NaN where there are none."""
        sides = [(one.value, one.low, one.high) if one else () for one in (self.after, self.before)]
        flat = [float("nan") if limit is None else limit for side in sides for limit in side]
        return flat if len(flat) == 6 else [float("nan")] * 6


def effects(tables: Tables, written: Cells, persona: str | None, language: str) -> Cells:
    """Return a card beside each begun measure: its key figure since then and as long before.

    Other things change in that time too: it is an association and no proof of an effect. The
    differences of all measures are one family, adjusted by Benjamini–Hochberg.

    Parameters
    ----------
    tables : Tables
        Of the map's period.
    written : mapping of str to tuple of Card
        The authored measures by stage; those with ``kpi`` and ``since`` are looked at.
    persona : str, optional
        Whom the map is about.
    language : str
        Of the map.

    Raises
    ------
    UserError
        A ``kpi`` that is no metric with a better and a worse side.
    """
    seen = [
        _look(tables, stage, card, persona)
        for stage, cards in written.items()
        for card in cards
        if card.kpi and card.since and _instant(card, tables) < tables.period.end
    ]
    if not seen:
        return {}
    difference, _low, _high, p = (
        np.asarray(part, dtype=float) for part in mover(*np.array([one.limits for one in seen]).T)
    )
    held = adjust(p) <= LEVEL
    cells: dict[str, tuple[Card, ...]] = {}
    for one, change, clear in zip(seen, difference, held, strict=True):
        card = _told(one, change, bool(clear), language)
        cells[one.stage] = (*cells.get(one.stage, ()), card)
    return cells


def check(written: Cells, file: str) -> None:
    """Refuse a key figure that cannot be looked at, before any work is done."""
    for stage, cards in written.items():
        for card in cards:
            if card.since and card.kpi not in JUDGED:
                raise UserError(
                    f'{file}: measures: {stage}: kpi "{card.kpi}" is not one of '
                    f"{', '.join(JUDGED)}.{did_you_mean(card.kpi or '', JUDGED)}"
                )


def _instant(card: Card, tables: Tables) -> datetime:
    assert card.since
    return datetime.combine(card.since, time(), ZoneInfo(tables.study.zone))


def _look(tables: Tables, stage: str, card: Card, persona: str | None) -> _Seen:
    begun = _instant(card, tables)
    since = Period(f"{card.since}..{tables.period.end:%Y-%m-%d}", begun, tables.period.end)
    numbers = []
    for span in (since, since.before):
        told, key = _asked(Tables(tables.study, span, tables.by_persona), card)
        numbers.append(_number(told, card, {key: (card.touchpoint or stage)}, persona))
    return _Seen(stage, card, *numbers)


def _asked(tables: Tables, card: Card) -> tuple[Told | None, str]:
    """Return the table of a measure's key figure, and the dimension its place stands in."""
    if card.kpi == "dropoff":
        return moments.dropoffs(tables), "step"
    level = "touchpoint" if card.touchpoint else "stage"
    return moments.scores(tables, str(card.kpi), level), level


def _number(
    told: Told | None, card: Card, where: dict[str, str], persona: str | None
) -> Number | None:
    """Return the one number of the key figure; none where several instruments asked."""
    if told is None:
        return None
    own = where if persona is None else {**where, "persona": persona}
    rows = told.rows(str(card.kpi), **own)
    if "relation" in rows:
        rows = rows[rows["relation"] != "relational"]
    return told.number(next(each(rows))) if len(rows) == 1 else None


def _told(one: _Seen, change: float, clear: bool, language: str) -> Card:
    if np.isnan(change):
        key = "unknown"
    elif not clear:
        key = "unclear"
    else:
        key = "worse" if change * JUDGED[str(one.card.kpi)][1] > 0 else "better"
    text = messages.text(
        f"map.measure.{key}", language, measure=one.card.text, since=one.card.since
    )
    numbers = tuple(number for number in (one.after, one.before) if number)
    return Card(
        text=text[:2000], origin="computed", numbers=numbers, touchpoint=one.card.touchpoint
    )
