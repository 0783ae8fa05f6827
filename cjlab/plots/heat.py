"""The annotated heatmap that the two tables-as-pictures are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle

from cjlab.plots import theme
from cjlab.plots.frames import Cell

Cells = Sequence[Sequence[Cell]]


def known(cells: Cells) -> list[Cell]:
    """Return the cells that have a number."""
    return [cell for row in cells for cell in row if cell.known]


def draw(
    ax: Axes,
    cells: Cells,
    write: Callable[[Cell], str],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    bases: Sequence[str] = (),
    bold: bool = False,
    cmap: str | Colormap,
    limits: tuple[float, float],
    row_room: float,
) -> None:
    """Draw a matrix with a text in each cell.

    Parameters
    ----------
    ax : Axes
        Axes to draw on.
    cells : sequence of rows of Cell
        Known ones are coloured, withheld ones hatched grey, not yet observed ones plain
        grey, others blank.
    write : callable
        Gives a cell's text.
    rows, columns : sequence of str
        Names, wrapped to their room.
    bases : sequence of str, optional
        Written under each row's name: its n.
    bold : bool, default False
        Whether values whose interval leaves out 0 are set in bold.
    cmap : str or Colormap
        Colour map.
    limits : tuple of float
        Values of the map's two ends.
    row_room : float
        Room for the row names, inches.
    """
    values = np.array([[c.value if c.known else np.nan for c in row] for row in cells])
    texts = np.array([[write(cell) for cell in row] for row in cells], dtype=object)
    sns.heatmap(
        np.clip(values, *limits),
        ax=ax,
        annot=texts,
        fmt="",
        cmap=cmap,
        vmin=limits[0],
        vmax=limits[1],
        mask=np.isnan(values),
        cbar=False,
        linewidths=1.0,
        linecolor="white",
        annot_kws={"size": theme.SMALL if len(columns) > 9 else 8.5},
    )
    scale = mpl.colors.Normalize(*limits, clip=True)
    for text in ax.texts:
        x, y = text.get_position()
        cell = cells[int(y)][int(x)]
        text.set_color(_ink(mpl.colormaps.get_cmap(cmap)(scale(cell.value))))
        if bold and (cell.low > 0 or cell.high < 0):
            text.set_fontweight("bold")
    for i, j in np.argwhere(np.isnan(values)):
        hidden = cells[i][j].suppressed
        if cells[i][j].status == "not_yet_observed":
            ax.add_patch(Rectangle((j, i), 1, 1, facecolor=theme.NOT_YET, edgecolor="white"))
        if hidden:
            ax.add_patch(Rectangle((j, i), 1, 1, **theme.WITHHELD))
        box: Any = {"facecolor": theme.PALE, "edgecolor": "none", "pad": 1.0} if hidden else None
        if texts[i, j]:
            theme.small(ax, j + 0.5, i + 0.5, texts[i, j], ha="center", va="center", bbox=box)
    _names(ax, rows, bases, columns, row_room)


def _ink(behind: Any) -> str:
    """Return ink or white, whichever stands out more from the colour behind it."""
    return max((theme.INK, "white"), key=lambda colour: theme.contrast(colour, behind))


def _names(
    ax: Axes, rows: Sequence[str], bases: Sequence[str], columns: Sequence[str], row_room: float
) -> None:
    cell = (theme.WIDTH - row_room - 0.5) / max(len(columns), 1) * 0.95
    words = [word for column in columns for word in theme.clean(column).split(" ")]
    # A name broken inside a word is worse than a slanted one.
    slant = max(theme.points(word, 8.5) for word in words) > cell * 72
    room, lines = (1.6, 1) if slant else (cell, 4)
    across = [theme.wrap(name, width=room, size=8.5, lines=lines) for name in columns]
    down = [theme.wrap(name, width=row_room, size=8.5, lines=2) for name in rows]
    if bases:
        under = [f"\n{base}" if base else "" for base in bases]
        down = [name + base for name, base in zip(down, under, strict=True)]
    ax.tick_params(length=0)
    ax.set_yticks(np.arange(len(rows)) + 0.5, down, rotation=0, size=8.5)
    ax.xaxis.set_ticks_position("top")
    ax.xaxis.set_label_position("top")
    ax.set_xticks(np.arange(len(columns)) + 0.5, across, size=8.5, color=theme.INK, rotation=0)
    if slant:
        for tick in ax.get_xticklabels():
            tick.set(rotation=40, ha="left", rotation_mode="anchor")
