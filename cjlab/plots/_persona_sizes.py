"""How many customers each persona has."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import rows as chart
from cjlab.plots import theme
from cjlab.plots.frames import read, state
from cjlab.plots.words import count, phrase, share


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
    table = read(estimates, dims=["persona"], figure="persona_sizes", groups=0)
    personas = table.keys["persona"]
    rows = chart.Rows(personas)
    ax = chart.start(ax, rows)
    if not personas:
        theme.empty(ax, phrase("empty", language))
        return theme.finish(ax, title=title, note=None)
    chart.label(ax, rows, [theme.human(persona, labels) for persona in personas])
    chart.percent_axis(
        ax,
        language=language,
        top=chart.top_of(table.metric("share")),
        text=phrase("sizes_axis", language),
    )
    theme.grid(ax)
    for block, persona in enumerate(personas):
        part, size = table.cell("share", persona), table.cell("customers", persona)
        y = rows.y(block)
        if not part.known:
            chart.unknown(ax, rows, (block, 0), state(part, language=language, minimum=minimum))
            continue
        ax.barh(y, part.value, height=0.62, color=theme.MAIN, zorder=2)
        chart.whisker(ax, y, part)
        words = [share(part.value, language)]
        if size.known:
            words.append(phrase("customers", language, n=count(size.value, language)))
        chart.side(ax, y, " · ".join(words))
    return theme.finish(ax, title=title, note=phrase("interval_bars", language))
