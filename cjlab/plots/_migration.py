"""Customers from persona to persona between two periods: bands as wide as they are many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from cjlab.plots import theme
from cjlab.plots.frames import Cell, Table, read, state
from cjlab.plots.theme import Look
from cjlab.plots.words import count

ENTERED, RETURNED, LEFT = "(entered)", "(returned)", "(left)"
#: Inches: all customers, the least room of a name, between names, a bar's width, bars apart.
_TALL, _ROOM, _GAP, _BAR, _APART = 3.0, 0.46, 0.1, 0.12, 3.1
#: A band carries its number from this height on, inches.
_READABLE = 0.14


class _Node(NamedTuple):
    """One persona on one side: its bar, and how much of it is known."""

    name: str
    total: float
    cells: list[Cell]
    top: float
    tall: float
    slot: float

    @property
    def middle(self) -> float:
        return self.top + self.slot / 2

    @property
    def start(self) -> float:
        return self.middle - self.tall / 2


@theme.themed
def migration(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw how many customers went from persona to persona, entered, returned and left.

    The personas of the earlier period stand on the left, those of the later on the right; a
    band is as wide as its customers are many and has the colour of where they come from. The
    widest carry their number. A persona all of whose moves are withheld is hatched.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.personas.migration` gives: `from, to`, metric `customers`.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human name of each persona's id; ``from`` and ``to`` name the two periods.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where moves are withheld.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table holds several groups.
    """
    table = read(estimates, dims=["from", "to"], figure="migration", groups=0)
    look = Look(ax, labels, title, language, minimum)
    moves = {key[1:]: cell for key, cell in table.cells.items() if key[0] == "customers"}
    total = sum(cell.value for cell in moves.values() if cell.known)
    if not total:
        hidden = next((cell for cell in moves.values() if cell.suppressed), None)
        ax = theme.start(ax, height=2.0)
        return theme.empty(ax, look, state(hidden, look) if hidden else look.say("empty"))
    sides = [_column(table, side, total) for side in ("from", "to")]
    deep = max(column[-1].top + column[-1].slot for column in sides)
    ax = theme.start(ax, height=deep + 1.0)
    kept = [name for name in table.keys["from"] if name not in (ENTERED, RETURNED)]
    colour = {name: theme.PALETTE[i % len(theme.PALETTE)] for i, name in enumerate(kept)}
    _bands(ax, moves, sides, colour, total, language)
    for side, column in enumerate(sides):
        for node in column:
            _bar(ax, node, side, colour.get(node.name, theme.GREY), look)
        period = ("from", "to")[side]
        said = look.name(period) if period in (labels or {}) else look.say(f"migration_{period}")
        at = side * _APART
        ax.text(at, -0.1, said, size=8.5, weight="bold", ha=("left", "right")[side], va="bottom")
    reach = (theme.WIDTH - _APART) / 2
    ax.set(xlim=(-reach, _APART + reach), ylim=(deep + 0.05, -0.35), xticks=[], yticks=[])
    for edge in ax.spines.values():
        edge.set_visible(False)
    notes = [look.say("migration_note")]
    if any(cell.suppressed for cell in moves.values()):
        notes.append(look.say("flow_hidden", minimum=minimum))
    return theme.finish(ax, look, *notes)


def _column(table: Table, side: str, total: float) -> list[_Node]:
    """Stack the personas of one side; each has room for its name, however few its customers."""
    other = {"from": "to", "to": "from"}[side]
    top, nodes = 0.0, []
    for name in table.keys[side]:
        pairs = [(name, end) if side == "from" else (end, name) for end in table.keys[other]]
        cells = [table.cell("customers", *pair) for pair in pairs]
        known = sum(cell.value for cell in cells if cell.known)
        tall = _TALL * known / total
        slot = max(tall, _ROOM)
        nodes.append(_Node(name, known, cells, top, tall, slot))
        top += slot + _GAP
    return nodes


def _bands(
    ax: Axes,
    moves: Mapping[Any, Cell],
    sides: list[list[_Node]],
    colour: Mapping[str, str],
    total: float,
    language: str,
) -> None:
    left, right = ({node.name: node.start for node in column} for column in sides)
    for start in left:
        for end in right:
            cell = moves.get((start, end))
            if cell is None or not cell.known or not cell.value:
                continue
            wide = _TALL * cell.value / total
            shade = colour.get(start, theme.GREY)
            _band(ax, left[start], right[end], wide, shade)
            if wide >= _READABLE:
                box: Any = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
                at = left[start] + wide / 2
                text = count(cell.value, language)
                theme.small(ax, _BAR + 0.1, at, text, va="center", zorder=6, bbox=box)
            left[start] += wide
            right[end] += wide


def _band(ax: Axes, leave: float, arrive: float, wide: float, colour: str) -> None:
    near, far, middle = _BAR, _APART - _BAR, _APART / 2
    upper = [(near, leave), (middle, leave), (middle, arrive), (far, arrive)]
    lower = [(x, y + wide) for x, y in reversed(upper)]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    shape = Path([*upper, *lower, (0, 0)], codes)
    # The edge keeps a band of few customers visible, and crossing bands apart.
    ax.add_patch(PathPatch(shape, facecolor=colour, alpha=0.45, edgecolor=colour, lw=0.5, zorder=2))


def _bar(ax: Axes, node: _Node, side: int, colour: str, look: Look) -> None:
    at = side * (_APART - _BAR)
    hidden = [cell for cell in node.cells if cell.suppressed]
    if hidden and not node.total:
        ax.add_patch(Rectangle((at, node.middle - 0.1), _BAR, 0.2, zorder=3, **theme.WITHHELD))
        said = look.say("withheld")
    else:
        tall = max(node.tall, 0.015)
        ax.add_patch(Rectangle((at, node.start), _BAR, tall, facecolor=colour, lw=0, zorder=3))
        said = look.counted("at_least" if hidden else "customers", node.total)
    own = {ENTERED: "entered", RETURNED: "returned", LEFT: "left"}.get(node.name)
    name = look.say(f"migration_{own}") if own else look.name(node.name)
    x = (-0.08, _APART + 0.08)[side]
    how: Any = {"ha": ("right", "left")[side], "zorder": 6}
    room = (theme.WIDTH - _APART) / 2 - 0.2
    name = theme.wrap(name, width=room, size=8.5, lines=2, weight="bold")
    lines = name.count("\n") + 1
    ax.text(x, node.middle + 0.07 * (lines - 1), name, size=8.5, weight="bold", va="bottom", **how)
    theme.small(ax, x, node.middle + 0.07 * (lines - 1) + 0.02, said, va="top", **how)
