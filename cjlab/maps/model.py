"""The journey map: stages across, lanes down, cards in the cells, evidence on every number.

A map is data. What computes it stands in :mod:`cjlab.maps.fill`, what draws it in the modules
that write files; both see only this.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from cjlab._parts import Part
from cjlab.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from cjlab.maps.conformance import Conformance
    from cjlab.maps.diff import Diff
    from cjlab.maps.lint import Lint

SCHEMA: Literal[1] = 1  # of the files; a new one where a key changes its meaning
TEMPLATES = ("current", "day", "future", "blueprint")
LINES = ("interaction", "visibility", "internal")
#: The key of a cell that is about the whole journey and not one stage.
WHOLE = "all"
Language = Literal["en", "sv", "nb", "da", "fi"]


class Number(Part):
    """One computed number: a row of a metric's estimates, and the call that gives it again.

    Parameters
    ----------
    metric : str
        What is measured.
    value, low, high : float or None
        The number and its 95% interval; null where it is withheld or has none.
    n, customers, hits : int or None
        Its base, and the customers in its denominator and numerator.
    unit, of, status, note : str
        As in every table of estimates, after the privacy gate.
    call : str
        What makes the table, such as ``cj.funnel(j, by="persona")``.
    where : dict of str to str
        The dimensions that pick the row.
    source : str
        What it stands on: ``events``, ``orders``, ``responses``, ``tickets``, ``diary``.
    period : str
        Label of the period, such as ``2026Q3``.
    """

    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    customers: int | None = None
    hits: int | None = None
    unit: str | None = None
    of: str | None = None
    status: Literal["ok", "not_estimable", "not_yet_observed", "suppressed"] = "ok"
    note: str | None = None
    call: str
    where: dict[str, str] = Field(default_factory=dict)
    source: str
    period: str = ""

    @model_validator(mode="after")
    def _based(self) -> Number:
        if self.value is not None and self.n is None:
            raise ValueError(f"{self.metric} has a value and no n")
        return self


class Card(Part):
    """One card of a cell.

    Parameters
    ----------
    text : str
        What it says, plain text.
    origin : {"authored", "computed"}
        Whether somebody wrote it or the study's data say it.
    numbers : tuple of Number
        What a computed card stands on; authored cards have none.
    written, by : date and str, optional
        When and by whom an authored card was written.
    tone : {"pain", "gain"}, optional
        Whether it is about something bad or good.
    weakest : bool
        Whether it is the journey's weakest moment.
    rank : int, optional
        Of computed pains and opportunities: their place, the worst first.
    level : float, optional
        An authored point of the emotion curve, from −1 (bad) to 1 (good).
    owner, status, due, kpi, since : optional
        Of company measures: who, how far, until when, measured by which metric, and the day from
        which they took effect: a filled map tells the metric before and after it.
    effort, impact : int from 1 to 5, optional
        Of opportunities, as people judge them.
    touchpoint : str, optional
        Id of the touchpoint that it is about.
    optional : bool
        Of an authored card with a touchpoint: the plan lets customers do without it.
    source : str, optional
        Of a computed card without numbers, such as a quote: the table that it stands on.
    image, alt : str, optional
        File beside the map, and what it shows in words.
    """

    text: str = Field(min_length=1, max_length=2000)
    origin: Literal["authored", "computed"] = "authored"
    numbers: tuple[Number, ...] = ()
    written: date | None = None
    by: str | None = None
    tone: Literal["pain", "gain"] | None = None
    weakest: bool = False
    rank: int | None = Field(default=None, ge=1)
    level: float | None = Field(default=None, ge=-1, le=1)
    owner: str | None = None
    status: Literal["planned", "started", "done", "dropped"] | None = None
    due: date | None = None
    kpi: str | None = None
    since: date | None = None
    effort: int | None = Field(default=None, ge=1, le=5)
    impact: int | None = Field(default=None, ge=1, le=5)
    touchpoint: str | None = None
    optional: bool = False
    source: str | None = None
    image: str | None = None
    alt: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Card:
        if self.numbers and self.origin == "authored":
            raise ValueError("an authored card has no computed numbers")
        if self.image and not self.alt:
            raise ValueError("an image needs alt: what it shows in words")
        return self


def _short(said: Any) -> Any:
    """A card may be written as its text alone."""
    return {"text": said} if isinstance(said, str) else said


Cards = tuple[Annotated[Card, BeforeValidator(_short)], ...]


class Column(Part):
    """A stage, or a part of the day.

    Parameters
    ----------
    id, label : str
        Stable name, and its head in the map's language.
    """

    id: str = Field(min_length=1)
    label: str


class Lane(Part):
    """A row of the map.

    Parameters
    ----------
    id, label : str
        Stable name, and its head in the map's language.
    kind : {"cards", "curve", "whole"}
        Cells of cards, the emotion curve, or one cell for the whole journey.
    line : {"interaction", "visibility", "internal"}, optional
        The line of a service blueprint that is drawn below the lane.
    owner : str, optional
        The department that the lane belongs to.
    """

    id: str = Field(min_length=1)
    label: str
    kind: Literal["cards", "curve", "whole"] = "cards"
    line: Literal["interaction", "visibility", "internal"] | None = None
    owner: str | None = None


class JourneyMap(Part):
    """A journey map; see `from_study` and `read` for where one comes from.

    Parameters
    ----------
    format : int
        Version of the file's keys.
    template : {"current", "day", "future", "blueprint"}
        Which lanes it has and what it is for.
    title, study, goal : str
        What it is called, whose journey it is, what it is for.
    language : str
        Language of labels and computed texts.
    persona, persona_name : str, optional
        Whom it is about; everybody where there is none.
    period : str
        Label of the period that the numbers are of; empty where nothing is computed.
    start, end : str, optional
        That period, half open, in the study's zone.
    stage_model : str
        Id of the stage model, ``custom`` for a study's own.
    minimum : int
        Fewer customers than these are not shown.
    made : date, optional
        When it was filled.
    columns : tuple of Column
        Stages in order.
    lanes : tuple of Lane
        In the order to show them.
    cards : dict of str to dict of str to tuple of Card
        By lane and stage (``all`` for the whole journey); empty cells are not in it.
    notes : tuple of str
        What the map has to say of its numbers.
    """

    format: Literal[1] = SCHEMA
    template: Literal["current", "day", "future", "blueprint"] = "current"
    title: str = Field(min_length=1, max_length=200)
    study: str = ""
    goal: str | None = None
    language: Language = "en"
    persona: str | None = None
    persona_name: str | None = None
    period: str = ""
    start: str | None = None
    end: str | None = None
    stage_model: str = "custom"
    minimum: int = Field(default=10, ge=5)
    made: date | None = None
    columns: tuple[Column, ...] = Field(min_length=1)
    lanes: tuple[Lane, ...] = Field(min_length=1)
    cards: dict[str, dict[str, Cards]] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _in_place(self) -> JourneyMap:
        lanes = {lane.id: lane for lane in self.lanes}
        stages = [column.id for column in self.columns]
        for name, found in (("columns", stages), ("lanes", [lane.id for lane in self.lanes])):
            if len(set(found)) < len(found):
                twice = next(one for one in found if found.count(one) > 1)
                raise ValueError(f'{name}: "{twice}" stands twice')
        for lane, cells in self.cards.items():
            if lane not in lanes:
                raise ValueError(f'cards: no lane "{lane}".{did_you_mean(lane, lanes)}')
            valid = [WHOLE] if lanes[lane].kind == "whole" else stages
            for stage in cells:
                if stage not in valid:
                    raise ValueError(f'{lane}: no stage "{stage}".{did_you_mean(stage, valid)}')
        return self

    def cell(self, lane: str, stage: str = WHOLE) -> tuple[Card, ...]:
        """Return the cards of a cell, none where it is empty."""
        return self.cards.get(lane, {}).get(stage, ())

    def walk(self) -> Iterator[tuple[str, str, Card]]:
        """Yield lane, stage and card, in the order of lanes and columns."""
        order = [WHOLE, *(column.id for column in self.columns)]
        for lane in self.lanes:
            for stage in order:
                for card in self.cell(lane.id, stage):
                    yield lane.id, stage, card

    def numbers(self) -> pd.DataFrame:
        """Return every number on the map, one row each, with where it stands and its call.

        Returns
        -------
        DataFrame
            ``lane, stage, card``, the columns of estimates, ``call, where, source, period``.
        """
        rows = [
            {"lane": lane, "stage": stage, "card": card.text, **number.model_dump()}
            for lane, stage, card in self.walk()
            for number in card.numbers
        ]
        return pd.DataFrame(rows, columns=["lane", "stage", "card", *Number.model_fields])

    def shown_lanes(self) -> tuple[Lane, ...]:
        """Return the lanes that have a card, and those that a line of the blueprint is below."""
        return tuple(lane for lane in self.lanes if self.cards.get(lane.id) or lane.line)

    def only(self, *lanes: str) -> JourneyMap:
        """Return the map with some of its lanes, in its own order.

        Raises
        ------
        UserError
            It has no such lane.
        """
        known = [lane.id for lane in self.lanes]
        for name in lanes:
            if name not in known:
                raise UserError(f'the map has no lane "{name}".{did_you_mean(name, known)}')
        kept = tuple(lane for lane in self.lanes if lane.id in lanes)
        cards = {lane: cells for lane, cells in self.cards.items() if lane in lanes}
        return JourneyMap.model_validate({**dict(self), "lanes": kept, "cards": cards})

    def with_cards(self, more: dict[str, dict[str, tuple[Card, ...]]]) -> JourneyMap:
        """Return the map with further cards after those of each cell."""
        merged = {lane: dict(cells) for lane, cells in self.cards.items()}
        for lane, cells in more.items():
            for stage, cards in cells.items():
                if cards:
                    own = merged.setdefault(lane, {})
                    own[stage] = (*own.get(stage, ()), *cards)
        return JourneyMap.model_validate({**dict(self), "cards": merged})

    @classmethod
    def from_study(cls, study: Any, **options: Any) -> JourneyMap:
        """Fill a map from a study; see :func:`cjlab.maps.fill.fill` for the options."""
        from cjlab.maps.fill import fill

        return fill(study, **options)

    @classmethod
    def read(cls, path: str | Path) -> JourneyMap:
        """Read a map from JSON, YAML, or a grid in XLSX or CSV; see `cjlab.maps.files`."""
        from cjlab.maps.files import read

        return read(Path(path))

    def write(self, path: str | Path) -> Path:
        """Write the map; the suffix says in which format; see `cjlab.maps.files`."""
        from cjlab.maps.files import write

        return write(self, Path(path))

    def _repr_html_(self) -> str:
        from cjlab.maps.html import fragment

        return fragment(self)

    def lint(self, today: date | None = None) -> Lint:
        """Say what the map lacks; see :func:`cjlab.maps.lint.lint`."""
        from cjlab.maps.lint import lint

        return lint(self, today)

    def diff(self, other: JourneyMap) -> Diff:
        """Say what is different in a later map; see :func:`cjlab.maps.diff.diff`."""
        from cjlab.maps.diff import diff

        return diff(self, other)

    def conformance(self, j: Any, **options: Any) -> Conformance:
        """Compare the plan with journeys; see :func:`cjlab.maps.conformance.conformance`."""
        from cjlab.maps.conformance import conformance

        return conformance(self, j, **options)
