"""Where customers are lost, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import rows as chart
from cjlab.plots import theme
from cjlab.plots.frames import read, state
from cjlab.plots.words import count, phrase, share


@theme.themed
def dropoff(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the share of customers lost after each step, a dot with its 95% interval.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.dropoff` gives: `[persona,] step`, metric `dropoff`. A suppressed
        or unknown step is drawn hatched, with the reason.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each step's and group's id.
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
        A column is missing or the table has more than one breakdown.
    """
    table = read(estimates, dims=["step"], figure="dropoff")
    steps = table.keys["step"]
    rows = chart.Rows(steps, table.groups or (None,))
    ax = chart.start(ax, rows)
    if not steps:
        theme.empty(ax, phrase("empty", language))
        return theme.finish(ax, title=title, note=None)
    chart.label(ax, rows, [theme.human(step, labels) for step in steps])
    chart.percent_axis(
        ax,
        language=language,
        top=chart.top_of(table.metric("dropoff"), most=1.02),
        text=phrase("dropoff_axis", language),
    )
    theme.grid(ax)
    for block, step in enumerate(steps):
        for slot, group in enumerate(rows.groups):
            lost = table.cell("dropoff", *((step, group) if table.group else (step,)))
            y = rows.y(block, slot)
            if not lost.known:
                chart.unknown(
                    ax, rows, (block, slot), state(lost, language=language, minimum=minimum)
                )
                continue
            chart.whisker(ax, y, lost, colour=rows.colour(slot))
            ax.plot([lost.value], [y], color=rows.colour(slot), marker=rows.marker(slot), ms=6)
            parts = [share(lost.value, language)]
            if lost.n == lost.n:
                parts.append(phrase("n", language, n=count(lost.n, language)))
            chart.side(ax, y, " · ".join(parts))
    note = f"{phrase('interval_bars', language)}; {phrase('dropoff_note', language)}"
    return theme.finish(ax, title=title, note=note, above=chart.key(ax, rows, labels))
