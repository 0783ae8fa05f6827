"""Tables as pictures: where customers go next, and what sets each persona apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from cjlab.plots import heat, theme
from cjlab.plots.frames import ABSENT, Cell, Table, read, state
from cjlab.plots.theme import Look
from cjlab.plots.words import share, signed

#: The colours' ends: differences beyond this many standard deviations look alike.
STRONG = 1.5


@theme.themed
def transitions(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the probabilities of what comes next as an annotated heatmap.

    Each row sums to 1 over the observed next events; its label carries n. A pair never seen
    is blank, a suppressed one hatched grey.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.transitions` gives: `from, to`, metric `probability` (`count` and
        `median_time` are not drawn). Without a breakdown: filter to one persona first.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each state's id; its order is the order of rows and columns. States
        that it does not name follow, save the table's first.
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
        A column is missing or the table holds several groups.
    """
    table = read(estimates, dims=["from", "to"], figure="transitions", groups=0)
    look = Look(ax, labels, title, language, minimum)
    rows, columns = _states(table, labels)
    ax = theme.start(ax, height=1.9 + 0.46 * max(len(rows), 2))
    if not rows:
        return theme.empty(ax, look, look.say("empty"))
    cells = [[table.cell("probability", start, end) for end in columns] for start in rows]
    known = heat.known(cells)
    if not known:
        return theme.empty(ax, look, state(table.metric("probability")[0], look))

    def write(cell: Cell) -> str:
        if cell is ABSENT:
            return ""
        if cell.known:
            return share(cell.value, language)
        if cell.suppressed:
            return look.say("small_short", minimum=minimum) if cell.small else ""
        return "–" if cell.n == 0 else "?"

    bases = [max((cell.n for cell in row if cell.n == cell.n), default=None) for row in cells]
    heat.draw(
        ax,
        cells,
        write,
        rows=[look.name(state) for state in rows],
        bases=["" if base is None else look.counted("n", base) for base in bases],
        columns=[look.name(state) for state in columns],
        cmap=sns.light_palette(theme.MAIN, as_cmap=True),
        limits=(0.0, max(0.05, *(cell.value for cell in known))),
        row_room=1.7,
    )
    ax.set_ylabel(look.say("from"), loc="top")
    ax.set_xlabel(look.say("to"), loc="left")
    return theme.finish(ax, look, look.say("transitions_note"), *_hatched(cells, look))


@theme.themed
def persona_profile(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
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

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table has a further breakdown.
    """
    table = read(estimates, dims=["persona", "feature"], figure="persona_profile", groups=0)
    look = Look(ax, labels, title, language, minimum)
    personas = table.keys["persona"]
    rows = {
        feature: [table.cell("difference", persona, feature) for persona in personas]
        for feature in table.keys["feature"]
    }
    features = sorted(rows, key=lambda feature: _strength(rows[feature]), reverse=True)
    cells = [rows[feature] for feature in features]
    ax = theme.start(ax, height=1.7 + 0.36 * max(len(features), 2))
    if not heat.known(cells):
        return theme.empty(ax, look, look.say("empty"))

    def write(cell: Cell) -> str:
        if cell.suppressed:
            return look.say("small_short", minimum=minimum)
        return signed(cell.value, language) if cell.known else "–"

    heat.draw(
        ax,
        cells,
        write,
        rows=[look.name(feature) for feature in features],
        columns=[look.name(persona) for persona in personas],
        bold=True,
        cmap="RdBu_r",
        limits=(-STRONG, STRONG),
        row_room=2.2,
    )
    ax.set(xlabel="", ylabel="")
    intervals = any(cell.low == cell.low for cell in table.metric("difference"))
    notes = ["profile_note", "profile_bold"] if intervals else ["profile_note"]
    return theme.finish(ax, look, *map(look.say, notes), *_hatched(cells, look))


def _states(table: Table, labels: Mapping[str, str] | None) -> tuple[list[Any], list[Any]]:
    held = [key for key in table.cells if key[0] == "probability"]
    origins, targets = (dict.fromkeys(key[place] for key in held) for place in (1, 2))
    seen: list[Any] = list(origins | targets)
    if labels is not None:
        rank: dict[Any, int] = {item: place for place, item in enumerate(labels)}
        # "(start)" is no stage and comes first in the table; "(end)" comes last.
        rank |= {first: -1 for first in seen[:1] if first not in rank}
        seen.sort(key=lambda item: rank.get(item, len(rank)))
    return [s for s in seen if s in origins], [s for s in seen if s in targets]


def _strength(cells: list[Cell]) -> float:
    return max((abs(cell.value) for cell in cells if cell.known), default=-1.0)


def _hatched(cells: heat.Cells, look: Look) -> list[str]:
    hidden = any(cell.suppressed for row in cells for cell in row)
    return [look.say("hatched", minimum=look.minimum)] if hidden else []
