"""Where customers go next, from each stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from cjlab.plots import heat, theme
from cjlab.plots.frames import Table, read, state
from cjlab.plots.words import count, phrase, share


@theme.themed
def transitions(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the probabilities of what comes next as an annotated heatmap.

    Each row sums to 1 over the observed next events; its label carries n. A pair never seen
    is blank, a suppressed one hatched grey.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.transitions` gives: `from, to`, metric `probability` (`count` and
        `median_time` are not drawn). Without a breakdown: filter to one persona first.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each state's id; its order is the order of rows and columns. States
        that it does not name follow, save the table's first.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where a number is suppressed.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table holds several groups.
    """
    table = read(estimates, dims=["from", "to"], figure="transitions", groups=0)
    rows, columns = _states(table, labels)
    ax = theme.start(ax, height=1.9 + 0.46 * max(len(rows), 2))
    if not rows:
        theme.empty(ax, phrase("empty", language))
        return theme.finish(ax, title=title, note=None)
    values = np.full((len(rows), len(columns)), np.nan)
    texts = np.full(values.shape, "", dtype=object)
    hidden = np.zeros(values.shape, dtype=bool)
    for i, origin in enumerate(rows):
        for j, target in enumerate(columns):
            if not table.has("probability", origin, target):
                continue
            cell = table.cell("probability", origin, target)
            hidden[i, j] = cell.suppressed
            if cell.known:
                values[i, j] = cell.value
                texts[i, j] = share(cell.value, language)
            elif cell.suppressed and cell.note in ("small_cell", ""):
                texts[i, j] = phrase("small_short", language, minimum=minimum)
            elif not cell.suppressed:
                texts[i, j] = "–" if cell.n == 0 else "?"
    if not np.isfinite(values).any():
        theme.empty(ax, state(table.metric("probability")[0], language=language, minimum=minimum))
        return theme.finish(ax, title=title, note=None)
    heat.draw(
        ax,
        values,
        texts=texts,
        hidden=hidden,
        rows=[theme.human(origin, labels) for origin in rows],
        bases=[_base(table, origin, language) for origin in rows],
        columns=[theme.human(target, labels) for target in columns],
        cmap=sns.light_palette(theme.MAIN, as_cmap=True),
        vmin=0.0,
        vmax=max(0.05, float(np.nanmax(values))),
        row_room=1.7,
    )
    ax.set_ylabel(phrase("from", language), loc="top")
    ax.set_xlabel(phrase("to", language), loc="left")
    note = phrase("transitions_note", language)
    if hidden.any():
        note += "; " + phrase("hatched", language, minimum=minimum)
    return theme.finish(ax, title=title, note=note)


def _states(table: Table, labels: Mapping[str, str] | None) -> tuple[list[Any], list[Any]]:
    held = [key for key in table.cells if key[0] == "probability"]
    origins = list(dict.fromkeys(key[1] for key in held))
    targets = list(dict.fromkeys(key[2] for key in held))
    first = origins[0] if origins else None
    seen = origins + [target for target in targets if target not in origins]
    if labels is not None:
        rank: dict[Any, int] = {item: place for place, item in enumerate(labels)}
        # "(start)" is no stage and comes first in the table; "(end)" comes last.
        seen.sort(key=lambda item: rank.get(item, -1 if item == first else len(rank)))
    return [s for s in seen if s in origins], [s for s in seen if s in targets]


def _base(table: Table, origin: Any, language: str) -> str:
    bases = [
        cell.n
        for key, cell in table.cells.items()
        if key[:2] == ("probability", origin) and cell.n == cell.n
    ]
    return phrase("n", language, n=count(max(bases), language)) if bases else ""
