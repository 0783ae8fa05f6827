"""Which events of history a rule would have answered with a question, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from ibis import _

from cjlab._numbers import Ints
from cjlab.errors import UserError, did_you_mean
from cjlab.journey import Journeys
from cjlab.journey.base import parse_duration
from cjlab.patterns import Pattern
from cjlab.study import Study
from cjlab.voice import _hours
from cjlab.voice._quarantine import ASKED, OUTSIDE, SAMPLED_OUT, decide, draws
from cjlab.voice_settings import Trigger


@dataclass(frozen=True)
class Events:
    """The events that a rule answers: arrays of one length.

    Parameters
    ----------
    unit : numpy.ndarray of int
        The store's code of the customer.
    ts : numpy.ndarray of int
        When, in microseconds UTC.
    touchpoint : numpy.ndarray of int
        The store's code of the touchpoint.
    """

    unit: Ints
    ts: Ints
    touchpoint: Ints


def events(study: Study, rule: Trigger, until: datetime) -> Events:
    """Fetch the events that a rule answers, of the customers whom it may ask."""
    j = study.journeys(where=rule.where or None)
    event = j.events.filter(_.ts < j.literal(until))
    if rule.stage is not None:
        code = j.model.codes.get(rule.stage)
        if code is None:
            near = did_you_mean(rule.stage, j.model.ids)
            raise UserError(f'rule "{rule.name}": no stage "{rule.stage}".{near}')
        enters = event.prev_stage.isnull() | (event.prev_stage != code)
        event = event.filter((event.stage == code) & enters)
    else:
        event = event.filter(event.touchpoint.isin(_touchpoints(study, j, rule)))
    found = event.select("unit", "touchpoint", ts=event.ts.cast("timestamp(6)")).to_pyarrow()
    unit, touchpoint = (found[name].to_numpy().astype("int64") for name in ("unit", "touchpoint"))
    ts = found["ts"].to_numpy().astype("datetime64[us]").astype("int64")
    return Events(unit, ts, touchpoint)


def _touchpoints(study: Study, j: Journeys, rule: Trigger) -> list[int]:
    """Codes of the touchpoints a rule means; one that the catalogue knows may not have come yet."""
    assert rule.event is not None
    names = j.labels("touchpoint")
    exact = [code for code, name in names.items() if name == rule.event]
    glob = Pattern(rule.event, "glob")
    codes = exact or [code for code, name in names.items() if glob.matches(name)]
    known = set(study.catalogue().rules["touchpoint"].dropna())
    if not codes and not any(map(glob.matches, known)):
        near = did_you_mean(rule.event, {*names.values(), *known})
        raise UserError(f'rule "{rule.name}": no touchpoint "{rule.event}".{near}')
    return codes or [-1]


def candidates(
    study: Study, rules: Sequence[Trigger], start: int, until: datetime, seed: int
) -> tuple[pd.DataFrame, int]:
    """Decide about every event that a rule answers, from the beginning of history.

    Parameters
    ----------
    study : Study
        The study.
    rules : sequence of Trigger
        The rules.
    start : int
        Microseconds: whoever would be asked before it is history, and is not returned.
    until : datetime
        Up to when events are known; UTC, naive.
    seed : int
        Of the sampling.

    Returns
    -------
    frame : DataFrame
        In the order of decision: ``unit`` and ``customer_id``, ``rule`` (its place), ``ts`` (the
        event), ``touchpoint``, ``planned``, ``week`` and ``fate`` (a code of `FATES`).
    not_due : int
        Events whose question would come at or after `until`.
    """
    parts = [_planned(events(study, rule, until), place, rule, study.zone)
             for place, rule in enumerate(rules)]  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    end = np.datetime64(until, "us").astype("int64")
    due = frame["planned"].to_numpy() < end
    not_due = int((~due).sum())
    frame = frame[due]
    _name(frame := frame.copy(), study, rules, seed)
    order = ["day", "priority", "planned", "rule", "who", "ts", "what"]
    frame = frame.iloc[np.lexsort([frame[name].to_numpy() for name in reversed(order)])]
    going = frame[frame["fate"] == ASKED]
    columns = ("customer", "day", "rule", "week")
    customer, day, rule, week = (going[name].to_numpy() for name in columns)
    if len(going):
        frame.loc[going.index, "fate"] = decide(customer, day, rule, week, rules)
    frame = frame[frame["planned"].to_numpy() >= start].reset_index(drop=True)
    kept = ["unit", "customer_id", "rule", "ts", "touchpoint", "planned", "week", "fate"]
    return frame[kept], not_due


def _planned(found: Events, place: int, rule: Trigger, zone: str) -> pd.DataFrame:
    """When each event's question would come, and whether the rule's hours let it."""
    planned = found.ts + (parse_duration(rule.delay, "delay") or 0)
    wall = _hours.local(planned, zone)
    open_ = _hours.inside(wall, rule)
    if rule.outside == "wait" and not open_.all():
        wall = _hours.next_open(wall, rule)
        planned = np.where(open_, planned, _hours.utc(wall, zone))
        open_[:] = True
    return pd.DataFrame(
        {
            "unit": found.unit,
            "ts": found.ts,
            "code": found.touchpoint,
            "rule": place,
            "priority": rule.priority,
            "planned": planned,
            "day": wall // _hours.DAY,
            "week": _hours.week(wall),
            "fate": np.where(open_, ASKED, OUTSIDE),
        }
    )


def _name(frame: pd.DataFrame, study: Study, rules: Sequence[Trigger], seed: int) -> None:
    """Add names and their hashes, and draw the sample."""
    con = study.opened
    units, customer = np.unique(frame["unit"].to_numpy(), return_inverse=True)
    known = con.table("unit").select("unit", "customer_id").execute().set_index("unit")
    ids = known["customer_id"].reindex(units).to_numpy(dtype=object)
    labels = study.journeys().labels("touchpoint")
    codes, place = np.unique(frame["code"].to_numpy(), return_inverse=True)
    names = np.array([labels[int(code)] for code in codes], dtype=object)
    frame["customer"] = customer
    frame["customer_id"] = ids[customer]
    frame["touchpoint"] = names[place]
    frame["who"] = name_hash(ids)[customer]
    frame["what"] = name_hash(names)[place]
    rule = name_hash(r.name for r in rules)[frame["rule"].to_numpy()]
    who, ts, what = (frame[c].to_numpy() for c in ("who", "ts", "what"))
    drawn = draws(who, ts, what, rule, seed)
    share = np.array([r.sample for r in rules])[frame["rule"].to_numpy()]
    out = (frame["fate"].to_numpy() == ASKED) & (drawn >= share)
    frame.loc[out, "fate"] = SAMPLED_OUT


def name_hash(names: Iterable[str]) -> Ints:
    """Return 64 bits of BLAKE2b of each name: the same on every machine and engine."""
    parts = (hashlib.blake2b(n.encode("utf-8", "surrogatepass"), digest_size=8) for n in names)
    return np.frombuffer(b"".join(part.digest() for part in parts), dtype="<i8").astype("int64")
