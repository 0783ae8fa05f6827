"""The metrics a second time, in plain Python from CONVENTIONS and DESIGN, and frames to try.

Nothing here is fast or clever: every start, every chain of events, one customer at a time.
"""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from hypothesis import strategies as st
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

STAGES = ["a", "b", "c", "d"]
IDS = ["007", "7", "null", "NA", "Åsa", "A\u030asa"]
ZERO = pd.Timestamp("2026-01-05 10:00")
MINUTE = 60_000_000
DAY = 86_400_000_000
Z = statistics.NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Event:
    """One row as given: microseconds after ZERO, and where in the frame it stood."""

    who: str
    ts: int
    stage: str | None
    touchpoint: str
    channel: str | None
    row: int = 0


@dataclass(frozen=True)
class Question:
    """What a pair of journeys is asked with: the same for the package and for the loops."""

    until: int | None = None
    start: int | None = None
    end: int | None = None
    view: str = "customer"
    ties: str = "stage"

    def options(self) -> dict[str, Any]:
        """The same as options of Journeys.from_frame."""
        instants = {"observed_until": self.until, "start": self.start, "end": self.end}
        given = {k: moment(v).to_pydatetime() for k, v in instants.items() if v is not None}
        return {**given, "view": self.view, "ties": self.ties}


@dataclass
class Known:
    """The cleaned journeys: all events in order, and those that are data."""

    question: Question
    until: int
    every: dict[str, list[Event]] = field(default_factory=dict)
    seen: dict[str, list[Event]] = field(default_factory=dict)

    def within(self, ts: int) -> bool:
        """Whether an instant starts in the period."""
        q = self.question
        return (q.start is None or q.start <= ts) and (q.end is None or ts < q.end)


def moment(ts: int) -> pd.Timestamp:
    """The instant so many microseconds after ZERO."""
    return ZERO + pd.Timedelta(ts, "us")


def clean(frame: pd.DataFrame, question: Question, purchase: str = "c") -> Known:
    """Reject null ids and times, drop exact copies, order each journey, cut what is no data."""
    rows, copies = [], set()
    for row, record in enumerate(frame.to_dict("records")):
        values = {k: None if pd.isna(v) else v for k, v in record.items()}
        if values["customer_id"] is None or values["ts"] is None or values["touchpoint"] is None:
            continue
        if (key := tuple(values.items())) in copies:
            continue
        copies.add(key)
        ts = (values["ts"] - ZERO) // pd.Timedelta(1, "us")
        stage = values["stage"] if values["stage"] in STAGES else None
        event = Event(
            values["customer_id"], ts, stage, values["touchpoint"], values.get("channel"), row
        )
        rows.append(event)
    until = question.until
    if until is None:
        until = max(event.ts for event in rows) + 1
    if question.end is not None:
        until = min(until, question.end)
    known = Known(question, until)
    for event in rows:
        known.every.setdefault(event.who, []).append(event)
    for who, events in known.every.items():
        events.sort(key=lambda event: place(event, question.ties))
        seen = [event for event in events if event.ts < until]
        if question.view == "buying":
            buys = [step for step, event in enumerate(seen) if event.stage == purchase]
            seen = seen[: buys[0] + 1] if buys else seen
        if seen:
            known.seen[who] = seen
    return known


def place(event: Event, ties: str) -> tuple:
    """Where an event stands in its journey: time, then the declared stage order or the row."""
    if ties == "row":
        return (event.ts, event.row)
    order = STAGES.index(event.stage) if event.stage else len(STAGES)
    return (event.ts, order, event.touchpoint, event.channel is None, event.channel or "")


# ---------------------------------------------------------------- funnel


@dataclass(frozen=True)
class Way:
    """How a funnel's steps must follow each other."""

    order: str = "ordered"
    exclude: tuple[str, ...] = ()
    increasing: bool = False


@dataclass
class Entrant:
    """One customer's way: entry, first completion of each step, and its latest start.

    ``at`` is the number of the event whose channel counts at each step.
    """

    events: list[Event]
    entry: int
    done: list[int | None]
    begun: list[int | None]
    at: list[int | None]

    def channel(self, k: int) -> str:
        """The channel at a step that was reached."""
        return self.events[self.at[k]].channel or "(unknown)"

    @property
    def level(self) -> int:
        """How many steps were reached."""
        return sum(at is not None for at in self.at)

    @property
    def channels(self) -> set[str]:
        """All known channels of the customer."""
        return {event.channel for event in self.events if event.channel}


