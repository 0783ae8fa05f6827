"""Rules that ask customers, run against history: who would be asked when, and what it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from cjlab import config
from cjlab.errors import UserError
from cjlab.journey.base import to_utc
from cjlab.study import Study
from cjlab.voice import _hours, _planned
from cjlab.voice._answers import When
from cjlab.voice._candidates import candidates
from cjlab.voice._quarantine import FATES
from cjlab.voice_settings import Trigger

__all__ = ["Simulation", "simulate"]

Rules = str | Path | Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True)
class Simulation:
    """What a set of rules would have done.

    Parameters
    ----------
    candidates : DataFrame
        A unit table, for analysis and never for publication: one row for each event that a rule
        answers, with ``customer_id, rule, channel, touchpoint, ts`` (the event), ``planned`` (when
        the question would come; both UTC) and ``fate`` (``asked, sampled_out, quarantined,
        outside_hours, over_cap``).
    rules : DataFrame
        Estimates by ``rule``: ``candidates`` and their fates, which add up; ``per_week``;
        ``assumed_rate``, ``expected_answers`` and ``days_to_margin``.
    weeks : DataFrame
        Estimates by ``rule, report_period``: ``asked`` in each week.
    load : DataFrame
        Estimates by ``times``: the ``share`` of the asked customers with exactly so many
        invitations in their busiest 90 days, and of those with ``more_than`` so many (fatigue).
    not_due : int
        Events whose question would come after the end of what was observed.
    """

    candidates: pd.DataFrame
    rules: pd.DataFrame
    weeks: pd.DataFrame
    load: pd.DataFrame
    not_due: int

    @property
    def asked(self) -> pd.DataFrame:
        """Who would be asked when: a unit table, never for publication."""
        chosen = self.candidates["fate"] == "asked"
        return self.candidates[chosen].drop(columns="fate").reset_index(drop=True)


def simulate(
    study: Study,
    rules: Rules = None,
    *,
    start: When = None,
    end: When = None,
    margin: float = 0.1,
    seed: int = 0,
) -> Simulation:
    """Run rules that ask customers against the study's history.

    Parameters
    ----------
    study : Study
        With events.
    rules : str, Path or sequence of mappings, optional
        A YAML file whose key ``triggers`` lists the rules, or the rules; the study's own
        ``triggers`` by default. A rule has a ``name`` and either an ``event`` (touchpoint, or a
        glob over touchpoints) or a ``stage`` (its entry), and may have ``kind`` (nps, csat, ces,
        open), ``channel``, ``delay`` (``3D``), ``sample`` (share 0–1), ``quarantine`` (days since
        any last invitation), ``quarantine_rule`` (days since the last one by this rule),
        ``priority`` (1 goes before 2 within a day), ``hours`` and ``weekdays`` in the study's
        zone, ``outside`` (``skip`` or ``wait`` for the next opening), ``max_per_week``,
        ``response_rate`` (where the data have none) and ``where`` (attributes of customers).
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, by the time of the invitation. The rules run from
        the beginning of history, so that quarantines are in force at the start.
    margin : float, default 0.1
        Half-width that the answers are to reach: ±10 percentage points of a share, ±10 points
        of NPS, at the worst variance.
    seed : int, default 0
        Of the sampling, which depends on customer, event and rule only.

    Returns
    -------
    Simulation
        Every candidate has one fate: asked, sampled out, quarantined, outside the hours or over
        the cap, in that order of checking but the hours, which come first. ``days_to_margin`` is
        null where nobody is asked or the response rate is neither observed (the export must
        hold unanswered invitations) nor stated; a stated rate has no interval.

    Raises
    ------
    UserError
        A rule is not valid, or names a touchpoint, stage or attribute that the study has not.

    Notes
    -----
    Quarantines are calendar days in the study's zone; weeks begin on Monday. A cap takes those
    who come first in the week, and hours with ``skip`` those who come by day: neither is a fair
    sample. The interval of ``expected_answers`` is that of the response rate.

    Examples
    --------
    >>> from cjlab import open_study
    >>> rules = [{"name": "bought", "event": "order", "delay": "2D", "quarantine": 90}]
    >>> done = simulate(open_study("data/retail/study.yaml"), rules)  # doctest: +SKIP
    >>> done.rules  # doctest: +SKIP
    """
    known = _rules(study, rules)
    until = study.observed_until
    if (last := to_utc(end, study.zone)) is not None:
        until = min(until, last)
    begun = _begin(study, start)
    if begun >= np.datetime64(until, "us"):
        raise UserError(f"the period from {start} to {end or until} holds no event to simulate.")
    first = int(begun.astype("int64"))
    frame, not_due = candidates(study, known, first, until, seed)
    stop = int(np.datetime64(until, "us").astype("int64"))
    edges = _hours.week(_hours.local(np.array([first, stop - 1]), study.zone))
    weeks = np.arange(edges[0], edges[1] + 1)
    days = (stop - first) / _hours.DAY
    return Simulation(
        _told(frame, known),
        _planned.by_rule(frame, known, study, days, margin),
        _planned.by_week(frame, known, weeks),
        _planned.load(frame),
        not_due,
    )


def _rules(study: Study, rules: Rules) -> list[Trigger]:
    if isinstance(rules, str | Path):
        return config.read_triggers(Path(rules))
    if rules is not None:
        return config.check_triggers(rules)
    if not study.config.triggers:
        raise UserError(f"{study.path.name}: no triggers; list the rules under triggers.")
    return study.config.triggers


def _begin(study: Study, start: When) -> np.datetime64:
    """When counting begins: at the start asked for, else with the first event."""
    said = to_utc(start, study.zone)
    if said is None:
        first = study.opened.table("unit").agg(first=_.first_ts.min()).execute()["first"][0]
        said = study.observed_until if pd.isna(first) else pd.Timestamp(first).to_pydatetime()
    return np.datetime64(said, "us")


def _told(frame: pd.DataFrame, rules: Sequence[Trigger]) -> pd.DataFrame:
    """The candidates by name, in the order in which they were decided."""
    channels = np.array([rule.channel for rule in rules], dtype=object)
    names = np.array([rule.name for rule in rules], dtype=object)
    place = frame["rule"].to_numpy()
    return pd.DataFrame(
        {
            "customer_id": frame["customer_id"].astype("str"),
            "rule": pd.Series(names[place], dtype="str"),
            "channel": pd.Series(channels[place], dtype="str"),
            "touchpoint": frame["touchpoint"].astype("str"),
            "ts": frame["ts"].to_numpy().view("datetime64[us]"),
            "planned": frame["planned"].to_numpy().view("datetime64[us]"),
            "fate": pd.Series(np.array(FATES, dtype=object)[frame["fate"]], dtype="str"),
        }
    )
