"""Where customers move between stages: boxes in order, bands as wide as the moves are many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path

from cjlab.plots import theme
from cjlab.plots.frames import read, state
from cjlab.plots.theme import Look
from cjlab.plots.words import count, share

START, END = "(start)", "(end)"
#: Half the width of a stage's box, and the widest band, in units of a row's height.
_HALF, _WIDEST = 1.35, 0.34


@theme.themed
def flow(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the moves between stages: onward on the right, back on the left.

    A band is as wide as its moves are many; the largest carry their number. Each box says
    which share of the journeys begin there, and in how many cases of being there nothing
    followed.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.transitions` gives, best with ``ends=True``: `from, to`, metrics
        `count` and `probability`. Without a breakdown: filter to one persona first.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each stage's id; its order is the order of the boxes.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where moves are withheld.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table holds several groups.
    """
    table = read(estimates, dims=["from", "to"], figure="flow", groups=0)
    look = Look(ax, labels, title, language, minimum)
    seen = list(dict.fromkeys([*table.keys["from"], *table.keys["to"]]))
    rank: dict[Any, int] = {name: place for place, name in enumerate(labels or {})}
    stages = [name for name in seen if name not in (START, END)]
    stages.sort(key=lambda name: rank.get(name, len(rank)))
    place = {name: row for row, name in enumerate(stages)}
    ax = theme.start(ax, height=1.2 + 0.62 * max(len(stages), 2))
    moves = {
        (start, end): cell
        for start in stages
        for end in stages
        if start != end and (cell := table.cell("count", start, end)) and cell.known
    }
    if not moves:
        cells = table.metric("count")
        return theme.empty(ax, look, state(cells[0], look) if cells else look.say("empty"))
    most = max(cell.value for cell in moves.values())
    # Narrow bands lie on wide ones.
    for (start, end), cell in sorted(moves.items(), key=lambda item: -item[1].value):
        width = _WIDEST * cell.value / most
        text = count(cell.value, language) if cell.value >= 0.12 * most else ""
        _band(ax, place[start], place[end], width, text)
    for name, row in place.items():
        begun, ended = (table.cell("probability", *k) for k in ((START, name), (name, END)))
        said = [look.name(name)]
        facts = [
            look.say(key, share=share(cell.value, language))
            for key, cell in (("flow_start", begun), ("flow_end", ended))
            if cell.known and cell.value > 0
        ]
        _box(ax, row, said[0], " · ".join(facts))
    reach = _HALF + 0.5 + 0.42 * len(stages)
    ax.set(xlim=(-reach, reach), ylim=(len(stages) - 0.45, -0.55), xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set_visible(False)
    hidden = any(cell.suppressed for cell in table.metric("count"))
    notes = [look.say("flow_note")]
    return theme.finish(
        ax, look, *notes, *([look.say("flow_hidden", minimum=minimum)] if hidden else [])
    )


def _band(ax: Axes, start: int, end: int, width: float, text: str) -> None:
    """Draw one curved band from box to box, onward to the right, back to the left."""
    onward = end > start
    side = 1.0 if onward else -1.0
    edge = side * _HALF
    far = edge + side * (0.35 + 0.42 * abs(end - start)) * 4 / 3
    leave, arrive = (start + 0.13, end - 0.13) if onward else (start - 0.13, end + 0.13)
    down = 1.0 if onward else -1.0
    half = width / 2 * down
    outer = [(edge, leave - half), (far, leave - half), (far, arrive + half), (edge, arrive + half)]
    inner = [(edge, arrive - half)]
    thick = side * width
    inner += [(far - thick, arrive - half), (far - thick, leave + half), (edge, leave + half)]
    curve = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    codes = [*curve, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]
    shape = Path([*outer, *inner, (0, 0)], codes)
    colour = theme.MAIN if onward else theme.WARN
    ax.add_patch(PathPatch(shape, facecolor=colour, alpha=0.45, lw=0, zorder=2))
    # An arrow head says where the band ends even where colours cannot be told apart.
    head: Any = {"marker": "<" if onward else ">", "ms": 4.5, "color": colour, "ls": ""}
    ax.plot([edge + side * 0.06], [arrive], zorder=5, **head)
    if text:
        x = edge + 0.75 * (far - edge) + side * 0.03
        box: Any = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        how: Any = {"ha": "left" if onward else "right", "va": "center", "zorder": 6, "bbox": box}
        theme.small(ax, x, (start + end) / 2, text, **how)


def _box(ax: Axes, row: int, name: str, facts: str) -> None:
    corner = (-_HALF + 0.05, row - 0.27)
    look: Any = {"boxstyle": "round,pad=0,rounding_size=0.12", "facecolor": "white"}
    ax.add_patch(
        FancyBboxPatch(
            corner, 2 * _HALF - 0.1, 0.54, edgecolor=theme.GREY, lw=1.0, zorder=4, **look
        )
    )
    top = row - (0.1 if facts else 0.0)
    how: Any = {"ha": "center", "va": "center", "zorder": 6}
    ax.text(0, top, theme.wrap(name, width=1.9, size=8.5, lines=1), size=8.5, weight="bold", **how)
    if facts:
        ax.text(0, row + 0.13, facts, size=theme.SMALL, color=theme.QUIET, **how)
