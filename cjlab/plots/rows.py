"""The row chart that most figures are: named rows, marks along one axis, numbers at the right."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from cjlab.plots import theme
from cjlab.plots.frames import Cell, read, state
from cjlab.plots.theme import MARKERS, PALETTE, Look
from cjlab.plots.words import share

#: Room for row labels at the left of a figure, inches.
LABEL_ROOM = 1.75


class Chart:
    """Rows of estimates: blocks (steps, stages) of one slot for each group, top to bottom.

    Parameters
    ----------
    estimates : DataFrame
        Estimates, in the order in which the rows are drawn.
    dim : str
        Its column that names the blocks.
    look : Look
        What the caller asks for.
    figure : str
        Name for error messages.
    groups : int, default 1
        How many further dimensions the figure can draw.
    extra : float, default 1.25
        Inches for title, axis and note.
    """

    def __init__(
        self,
        estimates: pd.DataFrame,
        dim: str,
        look: Look,
        *,
        figure: str,
        groups: int = 1,
        extra: float = 1.25,
    ) -> None:
        self.table = read(estimates, dims=[dim], figure=figure, groups=groups)
        self.look = look
        self.blocks: list[Any] = self.table.keys[dim]
        self.groups: list[Any] = self.table.keys.get(self.table.group or "") or [None]
        self.grouped = len(self.groups) > 1
        #: Height of a block in slots, the gap below it included.
        self.step = len(self.groups) + (0.7 if self.grouped else 0.0)
        inches = max(0.18 * self.step, 0.46) if self.grouped else 0.46
        self.ax = theme.start(look.ax, height=max(2.2, inches * len(self.blocks) + extra))
        if self.blocks:
            self._label()

    def _label(self) -> None:
        names = [self.look.name(block) for block in self.blocks]
        middle = (len(self.groups) - 1) / 2
        places = [block * self.step + middle for block in range(len(names))]
        label(self.ax, places, names, lines=3 if self.grouped else 2, beyond=middle)
        for block in range(1, len(names) if self.grouped else 0):
            self.ax.axhline(block * self.step - 0.85, color="#D9D9D9", lw=0.7, zorder=0)

    def slots(self) -> Iterator[Slot]:
        """Yield the slots, top to bottom."""
        for block, name in enumerate(self.blocks):
            for place, group in enumerate(self.groups):
                key = (name, group) if self.table.group else (name,)
                yield Slot(self, key, block * self.step + place, place)

    def percent_axis(self, key: str, *, top: float) -> None:
        """Set the axis of fractions; see the function of this name."""
        if self.blocks:
            percent_axis(self.ax, self.look, key, top=top)

    def top(self, metric: str, *, most: float = 1.0) -> float:
        """Return the upper limit of an axis of fractions: a little above the largest mark."""
        cells = [cell for cell in self.table.metric(metric) if cell.known]
        largest = max((x for c in cells for x in (c.value, c.high) if x == x), default=0.0)
        return min(most, largest * 1.08) if largest > 0 else most

    def finish(self, *notes: str) -> Axes:
        """Return the finished axes; without any row they say so."""
        if not self.blocks:
            return theme.empty(self.ax, self.look, self.look.say("empty"))
        above = self._key() if self.groups != [None] else 0.0
        return theme.finish(self.ax, self.look, *map(self.look.say, notes), above=above)

    def _key(self) -> float:
        """Draw the groups' key; return the points that the title must keep free above the axes."""
        names = [theme.wrap(self.look.name(g), width=2.9, size=8.5, lines=1) for g in self.groups]
        handles = [
            Line2D([], [], color=slot.colour, marker=slot.marker, ls="", ms=6)
            for slot, _ in zip(self.slots(), names, strict=False)
        ]
        widest = max(theme.points(name, 8.5) for name in names) / 72 + 0.5
        columns = max(1, min(len(names), int((theme.WIDTH - 0.3) / widest)))
        where: Any = blended_transform_factory(self.ax.figure.transFigure, self.ax.transAxes)
        drawn = self.ax.legend(
            handles,
            names,
            bbox_to_anchor=(0.004, 1.0),
            bbox_transform=where,
            ncols=columns,
            columnspacing=1.4,
            handletextpad=0.4,
        )
        drawn.set_in_layout(False)
        return 3.0 + 14.5 * math.ceil(len(names) / columns)