def serves(event: Event, step: str | list[str] | tuple[str, ...]) -> bool:
    """Whether an event could stand at a step: by stage, or by touchpoint."""
    parts = [step] if isinstance(step, str) else step
    return any(
        event.stage == part if part in STAGES else event.touchpoint == part for part in parts
    )


def entrant(
    known: Known, events: list[Event], steps: list, window: int | None, way: Way = Way()
) -> Entrant | None:
    """Try every chain of distinct events from every start in the period."""
    ends: list[set[tuple[int, int, int]]] = [set() for _ in steps]
    for chain in chains(known, events, steps, window, way):
        k, ts = len(chain) - 1, [events[number].ts for number in chain]
        last = max(ts)
        if way.order == "strict":
            seen = [chain[-1]]
        else:
            could = steps[: k + 1] if way.order == "any" else [steps[k]]
            seen = [
                n for n, e in enumerate(events) if e.ts == last and any(serves(e, s) for s in could)
            ]
        ends[k].add((min(seen), -min(ts), last))
    if not ends[0]:
        return None
    best = [min(found) if found else None for found in ends]
    return Entrant(
        events,
        min(last for _, _, last in ends[0]),
        [None if b is None else b[2] for b in best],
        [None if b is None else -b[1] for b in best],
        [None if b is None else b[0] for b in best],
    )


def chains(
    known: Known, events: list[Event], steps: list, window: int | None, way: Way
) -> list[tuple[int, ...]]:
    """Every choice of distinct events for the first steps that the question allows."""
    between = [e.ts for e in events if serves(e, way.exclude)]
    relevant = [
        n
        for n, e in enumerate(events)
        if e.stage is not None or any(serves(e, step) for step in (*steps, way.exclude))
    ]

    def follows(chain: tuple[int, ...], number: int) -> bool:
        before, event = events[chain[-1]], events[number]
        if way.order == "strict" and relevant.index(number) != relevant.index(chain[-1]) + 1:
            return False
        if event.ts < before.ts or (way.increasing and event.ts == before.ts):
            return False
        return not any(before.ts < x < event.ts for x in between)

    def allowed(chain: tuple[int, ...]) -> bool:
        ts = [events[number].ts for number in chain]
        if not known.within(min(ts)) or (window is not None and max(ts) - min(ts) > window):
            return False
        return way.order != "any" or not any(min(ts) < x < max(ts) for x in between)

    found: list[tuple[int, ...]] = []
    grown: list[tuple[int, ...]] = [()]
    for step in steps:
        grown = [
            (*chain, number)
            for chain in grown
            for number, event in enumerate(events)
            if number not in chain and serves(event, step)
            if not chain or way.order == "any" or follows(chain, number)
        ]
        found += grown
    return [chain for chain in found if allowed(chain)]


def entrants(
    known: Known,
    steps: list,
    window: int | None,
    way: Way = Way(),
    who: set[str] | None = None,
) -> list[Entrant]:
    """The ways of all customers who entered."""
    chosen = [events for name, events in known.seen.items() if who is None or name in who]
    return [e for events in chosen if (e := entrant(known, events, steps, window, way)) is not None]


def funnel(
    known: Known,
    steps: list,
    window: int | None = None,
    mature_only: bool = True,
    who: set[str] | None = None,
    way: Way = Way(),
) -> dict[tuple[int, str], dict[str, Any]]:
    """Every number of the funnel by step position and metric."""
    found = entrants(known, steps, window, way, who)
    return numbers(known, found, len(steps), window, mature_only)


def counted(
    known: Known, found: list[Entrant], window: int | None, mature_only: bool
) -> list[Entrant]:
    """Those whose window is over, where only they count."""
    if window is None or not mature_only:
        return found
    return [e for e in found if e.entry + window < known.until]


