"""How many events the touchpoint rules map to a stage, and which they miss."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import rows as chart
from cjlab.plots import theme
from cjlab.plots.frames import need
from cjlab.plots.words import count, phrase, share


@theme.themed
def coverage(
    quality: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    top: int = 10,
) -> Axes:
    """Draw the share of events with a stage, and the most frequent touchpoints without one.

    Parameters
    ----------
    quality : DataFrame
        One row a touchpoint: `touchpoint`, `stage` (null where no rule maps it), `events`
        (count).
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each touchpoint's id.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    top : int, default 10
        How many unmapped touchpoints to name; the others share one bar, "(other)".

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing.
    """
    need(quality, ["touchpoint", "stage", "events"], figure="coverage")
    events = quality["events"].fillna(0).astype("int64")
    missed = quality["stage"].isna()
    total = int(events.sum())
    if not total:
        ax = theme.start(ax, height=2.2)
        theme.empty(ax, phrase("no_rows", language))
        return theme.finish(ax, title=title, note=None)
    bars = [
        (phrase("mapped", language), int(events[~missed].sum()), theme.MAIN),
        (phrase("unmapped", language), int(events[missed].sum()), theme.WARN),
        *_missed(quality[missed], labels, language, top=top),
    ]
    rows = chart.Rows(range(len(bars)))
    ax = theme.start(ax, height=1.25 + 0.34 * len(bars))
    chart.label(ax, rows, [name for name, _, _ in bars])
    chart.percent_axis(ax, language=language, top=1.0, text=phrase("coverage_axis", language))
    theme.grid(ax)
    for place, (_, number, colour) in enumerate(bars):
        ax.barh(rows.y(place), number / total, height=0.62, color=colour, zorder=2)
        words = {"n": count(number, language), "share": share(number / total, language)}
        chart.side(ax, rows.y(place), phrase("events", language, **words))
    if len(bars) > 2:
        ax.axhline(1.5, color=theme.GREY, lw=0.8)
    note = phrase("coverage_note", language) if len(bars) > 2 else None
    return theme.finish(ax, title=title, note=note)


def _missed(
    frame: pd.DataFrame, labels: Mapping[str, str] | None, language: str, *, top: int
) -> list[tuple[str, int, str]]:
    # By size, then by name: a tie must not depend on the order of rows.
    sums = frame.groupby("touchpoint", dropna=False)["events"].sum().reset_index()
    sums = sums.sort_values(["events", "touchpoint"], ascending=[False, True], kind="stable")
    pale = "#E9A57A"
    named = [
        (theme.human(name, labels), int(number), pale)
        for name, number in zip(sums["touchpoint"][:top], sums["events"][:top], strict=True)
    ]
    rest = int(sums["events"][top:].sum())
    return [*named, (phrase("other", language), rest, pale)] if rest else named
