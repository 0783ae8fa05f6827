"""Rows of one number each: any rate by what it is a rate of, models beside models, gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cjlab.estimates import dims
from cjlab.messages import label, quantity
from cjlab.plots import rows, theme
from cjlab.plots.frames import read
from cjlab.plots.rows import Chart
from cjlab.plots.theme import MARKERS, PALETTE, Look
from cjlab.plots.words import share


@theme.themed
def rates(
    estimates: pd.DataFrame,
    *,
    metric: str | None = None,
    rows: int = 20,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw one metric of a table, a row for each place: a dot with its 95% interval and n.

    Parameters
    ----------
    estimates : DataFrame
        Any table of estimates; the rows are its last dimension, groups one before it.
    metric : str, optional
        Which of its metrics; by default the first whose rows have intervals.
    rows : int, default 20
        How many rows are drawn, in the table's order; the note says how many are not.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each id.
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
        The table is no estimates, or has more than one breakdown.
    """
    look = Look(ax, labels, title, language, minimum)
    names = dims(estimates)
    if metric is None:
        limited = estimates.loc[estimates["low"].notna(), "metric"]
        metric = next(iter(limited if len(limited) else estimates["metric"]), "")
    part = estimates[estimates["metric"] == metric]
    every = list(part[names[-1]].unique())
    part = part[part[names[-1]].isin(every[:rows])].astype({names[-1]: "str"})
    chart = Chart(part, names[-1], look, figure="rates")
    unit = next(iter(part["unit"].dropna()), None)

    def write(value: float) -> str:
        return share(value, language) if unit == "1" else quantity(unit)(value)(language)

    if unit == "1":
        chart.percent_axis("rate_axis", top=chart.top(metric))
    elif chart.blocks:
        chart.ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: write(round(x, 9))))
        theme.grid(chart.ax)
    chart.ax.set_xlabel(label("metric", metric, language), loc="left")
    for slot in chart.slots():
        cell = slot.cell(metric)
        if not cell.known:
            slot.unknown(cell)
            continue
        slot.whisker(cell)
        slot.dot(cell.value)
        base = [look.counted("n", cell.n)] if cell.n == cell.n else []
        number = (
            share(cell.value, language) if unit == "1" else quantity(unit)(cell.value)(language)
        )
        slot.side(number, *base)
    drawn = chart.finish("interval_bars")
    more = len(every) - len(chart.blocks)
    if more > 0:
        theme.small(drawn, 1.0, 0.0, look.counted("rows_more", more), ha="right", va="bottom",
                    transform=drawn.transAxes)  # fmt: skip
    return drawn


@theme.themed
def attribution(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw each channel's share of the conversions by every model, side by side.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.attribution` gives: `channel` (or `touchpoint`), `model`, metric
        `share`. Without a further breakdown.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each channel's and model's id.
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
        A column is missing or the table has a further breakdown.
    """
    names = {m: label("model", m, language) for m in estimates.get("model", pd.Series()).unique()}
    look = Look(ax, {**names, **(labels or {})}, title, language, minimum)
    level = "touchpoint" if "touchpoint" in estimates.columns else "channel"
    part = estimates[estimates["metric"] == "share"]
    chart = Chart(part, level, look, figure="attribution")
    chart.percent_axis("attribution_axis", top=chart.top("share"))
    for slot in chart.slots():
        cell = slot.cell("share")
        if not cell.known:
            slot.unknown(cell)
            continue
        slot.whisker(cell)
        slot.dot(cell.value, ms=4.5)
    return chart.finish("interval_bars", "attribution_note")


@theme.themed
def dropoff_gap(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw how far groups lie apart in what they lose at each step: a dumbbell a step.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.dropoff` gives with a breakdown: group, `step`, metric `dropoff`.
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
    look = Look(ax, labels, title, language, minimum)
    table = read(estimates, dims=["step"], figure="dropoff_gap")
    steps, groups = table.keys["step"], table.keys.get(table.group or "", [None])
    ax = theme.start(ax, height=max(2.2, 1.4 + 0.55 * len(steps)))
    lost = {
        (y, g): cell
        for y, step in enumerate(steps)
        for g, group in enumerate(groups)
        if (cell := table.cell("dropoff", step, *([group] if table.group else []))).known
    }
    if not lost:
        return theme.empty(ax, look, look.say("empty"))
    for y, _ in enumerate(steps):
        values = [cell.value for (row, _), cell in lost.items() if row == y]
        if values:
            gap = f"{100 * (max(values) - min(values)):.0f}"
            ax.plot([min(values), max(values)], [y, y], color=theme.GREY, lw=2.5, zorder=2)
            rows.side(ax, y, look.say("gap_points", points=gap) if len(values) > 1 else "")
    spread = np.linspace(-0.18, 0.18, len(groups)) if len(groups) > 1 else [0.0]
    for (y, g), cell in lost.items():
        mark: Any = {"color": PALETTE[g % len(PALETTE)], "zorder": 4}
        if cell.low == cell.low:
            ax.plot([cell.low, cell.high], [y + spread[g]] * 2, lw=1.2, **mark)
        named = theme.wrap(look.name(groups[g]), width=1.3, size=8.5, lines=1)
        shape = MARKERS[g % len(MARKERS)]
        first = min(row for row, group in lost if group == g) == y
        ax.plot(cell.value, y, shape, ms=7, ls="", label=named if first else None, **mark)
    rows.label(ax, range(len(steps)), [look.name(step) for step in steps])
    top = max(x for c in lost.values() for x in (c.value, c.high) if x == x)
    rows.percent_axis(ax, look, "dropoff_axis", top=min(1.02, 1.08 * top))
    above = 0.0
    if len(groups) > 1:
        ax.legend(bbox_to_anchor=(0, 1.0), ncols=min(4, len(groups))).set_in_layout(False)
        above = 3.0 + 14.5 * -(-len(groups) // 4)
    withheld = len(lost) < len(steps) * len(groups)
    notes = [look.say("gap_note"), *([look.say("gap_withheld")] if withheld else [])]
    return theme.finish(ax, look, *notes, above=above)
