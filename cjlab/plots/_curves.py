"""Curves over days, with how many are still followed written below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cjlab.plots import theme
from cjlab.plots.frames import Cell, Table, need, read
from cjlab.plots.theme import MARKERS, PALETTE, Look
from cjlab.plots.words import count, share

_LINES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 2, 1, 2)))


@theme.themed
def stay_curve(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the share of stays that last longer than so many days, with a table of n at risk.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.stay_curve` gives: `stage, day`, metric `survival`; one curve a
        stage, or a group where one stage is left.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each stage's and group's id.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell; curves end where fewer are left.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing, or several stages and a breakdown are in the table.
    """
    look = Look(ax, labels, title, language, minimum)
    need(estimates, ["stage"], figure="stay_curve")
    groups = 1 if estimates["stage"].nunique() == 1 else 0
    table = read(estimates, dims=["stage", "day"], figure="stay_curve", groups=groups)
    return _draw(table, look, "survival", "stay_axis", "stay_note", start=1.0)


@theme.themed
def convert_curve(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw the share of customers who have converted by each day, open waits allowed for.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.journey.convert_curve` gives: `from, to, day`, metric `converted`; one
        curve, or one a group.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each group's id.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell; curves end where fewer are left.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing or the table has more than one breakdown.
    """
    look = Look(ax, labels, title, language, minimum)
    one = estimates.drop(columns=["from", "to"], errors="ignore")
    table = read(one, dims=["day"], figure="convert_curve")
    return _draw(table, look, "converted", "convert_axis", "convert_note", start=0.0)


def _draw(table: Table, look: Look, metric: str, axis: str, note: str, *, start: float) -> Axes:
    """Draw one curve a group, from day 0 on."""
    days = sorted(table.keys["day"])
    names = _names(table)
    curves = {
        name: [(0.0, Cell(start, n=np.nan, status="ok"))]
        + [(float(day), cell) for day in days if (cell := _at(table, metric, name, day)).known]
        for name in names
    }
    curves = {name: points for name, points in curves.items() if len(points) > 1}
    ax = theme.start(look.ax, height=3.1 + 0.17 * len(curves))
    if not curves:
        return theme.empty(ax, look, look.say("empty"))
    for place, (name, points) in enumerate(curves.items()):
        _curve(ax, points, place, theme.wrap(look.name(name), width=1.3, size=8.5, lines=1))
    ax.set_xlim(0, max(day for points in curves.values() for day, _ in points) * 1.02)
    low, high = (0.0, 1.0) if start else (0.0, min(1.0, 1.15 * _highest(curves)))
    ax.set_ylim(low, high * 1.02)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: share(round(y, 6), look.language)))
    theme.grid(ax, axis="y")
    _at_risk(ax, curves, look)
    ax.set_xlabel(look.say(axis), loc="left", labelpad=8 + 11.5 * len(curves))
    above = 0.0
    if len(curves) > 1:
        drawn = ax.legend(bbox_to_anchor=(0, 1.0), ncols=min(4, len(curves)), columnspacing=1.4)
        drawn.set_in_layout(False)
        above = 3.0 + 14.5 * -(-len(curves) // 4)
    return theme.finish(ax, look, look.say(note), look.say("ribbon"), above=above)


def _names(table: Table) -> list[Any]:
    if table.group is not None:
        return table.keys[table.group]
    return table.keys.get("stage", [None])


def _at(table: Table, metric: str, name: Any, day: Any) -> Cell:
    if "stage" not in table.keys:
        return table.cell(metric, day, name) if table.group else table.cell(metric, day)
    if table.group is None:
        return table.cell(metric, name, day)
    return table.cell(metric, table.keys["stage"][0], day, name)


def _curve(ax: Axes, points: list[tuple[float, Cell]], place: int, name: str) -> None:
    colour = PALETTE[place % len(PALETTE)]
    days = [day for day, _ in points]
    line: Any = {"color": colour, "ls": _LINES[place % len(_LINES)], "lw": 1.7}
    ax.plot(days, [cell.value for _, cell in points], label=name, zorder=3, **line)
    marks: Any = {"ms": 4.5, "ls": "", "color": colour, "marker": MARKERS[place % len(MARKERS)]}
    ax.plot(days[1:], [cell.value for _, cell in points[1:]], zorder=4, **marks)
    known = [(day, cell) for day, cell in points if cell.low == cell.low and cell.high == cell.high]
    if known:
        limits = ([cell.low for _, cell in known], [cell.high for _, cell in known])
        ax.fill_between([day for day, _ in known], *limits, color=colour, alpha=0.15, lw=0)


def _highest(curves: Mapping[Any, list[tuple[float, Cell]]]) -> float:
    every = [c for points in curves.values() for _, c in points]
    return max([x for c in every for x in (c.value, c.high) if x == x], default=1.0) or 1.0


def _at_risk(ax: Axes, curves: Mapping[Any, list[tuple[float, Cell]]], look: Look) -> None:
    """Write below the axis how many are at risk on some days, a row a curve."""
    last = max(day for points in curves.values() for day, _ in points)
    every = sorted({day for points in curves.values() for day, _ in points[1:]})
    shown: list[float] = []
    for day in every:
        if day - (shown[-1] if shown else 0.0) >= last / 9:
            shown.append(day)
    ax.set_xticks([0.0, *shown], [f"{day:g}" for day in (0.0, *shown)])
    places: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    how: Any = {"size": theme.SMALL, "ha": "center", "va": "top"}
    for row, points in enumerate(curves.values()):
        colour, down = PALETTE[row % len(PALETTE)], -16 - 11.5 * row
        sizes = {day: cell.n for day, cell in points}
        for day in shown:
            n = sizes.get(day, np.nan)
            if n == n:
                text = count(n, look.language)
                ax.annotate(text, (day, 0), (0, down), color=colour, **places, **how)
        edge: Any = {"xycoords": "axes fraction", "textcoords": "offset points"}
        how_left = {**how, "ha": "right"}
        ax.annotate(look.say("at_risk"), (0, 0), (-2, down), color=colour, **edge, **how_left)
