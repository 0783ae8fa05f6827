"""What each route of journeys does other than planned, as whole numbers that can be summed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cjlab.journey.base import Journeys
from cjlab.journey.routes import Routes
from cjlab.maps.alignment import align
from cjlab.maps.plan import Plan

#: Fitness is summed in ten-thousandths: whole numbers add up alike on every engine.
PARTS = 10_000
#: What shares are of.
FINISHED, OPEN = "finished journeys", "open journeys"
START, COMPLETED, END, OTHER = "(start)", "(completed)", "(end)", "(other)"
_NEXT = 5  # of what comes after leaving the plan, the most common by name
_ENDED, _REST = -1, -2


class Item(NamedTuple):
    """What is summed: a metric in a place, how it is estimated, and what its base is."""

    metric: str
    kind: str
    of: str
    step: int | None = None
    touchpoint: str | None = None
    next: str | None = None


class Summands(NamedTuple):
    """Items, and by route what a journey on it adds to each: ``route, item, x, n``."""

    items: list[Item]
    table: pd.DataFrame


@dataclass(frozen=True)
class Deviations:
    """Routes beside the plan.

    Parameters
    ----------
    plan : Plan
        The plan.
    routes : Routes
        The routes of journeys.
    """

    plan: Plan
    routes: Routes

    @cached_property
    def labels(self) -> dict[int, str]:
        """Touchpoints by code."""
        return self.routes.j.labels("touchpoint")

    @cached_property
    def codes(self) -> list[int]:
        """By step its touchpoint's code; one that nobody has where it never happened."""
        return codes_of(self.plan, self.routes.j)

    @cached_property
    def required(self) -> Any:
        """By step whether a skip of it is one."""
        return np.array([not step.optional for step in self.plan.steps])

    @cached_property
    def group(self) -> Any:
        """By step the number of its group."""
        return np.array([at for at, group in enumerate(self.plan.groups) for _ in group])

    @cached_property
    def mature(self) -> Any:
        """By route whether its journeys were followed for the whole window."""
        return self.routes.known["mature"].to_numpy(dtype=bool)

    @cached_property
    def journeys(self) -> Any:
        """By route how many journeys took it."""
        return self.routes.known["journeys"].to_numpy("int64")

    @cached_property
    def _read(self) -> tuple[Any, Any, list[tuple[int, ...]], list[list[int]], list[set[int]], Any]:
        """By route: visits and repeats of each step, its planned events and their places, extras.

        A visit is a run of events at the touchpoint; its further events are repeats.
        """
        known = self.routes.known["codes"]
        own: dict[int, list[int]] = {}
        for place, code in enumerate(self.codes):
            own.setdefault(code, []).append(place)
        shape = (len(known), len(self.codes))
        visits, repeats = np.zeros(shape, "int64"), np.zeros(shape, "int64")
        planned, places, extras = [], [], []
        unplanned = np.zeros(len(known), "int64")
        for row, route in enumerate(known):
            events: list[int] = []
            ends: list[int] = []
            more: set[int] = set()
            last = None
            for at, code in enumerate(route):
                if code not in own:
                    more.add(code)
                    unplanned[row] += 1
                elif code == last:
                    repeats[row, own[code]] += 1
                    ends[-1] = at
                else:
                    visits[row, own[code]] += 1
                    events.append(code)
                    ends.append(at)
                last = code
            planned.append(tuple(events))
            places.append(ends)
            extras.append(more)
        return visits, repeats, planned, places, extras, unplanned

    @cached_property
    def _aligned(self) -> tuple[Any, Any, Any]:
        """By route the cost, the worst cost, and the place of the event that each step takes."""
        _, _, planned, _, _, unplanned = self._read
        cost, worst = unplanned.copy(), unplanned + [len(one) for one in planned]
        at = np.full((len(planned), len(self.codes)), -1)
        for prefix, rows in ((False, self.mature), (True, ~self.mature)):
            numbers: dict[tuple[int, ...], int] = {}
            chosen = np.flatnonzero(rows)
            which = [numbers.setdefault(planned[row], len(numbers)) for row in chosen]
            if not numbers:
                continue
            groups, needs = self.plan.groups, self.required.tolist()
            found = align(groups, self.codes, needs, list(numbers), prefix=prefix)
            cost[chosen] += found.cost[which]
            worst[chosen] += found.due[which]
            at[chosen] = found.at[which]
        return cost, worst, at

    @property
    def cost(self) -> Any:
        """By route its skips and extras."""
        return self._aligned[0]

    @property
    def fitness(self) -> Any:
        """By route 1 − cost / worst cost, in ten-thousandths."""
        cost, worst, _ = self._aligned
        return (2 * PARTS * (worst - cost) + worst) // np.maximum(2 * worst, 1)

    def summands(self, top: int) -> Summands:
        """Return what the metrics are sums of; `top` unplanned touchpoints have their own name."""
        visits, repeats, _, _, extras, _ = self._read
        at = self._aligned[2]
        taken = at >= 0
        one = np.ones(len(at), "int64")
        reach = np.where(taken.any(axis=1), self.group[at.argmax(axis=1)], -1)
        spare = np.zeros_like(taken)
        for step, code in enumerate(self.codes):
            alike = [place for place, other in enumerate(self.codes) if other == code]
            spare[:, step] = visits[:, step] > taken[:, alike].sum(axis=1)
        late = ~taken & spare
        reached = taken | late
        sofar = reached | (reach[:, None] > self.group)
        back = reached & (spare & taken | late & (visits > 1))
        out = _Summing(self.mature)
        out.add(Item("journeys", "count", FINISHED), one, one)
        out.add(Item("open", "count", OPEN), one, one, still_open=True)
        out.add(Item("fitness", "mean", FINISHED), self.fitness, one)
        out.add(Item("as_planned", "share", FINISHED), self.cost == 0, one)
        out.add(Item("fitness_open", "mean", OPEN), self.fitness, one, still_open=True)
        out.add(Item("cut", "share", FINISHED), self.routes.known["cut"].to_numpy(dtype=bool), one)
        for k, planned in enumerate(self.plan.steps):
            place = (planned.number, planned.touchpoint)
            here = "journeys that reached it"
            out.add(Item("reached", "share", FINISHED, *place), reached[:, k], one)
            if self.required[k]:
                came = "journeys that came so far"
                out.add(Item("skipped", "share", came, *place),
                        sofar[:, k] & ~reached[:, k], sofar[:, k])  # fmt: skip
            out.add(Item("out_of_order", "share", here, *place), late[:, k], reached[:, k])
            out.add(Item("repeated", "events", here, *place),
                    repeats[:, k] * reached[:, k], reached[:, k])  # fmt: skip
            out.add(Item("returned", "share", here, *place), back[:, k], reached[:, k])
        self._add_left(out, taken, at, reach)
        self._add_extras(out, extras, top)
        return out.all()

    def _add_left(self, out: _Summing, taken: Any, at: Any, reach: Any) -> None:
        """After which step journeys leave the plan for good, and what comes next."""
        lacking = (~taken & self.required & (self.group >= reach[:, None])).any(axis=1)
        last = np.where(taken.any(axis=1), at.argmax(axis=1) + 1, 0)
        left = np.where(lacking | (last == 0), last, len(self.codes) + 1)
        follows = self._follows(at)
        away = self.mature & (left <= len(self.codes))
        counts: Counter[int] = Counter()
        for code, journeys in zip(
            follows[away].tolist(), self.journeys[away].tolist(), strict=True
        ):
            counts[code] += journeys
        named = sorted((-n, code) for code, n in counts.items() if code != _ENDED)[:_NEXT]
        common = [code for _, code in named]
        follows = np.where(np.isin(follows, [_ENDED, *common]), follows, _REST)
        names = {_ENDED: END, **{code: self.labels[code] for code in common}, _REST: OTHER}
        one = np.ones(len(at), "int64")
        places = [(0, START), *((step.number, step.touchpoint) for step in self.plan.steps)]
        for number, touchpoint in [*places, (len(self.codes) + 1, COMPLETED)]:
            here = left == number
            out.add(Item("left", "share", FINISHED, number, touchpoint), here, one)
            if touchpoint != COMPLETED and (number == 0 or self._may_leave(number)):
                for code, name in names.items():
                    item = Item("left_to", "share", "journeys that left here",
                                number, touchpoint, name)  # fmt: skip
                    out.add(item, here & (follows == code), here)

    def _may_leave(self, number: int) -> bool:
        """Whether a step that is not optional may be missed after this one."""
        others = np.arange(len(self.codes)) != number - 1
        return bool((others & self.required & (self.group >= self.group[number - 1])).any())

    def _follows(self, at: Any) -> Any:
        """By route the event after the last one that is of the plan's order, −1 for none."""
        places, known = self._read[3], self.routes.known["codes"]
        found = np.full(len(at), _ENDED)
        for row, last in enumerate(at.max(axis=1).tolist()):
            after = places[row][last] + 1 if last >= 0 else 0
            if after < len(known[row]):
                found[row] = known[row][after]
        return found

    def _add_extras(self, out: _Summing, extras: list[set[int]], top: int) -> None:
        """Touchpoints that are not planned, the most common by name and the others together."""
        counts: Counter[int] = Counter()
        for row in np.flatnonzero(self.mature):
            for code in extras[row]:
                counts[code] += int(self.journeys[row])
        ranked = [code for _, code in sorted((-n, code) for code, n in counts.items())]
        one = np.ones(len(extras), "int64")
        for code in ranked[:top]:
            item = Item("extra", "share", FINISHED, touchpoint=self.labels[code])
            out.add(item, np.array([code in own for own in extras]), one)
        if rest := set(ranked[top:]):
            item = Item("extra", "share", FINISHED, touchpoint=OTHER)
            out.add(item, np.array([bool(own & rest) for own in extras]), one)

    def ways(self) -> dict[tuple[int, ...], list[int]]:
        """Return finished routes that are not as planned, those alike but for repeats together."""
        found: dict[tuple[int, ...], list[int]] = {}
        for row in np.flatnonzero(self.mature & (self.cost > 0)).tolist():
            route = self.routes.known["codes"][row]
            once = tuple(code for code, before in zip(route, (None, *route), strict=False)
                         if code != before)  # fmt: skip
            found.setdefault(once, []).append(row)
        return found

    def told(self, row: int, word: Any) -> str:
        """Write a route: ``+`` before what is not planned there, ``−`` before what is skipped."""
        at = self._aligned[2][row].tolist()
        ends = self._read[3][row]
        steps = {ends[event]: step for step, event in enumerate(at) if event >= 0}
        parts: list[str] = []
        owed = [step for step in range(len(at)) if at[step] < 0 and self.required[step]]
        last = None
        for place, code in enumerate(self.routes.known["codes"][row]):
            if place in steps:
                here = steps[place]
                now = [one for one in owed if self.group[one] < self.group[here]]
                parts += [f"−{word(self.plan.steps[one].touchpoint)}" for one in now]
                owed = [one for one in owed if one not in now]
                parts.append(word(self.labels[code]))
            elif code != last and not self._runs_into(row, place, steps):
                parts.append(f"+{word(self.labels[code])}")
            last = code
        return " > ".join(parts)

    def _runs_into(self, row: int, place: int, steps: dict[int, int]) -> bool:
        """Whether a run that begins here ends with an event that a step takes."""
        route = self.routes.known["codes"][row]
        end = place
        while end + 1 < len(route) and route[end + 1] == route[place]:
            end += 1
        return end in steps


