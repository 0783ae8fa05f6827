"""Scores of a study's answers, counted where the data is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._breakdown import Breakdown
from cjlab.voice._moments import scored
from cjlab.voice._scales import SCALES, Instrument, effort, net_promoter, satisfaction

KINDS = ("nps", "csat", "ces")


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


class Cells(Breakdown):
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
        last = instrument_of(kind, **how).last
        # A comment alone, or "Not applicable", is no answer to be valid or not.
        super().__init__(study, kind, by, start, end, pool, last, scored=True)
        self.instrument = instrument_of(kind, longest=self._longest(kind), **how)
        self.table = self._counted(self.table)

    def _longest(self, kind: str) -> int:
        longest = self.seen["longest"]
        return SCALES[kind][1] if pd.isna(longest) else max(SCALES[kind][1], int(longest))

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


def instrument_of(
    kind: str, *, top: int = 2, boxes: bool = False, version: str = "2.0", longest: int = 5
) -> Instrument:
    """Return the instrument of a kind; `longest` is the longest scale of satisfaction met."""
    if kind == "nps":
        return net_promoter()
    if kind == "ces":
        return effort(version)
    return satisfaction(5, top, boxes, longest=longest)