def numbers(
    known: Known, entrants: list[Entrant], size: int, window: int | None, mature_only: bool
) -> dict[tuple[int, str], dict[str, Any]]:
    """The numbers of the funnel of these entrants."""
    count = counted(known, entrants, window, mature_only)
    sizes = [sum(e.done[k] is not None for e in count) for k in range(size)]
    unknown = bool(entrants) and not count
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for k in range(size):
        found[k, "reached"] = {"value": None if unknown else sizes[k], "hits": sizes[k]}
        found[k, "from_first"] = rate(sizes[k], sizes[0], certain=k == 0)
        found[k, "from_previous"] = rate(sizes[k], sizes[k - 1]) if k else {"value": None}
        if k == 0:
            found[k, "km_conversion"] = {"value": 1.0 if entrants else None, "n": len(entrants)}
        elif window is None:
            found[k, "km_conversion"] = {"value": None}
        else:
            waits = [
                (e.done[k] - e.begun[k], True)
                if e.done[k] is not None
                else (known.until - 1 - e.entry, False)
                for e in entrants
            ]
            found[k, "km_conversion"] = conversion(waits, window)
    return found


def by_channel(
    known: Known, steps: list, window: int | None, breakdown: str, channel: str
) -> dict[tuple[int, str], dict[str, Any]]:
    """The funnel's numbers of one channel, by the rule for customers who use several."""
    every = entrants(known, steps, window)
    if breakdown == "only":
        own = [e for e in every if len(e.channels) < 2]
        own = [e for e in own if (e.channels or {"(unknown)"}) == {channel}]
    elif breakdown == "last":
        own = [e for e in every if e.channel(e.level - 1) == channel]
    else:
        own = [e for e in every if e.channel(0) == channel]
    found = numbers(known, own, len(steps), window, True)
    if breakdown != "step":
        return found
    for k in range(len(steps)):
        here, before = (
            [e for e in every if e.at[i] is not None and e.channel(i) == channel]
            for i in (k, max(k - 1, 0))
        )
        base = counted(known, here, window, True)
        unknown = bool(here) and not base
        found[k, "reached"] = {"value": None if unknown else len(base), "hits": len(base)}
        if k:
            base = counted(known, before, window, True)
            found[k, "from_previous"] = rate(sum(e.at[k] is not None for e in base), len(base))
    return found


def rate(hits: int, base: int, certain: bool = False) -> dict[str, Any]:
    """A rate with Wilson's limits by statsmodels."""
    if not base:
        return {"value": None, "n": base}
    fields: dict[str, Any] = {"value": hits / base, "n": base, "customers": base, "hits": hits}
    if not certain:
        fields["low"], fields["high"] = proportion_confint(hits, base, method="wilson")
    return fields


def conversion(waits: list[tuple[int, bool]], window: int) -> dict[str, Any]:
    """1 − Kaplan–Meier at the window, unknown where nobody is left to know it by."""
    base = {"n": len(waits), "hits": sum(done for _, done in waits)}
    if not waits:
        return {"value": None, **base}
    s, error = survival(waits, window)
    if s > 0 and max(wait for wait, _ in waits) < window:
        return {"value": None, **base}
    if not 0 < s < 1:
        return {"value": 1 - s, "low": None, "high": None, **base}
    low, high = log_log(s, error)
    return {"value": 1 - s, "low": 1 - high, "high": 1 - low, **base}


# ---------------------------------------------------------------- Kaplan–Meier


def survival(waits: list[tuple[int, bool]], t: float) -> tuple[float, float]:
    """S(t) and Greenwood's error of ln S, product by product; events before censorings."""
    s, total = 1.0, 0.0
    for at in sorted({wait for wait, ended in waits if ended and wait <= t}):
        risk = sum(wait >= at for wait, _ in waits)
        ends = sum(ended and wait == at for wait, ended in waits)
        s *= 1 - ends / risk
        total += ends / (risk * (risk - ends)) if risk > ends else math.inf
    return (0.0 if total == math.inf else s), math.sqrt(total)


def log_log(s: float, error: float) -> tuple[float, float]:
    """Limits of S on the log(−log) scale."""
    width = Z * error / abs(math.log(s))
    if width > 700:  # beyond all floats
        return 0.0, 1.0
    return s ** math.exp(width), s ** math.exp(-width)


