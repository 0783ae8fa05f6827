"""Step matrix: where journeys stand at their first, second, third … step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.journey._states import check_level, shares, starts, states
from cjlab.journey._transitions import END
from cjlab.journey.base import Journeys
from cjlab.stats import proportion

_END = -2


def step_matrix(
    j: Journeys,
    *,
    steps: int = 10,
    level: str = "stage",
    collapse: bool = False,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Share of journeys that are in each state at each of their first steps.

    Journeys that start in the period and have a state count at every step: after the last
    observed one they are in ``(end)``, which for open journeys only means that no further
    event was observed. So the shares of one step sum to 1.

    Parameters
    ----------
    j : Journeys
        The journeys; one belongs to the period in which its first event lies.
    steps : int, default 10
        How many steps to show.
    level : {"stage", "touchpoint", "channel"}
        What counts as a state. Events without one are passed over.
    collapse : bool, default False
        Whether repeats of a state one after the other are one step.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        journey's first event.

    Returns
    -------
    DataFrame
        Estimates by ``step`` (1 …) and ``stage`` (or ``touchpoint``, ``channel``: the name of
        the level): ``share`` (0–1) of the journeys. Every stage is there, and every touchpoint
        or channel that occurs in these steps, then ``(end)``. Null where no journey with a
        state starts in the segment.

    Raises
    ------
    UserError
        For an unknown level or segment, or fewer than one step.

    Notes
    -----
    Limits are Wilson's; for sessions, which repeat customers, with the effective sample size of
    the cluster-robust variance (Korn & Graubard 1998).

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = step_matrix(Journeys.from_frame(log, stages=["see", "buy"]), steps=2)
    >>> found[["step", "stage", "value"]].values.tolist()[3:]
    [[2, 'see', 0.0], [2, 'buy', 0.5], [2, '(end)', 0.5]]
    """
    check_level(level)
    if steps < 1:
        raise UserError(f"steps is {steps}; show at least one.")
    names = j.attributes(by)
    base = j.columns(names)
    if level in base:
        raise UserError(f'by: "{level}" is the level of the matrix already; take another.')
    at = _positions(j, level, collapse)
    if names or j.start is not None or j.end is not None:
        at = at.join(starts(j, names), "unit")
    found = _counted(j, at, base, steps)
    frame = _filled(j, found, names, level, steps)
    return estimates(_rows(frame, [*base, "step", level]), [*base, "step", level])


def _positions(j: Journeys, level: str, collapse: bool) -> Table:
    """One row for each state of a journey: unit, place (from 0), state."""
    state = states(j, level, collapse=collapse)
    numbered = level == "touchpoint" or (level == "stage" and collapse)
    if not numbered or (level == "touchpoint" and collapse):
        journey = ibis.window(group_by="unit", order_by="step")
        state = state.mutate(place=ibis.row_number().over(journey))
    return state.select("unit", "state", place=state.place.cast("int32"))


def _counted(j: Journeys, at: Table, base: list[str], steps: int) -> pd.DataFrame:
    """Count journeys by segment, place and state; the ends are there as a state."""
    keys = [*base, "place"]
    if j.unit == "customer":
        # A journey is one customer: who is not at a step any more has ended.
        found = at.filter(at.place < steps).group_by([*keys, "state"]).aggregate(x=_.count())
        return _with_ends(found.execute(), base, steps)
    last = at.group_by([*base, "unit"]).aggregate(last=_.place.max())
    places = ibis.memtable(pd.DataFrame({"place": range(steps)}).astype({"place": "int32"}))
    ended = last.join(places, last.last < places.place)
    ended = ended.mutate(state=ibis.literal(_END, "int32")).select(*at.columns)
    rows = at.filter(at.place < steps).union(ended)
    return shares(j, rows, keys, "state", once=j.unit == "account")


def _with_ends(found: pd.DataFrame, base: list[str], steps: int) -> pd.DataFrame:
    """Add those whose journey has ended, and the limits."""
    first = found[found["place"] == 0]
    sizes = first.groupby(base)["x"].sum().reset_index(name="n") if base else pd.DataFrame(
        {"n": [int(first["x"].sum())]}
    )  # fmt: skip
    every = sizes.merge(pd.DataFrame({"place": range(steps)}), "cross")
    keys = [*base, "place"]
    there = found.groupby(keys)["x"].sum().reset_index(name="there")
    ends = every.merge(there, "left", keys).fillna({"there": 0}).assign(state=_END)
    ends["x"] = ends["n"] - ends["there"]
    found = pd.concat([found.merge(every, "inner", keys), ends[ends["x"] > 0]], ignore_index=True)
    limits = proportion(found["x"], found["n"])
    return found.assign(
        hits=found["x"], customers=found["n"], low=limits.low, high=limits.high
    ).drop(columns="there")


def _filled(
    j: Journeys, found: pd.DataFrame, names: list[str], level: str, steps: int
) -> pd.DataFrame:
    """Give every step of every segment all states, 0 where nobody is."""
    base = j.columns(names)
    labels = j.labels(level)
    seen = labels if level == "stage" else sorted(set(found["state"]) - {_END})
    every = product(j.groups(names), range(steps), [*seen, _END])
    columns = [*base, "place", "state"]
    rows = [(*group, place, state) for group, place, state in every]
    full = pd.DataFrame(rows, columns=columns).merge(found, "left", columns)
    for name in ("n", "customers"):
        whole = full.groupby([*base, "place"])[name].transform("max")
        full[name] = whole.fillna(0)
    full[["x", "hits"]] = full[["x", "hits"]].fillna(0)
    empty = full["x"] == 0
    limits = proportion(full["x"].where(empty, 0), full["n"])
    # A state that nobody is in has no spread between customers: each counts as one answer.
    full["low"] = full["low"].where(~empty, limits.low)
    full["high"] = full["high"].where(~empty, proportion(0 * full["x"], full["customers"]).high)
    full[level] = full["state"].map(labels | {_END: END})
    return full.assign(step=full["place"] + 1)


def _rows(frame: pd.DataFrame, dims: list[str]) -> pd.DataFrame:
    some = frame["n"] > 0
    rows = frame[[*dims, "low", "high", "n", "customers", "hits"]].assign(
        metric="share", value=frame["x"] / frame["n"].where(some), unit="1", of="journeys"
    )
    note = pd.Series("no_journeys", frame.index).where(~some)
    rows["note"] = note.mask(some & frame["low"].isna(), "one_customer")
    return rows
