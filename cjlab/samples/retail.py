"""Simulate the Nordic outdoor shop: a year of journeys by four kinds of customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cjlab.samples.truth import (
    CHANNELS,
    DAYS,
    FILES,
    FIRST_DAY,
    LEAST_EVENTS,
    PAIN_DATE,
    PAIN_PERSONA,
    PERSONAS,
    STAGES,
    transition_matrix,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY = 86_400
END = DAYS * DAY
PAIN_SECOND = int((PAIN_DATE - FIRST_DAY).astype(int)) * DAY
INTENT, PURCHASE, POST = (STAGES.index(s) for s in ("intent", "purchase", "post_purchase"))
PAINED = [p.name for p in PERSONAS].index(PAIN_PERSONA)
# By the stage that is left, never by the stage that follows: so cutting the year off at its
# end leaves the observed transitions unbiased.
SAME_SESSION = np.array([0.50, 0.60, 0.60, 0.66, 0.0, 0.20, 0.25, 0.20, 0.25])
DAYS_BETWEEN = np.array([9.0, 9.0, 9.0, 7.0, 7.0, 30.0, 42.0, 42.0, 42.0])
OPEN = {"store": (10.0, 18.5), "call": (8.0, 17.0)}


@dataclass(frozen=True)
class World:
    """One simulated year: customers by number, and their touchpoints in order of time."""

    ids: NDArray[np.str_]
    persona: Ints
    log: pd.DataFrame  # who, second (local, from FIRST_DAY), stage, following, channel, name


def pick(rng: np.random.Generator, cumulative: Floats) -> Ints:
    """Draw one column per row of cumulative probabilities."""
    beyond = rng.random(len(cumulative))[:, None] >= cumulative[:, :-1]
    return beyond.sum(axis=1).astype(np.int64)


def simulate(rng: np.random.Generator, customers: int) -> World:
    """Return the year of `customers` customers; all have `LEAST_EVENTS` events besides orders."""
    numbers = rng.permutation(np.arange(96_000, 999_999))[:customers]
    ids = np.char.zfill(numbers.astype(str), 6)
    ends = np.cumsum([p.share for p in PERSONAS])
    persona = rng.permutation(np.searchsorted(ends * customers, np.arange(customers) + 0.5))
    log = _walk(rng, persona, np.arange(customers), late=True)
    while True:
        touches = log.loc[log["stage"] != PURCHASE, "who"]
        counts = np.bincount(touches, minlength=customers)
        few = np.flatnonzero(counts < LEAST_EVENTS)
        if not len(few):
            break
        again = _walk(rng, persona, few, late=False)
        log = pd.concat([log[~log["who"].isin(few)], again], ignore_index=True)
    log = log.sort_values(["second", "who"], ignore_index=True)
    log["name"] = _names(rng, log, persona)
    return World(ids, persona, log)


def _walk(rng: np.random.Generator, persona: Ints, who: Ints, *, late: bool) -> pd.DataFrame:
    """Let each customer take steps of the planted process until the year is over."""
    cumulative = np.cumsum(
        [[transition_matrix(p.name, after=after) for after in (False, True)] for p in PERSONAS],
        axis=-1,
    )
    pace = np.array([p.pace for p in PERSONAS])[persona]
    pace = pace * np.exp(0.15 * rng.standard_normal(len(persona)))
    # Most are customers already when the export begins; newcomers thin out smoothly.
    day = (240 if late else 40) * rng.random(len(who)) ** 3
    channel, second = _session(rng, persona[who], day.astype(np.int64))
    stage = np.zeros(len(who), dtype=np.int64)
    steps = []
    while len(who):
        kind = persona[who]
        following = pick(rng, cumulative[kind, (second >= PAIN_SECOND).astype(int), stage])
        drawn = {"stage": stage, "following": following, "channel": channel}
        steps.append({"who": who, "second": second} | drawn)
        seconds = np.clip(100 * np.exp(0.8 * rng.standard_normal(len(who))), 8, 1500)
        days = DAYS_BETWEEN[stage] * pace[who] * np.exp(0.4 * rng.standard_normal(len(who)))
        new_day = second // DAY + np.maximum(1, np.rint(days)).astype(np.int64)
        new_channel, new_second = _session(rng, kind, new_day)
        stays = rng.random(len(who)) < SAME_SESSION[stage]
        second = np.where(stays, second + seconds.astype(np.int64), new_second)
        channel = np.where(stays, channel, new_channel)
        on = second < END
        who, second, stage, channel = who[on], second[on], following[on], channel[on]
    return pd.concat(map(pd.DataFrame, steps), ignore_index=True)


def _session(rng: np.random.Generator, kind: Ints, day: Ints) -> tuple[Ints, Ints]:
    """Draw a session's channel and its first second, by the persona's habits."""
    channel = pick(rng, np.cumsum([p.channels for p in PERSONAS], axis=1)[kind])
    weekday = (day + 2) % 7  # 1 October 2025 is a Wednesday
    wants = rng.random(len(day)) < np.array([p.weekend for p in PERSONAS])[kind]
    coin = (rng.random(len(day)) < 0.5).astype(np.int64)
    to_weekend = np.where(weekday < 5, 5 + coin - weekday, 0)
    to_weekday = np.where(weekday >= 5, 7 - weekday + coin, 0)
    day = day + np.where(wants, to_weekend, to_weekday)
    hour = np.array([p.hour for p in PERSONAS])[kind] + 1.2 * rng.standard_normal(len(day))
    hour = np.clip(hour, 7.0, 22.5)
    for name, (opens, closes) in OPEN.items():
        spread = opens + (closes - opens) * rng.random(len(day))
        shut = (channel == CHANNELS.index(name)) & ((hour < opens) | (hour > closes))
        hour = np.where(shut, spread, hour)
    return channel, day * DAY + (hour * 3600).astype(np.int64)


def raw_names(stage: str, channel: str) -> list[str]:
    """Return what the shop's systems call a stage's touchpoints in one channel.

    The app shows the web shop's pages, so it logs the same names; globs hold a month number.
    """
    rules = pd.read_csv(FILES / "retail" / "touchpoints.csv", dtype=str)
    rules = rules[(rules["stage"] == stage) & ~rules["touchpoint"].str.startswith("payment")]
    logged = rules["channel"] == channel
    if channel == "app":
        logged |= (rules["channel"] == "web") & (rules["pattern"] != "ad_click")
    return rules.loc[logged, "pattern"].str.replace("(värvade|tipsade).", "tipsade ").to_list()


def _names(rng: np.random.Generator, log: pd.DataFrame, persona: Ints) -> NDArray[np.object_]:
    """Name every touchpoint as the shop's systems do."""
    stage, channel = log["stage"].to_numpy(), log["channel"].to_numpy()
    name = np.full(len(log), "", dtype=object)
    first, second = rng.random(len(log)), rng.random(len(log))
    for i, at in enumerate(STAGES):
        for c, by in enumerate(CHANNELS):
            names = raw_names(at, by)
            here = np.flatnonzero((stage == i) & (channel == c))
            if at != "purchase":
                name[here] = np.array(names, object)[(first[here] * len(names)).astype(int)]
    month = (FIRST_DAY + (log["second"].to_numpy() // DAY)).astype("datetime64[M]").astype(str)
    for row in np.flatnonzero(channel == CHANNELS.index("email")):
        name[row] = name[row].replace("*", month[row])
    _pay(log, persona, name, second)
    had_order = (log["stage"] == PURCHASE).groupby(log["who"]).cumsum().to_numpy() > 0
    name[(stage == POST) & had_order & (second < 0.06)] = "return"
    name[stage == PURCHASE] = "order"
    return name


def _pay(log: pd.DataFrame, persona: Ints, name: NDArray[np.object_], draw: Floats) -> None:
    """Put the payment page before every order on line, and its failures where planted."""
    stage, following = log["stage"].to_numpy(), log["following"].to_numpy()
    screen = (stage == INTENT) & np.isin(log["channel"], [CHANNELS.index(c) for c in CHANNELS[:2]])
    broken = (persona[log["who"]] == PAINED) & (log["second"].to_numpy() >= PAIN_SECOND)
    error, page = np.where(broken, 0.30, 0.05), np.where(broken, 0.58, 0.12)
    fails = screen & (following != PURCHASE)
    name[fails & (draw < page)] = "payment"
    name[fails & (draw < error)] = "payment_error"
    name[screen & (following == PURCHASE)] = "payment"