def design_effect(waits: list[tuple[int, bool]], owners: list, functional: Any) -> float:
    """Variance by owner over that of single rows, from the estimate's numerical derivatives.

    `functional(counts)` is the estimate when row i counts as often as counts[i].
    """
    rows, step = len(waits), 1e-5
    groups = len(set(owners))
    if groups == rows:
        return 1.0
    if groups < 2:
        return math.inf
    moved = []
    for i in range(rows):
        up, down = ([1 + sign * step * (k == i) for k in range(rows)] for sign in (1, -1))
        moved.append((functional(up) - functional(down)) / (2 * step))
    sums: dict[Any, float] = defaultdict(float)
    for owner, own in zip(owners, moved, strict=True):
        sums[owner] += own
    alone = sum(own**2 for own in moved)
    if alone < 1e-15:
        return 1.0
    scale = groups / (groups - 1) * (student.ppf(0.975, groups - 1) / Z) ** 2
    return max(1.0, sum(x**2 for x in sums.values()) / alone * scale)


def weighted_survival(waits: list[tuple[int, bool]], counts: list[float], t: float) -> float:
    """S(t) when rows count more or less than once; times at which all end are left out."""
    s = 1.0
    for at in sorted({wait for wait, ended in waits if ended and wait <= t}):
        risk = [k for k, (wait, _) in enumerate(waits) if wait >= at]
        ends = [k for k in risk if waits[k] == (at, True)]
        if len(ends) < len(risk):
            s *= 1 - sum(counts[k] for k in ends) / sum(counts[k] for k in risk)
    return s


def quantile(waits: list[tuple[int, bool]], q: float, owners: list | None = None) -> dict[str, Any]:
    """The first time at which S, its lower and its upper limit are at most 1 − q, in days."""
    found: dict[str, Any] = {"value": None, "low": None, "high": None}
    times = sorted({wait for wait, _ in waits})
    middle = next((at for at in times if survival(waits, at)[0] <= 1 - q + 1e-12), math.inf)
    widen = 1.0
    if owners is not None:
        widen = design_effect(
            waits, owners, lambda counts: math.log(weighted_survival(waits, counts, middle))
        )
    for at in times:
        s, error = survival(waits, at)
        error *= math.sqrt(widen) if math.isfinite(widen) else math.nan
        shown = {"value": s}
        if 0 < s < 1:
            shown["low"], shown["high"] = log_log(s, error)
        for name, value in shown.items():
            if found[name] is None and value <= 1 - q + 1e-12:
                found[name] = at / DAY
    if found["value"] is None:
        found["low"] = found["high"] = None
    return found


def mean_within(
    waits: list[tuple[int, bool]], horizon: int, owners: list | None = None
) -> dict[str, Any]:
    """Area under S up to the horizon, in days, with Greenwood-type limits."""
    if not waits or not horizon:
        return {"value": None}
    longest = max(wait for wait, _ in waits)
    if longest < horizon and survival(waits, longest)[0] > 0:
        return {"value": None}
    ends = sorted({wait for wait, ended in waits if ended and wait < horizon})
    edges = [0, *ends, horizon]
    heights = [1.0, *(survival(waits, at)[0] for at in ends)]
    areas = [(b - a) * s for a, b, s in zip(edges[:-1], edges[1:], heights, strict=True)]
    variance = 0.0
    for place, at in enumerate(ends, 1):
        risk = sum(wait >= at for wait, _ in waits)
        d = sum(ended and wait == at for wait, ended in waits)
        if risk > d:
            variance += sum(areas[place:]) ** 2 * d / (risk * (risk - d))
    value = sum(areas)
    if variance == 0:
        return {"value": value / DAY, "low": None, "high": None}
    if owners is not None:
        variance *= design_effect(waits, owners, lambda c: area(waits, c, horizon) / DAY)
    if math.isinf(variance):
        return {"value": value / DAY, "low": None, "high": None}
    half = Z * math.sqrt(variance)
    return {
        "value": value / DAY,
        "low": max(0.0, value - half) / DAY,
        "high": min(horizon, value + half) / DAY,
    }


