"""Times that are cut: medians of waits, some still open, when part of each wait gets shorter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cjlab import resample
from cjlab._numbers import Floats, Ints
from cjlab.journey._waiting import DAY
from cjlab.journey.base import Journeys
from cjlab.journey.converting import waits
from cjlab.journey.timing import stays

_EDGE = 1e-12  # as in cjlab.survival: survival is a product of floats


@dataclass(frozen=True)
class Waiting:
    """Waits in days, in an order of their own.

    Parameters
    ----------
    length : numpy.ndarray
        How long each was observed.
    ended : numpy.ndarray of bool
        Whether its end was seen.
    owner : numpy.ndarray of int
        Whose it is, 0….
    within : dict of str to numpy.ndarray
        By stage, how much of each wait was spent there.
    """

    length: Floats
    ended: Ints
    owner: Ints
    within: dict[str, Floats]

    def medians(self, factors: dict[str, Floats], draws: int, seed: int) -> tuple[Floats, Floats]:
        """Kaplan–Meier medians today and after the change, the first without any drawing.

        Parameters
        ----------
        factors : dict of str to numpy.ndarray, shape (1 + draws,)
            By stage, how many times as long customers stay.
        draws, seed : int
            As in `cjlab.resample.resample`.
        """
        people = int(self.owner.max(initial=-1)) + 1
        order = np.argsort(self.length, kind="stable")
        turns = iter(range(1 + draws))

        def both(weights: Floats) -> Floats:
            own = weights[:, self.owner]
            now = median(own[:, order], self.length[order], self.ended[order])
            return np.column_stack([now, self._shorter(own, factors, turns)])

        first = both(np.ones((1, people)))
        found = np.concatenate([first, resample.resample(both, people, draws=draws, seed=seed)])
        return found[:, 0], found[:, 1]

    def _shorter(self, weights: Floats, factors: dict[str, Floats], turns: Iterator[int]) -> Floats:
        """The medians after the change, draw by draw: every draw has its own lengths."""
        found = []
        for row in weights:
            turn = next(turns)
            cut = [(1 - factors[stage][turn]) * part for stage, part in self.within.items()]
            length = np.maximum(self.length - np.sum(cut, axis=0), 0)
            order = np.argsort(length, kind="stable")
            found.append(median(row[None, order], length[order], self.ended[order])[0])
        return np.array(found)


def median(weights: Floats, length: Floats, ended: Ints) -> Floats:
    """Kaplan–Meier medians of sorted waits, one for each row of weights; nan where not reached.

    Examples
    --------
    >>> median(np.ones((1, 3)), np.array([1.0, 2.0, 3.0]), np.array([1, 1, 0])).tolist()
    [2.0]
    """
    begins = np.flatnonzero(np.r_[True, length[1:] != length[:-1]][: len(length)])
    count = np.add.reduceat(weights, begins, axis=1)
    gone = np.add.reduceat(weights * ended, begins, axis=1)
    left = count[:, ::-1].cumsum(axis=1)[:, ::-1]
    survival = np.cumprod(
        1 - np.divide(gone, left, out=np.zeros_like(gone), where=left > 0), axis=1
    )
    done = survival <= 0.5 + _EDGE
    first = length[begins][done.argmax(axis=1)]
    return np.where(done.any(axis=1), first, np.nan)


def in_stage(j: Journeys, stage: str) -> Waiting | None:
    """The stays in one stage; None where there are none."""
    rows = stays(j, []).get((j.model.codes[stage],))
    if rows is None:
        return None
    length = rows.length / DAY
    return Waiting(length, (rows.waits.end != 0).astype("int64"), rows.owner, {stage: length})


def to_convert(j: Journeys, start: str, goal: str, stages: list[str]) -> Waiting | None:
    """The ways from one stage to another, with the time that each spent in some stages."""
    found = waits(j, start, goal).select("unit", "ts", "waited", "left").execute()
    if found.empty:
        return None
    event = j.events
    codes = {j.model.codes[stage]: stage for stage in stages}
    some = event.filter(event.stage.isin(list(codes)))
    rows = some.select("unit", "stage", "ts", "next_stage_ts").execute()
    rows = rows.merge(found, on="unit", suffixes=("", "_begun"))
    end = rows["ts_begun"] + pd.to_timedelta(rows["waited"], unit="us")
    until = rows["next_stage_ts"].fillna(end).where(lambda at: at < end, end)
    inside = (rows["ts"] >= rows["ts_begun"]) & (until > rows["ts"])
    rows["spent"] = ((until - rows["ts"]) / pd.Timedelta("1D")).where(inside, 0.0)
    spent = rows.pivot_table(index="unit", columns="stage", values="spent", aggfunc="sum")
    spent = spent.reindex(index=found["unit"], columns=list(codes), fill_value=0.0).fillna(0.0)
    names = {code: f"in_{stage}" for code, stage in codes.items()}
    own = found.assign(**{name: spent[code].to_numpy() for code, name in names.items()})
    # Who waits alike is alike: the order of the rows must not matter.
    own = own.sort_values(["waited", "left", *names.values()], ignore_index=True)
    return Waiting(
        own["waited"].to_numpy(dtype="float64") / DAY,
        own["left"].to_numpy(dtype="int64"),
        np.arange(len(own)),
        {stage: own[f"in_{stage}"].to_numpy() for stage in stages},
    )
