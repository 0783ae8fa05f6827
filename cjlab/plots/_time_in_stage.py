"""How long customers stay in each stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from cjlab.plots import rows as chart
from cjlab.plots import theme
from cjlab.plots.frames import Cell, Table, read, state
from cjlab.plots.words import count, duration, phrase

#: Above this ratio of longest to shortest quartile a linear axis would hide the short stays.
LOG_FROM = 40.0
#: Round durations that a log axis is ticked at, days.
ROUND = (
    1 / 86400,
    10 / 86400,
    1 / 1440,
    10 / 1440,
    1 / 24,
    6 / 24,
    1.0,
    7.0,
    30.0,
    100.0,
    365.25,
    3652.5,
)


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
    table = read(estimates, dims=["stage"], figure="time_in_stage")
    stages = table.keys["stage"]
    rows = chart.Rows(stages, table.groups or (None,))
    ax = chart.start(ax, rows, extra=1.4)
    if not stages:
        theme.empty(ax, phrase("empty", language))
        return theme.finish(ax, title=title, note=None)
    chart.label(ax, rows, [theme.human(stage, labels) for stage in stages])
    left = _axis(ax, _marks(table), language)
    theme.grid(ax)
    for block, stage in enumerate(stages):
        for slot, group in enumerate(rows.groups):
            place = (stage, group) if table.group else (stage,)
            stay = tuple(table.cell(metric, *place) for metric in ("q25", "median", "q75"))
            _stay(ax, rows, (block, slot), stay, left=left, language=language, minimum=minimum)
    note = f"{phrase('time_note', language)}; {phrase('interval_bars', language)}"
    return theme.finish(ax, title=title, note=note, above=chart.key(ax, rows, labels))


def _marks(table: Table) -> list[float]:
    cells = [cell for metric in ("q25", "median", "q75") for cell in table.metric(metric)]
    values = [x for cell in cells for x in (cell.value, cell.low, cell.high)]
    return [x for x in values if math.isfinite(x)]


def _axis(ax: Axes, marks: Sequence[float], language: str) -> float:
    """Set the time axis; return its left end, where shorter times are drawn."""
    positive = [x for x in marks if x > 0]
    if positive and max(positive) / min(positive) > LOG_FROM:
        # Below a second lies only what a log axis cannot show: it stands at the left edge.
        left = max(min(positive), 1 / 86400) * 0.7
        right = max(positive) * 1.6
        ax.set_xscale("log")
        ax.set_xlim(left, right)
        inside = [x for x in ROUND if left <= x <= right]
        thin = inside if len(inside) <= 7 else inside[len(inside) % 2 :: 2]
        ax.xaxis.set_major_locator(FixedLocator(thin))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: duration(x, language)))
        ax.set_xlabel(phrase("time_axis_log", language), loc="left")
        return left
    ax.set_xlim(0, max(positive) * 1.12 if positive else 1.0)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xlabel(phrase("time_axis", language), loc="left")
    return 0.0


def _stay(
    ax: Axes,
    rows: chart.Rows,
    place: tuple[int, int],
    stay: tuple[Cell, ...],
    *,
    left: float,
    language: str,
    minimum: int,
) -> None:
    q25, median, q75 = stay
    y, colour = rows.y(*place), rows.colour(place[1])
    reached = [cell for cell in stay if cell.known]
    open_ended = _not_reached(median)
    if not reached and not open_ended:
        chart.unknown(ax, rows, place, state(median, language=language, minimum=minimum))
        return
    height = 0.46 if not rows.grouped else 0.7
    if q25.known:
        start = max(q25.value, left)
        end = max(q75.value, left) if q75.known else ax.get_xlim()[1]
        if q75.known or _not_reached(q75):
            ax.barh(y, end - start, left=start, height=height, color=colour, alpha=0.3, lw=0)
        if not q75.known and _not_reached(q75):
            chart.arrow(ax, y, start, colour=colour)
    if median.known:
        chart.whisker(ax, y, median, colour=colour, least=left)
        dot = max(median.value, left)
        ax.plot([dot], [y], color=colour, marker=rows.marker(place[1]), ms=5.5, zorder=4)
        text = duration(median.value, language)
    else:
        if not q25.known:
            chart.arrow(ax, y, median.low if median.low > left else left, colour=colour)
        text = phrase("not_reached", language)
    base = next((cell.n for cell in (median, q25, q75) if cell.n == cell.n), math.nan)
    if base == base:
        text += " · " + phrase("n", language, n=count(base, language))
    chart.side(ax, y, text)


def _not_reached(cell: Cell) -> bool:
    """A quantile that lies beyond the data, unlike one withheld or without any stay."""
    return not cell.known and cell.note == "not_reached"
