"""The funnel: who reached each step, as a share of those who began."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import rows as chart
from cjlab.plots import theme
from cjlab.plots.frames import Cell, read, state
from cjlab.plots.words import count, phrase, share


@theme.themed
def funnel(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the share of customers who reached each step.

    One horizontal bar a step (`from_first`, with its 95% interval) and the customers who
    reached it (`reached`) in words; with a breakdown such as `persona`, one dot a group
    instead of the bar.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.funnel` gives: `[persona,] step`, metrics `reached` and
        `from_first`. A suppressed or unknown step is drawn hatched, with the reason.
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
    table = read(estimates, dims=["step"], figure="funnel")
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
        top=1.03 if rows.grouped else 1.0,
        text=phrase("funnel_axis", language),
    )
    theme.grid(ax)
    for block, step in enumerate(steps):
        for slot, group in enumerate(rows.groups):
            place = (step, group) if table.group else (step,)
            y = rows.y(block, slot)
            rate = table.cell("from_first", *place)
            if rate.known:
                _mark(ax, rows, y, slot, rate, bar=table.group is None)
            else:
                chart.unknown(
                    ax, rows, (block, slot), state(rate, language=language, minimum=minimum)
                )
            chart.side(ax, y, _text(rows, table.cell("reached", *place), rate, language))
    above = chart.key(ax, rows, labels)
    note = f"{phrase('interval_bars', language)}; {phrase('funnel_note', language)}"
    return theme.finish(ax, title=title, note=note, above=above)


def _mark(ax: Axes, rows: chart.Rows, y: float, slot: int, rate: Cell, *, bar: bool) -> None:
    if bar:
        ax.barh(y, rate.value, height=0.62, color=theme.MAIN, zorder=2)
        chart.whisker(ax, y, rate)
        return
    colour = rows.colour(slot)
    ax.plot([rate.value], [y], color=colour, marker=rows.marker(slot), ms=5.5, ls="", zorder=4)
    chart.whisker(ax, y, rate, colour=colour)


def _text(rows: chart.Rows, reached: Cell, rate: Cell, language: str) -> str:
    parts = []
    if rate.known:
        parts.append(share(rate.value, language))
    if reached.known:
        n = count(reached.value, language)
        parts.append(n if rows.grouped else phrase("customers", language, n=n))
    return " · ".join(parts)
