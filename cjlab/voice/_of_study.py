"""Scores of a study's answers, counted where the data is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import NUMBERS
from cjlab.journey import _calendar
from cjlab.journey._segments import CALENDARS, HIDDEN, in_words
from cjlab.study import Study
from cjlab.voice._answers import When, attach, given, of_customer
from cjlab.voice._moments import scored
from cjlab.voice._persons import APART, UNKNOWN, check_pool, listed
from cjlab.voice._scales import SCALES, Instrument, effort, net_promoter, satisfaction

KINDS = ("nps", "csat", "ces")
OWN = ("touchpoint", "stage", "persona", "channel", "wave", "relation", "language", "scale")
# Stands for null where values are counted; no answer has such a one.
_NONE = {"relation": "", "wave": "", "scale": -1}


def scores(
    study: Study,
    kind: str = "nps",
    *,
    by: str | Sequence[str] | None = None,
    start: When = None,
    end: When = None,
    pool: str | Sequence[str] = (),
    top: int = 2,
    boxes: bool = False,
    version: str = "2.0",
) -> pd.DataFrame:
    """Score a study's answers by touchpoint, stage, persona, channel, wave or time.

    Parameters
    ----------
    study : Study
        With a source of responses.
    kind : {"nps", "csat", "ces"}, default "nps"
        The instrument.
    by : str or sequence of str, optional
        ``touchpoint``, ``stage`` (see :func:`answers`), ``persona``, ``channel``, ``wave``,
        ``relation``, ``language`` or ``scale``; a calendar: ``period`` (the study's own), ``day``
        to ``year``; or declared attributes of customers.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone.
    pool : str or sequence of str, optional
        Among ``relation``, ``wave``, ``scale``: what to put together. Where answers have several
        of one they are told apart by it otherwise, whatever `by` says.
    top, boxes : optional
        As in :func:`csat`; answers without a scale are on 1 to 5.
    version : {"2.0", "1.0"}, default "2.0"
        As in :func:`ces`. Answers on another scale than the version's are invalid.

    Returns
    -------
    DataFrame
        Estimates with the metrics of :func:`nps`, :func:`csat` or :func:`ces`. A cell that no
        answer fell into has no row. Calendar periods stand in ``report_period``; one whose end
        was not observed is null with ``not_yet_observed``. A cell without a name is
        ``(unknown)``.

    Raises
    ------
    UserError
        The study has no responses, or `kind`, `by` or `pool` is unknown.

    Notes
    -----
    As in :func:`nps` and its like; the sums are taken in the engine. A response without a score,
    such as a comment alone or "Not applicable", is no answer here and not invalid either. Undated
    answers count only where neither a period nor a calendar is asked for.

    Examples
    --------
    >>> from cjlab import open_study
    >>> study = open_study("data/retail/study.yaml")  # doctest: +SKIP
    >>> scores(study, "nps", by=["touchpoint", "month"], pool="wave")  # doctest: +SKIP
    """
    how = {"top": top, "boxes": boxes, "version": version}
    cells = Cells(study, kind, by, start, end, pool, **how)
    return cells.not_yet(scored(cells.persons(), cells.keys, cells.instrument))


class Cells:
    """The answers of one instrument, with what they are broken down by.

    Parameters
    ----------
    study, kind, by, start, end, pool, **how
        See :func:`scores`.
    """

    def __init__(
        self,
        study: Study,
        kind: str,
        by: str | Sequence[str] | None,
        start: When,
        end: When,
        pool: str | Sequence[str],
        **how: Any,
    ) -> None:
        if kind not in KINDS:
            raise UserError(f'no score "{kind}".{did_you_mean(kind, KINDS)}')
        self.study, self.j = study, study.journeys(start=start, end=end, view="customer")
        names, pooled = listed(by), listed(pool)
        for name in pooled:
            check_pool(name, names)
        calendars = [name for name in names if name in CALENDARS]
        if len(calendars) > 1:
            raise UserError(f"by: {' and '.join(calendars)} are both calendars; take one.")
        self.calendar = self.j.calendar(calendars[0]) if calendars else None
        self.names = self.j.columns(names)
        # A comment alone, or "Not applicable", is no answer to be valid or not.
        table = given(study, self.j, kind).filter(_.scored)
        if self.calendar is not None:
            table = table.filter(table.ts.notnull())
        seen = {name: table[name].fill_null(_NONE[name]).nunique() for name in APART}
        span = {"first": table.ts.min(), "last": table.ts.max(), "longest": table.scale.max()}
        self.seen = table.aggregate(**seen, **span).execute().iloc[0]
        self.instrument = instrument_of(kind, longest=self._longest(kind), **how)
        self.keys = [*self._apart(pooled), *self.names]
        self.table = self._counted(self._dimensions(table, names))
        self.periods = pd.DataFrame()

    def _longest(self, kind: str) -> int:
        longest = self.seen["longest"]
        return SCALES[kind][1] if pd.isna(longest) else max(SCALES[kind][1], int(longest))

    def _apart(self, pooled: list[str]) -> list[str]:
        names = [name for name in APART if name not in (*self.names, *pooled)]
        names = [name for name in names if not (name == "scale" and self.instrument.fixed)]
        return [name for name in names if self.seen[name] > 1]

    def _dimensions(self, table: Table, names: Sequence[str]) -> Table:
        """Put the words of every dimension into its column."""
        end = table.scale.fill_null(float(self.instrument.last))
        table = table.mutate(end=end, scale=end.cast("int64").cast("string"))
        if "stage" in names:
            table = attach(self.j, table)
        if "persona" in names:
            if self.j.table("persona") is None:
                raise UserError("by: personas are not assigned yet; run personas.assign first.")
            table = of_customer(self.j, table, "persona", "persona")
        declared = [name for name in names if name not in (*OWN, *CALENDARS)]
        table = self._declared(table, declared) if declared else table
        if self.calendar is not None:
            # By number, which is faster to group by; the names come at the end.
            at = _calendar.local(table.ts, self.j.zone, self._years())
            table = table.mutate(report_period=_calendar.index(at, self.calendar))
        words = [name for name in self.keys if name != "report_period"]
        return table.mutate(**{name: table[name].fill_null(UNKNOWN) for name in words})

    def _declared(self, table: Table, names: list[str]) -> Table:
        customers = self.j.table("customers")
        known = [] if customers is None else [c for c in customers.columns if c not in HIDDEN]
        for name in names:
            if name not in known or name in table.columns:
                near = did_you_mean(name, [*OWN, *CALENDARS, *known])
                raise UserError(f'by: answers cannot be told apart by "{name}".{near}')
        assert customers is not None
        words = in_words(self.j, customers.select("customer_id", *names), names)
        return table.left_join(words, "customer_id").drop("customer_id_right")

    def _years(self) -> tuple[int, int]:
        first, last = self.seen["first"], self.seen["last"]
        return (1971, 1971) if pd.isna(first) else (first.year, last.year)

    def _counted(self, table: Table) -> Table:
        """One row an answer: keys, who, and what it counts as."""
        score, first = table.score, self.instrument.first
        valid = (score == score.floor()) & (score >= first) & (score <= table.end)
        if self.instrument.fixed:
            valid &= table.end == self.instrument.last
        valid = valid.fill_null(False)
        parts = {
            name: (valid & part(score, table.end)).fill_null(False).cast("int64")
            for name, part in self.instrument.parts.items()
            if name != "passives"  # the others say it
        }
        if self.instrument.kind == "ces":
            parts["total"] = valid.ifelse(score, 0.0).cast("int64")
        n = valid.cast("int64")
        return table.select(*self.keys, who=_.customer_id, n=n, bad=1 - n, **parts)

    @property
    def sums(self) -> list[str]:
        """The columns that are summed over a customer's answers."""
        return [name for name in self.table.columns if name not in (*self.keys, "who")]

    def each(self) -> Table:
        """Count by cell and customer, those who are known."""
        known = self.table.filter(self.table.who.notnull())
        known = known.group_by([*self.keys, "who"]).agg(**{c: known[c].sum() for c in self.sums})
        return known.select(*self.keys, "who", *self.sums)

    def persons(self) -> pd.DataFrame:
        """Count by cell and customer, with customers who are alike in one row.

        Who is unknown is somebody else each time.
        """
        columns = [*self.keys, *self.sums]
        unknown = self.table.filter(self.table.who.isnull()).select(*columns)
        table = self.each().select(*columns).union(unknown)
        return self.named(table.group_by(columns).agg(times=_.count()).execute())

    def named(self, found: pd.DataFrame) -> pd.DataFrame:
        """Add to counts what follows from them, and put names for the numbers of periods."""
        if self.instrument.kind == "nps":
            found["passives"] = found["n"] - found["promoters"] - found["detractors"]
        return self.named_periods(found)

    def named_periods(self, found: pd.DataFrame) -> pd.DataFrame:
        """Put names for the numbers of calendar periods."""
        if self.calendar is not None:
            names = self._periods(found["report_period"]).set_index("index")["label"]
            found["report_period"] = found["report_period"].map(names).astype("str")
        return found

    def _periods(self, numbers: pd.Series) -> pd.DataFrame:
        first, last = (0, -1) if numbers.empty else (int(numbers.min()), int(numbers.max()))
        assert self.calendar is not None
        self.periods = self.j.period_bounds(self.calendar, first, last)
        return self.periods

    def not_yet(self, table: pd.DataFrame) -> pd.DataFrame:
        """Blank what belongs to calendar periods that were not observed to their end."""
        if self.calendar is None or not len(table):
            return table
        ends = table["report_period"].map(self.periods.set_index("label")["end"])
        open_ = (ends > self._observed()).to_numpy()
        table.loc[open_, list(NUMBERS)] = np.nan
        table.loc[open_, "status"] = "not_yet_observed"
        table.loc[open_, "note"] = None
        return table

    def _observed(self) -> datetime:
        """Up to when answers are known: as the study states, else the last thing that happened."""
        until = self.study.observed_until
        if self.study.config.observed_until is None and not pd.isna(self.seen["last"]):
            until = max(until, self.seen["last"].to_pydatetime() + timedelta(microseconds=1))
        return until if self.j.end is None else min(until, self.j.end)


def instrument_of(
    kind: str, *, top: int = 2, boxes: bool = False, version: str = "2.0", longest: int = 5
) -> Instrument:
    """Return the instrument of a kind; `longest` is the longest scale of satisfaction met."""
    if kind == "nps":
        return net_promoter()
    if kind == "ces":
        return effort(version)
    return satisfaction(5, top, boxes, longest=longest)
