"""The annotated heatmap that the two tables-as-pictures are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from cjlab.plots import theme


def draw(
    ax: Axes,
    values: NDArray[np.float64],
    *,
    texts: NDArray[np.object_],
    hidden: NDArray[np.bool_],
    rows: Sequence[str],
    columns: Sequence[str],
    bases: Sequence[str] = (),
    cmap: str | Colormap,
    vmin: float,
    vmax: float,
    row_room: float,
) -> None:
    """Draw a matrix with a text in each cell.

    Parameters
    ----------
    ax : Axes
        Axes to draw on.
    values : array of shape (rows, columns)
        Colours; nan leaves the cell blank.
    texts : array of str of the same shape
        What is written in each cell, coloured or not.
    hidden : array of bool of the same shape
        Cells hatched grey: withheld.
    rows, columns : sequence of str
        Names, wrapped to their room.
    bases : sequence of str, optional
        Written under each row's name: its n.
    cmap : str or Colormap
        Colour map.
    vmin, vmax : float
        Values of the map's two ends.
    row_room : float
        Room for the row names, inches.
    """
    sns.heatmap(
        np.clip(values, vmin, vmax),
        ax=ax,
        annot=texts,
        fmt="",
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
        mask=np.isnan(values),
        cbar=False,
        linewidths=1.0,
        linecolor="white",
        annot_kws={"size": theme.SMALL if len(columns) > 9 else 8.5},
    )
    _contrast(ax, values, cmap=cmap, vmin=vmin, vmax=vmax)
    for i, j in zip(*np.nonzero(hidden), strict=True):
        ax.add_patch(
            Rectangle(
                (j, i),
                1,
                1,
                facecolor=theme.PALE,
                edgecolor=theme.GREY,
                hatch=theme.HATCH,
                lw=0.0,
            )
        )
    for i, j in np.argwhere(np.isnan(values)):
        if texts[i, j]:
            box: dict[str, Any] = {"facecolor": theme.PALE, "edgecolor": "none", "pad": 1.0}
            ax.text(
                j + 0.5,
                i + 0.5,
                texts[i, j],
                ha="center",
                va="center",
                size=theme.SMALL,
                color=theme.QUIET,
                bbox=box if hidden[i, j] else None,
            )
    _names(ax, rows, bases, columns, row_room)


def _contrast(
    ax: Axes, values: NDArray[np.float64], *, cmap: str | Colormap, vmin: float, vmax: float
) -> None:
    """Write each cell in ink or white, whichever stands out more from its colour."""
    colours = mpl.colormaps.get_cmap(cmap)
    for text in ax.texts:
        x, y = text.get_position()
        value = values[int(y), int(x)]
        behind = colours((np.clip(value, vmin, vmax) - vmin) / (vmax - vmin))
        dark, light = (theme.contrast(ink, behind) for ink in (theme.INK, "white"))
        text.set_color(theme.INK if dark >= light else "white")


def _names(
    ax: Axes, rows: Sequence[str], bases: Sequence[str], columns: Sequence[str], row_room: float
) -> None:
    cell = (theme.WIDTH - row_room - 0.5) / max(len(columns), 1) * 0.95
    words = [word for column in columns for word in theme.clean(column).split(" ")]
    # A name broken inside a word is worse than a slanted one.
    slant = max(theme.points(word, 8.5) for word in words) > cell * 72
    across = [
        theme.wrap(c, width=1.6 if slant else cell, size=8.5, lines=1 if slant else 4)
        for c in columns
    ]
    down = [theme.wrap(r, width=row_room, size=8.5, lines=2) for r in rows]
    if any(bases):
        down = [f"{name}\n{base}" if base else name for name, base in zip(down, bases, strict=True)]
    ax.tick_params(length=0)
    ax.set_yticks(np.arange(len(rows)) + 0.5, down, rotation=0, size=8.5)
    ax.xaxis.set_ticks_position("top")
    ax.xaxis.set_label_position("top")
    ax.set_xticks(np.arange(len(columns)) + 0.5, across, size=8.5, color=theme.INK, rotation=0)
    if slant:
        for tick in ax.get_xticklabels():
            tick.set(rotation=40, ha="left", rotation_mode="anchor")
