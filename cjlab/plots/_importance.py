"""Importance beside performance: where each driver lies, how surely, and the four quadrants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cjlab.messages import number
from cjlab.plots import theme
from cjlab.plots._beside import name_points
from cjlab.plots.frames import Cell, Table, need, read, reason
from cjlab.plots.theme import PALETTE, Look
from cjlab.plots.words import share

#: Half axes of the ellipse that holds 95 % of a plane's normal distribution, in deviations.
_REACH = math.sqrt(5.991)
#: The chance of its quadrant from which a driver is drawn filled.
_SURE = 0.95
_TURN = np.linspace(0, 2 * np.pi, 73)


class Quadrant(NamedTuple):
    """Where a quadrant lies, 0 or 1 across and up, and how its drivers are drawn."""

    right: int
    top: int
    colour: str
    marker: str


_QUADRANTS = {
    "concentrate": Quadrant(0, 1, PALETTE[1], "D"),
    "keep_up": Quadrant(1, 1, PALETTE[2], "o"),
    "low_priority": Quadrant(0, 0, "#5A5A5A", "v"),
    "overkill": Quadrant(1, 0, PALETTE[0], "s"),
}
_NOWHERE = Quadrant(0, 0, theme.QUIET, "o")


@theme.themed
def importance_performance(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw drivers by performance and importance, each with its 95% ellipse, and the crosshair.

    Colour and mark are those of the likeliest quadrant; a driver with less than 95% for it is
    drawn hollow.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.voice.importance_performance` gives.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each driver.
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
        A column is missing or the table has a breakdown.
    """
    need(estimates, ["driver", "metric", "value"], figure="importance_performance")
    look = Look(ax, labels, title, language, minimum)
    table = read(estimates, dims=["driver"], figure="importance_performance", groups=0)
    drivers = [driver for driver in table.keys["driver"] if driver is not None]
    spots = {driver: _spot(table, driver) for driver in drivers}
    shown = [driver for driver, cells in spots.items() if all(cell.known for cell in cells)]
    lone = table.cell("keep_up", shown[0]) if len(shown) == 1 else None
    if not shown or (lone and lone.note == "one_driver"):
        first = next((c for pair in spots.values() for c in pair if not c.known), None)
        why = lone or first
        text = reason(why, look) if why else look.say("empty")
        return theme.empty(theme.start(ax, height=1.4), look, text)
    ax = theme.start(ax, height=5.4)
    points = [(spots[driver][0].value, spots[driver][1].value) for driver in shown]
    edges = [_ellipse(table, driver, spot) for driver, spot in zip(shown, points, strict=True)]
    if estimates.loc[estimates["metric"] == "importance", "unit"].eq("1").all():
        # No resample's share of R² lies below 0, whatever a normal distribution would say.
        edges = [np.column_stack([edge[:, 0], np.maximum(edge[:, 1], 0.0)]) for edge in edges]
    for driver, spot, edge in zip(shown, points, edges, strict=True):
        _driver(ax, table, driver, spot, edge)
    cut = [table.cell(f"{axis}_cut", None) for axis in ("performance", "importance")]
    _limits(ax, [np.array(points), *edges], cut)
    told = _crosshair(ax, look, cut)
    _axes(ax, look, estimates)
    left = [driver for driver in drivers if driver not in shown]
    notes = [look.say("ipa_note"), look.say("ipa_hollow"), *told]
    notes += [look.say("ipa_left_out", names=", ".join(map(look.name, left)))] if left else []
    theme.finish(ax, look, *notes)
    name_points(ax, points, [look.name(driver) for driver in shown])
    return ax


def _spot(table: Table, driver: Any) -> tuple[Cell, Cell]:
    return table.cell("performance", driver), table.cell("importance", driver)