def area(waits: list[tuple[int, bool]], counts: list[float], horizon: int) -> float:
    """Area under S up to the horizon when rows count more or less than once."""
    ends = sorted({wait for wait, ended in waits if ended and wait < horizon})
    total = 0.0
    for begin, end in zip([0, *ends], [*ends, horizon], strict=True):
        gone = any(survival(waits, at)[0] == 0 for at in ends if at <= begin)
        total += 0 if gone else (end - begin) * weighted_survival(waits, counts, begin)
    return total


@dataclass(frozen=True)
class Stay:
    """One spell: consecutive events in one stage."""

    who: str
    stage: str
    start: int
    exit: int | None


def stays(known: Known) -> list[Stay]:
    """Walk each journey: a spell ends with the first event of a different stage."""
    found: list[Stay] = []
    for who, events in known.seen.items():
        own: list[Stay] = []
        for event in events:
            if event.stage is None or (own and own[-1].stage == event.stage):
                continue
            if own:
                own[-1] = replace(own[-1], exit=event.ts)
            own.append(Stay(who, event.stage, event.ts, None))
        found += own
    ends = {"c"} if known.question.view == "buying" else set()
    return [stay for stay in found if known.within(stay.start) and stay.stage not in ends]


def time_in_stage(known: Known, horizon: int | None = None) -> dict[tuple[str, str], dict]:
    """Every number of time in stage, by stage and metric."""
    found: dict[tuple[str, str], dict] = {}
    for stage in STAGES:
        own = [stay for stay in stays(known) if stay.stage == stage]
        waits = [
            (known.until - 1 - s.start, False) if s.exit is None else (s.exit - s.start, True)
            for s in own
        ]
        base = {
            "n": len(own),
            "customers": len({s.who for s in own}),
            "hits": len({s.who for s in own if s.exit is not None}),
        }
        top = horizon or max((wait for wait, _ in waits), default=0)
        who = [s.who for s in own]
        for name, q in (("q25", 0.25), ("median", 0.5), ("q75", 0.75)):
            found[stage, name] = {**base, **(quantile(waits, q, who) if waits else {"value": None})}
        found[stage, "rmst"] = {**base, **mean_within(waits, top, who)}
    return found


# ---------------------------------------------------------------- transitions


def transitions(known: Known, level: str = "stage", ends: bool = False) -> dict[tuple, dict]:
    """Every number of the transitions, by from, to and metric."""
    moves: list[tuple[str, str, str, int | None]] = []
    for who, events in known.seen.items():
        states = [(getattr(e, level), e.ts) for e in events if getattr(e, level) is not None]
        if ends and states and known.within(states[0][1]):
            moves.append((who, "(start)", states[0][0], None))
        for place, (state, ts) in enumerate(states):
            if not known.within(ts):
                continue
            if place + 1 < len(states):
                following, later = states[place + 1]
                moves.append((who, state, following, later - ts))
            elif ends:
                moves.append((who, state, "(end)", None))
    found: dict[tuple, dict] = {}
    for origin, to in {(a, b) for _, a, b, _ in moves}:
        base = [m for m in moves if m[1] == origin]
        hits = [m for m in base if m[2] == to]
        people, doers = {m[0] for m in base}, {m[0] for m in hits}
        counts = {"customers": len(people), "hits": len(doers)}
        found[origin, to, "count"] = {"value": len(hits), "n": len(base), **counts}
        share = len(hits) / len(base)
        limits = clustered(base, to, share)
        found[origin, to, "probability"] = {"value": share, "n": len(base), **counts, **limits}
        times = [m[3] for m in hits if m[3] is not None]
        middle = statistics.median(times) / DAY if times else None
        found[origin, to, "median_time"] = {"value": middle, "n": len(hits)}
    return found


def clustered(base: list[tuple], to: str, share: float) -> dict[str, Any]:
    """Wilson with Korn and Graubard's effective n, customer by customer."""
    own: dict[str, list[bool]] = defaultdict(list)
    for who, _origin, target, _time in base:
        own[who].append(target == to)
    groups, n = len(own), len(base)
    if groups < 2:
        return {"low": None, "high": None}
    squares = sum((sum(mine) - share * len(mine)) ** 2 for mine in own.values())
    variance = squares / n**2 * groups / (groups - 1)
    size = groups if variance < 1e-15 else min(n, share * (1 - share) / variance)
    centre = (share + Z**2 / (2 * size)) / (1 + Z**2 / size)
    spread = math.sqrt(share * (1 - share) / size + Z**2 / (4 * size**2))
    half = Z * spread / (1 + Z**2 / size)
    return {"low": max(0.0, centre - half), "high": min(1.0, centre + half)}


