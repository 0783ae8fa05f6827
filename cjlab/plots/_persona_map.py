"""Customers on a plane: how the personas lie to one another, and how little a plane can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import theme
from cjlab.plots.frames import Cell, read, state
from cjlab.plots.theme import Look
from cjlab.plots.words import share

#: Points of the largest mark and of the smallest that is still seen.
_LARGEST, _SMALLEST = 19.0, 3.5


@theme.themed
def persona_map(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw how many customers of each persona lie in each square of a plane.

    The area of a mark is the number of customers. A plane flattens many features into two:
    gaps that it shows need not be there and groups that it mixes may lie apart, so the note
    says how much of the spread it holds, and that it proves nothing.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.personas.landscape` gives: `persona, x, y`, metric `customers`; and metric
        `explained` (persona null), the share of the spread that the plane holds.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Name of each persona.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where squares are withheld.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table has a further breakdown.
    """
    table = read(estimates, dims=["persona", "x", "y"], figure="persona_map", groups=0)
    look = Look(ax, labels, title, language, minimum)
    ax = theme.start(ax, height=5.0)
    cells = {key[1:]: cell for key, cell in table.cells.items() if key[0] == "customers"}
    shown = {key: cell for key, cell in cells.items() if cell.known and cell.value > 0}
    if not shown:
        first = next(iter(cells.values()), None)
        return theme.empty(ax, look, state(first, look) if first else look.say("empty"))
    personas = [name for name in table.keys["persona"] if name is not None]
    most = max(cell.value for cell in shown.values())
    for place, persona in enumerate(personas):
        own = {key[1:]: cell for key, cell in shown.items() if key[0] == persona}
        how: Any = {
            "c": theme.PALETTE[place % len(theme.PALETTE)],
            "marker": theme.MARKERS[place % len(theme.MARKERS)],
            "alpha": 0.75,
            "lw": 0,
            "zorder": 3,
        }
        spots = np.array(list(own) or [(np.nan, np.nan)], dtype=float)
        sizes = [_area(cell.value, most) for cell in own.values()] or [_area(most, most)]
        name = theme.wrap(look.name(persona), width=3.2, size=theme.SMALL + 1, lines=2)
        ax.scatter(spots[:, 0], spots[:, 1], s=sizes, label=name, **how)
    ax.set_xlabel(look.say("map_first"), loc="left")
    ax.set_ylabel(look.say("map_second"), loc="bottom")
    ax.set(xticks=[], yticks=[])
    ax.margins(0.08)
    ax.set_aspect("equal", adjustable="datalim")  # both directions are in one unit
    theme.grid(ax)
    key = ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
    for handle in key.legend_handles:
        handle.set_sizes([36.0])  # type: ignore[union-attr]
    notes = [look.say("map_note"), *_explained(table.metric("explained"), look)]
    if any(cell.suppressed for cell in cells.values()):
        notes.append(look.say("map_hidden", minimum=minimum))
    lines = -(-len(personas) // 2)
    return theme.finish(ax, look, *notes, above=15.0 * lines)


def _area(value: float, most: float) -> float:
    return max(_LARGEST**2 * value / most, _SMALLEST**2)


def _explained(cells: list[Cell], look: Look) -> list[str]:
    known = [cell for cell in cells if cell.known]
    return [look.say("map_explained", share=share(known[0].value, look.language))] if known else []
