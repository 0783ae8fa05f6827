"""Whether the map ties out: the same customers counted by the map, the funnel, paths and voice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from cjlab import periods
from cjlab.maps import again, moments
from cjlab.maps.asking import Tables, Told, each
from cjlab.maps.model import JourneyMap
from cjlab.maps.retold import retold


class Tie(NamedTuple):
    """One sum counted in two ways; ``None`` where a side is withheld."""

    tie: str
    place: str
    on_map: float | None
    elsewhere: float | None


def reconcile(study: Any, journey_map: JourneyMap) -> pd.DataFrame:
    """Return the sums that must agree between a map and the metrics it does not show.

    Every number of the map is asked again by the call it carries, and the stages' customers,
    losses, events and answers are counted a second way: by the funnel, by the paths, by what the
    answers were attached to. A difference is a fault in the study's tables or in cjlab.

    Parameters
    ----------
    study : Study
        What the map was filled from.
    journey_map : JourneyMap
        A filled map of everybody.

    Returns
    -------
    DataFrame
        ``tie`` (what is counted), ``place`` (stage, step or kind of answer), ``on_map``,
        ``elsewhere``, ``difference``. Null where small cells are withheld on either side.
    """
    study = retold(study, journey_map.stage_model)
    span = periods.named(study.period(f"{journey_map.start}..{journey_map.end}"), study.zone)
    tables = Tables(study, span, by_persona=False)
    ties = [_numbers(study, journey_map), *_starts(tables), *_losses(tables), *_events(tables)]
    if tables.has("responses"):
        ties += _answers(tables)
    frame = pd.DataFrame(ties, columns=list(Tie._fields))
    sides = frame[["on_map", "elsewhere"]].astype("float64")
    # Shares that are sums of floats differ in the last digit; counts do not.
    difference = (sides["on_map"] - sides["elsewhere"]).round(12)
    return frame.assign(on_map=sides["on_map"], elsewhere=sides["elsewhere"], difference=difference)


def _numbers(study: Any, journey_map: JourneyMap) -> Tie:
    """How many numbers there are on the map, and how many of them their own call gives again."""
    numbers = [number for _lane, _stage, card in journey_map.walk() for number in card.numbers]
    told = {call: again.table(call, study) for call in {number.call for number in numbers}}
    equal = sum(again.same(number, told[number.call]) for number in numbers)
    return Tie("numbers", "", len(numbers), equal)


def _one(told: Told, metric: str, column: str, **where: str) -> float | None:
    """Return a column of the only row of a metric in a place, if it is there and shown."""
    rows = [row for row in each(told.rows(metric, **where)) if row["status"] == "ok"]
    if len(rows) != 1 or pd.isna(rows[0][column]):
        return None
    return float(rows[0][column])


def _funnel(tables: Tables) -> Told:
    window = tables.study.config.report.window
    return tables.ask("journey.funnel", "events", window=window)


def _starts(tables: Tables) -> Iterator[Tie]:
    """Who meets the funnel's first stage, on the map and as those who may start the funnel."""
    funnel = _funnel(tables)
    first = str(funnel.frame["step"].iloc[0])
    if first in tables.j.model.ids:
        met = tables.ask("journey.contacts", "events", level="stage")
        yield Tie(
            "customers", first,
            _one(met, "reach", "hits", stage=first), _one(funnel, "km_conversion", "n", step=first),
        )  # fmt: skip


def _losses(tables: Tables) -> Iterator[Tie]:
    """The loss after each step, and what the funnel's next step lacks."""
    lost, funnel = moments.dropoffs(tables), _funnel(tables)
    steps = list(dict.fromkeys(funnel.frame["step"].astype("str")))
    for step, after in pairwise(steps):
        kept = _one(funnel, "from_previous", "value", step=after)
        loss = None if kept is None else 1 - kept
        yield Tie("dropoff", step, _one(lost, "dropoff", "value", step=step), loss)


def _events(tables: Tables) -> Iterator[Tie]:
    """A stage's events, and the steps of the paths that leave it: each event is left once."""
    met = tables.ask("journey.contacts", "events", level="stage")
    paths = tables.ask("journey.transitions", "events", ends=True)
    for stage in tables.j.model.ids:
        events = _one(met, "events", "value", stage=stage)
        left = paths.rows("count", **{"from": stage})
        shown = left["n"].dropna().unique()
        yield Tie("events", stage, events, float(shown[0]) if len(shown) == 1 else None)


def _answers(tables: Tables) -> Iterator[Tie]:
    """Answers by stage, and what answers of that kind are attached to."""
    attached = tables.ask("voice.attachment", "responses", first="study", split=False)
    for kind in moments.KINDS:
        told = moments.scores(tables, kind, "stage")
        rows = None if told is None else told.rows(kind)
        found = attached.rows("responses", kind=kind)
        if rows is None or (rows.empty and found.empty):
            continue
        placed = found[found["attached"].isin(["touchpoint", "stage"])]
        whole = (rows["status"] == "ok").all() and (placed["status"] == "ok").all()
        sides = (float(rows["n"].sum()), float(placed["value"].sum())) if whole else (None, None)
        yield Tie("answers", kind, *sides)
