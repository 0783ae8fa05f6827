"""Answers by what they are about and by instrument, each instrument on its own scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.study import Study
from cjlab.voice._answers import When, answers
from cjlab.voice._scales import SCALES, VERSIONS


@dataclass(frozen=True)
class Asked:
    """Answers summed by customer, place and instrument.

    Parameters
    ----------
    cells : DataFrame
        One row for each instrument and place, in order: ``instrument``, the level, ``first``,
        ``last``, ``better`` (1 where a high answer is good, −1 where it is bad).
    n, total : numpy.ndarray
        Answers and the sum of their scores, shape (customers, cells); customers in order of id.
    overall : numpy.ndarray
        Mean relational NPS of each customer; nan for who gave none.
    """

    cells: pd.DataFrame
    n: Floats
    total: Floats
    overall: Floats

    def shortfall(self, score: Any) -> Any:
        """What mean scores by cell lack to the best answer, in hundredths of the scale."""
        first, last, better = (self.cells[c].to_numpy() for c in ("first", "last", "better"))
        return 100 * np.where(better > 0, last - score, score - first) / (last - first)


def given(study: Study, level: str, start: When, end: When, version: str) -> Table:
    """Return the valid scores with ``place``, their instrument's scale, and whether one is low."""
    if version not in VERSIONS:
        raise UserError(f'ces_version is "{version}".{did_you_mean(version, VERSIONS)}')
    table = answers(study, start, end, kinds=tuple(SCALES)).filter(_.valid)
    relation = table.relation.fill_null("")
    table = table.mutate(relation=relation, place=table[level])
    ends = {kind: last for kind, (_first, last) in SCALES.items()} | {"ces": VERSIONS[version]}
    # Spark takes a float that is written in a query for a decimal; a cast whole number is a float.
    last = ibis.cases(*((table.kind == kind, int(end)) for kind, end in ends.items()))
    first = ibis.cases(*((table.kind == kind, int(SCALES[kind][0])) for kind in SCALES))
    first, last = first.cast("float64"), last.cast("float64")
    table = table.mutate(first=first, last=table.scale.fill_null(last))
    table = table.filter(table.last > table["first"])
    reverse = (table.kind == "ces") & (version == "1.0")
    # Three to five of seven are neither easy nor hard by a third of the scale.
    third = (table.last - table["first"]) / 3
    low = ibis.cases(
        (table.kind == "nps", table.score <= 6),
        (table.kind == "csat", table.score <= table.last - 2),
        (reverse, table.score > table["first"] + third),
        else_=table.score < table.last - third,
    )
    table = table.mutate(low=low, better=reverse.ifelse(-1.0, 1.0))
    return table.cache()  # asked three times


def instrument(frame: pd.DataFrame) -> pd.Series:
    """Name instruments by kind, scale and relation."""
    first, last = (frame[c].map("{:g}".format) for c in ("first", "last"))
    return (frame["kind"] + " " + first + "–" + last + " " + frame["relation"]).str.strip()


def about_a_place(table: Table) -> Table:
    """Drop answers that belong nowhere, and relational ones that name no touchpoint.

    Those are about the whole, not about the stage that the customer happened to be in.
    """
    named = (table.attached == "touchpoint").fill_null(False)
    return table.filter(table.place.notnull(), named | (table.relation != "relational"))


def asked(table: Table, level: str) -> Asked:
    """Sum answers by customer; one without a customer is somebody of their own."""
    table = table.mutate(alone=table.customer_id.isnull().ifelse(table.row, ibis.null("int64")))
    whole = (table.kind == "nps") & (table.relation == "relational")
    about = about_a_place(table)
    scale = ["kind", "first", "last", "better", "relation"]
    who = ["customer_id", "alone"]
    sums = about.group_by([*who, "place", *scale]).aggregate(n=_.count(), total=_.score.sum())
    overall = table.filter(whole).group_by(who).aggregate(score=_.score.mean())
    frame, said = sums.execute(), overall.execute()
    frame = frame.assign(instrument=instrument(frame)).rename(columns={"place": level})
    people = pd.concat([frame[who], said[who]]).drop_duplicates().sort_values(who)
    people = people.assign(number=np.arange(len(people)))
    cells = frame[["instrument", level, "first", "last", "better"]].drop_duplicates()
    cells = cells.sort_values(["instrument", level], ignore_index=True)
    place = frame[["instrument", level]].merge(
        cells.reset_index(names="cell"), on=["instrument", level], how="left"
    )["cell"]
    row = frame[who].merge(people, on=who, how="left")["number"]
    n, total = (np.zeros((len(people), len(cells))) for _part in range(2))
    np.add.at(n, (row, place), frame["n"])
    np.add.at(total, (row, place), frame["total"])
    score = np.full(len(people), np.nan)
    score[said[who].merge(people, on=who, how="left")["number"]] = said["score"]
    return Asked(cells, n, total, score)
