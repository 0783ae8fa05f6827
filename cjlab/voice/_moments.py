"""From counts of each customer to scores with intervals, written once for frames and engines.

What comes in are *persons*: one row for each cell and customer with the customer's valid answers
(``n``), invalid ones (``bad``), the sum of their scores (``total``), how many of them each part
of the instrument counts, and ``times``, for how many customers the row stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cjlab._numbers import Floats, Interval
from cjlab.clusters import clustered_mean, clustered_nps, clustered_share
from cjlab.estimates import COLUMNS, estimates
from cjlab.stats import nps_interval, proportion
from cjlab.voice._notice import KEY
from cjlab.voice._scales import Instrument

OF = "valid answers"


class Moments:
    """Sums over the customers of each cell.

    Parameters
    ----------
    persons : pandas.DataFrame
        See the module.
    keys : sequence of str
        Columns that name the cells; may be empty.
    """

    def __init__(self, persons: pd.DataFrame, keys: Sequence[str]) -> None:
        names = list(keys)
        if names:
            groups = persons.groupby(names, sort=True, dropna=False)
            self.code = groups.ngroup().to_numpy()
            self.cells = persons[names].groupby(self.code, sort=True).head(1)
            self.cells = self.cells.iloc[np.argsort(self.code[self.cells.index])]
            self.cells = self.cells.reset_index(drop=True)
        else:
            self.code = np.zeros(len(persons), dtype="int64")
            self.cells = pd.DataFrame(index=pd.RangeIndex(1))
        self.persons = persons
        self.times = persons["times"].to_numpy(dtype="float64")
        self.n = self.column("n")
        self.answers = self.sum(self.n)
        self.customers = self.sum(self.n > 0)
        self.squares = self.sum(self.n**2)

    def column(self, name: str) -> Floats:
        """Return one of the persons' numbers."""
        return self.persons[name].to_numpy(dtype="float64")

    def sum(self, values: Any) -> Floats:
        """Sum over the customers of each cell."""
        found = np.bincount(self.code, values * self.times, minlength=len(self.cells))
        return np.asarray(found, dtype=np.float64)

    @property
    def once(self) -> Any:
        """Whether nobody in a cell answered twice."""
        return self.customers == self.answers

    def share(self, hits: Floats) -> Interval:
        """Share of answers that are hits: Wilson, widened where customers repeat."""
        x = self.sum(hits)
        plain = proportion(x, self.answers)
        sums = self.sum(hits**2), self.sum(hits * self.n), self.squares
        wide = clustered_share(x, self.answers, self.customers, *sums)
        return self._either(plain, wide)

    def net(self, up: Floats, down: Floats) -> Interval:
        """Net promoter score: adjusted Wald, widened where customers repeat."""
        promoters, detractors, y = self.sum(up), self.sum(down), up - down
        plain = nps_interval(promoters, detractors, self.answers)
        sums = self.sum(y**2), self.sum(y * self.n), self.squares
        wide = clustered_nps(promoters, detractors, self.answers, self.customers, *sums)
        return self._either(plain, wide)

    def mean(self, total: Floats) -> Interval:
        """Mean of the answers with Student's t over customers."""
        sums = self.sum(total**2), self.sum(total * self.n), self.squares
        return clustered_mean(self.sum(total), self.answers, self.customers, *sums)

    def _either(self, plain: Interval, wide: Interval) -> Interval:
        return Interval(*(np.where(self.once, a, b) for a, b in zip(plain, wide, strict=True)))


def scored(persons: pd.DataFrame, keys: Sequence[str], instrument: Instrument) -> pd.DataFrame:
    """Turn counts into estimates by `keys`; see :func:`cjlab.voice.nps` and its like."""
    sums = Moments(persons, keys)
    rows = [_score(sums, instrument)]
    rows += [
        metric_row(sums, part, sums.share(hits := sums.column(part)), "1", sums.sum(hits > 0))
        for part in instrument.parts
        if part != instrument.metric
    ]
    rows.append(invalid_row(sums))
    table = pd.concat(rows).sort_index(kind="stable").reset_index(drop=True)
    found = estimates(table[[*keys, *COLUMNS]], list(keys))
    found.attrs["direction"] = instrument.direction
    if instrument.kind == "nps":
        found.attrs["notice"] = KEY
    return found


def score_of(sums: Moments, instrument: Instrument) -> Interval:
    """Return the instrument's own number of each cell."""
    if instrument.kind == "nps":
        return sums.net(sums.column("promoters"), sums.column("detractors"))
    if instrument.kind == "ces":
        return sums.mean(sums.column("total"))
    return sums.share(sums.column("csat"))


#: Unit of each instrument's own number.
UNIT = {"nps": "points", "ces": "score", "csat": "1"}


def _score(sums: Moments, instrument: Instrument) -> pd.DataFrame:
    share = instrument.kind == "csat"
    hits = sums.sum(sums.column("csat") > 0) if share else None
    number = score_of(sums, instrument)
    return metric_row(sums, instrument.metric, number, UNIT[instrument.kind], hits)


def metric_row(
    sums: Moments, metric: str, number: Interval, unit: str, hits: Floats | None
) -> pd.DataFrame:
    """One metric of every cell."""
    empty = sums.answers == 0
    return sums.cells.assign(
        metric=metric,
        value=number.value,
        low=number.low,
        high=number.high,
        n=sums.answers,
        customers=sums.customers,
        hits=None if hits is None else hits,
        unit=unit,
        of=OF,
        status=None,
        note=np.where(empty, "no_valid_answers", np.array(None, dtype=object)),
    )


def invalid_row(sums: Moments) -> pd.DataFrame:
    """How many answers could not be read, of all."""
    bad = sums.column("bad")
    return sums.cells.assign(
        metric="invalid",
        value=sums.sum(bad),
        low=None,
        high=None,
        n=sums.answers + sums.sum(bad),
        customers=sums.sum(np.ones(len(bad))),
        hits=sums.sum(bad > 0),
        unit="answers",
        of="answers",
        status=None,
        note=None,
    )
