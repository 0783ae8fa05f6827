"""How long customers stay in each stage."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from cjlab.plots import theme
from cjlab.plots.frames import Cell
from cjlab.plots.rows import Chart, Slot
from cjlab.plots.theme import Look
from cjlab.plots.words import duration

#: Above this ratio of longest to shortest quartile a linear axis would hide the short stays.
LOG_FROM = 40.0
SECOND, MINUTE, HOUR = 1 / 86400, 1 / 1440, 1 / 24
#: Round durations that a log axis is ticked at, days.
ROUND = [SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 1, 7, 30, 100, 365.25, 3652.5]
QUARTILES = ("q25", "median", "q75")


@theme.themed
def time_in_stage(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw quartiles and median of the time in each stage.

    A pale bar from `q25` to `q75`, a dot at the `median` with its 95% interval. A bar or an
    interval whose upper end is not reached within the data ends in an arrow, and a median not
    reached is said so. The axis is in days, logarithmic where the longest mark is more than
    40 times the shortest.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.time_in_stage` gives: `[persona,] stage`, metrics `q25`, `median`,
        `q75` in days (`rmst` is not drawn). A suppressed or unknown stage is drawn hatched,
        with the reason.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each stage's and group's id.
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
    chart = Chart(estimates, "stage", look, figure="time_in_stage", extra=1.4)
    left = _axis(chart) if chart.blocks else 0.0
    for slot in chart.slots():
        q25, median, q75 = stay = [slot.cell(metric) for metric in QUARTILES]
        if not (_not_reached(median) or any(cell.known for cell in stay)):
            slot.unknown(median)
            continue
        if q25.known:
            _middle_half(slot, q25, q75, left)
        elif not median.known:
            slot.arrow(median.low if median.low > left else left)
        if median.known:
            slot.whisker(median, least=left)
            slot.dot(max(median.value, left))
        shown = duration(median.value, language) if median.known else look.say("not_reached")
        bases = [cell.n for cell in (median, q25, q75) if cell.n == cell.n]
        slot.side(shown, *(look.counted("n", n) for n in bases[:1]))
    return chart.finish("time_note", "interval_bars")


def _axis(chart: Chart) -> float:
    """Set the time axis; return its left end, where shorter times are drawn."""
    ax, look = chart.ax, chart.look
    cells = [cell for metric in QUARTILES for cell in chart.table.metric(metric)]
    marks = [x for cell in cells for x in (cell.value, cell.low, cell.high) if x > 0]
    theme.grid(ax)
    if not marks or max(marks) <= LOG_FROM * min(marks):
        ax.set_xlim(0, max(marks) * 1.12 if marks else 1.0)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        ax.set_xlabel(look.say("time_axis"), loc="left")
        return 0.0
    # Below a second lies only what a log axis cannot show: it stands at the left edge.
    left, right = max(min(marks), SECOND) * 0.7, max(marks) * 1.6
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    inside = [x for x in ROUND if left <= x <= right]
    thin = inside if len(inside) <= 7 else inside[len(inside) % 2 :: 2]
    ax.xaxis.set_major_locator(FixedLocator(thin))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: duration(x, look.language)))
    ax.set_xlabel(look.say("time_axis_log"), loc="left")
    return left


def _middle_half(slot: Slot, q25: Cell, q75: Cell, left: float) -> None:
    """Draw the bar from q25 to q75, open where q75 lies beyond the data."""
    ax = slot.chart.ax
    if not (q75.known or _not_reached(q75)):
        return
    start = max(q25.value, left)
    wide = (max(q75.value, left) if q75.known else ax.get_xlim()[1]) - start
    height = 0.7 if slot.chart.grouped else 0.46
    ax.barh(slot.y, wide, left=start, height=height, color=slot.colour, alpha=0.3, lw=0)
    if not q75.known:
        slot.arrow(start)


def _not_reached(cell: Cell) -> bool:
    """A quantile that lies beyond the data, unlike one withheld or without any stay."""
    return not cell.known and cell.note == "not_reached"