# ---------------------------------------------------------------- comparing


def differences(
    table: pd.DataFrame, keys: list[str], expected: dict[tuple, dict[str, Any]]
) -> list[str]:
    """Say where a table of estimates differs from what the loops found; rows must be the same."""
    records = {tuple(r[k] for k in [*keys, "metric"]): r for r in table.to_dict("records")}
    found = [f"row {key} only in one" for key in records.keys() ^ expected.keys()]
    for key, fields in expected.items():
        for name, value in fields.items():
            got = records.get(key, {}).get(name)
            if pd.isna(got) or value is None:
                same = bool(pd.isna(got)) and value is None
            else:
                same = math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-9)
            if not same:
                found.append(f"{key} {name}: {got}, expected {value}")
    return found


def by_step(table: pd.DataFrame, **where: str) -> pd.DataFrame:
    """Put positions for step labels, and keep the rows of one segment."""
    for column, value in where.items():
        table = table[table[column] == value]
    order = {label: place for place, label in enumerate(dict.fromkeys(table["step"]))}
    return table.assign(step=table["step"].map(order))


# ---------------------------------------------------------------- frames to try


def frame_of(rows: list[tuple]) -> pd.DataFrame:
    """A frame of (id, minutes, stage, touchpoint, channel)."""
    columns = ["customer_id", "minute", "stage", "touchpoint", "channel"]
    frame = pd.DataFrame(rows, columns=columns).astype(
        {
            "minute": "float64",
            **dict.fromkeys(["customer_id", "stage", "touchpoint", "channel"], "str"),
        }
    )
    frame["ts"] = ZERO + pd.to_timedelta(frame.pop("minute"), unit="min")
    return frame[["customer_id", "ts", "stage", "touchpoint", "channel"]]


GRID = [15 * slot for slot in range(7)]
_stages = st.sampled_from([*STAGES, *STAGES, None, "zzz"])
_event = st.tuples(
    st.sampled_from(GRID),
    _stages,
    st.sampled_from(["t1", "t2", "t3"]),
    st.sampled_from(["web", "app", None]),
)
_bad = st.tuples(
    st.sampled_from([None, *IDS]),
    st.sampled_from([None, 15]),
    _stages,
    st.sampled_from(["t1", "t2"]),
    st.just("web"),
).filter(lambda row: row[0] is None or row[1] is None)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Up to six customers with up to eight events on a coarse grid, copies and bad rows too."""
    who = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=6, unique=True))
    rows = [
        (name, *event) for name in who for event in draw(st.lists(_event, min_size=1, max_size=8))
    ]
    rows += draw(st.lists(_bad, max_size=2))
    rows += draw(st.lists(st.sampled_from(rows), max_size=2))
    return frame_of(draw(st.permutations(rows)))


@st.composite
def questions(draw: st.DrawFn, views: bool = True) -> Question:
    """Observation ends somewhere, a period may be set, the view may be the buying one."""
    start = draw(st.sampled_from([None, None, 15, 30]))
    end = draw(st.sampled_from([None, None, 60, 75]))
    until = draw(st.sampled_from([None, 45, 75, 120]))
    view = draw(st.sampled_from(["customer", "buying"])) if views else "customer"
    return Question(
        *(None if v is None else v * MINUTE for v in (until, start, end)),
        view,
        draw(st.sampled_from(["stage", "row"])),
    )


def many(seed: int, customers: int = 250) -> pd.DataFrame:
    """Many customers at once on the same coarse grid; column ``who`` repeats the id."""
    rng = random.Random(seed)
    rows = []
    for number in range(customers):
        for _ in range(rng.randint(1, 8)):
            stage = rng.choice([*STAGES, *STAGES, None, "zzz"])
            event = (rng.choice(GRID), stage, rng.choice(["t1", "t2", "t3"]))
            rows.append((f"c{number:03}", *event, rng.choice(["web", "app", None])))
    rng.shuffle(rows)
    frame = frame_of(rows)
    return frame.assign(who=frame["customer_id"])
