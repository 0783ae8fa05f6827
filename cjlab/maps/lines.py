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
from cjlab.maps import crowd, moments, raising, sooner, wins
from cjlab.maps.asking import PERSONA, Tables, Told, each
from cjlab.maps.effects import apply
from cjlab.maps.moments import ALL
from cjlab.maps.scenario import Change, Scenario
from cjlab.resample import percentiles

# Why a number cannot be given after the change.
WITHHELD, FEW = "today_withheld", "few_at_level"


@dataclass(frozen=True)
class Line:
    """One number of the journey, today and moved.

    Parameters
    ----------
    metric, stage, touchpoint : str
        What and where; ``(all)`` for the whole journey, and for any touchpoint.
    today : dict
        The gated row of its metric.
    told : Told or None
        The table that the row is of; null where the what-if itself works it out.
    now, then : numpy.ndarray, shape (1 + draws,)
        Today's number and the one after the change, the first without any drawing.
    gap : numpy.ndarray, shape (1 + draws,)
        The difference, exactly 0 where nothing changes.
    why : str, optional
        Note that says why nothing can be known after the change.
    """

    metric: str
    stage: str
    touchpoint: str
    today: dict[str, Any]
    told: Told | None
    now: Floats
    gap: Floats
    why: str | None = None

    @property
    def then(self) -> Floats:
        """The number after the change."""
        return self.now + self.gap

    @property
    def moves(self) -> bool:
        """Whether the scenario changes it in any draw."""
        return bool((self.gap != 0).any())

    @property
    def shown(self) -> bool:
        """Whether it is more than a rare draw that changes it."""
        return bool(self.gap[0] != 0 or (self.gap[1:] != 0).mean() > 0.5)


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
    def crowd(self) -> crowd.Crowd:
        """The customers of the period."""
        return crowd.read(self.j, self.window)

    @cached_property
    def sums(self) -> dict[str, crowd.Sums]:
        """Every sum over customers, drawn together."""
        who = self.crowd
        everyone = np.ones(who.size, dtype=bool)
        asked = {"funnel": crowd.Quantity(who.mature, np.zeros(who.size))}
        for stage, there in who.stages.items():
            asked[f"reach.{stage}"] = crowd.Quantity(everyone, there)
        if who.bought is not None:
            asked["bought"] = crowd.Quantity(who.mature, who.bought)
        if who.value is not None:
            asked["value"] = crowd.Quantity(who.begun, who.value)
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
            changed[step] = self._applied(place, change, now[:, step])
        later = self.scenario.later.times if self.scenario.later else 1.0
        return wins.ratios(now, changed, later)

    def _changes(self, kind: str) -> list[tuple[int, Change]]:
        return [(k, one) for k, one in enumerate(self.scenario.changes) if one.kind == kind]

    def _applied(self, place: int, change: Change, now: Floats) -> Floats:
        """A number after its change, the first without any drawing."""
        said = f"{self.where}: changes.{place}"
        found = apply(change, float(now[0]), now[1:], self.seed, place, said)
        self.cuts[place] = max(found.cut, self.cuts.get(place, 0.0))
        return np.append(found.point, found.draws)

    def _wrong(self, place: int, problem: str, name: str, valid: Any) -> UserError:
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
            raise self._wrong(place, "no step of the funnel", change.place, steps[:-1])
        return steps.index(change.place)

    def _row(self, told: Told, metric: str, **where: str) -> dict[str, Any] | None:
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
            row = self._row(told, "from_previous", step=steps[k + 1])
            found.append(("conversion", step, row, now[:, k], onward[:, k]))
        for k, step in enumerate(steps[1:], 1):
            row = self._row(told, "from_first", step=step)
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
            row = self._row(told, "from_previous", step=after)
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
            row = self._row(told, "reach", stage=stage)
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
            row = self._per_100(now)
            found.append(Line("value_per_100", ALL, ALL, row, None, now, gap, why))
        if self.crowd.value is not None:
            told = self.tables.ask("journey.value", "events")
            own, (gain, why) = self.sums["value"], self._gained("value")
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = (own.total / own.base, gain / own.base)
            for metric, now, gap in (("value", own.total, gain), ("value_mean", *mean)):
                row = self._row(told, metric)
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
                raise self._wrong(place, "no stage", stage, self.j.model.codes)
            factors[stage] = self._applied(place, change, np.ones(1 + self.draws))
            row, waiting = self._row(told, "median", stage=stage), sooner.in_stage(self.j, stage)
            if row is not None and waiting is not None:
                found.append(self._sooner(stage, row, told, waiting, factors))
        if factors:
            begin, end = self.crowd.steps[0], self.j.model.purchase or self.crowd.steps[-1]
            told = self.tables.ask("journey.time_to_convert", "events")
            row = self._row(told, "median")
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
                found += self._raised(kind, changes)
        return found

    def _raised(self, kind: str, changes: list[tuple[int, Change]]) -> list[Line]:
        names = [change.place for _, change in changes]
        by_touchpoint = moments.scores(self.tables, kind, "touchpoint")
        if by_touchpoint is None:
            raise UserError(f"{self.where}: changes.{changes[0][0]}: the study has no responses.")
        rows = [self._about(by_touchpoint, kind, *one) for one in changes]
        cells = {tuple((name, row[name]) for name in _apart(row)) for row in rows}
        answers = raising.read(self.tables, kind, self.persona).only(rows[0])
        homes = {name: answers.stage_of(name) for name in names}
        stages = sorted({stage for stage in homes.values() if stage in self.j.model.codes})
        places = [("touchpoint", name) for name in names]
        places += [*(("stage", stage) for stage in stages), ("whole", ALL)]
        n, total = answers.draw(places, self.draws, self.seed)
        with np.errstate(divide="ignore", invalid="ignore"):
            now = total / n
            gaps = np.zeros_like(now)
            for k, (place, change) in enumerate(changes):
                gaps[:, k] = self._applied(place, change, now[:, k]) - now[:, k]
            weight = n[:, : len(names)] * gaps[:, : len(names)]
            for k, (level, name) in enumerate(places[len(names) :], len(names)):
                own = [level == "whole" or homes[one] == name for one in names]
                gaps[:, k] = weight[:, own].sum(axis=1) / n[:, k]
        # Other questions, or the same on another scale, are not added up.
        why = "several_instruments" if len(cells) > 1 else None
        found = []
        for k, (level, name) in enumerate(places):
            told = by_touchpoint if level == "touchpoint" else self._of(kind, level)
            where = {one: str(rows[0][one]) for one in _apart(rows[0])}
            where |= {} if level == "whole" else {level: name}
            row = rows[k] if level == "touchpoint" else self._row(told, kind, **where)
            stage = homes[name] if level == "touchpoint" else name
            stage = stage if stage in self.j.model.codes else ALL
            about = name if level == "touchpoint" else ALL
            if row is not None:
                found.append(Line(kind, stage, about, row, told, now[:, k], gaps[:, k], why))
        return found

    def _about(self, told: Told, kind: str, place: int, change: Change) -> dict[str, Any]:
        """The row of a touchpoint's score."""
        rows = told.rows(kind)
        if self.persona:
            rows = rows[rows[PERSONA] == self.persona]
        if "relation" in rows:
            rows = rows[rows["relation"] != "relational"]
        own = list(each(rows[rows["touchpoint"] == change.place]))
        if not own:
            raise self._wrong(place, f"no answers ({kind}) about", change.place, rows["touchpoint"])
        return own[0] if len(own) == 1 else {**own[0], "status": "not_estimable",
                                             "value": None, "note": "several_instruments"}  # fmt: skip

    def _of(self, kind: str, level: str) -> Told:
        if level == "stage":
            found = moments.scores(self.tables, kind, "stage")
            assert found is not None  # the touchpoints have answers
            return found
        return self.tables.ask("voice.scores", "responses", first="study", kind=kind, pool="wave")


def _apart(row: dict[str, Any]) -> list[str]:
    """The dimensions that tell instruments apart."""
    return [name for name in ("relation", "wave", "scale") if name in row]
