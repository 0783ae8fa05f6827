"""Grids over time: who comes back in which period, and where journeys stand at each step."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from cjlab.plots import heat, theme
from cjlab.plots.frames import ABSENT, Cell, read, state
from cjlab.plots.theme import Look
from cjlab.plots.words import share

END = "(end)"


@theme.themed
def retention(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the share of each cohort that is active in each later period.

    Cells that are not over yet are plain grey, withheld ones hatched: neither is 0.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.retention` gives: `cohort, period`, metric `retention`. Without a
        breakdown: filter to one segment first.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each cohort's id.
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
    table = read(estimates, dims=["cohort", "period"], figure="retention", groups=0)
    look = Look(ax, labels, title, language, minimum)
    cohorts = table.keys["cohort"]
    periods = sorted(table.keys["period"])
    # The table ends where observation does; what lies beyond is not known yet.
    later_on = Cell(status="not_yet_observed")
    cells = [
        [table.cells.get(("retention", cohort, k), later_on) for k in periods] for cohort in cohorts
    ]
    ax = theme.start(ax, height=1.7 + 0.4 * max(len(cohorts), 2))
    if not cohorts:
        return theme.empty(ax, look, look.say("empty"))
    if not heat.known(cells):
        return theme.empty(ax, look, state(cells[0][0], look))
    later = [c.value for row in cells for k, c in zip(periods, row, strict=True) if c.known and k]
    bases = [max((cell.n for cell in row if cell.n == cell.n), default=None) for row in cells]
    heat.draw(
        ax,
        cells,
        lambda cell: _written(cell, look),
        rows=[look.name(cohort) for cohort in cohorts],
        bases=["" if base is None else look.counted("n", base) for base in bases],
        columns=[str(k) for k in periods],
        cmap=sns.light_palette(theme.MAIN, as_cmap=True),
        limits=_shades(later),
        row_room=1.2,
    )
    ax.set_ylabel(look.say("retention_cohort"), loc="top")
    ax.set_xlabel(look.say("retention_period"), loc="left")
    return theme.finish(ax, look, *_grey(cells, look))


@theme.themed
def step_matrix(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the share of journeys that stand in each stage at each step.

    Each column sums to 1; those whose journey is over stay in the last row.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.step_matrix` gives: `step, stage` (or touchpoint), metric `share`.
        Without a breakdown: filter to one segment first.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each stage's id.
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
    level = next((c for c in ("stage", "touchpoint", "channel") if c in estimates.columns), "stage")
    table = read(estimates, dims=["step", level], figure="step_matrix", groups=0)
    look = Look(ax, labels, title, language, minimum)
    steps = sorted(table.keys["step"])
    states = [state for state in table.keys[level] if state != END] + [END]
    cells = [[table.cell("share", step, name) for step in steps] for name in states]
    ax = theme.start(ax, height=1.5 + 0.4 * len(states))
    if not heat.known(cells):
        return theme.empty(ax, look, look.say("empty"))
    going = [cell.value for row in cells[:-1] for cell in row if cell.known]
    heat.draw(
        ax,
        cells,
        lambda cell: "" if cell.known and cell.value == 0 else _written(cell, look),
        rows=[look.name(name) for name in states],
        columns=[str(step) for step in steps],
        cmap=sns.light_palette(theme.MAIN, as_cmap=True),
        limits=(0.0, max([0.05, *going])),
        row_room=1.6,
    )
    ax.set_ylabel("")
    ax.set_xlabel(look.say("step_axis"), loc="left")
    base = max((cell.n for row in cells for cell in row if cell.n == cell.n), default=None)
    notes = [] if base is None else [look.counted("step_note", base)]
    return theme.finish(ax, look, *notes, *_grey(cells, look))


def _shades(later: list[float]) -> tuple[float, float]:
    """Ends of the colours: for those who come back, since period 0 holds nearly everyone."""
    low, high = min(later, default=0.0), max(later, default=1.0)
    return max(0.0, low - max(0.05, high - low)), max(0.05, high)


def _written(cell: Cell, look: Look) -> str:
    if cell.known:
        return share(cell.value, look.language)
    if cell.suppressed:
        return look.say("small_short", minimum=look.minimum) if cell.small else ""
    return "" if cell is ABSENT or cell.status == "not_yet_observed" else "–"


def _grey(cells: heat.Cells, look: Look) -> list[str]:
    every = [cell for row in cells for cell in row]
    notes = []
    if any(cell.status == "not_yet_observed" for cell in every):
        notes.append(look.say("grey_not_yet"))
    if any(cell.suppressed for cell in every):
        notes.append(look.say("hatched", minimum=look.minimum))
    return notes
