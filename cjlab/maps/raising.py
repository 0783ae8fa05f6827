"""Scores that rise: the answers of a study, and what a better touchpoint does to them.

A stage's and the company's own score change by the touchpoint's weight in them: its share of
their answers. Customers are drawn with all of their answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cjlab import resample
from cjlab._numbers import Floats
from cjlab.maps.asking import PERSONA, Tables
from cjlab.voice._of_study import Cells

#: Where an answer may be about: a touchpoint, its stage, or anything.
PLACES = ("touchpoint", "stage", "whole")


@dataclass(frozen=True)
class Answers:
    """Answers of one instrument in one period, a row each, in an order of their own.

    Parameters
    ----------
    frame : DataFrame
        ``who`` (a number for each customer), ``touchpoint, stage, amount`` (what an answer adds
        to its score) and ``n`` (1 where it is valid); and what tells instruments apart.
    apart : list of str
        Those columns.
    """

    frame: pd.DataFrame
    apart: list[str]

    def only(self, cell: dict[str, Any]) -> Answers:
        """Return the answers of one instrument."""
        same = np.ones(len(self.frame), dtype=bool)
        for name in self.apart:
            same &= (self.frame[name].astype("str") == str(cell[name])).to_numpy()
        return Answers(self.frame[same], self.apart)

    def stage_of(self, touchpoint: str) -> str | None:
        """Return the stage that answers about a touchpoint belong to, where it is one."""
        found = self.frame.loc[self.frame["touchpoint"] == touchpoint, "stage"].unique()
        return str(found[0]) if len(found) == 1 else None

    def draw(self, cells: list[tuple[str, str]], draws: int, seed: int) -> tuple[Floats, Floats]:
        """Count answers and sum scores by cell, over customers drawn with replacement.

        Parameters
        ----------
        cells : list of (str, str)
            Each one of `PLACES`, and the name of what the answers are about.
        draws, seed : int
            As in `cjlab.resample.resample`.

        Returns
        -------
        tuple of numpy.ndarray, shape (1 + draws, cells)
            Answers and sums; the first row is today's.
        """
        who, ids = pd.factorize(self.frame["who"], sort=True)
        columns = []
        for column in ("n", "amount"):
            for place, name in cells:
                inside = True if place == "whole" else self.frame[place] == name
                own = np.where(inside, self.frame[column], 0.0)
                columns.append(np.bincount(who, own, minlength=len(ids)))
        table = np.column_stack(columns)
        found = np.concatenate(
            [
                table.sum(axis=0, keepdims=True),
                resample.resample(lambda w: w @ table, len(ids), draws=draws, seed=seed),
            ]
        )
        return found[:, : len(cells)], found[:, len(cells) :]


def read(tables: Tables, kind: str, persona: str | None) -> Answers:
    """Fetch the answers of one instrument about moments, of a persona where one is asked for."""
    by = ["touchpoint", "stage", *([PERSONA] if persona else [])]
    cells = Cells(tables.study, kind, by, **tables.span, pool="wave")
    frame = cells.table.execute()
    if persona:
        frame = frame[frame[PERSONA] == persona]
    parts = {
        "nps": lambda: 100.0 * (frame["promoters"] - frame["detractors"]),
        "csat": lambda: frame["csat"].astype("float64"),
        "ces": lambda: frame["total"].astype("float64"),
    }
    frame = frame.assign(amount=parts[kind]())
    apart = [name for name in cells.keys if name not in by]
    # Who is unknown is somebody else each time; their answers need an order all the same.
    order = ["touchpoint", "stage", *apart, "n", "amount"]
    frame = frame.sort_values(["who", *order], ignore_index=True)
    known = frame["who"].notna()
    codes = pd.factorize(frame["who"])[0].astype("int64")
    frame["who"] = np.where(known, codes, len(frame) + np.arange(len(frame)))
    return Answers(frame[["who", *order]], apart)
