"""Alignment of what happened with what was planned: the fewest skips and extras that explain it.

Only touchpoints of the plan decide how a journey is aligned with it; each other event is an extra
wherever it stands. So journeys that agree in the planned ones are aligned once, many at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# Numbers of a block of sequences that are worked on at once.
_AT_ONCE = 500_000
# A cost and how much of the plan was due are one number: the fewest costs, then the most due.
_BASE = 1 << 12

Places = list[np.ndarray[Any, Any]]


class Aligned(NamedTuple):
    """How sequences fit the plan, one row each.

    Parameters
    ----------
    cost : numpy.ndarray of int
        Skips of steps that are not optional, and events that no step takes.
    due : numpy.ndarray of int
        How many steps that are not optional were due.
    at : numpy.ndarray of int, of shape (sequences, steps)
        Place of the event that a step takes, −1 where none does.
    """

    cost: Any
    due: Any
    at: Any


def align(
    groups: Sequence[Sequence[int]],
    codes: Sequence[int],
    required: Sequence[bool],
    sequences: Sequence[tuple[int, ...]],
    *,
    prefix: bool = False,
) -> Aligned:
    """Align sequences of events with a plan.

    Parameters
    ----------
    groups : sequence of sequence of int
        Numbers of the plan's steps; those of a group may come in any order.
    codes, required : sequence
        By step the event that it takes, another one for each step of a group, and whether a skip
        of it costs.
    sequences : sequence of tuple of int
        Events, all of them of the plan.
    prefix : bool, default False
        Whether the plan may end anywhere: the steps that the journey has not come to yet are not
        due then.

    Returns
    -------
    Aligned
        The alignment with the least cost, without substitution. Of those that cost the same, the
        one with the most due, and then the one that takes the earlier groups' steps.

    Examples
    --------
    >>> found = align([[0], [1], [2]], [7, 8, 9], [True] * 3, [(7, 9), (8, 7)])
    >>> found.cost.tolist(), found.at.tolist()
    ([1, 3], [[0, -1, 1], [1, -1, -1]])
    """
    size = len(sequences)
    cost, due = np.zeros(size, "int64"), np.zeros(size, "int64")
    found = Aligned(cost, due, np.full((size, len(codes)), -1))
    order = np.argsort([len(one) for one in sequences], kind="stable")
    start = 0
    while start < size:
        # Sequences of about one length share a block: it is as wide as its longest.
        width = len(sequences[order[start]]) + 1
        stop = min(size, start + max(1, _AT_ONCE // (width * (len(groups) + 1))))
        while len(sequences[order[stop - 1]]) > 2 * width and stop > start + 1:
            stop = (start + stop) // 2
        rows = order[start:stop]
        block = _block(groups, codes, required, [sequences[row] for row in rows], prefix)
        for whole, part in zip(found, block, strict=True):
            whole[rows] = part
        start = stop
    return found


def _block(
    groups: Sequence[Sequence[int]],
    codes: Sequence[int],
    required: Sequence[bool],
    sequences: list[tuple[int, ...]],
    prefix: bool,
) -> Aligned:
    length = np.array([len(one) for one in sequences])
    width = int(length.max())
    events = np.full((len(sequences), width), -1)
    for row, one in enumerate(sequences):
        events[row, : len(one)] = one
    after = _after(events, codes)
    needs = np.array(required, dtype="int64")
    # The least key of what is left, from each place on: first behind the plan, then before its
    # last group, and so on.
    here = np.arange(width + 1)
    left = np.maximum(length[:, None] - here, 0) * _BASE
    behind = [left]
    for group in reversed(groups):
        ways = _ways(group, after, needs, here[None, :], length[:, None], behind[-1], prefix)
        behind.append(np.minimum.reduce([key for key, _, _ in ways]))
    behind.reverse()
    at = np.full((len(sequences), len(codes)), -1)
    place, rows = np.zeros(len(sequences), dtype="int64"), np.arange(len(sequences))
    for number, group in enumerate(groups):
        own = [after[step][rows, place] for step in group]
        nearby = dict(zip(group, own, strict=True))
        ways = _ways(group, nearby, needs, place, length, behind[number + 1], prefix)
        best = behind[number][rows, place]
        fits = np.array([key == best for key, _, _ in ways])
        taken = np.array([took for _, _, took in ways])
        # The most steps of this group, then the nearest place.
        ends = np.array([end for _, end, _ in ways])
        rank = np.where(fits, taken * (2 * width + 4) - ends, -(10**9))
        end = ends[rank.argmax(axis=0), rows]
        for step in group:
            hit = nearby[step] <= end
            at[hit, step] = nearby[step][hit] - 1
        place = np.minimum(end, width)
    key = behind[0][:, 0]
    cost = -(-key // _BASE)
    return Aligned(cost, cost * _BASE - key, at)


def _after(events: Any, codes: Sequence[int]) -> dict[int, Any]:
    """By step and place: just behind the next event that it could take; far off without one."""
    rows, width = events.shape
    far = 2 * width + 2
    found = {}
    for step, code in enumerate(codes):
        next_ = np.full((rows, width + 1), far)
        for place in range(width - 1, -1, -1):
            next_[:, place] = np.where(events[:, place] == code, place + 1, next_[:, place + 1])
        found[step] = next_
    return found


def _ways(
    group: Sequence[int],
    after: dict[int, Any],
    needs: Any,
    here: Any,
    length: Any,
    behind: Any,
    prefix: bool,
) -> list[tuple[Any, Any, Any]]:
    """Each way through a group: the key of all from here on, the place behind it, steps taken.

    A way ends where it began, or just behind the event that one of the group's steps takes. With
    `prefix` the plan may also end within the group.
    """
    needed = int(needs[list(group)].sum())
    found = []
    width = behind.shape[1] - 1
    ends = [here, *(after[step] for step in group)]
    for end in ends:
        hits = [(after[step] <= end) for step in group]
        took = sum(hit.astype("int64") for hit in hits)
        paid = sum(hit * needs[step] for hit, step in zip(hits, group, strict=True))
        key = (end - here - took + needed - paid) * _BASE - needed
        key = key + _picked(behind, np.minimum(end, width))
        found.append((np.where(end <= width, key, 1 << 40), np.broadcast_to(end, key.shape), took))
    if prefix:
        hits = [(after[step] <= width) for step in group]
        took = sum(hit.astype("int64") for hit in hits)
        paid = sum(hit * needs[step] for hit, step in zip(hits, group, strict=True))
        key = np.maximum(length - here - took, 0) * _BASE - paid
        found.append((key, np.full(key.shape, width), took))
    return found


def _picked(behind: Any, end: Any) -> Any:
    """The key at a place, of each row."""
    if end.ndim == 2:
        return np.take_along_axis(behind, np.broadcast_to(end, behind.shape), axis=1)
    return behind[np.arange(len(end)), end]
