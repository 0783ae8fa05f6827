"""Who is asked and who is left in peace: one walk through the candidates, in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cjlab._numbers import Floats, Ints
from cjlab.voice_settings import Trigger

#: What becomes of a candidate, by code.
FATES = ("asked", "sampled_out", "quarantined", "outside_hours", "over_cap")
ASKED, SAMPLED_OUT, QUARANTINED, OUTSIDE, OVER_CAP = range(len(FATES))
_NEVER = -(1 << 32)


def decide(
    customer: Ints, day: Ints, rule: Ints, week: Ints, rules: Sequence[Trigger]
) -> list[int]:
    """Walk through candidates in the order of decision.

    Parameters
    ----------
    customer, day, rule, week : numpy.ndarray of int
        Of each candidate: the customer's code 0…, the number of the day on which they would be
        asked, the place of the rule, the number of the week. In the order in which they are
        decided, days ascending.
    rules : sequence of Trigger
        The rules.

    Returns
    -------
    list of int
        ``ASKED``, ``QUARANTINED`` or ``OVER_CAP`` for each.

    Notes
    -----
    Each decision depends on those before it, the weekly cap on those of other customers too, so
    this is one loop over plain numbers: twice the candidates take twice the time.
    """
    peace = [r.quarantine or 0 for r in rules]
    own_peace = [r.quarantine_rule or 0 for r in rules]
    cap = [r.max_per_week for r in rules]
    people = int(customer.max(initial=-1)) + 1
    last = [_NEVER] * people
    last_own = [[_NEVER] * people if days else [] for days in own_peace]
    sent: dict[tuple[int, int], int] = {}
    fates = []
    columns = (column.tolist() for column in (customer, day, rule, week))
    for who, today, which, part in zip(*columns, strict=True):
        own = last_own[which]
        if today - last[who] < peace[which] or (own and today - own[who] < own_peace[which]):
            fates.append(QUARANTINED)
            continue
        most = cap[which]
        if most is not None:
            count = sent.get((which, part), 0)
            if count >= most:
                fates.append(OVER_CAP)
                continue
            sent[which, part] = count + 1
        last[who] = today
        if own:
            own[who] = today
        fates.append(ASKED)
    return fates


def draws(customer: Ints, ts: Ints, touchpoint: Ints, rule: Ints, seed: int) -> Floats:
    """Numbers from 0 to 1 that depend on who, what, when, rule and seed alone.

    Parameters
    ----------
    customer, touchpoint, rule : numpy.ndarray of int
        64-bit hashes of the names, from `name_hash`.
    ts : numpy.ndarray of int
        Instants of the events, microseconds.
    seed : int
        Another seed, another sample.

    Returns
    -------
    numpy.ndarray
        Floats in [0, 1): a larger share keeps everyone whom a smaller one held.
    """
    mixed = _mix(np.uint64(seed % (1 << 64)) + rule.view("uint64"))
    for part in (customer, ts, touchpoint):
        mixed = _mix(mixed ^ part.view("uint64"))
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def _mix(state: np.ndarray) -> np.ndarray:
    """Scramble 64 bits (the finaliser of SplitMix64; Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        state = state + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))
