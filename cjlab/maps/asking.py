"""The tables behind a map: each metric asked once, gated, and every number with its call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any

import pandas as pd

from cjlab import privacy
from cjlab.estimates import dims
from cjlab.maps.model import Number
from cjlab.periods import Period

PERSONA = "persona"


@dataclass(frozen=True)
class Call:
    """A metric's call as data: what is run and what is shown are one thing.

    Parameters
    ----------
    name : str
        Where the function lives below ``cj``, such as ``journey.funnel``.
    first : str
        What it takes first: ``j`` (the journeys of the period) or ``study``.
    options : tuple of (str, value)
        The rest, by name.
    period : Period
        Of the journeys, and of ``start`` and ``end`` where the study is taken.
    """

    name: str
    first: str
    options: tuple[tuple[str, Any], ...]
    period: Period

    @property
    def span(self) -> dict[str, str]:
        """The period's ends as a study's option says them, in its zone."""
        start, end = (_said(self.period.start), _said(self.period.end))
        return {"start": start, "end": end}

    def __str__(self) -> str:
        """Write the call as Python, given ``cj`` and ``study``."""
        own = {**(self.span if self.first == "study" else {}), **dict(self.options)}
        span = ", ".join(f"{key}={value!r}" for key, value in self.span.items())
        first = "study" if self.first == "study" else f"study.journeys({span})"
        return f"cj.{self.name}({', '.join([first, *(f'{k}={v!r}' for k, v in own.items())])})"

    def run(self, study: Any, j: Any) -> pd.DataFrame:
        """Make the table."""
        room, _, name = self.name.rpartition(".")
        metric = getattr(import_module(f"cjlab.{room}"), name)
        if self.first == "study":
            return pd.DataFrame(metric(study, **self.span, **dict(self.options)))
        return pd.DataFrame(metric(j, **dict(self.options)))


def _said(at: Any) -> str:
    return str(at.replace(tzinfo=None).isoformat()).removesuffix("T00:00:00")


@dataclass(frozen=True)
class Told:
    """A gated table, the call that makes it and what it stands on."""

    call: Call
    source: str
    frame: pd.DataFrame

    def rows(self, metric: str | None = None, **where: str) -> pd.DataFrame:
        """Return the rows of a metric and of values of dimensions."""
        found = self.frame
        if metric is not None:
            found = found[found["metric"] == metric]
        for name, value in where.items():
            found = found[found[name].astype("str") == value]
        return found

    def number(self, row: Any) -> Number:
        """Return one row as a number of the map."""
        said = {name: plain(row[name]) for name in Number.model_fields if name in row}
        where = {name: str(row[name]) for name in dims(self.frame)}
        period = self.call.period.label
        return Number(**said, call=str(self.call), where=where, source=self.source, period=period)

    def numbers(self, *metrics: str, **where: str) -> tuple[Number, ...]:
        """Return the numbers of some metrics in one place; none where there is no such row."""
        return tuple(
            self.number(row) for metric in metrics for row in each(self.rows(metric, **where))
        )


def each(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows as dictionaries."""
    yield from frame.to_dict("records")  # type: ignore[misc]


def plain(value: Any) -> Any:
    """Return a cell as JSON has it, null for what is missing."""
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


@dataclass
class Tables:
    """What a map asks of a study, for one period.

    Parameters
    ----------
    study : Study
        Whose.
    period : Period
        Of what is counted.
    by_persona : bool
        Whether tables are split by persona.
    """

    study: Any
    period: Period
    by_persona: bool
    kept: dict[str, Told] = field(default_factory=dict)

    @cached_property
    def j(self) -> Any:
        """The journeys of the period."""
        return self.study.journeys(start=self.period.start, end=self.period.end)

    @property
    def span(self) -> dict[str, str]:
        """The ends of the period as its calls say them."""
        return Call("", "j", (), self.period).span

    def has(self, table: str) -> bool:
        """Whether the study has a source of a canonical table."""
        return table in self.study.config.sources

    def ask(
        self, name: str, source: str, *, first: str = "j", split: bool = True, **options: Any
    ) -> Told:
        """Return a metric's gated table; the same call is made once.

        Parameters
        ----------
        name, first : str
            As in `Call`.
        source : str
            The canonical table it stands on.
        split : bool
            Whether it is split by persona where the map is.
        **options
            Of the metric.
        """
        if split and self.by_persona:
            by = options.get("by", [])
            options["by"] = [*([by] if isinstance(by, str) else by), PERSONA]
            options["by"] = options["by"] if len(options["by"]) > 1 else PERSONA
        call = Call(name, first, tuple(options.items()), self.period)
        if str(call) not in self.kept:
            gated, _ = privacy.gate(call.run(self.study, self.j), self.j.minimum)
            self.kept[str(call)] = Told(call, source, gated)
        return self.kept[str(call)]
