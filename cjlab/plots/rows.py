"""The row chart that most figures are: named rows, marks along one axis, numbers at the right."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import blended_transform_factory

from cjlab.plots import theme
from cjlab.plots.frames import Cell
from cjlab.plots.words import share

#: Room for row labels at the left of a figure, inches.
LABEL_ROOM = 1.75


@dataclass(frozen=True)
class Rows:
    """Where each row lies: blocks (steps, stages) of one slot for each group, top to bottom.

    Parameters
    ----------
    blocks : sequence
        Ids of the rows, top first.
    groups : sequence, default one unnamed group
        Ids of the groups inside each row.
    """

    blocks: Sequence[Hashable]
    groups: Sequence[Hashable] = field(default=(None,))

    @property
    def grouped(self) -> bool:
        """True where each block has several slots."""
        return len(self.groups) > 1

    @property
    def step(self) -> float:
        """Height of a block in slots, the gap below it included."""
        return len(self.groups) + (0.7 if self.grouped else 0.0)

    def y(self, block: int, group: int = 0) -> float:
        """Return the height of one slot."""
        return block * self.step + group

    def middle(self, block: int) -> float:
        """Return the height of a block's middle, where its label stands."""
        return self.y(block) + (len(self.groups) - 1) / 2

    @property
    def inches(self) -> float:
        """Height that the rows need."""
        if self.grouped:
            return max(0.18, 0.46 / self.step) * self.step * len(self.blocks)
        return 0.46 * len(self.blocks)

    def colour(self, group: int) -> str:
        """Return a group's colour."""
        return theme.PALETTE[group % len(theme.PALETTE)]

    def marker(self, group: int) -> str:
        """Return a group's marker."""
        return theme.MARKERS[group % len(theme.MARKERS)]


def start(ax: Axes | None, rows: Rows, *, extra: float = 1.25) -> Axes:
    """Return axes tall enough for the rows, with `extra` inches for title, axis and note."""
    return theme.start(ax, height=max(2.2, rows.inches + extra))


def label(ax: Axes, rows: Rows, names: Sequence[str]) -> None:
    """Write the rows' names and set the vertical limits, first row on top."""
    wrapped = [theme.wrap(name, width=LABEL_ROOM, lines=3) for name in names]
    if not rows.grouped:
        wrapped = [theme.wrap(name, width=LABEL_ROOM, lines=2) for name in names]
    ax.set_yticks([rows.middle(i) for i in range(len(rows.blocks))], wrapped)
    last = rows.y(len(rows.blocks) - 1, len(rows.groups) - 1)
    ax.set_ylim(last + 0.65, -0.65)
    if rows.grouped:
        for block in range(1, len(rows.blocks)):
            ax.axhline(rows.y(block) - 0.85, color="#D9D9D9", lw=0.7, zorder=0)


def side(ax: Axes, y: float, text: str) -> None:
    """Write a row's numbers at the right of the axes."""
    ax.text(
        1.015,
        y,
        text,
        transform=ax.get_yaxis_transform(),
        va="center",
        size=theme.SMALL,
        color=theme.QUIET,
    )


def whisker(
    ax: Axes, y: float, cell: Cell, *, colour: str = theme.INK, least: float = -math.inf
) -> None:
    """Draw a cell's interval; an open upper end becomes an arrow to the axes' edge."""
    if cell.low != cell.low:
        return
    low = max(cell.low, least)
    if cell.high == cell.high:
        high = max(cell.high, least)
        ax.plot([low, high], [y, y], color=colour, lw=1.3, solid_capstyle="butt", zorder=3)
        ax.plot([low, high], [y, y], color=colour, ls="", marker="|", ms=5, zorder=3)
        return
    arrow(ax, y, low, colour=colour)
    ax.plot([low], [y], color=colour, ls="", marker="|", ms=5, zorder=3)


def arrow(ax: Axes, y: float, left: float, *, colour: str) -> None:
    """Draw an open arrow from a place to the axes' right edge: it ends where nobody knows."""
    ax.annotate(
        "",
        xy=(1.0, y),
        xycoords=ax.get_yaxis_transform(),
        xytext=(left, y),
        textcoords="data",
        arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0},
        zorder=3,
    )


def unknown(ax: Axes, rows: Rows, place: tuple[int, int], text: str) -> None:
    """Mark a slot that has no number: a hatched stub, the group's hollow mark, the reason."""
    y = rows.y(*place)
    transform = ax.get_yaxis_transform()
    ax.add_patch(
        Rectangle(
            (0.0, y - 0.3),
            0.045,
            0.6,
            transform=transform,
            facecolor=theme.PALE,
            edgecolor=theme.GREY,
            hatch=theme.HATCH,
            lw=0.0,
            zorder=2,
        )
    )
    if rows.grouped:
        ax.plot(
            [0.0225],
            [y],
            transform=transform,
            color=rows.colour(place[1]),
            marker=rows.marker(place[1]),
            markerfacecolor="white",
            ms=5.5,
            ls="",
            zorder=4,
        )
    ax.text(
        0.055,
        y,
        text,
        transform=transform,
        va="center",
        size=theme.SMALL,
        color=theme.QUIET,
        style="italic",
    )


def percent_axis(ax: Axes, *, language: str, top: float, text: str) -> None:
    """Set a horizontal axis of fractions from 0, ticked in percent."""
    ax.set_xlim(0, top)
    ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share(round(x, 6), language)))
    ax.set_xlabel(text, loc="left")


def top_of(cells: Sequence[Cell], *, most: float = 1.0) -> float:
    """Return the upper limit of an axis of fractions: a little above the largest mark."""
    marks = [x for cell in cells if cell.known for x in (cell.value, cell.high) if x == x]
    return min(most, max(marks) * 1.08) if marks and max(marks) > 0 else most


def key(ax: Axes, rows: Rows, labels: Mapping[str, str] | None) -> float:
    """Draw the groups' key above the axes.

    Returns
    -------
    float
        Points that the title must keep free above the axes.
    """
    if rows.groups == (None,):
        return 0.0
    figure = ax.figure
    names = [theme.wrap(theme.human(g, labels), width=2.9, size=8.5, lines=1) for g in rows.groups]
    handles = [
        Line2D([], [], color=rows.colour(i), marker=rows.marker(i), ls="", ms=6)
        for i in range(len(names))
    ]
    widest = max(theme.points(name, 8.5) for name in names) / 72 + 0.5
    columns = max(1, min(len(names), int((theme.WIDTH - 0.3) / widest)))
    where: Any = blended_transform_factory(figure.transFigure, ax.transAxes)
    drawn = ax.legend(
        handles,
        names,
        loc="lower left",
        bbox_to_anchor=(0.004, 1.0),
        bbox_transform=where,
        ncols=columns,
        borderaxespad=0.2,
        borderpad=0.2,
        columnspacing=1.4,
        handletextpad=0.4,
    )
    drawn.set_in_layout(False)
    return 3.0 + 14.5 * math.ceil(len(names) / columns)