@dataclass(frozen=True)
class Slot:
    """One place of a row chart, and the marks that may stand there."""

    chart: Chart
    key: tuple[Hashable, ...]
    y: float
    place: int

    @property
    def colour(self) -> str:
        """The group's colour."""
        return PALETTE[self.place % len(PALETTE)]

    @property
    def marker(self) -> str:
        """The group's marker."""
        return MARKERS[self.place % len(MARKERS)]

    def cell(self, metric: str) -> Cell:
        """Return the estimate drawn here."""
        return self.chart.table.cell(metric, *self.key)

    def side(self, *texts: str) -> None:
        """Write the row's numbers at the right of the axes."""
        side(self.chart.ax, self.y, " · ".join(texts))

    def bar(self, cell: Cell) -> None:
        """Draw a bar from 0 and its interval."""
        self.chart.ax.barh(self.y, cell.value, height=0.62, color=theme.MAIN, zorder=2)
        self.whisker(cell, colour=theme.INK)

    def dot(self, value: float, *, ms: float = 5.5, zorder: float = 4, **how: Any) -> None:
        """Draw the group's mark."""
        how = {"color": self.colour, "marker": self.marker, "ls": ""} | how
        self.chart.ax.plot([value], [self.y], ms=ms, zorder=zorder, **how)

    def whisker(self, cell: Cell, *, colour: str | None = None, least: float = -math.inf) -> None:
        """Draw a cell's interval; an open upper end becomes an arrow to the axes' edge."""
        if cell.low != cell.low:
            return
        colour = colour or self.colour
        ends = [max(end, least) for end in (cell.low, cell.high) if end == end]
        if len(ends) == 2:
            line: Any = {"color": colour, "lw": 1.3, "solid_capstyle": "butt"}
            self.chart.ax.plot(ends, [self.y] * 2, zorder=3, **line)
        else:
            self.arrow(ends[0], colour)
        caps: Any = {"color": colour, "ls": "", "marker": "|"}
        self.chart.ax.plot(ends, [self.y] * len(ends), ms=5, zorder=3, **caps)

    def arrow(self, left: float, colour: str | None = None) -> None:
        """Draw an open arrow from a place to the axes' right edge: it ends where nobody knows."""
        style: Any = {"arrowstyle": "->", "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
        style["color"] = colour or self.colour
        ax = self.chart.ax
        end: Any = {"xycoords": ax.get_yaxis_transform(), "textcoords": "data"}
        ax.annotate("", (1.0, self.y), (left, self.y), arrowprops=style, zorder=3, **end)

    def unknown(self, cell: Cell, text: str | None = None) -> None:
        """Mark a place that has no number: a hatched stub, the group's hollow mark, the reason."""
        ax = self.chart.ax
        across = ax.get_yaxis_transform()
        corner = (0.0, self.y - 0.3)
        stub = Rectangle(corner, 0.045, 0.6, transform=across, zorder=2, **theme.WITHHELD)
        ax.add_patch(stub)
        if self.chart.grouped:
            self.dot(0.0225, transform=across, markerfacecolor="white")
        text = text or state(cell, self.chart.look)
        theme.small(ax, 0.055, self.y, text, transform=across, va="center", style="italic")


def label(
    ax: Axes, places: Sequence[float], names: Sequence[str], *, lines: int = 2, beyond: float = 0.0
) -> None:
    """Write the rows' names and set the vertical limits, first row on top.

    `beyond` is how far slots lie above and below the first and the last place.
    """
    ax.set_yticks(places, [theme.wrap(name, width=LABEL_ROOM, lines=lines) for name in names])
    ax.set_ylim(places[-1] + beyond + 0.65, -0.65)


def side(ax: Axes, y: float, text: str) -> None:
    """Write a row's numbers at the right of the axes."""
    theme.small(ax, 1.015, y, text, transform=ax.get_yaxis_transform(), va="center")


def percent_axis(ax: Axes, look: Look, key: str, *, top: float) -> None:
    """Set a horizontal axis of fractions from 0, ticked in percent, and its grid."""
    ax.set_xlim(0, top)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share(round(x, 6), look.language)))
    ax.set_xlabel(look.say(key), loc="left")
    theme.grid(ax)
