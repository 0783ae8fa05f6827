"""What sets each persona apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import heat, theme
from cjlab.plots.frames import Table, read
from cjlab.plots.words import phrase, signed

#: The colours' ends: differences beyond this many standard deviations look alike.
STRONG = 1.5


@theme.themed
def persona_profile(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
    metric: str = "difference",
) -> Axes:
    """Draw standardised differences by feature and persona as a diverging heatmap.

    0 is like all customers; 1 is one standard deviation above. Features stand in the order of
    their largest difference. A difference whose 95% interval leaves out 0 is bold.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.personas.profile` gives: `persona, feature`, metric `difference`. A
        suppressed cell is hatched.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human name of each persona's and feature's id.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where a number is suppressed.
    metric : str, default "difference"
        Which metric of the table to draw.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table has a further breakdown.
    """
    table = read(estimates, dims=["persona", "feature"], figure="persona_profile", groups=0)
    personas = table.keys["persona"]
    features = _by_strength(table, metric)
    ax = theme.start(ax, height=1.7 + 0.36 * max(len(features), 2))
    values = np.array(
        [[_value(table, metric, p, f) for p in personas] for f in features], dtype=np.float64
    ).reshape(len(features), len(personas))
    if not np.isfinite(values).any():
        theme.empty(ax, phrase("empty", language))
        return theme.finish(ax, title=title, note=None)
    hidden = np.array(
        [[table.cell(metric, p, f).suppressed for p in personas] for f in features], dtype=bool
    )
    texts = np.array(
        [[signed(x, language) if x == x else "–" for x in row] for row in values], dtype=object
    )
    texts[hidden] = phrase("small_short", language, minimum=minimum)
    heat.draw(
        ax,
        values,
        texts=texts,
        hidden=hidden,
        rows=[theme.human(feature, labels) for feature in features],
        columns=[theme.human(persona, labels) for persona in personas],
        cmap="RdBu_r",
        vmin=-STRONG,
        vmax=STRONG,
        row_room=2.2,
    )
    ax.set(xlabel="", ylabel="")
    sure = {
        (j + 0.5, i + 0.5)
        for i, feature in enumerate(features)
        for j, persona in enumerate(personas)
        if _leaves_out_zero(table, metric, persona, feature)
    }
    for text in ax.texts:
        if text.get_position() in sure:
            text.set_fontweight("bold")
    intervals = any(cell.low == cell.low for cell in table.metric(metric))
    notes = [phrase("profile_note", language)]
    if intervals:
        notes.append(phrase("profile_bold", language))
    if hidden.any():
        notes.append(phrase("hatched", language, minimum=minimum))
    return theme.finish(ax, title=title, note="; ".join(notes))


def _value(table: Table, metric: str, persona: object, feature: object) -> float:
    cell = table.cell(metric, persona, feature)
    return cell.value if cell.known else np.nan


def _leaves_out_zero(table: Table, metric: str, persona: object, feature: object) -> bool:
    cell = table.cell(metric, persona, feature)
    return cell.known and (cell.low > 0 or cell.high < 0)


def _by_strength(table: Table, metric: str) -> list[object]:
    def strength(feature: object) -> float:
        cells = [table.cell(metric, persona, feature) for persona in table.keys["persona"]]
        return max((abs(cell.value) for cell in cells if cell.known), default=-1.0)

    return sorted(table.keys["feature"], key=strength, reverse=True)
