"""The numbers that a scenario moves: each as its metric has it today, and by how much it moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from cjlab import privacy
from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.maps import moments, sooner, wins
from cjlab.maps.asking import PERSONA, Tables, Told, each
from cjlab.maps.crowd import Crowd, Quantity, Sums
from cjlab.maps.crowd import read as read_crowd
from cjlab.maps.effects import apply
from cjlab.maps.line import FEW, WITHHELD, Line
from cjlab.maps.moments import ALL
from cjlab.maps.raised import raised
from cjlab.maps.scenario import Change, Scenario
from cjlab.resample import percentiles


@dataclass
class Lines:
    """The lines of one scenario.

    Parameters
    ----------
    scenario : Scenario
        What is changed.
    where : str
        Its file or name, for messages.
    tables : Tables
        Of the study and the period.
    persona : str or None
        Whose journey it is.
    draws, seed : int
        Of the simulation.
    cuts : dict of int to float
        By place of a change: in which share of the draws it was cut off at what is possible.
    """

    scenario: Scenario
    where: str
    tables: Tables
    persona: str | None
    draws: int
    seed: int
    cuts: dict[int, float] = field(default_factory=dict)

    def all(self) -> list[Line]:
        """Return every line, in the order to show them."""
        return [*self.conversions(), *self.reaches(), *self.worths(), *self.times(), *self.scores()]

    @cached_property
    def j(self) -> Any:
        """The journeys of the period, and of the persona where there is one."""
        where = {PERSONA: self.persona} if self.persona else None
        return self.tables.study.journeys(**self.tables.span, where=where)

    @cached_property
    def window(self) -> str | None:
        """The study's window of a funnel."""
        found: str | None = self.tables.study.config.report.window
        return found

    @cached_property
    def crowd(self) -> Crowd:
        """The customers of the period."""
        return read_crowd(self.j, self.window)

    @cached_property
    def sums(self) -> dict[str, Sums]:
        """Every sum over customers, drawn together."""
        who = self.crowd
        everyone = np.ones(who.size, dtype=bool)
        asked = {"funnel": Quantity(who.mature, np.zeros(who.size))}
        for stage, there in who.stages.items():
            asked[f"reach.{stage}"] = Quantity(everyone, there)
        if who.bought is not None:
            asked["bought"] = Quantity(who.mature, who.bought)
        if who.value is not None:
            asked["value"] = Quantity(who.begun, who.value)
        return who.draw(asked, self.draws, self.seed)

    @cached_property
    def reached(self) -> Floats:
        """How many reach each step today."""
        return wins.reached_of(self.sums["funnel"].levels)

    @cached_property
    def ratio(self) -> Floats:
        """By how many times more customers reach each step after the change."""
        now, changed = wins.conversions_of(self.reached), {}
        for place, change in self._changes("conversion"):
            step = self._step(place, change)
            changed[step] = self.applied(place, change, now[:, step])
        later = self.scenario.later.times if self.scenario.later else 1.0
        return wins.ratios(now, changed, later)

    def _changes(self, kind: str) -> list[tuple[int, Change]]:
        return [(k, one) for k, one in enumerate(self.scenario.changes) if one.kind == kind]

    def applied(self, place: int, change: Change, now: Floats) -> Floats:
        """A number after its change, the first without any drawing."""
        said = f"{self.where}: changes.{place}"
        found = apply(change, float(now[0]), now[1:], self.seed, place, said)
        self.cuts[place] = max(found.cut, self.cuts.get(place, 0.0))
        return np.append(found.point, found.draws)

    def wrong(self, place: int, problem: str, name: str, valid: Any) -> UserError:
        """Return the fault of a change that names something which is not there."""
        return UserError(
            f'{self.where}: changes.{place}: {problem} "{name}".{did_you_mean(name, valid)}'
        )

    def _step(self, place: int, change: Change) -> int:
        steps = self.crowd.steps
        if change.place == steps[-1]:
            raise UserError(
                f"{self.where}: changes.{place}: {change.place} is the last step; the share that "
                f"goes on from {steps[-2]} is what can change."
            )
        if change.place not in steps:
            raise self.wrong(place, "no step of the funnel", change.place, steps[:-1])
        return steps.index(change.place)

    def row(self, told: Told, metric: str, **where: str) -> dict[str, Any] | None:
        """The one row of this persona's, where there is one."""
        own = where if self.persona is None else {**where, PERSONA: self.persona}
        found = list(each(told.rows(metric, **own)))
        return found[0] if len(found) == 1 else None

    def conversions(self) -> list[Line]:
        """From each step to the next, from the first to each, and from end to end."""
        told = self.tables.ask("journey.funnel", "events", window=self.window)
        steps, ratio, now = self.crowd.steps, self.ratio, wins.conversions_of(self.reached)
        found = []
        with np.errstate(divide="ignore", invalid="ignore"):
            first = self.reached / self.reached[:, :1]
            onward = now * (ratio[:, 1:] / ratio[:, :-1] - 1)
            further = first * (ratio - 1)
        for k, step in enumerate(steps[:-1]):
            row = self.row(told, "from_previous", step=steps[k + 1])
            found.append(("conversion", step, row, now[:, k], onward[:, k]))
        for k, step in enumerate(steps[1:], 1):
            row = self.row(told, "from_first", step=step)
            found.append(("from_first", step, row, first[:, k], further[:, k]))
        found.append(("conversion", ALL, row, first[:, -1], further[:, -1]))
        return [
            Line(metric, stage, ALL, row, told, own, gap, self.closed)
            for metric, stage, row, own, gap in found
            if row is not None
        ]

    @cached_property
    def closed(self) -> str | None:
        """Why nothing follows from the funnel: a conversion that is changed is not shown."""
        told = self.tables.ask("journey.funnel", "events", window=self.window)
        for place, change in self._changes("conversion"):
            after = self.crowd.steps[self._step(place, change) + 1]
            row = self.row(told, "from_previous", step=after)
            if row is None or row["status"] != "ok":
                return WITHHELD
        return None

    def _gained(self, name: str) -> tuple[Floats, str | None]:
        """What a sum gains, and why that cannot be told: few customers show what one brings."""
        own = self.sums[name]
        more = wins.moved(own.levels, self.ratio)
        few = (more[0] != 0) & (own.levels[0] < self.j.minimum)
        return wins.gained(more, own.levels, own.sums), self.closed or (FEW if few.any() else None)

    def reaches(self) -> list[Line]:
        """The share of the period's customers who are in each stage."""
        told = self.tables.ask("journey.contacts", "events", level="stage")
        found = []
        for stage in self.crowd.stages:
            row = self.row(told, "reach", stage=stage)
            if row is not None:
                own, (gain, why) = self.sums[f"reach.{stage}"], self._gained(f"reach.{stage}")
                now, gap = own.total / own.base, wins.kept(gain / own.base, self.ratio)
                found.append(Line("reach", stage, ALL, row, told, now, gap, why))
        return found

    def worths(self) -> list[Line]:
        """The value of the journeys that begin, and what 100 who start the funnel buy."""
        found = []
        if self.crowd.bought is not None:
            own, (gain, why) = self.sums["bought"], self._gained("bought")
            with np.errstate(divide="ignore", invalid="ignore"):
                now, gap = 100 * own.total / own.base, 100 * gain / own.base
            found.append(Line("value_per_100", ALL, ALL, self._per_100(now), None, now, gap, why))
        if self.crowd.value is not None:
            told = self.tables.ask("journey.value", "events")
            own, (gain, why) = self.sums["value"], self._gained("value")
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = (own.total / own.base, gain / own.base)
            for metric, now, gap in (("value", own.total, gain), ("value_mean", *mean)):
                row = self.row(told, metric)
                if row is not None:
                    found.append(Line(metric, ALL, ALL, row, told, now, gap, why))
        return found

    def _per_100(self, now: Floats) -> dict[str, Any]:
        """The row of what starters buy, gated as every other."""
        who = self.crowd
        n, hits = int(who.mature.sum()), int((who.mature & (who.bought != 0)).sum())
        low, high = percentiles(now[1:, None])
        row = {
            "metric": "value_per_100", "value": now[0], "low": low[0], "high": high[0], "n": n,
            "customers": n, "hits": hits, "unit": self.j.currency,
            "of": f"customers at {who.steps[0]}", "note": None if n else "nobody_started",
        }  # fmt: skip
        gated, _ = privacy.gate(estimates(pd.DataFrame([row]), []), self.j.minimum)
        return next(each(gated[list(COLUMNS)]))

    def times(self) -> list[Line]:
        """Median time in the stages that are changed, and from the first step to the purchase."""
        found, factors = [], {}
        told = self.tables.ask("journey.time_in_stage", "events")
        for place, change in self._changes("time"):
            stage = change.place
            if stage not in self.j.model.codes:
                raise self.wrong(place, "no stage", stage, self.j.model.codes)
            factors[stage] = self.applied(place, change, np.ones(1 + self.draws))
            row, waiting = self.row(told, "median", stage=stage), sooner.in_stage(self.j, stage)
            if row is not None and waiting is not None:
                found.append(self._sooner(stage, row, told, waiting, factors))
        if factors:
            begin, end = self.crowd.steps[0], self.j.model.purchase or self.crowd.steps[-1]
            told = self.tables.ask("journey.time_to_convert", "events")
            row = self.row(told, "median")
            way = sooner.to_convert(self.j, begin, end, list(factors))
            if row is not None and way is not None:
                found.append(self._sooner(ALL, row, told, way, factors))
        return found

    def _sooner(
        self, stage: str, row: dict[str, Any], told: Told, waiting: Any, factors: dict[str, Floats]
    ) -> Line:
        now, then = waiting.medians(factors, self.draws, self.seed)
        why = "not_reached" if np.isnan(now[0] - then[0]) else None
        return Line("median", stage, ALL, row, told, now, then - now, why)

    def scores(self) -> list[Line]:
        """Scores of the touchpoints that are changed, of their stages, and of all moments."""
        found = []
        for kind in moments.KINDS:
            changes = [
                (place, one)
                for place, one in self._changes("score")
                if one.score is not None and one.score.kind == kind
            ]
            if changes:
                found += raised(self, kind, changes)
        return found
