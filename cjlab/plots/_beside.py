"""Names beside points: each where it covers no other name and no point, as near as can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from cjlab.plots import theme

_SIZE = 8.5
#: Distances of a name from its point, and directions to try, the first of them first.
_NEAR = (8.0, 15.0, 24.0, 36.0, 50.0)
_WAYS = tuple(math.radians(a) for a in (0, 180, 90, 270, 30, 150, 210, 330, 60, 120, 240, 300))


class Box(NamedTuple):
    """A rectangle in points of the figure."""

    left: float
    low: float
    right: float
    high: float

    def covers(self, other: Box) -> float:
        """The area that two share."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        tall = min(self.high, other.high) - max(self.low, other.low)
        return max(wide, 0.0) * max(tall, 0.0)


def name_points(
    ax: Axes, spots: Sequence[tuple[float, float]], names: Sequence[str], *, room: float = 1.9
) -> None:
    """Write names beside points; one that had to move away is led back by a thin line.

    The axes' limits must be set. The layout is made first, since it decides what covers what.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    at = ax.transData.transform(spots) * scale if len(spots) else np.empty((0, 2))
    frame = ax.get_window_extent()
    inside = Box(*(scale * x for x in (frame.x0, frame.y0, frame.x1, frame.y1)))
    taken = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in at]
    for (x, y), spot, name in zip(at, spots, names, strict=True):
        text = theme.wrap(name, width=room, size=_SIZE, lines=2)
        lines = text.split("\n")
        wide, tall = max(theme.points(line, _SIZE) for line in lines), 1.25 * _SIZE * len(lines)
        box, far = _best(x, y, wide, tall, taken, inside)
        taken.append(box)
        middle = ((box.left + box.right) / 2 - x, (box.low + box.high) / 2 - y)
        line = {"arrowstyle": "-", "color": theme.GREY, "lw": 0.7, "shrinkA": 0, "shrinkB": 4}
        ax.annotate(
            text,
            spot,
            middle,
            textcoords="offset points",
            ha="center",
            va="center",
            size=_SIZE,
            color=theme.INK,
            zorder=6,
            annotation_clip=False,
            arrowprops=line if far > _NEAR[0] else None,
        ).set_in_layout(False)


def _best(
    x: float, y: float, wide: float, tall: float, taken: list[Box], inside: Box
) -> tuple[Box, float]:
    """Return the first place that covers nothing, else the one that covers least."""
    best: tuple[float, Box, float] | None = None
    for far in _NEAR:
        for way in _WAYS:
            across, up = math.cos(way), math.sin(way)
            left = x + far * across + (0 if across > 0.3 else -wide if across < -0.3 else -wide / 2)
            low = y + far * up + (0 if up > 0.3 else -tall if up < -0.3 else -tall / 2)
            box = Box(left, low, left + wide, low + tall)
            lost = sum(box.covers(other) for other in taken)
            lost += wide * tall - box.covers(inside)
            if lost < 1e-6:
                return box, far
            if best is None or lost < best[0] - 1e-6:
                best = (lost, box, far)
    assert best is not None
    return best[1:]
