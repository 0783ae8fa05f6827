"""How the number of personas was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import theme
from cjlab.plots.frames import need
from cjlab.plots.theme import Look
from cjlab.plots.words import phrase, share

MEASURES = ("silhouette", "prediction_strength", "min_jaccard")
#: What a number of personas must reach (CONVENTIONS, personas 3).
PREDICTION_STRENGTH, JACCARD = 0.8, 0.75


@theme.themed
def persona_curve(
    quality: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    chosen: int | None = None,
) -> Axes:
    """Draw separation and stability against the number of personas.

    Parameters
    ----------
    quality : DataFrame
        What `cjlab.personas.curve` gives, one row a k: `k, silhouette, prediction_strength,
        min_jaccard` (each at most 1, null where not defined); where present, `smallest` (the
        smallest persona's share of the customers, 0–1) is written under each k and `chosen`
        (bool) marks the k in use.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Other names for the three measures.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    chosen : int, optional
        The k in use, marked by a band; by default the table's `chosen`. A k that is not in the
        table is not marked.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing.
    """
    need(quality, ["k", *MEASURES], figure="persona_curve")
    names = {measure: phrase(measure, language) for measure in MEASURES} | dict(labels or {})
    look = Look(ax, names, title, language)
    ax = theme.start(ax, height=3.5)
    frame = quality.sort_values("k", kind="stable")
    shown = [m for m in MEASURES if frame[m].notna().any()]
    if not shown:
        return theme.empty(ax, look, look.say("empty"))
    ks = [int(k) for k in frame["k"]]
    if chosen is None and "chosen" in frame.columns:
        chosen = next((k for k, yes in zip(ks, frame["chosen"], strict=True) if yes), None)
    if chosen in ks:
        ax.axvspan(chosen - 0.3, chosen + 0.3, color=theme.PALE, lw=0, zorder=0)
        inside = ax.get_xaxis_transform()
        theme.small(ax, chosen, 0.03, look.say("curve_chosen"), transform=inside, ha="center")
    for place, measure in enumerate(MEASURES):
        if measure in shown:
            values = frame[measure].astype(float)
            how: Any = {"color": theme.PALETTE[place], "marker": theme.MARKERS[place]}
            ax.plot(ks, values, ms=5.5, lw=1.6, label=look.name(measure), **how)
    for level, place in ((PREDICTION_STRENGTH, 1), (JACCARD, 2)):
        ax.axhline(level, color=theme.PALETTE[place], ls=(0, (4, 3)), lw=1.0, zorder=1)
    lowest = min(0.0, float(frame[shown].min().min()) - 0.03)
    ax.set(ylim=(lowest, 1.04), xlim=(min(ks) - 0.5, max(ks) + 0.5))
    ax.set_xticks(ks, _ticks(frame, language))
    ax.set_xlabel(look.say("curve_axis"), loc="left")
    ax.set_ylabel(look.say("curve_value"))
    theme.grid(ax, axis="y")
    ax.legend(bbox_to_anchor=(0, 1.0), ncols=3)
    notes = [look.say("curve_note", strength=PREDICTION_STRENGTH, jaccard=JACCARD)]
    if "smallest" in frame.columns:
        notes.append(look.say("curve_smallest"))
    return theme.finish(ax, look, *notes, above=17.5)


def _ticks(frame: pd.DataFrame, language: str) -> list[str]:
    ks = [str(int(k)) for k in frame["k"]]
    if "smallest" not in frame.columns:
        return ks
    return [
        k if pd.isna(part) else f"{k}\n{share(float(part), language)}"
        for k, part in zip(ks, frame["smallest"], strict=True)
    ]