def codes_of(plan: Plan, j: Journeys) -> list[int]:
    """Return by step its touchpoint's code; one that nobody has where it never happened."""
    code = {label: code for code, label in j.labels("touchpoint").items()}
    unseen: dict[str, int] = {}
    return [
        code.get(step.touchpoint, unseen.setdefault(step.touchpoint, -3 - place))
        for place, step in enumerate(plan.steps)
    ]


class _Summing:
    """Items and their summands, put together one after another."""

    def __init__(self, mature: Any) -> None:
        self.mature = mature
        self.items: list[Item] = []
        self.parts: list[tuple[Any, ...]] = []

    def add(self, item: Item, x: Any, n: Any, *, still_open: bool = False) -> None:
        """Add an item with what each route adds to it; only finished ones do, or open ones."""
        rows = np.flatnonzero((~self.mature if still_open else self.mature) & (n > 0))
        number = np.full(len(rows), len(self.items))
        self.parts.append((rows, number, x[rows].astype("int64"), n[rows].astype("int64")))
        self.items.append(item)

    def all(self) -> Summands:
        """Return everything that was added."""
        nothing = np.zeros(0, "int64")
        parts = zip((nothing,) * 4, *self.parts, strict=True)
        names = ("route", "item", "x", "n")
        table = pd.DataFrame(dict(zip(names, map(np.concatenate, parts), strict=True)))
        return Summands(self.items, table)


def dense(rows: Sequence[Sequence[int]], mature: Any) -> pd.DataFrame:
    """Return the summands of items that are sets of routes, of all finished ones."""
    out = _Summing(mature)
    for own in rows:
        hit = np.zeros(len(mature), "int64")
        hit[list(own)] = 1
        out.add(Item("way", "share", ""), hit, np.ones(len(mature), "int64"))
    return out.all().table
