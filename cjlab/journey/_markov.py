"""Markov attribution: what share of conversions would be lost if a channel led nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array, eye_array
from scipy.sparse.linalg import bicgstab, splu

from cjlab._numbers import Floats, Ints
from cjlab.journey._credit import Paths

CONVERTED, LOST = -1, -2
# States up to which the matrices of a block of draws are solved together.
_DENSE = 300
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Chain:
    """The distinct moves that paths make; states are the last channels seen, state 0 the start.

    Parameters
    ----------
    origin, target : numpy.ndarray of int, shape (moves,)
        State before and after; a target may be `CONVERTED` or `LOST`.
    last : numpy.ndarray of int, shape (states,)
        The channel that each state ends with; −1 for the start.
    """

    origin: Ints
    target: Ints
    last: Ints


def moves(paths: Paths, converted: bool, order: int, channels: int) -> tuple[Ints, Ints, Ints]:
    """Return path, state before and state after of every move, one more than a path's touches.

    Parameters
    ----------
    paths : Paths
        Converting ones, or such as end in nothing.
    converted : bool
        How they end.
    order : int
        How many channels a state remembers.
    channels : int
        Channel codes lie below it.

    Returns
    -------
    tuple of numpy.ndarray
        A state is the number with digits ``channel + 1`` in base ``channels + 1``, the last
        channel lowest; 0 is the start.
    """
    position, state = paths.position, np.zeros(len(paths.channel), dtype="int64")
    for back in range(min(order, len(state))):
        digit = np.zeros_like(state)
        digit[back:] = paths.channel[: len(state) - back] + 1
        state += np.where(position >= back, digit, 0) * (channels + 1) ** back
    before = np.zeros_like(state)
    before[1:] = state[:-1]
    before[position == 0] = 0
    ends = np.full(len(paths.size), CONVERTED if converted else LOST)
    path = np.r_[paths.path, np.arange(len(paths.size))]
    final = state[paths.start + paths.size - 1]
    return path, np.r_[before, final], np.r_[state, ends]


def chain(origin: Ints, target: Ints, channels: int) -> Chain:
    """Number the states of distinct moves, the start as 0."""
    states = np.unique(np.r_[0, origin, target[target > 0]])
    ended = target < 0
    return Chain(
        np.searchsorted(states, origin),
        np.where(ended, target, np.searchsorted(states, target)),
        states % (channels + 1) - 1,
    )


def removal_effects(chain: Chain, counts: Floats, channels: int) -> Floats:
    """Share of conversions lost when a channel is removed: its touches lead to nothing.

    Parameters
    ----------
    chain : Chain
        The distinct moves.
    counts : numpy.ndarray, shape (draws, moves)
        How often each move was made.
    channels : int
        Number of channel codes.

    Returns
    -------
    numpy.ndarray, shape (draws, channels)
        Between 0 and 1; 0 where nothing converts.

    Notes
    -----
    Anderl et al. 2016, solved instead of simulated: with Q the moves between states and r those
    to a conversion, v = (I − Q)⁻¹ r is the chance to convert from each state. Where a channel is
    one state c, removing it leaves v₀ − N₀c v_c / N_cc with N = (I − Q)⁻¹ (Woodbury), so that
    one inverse serves every channel; else each removal is solved by itself.
    """
    solve = _dense if _single(chain) else _sparse
    lost, reached = solve(chain, counts, channels)
    found = np.divide(lost, reached, out=np.zeros_like(lost), where=reached > 0)
    return np.clip(found, 0, 1)


def _single(chain: Chain) -> bool:
    """Whether no two of few states end with the same channel, as in a chain of order 1."""
    return len(np.unique(chain.last)) == len(chain.last) <= _DENSE


def _shares(chain: Chain, counts: Floats) -> Floats:
    """Probability of each move among those from its state."""
    base = np.stack([np.bincount(chain.origin, row, len(chain.last)) for row in counts])
    base = base[:, chain.origin]
    return np.divide(counts, base, out=np.zeros_like(counts), where=base > 0)


def _dense(chain: Chain, counts: Floats, channels: int) -> tuple[Floats, Floats]:
    """All draws at once; each channel is one state."""
    share, size = _shares(chain, counts), len(chain.last)
    system = np.zeros((len(counts), size, size)) + np.eye(size)
    inner = chain.target >= 0
    system[:, chain.origin[inner], chain.target[inner]] -= share[:, inner]
    goal = np.zeros((len(counts), size))
    won = chain.target == CONVERTED
    goal[:, chain.origin[won]] = share[:, won]
    inverse = np.linalg.inv(system)
    value = (inverse @ goal[:, :, None])[:, :, 0]
    own = np.diagonal(inverse, axis1=1, axis2=2)
    lost = np.zeros((len(counts), channels))
    lost[:, chain.last[1:]] = (inverse[:, 0, :] / own * value)[:, 1:]
    return lost, value[:, :1]


def _sparse(chain: Chain, counts: Floats, channels: int) -> tuple[Floats, Floats]:
    """One draw after the other; a removed channel's states lead nowhere."""
    share, size = _shares(chain, counts), len(chain.last)
    lost, reached = np.zeros((len(counts), channels)), np.zeros((len(counts), 1))
    inner, won = chain.target >= 0, chain.target == CONVERTED
    places = (chain.origin[inner], chain.target[inner])
    for draw, row in enumerate(share):
        onward = csr_array((row[inner], places), (size, size))
        goal = np.bincount(chain.origin[won], row[won], size).astype("float64")
        reached[draw] = whole = _start(onward, goal)
        for channel in np.unique(chain.last[1:]):
            kept = (chain.last != channel).astype("float64")
            lost[draw, channel] = whole - _start(diags_array(kept) @ onward, kept * goal)
    return lost, reached


def _start(onward: csr_array, goal: Floats) -> float:
    """Solve (I − Q) v = r for the start: iteratively to rounding, else by factorisation."""
    system = eye_array(len(goal), format="csr") - onward
    # Factors of a long memory fill up: 3,600 states take minutes, and this milliseconds.
    value, failed = bicgstab(system, goal, rtol=_ROUNDING, atol=0)
    if failed or np.abs(system @ value - goal).max() > 10 * _ROUNDING:
        value = splu(csc_array(system)).solve(goal)
    return float(value[0])
