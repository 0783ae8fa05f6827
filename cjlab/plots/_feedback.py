"""Where customers are heard: touchpoint by touchpoint, none, too little or enough."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from cjlab.plots import heat, theme
from cjlab.plots.frames import Cell, Table, read
from cjlab.plots.theme import Look
from cjlab.plots.words import count

#: None, too little, enough: told apart by lightness too.
STATES = ("feedback_none", "feedback_little", "feedback_enough")
COLOURS = ("#F3D9C6", "#7FB3D5", "#0B3C5D")


@theme.themed
def feedback_coverage(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
    top: int = 20,
) -> Axes:
    """Draw which touchpoints have no feedback, too little, or enough for the margin.

    Each cell holds the number of answers, and those that the margin needs where there are too
    few. Cells that nobody met are blank, suppressed ones hatched grey.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.voice.coverage` gives: `touchpoint, kind`, metrics `answers`, `needed` and
        `per_100`. With channels: filter to one first.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each touchpoint's and kind's id.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where a number is suppressed.
    top : int, default 20
        How many touchpoints to draw, the most visited ones; a note counts the others.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table holds several groups.
    """
    table = read(estimates, dims=["touchpoint", "kind"], figure="feedback_coverage", groups=0)
    look = Look(ax, labels, title, language, minimum)
    places, kinds = table.keys["touchpoint"], table.keys["kind"]
    shown = [place for place in places if _met(table, place, kinds)][:top]
    ax = theme.start(ax, height=1.9 + 0.36 * max(len(shown), 2))
    if not shown:
        return theme.empty(ax, look, look.say("empty"))
    cells = [[_cell(table, place, kind) for kind in kinds] for place in shown]
    heat.draw(
        ax,
        cells,
        lambda cell: _written(cell, look),
        rows=[look.name(place) for place in shown],
        bases=[_base(table, place, kinds, look) for place in shown],
        columns=[look.name(kind) if look.labels and kind in look.labels else
                 look.say(f"feedback_{kind}") for kind in kinds],
        cmap=ListedColormap(COLOURS),
        limits=(-0.5, 2.5),
        row_room=2.0,
    )  # fmt: skip
    ax.set_ylabel("")
    ax.set_xlabel("")
    _key(ax, look)
    notes = [look.say("feedback_note")]
    if any(cell.suppressed for row in cells for cell in row):
        notes.append(look.say("hatched", minimum=minimum))
    if len(places) > len(shown):
        notes.append(look.counted("feedback_more", len(places) - len(shown)))
    return theme.finish(ax, look, *notes)


def _met(table: Table, place: str, kinds: list[str]) -> bool:
    """Whether anybody is known to have met a touchpoint, or may have where it is withheld."""
    cells = [table.cell("per_100", place, kind) for kind in kinds]
    return any(cell.known or cell.suppressed for cell in cells)


def _cell(table: Table, place: str, kind: str) -> Cell:
    """The state of a cell as its value; its base the answers, its upper end those needed."""
    answers, needed = (table.cell(metric, place, kind) for metric in ("answers", "needed"))
    if not answers.known:
        return answers
    if not needed.known:
        # Nobody met it, or what it takes is withheld: how far the answers go is not known.
        return needed._replace(n=answers.value)
    state = 0 if not answers.value else 1 if answers.value < needed.value else 2
    return Cell(state, n=answers.value, high=needed.value, status="ok")


def _written(cell: Cell, look: Look) -> str:
    if cell.suppressed:
        return look.say("small_short", minimum=look.minimum) if cell.small else ""
    if not cell.known:
        return ""
    if cell.value == 1:
        numbers = {"n": count(cell.n, look.language), "needed": count(cell.high, look.language)}
        return look.say("feedback_of", **numbers)
    return count(cell.n, look.language)


def _base(table: Table, place: str, kinds: list[str], look: Look) -> str:
    known = [table.cell("per_100", place, kind).n for kind in kinds]
    base = max((n for n in known if n == n), default=None)
    return "" if base is None else look.counted("customers", base)


def _key(ax: Axes, look: Look) -> None:
    patches = [Patch(color=c, label=look.say(s)) for c, s in zip(COLOURS, STATES, strict=True)]
    ax.legend(handles=patches, loc="upper left", bbox_to_anchor=(0, -0.01), ncols=3)
