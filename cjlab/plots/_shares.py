"""Shares of customers row by row: the funnel, the drop-off, the personas' sizes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import theme
from cjlab.plots.rows import Chart
from cjlab.plots.theme import Look
from cjlab.plots.words import count, share


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
    look = Look(ax, labels, title, language, minimum)
    chart = Chart(estimates, "step", look, figure="funnel")
    chart.percent_axis("funnel_axis", top=1.03 if chart.grouped else 1.0)
    for slot in chart.slots():
        rate, reached = slot.cell("from_first"), slot.cell("reached")
        if not rate.known:
            slot.unknown(rate)
        elif chart.table.group is None:
            slot.bar(rate)
        else:
            slot.dot(rate.value)
            slot.whisker(rate)
        shown = [share(rate.value, language)] if rate.known else []
        if reached.known:
            n = count(reached.value, language)
            shown.append(n if chart.grouped else look.say("customers", n=n))
        slot.side(*shown)
    return chart.finish("interval_bars", "funnel_note")


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
    look = Look(ax, labels, title, language, minimum)
    chart = Chart(estimates, "step", look, figure="dropoff")
    chart.percent_axis("dropoff_axis", top=chart.top("dropoff", most=1.02))
    for slot in chart.slots():
        lost = slot.cell("dropoff")
        if not lost.known:
            slot.unknown(lost)
            continue
        slot.whisker(lost)
        slot.dot(lost.value, ms=6, zorder=2)
        base = [look.counted("n", lost.n)] if lost.n == lost.n else []
        slot.side(share(lost.value, language), *base)
    return chart.finish("interval_bars", "dropoff_note")


@theme.themed
def persona_sizes(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw each persona's share of the customers with its 95% interval and its size.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.personas.sizes` gives: `persona`, metrics `share` and `customers`. A
        suppressed persona is drawn hatched, with the reason.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human name of each persona's id.
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
    look = Look(ax, labels, title, language, minimum)
    chart = Chart(estimates, "persona", look, figure="persona_sizes", groups=0)
    chart.percent_axis("sizes_axis", top=chart.top("share"))
    for slot in chart.slots():
        part, size = slot.cell("share"), slot.cell("customers")
        if not part.known:
            slot.unknown(part)
            continue
        slot.bar(part)
        customers = [look.counted("customers", size.value)] if size.known else []
        slot.side(share(part.value, language), *customers)
    return chart.finish("interval_bars")
