"""What customers write about: themes in rows, and themes by stage."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cjlab.messages import label
from cjlab.plots import heat, theme
from cjlab.plots.frames import ABSENT, Cell, read, state
from cjlab.plots.rows import Chart
from cjlab.plots.theme import Look
from cjlab.plots.words import share, signed

# What fits no theme stands below the themes, whatever its size.
_LAST = ("(other)", "(not read)")


def _look(
    ax: Axes | None,
    labels: Mapping[str, str] | None,
    title: str | None,
    language: str,
    minimum: int,
) -> Look:
    plain = Look(ax, None, title, language, minimum)
    named = {"(other)": plain.say("theme_other"), "(not read)": plain.say("theme_unread")}
    return Look(ax, {**named, **(labels or {})}, title, language, minimum)


@theme.themed
def themes(
    estimates: pd.DataFrame,
    *,
    metric: str | None = None,
    rows: int = 15,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw themes as dots with their intervals: the share of texts, or the impact on the NPS.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.voice.theme_shares` or `theme_impact` gives, with at most one breakdown.
    metric : str, optional
        By default ``share``, else ``nps_impact``.
    rows : int, default 15
        How many themes are drawn, the largest first (of an impact, the most harmful first); the
        note says how many are not.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Name of each theme, as `Themes.labels` gives them.
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
    look = _look(ax, labels, title, language, minimum)
    if metric is None:
        metric = "share" if (estimates["metric"] == "share").any() else "nps_impact"
    points = metric != "share"
    part = _in_order(estimates[estimates["metric"] == metric], up=points)
    every = list(dict.fromkeys(part["theme"]))
    part = part[part["theme"].isin(every[:rows])]
    chart = Chart(part, "theme", look, figure="themes")
    if points:
        _points_axis(chart, look, metric)
    else:
        chart.percent_axis("theme_axis", top=chart.top("share"))
    for slot in chart.slots():
        cell = slot.cell(metric)
        if not cell.known:
            slot.unknown(cell)
            continue
        slot.whisker(cell)
        slot.dot(cell.value)
        said = signed(cell.value, language) if points else share(cell.value, language)
        slot.side(said, look.counted("n", cell.n))
    drawn = chart.finish("interval_bars", "impact_note" if points else "theme_note")
    more = len(every) - rows
    if more > 0:
        theme.small(drawn, 1.0, 0.0, look.counted("rows_more", more), ha="right", va="bottom",
                    transform=drawn.transAxes)  # fmt: skip
    return drawn


def _in_order(part: pd.DataFrame, *, up: bool) -> pd.DataFrame:
    """Largest first, or lowest first; what has no number after what has, no theme at the end."""
    first = part.groupby("theme", sort=False)["value"].max()
    if not up:
        first = -first
    last = {name: at for at, name in enumerate(_LAST, 1)}
    keys = pd.DataFrame({"last": part["theme"].map(last).fillna(0), "by": part["theme"].map(first)})
    return part.loc[keys.sort_values(["last", "by"], kind="stable", na_position="last").index]


def _points_axis(chart: Chart, look: Look, metric: str) -> None:
    if not chart.blocks:
        return
    ax = chart.ax
    ax.axvline(0, color=theme.GREY, lw=1.0, zorder=1)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: signed(round(x, 6), look.language)))
    ax.set_xlabel(label("metric", metric, look.language), loc="left")
    theme.grid(ax)


@theme.themed
def theme_stages(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the share of texts that have each theme, by stage, as an annotated heatmap.

    Parameters
    ----------
    estimates : DataFrame
        What ``cjlab.voice.theme_shares(…, by="stage")`` gives. A suppressed cell is hatched.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Name of each theme and stage; the order of its stages is that of the columns.
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
    look = _look(ax, labels, title, language, minimum)
    part = estimates[(estimates["metric"] == "share") & (estimates["theme"] != "(not read)")]
    table = read(part, dims=["theme", "stage"], figure="theme_stages", groups=0)
    names = table.keys["theme"]
    rank = {name: at for at, name in enumerate(labels or {})}
    stages = sorted(table.keys["stage"], key=lambda stage: rank.get(stage, len(rank)))
    cells = [[table.cell("share", name, stage) for stage in stages] for name in names]
    ax = theme.start(ax, height=1.9 + 0.5 * max(len(names), 2))
    known = heat.known(cells)
    if not known:
        first = next((cell for row in cells for cell in row), ABSENT)
        return theme.empty(ax, look, look.say("empty") if first is ABSENT else state(first, look))

    def write(cell: Cell) -> str:
        if cell.known:
            return f"{share(cell.value, language)}\n{look.counted('n', cell.n)}"
        if cell.suppressed:
            return look.say("small_short", minimum=minimum) if cell.small else ""
        return "–"

    heat.draw(
        ax,
        cells,
        write,
        rows=[look.name(name) for name in names],
        columns=[look.name(stage) for stage in stages],
        cmap=sns.light_palette(theme.MAIN, as_cmap=True),
        limits=(0.0, max(0.05, *(cell.value for cell in known))),
        row_room=2.0,
    )
    hidden = any(cell.suppressed for row in cells for cell in row)
    notes = [look.say("hatched", minimum=minimum)] if hidden else []
    return theme.finish(ax, look, look.say("theme_stage_note"), *notes)
