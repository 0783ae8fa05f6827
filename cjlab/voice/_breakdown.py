"""Answers of one kind with what they are broken down by, where the data is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import NUMBERS
from cjlab.journey import _calendar
from cjlab.journey._segments import CALENDARS, HIDDEN, in_words
from cjlab.study import Study
from cjlab.voice._answers import When, attach, given, of_customer
from cjlab.voice._persons import APART, UNKNOWN, check_pool, listed

OWN = ("touchpoint", "stage", "persona", "channel", "wave", "relation", "language", "scale")
# Stands for null where values are counted; no answer has such a one.
_NONE = {"relation": "", "wave": "", "scale": -1}


def need(study: Study, kind: str, metric: str) -> None:
    """Refuse to count answers that the study has none of.

    Raises
    ------
    UserError
        The study has no responses, or none of the kind.
    """
    table = study.table("responses")
    if not table.filter(table.kind == kind).count().execute():
        raise UserError(
            f'{metric}: the study has no responses of kind "{kind}"; '
            f"give their source kind: {kind} (under answers, or as a column)."
        )


def no_period(metric: str, start: When, end: When) -> None:
    """Refuse a period for a frame, which says no zone.

    Raises
    ------
    UserError
        There is one.
    """
    if start is not None or end is not None:
        raise UserError(f"{metric}: a period needs a study; filter the frame by its ts first.")


class Breakdown:
    """The answers of one kind, and the words of every dimension of theirs.

    Parameters
    ----------
    study, kind, by, start, end, pool
        See :func:`cjlab.voice.scores`.
    last : int, default 0
        End of the scale of answers that do not say theirs.
    scored : bool, default False
        Whether to leave out answers without anything where the score stands.
    """

    def __init__(
        self,
        study: Study,
        kind: str,
        by: str | Sequence[str] | None,
        start: When,
        end: When,
        pool: str | Sequence[str],
        last: int = 0,
        scored: bool = False,
    ) -> None:
        self.study, self.j = study, study.journeys(start=start, end=end, view="customer")
        names, pooled = listed(by), listed(pool)
        for name in pooled:
            check_pool(name, names)
        calendars = [name for name in names if name in CALENDARS]
        if len(calendars) > 1:
            raise UserError(f"by: {' and '.join(calendars)} are both calendars; take one.")
        self.calendar = self.j.calendar(calendars[0]) if calendars else None
        self.names = self.j.columns(names)
        table = given(study, self.j, kind)
        if scored:
            table = table.filter(table.scored)
        if self.calendar is not None:
            table = table.filter(table.ts.notnull())
        seen = {name: table[name].fill_null(_NONE[name]).nunique() for name in APART}
        span = {"first": table.ts.min(), "last": table.ts.max(), "longest": table.scale.max()}
        self.seen = table.aggregate(**seen, **span).execute().iloc[0]
        # Only satisfaction is asked on scales of several lengths.
        told = [name for name in APART if name != "scale" or kind == "csat"]
        told = [name for name in told if name not in (*self.names, *pooled)]
        self.keys = [*(name for name in told if self.seen[name] > 1), *self.names]
        self.table = self._dimensions(table, names, last)
        self.periods = pd.DataFrame()

    def _dimensions(self, table: Table, names: Sequence[str], last: int) -> Table:
        """Put the words of every dimension into its column."""
        end = table.scale.fill_null(float(last))
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

    def rows(self, *columns: str) -> pd.DataFrame:
        """Return one row an answer: who, what it is broken down by, and these columns."""
        names = dict.fromkeys((*self.keys, "customer_id", *columns))
        return self.named_periods(self.table.select(*names).execute())

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
