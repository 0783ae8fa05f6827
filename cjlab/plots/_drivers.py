"""Drivers: the share of R² that goes with each, beside its standardised coefficient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cjlab.messages import number
from cjlab.plots import theme
from cjlab.plots.frames import need, read, reason
from cjlab.plots.rows import Chart, Slot
from cjlab.plots.theme import PALETTE, Look
from cjlab.plots.words import share

#: How much of the width the first panel takes, and where the second begins.
_FIRST, _SECOND = 0.56, 0.62


@theme.themed
def drivers(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw LMG of each driver as a dot with its interval, beside its standardised coefficient.

    A driver without numbers says why; where none has any, the figure does.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.voice.drivers` gives: `driver`, metrics `lmg`, `std_beta` and `r2`.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each driver.
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
        A column is missing or the table has a breakdown.
    """
    need(estimates, ["driver", "metric", "value"], figure="drivers")
    look = Look(ax, labels, title, language, minimum)
    whole = read(estimates[estimates["driver"].isna()], dims=["driver"], figure="drivers", groups=0)
    part = estimates[estimates["metric"].isin(["lmg", "std_beta"]) & estimates["driver"].notna()]
    order = part[part["metric"] == "lmg"].sort_values("value", ascending=False, kind="stable")
    place = {driver: number for number, driver in enumerate(order["driver"])}
    part = part.sort_values("driver", key=lambda column: column.map(place), kind="stable")
    chart = Chart(part, "driver", look, figure="drivers", groups=0, extra=1.5)
    cells = chart.table.metric("lmg")
    if not any(cell.known for cell in cells):
        why = reason(cells[0], look) if cells else look.say("empty")
        return theme.empty(chart.ax, look, why)
    top = chart.top("lmg")
    chart.percent_axis("drivers_lmg", top=top)
    ticks = [tick for tick in chart.ax.get_xticks() if 0 <= tick <= top]
    chart.ax.set_xlim(0, top / _FIRST)
    chart.ax.set_xticks(ticks)
    second = chart.ax.inset_axes((_SECOND, 0.0, 1 - _SECOND, 1.0))
    for slot in chart.slots():
        _row(slot, second)
    _second(chart, second)
    r2 = whole.cell("r2", None)
    told = [look.say("drivers_r2", share=share(r2.value, language))] if r2.known else []
    base = [look.counted("n", r2.n)] if r2.n == r2.n else []
    notes = [look.say("drivers_note"), *told, *base, look.say("interval_bars")]
    return theme.finish(chart.ax, look, *notes)


def _row(slot: Slot, second: Axes) -> None:
    """One driver: dot and interval in either panel, and both numbers."""
    cell, beta, look = slot.cell("lmg"), slot.cell("std_beta"), slot.chart.look
    if cell.known:
        slot.whisker(cell)
        slot.dot(cell.value, clip_on=False)
    else:
        slot.unknown(cell, reason(cell, look))
    if beta.known:
        if beta.low == beta.low:
            second.plot([beta.low, beta.high], [slot.y] * 2, color=PALETTE[1], lw=1.3, zorder=3)
        how: dict[str, Any] = {"color": PALETTE[1], "markerfacecolor": "white", "mew": 1.5}
        second.plot([beta.value], [slot.y], "D", ms=5, zorder=4, **how)
    texts = [share(cell.value, look.language)] if cell.known else []
    texts += [number(beta.value, 2)(look.language)] if beta.known else []
    slot.side(*texts)


def _second(chart: Chart, second: Axes) -> None:
    """Set the axis of the coefficients, around 0 in steps that can be read."""
    look = chart.look
    cells = [cell for cell in chart.table.metric("std_beta") if cell.known]
    ends = [x for c in cells for x in (c.value, c.low, c.high) if not math.isnan(x)] or [0.0, 1.0]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = 0.06 * (high - low or 1.0)
    second.set_xlim(low - room, high + room)
    second.set_ylim(chart.ax.get_ylim())
    second.axvline(0, color=theme.GREY, lw=0.9, zorder=1)
    second.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    second.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: number(round(x, 6), None)(look.language))
    )
    second.set_xlabel(look.say("drivers_beta"), loc="left")
    second.set_yticks([])
    theme.grid(second)