def _ellipse(table: Table, driver: Any, spot: tuple[float, float]) -> Any:
    """The outline that holds 95 % of the resamples, were they normal; empty where not known."""
    names = ("performance_sd", "importance_sd", "correlation")
    wide, tall, joint = (table.cell(name, driver).value for name in names)
    if math.isnan(wide) or math.isnan(tall):
        return np.empty((0, 2))
    joint = 0.0 if math.isnan(joint) else joint
    across, up = np.cos(_TURN), np.sin(_TURN)
    turned = joint * across + math.sqrt(max(1 - joint**2, 0.0)) * up
    return np.array(spot) + _REACH * np.column_stack([wide * across, tall * turned])


def _driver(ax: Axes, table: Table, driver: Any, spot: tuple[float, float], edge: Any) -> None:
    """Draw one driver in the manner of its likeliest quadrant."""
    chances = {name: table.cell(name, driver) for name in _QUADRANTS}
    known = {name: cell.value for name, cell in chances.items() if cell.known}
    best = max(known, key=known.__getitem__) if known else ""
    style = _QUADRANTS.get(best, _NOWHERE)
    ax.fill(*edge.T, facecolor=style.colour, alpha=0.15, lw=0, zorder=2)
    ax.plot(*edge.T, color=style.colour, alpha=0.8, lw=0.9, zorder=2)
    face = style.colour if known.get(best, 0.0) >= _SURE else "white"
    how: Any = {"color": style.colour, "markerfacecolor": face, "mew": 1.6, "zorder": 5}
    ax.plot([spot[0]], [spot[1]], style.marker, ms=7, ls="", **how)


def _limits(ax: Axes, parts: list[Any], cut: list[Cell]) -> None:
    """Hold all ellipses and the crosshair, with room for the quadrants' names."""
    every = np.concatenate(parts)
    setters: tuple[Any, Any] = (ax.set_xlim, ax.set_ylim)
    for place, (cell, setter) in enumerate(zip(cut, setters, strict=True)):
        ends = [*every[:, place], *([cell.value] if cell.known else [])]
        low, high = min(ends), max(ends)
        room = 0.16 * (high - low or abs(high) or 1.0)
        setter(low - room, high + room)


def _crosshair(ax: Axes, look: Look, cut: list[Cell]) -> list[str]:
    """Draw the lines and name the quadrants in their corners; return what the note says of it."""
    if not all(cell.known for cell in cut):
        return []
    line: Any = {"color": theme.GREY, "lw": 1.1, "ls": (0, (5, 3)), "zorder": 1}
    ax.axvline(cut[0].value, **line)
    ax.axhline(cut[1].value, **line)
    for name, where in _QUADRANTS.items():
        ax.text(
            0.985 if where.right else 0.015,
            0.985 if where.top else 0.015,
            look.say(f"ipa_{name}"),
            transform=ax.transAxes,
            ha="right" if where.right else "left",
            va="top" if where.top else "bottom",
            color=where.colour,
            size=9,
            weight="bold",
            zorder=1,
        )
    return [look.say(cut[0].note)] if cut[0].note.startswith("crosshair_") else []


def _axes(ax: Axes, look: Look, estimates: pd.DataFrame) -> None:
    """Name the axes, and write their numbers in the table's units."""
    for name, axis in (("performance", ax.xaxis), ("importance", ax.yaxis)):
        units = estimates.loc[estimates["metric"] == name, "unit"].dropna()
        unit = str(units.iloc[0]) if len(units) else ""
        kind = {"1": "share", "sd": "beta", "points": "points"}.get(unit, "mean")
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(partial(_written, unit == "1", look.language)))
        text = look.say(f"ipa_{name}_{kind}")
        if axis is ax.xaxis:
            ax.set_xlabel(text, loc="right")
        else:
            ax.set_ylabel(text, loc="top")
    theme.grid(ax)
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(True)


def _written(rate: bool, language: str, value: float, _place: object = None) -> str:
    value = round(value, 9)
    return share(value, language) if rate else number(value)(language)
